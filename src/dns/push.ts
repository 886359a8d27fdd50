/**
 * DNS Push Notifications (RFC 8765): what clients subscribe to, and the notices they get. A notice is
 * written as a record whose TTL may mean that something was removed; if that is a whole set, or all
 * records of a name, it has no data.
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

/**
 * The id of the message that subscribed (RFC 8765 §6.4.1), or what it subscribed to: Apple's clients repeat
 * that instead, and lose all their subscriptions with their connection if they are not understood.
 */
export function readUnsubscription(reader: Reader): number | Question {
  return reader.left === 2 ? reader.u16() : readSubscription(reader);
}

/** A record that led to nothing reachable; it has no TTL, and its data is all that is left (§6.5.1). */
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

/** All records of a type, or of every type if it is ANY. */
function allRemoved(name: Name, type: number): ResourceRecord {
  return { name, type, class: Class.IN, ttl: ALL_REMOVED, rdata: new Rdata(type, "") };
}

export interface Notice {
  readonly kind: "added" | "removed" | "all removed";
  /** If all are removed, type or class may be ANY, and there is no data. */
  readonly record: ResourceRecord;
}

/** Throws FormatError if there is none, or an invalid one. Notices of unknown kinds are left out. */
export function readNotices(reader: Reader): Notice[] {
  if (reader.left === 0) throw new FormatError("a PUSH is empty");
  const notices: Notice[] = [];
  while (reader.left > 0) {
    const { name, type, class: klass } = readSubscription(reader);
    const [ttl, length] = [reader.u32(), reader.u16()];
    if (ttl === ALL_REMOVED) {
      if (length > 0) throw new FormatError("a removal of all records has data");
      // Class ANY means all types too, whatever the type says (§6.3.1).
      const record = allRemoved(name, klass === Class.ANY ? Type.ANY : type);
      notices.push({ kind: "all removed", record: { ...record, class: klass } });
    } else if (ttl !== REMOVED && ttl > MAX_TTL) {
      reader.skip(length);
    } else {
      if (type === Type.ANY || klass === Class.ANY)
        throw new FormatError("ANY names no single record");
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
 * The messages for these notices, in order, each with at least one. A notice that is too large for a
 * message of its own cannot be sent, and is left out.
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
