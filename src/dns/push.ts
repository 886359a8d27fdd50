/**
 * DNS Push Notifications (RFC 8765): what a client asks to be told of, and what it is told. A notice is
 * written as a record whose TTL may say that something has gone; that of a whole set, or of all there
 * was of a name, has no data.
 */
import { Class, Type } from "./constants.ts";
import { DsoType, encodeStateful, writeTlv } from "./dso.ts";
import { writeRecord } from "./encode.ts";
import { FormatError } from "./format.ts";
import type { Question } from "./message.ts";
import type { Name } from "./name.ts";
import { Rdata, readRdata } from "./rdata.ts";
import type { Reader } from "./reader.ts";
import type { RecordSet, ResourceRecord } from "./record.ts";

/** RFC 8765 §6.2.1. */
export function readSubscription(reader: Reader): Question {
  return { name: reader.name(), type: reader.u16(), class: reader.u16() };
}

/** The id of the message that has subscribed (RFC 8765 §6.4.1). */
export function readUnsubscription(reader: Reader): number {
  return reader.u16();
}

/** A record that could not be reached; it has no TTL, and its length is that of what is left (§6.5.1). */
export function readReconfirmation(reader: Reader): Omit<ResourceRecord, "ttl"> {
  const { name, type, class: klass } = readSubscription(reader);
  if (type === Type.ANY || klass === Class.ANY) {
    throw new FormatError("one record is to be named, not any");
  }
  return { name, type, class: klass, rdata: readRdata(reader, type, reader.left) };
}

//---- Notices (§6.3.1) ----

const REMOVED = 0xffffffff;
const ALL_REMOVED = 0xfffffffe;

export function added({ name, type, ttl }: RecordSet, rdata: Rdata): ResourceRecord {
  return { name, type, class: Class.IN, ttl, rdata };
}

export function removed({ name, type }: RecordSet, rdata: Rdata): ResourceRecord {
  return { name, type, class: Class.IN, ttl: REMOVED, rdata };
}

/** All records of a type, or, of type ANY, of whatever type. */
export function allRemoved(name: Name, type: number): ResourceRecord {
  return { name, type, class: Class.IN, ttl: ALL_REMOVED, rdata: new Rdata(type, "") };
}

/** Octets of a message, without its length in front. */
export const MAX_PUSH = 16_382;

/**
 * The messages of these notices, one at least per message, in their order. What is too large for a
 * message of its own cannot be told, and is left out.
 */
export function* encodePushes(notices: readonly ResourceRecord[]): Generator<Buffer> {
  for (let from = 0; from < notices.length; ) {
    const start = from;
    let to = from;
    const octets = encodeStateful({}, (writer) =>
      writeTlv(writer, DsoType.PUSH, () => {
        for (; to < notices.length; to++) {
          const mark = writer.mark();
          writeRecord(writer, notices[to]!, "multicast");
          if (writer.length <= MAX_PUSH) continue;
          writer.rewind(mark);
          break;
        }
      }),
    );
    from = Math.max(to, start + 1);
    if (to > start) yield octets;
  }
}
