/**
 * FormatError: bytes or text that are not what DNS says they must be. It is the only exception the
 * `dns` folder throws. It is caught where octets come in (the Link, the Handler's edge, those who
 * ask) and where people's text is read (configuration, zone files, keys, journals), and nowhere
 * between.
 */
export class FormatError extends Error {
  override readonly name = "FormatError";
}
