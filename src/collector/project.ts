/**
 * What the zone is to hold, told from what the links hold (RFC 6763 §4, §9; RFC 8766 §5.5). Pure: the
 * same caches at the same time give the same records, whatever happened before.
 *
 * Beneath each site stand its services: complete ones only, each with SRV, TXT, whatever else is at
 * its name, and its hosts' addresses. PTRs and the list of types stand beneath the site and again at
 * the zone itself, where the targets stay in their sites; so every site is browsed at once and no
 * set mixes two hosts. Nothing that ends in `local.` is ever in it.
 */
import { earlier } from "../clock.ts";
import { Type } from "../dns/constants.ts";
import type { Name, NameKey } from "../dns/name.ts";
import { rdata as make, type Rdata, srvOf, targetOf } from "../dns/rdata.ts";
import { LOCAL, parseServiceType, serviceTypesName } from "../dns/service.ts";
import { MAX_ALIASES } from "./browser.ts";
import type { HeardRecord, HeardSet } from "./cache.ts";
import { isPublishableType, isReachable, isReserved } from "./publishable.ts";
import { type GrowingSet, RecordSets } from "./recordsets.ts";
import type { Reason, Site } from "./site.ts";

export interface Projection {
  readonly sets: RecordSets;
  /** The services that are listed, by their names in the zone. */
  readonly services: ReadonlyMap<NameKey, Name>;
  readonly withheld: readonly Withheld[];
  /** When it will be another one though nothing more is heard. */
  readonly due: number | undefined;
}

/** A service that was heard of and is not published. */
export interface Withheld {
  /** As it was heard. */
  readonly name: Name;
  readonly site: Name;
  readonly reason: Reason;
}

export function project(sites: Iterable<Site>, zone: Name, now: number): Projection {
  const whole = { sets: new RecordSets(), services: new Map(), withheld: [], due: undefined };
  for (const site of sites) new SiteProjection(site, zone, now, whole).make();
  return whole;
}

interface Unfinished {
  readonly sets: RecordSets;
  readonly services: Map<NameKey, Name>;
  readonly withheld: Withheld[];
  due: number | undefined;
}

class SiteProjection {
  readonly #site: Site;
  readonly #zone: Name;
  readonly #now: number;
  readonly #whole: Unfinished;
  readonly #places = new Map<NameKey, Place>();

  constructor(site: Site, zone: Name, now: number, whole: Unfinished) {
    this.#site = site;
    this.#zone = zone;
    this.#now = now;
    this.#whole = whole;
  }

  make(): void {
    for (const cache of this.#site.caches) {
      for (const set of cache.ofType(Type.SRV)) this.#consider(this.#place(set.name));
    }
    for (const cache of this.#site.caches) {
      for (const set of cache.ofType(Type.PTR)) if (set.name.isUnder(LOCAL)) this.#list(set);
    }
  }

  #place(name: Name): Place {
    let place = this.#places.get(name.key);
    if (place === undefined) {
      place = new Place(name, this.#site);
      this.#places.set(name.key, place);
    }
    return place;
  }

  #consider(service: Place): void {
    if (service.isListed !== undefined) return;
    const reason = this.#site.refusesService(service.name) ?? this.#serviceObjection(service);
    if (reason !== undefined) {
      this.#withhold(service, reason);
      return;
    }
    this.#publish(service);
    // RFC 6763 §6.1: no TXT record and an empty one are to mean the same.
    if (!service.has(Type.TXT)) this.#open(service, Type.TXT).add(SERVED_TTLS[0], EMPTY_TXT);
    service.isListed = false;
    for (const { rdata } of service.records(Type.SRV)) {
      if (this.#serverObjection(rdata) !== undefined) continue;
      this.#publishHost(targetOf(rdata)!, MAX_ALIASES);
      // A flagship's placeholder is there to be found, not to be browsed (RFC 6763 §8).
      if (srvOf(rdata).port !== 0) service.isListed = true;
    }
  }

  #withhold(service: Place, reason: Reason): void {
    service.isListed = false;
    this.#whole.withheld.push({ name: service.name, site: this.#site.domain, reason });
  }

  #serviceObjection(service: Place): Reason | undefined {
    let reason: Reason | undefined = "no SRV record is known";
    let since = this.#now;
    for (const { rdata, firstHeard } of service.records(Type.SRV)) {
      since = Math.min(since, firstHeard);
      if (reason !== undefined) reason = this.#serverObjection(rdata);
    }
    const patience = since + TXT_PATIENCE;
    if (reason !== undefined || service.has(Type.TXT) || patience <= this.#now) return reason;
    this.#changesAt(patience);
    return "its TXT record is awaited";
  }

  #serverObjection(srv: Rdata): Reason | undefined {
    const host = targetOf(srv)!;
    if (host.isRoot) return "it says that it is not available"; // RFC 2782 "Target"
    return host.isUnder(LOCAL) ? this.#hostObjection(this.#place(host), MAX_ALIASES) : undefined;
  }

  #hostObjection(host: Place, aliases: number): Reason | undefined {
    if (host.objection === "not known yet") {
      // For the time being, should an alias lead back here.
      host.objection = "no address of its host is known";
      host.objection = this.#site.refusesHost(host.name) ?? this.#addressObjection(host, aliases);
    }
    return host.objection;
  }

  #addressObjection(host: Place, aliases: number): Reason | undefined {
    let reason: Reason = "no address of its host is known";
    for (const { type, records } of host.sets) {
      if (type !== Type.A && type !== Type.AAAA) continue;
      for (const { rdata } of records.values()) {
        if (isReachable(rdata)) return undefined;
        reason = "no address of its host can be reached from elsewhere";
      }
    }
    const { alias } = host;
    const target = alias && targetOf(alias.rdata)!;
    if (target === undefined || aliases === 0) return reason;
    if (!target.isUnder(LOCAL)) return undefined;
    return this.#hostObjection(this.#place(target), aliases - 1);
  }

  #publishHost(name: Name, aliases: number): void {
    if (!name.isUnder(LOCAL)) return;
    const host = this.#place(name);
    this.#publish(host);
    const { alias } = host;
    const rdata = alias && this.#site.rdata(alias.rdata);
    if (rdata === undefined) return;
    this.#open(host, Type.CNAME).add(this.#ttl(alias!), rdata);
    if (aliases > 0) this.#publishHost(targetOf(alias!.rdata)!, aliases - 1);
  }

  /** Everything at a name but PTRs and CNAMEs. */
  #publish(place: Place): void {
    if (place.isPublished) return;
    place.isPublished = true;
    for (const { type, records } of place.sets) {
      if (type === Type.CNAME || !isPublishableType(type)) continue;
      for (const record of records.values()) {
        const rdata = this.#publishable(record.rdata);
        if (rdata !== undefined) this.#open(place, type).add(this.#ttl(record), rdata);
      }
    }
  }

  #publishable(rdata: Rdata): Rdata | undefined {
    switch (rdata.type) {
      case Type.A:
      case Type.AAAA:
        return isReachable(rdata) ? rdata : undefined;
      case Type.SRV:
        return this.#serverObjection(rdata) === undefined ? this.#site.rdata(rdata) : undefined;
      case Type.TXT:
        return rdata.isEmpty ? EMPTY_TXT : rdata;
      default:
        return this.#site.rdata(rdata);
    }
  }

  /** The instances of a type or subtype, beneath the site and beneath the zone. */
  #list(heard: HeardSet): void {
    const parts = parseServiceType(heard.name);
    if (parts?.domain.equals(LOCAL) !== true || isReserved(heard.name)) return;
    const name = this.#site.name(heard.name);
    const mergedName = heard.name.replaceSuffix(LOCAL, this.#zone);
    if (name === undefined || mergedName === undefined) return;
    const { sets, services } = this.#whole;
    let merged: GrowingSet | undefined;
    for (const record of heard.records.values()) {
      const instance = targetOf(record.rdata)!;
      const isFar = !instance.isUnder(LOCAL);
      if (!isFar) {
        const service = this.#place(instance);
        if (service.isListed === undefined) this.#withhold(service, "no SRV record is known");
        if (service.isListed !== true) continue;
      }
      const rdata = this.#site.rdata(record.rdata);
      if (rdata === undefined) continue;
      const ttl = this.#ttl(record);
      sets.open(name, Type.PTR).add(ttl, rdata);
      // What leads elsewhere is the site's affair (RFC 6763 §4.2); the zone lists its own.
      if (isFar) continue;
      merged ??= sets.open(mergedName, Type.PTR);
      merged.add(ttl, rdata);
      const service = targetOf(rdata)!;
      services.set(service.key, service);
    }
    if (merged === undefined || parts.subtype !== undefined) return;
    this.#listType(this.#site.domain, name);
    this.#listType(this.#zone, mergedName);
  }

  /** RFC 6763 §9: two labels and the domain, never a subtype. */
  #listType(domain: Name, type: Name): void {
    const name = serviceTypesName(domain);
    if (name === undefined) return;
    this.#whole.sets.open(name, Type.PTR).add(SERVED_TTLS[0], make.ptr(type));
  }

  /**
   * A record in good health has one TTL for ever: it is refreshed long before what is left of its
   * life comes down to what is served (RFC 2181 §8, RFC 8766 §5.5.1). The second after a goodbye
   * does not count, since it is there for nothing to be seen of it.
   */
  #ttl({ lastHeard, lifetime }: HeardRecord): number {
    const end = lastHeard + lifetime;
    const most = Math.min(lifetime * HEALTHY, end - this.#now) / 1000;
    const ttl = SERVED_TTLS.find((ttl) => ttl <= most) ?? LEAST_TTL;
    if (ttl > LEAST_TTL) this.#changesAt(end - ttl * 1000 + 1);
    return ttl;
  }

  #changesAt(time: number): void {
    this.#whole.due = earlier(this.#whole.due, time);
  }

  #open(place: Place, type: number): GrowingSet {
    return this.#whole.sets.open(this.#site.name(place.name)!, type);
  }
}

/** A name of the site, as this projection finds it. */
class Place {
  readonly name: Name;
  /** What each leg has of it. */
  readonly sets: readonly HeardSet[];
  isPublished = false;
  /** As a service; undefined where it has not been considered. */
  isListed: boolean | undefined;
  /** As a host. */
  objection: Reason | undefined | "not known yet" = "not known yet";

  constructor(name: Name, site: Site) {
    const sets: HeardSet[] = [];
    for (const cache of site.caches) {
      for (const set of cache.at(name.key)?.values() ?? []) sets.push(set);
    }
    this.name = name;
    this.sets = sets;
  }

  has(type: number): boolean {
    return this.sets.some((set) => set.type === type);
  }

  records(type: number): HeardRecord[] {
    return this.sets.flatMap((set) => (set.type === type ? [...set.records.values()] : []));
  }

  /** Its CNAME, where it is nothing but another name for something (RFC 1034 §3.6.2). */
  get alias(): HeardRecord | undefined {
    const isAlone = this.sets.every(({ type }) => type === Type.CNAME || !isPublishableType(type));
    return isAlone ? this.records(Type.CNAME)[0] : undefined;
  }
}

const EMPTY_TXT = make.txt();
/** Milliseconds in which a service is asked twice for the TXT record it was announced without. */
const TXT_PATIENCE = 1500;
/** Seconds: RFC 8766 §5.5.1, and steps down to the end of a life. */
const SERVED_TTLS = [10, 5, 2, 1] as const;
const LEAST_TTL = 1;
/** The part of its life a record has left, at the least, when its first refresh is answered. */
const HEALTHY = 0.15;
