/**
 * What one client has asked to be told of (RFC 8765 §6.2), and what it has been told: level, not edge. Each
 * name knows the sets that the client has, and what goes out is the difference to those that are there
 * now, so nothing is lost or told twice, however much happens while the client does not read.
 *
 * Invariant: nothing is made to be sent before the client has taken what was sent; what waits is names.
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
  /** Of the client's view; undefined where it has none. */
  readonly board: Board | undefined;
  /** Says whether there may be one more, and takes it. */
  readonly enter: (size: number) => boolean;
  /** So many have gone, and so many are left. */
  readonly leave: (count: number, left: number) => void;
  /** One has begun; what it gives is called at its end. */
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
  /** Where there may be something to tell. */
  readonly #changed = new Set<Watched>();
  #untaken = 0;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#subscriptions.size;
  }

  /** Undefined where the client may not ask for that, and is to be let go. */
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

  /** Of one that is not there, nothing. */
  unsubscribe(id: number): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) return;
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

  /** What the client could not reach. */
  reconfirm(record: Omit<ResourceRecord, "ttl">): void {
    this.#options.reconfirm(record);
  }

  notice(watched: Watched): void {
    this.#changed.add(watched);
  }

  /**
   * Tells what there is to be told, if the client has taken what it was told before. Gives how many
   * octets that was, more or less.
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

  /** The client has gone. */
  end(): void {
    this.#options.leave(this.size, 0);
    for (const { over } of this.#subscriptions.values()) over?.();
    for (const watched of this.#watched.values()) this.#options.board?.unwatch(watched);
    this.#subscriptions.clear();
    this.#watched.clear();
    this.#changed.clear();
  }
}

/** Of a name in its zone: at the origin of another its DS records are of the zone above. */
function keyOf(name: Name, { origin }: FollowedZone): string {
  return `${origin.key.length} ${name.key}`;
}

/** Octets that are made at once, and beyond it what there is of one name. */
const PORTION = 64 * 1024;
/** Octets of a notice beside its data, where names are compressed. */
const RECORD = 12;
