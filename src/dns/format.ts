/**
 * FormatError: bytes or text that are not in the form DNS requires. It is the only exception that the
 * `dns` folder throws. It is caught where octets come in (the Link, the Handler's edge, clients) and
 * where files are read (configuration, zone files, keys, journals), and nowhere in between.
 */
export class FormatError extends Error {
  override readonly name = "FormatError";
}
