/**
 * A place and its links. What they say of `local.` is said of the site's domain in the zone: the
 * whole last label is replaced, in owners and in every name of the data, and nothing else is
 * (RFC 8766 §5.5). Names too long for that have no translation; none is ever cut.
 */
import { Type } from "../dns/constants.ts";
import type { Name } from "../dns/name.ts";
import { type Rdata, targetOf } from "../dns/rdata.ts";
import type { RecordSet } from "../dns/record.ts";
import { LOCAL, parseInstance, parseServiceType } from "../dns/service.ts";
import type { LinkCache } from "./cache.ts";
import type { HeardSet } from "./heard.ts";
import { hasControls, isPublishableType, isReserved, publishableData } from "./publishable.ts";
import { SERVED_TTL, servedTtl, ttlEnds } from "./ttl.ts";

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

/** A set of the link as the zone would have it, whatever else there is. */
export interface Translation {
  /** Undefined where nothing of it may be in the zone. */
  readonly set: RecordSet | undefined;
  /** What each of its records points to, as the link has it. */
  readonly targets: readonly (Name | undefined)[];
  /** What each of its records would be served with, were it alone. */
  readonly ttls: readonly number[];
  /** Why no service or host of this name is published, where it is an SRV or an address. */
  readonly refusal: Reason | undefined;
  /** When it will be another though nothing more is heard. */
  readonly due: number;
}

export class Site {
  readonly domain: Name;
  /** One for each leg of the site; what they hear is one. */
  readonly caches = new Set<LinkCache>();
  /** From one time to the next nearly everything stays as it is. */
  readonly #translations = new WeakMap<HeardSet, Translation & { readonly version: number }>();
  /** Undefined as a value: it has no translation. */
  readonly #rdatas = new WeakMap<Rdata, Rdata | undefined>();

  constructor(domain: Name) {
    this.domain = domain;
  }

  /** Where a name of the link stands in the zone. */
  name(name: Name): Name | undefined {
    return name.replaceSuffix(LOCAL, this.domain);
  }

  translate(heard: HeardSet, now: number): Translation {
    const known = this.#translations.get(heard);
    if (known?.version === heard.version && now < known.due) return known;
    const translation = { ...this.#translate(heard, now), version: heard.version };
    this.#translations.set(heard, translation);
    return translation;
  }

  #translate(heard: HeardSet, now: number): Translation {
    const { type } = heard;
    const refusal = this.#refusal(heard);
    const name = this.name(heard.name);
    if (refusal !== undefined || name === undefined || !isPublishableType(type)) {
      const due = Number.POSITIVE_INFINITY;
      return { set: undefined, targets: [], ttls: [], refusal, due };
    }
    const rdatas = new Map<string, Rdata>();
    const targets: (Name | undefined)[] = [];
    const ttls: number[] = [];
    let due = Number.POSITIVE_INFINITY;
    for (const record of heard.records.values()) {
      const rdata = this.#translateData(record.rdata);
      if (rdata === undefined || rdatas.has(rdata.key)) continue;
      const ttl = servedTtl(record, now);
      due = Math.min(due, ttlEnds(record, ttl));
      rdatas.set(rdata.key, rdata);
      targets.push(targetOf(record.rdata));
      ttls.push(ttl);
    }
    const ttl = ttls.reduce((least, each) => Math.min(least, each), SERVED_TTL);
    const set = rdatas.size > 0 ? { name, type, ttl, rdatas: [...rdatas.values()] } : undefined;
    return { set, targets, ttls, refusal, due };
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
