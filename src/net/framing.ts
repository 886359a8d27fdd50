/**
 * Messages in a stream of octets: each has its length in front, in two octets (RFC 1035 §4.2.2), and
 * arrives in whatever pieces the network likes (RFC 7766 §8).
 */

const LENGTH = 2;

/** Takes pieces and gives messages, one when asked for one. */
export class Frames {
  #pieces: Uint8Array[] = [];
  #held = 0;
  /** Octets to have before it is worth looking: each piece is copied once, however small. */
  #needed = LENGTH;

  push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#held += piece.length;
  }

  /** The next message, undefined where it has not wholly arrived. */
  next(): Uint8Array | undefined {
    if (this.#held < this.#needed) return undefined;
    const held = this.#join();
    const end = LENGTH + ((held[0]! << 8) | held[1]!);
    if (held.length < end) {
      this.#needed = end;
      return undefined;
    }
    // Of what is read to its end nothing is kept: an empty view would keep all that it is of.
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

/** A message with its length in front, in one piece for one segment (RFC 7766 §8). */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(LENGTH + message.length);
  framed.writeUInt16BE(message.length);
  framed.set(message, LENGTH);
  return framed;
}
