/**
 * What a collector wants in reverse zones, derived from where its links are and from what it publishes.
 * Pure. There are two kinds of records:
 *
 *     lb._dns-sd._udp.0.1.77.10.in-addr.arpa.  PTR  bonjour.example.com.         where to browse
 *     20.1.77.10.in-addr.arpa.                 PTR  pc.paris.bonjour.example.com.    who that is
 *
 * A host that knows nothing but its address asks for the first at the base address of its subnet, in full,
 * whatever the prefix length (RFC 6763 §11). The second kind reverses the published addresses, but only
 * those in the link's own subnets or in subnets that an administrator has mapped them to: a host that
 * claims another's address is not believed (RFC 8766 §5.4). Neither kind has anything link-local.
 */
import { reverseName } from "../dns/address.ts";
import { isAddressType, Type } from "../dns/constants.ts";
import type { Name, NameKey } from "../dns/name.ts";
import { rdata as make, type Rdata } from "../dns/rdata.ts";
import type { RecordSet } from "../dns/record.ts";
import { BROWSING, parseInstance } from "../dns/service.ts";
import { type Browsed, enumeration } from "../zone/apex.ts";
import { MAX_REVERSE_NAMES } from "../zone/update/principal.ts";
import { obtain } from "./obtain.ts";
import { isOn, type Subnet } from "./subnets.ts";

/** Where a link is. */
export interface LinkPlace {
  /** The domain of its site. */
  readonly site: Name;
  /** The subnets that this host has addresses in there. */
  readonly subnets: readonly Subnet[];
  /** The subnets that addresses of the site are mapped to. */
  readonly mapped: readonly Subnet[];
}

export interface ReverseInputs {
  /** The zone that is published into. */
  readonly zone: Name;
  readonly browsed: Browsed;
  /** The reverse zones to fill. */
  readonly reverse: readonly Name[];
  readonly places: readonly LinkPlace[];
  /** What is wanted in the zone. */
  readonly sets: Iterable<RecordSet>;
}

/** Each name and type once. */
export function reverseRecords(inputs: ReverseInputs): RecordSet[] {
  if (inputs.reverse.length === 0) return [];
  return [...subnetRecords(inputs), ...hostRecords(inputs)];
}

/** What to browse, at the names of the subnets; a subnet of two sites has the first as its default. */
function subnetRecords({ zone, browsed, reverse, places }: ReverseInputs): RecordSet[] {
  const subnets = new Map<NameKey, { readonly name: Name; readonly domains: Name[] }>();
  for (const { site, subnets: own } of places) {
    const domain = browsed === "merged" ? zone : site;
    for (const { base } of own) {
      const name = reverseName(base);
      if (!isIn(reverse, name)) continue;
      const { domains } = obtain(subnets, name.key, () => ({ name, domains: [] }));
      if (!domains.some((other) => other.equals(domain))) domains.push(domain);
    }
  }
  return [...subnets.values()].flatMap(({ name, domains }) => {
    const [first] = domains.sort(byKey);
    return BROWSING.flatMap((kind) =>
      enumeration(name, [kind], kind === "db" ? [first!] : domains),
    );
  });
}

function hostRecords({ reverse, places, sets }: ReverseInputs): RecordSet[] {
  const sites = new Map<NameKey, Subnet[]>();
  for (const { site, subnets, mapped } of places) {
    obtain(sites, site.key, () => []).push(...subnets, ...mapped);
  }
  const subnetsAt = (host: NameKey): readonly Subnet[] | undefined => {
    for (const [site, subnets] of sites) if (host.startsWith(site)) return subnets;
    return undefined;
  };
  const hosts = new Map<NameKey, { readonly name: Name; ttl: number; readonly hosts: Name[] }>();
  for (const { name: host, type, ttl, rdatas } of sets) {
    // A service that is its own host has no host name.
    if (!isAddressType(type) || parseInstance(host) !== undefined) continue;
    const subnets = subnetsAt(host.key);
    if (subnets === undefined) continue;
    for (const rdata of rdatas) {
      if (!isOn(subnets, bytesOf(rdata))) continue;
      const name = nameOf(rdata);
      if (!isIn(reverse, name)) continue;
      const entry = obtain(hosts, name.key, () => ({ name, ttl, hosts: [] }));
      entry.ttl = Math.min(entry.ttl, ttl);
      entry.hosts.push(host);
    }
  }
  return [...hosts.values()].map(({ name, ttl, hosts }) => ({
    name,
    type: Type.PTR,
    ttl,
    rdatas: hosts.sort(byKey).slice(0, MAX_REVERSE_NAMES).map(pointerTo),
  }));
}

function isIn(zones: readonly Name[], name: Name): boolean {
  return zones.some((zone) => name.isUnder(zone));
}

function byKey(a: Name, b: Name): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

function bytesOf(rdata: Rdata): Uint8Array {
  return rdata.values[0] as Uint8Array;
}

/** Nearly all addresses and hosts stay the same objects from one projection to the next. */
const names = new WeakMap<Rdata, Name>();
const pointers = new WeakMap<Name, Rdata>();

function nameOf(rdata: Rdata): Name {
  return obtain(names, rdata, () => reverseName(bytesOf(rdata)));
}

function pointerTo(host: Name): Rdata {
  return obtain(pointers, host, () => make.ptr(host));
}
