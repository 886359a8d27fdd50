/**
 * DNS Stateful Operations (RFC 8490 §5.4): messages with the header of all others, no sections, and
 * behind the header types, lengths and data. The first is what the message is about.
 */
import { Opcode, type Rcode } from "./constants.ts";
import { FormatError } from "./format.ts";
import { HEADER_LENGTH } from "./message.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** Of DSO-TYPE (RFC 8490 §10.3, RFC 8765 §8). */
export const DsoType = {
  KEEPALIVE: 1,
  RETRY_DELAY: 2,
  ENCRYPTION_PADDING: 3,
  SUBSCRIBE: 0x40,
  PUSH: 0x41,
  UNSUBSCRIBE: 0x42,
  RECONFIRM: 0x43,
} as const;

/** A message of opcode 6, of the 12 octets of a header at least. */
export function isStateful(bytes: Uint8Array): boolean {
  return ((bytes[2]! >> 3) & 0xf) === Opcode.DSO;
}

export interface Tlv {
  readonly type: number;
  /** Runs `read` on its data, all of which it must use; pointers may lead out of it. */
  read<T>(read: (reader: Reader) => T): T;
}

/**
 * What stands behind the header: of a response that may be nothing. A FormatError where the message has
 * sections, or something cut off.
 */
export function readTlvs(bytes: Uint8Array): readonly Tlv[] {
  const reader = new Reader(bytes, COUNTS);
  for (let i = 0; i < 4; i++) {
    if (reader.u16() !== 0) throw new FormatError("a stateful message has a section");
  }
  const tlvs: Tlv[] = [];
  while (reader.left > 0) {
    const [type, length, from] = [reader.u16(), reader.u16(), reader.offset];
    tlvs.push({ type, read: (read) => new Reader(bytes, from).within(length, read, undefined) });
    reader.skip(length);
  }
  return tlvs;
}

/** A request, or a message that is not to be answered. */
export class Stateful {
  readonly #primary: Tlv;
  /** Whoever pads is padded to (RFC 8490 §7.3). */
  readonly isPadded: boolean;

  /** A FormatError as of `readTlvs`, and where the message says nothing. */
  constructor(bytes: Uint8Array) {
    const [primary, ...more] = readTlvs(bytes);
    if (primary === undefined) throw new FormatError("a stateful message says nothing");
    this.#primary = primary;
    this.isPadded = more.some(({ type }) => type === DsoType.ENCRYPTION_PADDING);
  }

  get type(): number {
    return this.#primary.type;
  }

  read<T>(read: (reader: Reader) => T): T {
    return this.#primary.read(read);
  }
}

const COUNTS = 4;

export interface StatefulHeader {
  /** 0 of what is not to be answered. */
  readonly id?: number;
  readonly isResponse?: boolean;
  readonly rcode?: Rcode;
}

/** A message of what `write` writes with `writeTlv`; padded to a whole number of `block` octets. */
export function encodeStateful(
  { id = 0, isResponse = false, rcode = 0 }: StatefulHeader,
  write: (writer: Writer) => void = () => {},
  block?: number,
): Buffer {
  writer.clear();
  writer.u16(id);
  writer.u16((isResponse ? 0x8000 : 0) | (Opcode.DSO << 11) | rcode);
  while (writer.length < HEADER_LENGTH) writer.u16(0);
  write(writer);
  if (block !== undefined) {
    writeTlv(writer, DsoType.ENCRYPTION_PADDING, () => {
      writer.bytes(new Uint8Array(block - 1 - ((writer.length - 1) % block)));
    });
  }
  return writer.copy();
}

export function writeTlv(writer: Writer, type: number, write: () => void): void {
  writer.u16(type);
  writer.withLength(write);
}

/** Where messages are put together, one at a time. */
const writer = new Writer(512);

/** Milliseconds (RFC 8490 §7.1); the largest is for ever. */
export interface SessionTimeouts {
  /** Without anything under way. */
  readonly inactivity: number;
  /** Without a message. */
  readonly keepalive: number;
}

export function readTimeouts(reader: Reader): SessionTimeouts {
  return { inactivity: reader.u32(), keepalive: reader.u32() };
}

export function writeTimeouts(writer: Writer, { inactivity, keepalive }: SessionTimeouts): void {
  writeTlv(writer, DsoType.KEEPALIVE, () => {
    writer.u32(inactivity);
    writer.u32(keepalive);
  });
}

/** As `writeRetryDelay`. */
export function readRetryDelay(reader: Reader): number {
  return reader.u32();
}

/** Milliseconds for which what has failed, or the whole session, is not to be tried again (§7.2). */
export function writeRetryDelay(writer: Writer, delay: number): void {
  writeTlv(writer, DsoType.RETRY_DELAY, () => writer.u32(delay));
}
