/** What is appended to the octets of a message when they are final: a TSIG record (RFC 8945 §5.3). */

/** In a stream, it closes one message after the other. */
export interface Seal {
  /** Octets to keep free for it. */
  readonly length: number;
  close(octets: Buffer): Buffer;
}

/** A failure to make a response: the response that reports it must be sealed as that one would have been. */
export class SealedError extends Error {
  override readonly name = "SealedError";
  readonly seal: Seal;

  constructor(cause: unknown, seal: Seal) {
    super("no response to a signed request", { cause });
    this.seal = seal;
  }
}
