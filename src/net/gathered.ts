/**
 * Octets that arrive in pieces, gathered until there are enough of them. A peer decides how small the
 * pieces are, and with what else they come: each is an object many times the size of an octet, and keeps
 * all that was read together with it. So they are copied into one buffer, each a few times at most.
 */
export class Gathered {
  #octets: Buffer = NONE;
  /** Octets behind those held that may be written to. */
  #room = 0;

  /** What is held: a view that stays as it is. */
  get octets(): Buffer {
    return this.#octets;
  }

  /** Holds these instead, which are not copied before more come. */
  set octets(octets: Buffer) {
    this.#octets = octets;
    this.#room = 0;
  }

  push(piece: Uint8Array): void {
    const held = this.#octets;
    const length = held.length + piece.length;
    let within = held;
    if (this.#room < piece.length) {
      within = Buffer.allocUnsafeSlow(Math.max(length, Math.min(2 * length, USUAL)));
      within.set(held);
      this.#room = within.length - held.length;
    }
    this.#octets = Buffer.from(within.buffer, within.byteOffset, length);
    this.#octets.set(piece, held.length);
    this.#room -= piece.length;
  }
}

const NONE = Buffer.alloc(0);
/** The longest message with its length in front: beyond that, no room is made in advance. */
const USUAL = 2 + 0xffff;
