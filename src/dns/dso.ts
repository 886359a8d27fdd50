/**
 * DNS Stateful Operations (RFC 8490 §5.4): messages with the usual header but no sections. TLVs (type,
 * length, data) follow the header; the first tells what the message is about.
 */
import { Opcode, type Rcode } from "./constants.ts";
import { FormatError } from "./format.ts";
import { HEADER_LENGTH } from "./message.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** Values of DSO-TYPE (RFC 8490 §10.3, RFC 8765 §8). */
export const DsoType = {
  KEEPALIVE: 1,
  RETRY_DELAY: 2,
  ENCRYPTION_PADDING: 3,
  SUBSCRIBE: 0x40,
  PUSH: 0x41,
  UNSUBSCRIBE: 0x42,
  RECONFIRM: 0x43,
} as const;

/** True for opcode 6. The message must have at least the 12 octets of a header. */
export function isStateful(bytes: Uint8Array): boolean {
  return ((bytes[2]! >> 3) & 0xf) === Opcode.DSO;
}

export interface Tlv {
  readonly type: number;
  /** Runs `read` on the data, which it must use up; pointers may lead out of it. */
  read<T>(read: (reader: Reader) => T): T;
}

/**
 * The TLVs after the header, of which a response may have none. Throws FormatError if the message has
 * sections, or something is cut off.
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

/** A request, or a unidirectional message, which is not answered. */
export class Stateful {
  readonly #primary: Tlv;
  /** True if the message is padded, and so the response must be (RFC 8490 §7.3). */
  readonly isPadded: boolean;

  /** Throws FormatError as `readTlvs` does, and if there is no TLV. */
  constructor(bytes: Uint8Array) {
    const [primary, ...more] = readTlvs(bytes);
    if (primary === undefined) throw new FormatError("a stateful message is empty");
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
  /** 0 for a unidirectional message. */
  readonly id?: number;
  readonly isResponse?: boolean;
  readonly rcode?: Rcode;
}

/** A message of what `write` writes with `writeTlv`; padded to a multiple of `block` octets. */
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

/** Messages are assembled here, one at a time. */
const writer = new Writer(512);

/** Milliseconds (RFC 8490 §7.1); the highest value means for ever. */
export interface SessionTimeouts {
  /** How long a session may have nothing in progress. */
  readonly inactivity: number;
  /** How long a session may pass without a message. */
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

/** See `writeRetryDelay`. */
export function readRetryDelay(reader: Reader): number {
  return reader.u32();
}

/** `delay`: milliseconds before what has failed, or the whole session, may be retried (§7.2). */
export function writeRetryDelay(writer: Writer, delay: number): void {
  writeTlv(writer, DsoType.RETRY_DELAY, () => writer.u32(delay));
}
