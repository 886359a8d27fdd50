/**
 * A site and its links. What they say of `local.` is said of the site's domain in the zone: the whole last
 * label is replaced, in owners and in every name of the data, and nothing else (RFC 8766 §5.5). Names that
 * would become too long, or have more labels than a site's may, have no translation; none is ever truncated.
 *
 * Each name is translated independently of the others. Nearly all stay as they are from one projection to
 * the next, and then the translation is the same object.
 */
import { ADDRESS_TYPES, isAddressType, Type } from "../../dns/constants.ts";
import type { Name, NameKey } from "../../dns/name.ts";
import { type Rdata, targetOf } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import { LOCAL, parseInstance, SERVED_TTL } from "../../dns/service.ts";
import { isCarriedType, isReserved, MAX_DEPTH } from "../../zone/update/principal.ts";
import type { LinkCache } from "../link/cache.ts";
import type { HeardSet } from "../link/heard.ts";
import { servedTtl, ttlHolds } from "../link/ttl.ts";
import { obtain } from "../obtain.ts";
import type { Subnet } from "../subnets.ts";
import { isUnique } from "../unique.ts";
import { mapAddress } from "./addressmap.ts";
import { type Denial, type Policy, SitePolicy } from "./policy.ts";
import {
  EMPTY_TXT,
  hasControls,
  hasUnderscore,
  isSteeringHost,
  mayBeItsOwnHost,
  publishableData,
} from "./publishable.ts";

/** Why a service that was heard of is not published. */
export type Reason =
  | "no SRV record is known"
  | "its TXT record is awaited"
  | "no address of its host is known"
  | "no address of its host can be reached from elsewhere"
  | "no address of its host belongs to its link"
  | "it says that it is not available"
  | "its name is not that of a service"
  | "its name is reserved"
  | "its name has control characters"
  | "its name is too long beneath the site"
  | "its host's name is reserved"
  | "its host's name steers clients"
  | "its host's name is too long beneath the site"
  | Denial;

/** True if something is not known yet, false if something that is known speaks against it. */
export function isAwaited(reason: Reason): boolean {
  return AWAITED.has(reason);
}

/** A name of the link as it would be in the zone, whatever else there is. */
export interface TranslatedName {
  /** The name's sets on each leg. */
  readonly sets: readonly TranslatedSet[];
  /** How long this holds if nothing more is heard. */
  readonly until: number;
}

export interface TranslatedSet {
  /** As it is on the link. */
  readonly name: Name;
  readonly type: number;
  /** Undefined if nothing of it may be in the zone. */
  readonly set: RecordSet | undefined;
  /** What each of its records points to, as it is on the link. */
  readonly targets: readonly (Name | undefined)[];
  /** The TTL that each of its records would be served with on its own. */
  readonly ttls: readonly number[];
  /** Why no service or host of this name is published, if this is its SRV or address set. */
  readonly refusal: Reason | undefined;
  /** When the first of its records was heard, without superseded ones. */
  readonly since: number;
  readonly until: number;
}

/** What a translation was made of: a name's version in each leg's cache, and where that leg is. */
interface Source {
  readonly cache: LinkCache;
  readonly version: number;
  readonly renewals: number;
  readonly subnets: readonly Subnet[] | undefined;
}

export class Site {
  readonly domain: Name;
  /** One for each leg of the site; what they hear counts as one. */
  readonly caches = new Set<LinkCache>();
  /** What to publish of it. */
  readonly policy: SitePolicy;
  readonly #known = new Map<NameKey, TranslatedName & { readonly sources: readonly Source[] }>();
  /** An undefined value means that there is no translation. */
  readonly #rdatas = new WeakMap<Rdata, Rdata | undefined>();
  readonly #noText = new WeakMap<Name, Rdata>();
  readonly #subnets = new WeakMap<LinkCache, readonly Subnet[]>();

  constructor(domain: Name, policy: Policy) {
    this.domain = domain;
    this.policy = new SitePolicy(policy, domain);
  }

  /** Where a leg is now, which decides what addresses a policy believes. */
  locate(cache: LinkCache, subnets: readonly Subnet[]): void {
    const known = this.#subnets.get(cache);
    if (known === undefined || !isSameSubnets(known, subnets)) this.#subnets.set(cache, subnets);
  }

  /** The addresses that were heard of a host. */
  *addressesOf(host: NameKey): Iterable<Uint8Array> {
    for (const cache of this.caches) {
      for (const type of ADDRESS_TYPES) {
        for (const { rdata } of cache.set(host, type)?.records.values() ?? []) {
          if (!rdata.isEmpty) yield rdata.values[0] as Uint8Array;
        }
      }
    }
  }

  /** The name in the zone for a name of the link. */
  name(name: Name): Name | undefined {
    if (name.isUnder(LOCAL) && name.labels.length > MAX_DEPTH + 1) return undefined;
    return name.replaceSuffix(LOCAL, this.domain);
  }

  /** Returns the same object as before until the name changes or the time is up. */
  translate(name: NameKey, time: number): TranslatedName {
    const known = this.#known.get(name);
    const holds = known !== undefined && time <= known.until && this.#isFrom(known.sources, name);
    if (holds && !this.#isRenewed(known.sources, name)) return known;
    const sets: TranslatedSet[] = [];
    const sources: Source[] = [];
    let until = Number.POSITIVE_INFINITY;
    for (const cache of this.caches) {
      const heard = cache.at(name);
      const subnets = this.#subnets.get(cache);
      const { version = ABSENT, renewals = 0 } = heard ?? {};
      sources.push({ cache, version, renewals, subnets });
      for (const each of heard?.sets.values() ?? []) {
        const set = this.#translate(each, subnets, time);
        // What its owner has superseded is gone, whether or not the successor is still there.
        if (set.since === Number.POSITIVE_INFINITY) continue;
        sets.push(set);
        until = Math.min(until, set.until);
      }
    }
    if (sets.length === 0) return NOTHING;
    // Renewed records are the same, for longer.
    const translated = { sets: holds ? known.sets : exact(sets), until, sources: exact(sources) };
    this.#known.set(name, translated);
    return translated;
  }

  /** Forgets all translations but those of these names. */
  retain(names: ReadonlyMap<NameKey, unknown>): void {
    for (const name of this.#known.keys()) if (!names.has(name)) this.#known.delete(name);
  }

  #isFrom(sources: readonly Source[], name: NameKey): boolean {
    if (sources.length !== this.caches.size) return false;
    let leg = 0;
    for (const cache of this.caches) {
      const source = sources[leg++]!;
      if (source.cache !== cache || source.subnets !== this.#subnets.get(cache)) return false;
      if (source.version !== (cache.at(name)?.version ?? ABSENT)) return false;
    }
    return true;
  }

  #isRenewed(sources: readonly Source[], name: NameKey): boolean {
    return sources.some(({ cache, renewals }) => renewals !== (cache.at(name)?.renewals ?? 0));
  }

  #translate(heard: HeardSet, subnets: readonly Subnet[] | undefined, time: number): TranslatedSet {
    const { type } = heard;
    let refusal = this.refusal(heard);
    const name = this.name(heard.name);
    const rdatas = new Map<string, Rdata>();
    const targets: (Name | undefined)[] = [];
    const ttls: number[] = [];
    let foreign: Reason | undefined;
    let since = Number.POSITIVE_INFINITY;
    let until = Number.POSITIVE_INFINITY;
    const isWanted = refusal === undefined && name !== undefined && isCarriedType(type);
    for (const record of heard.records.values()) {
      if (record.isSuperseded && isUnique(type)) continue;
      since = Math.min(since, record.firstHeard);
      let rdata = isWanted ? this.#translateData(heard.name, record.rdata) : undefined;
      if (rdata !== undefined && !this.#isBelieved(record.rdata, subnets)) {
        foreign ??= "no address of its host belongs to its link";
        rdata = undefined;
      }
      if (rdata === undefined || rdatas.has(rdata.key)) continue;
      const ttl = servedTtl(record, time);
      until = Math.min(until, ttlHolds(record, ttl));
      rdatas.set(rdata.key, rdata);
      targets.push(targetOf(record.rdata));
      ttls.push(ttl);
    }
    const isEmpty = rdatas.size === 0;
    if (isEmpty) refusal ??= foreign;
    const ttl = ttls.reduce((least, each) => Math.min(least, each), SERVED_TTL);
    return {
      name: heard.name,
      type,
      set: isEmpty ? undefined : { name: name!, type, ttl, rdatas: exact([...rdatas.values()]) },
      targets: isEmpty ? NONE : exact(targets),
      ttls: isEmpty ? NONE : exact(ttls),
      refusal,
      since,
      until,
    };
  }

  /** The TXT record of a service that has none (RFC 6763 §6.1). */
  noText(service: Name): Rdata {
    return obtain(this.#noText, service, () => this.policy.text(service, EMPTY_TXT));
  }

  /** Remembers by `data`, which belongs to one record of one name. */
  #translateData(owner: Name, data: Rdata): Rdata | undefined {
    const known = this.#rdatas.get(data);
    if (known !== undefined || this.#rdatas.has(data)) return known;
    let rdata = publishableData(data)?.mapNames((name) => this.name(name));
    if (rdata !== undefined && isAddressType(rdata.type))
      rdata = mapAddress(rdata, this.policy.addresses.mapped);
    if (rdata?.type === Type.TXT) rdata = this.policy.text(owner, rdata);
    this.#rdatas.set(data, rdata);
    return rdata;
  }

  /** If the leg's subnets are unknown, every address is believed. */
  #isBelieved(data: Rdata, subnets: readonly Subnet[] | undefined): boolean {
    if (subnets === undefined || !isAddressType(data.type)) return true;
    return this.policy.believes(data.values[0] as Uint8Array, subnets);
  }

  /** Why nothing of this name is published, whatever it leads to. */
  refusal({ name, type }: HeardSet): Reason | undefined {
    const isTranslatable = this.name(name) !== undefined;
    switch (type) {
      case Type.SRV: {
        const parts = parseInstance(name);
        if (parts?.domain.equals(LOCAL) !== true) return "its name is not that of a service";
        if (isReserved(name.labels)) return "its name is reserved";
        if (hasControls(parts.instance)) return "its name has control characters";
        return isTranslatable ? undefined : "its name is too long beneath the site";
      }
      case Type.A:
      case Type.AAAA:
      case Type.CNAME: {
        const isService = type !== Type.CNAME && mayBeItsOwnHost(name);
        const isNoHost = hasUnderscore(name) && !isService;
        // What is at `local.` would end up at the site's own domain.
        if (name.equals(LOCAL) || isReserved(name.labels) || isNoHost) {
          return "its host's name is reserved";
        }
        if (isSteeringHost(name) && !isService && !this.policy.isExempt(name)) {
          return "its host's name steers clients";
        }
        return isTranslatable ? undefined : "its host's name is too long beneath the site";
      }
      default:
        return isTranslatable ? undefined : "its name is too long beneath the site";
    }
  }
}

function isSameSubnets(a: readonly Subnet[], b: readonly Subnet[]): boolean {
  if (a.length !== b.length) return false;
  return a.every(({ base, prefix }, i) => {
    return prefix === b[i]!.prefix && Buffer.compare(base, b[i]!.base) === 0;
  });
}

/** A copy of exact length: an array that has grown has spare room, and there are many of these. */
function exact<T>(values: readonly T[]): readonly T[] {
  return values.slice();
}

const AWAITED: ReadonlySet<Reason> = new Set<Reason>([
  "no SRV record is known",
  "its TXT record is awaited",
  "no address of its host is known",
]);
const NONE: readonly never[] = [];
const NOTHING: TranslatedName = { sets: [], until: Number.POSITIVE_INFINITY };
/** The version of a name that does not exist; those that do have higher ones. */
const ABSENT = 0;
