/**
 * Messages, wire form both ways (RFC 1035 §4, EDNS(0) of RFC 6891). Decoding is strict for unicast
 * and lenient for multicast, where one bad rdata must not cost the rest (RFC 6762 §6.1). Encoding
 * never passes `limit`: what must be there and does not fit sets TC, what is merely helpful is left
 * out (RFC 2181 §9).
 */
import { Class, Opcode, Rcode, Type } from "./constants.ts";
import { type Edns, ednsLength, readEdns, writeEdns } from "./edns.ts";
import { type Compression, isKnownShape } from "./fields.ts";
import { FormatError } from "./format.ts";
import type { Name } from "./name.ts";
import { readRdata, writeRdata } from "./rdata.ts";
import { Reader } from "./reader.ts";
import type { ResourceRecord } from "./record.ts";
import { Writer } from "./writer.ts";

export interface Question {
  readonly name: Name;
  readonly type: number;
  /** All 16 bits: in multicast the top one is the QU bit (RFC 6762 §5.4). */
  readonly class: number;
}

export interface Header {
  readonly id: number;
  /** QR. */
  readonly isResponse: boolean;
  readonly opcode: number;
  /** AA. */
  readonly isAuthoritative: boolean;
  /** TC. */
  readonly isTruncated: boolean;
  /** RD. */
  readonly recursionDesired: boolean;
  /** RA. */
  readonly recursionAvailable: boolean;
  /** AD. */
  readonly authenticData: boolean;
  /** CD. */
  readonly checkingDisabled: boolean;
  /** 12 bits: the header's four and, with EDNS, the OPT record's eight above them. */
  readonly rcode: Rcode;
}

export interface Message extends Header {
  readonly questions: readonly Question[];
  /** Prerequisites, in an UPDATE. */
  readonly answers: readonly ResourceRecord[];
  /** Updates, in an UPDATE. */
  readonly authorities: readonly ResourceRecord[];
  /** Without the OPT record, which is `edns`. */
  readonly additionals: readonly ResourceRecord[];
  readonly edns?: Edns | undefined;
}

const blank: Message = {
  id: 0,
  isResponse: false,
  opcode: Opcode.QUERY,
  isAuthoritative: false,
  isTruncated: false,
  recursionDesired: false,
  recursionAvailable: false,
  authenticData: false,
  checkingDisabled: false,
  rcode: Rcode.NOERROR,
  questions: [],
  answers: [],
  authorities: [],
  additionals: [],
};

/** A message with everything not named off, empty or zero. */
export function makeMessage(fields: Partial<Message>): Message {
  return { ...blank, ...fields };
}

/** The response to `query`: id, opcode, RD and question copied (RFC 1035 §4.1.1), the rest as given. */
export function makeResponse(query: Message, fields: Partial<Message>): Message {
  return {
    ...blank,
    id: query.id,
    opcode: query.opcode,
    recursionDesired: query.recursionDesired,
    questions: query.questions,
    isResponse: true,
    ...fields,
  };
}

export const HEADER_LENGTH = 12;

/** The first 12 octets; with fewer, a FormatError. */
export function decodeHeader(bytes: Uint8Array): Header {
  const reader = new Reader(bytes);
  const id = reader.u16();
  const flags = reader.u16();
  if (bytes.length < HEADER_LENGTH) throw new FormatError("a header is cut off");
  return {
    id,
    isResponse: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 0xf,
    isAuthoritative: (flags & 0x0400) !== 0,
    isTruncated: (flags & 0x0200) !== 0,
    recursionDesired: (flags & 0x0100) !== 0,
    recursionAvailable: (flags & 0x0080) !== 0,
    authenticData: (flags & 0x0020) !== 0,
    checkingDisabled: (flags & 0x0010) !== 0,
    rcode: flags & 0xf,
  };
}

export interface DecodeOptions {
  /** Leave out records whose rdata is malformed, and take no offence at octets after the end. */
  readonly isLenient?: boolean;
}

export function decode(bytes: Uint8Array, { isLenient = false }: DecodeOptions = {}): Message {
  const header = decodeHeader(bytes);
  const reader = new Reader(bytes, 4);
  const counts = [reader.u16(), reader.u16(), reader.u16(), reader.u16()] as const;
  const questions: Question[] = [];
  for (let i = 0; i < counts[0]; i++) {
    questions.push({ name: reader.name(), type: reader.u16(), class: reader.u16() });
  }
  let edns: Edns | undefined;
  let extendedRcode = 0;
  const section = (count: number, isLast: boolean): ResourceRecord[] => {
    const records: ResourceRecord[] = [];
    for (let i = 0; i < count; i++) {
      const name = reader.name();
      const type = reader.u16();
      const klass = reader.u16();
      const ttl = reader.u32();
      const length = reader.u16();
      if (length > reader.left) throw new FormatError("rdata runs past the end");
      const end = reader.offset + length;
      if (type === Type.OPT) {
        if (!isLenient && (edns !== undefined || !isLast || !name.isRoot)) {
          throw new FormatError("one OPT record of the root is allowed, in the additional section");
        }
        try {
          edns = readEdns(reader, klass, ttl, length);
          extendedRcode = ttl >>> 24;
        } catch (error) {
          if (!isLenient || !(error instanceof FormatError)) throw error;
        }
      } else {
        try {
          const rdata = readRdata(reader, type, length);
          if (length === 0) checkEmpty(type, klass);
          records.push({ name, type, class: klass, ttl, rdata });
        } catch (error) {
          if (!isLenient || !(error instanceof FormatError)) throw error;
        }
      }
      reader.offset = end;
    }
    return records;
  };
  const answers = section(counts[1], false);
  const authorities = section(counts[2], false);
  const additionals = section(counts[3], true);
  if (!isLenient && reader.left > 0) throw new FormatError(`${reader.left} octets after the end`);
  return {
    ...header,
    rcode: (extendedRcode << 4) | header.rcode,
    questions,
    answers,
    authorities,
    additionals,
    edns,
  };
}

/** RDLENGTH 0 is data for NULL and for types not known, a question or a deletion in UPDATE, and a
 *  common mistake in TXT (RFC 6763 §6.1 says how to read it). */
function checkEmpty(type: number, klass: number): void {
  const isData = type === Type.TXT || !isKnownShape(type);
  if (!isData && klass !== Class.ANY && klass !== Class.NONE)
    throw new FormatError("rdata is empty");
}

export interface EncodeOptions {
  /** Octets, 65,535 by default. */
  readonly limit?: number;
  /** Which names in rdata may be compressed: "unicast" by default. */
  readonly compression?: Compression;
  /**
   * Where a record set that does not fit starts: at its record `first` modulo its size, so that a
   * client without TCP sees all of them over a few tries.
   */
  readonly first?: number;
  /** Octets to keep free at the end, for a TSIG record. */
  readonly reserve?: number;
}

/**
 * The octets of a message. A record set of the answer or authority section that does not fit sets
 * TC; of the answer's, as many whole records as fit are kept. Sets of the additional section that do
 * not fit are left out in silence, but for a referral's glue, which sets TC (RFC 9471 §3).
 */
export function encode(message: Message, options: EncodeOptions = {}): Buffer {
  const { limit = 0xffff, compression = "unicast", first = 0, reserve = 0 } = options;
  const writer = new Writer(Math.min(limit, 1232));
  const room = limit - reserve - (message.edns === undefined ? 0 : ednsLength(message.edns));
  writer.u16(message.id);
  writer.u16(0);
  for (let i = 0; i < 4; i++) writer.u16(0);
  for (const question of message.questions) {
    writer.name(question.name);
    writer.u16(question.type);
    writer.u16(question.class);
  }
  let isTruncated = message.isTruncated;
  const counts = { answers: 0, authorities: 0, additionals: 0 };

  const write = (record: ResourceRecord): boolean => {
    const mark = writer.mark();
    writer.name(record.name, compression !== "none");
    writer.u16(record.type);
    writer.u16(record.class);
    writer.u32(record.ttl);
    writer.withLength(() => writeRdata(writer, record.rdata, compression));
    if (writer.length <= room) return true;
    writer.rewind(mark);
    return false;
  };
  /** How many of these fit, all of them or, taken back, none. */
  const writeWhole = (set: readonly ResourceRecord[]): number => {
    const mark = writer.mark();
    if (set.every(write)) return set.length;
    writer.rewind(mark);
    return 0;
  };
  const writePart = (set: readonly ResourceRecord[]): number => {
    let written = 0;
    for (; written < set.length; written++) {
      if (!write(set[(first + written) % set.length]!)) break;
    }
    return written;
  };

  for (const set of setsOf(message.answers)) {
    const written = writeWhole(set);
    counts.answers += written;
    if (written < set.length) {
      counts.answers += writePart(set);
      isTruncated = true;
      break;
    }
  }
  if (!isTruncated) {
    for (const set of setsOf(message.authorities)) {
      const written = writeWhole(set);
      counts.authorities += written;
      if (written < set.length) {
        isTruncated = true;
        break;
      }
    }
  }
  if (!isTruncated) {
    const isReferral = message.answers.length === 0 && !message.isAuthoritative;
    let missed = 0;
    for (const set of setsOf(message.additionals)) {
      const written = writeWhole(set);
      counts.additionals += written;
      if (written === set.length) continue;
      if (isReferral) isTruncated = true;
      // A smaller set may still fit, but a long tail is not worth trying one by one.
      if (++missed >= MAX_MISSED) break;
    }
  }
  if (message.edns !== undefined) writeEdns(writer, message.edns, message.rcode);

  writer.setU16(
    2,
    (message.isResponse ? 0x8000 : 0) |
      (message.opcode << 11) |
      (message.isAuthoritative ? 0x0400 : 0) |
      (isTruncated ? 0x0200 : 0) |
      (message.recursionDesired ? 0x0100 : 0) |
      (message.recursionAvailable ? 0x0080 : 0) |
      (message.authenticData ? 0x0020 : 0) |
      (message.checkingDisabled ? 0x0010 : 0) |
      (message.rcode & 0xf),
  );
  writer.setU16(4, message.questions.length);
  writer.setU16(6, counts.answers);
  writer.setU16(8, counts.authorities);
  writer.setU16(10, counts.additionals + (message.edns === undefined ? 0 : 1));
  return writer.done();
}

const MAX_MISSED = 8;

/** Runs of records of one name and type. */
function* setsOf(records: readonly ResourceRecord[]): Generator<readonly ResourceRecord[]> {
  for (let from = 0; from < records.length; ) {
    const { name, type } = records[from]!;
    let to = from + 1;
    while (to < records.length && records[to]!.type === type && records[to]!.name.equals(name))
      to++;
    yield records.slice(from, to);
    from = to;
  }
}
