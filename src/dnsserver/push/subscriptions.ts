/**
 * The subscriptions of one client (RFC 8765 §6.2), driven by state and not by events: each name remembers
 * the sets that the client has, and their difference from the current ones is sent. So nothing is lost or
 * sent twice, however much happens while the client does not read.
 *
 * Invariant: no message is made before the client has taken the earlier ones; until then only names wait.
 */
import { Class, Rcode } from "../../dns/constants.ts";
import type { Question } from "../../dns/message.ts";
import type { Name } from "../../dns/name.ts";
import { encodePushes } from "../../dns/push.ts";
import type { ResourceRecord } from "../../dns/record.ts";
import type { FollowedZone } from "../ready.ts";
import type { Board, Watcher } from "./board.ts";
import { Watched } from "./watched.ts";

export interface SubscriptionsOptions {
  /** The board of the client's view; undefined if it has none. */
  readonly board: Board | undefined;
  /** Reserves a subscription for a client that has `size` already; false if there may be no more. */
  readonly enter: (size: number) => boolean;
  /** Releases `count` subscriptions of a client that has `left` remaining. */
  readonly leave: (count: number, left: number) => void;
  /** Called when a subscription begins; what it returns is called when that ends. */
  readonly asked: (question: Question) => (() => void) | undefined;
  readonly reconfirm: (record: Omit<ResourceRecord, "ttl">) => void;
  readonly send: (message: Buffer, taken: () => void) => void;
}

interface Subscription {
  readonly watched: Watched;
  readonly type: number;
  readonly class: number;
  readonly over: (() => void) | undefined;
}

export class Subscriptions implements Watcher {
  readonly #options: SubscriptionsOptions;
  readonly #subscriptions = new Map<number, Subscription>();
  readonly #watched = new Map<string, Watched>();
  /** Names at which there may be something to send. */
  readonly #changed = new Set<Watched>();
  #untaken = 0;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#subscriptions.size;
  }

  /** The RCODE; undefined for a fatal error, after which the connection is to be reset. */
  subscribe(id: number, question: Question): Rcode | undefined {
    const { board, enter, asked } = this.#options;
    const { name, type, class: klass } = question;
    if (this.#subscriptions.has(id)) return undefined;
    if (board === undefined) return Rcode.REFUSED;
    const isHere = klass === Class.IN || klass === Class.ANY;
    const zone = isHere ? board.zoneOf(question) : undefined;
    if (zone === undefined) return Rcode.NOTAUTH;
    const key = keyOf(name, zone);
    const known = this.#watched.get(key);
    if (known?.has(type, klass)) return undefined;
    if (!enter(this.size)) return Rcode.SERVFAIL;
    const watched = known ?? new Watched(name, zone);
    if (known === undefined) {
      this.#watched.set(key, watched);
      board.watch(watched, this);
    }
    watched.add(type, klass);
    this.#subscriptions.set(id, { watched, type, class: klass, over: asked(question) });
    this.#changed.add(watched);
    return Rcode.NOERROR;
  }

  /** Ends the subscription with this id, or to this. Ignores an unknown one. */
  unsubscribe(which: number | Question): void {
    const id = typeof which === "number" ? which : this.#idOf(which);
    const subscription = id === undefined ? undefined : this.#subscriptions.get(id);
    if (id === undefined || subscription === undefined) return;
    const { watched, type, class: klass, over } = subscription;
    this.#subscriptions.delete(id);
    over?.();
    this.#options.leave(1, this.size);
    watched.delete(type, klass);
    if (watched.isWanted) return;
    this.#watched.delete(keyOf(watched.name, watched.zone));
    this.#changed.delete(watched);
    this.#options.board?.unwatch(watched);
  }

  #idOf({ name, type, class: klass }: Question): number | undefined {
    for (const [id, each] of this.#subscriptions) {
      if (each.type === type && each.class === klass && each.watched.name.equals(name)) return id;
    }
    return undefined;
  }

  /** Takes a record that the client could not reach. */
  reconfirm(record: Omit<ResourceRecord, "ttl">): void {
    this.#options.reconfirm(record);
  }

  notice(watched: Watched): void {
    this.#changed.add(watched);
  }

  /**
   * Sends what is to be sent, if the client has taken everything sent before. Returns the approximate
   * number of octets.
   */
  flush(): number {
    let sum = 0;
    while (this.#untaken === 0 && this.#changed.size > 0) {
      const { notices, octets } = this.#portion();
      sum += octets;
      for (const message of encodePushes(notices)) {
        this.#untaken++;
        this.#options.send(message, () => {
          this.#untaken--;
          this.flush();
        });
      }
    }
    return sum;
  }

  #portion(): { readonly notices: readonly ResourceRecord[]; readonly octets: number } {
    const notices: ResourceRecord[] = [];
    let octets = 0;
    for (const watched of this.#changed) {
      if (octets >= PORTION) break;
      this.#changed.delete(watched);
      for (const notice of watched.update()) {
        notices.push(notice);
        octets += RECORD + notice.rdata.wire.length;
      }
    }
    return { notices, octets };
  }

  /** To be called when the client has gone. */
  end(): void {
    this.#options.leave(this.size, 0);
    for (const { over } of this.#subscriptions.values()) over?.();
    for (const watched of this.#watched.values()) this.#options.board?.unwatch(watched);
    this.#subscriptions.clear();
    this.#watched.clear();
    this.#changed.clear();
  }
}

/** Includes the zone, because the DS records at a zone's origin belong to the zone above. */
function keyOf(name: Name, { origin }: FollowedZone): string {
  return `${origin.key.length} ${name.key}`;
}

/** Octets made at once; the last name may exceed it. */
const PORTION = 64 * 1024;
/** Octets of a notice besides its data, with names compressed. */
const RECORD = 12;
