/**
 * Derives what the zone should hold from what the links hold (RFC 6763 §4, §9; RFC 8766 §5.5). Pure: the
 * same caches at the same time give the same records, whatever happened before.
 *
 * Beneath each site are its services: complete ones only, each with SRV, TXT, whatever else is at its name,
 * and its hosts' addresses. PTRs and the list of types are beneath the site and again at the zone itself,
 * where the targets stay in their sites; so all sites can be browsed at once, and no set mixes two hosts.
 * Nothing that ends in `local.` ever gets in.
 */
import { earlier } from "../../clock.ts";
import { isLinkLocal } from "../../dns/address.ts";
import { isAddressType, Type } from "../../dns/constants.ts";
import type { Name, NameKey } from "../../dns/name.ts";
import { rdata as make, type Rdata, srvOf, targetOf } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import {
  LOCAL,
  parseInstance,
  parseServiceType,
  SERVED_TTL,
  type ServiceType,
  serviceTypesName,
} from "../../dns/service.ts";
import { isReserved } from "../../zone/update/principal.ts";
import { MAX_ALIASES } from "../link/browser.ts";
import { endOfSecond, startOfSecond } from "../link/ttl.ts";
import { obtain } from "../obtain.ts";
import { RecordSets } from "../recordsets.ts";
import { among, type IsIn } from "./policy.ts";
import { aliasOf, ProjectedName } from "./projectedname.ts";
import { hasUnderscore } from "./publishable.ts";
import type { Reason, Site, TranslatedSet } from "./site.ts";
import { Whereabouts } from "./whereabouts.ts";

export interface Projection {
  readonly sets: RecordSets;
  /** The services that are listed, by their names in the zone. */
  readonly services: ReadonlyMap<NameKey, Name>;
  readonly withheld: readonly Withheld[];
  /** When the projection will change even if nothing more is heard. */
  readonly due: number | undefined;
}

/** A service that was heard of but is not published; when one name is projected, also a host. */
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

/**
 * Projects one name of the link and what it leads to: a list of services, a service, or else a host,
 * whether or not a service leads to it.
 */
export function projectOne(site: Site, zone: Name, name: Name, now: number): Projection {
  const whole = { sets: new RecordSets(), services: new Map(), withheld: [], due: undefined };
  new SiteProjection(site, zone, now, whole).makeOne(name);
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
  readonly #time: number;
  readonly #whole: Unfinished;
  readonly #names = new Map<NameKey, ProjectedName>();
  readonly #whereabouts: Whereabouts;
  /** The entries of the lists of types, at the site and at the zone. */
  readonly #types = [new Map<NameKey, Rdata>(), new Map<NameKey, Rdata>()] as const;

  constructor(site: Site, zone: Name, now: number, whole: Unfinished) {
    this.#site = site;
    this.#zone = zone;
    this.#time = endOfSecond(now);
    this.#whole = whole;
    this.#whereabouts = new Whereabouts((host) => site.addressesOf(host));
  }

  make(): void {
    for (const cache of this.#site.caches) {
      for (const { name } of cache.ofType(Type.SRV)) this.#consider(name, this.#at(name));
    }
    for (const cache of this.#site.caches) {
      for (const { name } of cache.ofType(Type.PTR)) this.#list(name);
    }
    this.#listTypes(this.#site.domain, this.#types[0]);
    this.#listTypes(this.#zone, this.#types[1]);
    this.#site.retain(this.#names);
  }

  makeOne(name: Name): void {
    if (parseServiceType(name) !== undefined) this.#list(name);
    else if (parseInstance(name) !== undefined) this.#consider(name, this.#at(name));
    else this.#makeHost(name);
  }

  #makeHost(host: Name): void {
    const { policy } = this.#site;
    const projected = this.#at(host);
    const addresses = policy.isAboutAddresses ? [...this.#addressesOf(host)] : [];
    // Every machine has a link-local address, which says nothing about where it is.
    if (policy.isAboutAddresses && !aliasOf(projected) && addresses.every(isLinkLocal)) {
      this.#withhold(host, projected, UNKNOWN);
      return;
    }
    const hosts = () => this.#namesOf(host);
    const denial = policy.hostObjection(hosts, among(addresses));
    // The target of an alias may not be known yet: whoever gets the alias asks for it.
    const objection = denial ?? this.#hostObjection(projected, MAX_ALIASES);
    const isRefused = objection !== undefined && objection !== UNKNOWN;
    if (isRefused) this.#withhold(host, projected, objection);
    // A host without usable addresses may have other records.
    const isUntold = isRefused && aliasOf(projected) !== undefined;
    if (denial === undefined && !isUntold) this.#publishHost(host, MAX_ALIASES);
  }

  #at({ key }: Name): ProjectedName {
    let projected = this.#names.get(key);
    if (projected === undefined) {
      const { sets, until } = this.#site.translate(key, this.#time);
      projected = new ProjectedName(sets);
      this.#names.set(key, projected);
      this.#holdsUntil(until);
    }
    return projected;
  }

  #consider(name: Name, service: ProjectedName): void {
    if (service.isListed !== undefined) return;
    service.isListed = false;
    let objection: Reason = "no SRV record is known";
    let hasText = false;
    const sets: RecordSet[] = [];
    const hosts: Name[] = [];
    for (const { type, set, targets, ttls, refusal } of service.sets) {
      if (type === Type.PTR || type === Type.CNAME) continue;
      if (type === Type.TXT) hasText = true;
      if (type !== Type.SRV) {
        if (set !== undefined) sets.push(set);
        continue;
      }
      if (set === undefined) {
        objection = refusal ?? "its host's name is too long beneath the site";
        continue;
      }
      const servers = keep(set, ttls, (i) => {
        const reason = this.#serverObjection(name, targets[i]!);
        if (reason === undefined) hosts.push(targets[i]!);
        else objection = reason;
        return reason === undefined;
      });
      if (servers === undefined) continue;
      sets.push(servers);
      // A flagship's placeholder exists to be found, not to be browsed (RFC 6763 §8).
      service.isListed ||= servers.rdatas.some((srv) => srvOf(srv).port !== 0);
    }
    if (hosts.length === 0) {
      this.#withhold(name, service, objection);
      return;
    }
    if (!hasText) {
      if (this.#isTextAwaited(service)) {
        this.#withhold(name, service, "its TXT record is awaited");
        return;
      }
      const text = { name: this.#site.name(name)!, type: Type.TXT, ttl: SERVED_TTL };
      sets.push({ ...text, rdatas: [this.#site.noText(name)] });
    }
    const isOwnHost = hosts.some((host) => host.equals(name));
    for (const set of sets) if (isOwnHost || !isAddressType(set.type)) this.#whole.sets.add(set);
    for (const host of hosts) if (!host.equals(name)) this.#publishHost(host, MAX_ALIASES);
  }

  #withhold(name: Name, service: ProjectedName, reason: Reason): void {
    service.isListed = false;
    this.#whole.withheld.push({ name, site: this.#site.domain, reason });
  }

  #isTextAwaited(service: ProjectedName): boolean {
    const since = service.sets
      .filter(({ type }) => type === Type.SRV)
      .reduce((first, { since }) => Math.min(first, since), this.#time);
    this.#holdsUntil(since + TXT_PATIENCE);
    return this.#time <= since + TXT_PATIENCE;
  }

  #serverObjection(service: Name, host: Name): Reason | undefined {
    if (host.isRoot) return "it says that it is not available"; // RFC 2782 "Target"
    const hosts = () => this.#namesOf(host);
    const isIn: IsIn = (networks) =>
      [...hosts()].some(({ key }) => this.#whereabouts.isIn(key, networks));
    const denial = this.#site.policy.objection(service.parentKey, service, hosts, isIn);
    if (denial !== undefined) return denial;
    if (!host.isUnder(LOCAL)) return undefined;
    // A service is a host only for itself: otherwise another would reveal one that is withheld.
    if (hasUnderscore(host) && !host.equals(service)) return "its host's name is reserved";
    return this.#hostObjection(this.#at(host), MAX_ALIASES);
  }

  /** The host, and the names that it is an alias of. */
  *#namesOf(host: Name, aliases = MAX_ALIASES): Iterable<Name> {
    yield host;
    const alias = aliases > 0 && host.isUnder(LOCAL) ? aliasOf(this.#at(host)) : undefined;
    if (alias !== undefined) yield* this.#namesOf(alias.targets[0]!, aliases - 1);
  }

  /** The addresses heard of the host and of the names that it is an alias of. */
  *#addressesOf(host: Name): Iterable<Uint8Array> {
    for (const { key } of this.#namesOf(host)) yield* this.#site.addressesOf(key);
  }

  #hostObjection(host: ProjectedName, aliases: number): Reason | undefined {
    if (host.objection === "not known yet") {
      // Provisional, in case an alias leads back here.
      host.objection = UNKNOWN;
      host.objection = this.#addressObjection(host, aliases);
    }
    return host.objection;
  }

  #addressObjection(host: ProjectedName, aliases: number): Reason | undefined {
    let reason: Reason = UNKNOWN;
    for (const { type, set, refusal } of host.sets) {
      // A name that no host may have, no alias may have either.
      if (type === Type.CNAME) reason = refusal ?? reason;
      if (!isAddressType(type)) continue;
      if (set !== undefined) return undefined;
      reason = refusal ?? "no address of its host can be reached from elsewhere";
    }
    const alias = aliasOf(host);
    if (alias === undefined || aliases === 0) return reason;
    const target = alias.targets[0]!;
    if (!target.isUnder(LOCAL)) return undefined;
    return this.#hostObjection(this.#at(target), aliases - 1);
  }

  #publishHost(name: Name, aliases: number): void {
    if (!name.isUnder(LOCAL)) return;
    const host = this.#at(name);
    if (host.isPublished) return;
    host.isPublished = true;
    for (const { type, set } of host.sets) {
      if (type === Type.PTR || type === Type.CNAME) continue;
      if (set !== undefined) this.#whole.sets.add(set);
    }
    const alias = aliasOf(host);
    if (alias === undefined) return;
    this.#whole.sets.put({ ...alias.set!, rdatas: alias.set!.rdatas.slice(0, 1) });
    if (aliases > 0) this.#publishHost(alias.targets[0]!, aliases - 1);
  }

  /** Lists the instances of a type or subtype, beneath the site and beneath the zone. */
  #list(name: Name): void {
    const parts = parseServiceType(name);
    if (parts?.domain.equals(LOCAL) !== true || isReserved(name.labels)) return;
    const type = this.#at(name);
    if (type.isExpanded) return;
    type.isExpanded = true;
    for (const heard of type.sets) {
      if (heard.type === Type.PTR) this.#listInstances(heard, parts);
    }
  }

  #listInstances(
    { name, set, targets, ttls }: TranslatedSet,
    { type, subtype }: ServiceType,
  ): void {
    const merged = name.replaceSuffix(LOCAL, this.#zone);
    if (set === undefined || merged === undefined) return;
    const isFar = targets.map((target) => !target!.isUnder(LOCAL));
    const { policy } = this.#site;
    const isDenied = (service: Name) => policy.objection(type.key, service) !== undefined;
    // Under a type other than its own, a service is also subject to that type's rules.
    const mayBe = (service: Name) => service.isUnder(type) || !isDenied(service);
    const isListed = targets.map((target, i) => {
      return !isFar[i] && this.#isListed(target!) && mayBe(target!);
    });
    const all = keep(set, ttls, (i) => (isFar[i]! ? !isDenied(targets[i]!) : isListed[i]!));
    if (all !== undefined) this.#whole.sets.add(all);
    // Only the site lists what leads elsewhere (RFC 6763 §4.2); the zone lists its own.
    const own = keep(set, ttls, (i) => isListed[i]!);
    if (own === undefined) return;
    this.#whole.sets.add({ ...own, name: merged });
    for (const rdata of own.rdatas) {
      const service = targetOf(rdata)!;
      this.#whole.services.set(service.key, service);
    }
    if (subtype !== undefined) return;
    // RFC 6763 §9: two labels and the domain, never a subtype.
    obtain(this.#types[0], set.name.key, () => make.ptr(set.name));
    obtain(this.#types[1], merged.key, () => make.ptr(merged));
  }

  #isListed(instance: Name): boolean {
    const service = this.#at(instance);
    this.#consider(instance, service);
    return service.isListed!;
  }

  #listTypes(domain: Name, types: ReadonlyMap<NameKey, Rdata>): void {
    const name = serviceTypesName(domain);
    if (name === undefined || types.size === 0) return;
    const rdatas = [...types.values()];
    this.#whole.sets.add({ name, type: Type.PTR, ttl: SERVED_TTL, rdatas });
  }

  #holdsUntil(time: number): void {
    if (time < this.#time || time === Number.POSITIVE_INFINITY) return;
    this.#whole.due = earlier(this.#whole.due, startOfSecond(time));
  }
}

/** The set with these of its records: `set` itself if that is all of them, undefined if it is none. */
function keep(
  set: RecordSet,
  ttls: readonly number[],
  isKept: (i: number) => boolean,
): RecordSet | undefined {
  const rdatas: Rdata[] = [];
  let ttl = SERVED_TTL;
  for (let i = 0; i < set.rdatas.length; i++) {
    if (!isKept(i)) continue;
    rdatas.push(set.rdatas[i]!);
    ttl = Math.min(ttl, ttls[i]!);
  }
  if (rdatas.length === set.rdatas.length) return set;
  return rdatas.length > 0 ? { ...set, ttl, rdatas } : undefined;
}

const UNKNOWN: Reason = "no address of its host is known";
/**
 * Milliseconds, up to the end of a second: the wait is at least 1.5 s, enough to ask a service twice for
 * the TXT record that it was announced without.
 */
const TXT_PATIENCE = 2500;
