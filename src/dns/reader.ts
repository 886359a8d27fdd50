/**
 * A cursor over the bytes of a message (RFC 1035 §4). Nothing is read past `end`, and a name is
 * read in bounded work: a pointer leads strictly backward (RFC 1035 §4.1.4 "a prior occurrence"),
 * so there is no loop, and no more than 127 of them are followed.
 */
import { FormatError } from "./format.ts";
import { Name } from "./name.ts";

/** A name of 255 octets has at most 127 labels, so no honest name needs more pointers. */
const MAX_POINTERS = 127;

export class Reader {
  readonly bytes: Uint8Array;
  offset: number;
  end: number;
  readonly #names = new Map<number, Name>();

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get left(): number {
    return this.end - this.offset;
  }

  u8(): number {
    return this.bytes[this.#take(1)]!;
  }

  u16(): number {
    const at = this.#take(2);
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16();
  }

  u48(): number {
    return this.u16() * 0x100000000 + this.u32();
  }

  /** A view of the next `length` octets, not a copy. */
  take(length: number): Uint8Array {
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** A <character-string> (RFC 1035 §3.3) without its length octet. */
  string(): Uint8Array {
    return this.take(this.u8());
  }

  /** Runs `read` on the next `length` octets alone; it must use all of them. */
  within<T>(length: number, read: () => T): T {
    if (length > this.left)
      throw new FormatError(`${length} octets announced, ${this.left} are left`);
    const outer = this.end;
    this.end = this.offset + length;
    try {
      const value = read();
      if (this.left > 0) throw new FormatError(`${this.left} octets too many in rdata`);
      return value;
    } finally {
      this.end = outer;
    }
  }

  /** A name, compressed or not. Labels are copies: a name outlives the datagram it came in. */
  name(): Name {
    const start = this.offset;
    const labels: Uint8Array[] = [];
    let tail: Name | undefined;
    let at = start;
    let end = this.end;
    let lowest = start;
    let after = -1;
    for (let pointers = 0; ; ) {
      if (at >= end) throw new FormatError("a name runs past the end");
      const length = this.bytes[at]!;
      if (length === 0) {
        at += 1;
        break;
      }
      if (length < 0x40) {
        if (at + 1 + length > end) throw new FormatError("a label runs past the end");
        labels.push(this.bytes.slice(at + 1, at + 1 + length));
        if (labels.length > 127) throw new FormatError("a name has more than 127 labels");
        at += 1 + length;
        continue;
      }
      if (length < 0xc0) throw new FormatError(`label type ${length >> 6} is unknown`);
      if (at + 2 > end) throw new FormatError("a compression pointer is cut off");
      const target = ((length & 0x3f) << 8) | this.bytes[at + 1]!;
      if (target >= lowest) throw new FormatError("a compression pointer does not lead backward");
      if (++pointers > MAX_POINTERS) throw new FormatError("too many compression pointers");
      if (after < 0) after = at + 2;
      tail = this.#names.get(target);
      if (tail !== undefined) break;
      lowest = at = target;
      end = this.bytes.length;
    }
    this.offset = after < 0 ? at : after;
    let name: Name;
    if (tail === undefined) name = Name.of(labels);
    else if (labels.length === 0) name = tail;
    else name = Name.of([...labels, ...tail.labels]);
    this.#names.set(start, name);
    if (lowest !== start && labels.length > 0 && tail === undefined && after === start + 2) {
      this.#names.set(lowest, name);
    }
    return name;
  }

  #take(length: number): number {
    const at = this.offset;
    if (at + length > this.end) {
      throw new FormatError(`${length} octets expected, ${this.end - at} are left`);
    }
    this.offset = at + length;
    return at;
  }
}
