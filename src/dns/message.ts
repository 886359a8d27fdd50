/**
 * Messages, and how they are decoded (RFC 1035 §4, EDNS(0) of RFC 6891): strictly in unicast, leniently in
 * multicast, where one bad rdata must not invalidate the rest (RFC 6762 §6.1). `encode.ts` encodes them.
 */
import { Class, Opcode, Rcode, Type, typeName } from "./constants.ts";
import { type Edns, extendedRcode, readEdns } from "./edns.ts";
import { isKnownShape } from "./fields.ts";
import { FormatError } from "./format.ts";
import type { Name } from "./name.ts";
import { type Rdata, rdata, readRdata } from "./rdata.ts";
import { Reader } from "./reader.ts";
import type { ResourceRecord } from "./record.ts";
import type { Seal } from "./seal.ts";

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
  /** For a message to be sent: what is appended to its octets when they are final. */
  readonly seal?: Seal | undefined;
}

/** Most sections of most messages are empty, and share this. */
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

/** Decodes the first 12 octets; throws FormatError if there are fewer. */
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
  /** Leave out records whose rdata is malformed, and accept octets after the end and any OPTs. */
  readonly isLenient?: boolean;
}

/** Throws FormatError for any message that is not well-formed, whatever its octets. */
export function decode(bytes: Uint8Array, { isLenient = false }: DecodeOptions = {}): Message {
  const header = decodeHeader(bytes);
  const reader = new Reader(bytes, 4);
  const questionCount = reader.u16();
  const answerCount = reader.u16();
  const authorityCount = reader.u16();
  const additionalCount = reader.u16();
  // Nearly all have one: an array that is pushed to gets room for seventeen.
  const questions: Question[] = questionCount === 0 ? [] : [readQuestion(reader)];
  while (questions.length < questionCount) questions.push(readQuestion(reader));
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

function readQuestion(reader: Reader): Question {
  return { name: reader.name(), type: reader.u16(), class: reader.u16() };
}

interface Opt {
  readonly record: ResourceRecord;
  readonly edns: Edns;
}

/** Reads `count` records; those of type OPT go to `opts` instead. */
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
/** RFC 2181 §8: 31 bits; a TTL with the top bit set counts as 0. */
const MAX_TTL = 0x7fffffff;

/** False for removals in an UPDATE: their TTL must be 0, as is checked later (RFC 2136 §2.5). */
const isDataClass = (klass: number) => klass !== Class.ANY && klass !== Class.NONE;

/**
 * RDLENGTH 0 is data for NULL, OPT and unknown types, and in UPDATE means a prerequisite or a removal. An
 * empty TXT, which should not occur, counts as one empty string (RFC 6763 §6.1).
 */
export function checkEmpty(data: Rdata, klass: number): Rdata {
  const { type } = data;
  if (!data.isEmpty || !isKnownShape(type) || klass === Class.ANY || klass === Class.NONE) {
    return data;
  }
  if (type !== Type.TXT) throw new FormatError(`${typeName(type)} data is empty`);
  return rdata.txt();
}
