/**
 * Encodes messages (RFC 1035 §4, EDNS(0) of RFC 6891). If something required does not fit, TC is set;
 * what is merely helpful is left out (RFC 2181 §9).
 */
import { Rcode, Type } from "./constants.ts";
import { ednsLength, writeEdns } from "./edns.ts";
import type { Compression } from "./fields.ts";
import { HEADER_LENGTH, type Message } from "./message.ts";
import { writeRdata } from "./rdata.ts";
import { type ResourceRecord, setsOf } from "./record.ts";
import { Writer } from "./writer.ts";

export interface EncodeOptions {
  /** Octets, 65,535 by default. */
  readonly limit?: number;
  /** Which names in rdata may be compressed: "unicast" by default. */
  readonly compression?: Compression;
  /**
   * A record set that does not fit starts at its record `first` modulo its size, so that a client
   * without TCP sees all of its records over a few tries.
   */
  readonly first?: number;
  /** Octets to keep free at the end, for a TSIG record. */
  readonly reserve?: number;
  /** Pad to a multiple of so many octets, including the reserve (RFC 7830). */
  readonly block?: number | undefined;
}

/**
 * The octets of a message, never more than `limit`. A question or a record set of the answer or
 * authority section that does not fit sets TC and ends the message; of a set in the answer section, as
 * many whole records as fit are kept. Sets of the additional section that do not fit are silently left
 * out, except for a referral's glue, which sets TC (RFC 9471 §3).
 */
export function encode(message: Message, options: EncodeOptions = {}): Buffer {
  const { limit = 0xffff, compression = "unicast", first = 0, reserve = 0, block } = options;
  const { questions, answers, authorities, additionals, edns } = message;
  writer.clear();
  const padding = block === undefined ? undefined : { block, limit: limit - reserve, reserve };
  const room = limit - reserve - (edns === undefined ? 0 : ednsLength(edns, padding));
  /** Writes a record, or rewinds if it does not fit. */
  const writeIfRoom = (record: ResourceRecord): boolean => {
    const mark = writer.mark();
    writeRecord(writer, record, compression);
    if (writer.length <= room) return true;
    writer.rewind(mark);
    return false;
  };
  /** Writes all of a set, or rewinds. */
  const writeSet = (set: readonly ResourceRecord[]): boolean => {
    const mark = writer.mark();
    if (set.every(writeIfRoom)) return true;
    writer.rewind(mark);
    return false;
  };
  /** Writes as many as fit, from `first` on and around; one that cannot fit at all does not stop it. */
  const writePart = (set: readonly ResourceRecord[]): number => {
    let written = 0;
    for (let i = 0; i < set.length && (written > 0 || i < MAX_MISSED); i++) {
      if (writeIfRoom(set[(first + i) % set.length]!)) written++;
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
  return writer.copy();
}

/** Writes a record as in a section (RFC 1035 §4.1.3). */
export function writeRecord(
  writer: Writer,
  { name, type, class: klass, ttl, rdata }: ResourceRecord,
  compression: Compression,
): void {
  writer.name(name, compression !== "none");
  writer.u16(type);
  writer.u16(klass);
  writer.u32(ttl);
  const at = writer.length;
  writer.u16(0);
  writeRdata(writer, rdata, compression);
  writer.setU16(at, writer.length - at - 2);
}

/** Messages are assembled here, one at a time. */
const writer = new Writer(4096);

/** How many records or sets may fail to fit before the rest is given up. */
const MAX_MISSED = 8;

function flagsOf(message: Message, isTruncated: boolean): number {
  // A code above 15 cannot be sent without EDNS; its lower bits alone would mean something else.
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

/** True if there is no answer, but servers to ask instead (RFC 1034 §4.2.1). */
function isReferral({ isResponse, isAuthoritative, answers, authorities }: Message): boolean {
  const isDelegation = authorities.some(({ type }) => type === Type.NS);
  return isResponse && !isAuthoritative && answers.length === 0 && isDelegation;
}
