/**
 * The octets of a message being built, with the compression table of RFC 1035 §4.1.4. Names are compared
 * with regard to case (RFC 4343 §4.1 allows folding here, at the price of losing case). `mark` and
 * `rewind` undo what did not fit.
 */
import type { Name } from "./name.ts";

/** Octets that a writer keeps from one use to the next. */
const MAX_KEPT = 4096;

/** A pointer has 14 bits. */
const MAX_POINTER = 0x3fff;

export interface Mark {
  readonly length: number;
  readonly names: number;
}

export class Writer {
  #buffer: Buffer;
  length = 0;
  /** Undefined if names are never compressed. */
  readonly #offsets: Map<string, number> | undefined;
  /** Keys in the order they were entered, so that `rewind` can remove them again. */
  readonly #entered: string[] = [];

  constructor(capacity = 512, { isCompressing = true } = {}) {
    this.#buffer = Buffer.allocUnsafe(capacity);
    this.#offsets = isCompressing ? new Map() : undefined;
  }

  u8(value: number): void {
    this.#room(1);
    this.#buffer[this.length++] = value;
  }

  u16(value: number): void {
    this.#room(2);
    this.#buffer[this.length++] = value >>> 8;
    this.#buffer[this.length++] = value;
  }

  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value);
  }

  u48(value: number): void {
    this.u16(Math.floor(value / 0x100000000));
    this.u32(value % 0x100000000);
  }

  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Octets as text, one UTF-16 unit each. */
  text(octets: string): void {
    this.#room(octets.length);
    this.length += this.#buffer.write(octets, this.length, "latin1");
  }

  /** A <character-string> (RFC 1035 §3.3). */
  string(bytes: Uint8Array): void {
    this.u8(bytes.length);
    this.bytes(bytes);
  }

  /** Without `compress` every label is written, but later names may still point here. */
  name(name: Name, compress = true): void {
    const { wire } = name;
    if (this.#offsets === undefined) {
      this.text(wire);
      return;
    }
    const start = this.length;
    let at = 0;
    let pointer: number | undefined;
    for (; at < wire.length - 1; at += 1 + wire.charCodeAt(at)) {
      const suffix = at === 0 ? wire : wire.slice(at);
      const known = this.#offsets.get(suffix);
      if (known === undefined) {
        if (start + at > MAX_POINTER) continue;
        this.#offsets.set(suffix, start + at);
        this.#entered.push(suffix);
      } else if (compress) {
        pointer = known;
        break;
      }
    }
    this.#room(at + 2);
    this.#buffer.write(wire, start, at, "latin1");
    this.length += at;
    if (pointer === undefined) this.u8(0);
    else this.u16(0xc000 | pointer);
  }

  /** Writes a 16-bit length in front of what `write` writes. */
  withLength(write: () => void): void {
    const at = this.length;
    this.u16(0);
    write();
    this.setU16(at, this.length - at - 2);
  }

  /** Empties the writer for its next use; a buffer that has grown large is released. */
  clear(): void {
    this.rewind({ length: 0, names: 0 });
    if (this.#buffer.length > MAX_KEPT) this.#buffer = Buffer.allocUnsafe(MAX_KEPT);
  }

  setU16(at: number, value: number): void {
    this.#buffer.writeUInt16BE(value, at);
  }

  mark(): Mark {
    return { length: this.length, names: this.#entered.length };
  }

  rewind(mark: Mark): void {
    this.length = mark.length;
    while (this.#entered.length > mark.names) this.#offsets?.delete(this.#entered.pop()!);
  }

  /** What was written: a view, valid as long as nothing more is written. */
  done(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }

  /** A copy of what was written, to be kept. */
  copy(): Buffer {
    const octets = Buffer.allocUnsafe(this.length);
    this.#buffer.copy(octets, 0, 0, this.length);
    return octets;
  }

  #room(more: number): void {
    if (this.length + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.length + more));
    larger.set(this.#buffer.subarray(0, this.length));
    this.#buffer = larger;
  }
}
