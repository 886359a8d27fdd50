/**
 * Outgoing zone transfer: AXFR (RFC 5936), the whole zone over a stream, and IXFR (RFC 1995), the
 * changes since the client's serial. A client that may not transfer gets REFUSED, and the connection
 * stays open.
 *
 * Invariant: a transfer is one version of the zone, however long it takes to send: snapshot and changes
 * are taken at the moment of the request and are immutable. Each message is made when the peer has taken
 * the previous one, of all its transfers on the connection, so a slow peer costs no more than what it has not
 * read; and after each message of any transfer all other work has a turn, so transfers do not starve queries.
 */
import type { Clock } from "../clock.ts";
import { Class, Opcode, Rcode, Type } from "../dns/constants.ts";
import { ExtendedError, extendedError, UDP_SIZE, udpLimit, withOption } from "../dns/edns.ts";
import { encode } from "../dns/encode.ts";
import { type Message, makeResponse, type Question } from "../dns/message.ts";
import type { Name } from "../dns/name.ts";
import { soaOf } from "../dns/rdata.ts";
import { LEAST_RECORD, type RecordSet, type ResourceRecord, recordsOf } from "../dns/record.ts";
import { compareSerials } from "../dns/serial.ts";
import type { Log } from "../log.ts";
import type { Handler, Layer, Request, Responses } from "../net/server/handler.ts";
import type { Snapshot } from "../zone/snapshot.ts";
import type { Change } from "../zone/update/change.ts";
import type { Zone } from "../zone/zone.ts";

export type TransferredZone = Pick<Zone, "current" | "since">;

export interface TransferOptions {
  /** The zone of exactly this name; undefined where there is none. */
  readonly find: (origin: Name) => TransferredZone | undefined;
  readonly isAllowed: (request: Request, origin: Name) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

export function transfers({ find, isAllowed, clock, log }: TransferOptions): Layer {
  const how = { turns: new Turns(clock), lanes: new Lanes() };
  const report: Report = ({ source, key, transport, message }, kind, { serial }, from) => {
    const zone = `${message.questions[0]!.name}`;
    const fields = { zone, to: source.address, ...(key && { key }), transport, kind, from, serial };
    // A zone may change every second, and every secondary ask each time.
    if (kind === "AXFR") log.info(fields, "a zone is transferred");
    else log.debug(fields, "changes of a zone are transferred");
  };
  return (next: Handler): Handler =>
    (request) => {
      const { message } = request;
      const question = transferQuestion(request);
      if (question === undefined) return next(request);
      const refuse = (rcode: Rcode) => [makeResponse(message, { rcode })];
      if (!isAllowed(request, question.name)) return refuse(Rcode.REFUSED);
      if (isSecuredBadly(request)) return [makeResponse(message, tooWeak)];
      const zone = find(question.name);
      // RFC 5936 §2.2.1: not authoritative for a zone of this name.
      if (zone === undefined) return refuse(Rcode.NOTAUTH);
      if (question.type === Type.AXFR) {
        report(request, "AXFR", zone.current);
        return stream(request, wholeZone(zone.current), how);
      }
      const serial = clientSerial(message);
      if (serial === undefined) return refuse(Rcode.FORMERR);
      return incremental(request, zone, serial, { report, ...how });
    };
}

type Report = (request: Request, kind: "AXFR" | "IXFR", to: Snapshot, from?: number) => void;

/** The question, if for a transfer: AXFR only by streams (RFC 5936 §4.2), IXFR by UDP too (RFC 1995 §2). */
function transferQuestion({ message, transport }: Request): Question | undefined {
  const [question, ...more] = message.questions;
  if (message.opcode !== Opcode.QUERY || question?.class !== Class.IN) return undefined;
  if (more.length > 0 || transport === "https") return undefined;
  const isStream = transport !== "udp";
  const isTransfer = question.type === Type.IXFR || (question.type === Type.AXFR && isStream);
  return isTransfer ? question : undefined;
}

/** True over TLS unless it is version 1.3 with ALPN "dot", as transfers require (RFC 9103 §7.1, §7.2). */
function isSecuredBadly({ transport, tls }: Request): boolean {
  return transport === "tls" && (tls?.version !== "TLSv1.3" || tls.application !== "dot");
}

const tooWeak: Partial<Message> = {
  rcode: Rcode.REFUSED,
  edns: withOption(
    undefined,
    extendedError(ExtendedError.NOT_SUPPORTED, "transfers need TLS 1.3 and ALPN dot"),
  ),
};

/** The serial that the client has (RFC 1995 §3). */
function clientSerial({ questions, authorities }: Message): number | undefined {
  const [soa, ...more] = authorities;
  if (soa?.type !== Type.SOA || more.length > 0) return undefined;
  return soa.name.equals(questions[0]!.name) ? soaOf(soa.rdata).serial : undefined;
}

/**
 * A lone SOA means that there is nothing new or, in a datagram, that the client should retry by TCP
 * (RFC 1995 §2). If the changes are no longer known, or are larger than the zone, the whole zone is sent
 * (§4).
 */
function incremental(
  request: Request,
  zone: TransferredZone,
  serial: number,
  { report, ...how }: { readonly report: Report } & Pace,
): Responses {
  const { message, transport } = request;
  const { current } = zone;
  const only = [respond(message, recordsOf(current.soa))];
  if (compareSerials(serial, current.serial) >= 0) return only;
  const changes = zone.since(serial);
  const count = changes === "resync" ? Number.POSITIVE_INFINITY : countRecords(changes);
  const isShorter = changes !== "resync" && count <= current.size;
  if (transport !== "udp") {
    report(request, isShorter ? "IXFR" : "AXFR", current, serial);
    const records = isShorter ? differences(current, changes) : wholeZone(current);
    return stream(request, records, how);
  }
  // What is certainly too large need not be tried.
  if (!isShorter || count * LEAST_RECORD > UDP_SIZE) return only;
  const whole = respond(message, [...differences(current, changes)]);
  if (!fitsDatagram(message, whole)) return only;
  report(request, "IXFR", current, serial);
  return [whole];
}

/** SOA first and last, every other record once between them (RFC 5936 §2.2). */
function* wholeZone(snapshot: Snapshot): Generator<ResourceRecord> {
  yield* recordsOf(snapshot.soa);
  for (const set of setsOf(snapshot)) if (set !== snapshot.soa) yield* recordsOf(set);
  yield* recordsOf(snapshot.soa);
}

/** Records of the largest zone that is sorted: people may read it, and sorting it costs nothing. */
const MAX_SORTED = 4096;

function setsOf(snapshot: Snapshot): Iterable<RecordSet> {
  return snapshot.size <= MAX_SORTED ? snapshot : snapshot.sets();
}

/** Each change with the SOAs before and after it, oldest first, enclosed by the newest SOA (RFC 1995 §4). */
function* differences({ soa }: Snapshot, changes: readonly Change[]): Generator<ResourceRecord> {
  yield* recordsOf(soa);
  for (const { removed, added } of changes) {
    for (const set of removed) yield* recordsOf(set);
    for (const set of added) yield* recordsOf(set);
  }
  yield* recordsOf(soa);
}

function countRecords(changes: readonly Change[]): number {
  let count = 0;
  for (const { removed, added } of changes) {
    for (const sets of [removed, added]) for (const { rdatas } of sets) count += rdatas.length;
  }
  return count;
}

/** Octets of uncompressed records per message; TCP allows 65,535 (RFC 1035 §4.2.2). */
const MESSAGE_FILL = 16_384;

async function* stream(
  { message: query, signal }: Request,
  records: Iterable<ResourceRecord>,
  { turns, lanes }: Pace,
): AsyncGenerator<Message> {
  let batch: ResourceRecord[] = [];
  let octets = 0;
  let isFirst = true;
  const next = (): Message => {
    const message = respond(query, batch);
    // Only the first message need repeat the question (RFC 5936 §2.2.1).
    const sent = isFirst ? message : { ...message, questions: [] };
    isFirst = false;
    return sent;
  };
  let leave = await lanes.enter(signal);
  try {
    await turns.next();
    for (const record of records) {
      if (signal.aborted) return;
      const size = record.name.wireLength + 10 + record.rdata.wire.length;
      if (batch.length > 0 && octets + size > MESSAGE_FILL) {
        yield next();
        batch = [];
        octets = 0;
        leave();
        leave = await lanes.enter(signal);
        await turns.next();
      }
      batch.push(record);
      octets += size;
    }
    yield next();
  } finally {
    leave();
  }
}

/** What decides when a message is made. */
interface Pace {
  readonly turns: Turns;
  readonly lanes: Lanes;
}

/** Lets one transfer of a connection at a time have a message that is not taken. */
class Lanes {
  /** By the signal of a connection: resolves when the last that entered has left. */
  readonly #left = new WeakMap<AbortSignal, Promise<void>>();

  /** Resolves when its turn comes, to the function that ends it. */
  async enter(signal: AbortSignal): Promise<() => void> {
    const before = this.#left.get(signal);
    let leave = () => {};
    this.#left.set(signal, new Promise((resolve) => (leave = resolve)));
    await before;
    return leave;
  }
}

/** Gives turns one after the other, with one for all other work in between. */
class Turns {
  readonly #clock: Clock;
  #last = Promise.resolve();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  next(): Promise<void> {
    const mine = this.#last;
    const clock = this.#clock;
    this.#last = mine.then(() => new Promise((resolve) => clock.at(clock.now(), resolve)));
    return mine;
  }
}

function respond(query: Message, answers: readonly ResourceRecord[]): Message {
  return makeResponse(query, { isAuthoritative: true, answers });
}

/** Octets kept for EDNS options in a response, such as a cookie; if they take more, TC is set. */
const OPTIONS = 64;

/** True if it fits with what outer layers add: the OPT record, and a TSIG like that of the request. */
function fitsDatagram(query: Message, response: Message): boolean {
  const { edns, additionals } = query;
  let reserve = edns === undefined ? 0 : OPTIONS;
  for (const { name, type, rdata } of additionals) {
    if (type === Type.TSIG) reserve += name.wireLength + 10 + rdata.wire.length;
  }
  const limit = udpLimit(edns);
  const octets = encode({ ...response, edns }, { limit, reserve });
  return (octets[2]! & 0x02) === 0;
}
