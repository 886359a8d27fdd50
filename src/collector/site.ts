/**
 * A place and its links. What they say of `local.` is said of the site's domain in the zone: the
 * whole last label is replaced, in owners and in every name of the data, and nothing else is
 * (RFC 8766 §5.5). Names too long for that have no translation; none is ever cut.
 *
 * Names are translated one by one, whatever the others say. From one time to the next nearly all
 * stay as they are, and then the translation is the very same one.
 */
import { Type } from "../dns/constants.ts";
import type { Name, NameKey } from "../dns/name.ts";
import { type Rdata, targetOf } from "../dns/rdata.ts";
import type { RecordSet } from "../dns/record.ts";
import { LOCAL, parseInstance, parseServiceType } from "../dns/service.ts";
import type { LinkCache } from "./cache.ts";
import type { HeardSet } from "./heard.ts";
import { hasControls, isPublishableType, isReserved, publishableData } from "./publishable.ts";
import { SERVED_TTL, servedTtl, ttlHolds } from "./ttl.ts";

/** Why a service that was heard of is not published. */
export type Reason =
  | "no SRV record is known"
  | "its TXT record is awaited"
  | "no address of its host is known"
  | "no address of its host can be reached from elsewhere"
  | "it says that it is not available"
  | "its name is not that of a service"
  | "its name is reserved"
  | "its name has control characters"
  | "its name is too long beneath the site"
  | "its host's name is reserved"
  | "its host's name is too long beneath the site";

/** A name of the link as the zone would have it, whatever else there is. */
export interface TranslatedName {
  /** What each leg has of it. */
  readonly sets: readonly TranslatedSet[];
  /** It is this for as long, if nothing more is heard. */
  readonly until: number;
}

export interface TranslatedSet {
  /** As the link has it. */
  readonly name: Name;
  readonly type: number;
  /** Undefined where nothing of it may be in the zone. */
  readonly set: RecordSet | undefined;
  /** What each of its records points to, as the link has it. */
  readonly targets: readonly (Name | undefined)[];
  /** What each of its records would be served with, were it alone. */
  readonly ttls: readonly number[];
  /** Why no service or host of this name is published, where it is an SRV or an address. */
  readonly refusal: Reason | undefined;
  /** When the first of its records was heard. */
  readonly since: number;
  readonly until: number;
}

/** What a translation was made of: a name's version in each leg's cache. */
interface Source {
  readonly cache: LinkCache;
  readonly version: number;
}

export class Site {
  readonly domain: Name;
  /** One for each leg of the site; what they hear is one. */
  readonly caches = new Set<LinkCache>();
  readonly #known = new Map<NameKey, TranslatedName & { readonly sources: readonly Source[] }>();
  /** Undefined as a value: it has no translation. */
  readonly #rdatas = new WeakMap<Rdata, Rdata | undefined>();

  constructor(domain: Name) {
    this.domain = domain;
  }

  /** Where a name of the link stands in the zone. */
  name(name: Name): Name | undefined {
    return name.replaceSuffix(LOCAL, this.domain);
  }

  /** What was translated before stays the same object until it is another or its time is up. */
  translate(name: NameKey, time: number): TranslatedName {
    const known = this.#known.get(name);
    if (known !== undefined && time <= known.until && this.#isFrom(known.sources, name)) {
      return known;
    }
    const sets: TranslatedSet[] = [];
    const sources: Source[] = [];
    let until = Number.POSITIVE_INFINITY;
    for (const cache of this.caches) {
      const heard = cache.at(name);
      sources.push({ cache, version: heard?.version ?? ABSENT });
      for (const each of heard?.sets.values() ?? []) {
        const set = this.#translate(each, time);
        sets.push(set);
        until = Math.min(until, set.until);
      }
    }
    if (sets.length === 0) return NOTHING;
    const translated = { sets: exact(sets), until, sources: exact(sources) };
    this.#known.set(name, translated);
    return translated;
  }

  /** Of all that was translated, these names may be wanted again. */
  retain(names: ReadonlyMap<NameKey, unknown>): void {
    for (const name of this.#known.keys()) if (!names.has(name)) this.#known.delete(name);
  }

  #isFrom(sources: readonly Source[], name: NameKey): boolean {
    if (sources.length !== this.caches.size) return false;
    let leg = 0;
    for (const cache of this.caches) {
      const source = sources[leg++]!;
      if (source.cache !== cache) return false;
      if (source.version !== (cache.at(name)?.version ?? ABSENT)) return false;
    }
    return true;
  }

  #translate(heard: HeardSet, time: number): TranslatedSet {
    const { type } = heard;
    const refusal = this.#refusal(heard);
    const name = this.name(heard.name);
    const rdatas = new Map<string, Rdata>();
    const targets: (Name | undefined)[] = [];
    const ttls: number[] = [];
    let since = Number.POSITIVE_INFINITY;
    let until = Number.POSITIVE_INFINITY;
    const isWanted = refusal === undefined && name !== undefined && isPublishableType(type);
    for (const record of heard.records.values()) {
      since = Math.min(since, record.firstHeard);
      const rdata = isWanted ? this.#translateData(record.rdata) : undefined;
      if (rdata === undefined || rdatas.has(rdata.key)) continue;
      const ttl = servedTtl(record, time);
      until = Math.min(until, ttlHolds(record, ttl));
      rdatas.set(rdata.key, rdata);
      targets.push(targetOf(record.rdata));
      ttls.push(ttl);
    }
    const isEmpty = rdatas.size === 0;
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

  #translateData(data: Rdata): Rdata | undefined {
    const known = this.#rdatas.get(data);
    if (known !== undefined || this.#rdatas.has(data)) return known;
    const rdata = publishableData(data)?.mapNames((name) => this.name(name));
    this.#rdatas.set(data, rdata);
    return rdata;
  }

  #refusal({ name, type }: HeardSet): Reason | undefined {
    const isTranslatable = this.name(name) !== undefined;
    switch (type) {
      case Type.SRV: {
        const parts = parseInstance(name);
        if (parts?.domain.equals(LOCAL) !== true) return "its name is not that of a service";
        if (isReserved(name)) return "its name is reserved";
        if (hasControls(parts.instance)) return "its name has control characters";
        return isTranslatable ? undefined : "its name is too long beneath the site";
      }
      case Type.A:
      case Type.AAAA:
      case Type.CNAME:
        if (isReserved(name) || isOfService(name)) return "its host's name is reserved";
        return isTranslatable ? undefined : "its host's name is too long beneath the site";
      default:
        return undefined;
    }
  }
}

/** Is it a service type, or an instance of one? */
function isOfService(name: Name): boolean {
  const { parent } = name;
  return [name, parent].some((each) => each !== undefined && parseServiceType(each) !== undefined);
}

/** In an array of its own length: one that has grown has room for more, and there are many of these. */
function exact<T>(values: readonly T[]): readonly T[] {
  return values.slice();
}

const NONE: readonly never[] = [];
const NOTHING: TranslatedName = { sets: [], until: Number.POSITIVE_INFINITY };
/** The version of a name that is not there; those that are have higher ones. */
const ABSENT = 0;
