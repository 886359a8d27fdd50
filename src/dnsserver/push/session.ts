/**
 * The server's side of a session of DNS Stateful Operations (RFC 8490), from the first request that
 * succeeds to the end of its connection. It decodes the client's messages, runs the session's timers, and
 * leaves the rest to `Subscriptions`.
 *
 * Invariant: a message with an id gets one response, one without gets none, and the connection of a client
 * that breaks the rules in a way that RFC 8490 or RFC 8765 calls fatal is reset at once.
 */
import { Alarm, type Clock, earlier } from "../../clock.ts";
import { Rcode } from "../../dns/constants.ts";
import {
  DsoType,
  encodeStateful,
  readTimeouts,
  type SessionTimeouts,
  Stateful,
  writeRetryDelay,
  writeTimeouts,
} from "../../dns/dso.ts";
import { PADDED_BLOCK } from "../../dns/edns.ts";
import { FormatError } from "../../dns/format.ts";
import { decodeHeader } from "../../dns/message.ts";
import { readReconfirmation, readSubscription, readUnsubscription } from "../../dns/push.ts";
import type { Writer } from "../../dns/writer.ts";
import type { Peer, Session } from "../../net/server/session.ts";
import type { Push } from "./push.ts";
import type { Subscriptions } from "./subscriptions.ts";

export class StatefulSession implements Session {
  readonly #peer: Peer;
  readonly #clock: Clock;
  readonly #subscriptions: Subscriptions;
  readonly #alarm: Alarm;
  #isEstablished = false;
  #timeouts: SessionTimeouts = { inactivity: DEFAULT_TIMEOUT, keepalive: DEFAULT_TIMEOUT };
  /** False while the timeouts are those of every session. */
  #hasAgreed = false;
  /** When the last message arrived or was sent. */
  #lastMessage: number;
  /** The same, not counting messages that only keep the session alive (RFC 8490 §6.3). */
  #lastActivity: number;
  /** The earliest time at which it may be ended for inactivity. */
  #inactiveUntil = 0;

  constructor(peer: Peer, { push, clock }: { readonly push: Push; readonly clock: Clock }) {
    this.#peer = peer;
    this.#clock = clock;
    this.#lastMessage = this.#lastActivity = clock.now();
    this.#alarm = new Alarm(clock, () => this.#plan());
    const send = (message: Buffer, taken: () => void) => {
      this.touch();
      peer.send(message, taken);
    };
    this.#subscriptions = push.open(peer.source.address, send, () => peer.retire());
    const end = () => {
      this.#alarm.set(undefined);
      this.#subscriptions.end();
    };
    peer.signal.addEventListener("abort", end, { once: true });
  }

  get isEstablished(): boolean {
    return this.#isEstablished;
  }

  get isActive(): boolean {
    return this.#subscriptions.size > 0;
  }

  receive(bytes: Uint8Array): void {
    const { id, isResponse } = decodeHeader(bytes);
    // The client is sent no requests, so it has nothing to respond to (RFC 8490 §5.5.2).
    if (isResponse) this.abort();
    else if (id === 0) this.#hear(bytes);
    else this.#answer(id, bytes);
    // Messages that arrived in one piece with this are read first, so that all is sent in one message.
    queueMicrotask(() => this.#subscriptions.flush());
    this.#plan();
  }

  touch(): void {
    this.#lastMessage = this.#lastActivity = this.#clock.now();
    this.#plan();
  }

  retire(): void {
    if (!this.#isEstablished) return;
    const delay = EARLIEST_RETURN + RETURNS * this.#clock.random();
    this.#peer.send(
      encodeStateful({}, (writer) => writeRetryDelay(writer, delay)),
      () => {},
    );
  }

  abort(): void {
    this.#peer.abort();
  }

  #answer(id: number, bytes: Uint8Array): void {
    let message: Stateful | undefined;
    try {
      message = this.#read(bytes);
      switch (message.type) {
        case DsoType.KEEPALIVE:
          this.#agree(this.#grant(message.read(readTimeouts)));
          this.#respond(id, Rcode.NOERROR, message);
          break;
        case DsoType.SUBSCRIBE: {
          const rcode = this.#subscriptions.subscribe(id, message.read(readSubscription));
          if (rcode === undefined) this.abort();
          else this.#respond(id, rcode, message);
          if (rcode === Rcode.NOERROR && !this.#hasAgreed) this.#offer();
          break;
        }
        // These must have no id, or may not come from a client (RFC 8490 §5.4.1, RFC 8765 §6.3, §6.4, §6.5).
        case DsoType.RETRY_DELAY:
        case DsoType.PUSH:
        case DsoType.UNSUBSCRIBE:
        case DsoType.RECONFIRM:
          this.abort();
          break;
        default:
          this.#respond(id, Rcode.DSOTYPENI, message);
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#respond(id, Rcode.FORMERR, message);
    }
  }

  /** Takes a unidirectional message, which gets no response, not even an error (RFC 8490 §5.4.3). */
  #hear(bytes: Uint8Array): void {
    try {
      const message = this.#read(bytes);
      // None is allowed before there is a session (RFC 8490 §5.1).
      const type = this.#isEstablished ? message.type : undefined;
      if (type === DsoType.UNSUBSCRIBE) {
        this.#subscriptions.unsubscribe(message.read(readUnsubscription));
      } else if (type === DsoType.RECONFIRM) {
        this.#subscriptions.reconfirm(message.read(readReconfirmation));
      } else {
        this.abort();
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.abort();
    }
  }

  #read(bytes: Uint8Array): Stateful {
    const message = new Stateful(bytes);
    this.#lastMessage = this.#clock.now();
    if (message.type !== DsoType.KEEPALIVE) this.#lastActivity = this.#lastMessage;
    return message;
  }

  #respond(id: number, rcode: Rcode, message?: Stateful): void {
    const write = (writer: Writer) => {
      const delay = retryDelays[rcode];
      if (delay !== undefined) writeRetryDelay(writer, delay);
      else if (message?.type === DsoType.KEEPALIVE) writeTimeouts(writer, this.#timeouts);
    };
    const block = message?.isPadded ? PADDED_BLOCK : undefined;
    if (rcode === Rcode.NOERROR) this.#isEstablished = true;
    this.#peer.send(encodeStateful({ id, rcode, isResponse: true }, write, block), () => {});
  }

  /** The timeouts that the client wants, within bounds; when places are scarce, it may not be idle. */
  #grant({ inactivity, keepalive }: SessionTimeouts): SessionTimeouts {
    return {
      inactivity: this.#peer.isCrowded ? 0 : Math.min(inactivity, DEFAULT_TIMEOUT),
      keepalive: Math.max(LEAST_KEEPALIVE, Math.min(keepalive, MOST_KEEPALIVE)),
    };
  }

  /**
   * Tells a client with a subscription that it need not speak for an hour (RFC 8490 §7.1.2). Apple's never ask
   * for timeouts and never send Keepalive, so their sessions would end every half minute.
   */
  #offer(): void {
    this.#agree(this.#grant({ inactivity: DEFAULT_TIMEOUT, keepalive: MOST_KEEPALIVE }));
    const message = encodeStateful({}, (writer) => writeTimeouts(writer, this.#timeouts));
    this.#peer.send(message, () => {});
  }

  /** A client whose inactivity timeout is shortened gets some time to notice (RFC 8490 §7.1.1). */
  #agree(timeouts: SessionTimeouts): void {
    const isLess = timeouts.inactivity < this.#timeouts.inactivity;
    if (isLess) this.#inactiveUntil = this.#clock.now() + LEAST_PATIENCE;
    this.#timeouts = timeouts;
    this.#hasAgreed = true;
  }

  /** Resets if the client is silent for too long (RFC 8490 §6.4.1, §6.5.1), or sets the alarm for that. */
  #plan(): void {
    if (!this.#isEstablished || this.#peer.signal.aborted) return;
    const { inactivity, keepalive } = this.#timeouts;
    const isBusy = this.isActive || this.#peer.isBusy;
    const patience = Math.max(LEAST_PATIENCE, 2 * inactivity);
    const due = earlier(
      this.#lastMessage + 2 * keepalive,
      isBusy ? undefined : Math.max(this.#lastActivity + patience, this.#inactiveUntil),
    )!;
    if (due <= this.#clock.now()) this.abort();
    else this.#alarm.set(due);
  }
}

//---- Milliseconds ----

/** Both timeouts, until others are agreed (RFC 8490 §6.2). */
const DEFAULT_TIMEOUT = 15_000;
/** If the inactivity timeout is less than half of this (RFC 8490 §6.4.1), or has been shortened. */
const LEAST_PATIENCE = 5000;
/** RFC 8490 §6.5.2: none shorter may be granted, and an hour is recommended. */
const LEAST_KEEPALIVE = 10_000;
const MOST_KEEPALIVE = 3_600_000;
/** A server that ends is soon back, and clients should not all return at once (RFC 8490 §6.6.1). */
const EARLIEST_RETURN = 2000;
const RETURNS = 8000;
/** Before a failed request may be retried (RFC 8765 §6.2.2). */
const retryDelays: Readonly<Record<Rcode, number>> = {
  [Rcode.FORMERR]: 300_000,
  [Rcode.SERVFAIL]: 60_000,
  [Rcode.REFUSED]: 300_000,
  [Rcode.NOTAUTH]: 300_000,
  [Rcode.DSOTYPENI]: 3_600_000,
};
