/**
 * Messages in a stream of octets: each has a two-octet length prefix (RFC 1035 §4.2.2) and arrives in
 * arbitrary pieces (RFC 7766 §8).
 */

const LENGTH = 2;

/** Takes pieces and returns messages, one per call. */
export class Frames {
  #pieces: Uint8Array[] = [];
  #held = 0;
  /** Octets needed before the pieces are joined, so that each is copied once, however small. */
  #needed = LENGTH;

  push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#held += piece.length;
  }

  /** The next message; undefined until all of it has arrived. */
  next(): Uint8Array | undefined {
    if (this.#held < this.#needed) return undefined;
    const held = this.#join();
    const end = LENGTH + ((held[0]! << 8) | held[1]!);
    if (held.length < end) {
      this.#needed = end;
      return undefined;
    }
    // Nothing is kept of a buffer read to its end: even an empty view would hold its memory.
    this.#pieces = held.length === end ? [] : [held.subarray(end)];
    this.#held -= end;
    this.#needed = LENGTH;
    return held.subarray(LENGTH, end);
  }

  #join(): Uint8Array {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0]!;
  }
}

/** A message with its length prefix, in one piece so that it can go in one segment (RFC 7766 §8). */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(LENGTH + message.length);
  framed.writeUInt16BE(message.length);
  framed.set(message, LENGTH);
  return framed;
}
