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
import { hasControls, isPublishableType, isReachable, isReserved } from "./publishable.ts";
import { RecordSets } from "./recordsets.ts";
import type { Site } from "./site.ts";

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

export type Reason =
  | "no SRV record is known"
  | "its TXT record is awaited"
  | "no address of its host is known"
  | "no address of its host can be reached from elsewhere"
  | "it says that it is not available"
  | "its name is reserved"
  | "its name has control characters"
  | "its name is too long beneath the site"
  | "its name is not that of a service"
  | "its host's name is reserved"
  | "its host's name is too long beneath the site";

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
  /** Is it to be listed? Undefined where it is not published. */
  readonly #services = new Map<NameKey, boolean | undefined>();
  readonly #hosts = new Map<NameKey, Reason | undefined>();
  readonly #published = new Set<NameKey>();

  constructor(site: Site, zone: Name, now: number, whole: Unfinished) {
    this.#site = site;
    this.#zone = zone;
    this.#now = now;
    this.#whole = whole;
  }

  make(): void {
    for (const set of this.#ofType(Type.SRV)) this.#consider(set.name);
    for (const set of this.#ofType(Type.PTR)) if (set.name.isUnder(LOCAL)) this.#list(set);
  }

  #consider(service: Name): void {
    if (this.#services.has(service.key)) return;
    const reason = this.#objection(service);
    if (reason !== undefined) {
      this.#withhold(service, reason);
      return;
    }
    this.#publish(service);
    const [txt] = this.#records(service, Type.TXT);
    // RFC 6763 §6.1: no TXT record and an empty one are to mean the same.
    if (txt === undefined) this.#add(service, SERVED_TTLS[0], EMPTY_TXT);
    let isListed = false;
    for (const { rdata } of this.#records(service, Type.SRV)) {
      if (this.#serverObjection(rdata) !== undefined) continue;
      this.#publishHost(targetOf(rdata)!, MAX_ALIASES);
      // A flagship's placeholder is there to be found, not to be browsed (RFC 6763 §8).
      if (srvOf(rdata).port !== 0) isListed = true;
    }
    this.#services.set(service.key, isListed);
  }

  #withhold(service: Name, reason: Reason): void {
    this.#services.set(service.key, undefined);
    this.#whole.withheld.push({ name: service, site: this.#site.domain, reason });
  }

  #objection(service: Name): Reason | undefined {
    const parts = this.#site.instance(service);
    if (parts === undefined) return "its name is not that of a service";
    if (isReserved(service)) return "its name is reserved";
    if (hasControls(parts.instance)) return "its name has control characters";
    if (this.#site.name(service) === undefined) return "its name is too long beneath the site";
    let reason: Reason | undefined = "no SRV record is known";
    let since = this.#now;
    for (const { rdata, firstHeard } of this.#records(service, Type.SRV)) {
      since = Math.min(since, firstHeard);
      if (reason !== undefined) reason = this.#serverObjection(rdata);
    }
    if (reason === undefined && since + TXT_PATIENCE > this.#now) {
      const [txt] = this.#records(service, Type.TXT);
      if (txt === undefined) {
        this.#changesAt(since + TXT_PATIENCE);
        return "its TXT record is awaited";
      }
    }
    return reason;
  }

  #serverObjection(srv: Rdata): Reason | undefined {
    const host = targetOf(srv)!;
    if (host.isRoot) return "it says that it is not available"; // RFC 2782 "Target"
    return host.isUnder(LOCAL) ? this.#hostObjection(host, MAX_ALIASES) : undefined;
  }

  #hostObjection(host: Name, aliases: number): Reason | undefined {
    if (this.#hosts.has(host.key)) return this.#hosts.get(host.key);
    // For the time being, should an alias lead back here.
    this.#hosts.set(host.key, "no address of its host is known");
    const reason = this.#findHostObjection(host, aliases);
    this.#hosts.set(host.key, reason);
    return reason;
  }

  #findHostObjection(host: Name, aliases: number): Reason | undefined {
    if (isReserved(host) || isService(host) || isService(host.parent)) {
      return "its host's name is reserved";
    }
    if (this.#site.name(host) === undefined) return "its host's name is too long beneath the site";
    const alias = this.#aliasOf(host);
    if (alias !== undefined) {
      if (!alias.isUnder(LOCAL)) return undefined;
      return aliases > 0
        ? this.#hostObjection(alias, aliases - 1)
        : "no address of its host is known";
    }
    let reason: Reason = "no address of its host is known";
    for (const type of [Type.A, Type.AAAA]) {
      for (const { rdata } of this.#records(host, type)) {
        if (isReachable(rdata)) return undefined;
        reason = "no address of its host can be reached from elsewhere";
      }
    }
    return reason;
  }

  /** Where a name is nothing but another name for something (RFC 1034 §3.6.2). */
  #aliasOf(name: Name): Name | undefined {
    for (const cache of this.#site.caches) {
      for (const type of cache.at(name.key)?.keys() ?? []) {
        if (type !== Type.CNAME && isPublishableType(type)) return undefined;
      }
    }
    const [alias] = this.#records(name, Type.CNAME);
    return alias && targetOf(alias.rdata);
  }

  /** Everything at a name but PTRs and CNAMEs. */
  #publish(name: Name): void {
    if (this.#published.has(name.key)) return;
    this.#published.add(name.key);
    for (const cache of this.#site.caches) {
      for (const set of cache.at(name.key)?.values() ?? []) {
        if (set.type === Type.CNAME || !isPublishableType(set.type)) continue;
        for (const record of set.records.values()) {
          const rdata = this.#publishable(record.rdata);
          if (rdata !== undefined) this.#add(name, this.#ttl(record), rdata);
        }
      }
    }
  }

  #publishHost(host: Name, aliases: number): void {
    if (!host.isUnder(LOCAL)) return;
    this.#publish(host);
    const alias = this.#aliasOf(host);
    if (alias === undefined) return;
    const [record] = this.#records(host, Type.CNAME);
    const rdata = this.#site.rdata(record!.rdata);
    if (rdata !== undefined) this.#add(host, this.#ttl(record!), rdata);
    if (aliases > 0) this.#publishHost(alias, aliases - 1);
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
  #list(set: HeardSet): void {
    const parts = parseServiceType(set.name);
    if (parts?.domain.equals(LOCAL) !== true || isReserved(set.name)) return;
    const owner = this.#site.name(set.name);
    const merged = set.name.replaceSuffix(LOCAL, this.#zone);
    if (owner === undefined || merged === undefined) return;
    let isListed = false;
    for (const record of set.records.values()) {
      const target = targetOf(record.rdata)!;
      const rdata = this.#site.rdata(record.rdata);
      if (rdata === undefined) continue;
      if (!target.isUnder(LOCAL)) {
        this.#whole.sets.add(owner, this.#ttl(record), rdata);
        continue;
      }
      if (!this.#services.has(target.key)) this.#withhold(target, "no SRV record is known");
      if (this.#services.get(target.key) !== true) continue;
      const ttl = this.#ttl(record);
      this.#whole.sets.add(owner, ttl, rdata);
      this.#whole.sets.add(merged, ttl, rdata);
      const instance = targetOf(rdata)!;
      this.#whole.services.set(instance.key, instance);
      isListed = true;
    }
    if (!isListed || parts.subtype !== undefined) return;
    this.#listType(this.#site.domain, owner);
    this.#listType(this.#zone, merged);
  }

  /** RFC 6763 §9: two labels and the domain, never a subtype. */
  #listType(domain: Name, type: Name): void {
    const name = serviceTypesName(domain);
    if (name !== undefined) this.#whole.sets.add(name, SERVED_TTLS[0], make.ptr(type));
  }

  #add(name: Name, ttl: number, rdata: Rdata): void {
    this.#whole.sets.add(this.#site.name(name)!, ttl, rdata);
  }

  /**
   * A record in good health has one TTL for ever: it is refreshed long before what is left of its
   * life comes down to what is served (RFC 2181 §8, RFC 8766 §5.5.1). The second after a goodbye
   * does not count, since it is there for nothing to be seen of it.
   */
  #ttl(record: HeardRecord): number {
    const end = record.lastHeard + record.lifetime;
    const most = Math.min(record.lifetime * HEALTHY, end - this.#now) / 1000;
    const ttl = SERVED_TTLS.find((ttl) => ttl <= most) ?? LEAST_TTL;
    if (ttl > LEAST_TTL) this.#changesAt(end - ttl * 1000 + 1);
    return ttl;
  }

  #changesAt(time: number): void {
    this.#whole.due = earlier(this.#whole.due, time);
  }

  *#ofType(type: number): Iterable<HeardSet> {
    for (const cache of this.#site.caches) yield* cache.ofType(type);
  }

  *#records(name: Name, type: number): Iterable<HeardRecord> {
    for (const cache of this.#site.caches) {
      const set = cache.set(name.key, type);
      if (set !== undefined) yield* set.records.values();
    }
  }
}

function isService(name: Name | undefined): boolean {
  return name !== undefined && parseServiceType(name) !== undefined;
}

const EMPTY_TXT = make.txt();
/** Milliseconds in which a service is asked twice for the TXT record it was announced without. */
const TXT_PATIENCE = 1500;
/** Seconds: RFC 8766 §5.5.1, and steps down to the end of a life. */
const SERVED_TTLS = [10, 5, 2, 1] as const;
const LEAST_TTL = 1;
/** The part of its life a record has left, at the least, when its first refresh is answered. */
const HEALTHY = 0.15;
