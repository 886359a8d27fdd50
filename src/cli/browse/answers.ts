/**
 * The record sets that a server has answered, and how to ask it for more. Additional records save questions;
 * nothing depends on them (RFC 6763 §12).
 */
import type { Clock } from "../../clock.ts";
import { ConfigError } from "../../config/mistakes.ts";
import { Rcode, rcodeName, Type } from "../../dns/constants.ts";
import { formatEndpoint } from "../../dns/endpoint.ts";
import type { Message } from "../../dns/message.ts";
import type { Name } from "../../dns/name.ts";
import { type Rdata, soaOf } from "../../dns/rdata.ts";
import { type ResourceRecord, setKey } from "../../dns/record.ts";
import type { Server } from "../server.ts";
import type { Find } from "./listing.ts";

export interface KnownSet {
  readonly rdatas: readonly Rdata[];
  /** Seconds for which the data is valid. */
  readonly ttl: number;
  /** When it was received. */
  readonly at: number;
}

export interface AskOptions {
  /** Data known from elsewhere: a set found here is never asked for. */
  readonly known?: Find;
  /** Whether a stored set is still valid; all are if this is not given. */
  readonly isGood?: (set: KnownSet) => boolean;
  /** Called with an error answer, which then does not end `ask`; without it, `ask` throws. */
  readonly refused?: (error: ConfigError) => void;
  /** Milliseconds from one question to the next; none if not given. */
  readonly pause?: number;
  readonly signal?: AbortSignal;
}

export class Answers {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #sets = new Map<string, KnownSet>();
  /** The approximate size of all sets. */
  #octets = 0;

  constructor(server: Server, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
  }

  readonly find: Find = (name, type) => this.get(name, type)?.rdatas;

  get(name: Name, type: number): KnownSet | undefined {
    return this.#sets.get(setKey(name, type));
  }

  put(name: Name, type: number, set: Omit<KnownSet, "at">): void {
    this.#put(setKey(name, type), { ...set, at: this.#clock.now() });
  }

  #put(key: string, set: KnownSet | undefined): void {
    this.#octets += sizeOf(set) - sizeOf(this.#sets.get(key));
    if (set === undefined) this.#sets.delete(key);
    else this.#sets.set(key, set);
  }

  /** Forgets every set whose key is not in `keys`. */
  keep(keys: { has(key: string): boolean }): void {
    for (const key of this.#sets.keys()) if (!keys.has(key)) this.#put(key, undefined);
  }

  /** Asks for the sets that `list` looks up and that are unknown or no longer valid. Throws ConfigError. */
  async ask(list: (find: Find) => unknown, options: AskOptions = {}): Promise<void> {
    const { known = () => undefined, isGood = () => true, pause } = options;
    const find: Find = (name, type) => {
      const set = this.get(name, type);
      return known(name, type) ?? (set !== undefined && isGood(set) ? set.rdatas : undefined);
    };
    for (;;) {
      const missing: (readonly [name: Name, type: number])[] = [];
      list((name, type) => {
        const found = find(name, type);
        if (found === undefined) missing.push([name, type]);
        return found;
      });
      if (missing.length === 0) return;
      for (const [name, type] of missing) {
        if (find(name, type) !== undefined) continue;
        await this.#askFor(name, type, options);
        if (pause !== undefined) await this.#pass(pause);
      }
    }
  }

  #pass(milliseconds: number): Promise<void> {
    const clock = this.#clock;
    return new Promise((resolve) => void clock.at(clock.now() + milliseconds, resolve));
  }

  async #askFor(name: Name, type: number, { refused, signal }: AskOptions): Promise<void> {
    const { domain, address } = this.#server;
    const message = await this.#exchange(name, type, signal);
    const isKnown = message.rcode === Rcode.NOERROR || message.rcode === Rcode.NXDOMAIN;
    const isReferral = refers(message);
    // Other servers answer for what lies outside the domain, such as the host of a service, and for what is
    // delegated within it.
    const isExpected = this.#sets.size === 0 || (name.isUnder(domain) && !isReferral);
    if (!isKnown || isReferral) {
      const said = isReferral ? "with a referral" : rcodeName(message.rcode);
      const line = `${formatEndpoint(address)} answers ${said} for ${name}; expected a server of ${domain}`;
      if (isExpected && refused === undefined) throw new ConfigError([line]);
      if (isExpected) refused!(new ConfigError([line]));
      this.put(name, type, { rdatas: this.find(name, type) ?? [], ttl: UNKNOWN_TTL });
      return;
    }
    // Additional sets are complete (RFC 2181 §9), so they may stand for an answer.
    const sections = new Map<string, ResourceRecord[]>();
    for (const record of [...message.answers, ...message.additionals]) {
      const key = setKey(record.name, record.type);
      const records = sections.get(key);
      if (records === undefined) sections.set(key, [record]);
      else records.push(record);
    }
    const at = this.#clock.now();
    for (const [key, records] of sections) this.#put(key, { ...setOf(records), at });
    const found = sections.get(setKey(name, type));
    if (found === undefined) this.put(name, type, { rdatas: [], ttl: negativeTtl(message) });
    if (this.#octets > MAX_OCTETS) {
      throw new ConfigError([`${formatEndpoint(address)}: its answers are too large to be kept`]);
    }
  }

  async #exchange(name: Name, type: number, signal?: AbortSignal): Promise<Message> {
    try {
      return await this.#server.ask(name, type, signal);
    } catch (error) {
      const server = formatEndpoint(this.#server.address);
      throw new ConfigError([`${server}: ${(error as Error).message}; is the gateway running?`]);
    }
  }
}

export function setOf(records: readonly ResourceRecord[]): Omit<KnownSet, "at"> {
  const ttl = records.reduce((least, each) => Math.min(least, each.ttl), Number.POSITIVE_INFINITY);
  return { rdatas: records.map(({ rdata }) => rdata), ttl };
}

function sizeOf(set: KnownSet | undefined): number {
  if (set === undefined) return 0;
  return set.rdatas.reduce((sum, { wire }) => sum + OVERHEAD + wire.length, OVERHEAD);
}

/** Limit on the octets that a server can fill, and the overhead counted for each set and each record. */
const MAX_OCTETS = 64 * 2 ** 20;
const OVERHEAD = 200;

/** RFC 2308 §5. */
function negativeTtl({ authorities }: Message): number {
  const soa = authorities.find(({ type, rdata }) => type === Type.SOA && !rdata.isEmpty);
  return soa === undefined ? UNSAID_TTL : Math.min(soa.ttl, soaOf(soa.rdata).minimum);
}

/** Seconds that a denial is valid where the server gives it no TTL. */
export const UNSAID_TTL = 10;
/** The same for a set that is answered with an error or a referral. */
const UNKNOWN_TTL = 30;

/** A referral: it has NS records but no SOA, which would make it a denial (RFC 2308 §2.2). */
function refers({ rcode, answers, authorities }: Message): boolean {
  const has = (wanted: number) => authorities.some(({ type }) => type === wanted);
  return rcode === Rcode.NOERROR && answers.length === 0 && has(Type.NS) && !has(Type.SOA);
}
