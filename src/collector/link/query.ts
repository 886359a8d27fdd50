/**
 * The octets of mDNS queries (RFC 6762 §5.3, §7.1, §7.2, §18): several questions and their known answers.
 * Answers that do not fit follow, announced by TC, in further packets without questions. Everything in the
 * header but TC and the counts is zero.
 */
import { Class } from "../../dns/constants.ts";
import { HEADER_LENGTH } from "../../dns/message.ts";
import type { Name } from "../../dns/name.ts";
import { targetOf, writeRdata } from "../../dns/rdata.ts";
import type { ResourceRecord } from "../../dns/record.ts";
import { Writer } from "../../dns/writer.ts";

export interface QuestionWithAnswers {
  readonly name: Name;
  readonly type: number;
  /** The records that need not be sent to us. */
  readonly known: readonly ResourceRecord[];
}

export interface Query {
  /** To be sent back to back. */
  readonly packets: readonly Uint8Array[];
  /** The number of questions in it, from the first. */
  readonly taken: number;
}

export interface QueryOptions {
  /** Octets of a packet, without its IP and UDP headers. */
  readonly limit: number;
  /** Ask for unicast responses (QU, RFC 6762 §5.4). */
  readonly isUnicastWanted: boolean;
}

/** The query that asks as many of these questions as fit one packet with all their known answers. */
export function composeQuery(
  questions: readonly QuestionWithAnswers[],
  { limit, isUnicastWanted }: QueryOptions,
): Query {
  let writer = start();
  let taken = 0;
  let answersLength = 0;
  for (const { name, type, known } of questions) {
    const mark = writer.mark();
    writer.name(name);
    writer.u16(type);
    writer.u16(Class.IN | (isUnicastWanted ? UNICAST : 0));
    const length = answersLength + estimate(known);
    // A question that fits no packet with its answers gets its own, and the answers take further ones.
    if (taken > 0 && writer.length + length > limit) {
      writer.rewind(mark);
      break;
    }
    answersLength = length;
    taken++;
  }

  const packets: Uint8Array[] = [];
  let questionCount = taken;
  let answerCount = 0;
  const finish = (isTruncated: boolean) => {
    writer.setU16(2, isTruncated ? TRUNCATED : 0);
    writer.setU16(4, questionCount);
    writer.setU16(6, answerCount);
    packets.push(writer.done());
  };
  for (const { known } of questions.slice(0, taken)) {
    for (const record of known) {
      const mark = writer.mark();
      write(writer, record);
      if (writer.length > limit && (questionCount > 0 || answerCount > 0)) {
        writer.rewind(mark);
        finish(true);
        writer = start();
        questionCount = answerCount = 0;
        write(writer, record);
      }
      answerCount++;
    }
  }
  finish(false);
  return { packets, taken };
}

function start(): Writer {
  const writer = new Writer(512);
  for (let at = 0; at < HEADER_LENGTH; at += 2) writer.u16(0);
  return writer;
}

/** The cache-flush bit is never set in a known answer (RFC 6762 §10.2). */
function write(writer: Writer, { name, type, ttl, rdata }: ResourceRecord): void {
  writer.name(name);
  writer.u16(type);
  writer.u16(Class.IN);
  writer.u32(ttl);
  writer.withLength(() => writeRdata(writer, rdata, "multicast"));
}

/**
 * Estimates the octets that these take: the owner is a pointer to the question's name, and so, as a rule,
 * is the end of the target. If this is wrong, the query has one more packet.
 */
function estimate(known: readonly ResourceRecord[]): number {
  let length = 0;
  for (const { name, rdata } of known) {
    const target = targetOf(rdata);
    const saved = target?.isUnder(name) ? name.wireLength - POINTER : 0;
    length += POINTER + FIXED + (target === undefined ? UNKNOWN : target.wireLength - saved);
  }
  return length;
}

const TRUNCATED = 0x0200;
const UNICAST = 0x8000;
const POINTER = 2;
/** Type, class, TTL and length of a record. */
const FIXED = 10;
const UNKNOWN = 64;
