/**
 * Response rate limiting: who sends questions in another's name has the answers sent there, so no
 * network gets more of them by UDP than it can have asked for. Counted are the responses of one kind
 * to one network (/24, /56): an answer by its name and type, what is not there by its zone, errors
 * together; and ten times as many of all kinds. Who is where it says, by cookie, signature or stream,
 * is not counted.
 *
 * Of the responses beyond the limit one in `slip` is sent truncated, so that an honest client comes
 * again by TCP, or as BADCOOKIE to who has the client's half of a cookie; the others are not sent.
 *
 * Invariant: the table has a fixed size and each response costs the same few steps. Where networks
 * without number fill it, those furthest within their limits are forgotten first.
 */
import type { Clock } from "../clock.ts";
import { addressOctets } from "../dns/address.ts";
import { OptionCode, Rcode, Type } from "../dns/constants.ts";
import { optionOf } from "../dns/edns.ts";
import { type Message, makeResponse, type Question } from "../dns/message.ts";
import { isUnderscored } from "../dns/service.ts";
import type { Layer } from "../net/server/handler.ts";
import { mapResponses } from "./layers.ts";

export interface LimitOptions {
  /** Of one kind to one network in a second. */
  readonly responses: number;
  /** One in so many is sent truncated; 0 for none, 1 for each. */
  readonly slip: number;
  readonly clock: Clock;
}

export type Verdict = "pass" | "slip" | "drop";

/** Seconds over which the rate is taken: a burst of as many seconds' responses is no flood. */
const WINDOW = 10;
/** All kinds together: this many times what one kind may have. */
const KINDS = 10;
const WAYS = 4;
const SETS = 2 ** 14;

export class Limits {
  readonly #options: LimitOptions;
  /** Milliseconds that one response uses up. */
  readonly #interval: number;
  readonly #seed: number;
  /**
   * Two numbers a place: which account has it, and when what that has used up is forgiven, its
   * "theoretical arrival time" (ITU-T I.371, GCRA). The places of a set share a line of the
   * processor's cache.
   */
  readonly #places = new Float64Array(2 * WAYS * SETS);

  constructor(options: LimitOptions) {
    this.#options = options;
    this.#interval = 1000 / options.responses;
    this.#seed = Math.floor(options.clock.random() * 2 ** 32);
  }

  /** Of one more response to that network on that account. */
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

  /** The place of the account, or the one it takes over. */
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

/** Within a place, behind its tag. */
const UNTIL = 1;

/** No kind of answer, but all of them. */
const ALL = 0;

export interface LimitsLayerOptions {
  readonly limits: Limits;
  /** The number of a source's network; undefined for one without a limit. */
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

/** By TCP, or with the whole of the cookie (RFC 7873 §5.2.3). */
function comeAgain(query: Message): Message {
  const isHalf = optionOf(query.edns, OptionCode.COOKIE) !== undefined;
  return isHalf
    ? makeResponse(query, { rcode: Rcode.BADCOOKIE })
    : makeResponse(query, { isTruncated: true });
}

//---- Accounts ----

/** What an account needs to know of an answer; a Message has it, and so has what a zone answers. */
export interface Counted {
  readonly rcode: Rcode;
  readonly answers: readonly unknown[];
  readonly authorities: readonly Pick<Question, "name" | "type">[];
}

/** On which account a response goes: never `ALL`. */
export function accountOf(question: Question | undefined, response: Counted): number {
  const { rcode, answers, authorities } = response;
  const [authority] = authorities;
  if (question === undefined || (rcode !== Rcode.NOERROR && rcode !== Rcode.NXDOMAIN)) return ERROR;
  if (rcode === Rcode.NOERROR && answers.length > 0)
    return hashOf(question.name.key, question.type);
  if (authority === undefined) return ERROR;
  // Names made up by chance are many, but of one zone. Those of services get NODATA (RFC 8766 §5.6),
  // and so does each where it is denied by an NSEC (RFC 9824 §3.1).
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

/** Every bit decides about every other (MurmurHash3's finalizer). */
function mix(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
