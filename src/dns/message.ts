/**
 * Messages, wire form both ways (RFC 1035 §4, EDNS(0) of RFC 6891). Decoding is strict for unicast
 * and lenient for multicast, where one bad rdata must not cost the rest (RFC 6762 §6.1). Encoding
 * never passes `limit`: what must be there and does not fit sets TC, what is merely helpful is left
 * out (RFC 2181 §9).
 */
import { Class, Opcode, Rcode, Type, typeName } from "./constants.ts";
import { type Edns, ednsLength, extendedRcode, readEdns, writeEdns } from "./edns.ts";
import { type Compression, isKnownShape } from "./fields.ts";
import { FormatError } from "./format.ts";
import type { Name } from "./name.ts";
import { type Rdata, rdata, readRdata, writeRdata } from "./rdata.ts";
import { Reader } from "./reader.ts";
import { type ResourceRecord, setsOf } from "./record.ts";
import type { Seal } from "./seal.ts";
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
  /** Of a message to be sent: what goes behind its octets when they are final. */
  readonly seal?: Seal | undefined;
}

/** Most sections of most messages: one for all of them. */
const NONE: readonly never[] = [];

/** A message with everything not named off, empty or zero. */
export function makeMessage(fields: Partial<Message>): Message {
  // A literal: spreading an object of this size takes longer than decoding a query.
  return {
    id: fields.id ?? 0,
    isResponse: fields.isResponse ?? false,
    opcode: fields.opcode ?? Opcode.QUERY,
    isAuthoritative: fields.isAuthoritative ?? false,
    isTruncated: fields.isTruncated ?? false,
    recursionDesired: fields.recursionDesired ?? false,
    recursionAvailable: fields.recursionAvailable ?? false,
    authenticData: fields.authenticData ?? false,
    checkingDisabled: fields.checkingDisabled ?? false,
    rcode: fields.rcode ?? Rcode.NOERROR,
    questions: fields.questions ?? NONE,
    answers: fields.answers ?? NONE,
    authorities: fields.authorities ?? NONE,
    additionals: fields.additionals ?? NONE,
    edns: fields.edns,
    seal: fields.seal,
  };
}

/** The response to `query`: id, opcode, RD and question copied (RFC 1035 §4.1.1), the rest as given. */
export function makeResponse(query: Message, fields: Partial<Message>): Message {
  const { id, opcode, recursionDesired, questions } = query;
  return makeMessage({ id, opcode, recursionDesired, questions, isResponse: true, ...fields });
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

/** A message that is not well-formed is a FormatError, whatever its octets. */
export function decode(bytes: Uint8Array, { isLenient = false }: DecodeOptions = {}): Message {
  const header = decodeHeader(bytes);
  const reader = new Reader(bytes, 4);
  const questionCount = reader.u16();
  const answerCount = reader.u16();
  const authorityCount = reader.u16();
  const additionalCount = reader.u16();
  const questions: Question[] = [];
  for (let i = 0; i < questionCount; i++) {
    questions.push({ name: reader.name(), type: reader.u16(), class: reader.u16() });
  }
  const opts: Opt[] = [];
  const answers = readRecords(reader, answerCount, opts, isLenient);
  const authorities = readRecords(reader, authorityCount, opts, isLenient);
  const isMisplaced = opts.length > 0;
  const additionals = readRecords(reader, additionalCount, opts, isLenient);
  const opt = opts[0];
  if (!isLenient) {
    if (isMisplaced || opts.length > 1 || opt?.record.name.isRoot === false) {
      throw new FormatError("one OPT record of the root is allowed, in the additional section");
    }
    if (reader.left > 0) throw new FormatError(`${reader.left} octets after the end`);
  }
  // A literal: spreading an object of this size takes longer than all of the above.
  return {
    id: header.id,
    isResponse: header.isResponse,
    opcode: header.opcode,
    isAuthoritative: header.isAuthoritative,
    isTruncated: header.isTruncated,
    recursionDesired: header.recursionDesired,
    recursionAvailable: header.recursionAvailable,
    authenticData: header.authenticData,
    checkingDisabled: header.checkingDisabled,
    rcode: header.rcode | (opt === undefined ? 0 : extendedRcode(opt.record)),
    questions,
    answers,
    authorities,
    additionals,
    edns: opt?.edns,
    seal: undefined,
  };
}

interface Opt {
  readonly record: ResourceRecord;
  readonly edns: Edns;
}

/** Reads `count` records; those of type OPT are put with `opts`. */
function readRecords(
  reader: Reader,
  count: number,
  opts: Opt[],
  isLenient: boolean,
): readonly ResourceRecord[] {
  if (count === 0) return NONE;
  const records: ResourceRecord[] = [];
  let malformed = 0;
  for (let i = 0; i < count; i++) {
    const name = reader.name();
    const type = reader.u16();
    const klass = reader.u16();
    const ttl = reader.u32();
    const length = reader.u16();
    if (length > reader.left) throw new FormatError("rdata runs past the end");
    const end = reader.offset + length;
    try {
      const rdata = checkEmpty(readRdata(reader, type, length), klass);
      const record = { name, type, class: klass, ttl, rdata };
      if (type === Type.OPT) opts.push({ record, edns: readEdns(record) });
      else records.push(ttl > MAX_TTL && isDataClass(klass) ? { ...record, ttl: 0 } : record);
    } catch (error) {
      if (!(isLenient && error instanceof FormatError) || ++malformed > MAX_MALFORMED) throw error;
    }
    reader.offset = end;
  }
  return records;
}

/** A section with more malformed records is not damaged but hostile, and each costs an exception. */
const MAX_MALFORMED = 32;
/** RFC 2181 §8: 31 bits, and what has the top one set reads as 0. */
const MAX_TTL = 0x7fffffff;

/** An UPDATE removes with a TTL of 0, and with no other (RFC 2136 §2.5). */
const isDataClass = (klass: number) => klass !== Class.ANY && klass !== Class.NONE;

/**
 * RDLENGTH 0 is data for NULL, OPT and types not known, and in UPDATE a question or a deletion. An
 * empty TXT, which should not be, is one empty string (RFC 6763 §6.1).
 */
function checkEmpty(data: Rdata, klass: number): Rdata {
  const { type } = data;
  if (!data.isEmpty || !isKnownShape(type) || klass === Class.ANY || klass === Class.NONE) {
    return data;
  }
  if (type !== Type.TXT) throw new FormatError(`${typeName(type)} data is empty`);
  return rdata.txt();
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
  /** Pad to a whole number of so many octets, the reserve among them (RFC 7830). */
  readonly block?: number | undefined;
}

/**
 * The octets of a message, never more than `limit`. A question or a record set of the answer or
 * authority section that does not fit sets TC and ends the message; of the answer's set, as many
 * whole records as fit are kept. Sets of the additional section that do not fit are left out in
 * silence, but for a referral's glue, which sets TC (RFC 9471 §3).
 */
export function encode(message: Message, options: EncodeOptions = {}): Buffer {
  const { limit = 0xffff, compression = "unicast", first = 0, reserve = 0, block } = options;
  const { questions, answers, authorities, additionals, edns } = message;
  const writer = new Writer(Math.min(limit, USUAL));
  const padding = block === undefined ? undefined : { block, limit: limit - reserve, reserve };
  const room = limit - reserve - (edns === undefined ? 0 : ednsLength(edns, padding));
  /** Rewound when it does not fit. */
  const writeRecord = (record: ResourceRecord): boolean => {
    const mark = writer.mark();
    writer.name(record.name, compression !== "none");
    writer.u16(record.type);
    writer.u16(record.class);
    writer.u32(record.ttl);
    const at = writer.length;
    writer.u16(0);
    writeRdata(writer, record.rdata, compression);
    writer.setU16(at, writer.length - at - 2);
    if (writer.length <= room) return true;
    writer.rewind(mark);
    return false;
  };
  /** All of it or, rewound, nothing. */
  const writeSet = (set: readonly ResourceRecord[]): boolean => {
    const mark = writer.mark();
    if (set.every(writeRecord)) return true;
    writer.rewind(mark);
    return false;
  };
  /** As many as fit, from `first` on and round; one that cannot fit at all does not stand in the way. */
  const writePart = (set: readonly ResourceRecord[]): number => {
    let written = 0;
    for (let i = 0; i < set.length && (written > 0 || i < MAX_MISSED); i++) {
      if (writeRecord(set[(first + i) % set.length]!)) written++;
      else if (written > 0) break;
    }
    return written;
  };

  for (let i = 0; i < HEADER_LENGTH; i += 2) writer.u16(0);
  const counts = { questions: 0, answers: 0, authorities: 0, additionals: 0 };
  let isCut = false;
  for (const question of questions) {
    const mark = writer.mark();
    writer.name(question.name);
    writer.u16(question.type);
    writer.u16(question.class);
    isCut = writer.length > room;
    if (isCut) {
      writer.rewind(mark);
      break;
    }
    counts.questions++;
  }
  for (const set of setsOf(isCut ? [] : answers)) {
    isCut = !writeSet(set);
    counts.answers += isCut ? writePart(set) : set.length;
    if (isCut) break;
  }
  for (const set of setsOf(isCut ? [] : authorities)) {
    isCut = !writeSet(set);
    if (isCut) break;
    counts.authorities += set.length;
  }
  let missed = 0;
  for (const set of setsOf(isCut ? [] : additionals)) {
    if (writeSet(set)) counts.additionals += set.length;
    // A smaller set may still fit, but a long tail is not worth trying one by one.
    else if (++missed >= MAX_MISSED) break;
  }
  isCut ||= missed > 0 && isReferral(message);
  if (edns !== undefined) writeEdns(writer, edns, message.rcode, padding);

  writer.setU16(0, message.id);
  writer.setU16(2, flagsOf(message, message.isTruncated || isCut));
  writer.setU16(4, counts.questions);
  writer.setU16(6, counts.answers);
  writer.setU16(8, counts.authorities);
  writer.setU16(10, counts.additionals + (edns === undefined ? 0 : 1));
  return writer.done();
}

/** Octets that most messages have room in; more is had when it is needed. */
const USUAL = 512;

/** Tries to fit what did not, before the rest is given up. */
const MAX_MISSED = 8;

function flagsOf(message: Message, isTruncated: boolean): number {
  // A code above 15 cannot be said without EDNS; its lower bits alone would say something else.
  const rcode = message.rcode > 15 && message.edns === undefined ? Rcode.SERVFAIL : message.rcode;
  return (
    (message.isResponse ? 0x8000 : 0) |
    (message.opcode << 11) |
    (message.isAuthoritative ? 0x0400 : 0) |
    (isTruncated ? 0x0200 : 0) |
    (message.recursionDesired ? 0x0100 : 0) |
    (message.recursionAvailable ? 0x0080 : 0) |
    (message.authenticData ? 0x0020 : 0) |
    (message.checkingDisabled ? 0x0010 : 0) |
    (rcode & 0xf)
  );
}

/** No answer, but servers to ask instead (RFC 1034 §4.2.1). */
function isReferral({ isResponse, isAuthoritative, answers, authorities }: Message): boolean {
  const isDelegation = authorities.some(({ type }) => type === Type.NS);
  return isResponse && !isAuthoritative && answers.length === 0 && isDelegation;
}
