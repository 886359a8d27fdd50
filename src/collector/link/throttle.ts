/**
 * Limits how much of a link is listened to. Up to a rate all of it is, whoever speaks. Above that, hosts
 * that have said more than a host needs to are ignored, so that the others are still heard, and clients get
 * their answers meanwhile (RFC 6762 §21). What takes long to hear counts as more than its octets: a word
 * about a list of thousands, for example, each of which has to be looked at.
 *
 * Each source, and the link as a whole, fills a leaky bucket. Invariant: at most `MAX_SOURCES` sources are
 * told apart; the rest count as one.
 */
import { obtain } from "../obtain.ts";

export class Throttle {
  readonly #link = new Bucket(LINK_RATE);
  readonly #sources = new Map<string, Bucket>();
  #swept = Number.NEGATIVE_INFINITY;

  /** True if a packet of so many octets is to be listened to. */
  admits(source: string, octets: number, now: number): boolean {
    const own = this.#bucketOf(source, now);
    const cost = PACKET + octets;
    const isLoud = own.level(now) + cost > SHARE;
    if (isLoud && this.#link.level(now) + cost > CAPACITY) return false;
    own.fill(cost, now, SHARE);
    this.#link.fill(cost, now, CAPACITY);
    return true;
  }

  /** A packet that was admitted has been listened to, from one time to another. */
  heard(source: string, octets: number, from: number, to: number): void {
    const more = PRICE * (to - from) - (PACKET + octets);
    if (more <= 0) return;
    this.#bucketOf(source, to).fill(more, to, DEBT * SHARE);
    this.#link.fill(more, to, DEBT * CAPACITY);
  }

  #bucketOf(source: string, now: number): Bucket {
    const known = this.#sources.get(source);
    if (known !== undefined) return known;
    if (this.#sources.size >= MAX_SOURCES) this.#sweep(now);
    const account = this.#sources.size < MAX_SOURCES ? source : EVERYBODY_ELSE;
    return obtain(this.#sources, account, () => new Bucket(SOURCE_RATE));
  }

  /** Forgets silent sources, at most once a second. */
  #sweep(now: number): void {
    if (now < this.#swept + 1000) return;
    this.#swept = now;
    for (const [source, bucket] of this.#sources) {
      if (bucket.level(now) === 0) this.#sources.delete(source);
    }
  }
}

class Bucket {
  /** Octets that leak per millisecond. */
  readonly #rate: number;
  #level = 0;
  #time = 0;

  constructor(rate: number) {
    this.#rate = rate;
  }

  level(now: number): number {
    return Math.max(0, this.#level - this.#rate * (now - this.#time));
  }

  fill(octets: number, now: number, most: number): void {
    const level = this.level(now);
    this.#level = Math.max(level, Math.min(level + octets, most));
    this.#time = now;
  }
}

/** What a packet costs on top of its own octets, however small it is. */
const PACKET = 200;
/** Octets per millisecond: in a storm, some 2,500 records a second. */
const LINK_RATE = 256;
const SOURCE_RATE = 8;
/** Octets that a millisecond of work counts as: a storm takes a quarter of the thread. */
const PRICE = 4 * LINK_RATE;
/** Octets: some 40,000 records, more than any link of honest hosts says at once. */
const CAPACITY = 2 ** 22;
/** Octets that one host may say even if others leave no room; most say less than 4 kB. */
const SHARE = 2 ** 16;
/** How far both may be exceeded by what turns out to have taken long. */
const DEBT = 2;
const MAX_SOURCES = 1024;
const EVERYBODY_ELSE = "";
