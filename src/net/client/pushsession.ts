/**
 * The client's side of a DNS Push session (RFC 8765, in a session of RFC 8490). It subscribes to record
 * sets, keeps for each set the records that the server has announced, and runs the session's timers.
 *
 * Invariant: the `records` of a granted subscription result from all notifications, applied in order. If
 * a server breaks the rules in a way that RFC 8490 or RFC 8765 calls fatal, the connection is reset at
 * once; and no server fills more than `MAX_OCTETS`.
 */
import { Alarm, type Clock, earlier } from "../../clock.ts";
import { Class, Rcode, rcodeName } from "../../dns/constants.ts";
import {
  DsoType,
  encodeStateful,
  isStateful,
  readRetryDelay,
  readTimeouts,
  readTlvs,
  type SessionTimeouts,
  type Tlv,
  writeTimeouts,
} from "../../dns/dso.ts";
import { FormatError } from "../../dns/format.ts";
import { decodeHeader, HEADER_LENGTH } from "../../dns/message.ts";
import type { Name } from "../../dns/name.ts";
import { MAX_PUSH, readNotices, writeSubscription, writeUnsubscription } from "../../dns/push.ts";
import type { Writer } from "../../dns/writer.ts";
import { type Subscription, Subscriptions } from "./subscriptions.ts";

/** The connection to the server, for sending and ending. */
export interface PushWire {
  send(message: Buffer): void;
  /** Closes when everything has been sent. */
  close(): void;
  /** Resets at once (RFC 8490 §5.3). */
  abort(): void;
}

export interface PushSessionOptions {
  readonly clock: Clock;
  /** A notification or a grant has arrived. */
  readonly changed: () => void;
  /** The server has refused or ended a subscription; it may be retried after `delay` milliseconds. */
  readonly refused: (name: Name, type: number, rcode: Rcode, delay: number) => void;
  /** Called once: nothing more will come. */
  readonly ended: (end: SessionEnd) => void;
}

export interface SessionEnd {
  /** What the server did, as a sentence without its subject. */
  readonly reason: string;
  /** Milliseconds before it may be tried again; undefined if not specified. */
  readonly delay?: number;
}

/** What a request is about: a subscription, or keeping the session alive. */
type Asked = Subscription | "keepalive";

export class PushSession {
  /** When the last message arrived. */
  lastHeard: number;
  readonly #wire: PushWire;
  readonly #options: PushSessionOptions;
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  readonly #subscriptions = new Subscriptions();
  /** Unanswered requests by id, oldest first, with the time when they were sent. */
  readonly #asked = new Map<number, { readonly what: Asked; readonly since: number }>();
  /** Ids of dropped subscriptions, until reused: the server may have ended one at the same time. */
  readonly #left = new Set<number>();
  #timeouts: SessionTimeouts = { inactivity: DEFAULT_TIMEOUT, keepalive: DEFAULT_TIMEOUT };
  #isEstablished = false;
  #isOver = false;
  #lastId = 0;
  /** When the last message arrived or was sent. */
  #lastMessage: number;
  /** The same, not counting messages that only keep the session alive (RFC 8490 §6.3). */
  #lastActivity: number;

  constructor(wire: PushWire, options: PushSessionOptions) {
    this.#wire = wire;
    this.#options = options;
    this.#clock = options.clock;
    this.#alarm = new Alarm(options.clock, () => this.#plan());
    this.lastHeard = this.#lastMessage = this.#lastActivity = options.clock.now();
    this.#keepAlive();
  }

  /** Number of subscriptions. */
  get size(): number {
    return this.#subscriptions.size;
  }

  /** The subscription to this set; undefined if there is none, or none that is still wanted. */
  find(name: Name, type: number): Subscription | undefined {
    const found = this.#subscriptions.find(name, type);
    return found?.isOver ? undefined : found;
  }

  /** All that `find` would return. */
  *[Symbol.iterator](): Generator<Subscription> {
    for (const each of this.#subscriptions) if (!each.isOver) yield each;
  }

  /** Subscribes in class IN; an existing subscription is kept (RFC 8765 §6.2.1). */
  subscribe(name: Name, type: number): void {
    if (this.#isOver) return;
    const known = this.#subscriptions.find(name, type);
    if (known !== undefined) {
      known.isOver = false;
      return;
    }
    const id = this.#nextId();
    const own = this.#subscriptions.add(name, type, id);
    this.#ask(id, own, (writer) => writeSubscription(writer, { name, type, class: Class.IN }));
  }

  unsubscribe(name: Name, type: number): void {
    const own = this.#subscriptions.find(name, type);
    if (own === undefined) return;
    own.isOver = true;
    // Without a grant there may be no session yet (RFC 8490 §5.1), and the request may still be refused.
    if (own.granted !== undefined) this.#leave(own);
  }

  /** Closes as a client that is done (RFC 8765 §6.7). */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#alarm.set(undefined);
    this.#wire.close();
  }

  /** To be called when the connection has ended. */
  lost(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#alarm.set(undefined);
    this.#options.ended({ reason });
  }

  /** Takes a message, without its length prefix. */
  receive(bytes: Uint8Array): void {
    if (this.#isOver) return;
    try {
      this.#read(bytes);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#fail(error.message);
    }
    this.#plan();
  }

  #read(bytes: Uint8Array): void {
    if (bytes.length < HEADER_LENGTH || !isStateful(bytes)) {
      throw new FormatError("it sent a message that is not a stateful one");
    }
    const { id, isResponse, rcode } = decodeHeader(bytes);
    const tlvs = readTlvs(bytes);
    const type = tlvs[0]?.type;
    this.lastHeard = this.#lastMessage = this.#clock.now();
    if (isResponse) {
      this.#hearResponse(id, rcode, tlvs);
    } else if (type === undefined) {
      throw new FormatError("a message has no content");
    } else if (id !== 0) {
      // A server may request none of the operations known here (RFC 8490 §5.4.1, §7.1, RFC 8765 §6).
      if (KNOWN.has(type)) throw new FormatError(`a message of type ${type} is a request`);
      this.#lastActivity = this.#lastMessage;
      this.#send(encodeStateful({ id, isResponse: true, rcode: Rcode.DSOTYPENI }));
    } else {
      this.#hear(type, tlvs[0]!, { rcode, length: bytes.length });
    }
  }

  #hearResponse(id: number, rcode: Rcode, tlvs: readonly Tlv[]): void {
    const asked = this.#asked.get(id);
    const own = asked?.what ?? this.#subscriptions.ofId(id);
    // A second response may end a long-lived operation (RFC 8490 §5.6).
    if (own === undefined && rcode !== Rcode.NOERROR && this.#left.delete(id)) {
      this.#lastActivity = this.#lastMessage;
      return;
    }
    if (own === undefined || (asked === undefined && rcode === Rcode.NOERROR)) {
      throw new FormatError(`a response to ${id}, which was not a request`);
    }
    this.#asked.delete(id);
    if (own === "keepalive") this.#agree(rcode, tlvs);
    else this.#hearOf(own, rcode, tlvs);
  }

  #hearOf(own: Subscription, rcode: Rcode, tlvs: readonly Tlv[]): void {
    this.#lastActivity = this.#lastMessage;
    if (rcode === Rcode.NOERROR) {
      this.#isEstablished = true;
      own.granted = this.#clock.now();
      if (own.isOver) this.#leave(own);
      else this.#options.changed();
      return;
    }
    const told = tlvs.find(({ type }) => type === DsoType.RETRY_DELAY)?.read(readRetryDelay);
    this.#subscriptions.delete(own);
    const delay = told ?? retryDelays[rcode] ?? OTHERWISE_DELAYED;
    if (!own.isOver) this.#options.refused(own.name, own.type, rcode, delay);
  }

  /** The timeouts that the server grants apply (RFC 8490 §7.1). */
  #agree(rcode: Rcode, tlvs: readonly Tlv[]): void {
    if (rcode !== Rcode.NOERROR) {
      const reason = `does not support sessions (${rcodeName(rcode)})`;
      this.#end("close", { reason, delay: UNSUPPORTED_DELAY });
      return;
    }
    const granted = tlvs.filter(({ type }) => type === DsoType.KEEPALIVE);
    if (granted.length !== 1)
      throw new FormatError("a response does not grant one pair of timeouts");
    this.#isEstablished = true;
    this.#setTimeouts(granted[0]!);
  }

  #setTimeouts(tlv: Tlv): void {
    const timeouts = tlv.read(readTimeouts);
    if (timeouts.keepalive < LEAST_KEEPALIVE)
      throw new FormatError("its keepalive interval is too short");
    this.#timeouts = timeouts;
  }

  /** Takes a unidirectional message, which gets no response. */
  #hear(type: number, tlv: Tlv, message: { readonly rcode: Rcode; readonly length: number }): void {
    // The server may send none before there is a session (RFC 8490 §5.1).
    if (!this.#isEstablished)
      throw new FormatError("a message came before the session was established");
    if (type === DsoType.KEEPALIVE) {
      this.#setTimeouts(tlv);
    } else if (type === DsoType.RETRY_DELAY) {
      const delay = tlv.read(readRetryDelay);
      const why = message.rcode === Rcode.NOERROR ? "" : ` (${rcodeName(message.rcode)})`;
      this.#end("close", { reason: `has ended the session${why}`, delay });
    } else if (type === DsoType.PUSH) {
      if (message.length > MAX_PUSH) throw new FormatError("a PUSH is too long");
      this.#lastActivity = this.#lastMessage;
      for (const notice of tlv.read(readNotices)) this.#subscriptions.apply(notice);
      if (this.#subscriptions.octets > MAX_OCTETS) throw new FormatError("it pushes too much data");
      this.#options.changed();
    } else {
      throw new FormatError(`a message has the unknown type ${type}`);
    }
  }

  #leave(own: Subscription): void {
    this.#subscriptions.delete(own);
    this.#left.add(own.id);
    this.#lastActivity = this.#clock.now();
    this.#send(encodeStateful({}, (writer) => writeUnsubscription(writer, own.id)));
    this.#plan();
  }

  //---- Requests, and time ----

  /** Requests the same timeouts each time (RFC 8490 §7.1). */
  #keepAlive(): void {
    this.#ask(this.#nextId(), "keepalive", (writer) => writeTimeouts(writer, WANTED));
  }

  #ask(id: number, what: Asked, write: (writer: Writer) => void): void {
    this.#asked.set(id, { what, since: this.#clock.now() });
    if (what !== "keepalive") this.#lastActivity = this.#clock.now();
    this.#send(encodeStateful({ id }, write));
    this.#plan();
  }

  #send(message: Buffer): void {
    if (this.#isOver) return;
    this.#lastMessage = this.#clock.now();
    this.#wire.send(message);
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId % 0xffff) + 1;
    while (this.#subscriptions.ofId(this.#lastId) !== undefined || this.#asked.has(this.#lastId));
    this.#left.delete(this.#lastId);
    return this.#lastId;
  }

  #plan(): void {
    if (this.#isOver) return;
    const now = this.#clock.now();
    const { inactivity, keepalive } = this.#timeouts;
    const [oldest] = this.#asked.values();
    const unanswered = oldest && oldest.since + RESPONSE_TIMEOUT;
    const isIdle = this.#subscriptions.size === 0 && inactivity !== FOR_EVER;
    const inactive = isIdle ? this.#lastActivity + inactivity : undefined;
    const isSilent = this.#asked.size === 0 && keepalive !== FOR_EVER;
    const silent = isSilent ? this.#lastMessage + keepalive : undefined;
    if (unanswered !== undefined && unanswered <= now) {
      const reason = "does not answer";
      // A server that has not answered at all is taken not to support sessions (RFC 8490 §5.1.1).
      this.#end("abort", this.#isEstablished ? { reason } : { reason, delay: UNSUPPORTED_DELAY });
    } else if (inactive !== undefined && inactive <= now) {
      this.#end("close", { reason: "no longer has a subscription" });
    } else if (silent !== undefined && silent <= now) {
      this.#keepAlive();
    } else {
      this.#alarm.set(earlier(unanswered, earlier(inactive, silent)));
    }
  }

  /** The server is not expected to behave better soon (RFC 8490 §6.6.3.1). */
  #fail(what: string): void {
    const reason = `breaks the rules of DNS Push: ${what}`;
    this.#end("abort", { reason, delay: UNSUPPORTED_DELAY });
  }

  #end(how: "close" | "abort", end: SessionEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#alarm.set(undefined);
    this.#wire[how]();
    this.#options.ended(end);
  }
}

const KNOWN: ReadonlySet<number> = new Set(Object.values(DsoType));

/** Octets of remembered records. */
const MAX_OCTETS = 16 * 2 ** 20;

//---- Milliseconds ----

/** Both timeouts, until others are agreed (RFC 8490 §6.2). */
const DEFAULT_TIMEOUT = 15_000;
/** As recommended (RFC 8490 §6.5.2). A dead path is detected by TCP keepalive. */
const WANTED: SessionTimeouts = { inactivity: DEFAULT_TIMEOUT, keepalive: 3_600_000 };
/** RFC 8490 §6.5.2: no shorter one may be granted. */
const LEAST_KEEPALIVE = 10_000;
/** Means no timeout (RFC 8490 §6.4.2, §6.5.2). */
const FOR_EVER = 0xffffffff;
/** RFC 8490 §5.1.1. */
const RESPONSE_TIMEOUT = 30_000;
/** Before retrying a server that does not support sessions or breaks their rules (RFC 8490 §6.6.3). */
export const UNSUPPORTED_DELAY = 3_600_000;
/** Before retrying a failed subscription, if the server specifies no delay (RFC 8765 §6.2.2). */
const retryDelays: Readonly<Record<Rcode, number>> = {
  [Rcode.SERVFAIL]: 60_000,
  [Rcode.NOTIMP]: 3_600_000,
  [Rcode.DSOTYPENI]: 3_600_000,
};
const OTHERWISE_DELAYED = 300_000;
