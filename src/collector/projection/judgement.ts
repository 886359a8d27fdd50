/**
 * What a policy makes of what is published already: what of it it hides, and what it leaves. Pure. It
 * sees records as they stand in the zone, not as they were heard: what is withheld today is not there
 * to be judged, and which networks the links are in is not known. An address in a network that a map
 * leads to has come by that map. Where it cannot tell, it leaves what is there until the links are heard.
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
import { type Denial, type Policy, SitePolicy } from "./policy.ts";
import { isSteeringHost } from "./publishable.ts";
import type { Reason } from "./site.ts";

/** No rule changes that, only `hosts` does. */
export const STEERING = "its host's name steers clients" satisfies Reason;

/** Of services and of hosts. */
interface Names {
  /** There is an objection to what leads there. */
  readonly touched: ReadonlySet<NameKey>;
  /** Nothing else leads there. */
  readonly hidden: ReadonlySet<NameKey>;
}

export class Judgement {
  readonly #policy: Policy;
  readonly #zone: Name;
  #published = new RecordSets();
  readonly #sites = new Map<NameKey, SitePolicy>();
  #known: Names | undefined;

  /** Of the zone that services are published into. */
  constructor(policy: Policy, zone: Name) {
    this.#policy = policy;
    this.#zone = zone;
  }

  /** What is published into the zone now. */
  look(published: RecordSets): void {
    this.#published = published;
    this.#known = undefined;
  }

  /** Is there a service or a host that is to be hidden? */
  get hidesNames(): boolean {
    return this.#names.hidden.size > 0;
  }

  /** What is against this SRV record of a service; undefined if nothing is that is known of. */
  objection(service: Name, srv: Rdata): Denial | typeof STEERING | undefined {
    const parts = parseInstance(service);
    const site = parts?.domain;
    if (site?.parent?.equals(this.#zone) !== true) return undefined;
    const policy = this.#policyOf(site);
    const hosts = this.#namesOf(srvOf(srv).target);
    const isSteering = (host: Name) => {
      // A service that is its own host has no host's name.
      if (!host.isUnder(site) || host.equals(service)) return false;
      return isSteeringHost(host) && !policy.isExempt(heard(host, site));
    };
    if (hosts.some(isSteering)) return STEERING;
    const type = heard(parts!.type, site).key;
    const names = () => hosts.map((host) => heard(host, site));
    const addresses = () => hosts.flatMap((host) => this.#addressesOf(host, policy));
    const denial = policy.objection(type, service, names, addresses);
    if (denial === undefined) return undefined;
    // Most devices have a link-local address as well, which is never published.
    const more = () => [...addresses(), ...LINK_LOCAL];
    return policy.objection(type, service, names, more) && denial;
  }

  /** The TXT record of a service as the policy has it; the same where it may have come by the policy. */
  text(service: Name, data: Rdata): Rdata {
    const site = parseInstance(service)?.domain;
    if (site?.parent?.equals(this.#zone) !== true) return data;
    const policy = this.#policyOf(site);
    const edited = policy.text(heard(service, site), data, policy.standing);
    return edited === data || hasSameStrings(edited, data) ? data : edited;
  }

  /**
   * What the policy leaves of these sets, which are of the zone or of a reverse zone of it; the very
   * same where it leaves all.
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
    // RFC 6763 §9: what has no instance any more is no type that there is.
    const isThere = (ptr: Rdata) => !emptied.has(targetOf(ptr)!.key);
    return RecordSets.of(
      left.map((set) => (set.type === Type.PTR ? sifted(set, keeping(isThere)) : set)),
    );
  }

  /** What leads elsewhere is not counted. */
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
        return policy === undefined ? set : sifted(set, (data) => policy.standingAddress(data));
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
    // Under a type that is not its own, that type's rules count as well.
    const type = parts.type.replaceSuffix(parts.domain, LOCAL);
    if (type === undefined || heard(target, site).isUnder(type)) return true;
    return this.#policyOf(site).objection(type.key, target) === undefined;
  }

  /** Does the host have that address, where this is the name of one? */
  #isNameOf(name: Name, host: Name): boolean {
    const address = addressOfReverseName(name);
    const policy = address && this.#policyAt(host);
    if (policy === undefined) return true;
    const data = new Rdata(address!.length === 4 ? Type.A : Type.AAAA, [address!]);
    return policy.standingAddress(data) === data;
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

  /** That of the site that a name is beneath, or is, where it maps addresses. */
  #policyAt(name: Name): SitePolicy | undefined {
    if (this.#policy.addresses.length === 0) return undefined;
    const depth = name.labels.length - this.#zone.labels.length;
    if (depth < 1 || !name.isUnder(this.#zone)) return undefined;
    return this.#policyOf(this.#zone.child(name.labels[depth - 1]!)!);
  }

  #policyOf(site: Name): SitePolicy {
    return obtain(this.#sites, site.key, () => new SitePolicy(this.#policy, site));
  }

  /** It, and what it is an alias of. */
  #namesOf(host: Name, aliases = MAX_ALIASES): Name[] {
    const [alias] = this.#published.get(host.key, Type.CNAME)?.rdatas ?? [];
    if (alias === undefined || aliases === 0) return [host];
    return [host, ...this.#namesOf(targetOf(alias)!, aliases - 1)];
  }

  #addressesOf(host: Name, policy: SitePolicy): Uint8Array[] {
    return ADDRESS_TYPES.flatMap((type) => {
      const rdatas = this.#published.get(host.key, type)?.rdatas ?? [];
      return rdatas.map(({ values }) => policy.heardAddress(values[0] as Uint8Array));
    });
  }
}

/** As the links have it. */
function heard(name: Name, site: Name): Name {
  return name.replaceSuffix(site, LOCAL) ?? name;
}

/** What becomes of a record where some are kept. */
function keeping(isKept: (rdata: Rdata) => boolean) {
  return (rdata: Rdata): Rdata | undefined => (isKept(rdata) ? rdata : undefined);
}

/** With what becomes of each record; the very same set where all stay. */
function sifted(set: RecordSet, become: (rdata: Rdata) => Rdata | undefined): RecordSet {
  const left = set.rdatas.map(become);
  if (left.every((rdata, i) => rdata === set.rdatas[i])) return set;
  return { ...set, rdatas: distinct(left.filter((rdata) => rdata !== undefined)) };
}

/** In whatever order. */
function hasSameStrings(a: Rdata, b: Rdata): boolean {
  const [left, right] = [a, b].map((data) =>
    stringsOf(data)
      .map((string) => Buffer.from(string).toString("latin1"))
      .sort(),
  );
  return left!.length === right!.length && left!.every((string, i) => string === right![i]);
}

const LINK_LOCAL = ["169.254.0.1", "fe80::1"].map(addressOctets);
