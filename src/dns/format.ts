/**
 * FormatError: bytes or text that are not what DNS says they must be. It is the only exception the
 * `dns` folder throws, and it is caught in two places: at the Link and at the Handler's edge.
 */
export class FormatError extends Error {
  override readonly name = "FormatError";
}
