/**
 * Applies a policy to what is already published: what it hides, and what it leaves. Pure. It sees records
 * as they are in the zone, not as they were heard: what is withheld today is not there to be judged, and
 * the networks that the links are in are unknown. An address in a network that a map leads to counts as
 * mapped. In case of doubt, what is there stays until the links have been heard.
 */
import { addressOctets, addressOfReverseName } from "../../dns/address.ts";
import { ADDRESS_TYPES, Type } from "../../dns/constants.ts";
import type { Name, NameKey } from "../../dns/name.ts";
import { Rdata, srvOf, stringsOf, targetOf } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import { LOCAL, parseInstance, parseServiceType } from "../../dns/service.ts";
import { MAX_ALIASES } from "../link/browser.ts";
import { obtain } from "../obtain.ts";
import { distinct, RecordSets } from "../recordsets.ts";
import { mapAddress } from "./addressmap.ts";
import { among, type Denial, type IsIn, type Policy, SitePolicy } from "./policy.ts";
import { isSteeringHost } from "./publishable.ts";
import type { Reason } from "./site.ts";
import { Whereabouts } from "./whereabouts.ts";

/** No rule lifts this objection, only `hosts` does. */
export const STEERING = "its host's name steers clients" satisfies Reason;

/** Names of services and hosts. */
interface Names {
  /** An SRV record with an objection is at these names or leads to them. */
  readonly touched: ReadonlySet<NameKey>;
  /** Those of them in the zone that no SRV record without an objection is at or leads to. */
  readonly hidden: ReadonlySet<NameKey>;
}

export class Judgement {
  readonly #policy: Policy;
  readonly #zone: Name;
  #published = new RecordSets();
  readonly #sites = new Map<NameKey, SitePolicy>();
  /** Of what is published now. */
  readonly #whereabouts = new Map<SitePolicy, Whereabouts>();
  #known: Names | undefined;

  /** `zone` is the one that services are published into. */
  constructor(policy: Policy, zone: Name) {
    this.#policy = policy;
    this.#zone = zone;
  }

  /** Takes what is published in the zone now. */
  look(published: RecordSets): void {
    this.#published = published;
    this.#whereabouts.clear();
    this.#known = undefined;
  }

  /** True if a service or a host is to be hidden. */
  get hidesNames(): boolean {
    return this.#names.hidden.size > 0;
  }

  /** The objection to this SRV record of a service; undefined if none is known. */
  objection(service: Name, srv: Rdata): Denial | typeof STEERING | undefined {
    const parts = parseInstance(service);
    const site = parts?.domain;
    if (site?.parent?.equals(this.#zone) !== true) return undefined;
    const policy = this.#policyOf(site);
    const hosts = this.#namesOf(srvOf(srv).target);
    const isSteering = (host: Name) => {
      // A service that is its own host has no host name.
      if (!host.isUnder(site) || host.equals(service)) return false;
      return isSteeringHost(host) && !policy.isExempt(heard(host, site));
    };
    if (hosts.some(isSteering)) return STEERING;
    const type = heard(parts!.type, site).key;
    const names = () => hosts.map((host) => heard(host, site));
    const whereabouts = this.#whereaboutsFor(policy);
    const isIn: IsIn = (networks) => hosts.some(({ key }) => whereabouts.isIn(key, networks));
    const denial = policy.objection(type, service, names, isIn);
    if (denial === undefined) return undefined;
    // Most devices also have a link-local address, which is never published.
    const isInMore: IsIn = (networks) => isIn(networks) || isLinkLocalIn(networks);
    return policy.objection(type, service, names, isInMore) && denial;
  }

  /** A service's TXT record as the policy edits it; `data` itself if it may already be the policy's work. */
  text(service: Name, data: Rdata): Rdata {
    const site = parseInstance(service)?.domain;
    if (site?.parent?.equals(this.#zone) !== true) return data;
    const policy = this.#policyOf(site);
    const edited = policy.text(heard(service, site), data, policy.addresses.standing);
    return edited === data || hasSameStrings(edited, data) ? data : edited;
  }

  /**
   * What the policy leaves of these sets of the zone or of a reverse zone; `sets` itself if it leaves all.
   */
  left(sets: RecordSets): RecordSets {
    const emptied = new Set<NameKey>();
    let changes = 0;
    const left = [...sets].map((set) => {
      const rest = this.#leftOf(set);
      if (rest !== set) changes++;
      if (this.#lists(set) && !this.#lists(rest)) emptied.add(set.name.key);
      return rest;
    });
    if (changes === 0) return sets;
    // RFC 6763 §9: a type without instances is not listed.
    const isThere = (ptr: Rdata) => !emptied.has(targetOf(ptr)!.key);
    return RecordSets.of(
      left.map((set) => (set.type === Type.PTR ? sifted(set, keeping(isThere)) : set)),
    );
  }

  /** True for a list with an entry in the zone; entries that lead elsewhere do not count. */
  #lists({ type, rdatas }: RecordSet): boolean {
    return type === Type.PTR && rdatas.some((ptr) => targetOf(ptr)!.isUnder(this.#zone));
  }

  #leftOf(set: RecordSet): RecordSet {
    const { name, type } = set;
    const { hidden, touched } = this.#names;
    if (hidden.has(name.key)) return { ...set, rdatas: [] };
    switch (type) {
      case Type.SRV: {
        const isLeft = (srv: Rdata) => this.objection(name, srv) === undefined;
        return touched.has(name.key) ? sifted(set, keeping(isLeft)) : set;
      }
      case Type.TXT:
        return sifted(set, (data) => this.text(name, data));
      case Type.A:
      case Type.AAAA: {
        const policy = this.#policyAt(name);
        if (policy === undefined) return set;
        return sifted(set, (data) => mapAddress(data, policy.addresses.standing));
      }
      case Type.PTR:
        return sifted(
          set,
          keeping((ptr) => this.#isListed(name, targetOf(ptr)!)),
        );
      default:
        return set;
    }
  }

  #isListed(list: Name, target: Name): boolean {
    if (this.#names.hidden.has(target.key)) return false;
    const parts = parseServiceType(list);
    if (parts === undefined) return this.#isNameOf(list, target);
    if (target.isUnder(parts.type)) return true;
    const site = target.isUnder(this.#zone) ? parseInstance(target)?.domain : parts.domain;
    if (site === undefined) return true;
    // Under a type other than its own, a service is also subject to that type's rules.
    const type = parts.type.replaceSuffix(parts.domain, LOCAL);
    if (type === undefined || heard(target, site).isUnder(type)) return true;
    return this.#policyOf(site).objection(type.key, target) === undefined;
  }

  /** False if `name` is the reverse name of an address that the policy maps to another. */
  #isNameOf(name: Name, host: Name): boolean {
    const address = addressOfReverseName(name);
    const policy = address && this.#policyAt(host);
    if (policy === undefined) return true;
    const data = new Rdata(address!.length === 4 ? Type.A : Type.AAAA, [address!]);
    return mapAddress(data, policy.addresses.standing) === data;
  }

  get #names(): Names {
    if (this.#known !== undefined) return this.#known;
    const touched = new Set<NameKey>();
    const needed = new Set<NameKey>();
    for (const { name, type, rdatas } of this.#published) {
      if (type !== Type.SRV) continue;
      for (const srv of rdatas) {
        const names = this.objection(name, srv) === undefined ? needed : touched;
        names.add(name.key);
        for (const { key } of this.#namesOf(srvOf(srv).target)) names.add(key);
      }
    }
    const isHere = (key: NameKey) => key.startsWith(this.#zone.key);
    const hidden = new Set([...touched].filter((key) => isHere(key) && !needed.has(key)));
    this.#known = { touched, hidden };
    return this.#known;
  }

  /** The policy of the site that a name is at or beneath; undefined if no site maps addresses. */
  #policyAt(name: Name): SitePolicy | undefined {
    if (this.#policy.addresses.length === 0) return undefined;
    const depth = name.labels.length - this.#zone.labels.length;
    if (depth < 1 || !name.isUnder(this.#zone)) return undefined;
    return this.#policyOf(this.#zone.child(name.labels[depth - 1]!)!);
  }

  #policyOf(site: Name): SitePolicy {
    return obtain(this.#sites, site.key, () => new SitePolicy(this.#policy, site));
  }

  /** The host, and the names that it is an alias of. */
  #namesOf(host: Name, aliases = MAX_ALIASES): Name[] {
    const [alias] = this.#published.get(host.key, Type.CNAME)?.rdatas ?? [];
    if (alias === undefined || aliases === 0) return [host];
    return [host, ...this.#namesOf(targetOf(alias)!, aliases - 1)];
  }

  #whereaboutsFor(policy: SitePolicy): Whereabouts {
    return obtain(
      this.#whereabouts,
      policy,
      () => new Whereabouts((host) => this.#addressesOf(host, policy)),
    );
  }

  #addressesOf(host: NameKey, policy: SitePolicy): Uint8Array[] {
    return ADDRESS_TYPES.flatMap((type) => {
      const rdatas = this.#published.get(host, type)?.rdatas ?? [];
      return rdatas.map(({ values }) => policy.addresses.heard(values[0] as Uint8Array));
    });
  }
}

/** The name as it is on the link. */
function heard(name: Name, site: Name): Name {
  return name.replaceSuffix(site, LOCAL) ?? name;
}

/** Keeps or drops each record, for `sifted`. */
function keeping(isKept: (rdata: Rdata) => boolean) {
  return (rdata: Rdata): Rdata | undefined => (isKept(rdata) ? rdata : undefined);
}

/** Replaces each record, or drops it if `become` gives undefined; `set` itself if all stay. */
function sifted(set: RecordSet, become: (rdata: Rdata) => Rdata | undefined): RecordSet {
  const left = set.rdatas.map(become);
  if (left.every((rdata, i) => rdata === set.rdatas[i])) return set;
  return { ...set, rdatas: distinct(left.filter((rdata) => rdata !== undefined)) };
}

/** In any order. */
function hasSameStrings(a: Rdata, b: Rdata): boolean {
  const [left, right] = [a, b].map((data) =>
    stringsOf(data)
      .map((string) => Buffer.from(string).toString("latin1"))
      .sort(),
  );
  return left!.length === right!.length && left!.every((string, i) => string === right![i]);
}

const isLinkLocalIn = among(["169.254.0.1", "fe80::1"].map(addressOctets));
