/**
 * Messages in a stream of octets: each has a two-octet length prefix (RFC 1035 §4.2.2) and arrives in
 * arbitrary pieces (RFC 7766 §8).
 */
import { Gathered } from "./gathered.ts";

const LENGTH = 2;

/** Takes pieces and returns messages, one per call. */
export class Frames {
  readonly #held = new Gathered();

  /** Octets held. */
  get length(): number {
    return this.#held.octets.length;
  }

  push(piece: Buffer): void {
    // A piece that begins a message usually holds all of it.
    if (this.#held.octets.length === 0) this.#held.octets = piece;
    else this.#held.push(piece);
  }

  /** The next message; undefined until all of it has arrived. */
  next(): Buffer | undefined {
    const held = this.#held.octets;
    if (held.length < LENGTH) return undefined;
    const end = LENGTH + ((held[0]! << 8) | held[1]!);
    if (held.length < end) return undefined;
    // Nothing is kept of a buffer read to its end: even an empty view would hold its memory.
    this.#held.octets = held.length === end ? NONE : held.subarray(end);
    return held.subarray(LENGTH, end);
  }
}

const NONE = Buffer.alloc(0);

/** A message with its length prefix, in one piece so that it can go in one segment (RFC 7766 §8). */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(LENGTH + message.length);
  framed.writeUInt16BE(message.length);
  framed.set(message, LENGTH);
  return framed;
}
