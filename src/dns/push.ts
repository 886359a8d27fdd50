/**
 * DNS Push Notifications (RFC 8765): what a client asks to be told of, and what it is told. A notice is
 * written as a record whose TTL may say that something has gone; that of a whole set, or of all there
 * was of a name, has no data.
 */
import { Class, Type } from "./constants.ts";
import { DsoType, encodeStateful, writeTlv } from "./dso.ts";
import { writeRecord } from "./encode.ts";
import { FormatError } from "./format.ts";
import { checkEmpty, type Question } from "./message.ts";
import type { Name } from "./name.ts";
import { Rdata, readRdata } from "./rdata.ts";
import type { Reader } from "./reader.ts";
import type { RecordSet, ResourceRecord } from "./record.ts";
import type { Writer } from "./writer.ts";

/** RFC 8765 §6.2.1. */
export function readSubscription(reader: Reader): Question {
  return { name: reader.name(), type: reader.u16(), class: reader.u16() };
}

export function writeSubscription(writer: Writer, { name, type, class: klass }: Question): void {
  writeTlv(writer, DsoType.SUBSCRIBE, () => {
    writer.name(name, false);
    writer.u16(type);
    writer.u16(klass);
  });
}

export function writeUnsubscription(writer: Writer, id: number): void {
  writeTlv(writer, DsoType.UNSUBSCRIBE, () => writer.u16(id));
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

export interface Notice {
  readonly kind: "added" | "removed" | "all removed";
  /** Of what is all removed, type or class may be ANY, and it has no data. */
  readonly record: ResourceRecord;
}

/** A FormatError where there is none, or one that may not be. Those of unknown kinds are left out. */
export function readNotices(reader: Reader): Notice[] {
  if (reader.left === 0) throw new FormatError("a PUSH says nothing");
  const notices: Notice[] = [];
  while (reader.left > 0) {
    const { name, type, class: klass } = readSubscription(reader);
    const [ttl, length] = [reader.u32(), reader.u16()];
    if (ttl === ALL_REMOVED) {
      if (length > 0) throw new FormatError("what is all removed has data");
      // In all classes means of all types, whatever is said (§6.3.1).
      const record = allRemoved(name, klass === Class.ANY ? Type.ANY : type);
      notices.push({ kind: "all removed", record: { ...record, class: klass } });
    } else if (ttl !== REMOVED && ttl > MAX_TTL) {
      reader.skip(length);
    } else {
      if (type === Type.ANY || klass === Class.ANY) throw new FormatError("any is no one record");
      const rdata = checkEmpty(readRdata(reader, type, length), klass);
      const record = { name, type, class: klass, ttl, rdata };
      notices.push({ kind: ttl === REMOVED ? "removed" : "added", record });
    }
  }
  return notices;
}

/** RFC 2181 §8. */
const MAX_TTL = 0x7fffffff;

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
