/**
 * A cursor over the bytes of a message (RFC 1035 §4). Nothing is read past `end`, and a name is
 * read in bounded work: a pointer leads strictly backward (RFC 1035 §4.1.4 "a prior occurrence"),
 * so there is no loop; no more labels are read than a name can have; and the name at the end of a
 * pointer is remembered for the next pointer.
 */
import { FormatError } from "./format.ts";
import { Name } from "./name.ts";

/** A name of 255 octets has at most 127 labels, so no honest name needs more pointers. */
const MAX_POINTERS = 127;
const MAX_NAME = 255;
const NONE = new Uint8Array();

export class Reader {
  readonly bytes: Buffer;
  offset: number;
  end: number;
  /** Names by place, for pointers to them; undefined before the first pointer. */
  #targets: Map<number, Name> | undefined;
  /** Where the name read last ends. */
  #after = 0;

  constructor(bytes: Uint8Array, offset = 0) {
    this.bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.offset = offset;
    this.end = bytes.length;
  }

  get left(): number {
    return this.end - this.offset;
  }

  u8(): number {
    return this.bytes[this.#advance(1)]!;
  }

  u16(): number {
    const at = this.#advance(2);
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16();
  }

  u48(): number {
    return this.u16() * 0x100000000 + this.u32();
  }

  /** A copy of the next `length` octets: what is read outlives the datagram it came in. */
  take(length: number): Uint8Array {
    if (length === 0) return NONE;
    const at = this.#advance(length);
    const octets = new Uint8Array(length);
    for (let i = 0; i < length; i++) octets[i] = this.bytes[at + i]!;
    return octets;
  }

  /** All that is left, as a view that is not to be kept. */
  rest(): Uint8Array {
    const at = this.#advance(this.left);
    return this.bytes.subarray(at, this.offset);
  }

  /** The octets from one place to another as text, one UTF-16 unit each. */
  text(from: number, to: number): string {
    return this.bytes.toString("latin1", from, to);
  }

  skip(length: number): void {
    this.#advance(length);
  }

  /** A <character-string> (RFC 1035 §3.3) without its length octet. */
  string(): Uint8Array {
    return this.take(this.u8());
  }

  /** Runs `read` on the next `length` octets alone; it must use all of them. */
  within<T, Of>(length: number, read: (reader: Reader, of: Of) => T, of: Of): T {
    if (length > this.left)
      throw new FormatError(`${length} octets announced, ${this.left} are left`);
    const outer = this.end;
    this.end = this.offset + length;
    try {
      const value = read(this, of);
      if (this.left > 0) throw new FormatError(`${this.left} octets too many in rdata`);
      return value;
    } finally {
      this.end = outer;
    }
  }

  /** A name, compressed or not. */
  name(): Name {
    const start = this.offset;
    const name = this.#nameAt(start, this.end, MAX_NAME, MAX_POINTERS);
    this.#targets?.set(start, name);
    this.offset = this.#after;
    return name;
  }

  /** Skips a name, whatever its pointer leads to. */
  skipName(): void {
    for (let length = this.u8(); length > 0; length = this.u8()) {
      if (length >= 0xc0) {
        this.skip(1);
        return;
      }
      this.skip(length);
    }
  }

  /** The name at `start`, of at most `room` octets and with at most `pointers` pointers. */
  #nameAt(start: number, end: number, room: number, pointers: number): Name {
    let at = start;
    let length = 0;
    for (; ; at += 1 + length) {
      if (at >= end) throw new FormatError("a name runs past the end");
      if (at - start >= room) throw new FormatError("a name has more than 255 octets");
      length = this.bytes[at]!;
      if (length === 0) {
        this.#after = at + 1;
        return Name.ofWire(this.text(start, at + 1));
      }
      if (length >= 0x40) break;
    }
    if (length < 0xc0) throw new FormatError(`label type ${length >> 6} is unknown`);
    if (at + 2 > end) throw new FormatError("a compression pointer is cut off");
    if (pointers === 0) throw new FormatError("too many compression pointers");
    const target = ((length & 0x3f) << 8) | this.bytes[at + 1]!;
    if (target >= start) throw new FormatError("a compression pointer does not lead backward");
    const tail = this.#targetAt(target, room - (at - start), pointers - 1);
    this.#after = at + 2;
    return at === start ? tail : Name.ofWire(this.text(start, at) + tail.wire);
  }

  #targetAt(target: number, room: number, pointers: number): Name {
    this.#targets ??= new Map();
    let name = this.#targets.get(target);
    if (name === undefined) {
      name = this.#nameAt(target, this.bytes.length, room, pointers);
      this.#targets.set(target, name);
    }
    return name;
  }

  /** Skips `length` octets; returns where they start. */
  #advance(length: number): number {
    const at = this.offset;
    if (at + length > this.end) {
      throw new FormatError(`${length} octets expected, ${this.end - at} are left`);
    }
    this.offset = at + length;
    return at;
  }
}
