/**
 * Response rate limiting: whoever forges a source address directs the answers there, so no network gets
 * more of them by UDP than it can plausibly have asked for. Responses are counted per network (/24, /56)
 * and kind: answers by name and type, negative ones by zone, errors together. The limit for all kinds
 * together is ten times that for one. A source proved genuine by cookie, signature or stream is not counted.
 *
 * Of the responses beyond the limit one in `slip` is sent truncated, so that an honest client retries by
 * TCP, or as BADCOOKIE if the client has its half of a cookie; the others are dropped.
 *
 * Invariant: the table has a fixed size and each response costs the same few steps. When too many networks
 * fill it, those furthest within their limits are forgotten first.
 */
import type { Clock } from "../clock.ts";
import { addressOctets } from "../dns/address.ts";
import { OptionCode, Rcode, Type } from "../dns/constants.ts";
import { isMalformedCookie } from "../dns/cookie.ts";
import { optionOf } from "../dns/edns.ts";
import { type Message, makeResponse, type Question } from "../dns/message.ts";
import { isUnderscored } from "../dns/service.ts";
import type { Layer } from "../net/server/handler.ts";
import { mapResponses } from "./layers.ts";

export interface LimitOptions {
  /** Responses of one kind to one network in a second. */
  readonly responses: number;
  /** One in so many excess responses is sent truncated; 0 for none, 1 for all. */
  readonly slip: number;
  readonly clock: Clock;
}

export type Verdict = "pass" | "slip" | "drop";

/** Seconds over which the rate is averaged: a burst of as many seconds' responses is no flood. */
const WINDOW = 10;
/** How many times the limit of one kind all kinds together may have. */
const KINDS = 10;
const WAYS = 4;
const SETS = 2 ** 14;

export class Limits {
  readonly #options: LimitOptions;
  /** Milliseconds that one response uses up. */
  readonly #interval: number;
  readonly #seed: number;
  /**
   * Two numbers per place: the tag of its account, and the account's "theoretical arrival time" (ITU-T
   * I.371, GCRA), at which all that it has used up is forgiven. The places of a set share a cache line.
   */
  readonly #places = new Float64Array(2 * WAYS * SETS);

  constructor(options: LimitOptions) {
    this.#options = options;
    this.#interval = 1000 / options.responses;
    this.#seed = Math.floor(options.clock.random() * 2 ** 32);
  }

  /** Charges one more response to that account of that network. */
  charge(network: number, account: number): Verdict {
    const { clock, slip } = this.#options;
    const now = clock.now();
    const places = this.#places;
    const one = this.#find(network, account);
    const all = this.#find(network, ALL);
    const oneUntil = Math.max(places[one + UNTIL]!, now) + this.#interval;
    const allUntil = Math.max(places[all + UNTIL]!, now) + this.#interval / KINDS;
    const end = now + WINDOW * 1000;
    if (oneUntil > end || allUntil > end) {
      return slip > 0 && clock.random() * slip < 1 ? "slip" : "drop";
    }
    places[one + UNTIL] = oneUntil;
    places[all + UNTIL] = allUntil;
    return "pass";
  }

  /** The offset of the account's place, or of the one that it takes over. */
  #find(network: number, account: number): number {
    const places = this.#places;
    const hash = mix(mix(this.#seed ^ network) ^ account);
    const tag = mix(hash ^ network);
    const first = (hash & (SETS - 1)) * WAYS * 2;
    let least = first;
    for (let at = first; at < first + WAYS * 2; at += 2) {
      if (places[at] === tag) return at;
      if (places[at + UNTIL]! < places[least + UNTIL]!) least = at;
    }
    places[least] = tag;
    places[least + UNTIL] = 0;
    return least;
  }
}

/** Offset within a place, after the tag. */
const UNTIL = 1;

/** The account for answers of all kinds together. */
const ALL = 0;

export interface LimitsLayerOptions {
  readonly limits: Limits;
  /** The number of a source's network; undefined for a source without a limit. */
  readonly networkOf: (address: string) => number | undefined;
}

export function limited({ limits, networkOf }: LimitsLayerOptions): Layer {
  return (next) => (request) => {
    const { message, transport, source, key, hasCookie } = request;
    const isKnown = transport !== "udp" || key !== undefined || hasCookie === true;
    const network = isKnown ? undefined : networkOf(source.address);
    if (network === undefined) return next(request);
    return mapResponses(next(request), (response) => {
      const verdict = limits.charge(network, accountOf(message.questions[0], response));
      if (verdict === "pass") return response;
      return verdict === "drop" ? undefined : comeAgain(message);
    });
  };
}

/** Has the client retry by TCP, or with a complete cookie (RFC 7873 §5.2.3). */
function comeAgain(query: Message): Message {
  const cookie = optionOf(query.edns, OptionCode.COOKIE);
  return cookie !== undefined && !isMalformedCookie(cookie)
    ? makeResponse(query, { rcode: Rcode.BADCOOKIE })
    : makeResponse(query, { isTruncated: true });
}

//---- Accounts ----

/** The parts of an answer that decide its account; both a Message and a zone's answer have them. */
export interface Counted {
  readonly rcode: Rcode;
  readonly answers: readonly unknown[];
  readonly authorities: readonly Pick<Question, "name" | "type">[];
}

/** The account of a response: never `ALL`. */
export function accountOf(question: Question | undefined, response: Counted): number {
  const { rcode, answers, authorities } = response;
  const [authority] = authorities;
  if (question === undefined || (rcode !== Rcode.NOERROR && rcode !== Rcode.NXDOMAIN)) return ERROR;
  if (rcode === Rcode.NOERROR && answers.length > 0)
    return hashOf(question.name.key, question.type);
  if (authority === undefined) return ERROR;
  // Random names are many, but of one zone. Those of services get NODATA (RFC 8766 §5.6), and so does
  // any name that an NSEC denies (RFC 9824 §3.1).
  const isChance =
    rcode === Rcode.NXDOMAIN ||
    question.name.labels.some(isUnderscored) ||
    authorities.some(({ type }) => type === Type.NSEC);
  if (authority.type === Type.SOA && !isChance) return hashOf(question.name.key, NODATA);
  return hashOf(authority.name.key, NEGATIVE);
}

const ERROR = 1;
/** Beyond all types. */
const NODATA = 0x10000;
const NEGATIVE = 0x10001;

/** The network of an address as a number: its /24 or /56, as is common (BIND, Knot). */
export function networkOf(address: string): number {
  const octets = addressOctets(address);
  let hash = octets.length;
  for (let i = 0; i < (octets.length === 4 ? 3 : 7); i++) hash = mix(hash ^ octets[i]!);
  return hash;
}

/** FNV-1a (draft-eastlake-fnv). */
function hashOf(text: string, kind: number): number {
  let hash = 0x811c9dc5 ^ kind;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash) | 2;
}

/** Every bit affects every other (MurmurHash3's finalizer). */
function mix(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
