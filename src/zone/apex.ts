/**
 * What the gateway itself keeps in the shared zone: SOA and NS (RFC 8766 §6.1, §6.2) and the names
 * by which clients learn what to browse, `b`, `db` and `lb` (RFC 6763 §11).
 */
import { Type } from "../dns/constants.ts";
import { Name } from "../dns/name.ts";
import { rdata } from "../dns/rdata.ts";
import type { RecordSet } from "../dns/record.ts";
import { BROWSING, type Enumeration, enumerationName } from "../dns/service.ts";

/** Seconds. Names that appear must not stay hidden behind a cached "no" (RFC 8766 §6.1). */
const NEGATIVE_TTL = 10;
/** Seconds. A site that is plugged in shows up in lists of domains within a minute. */
const ENUMERATION_TTL = 60;
/** Seconds. */
const NS_TTL = 3600;

export interface Apex {
  readonly origin: Name;
  /** Host names of the servers, outside the zone (RFC 8766 §6.2); none: this host alone. */
  readonly nameservers: readonly Name[];
  /** The mailbox of RNAME, `@` written as a dot; hostmaster of the zone if not given. */
  readonly contact?: Name | undefined;
  readonly serial: number;
}

/** The SOA with the numbers of RFC 8766 §6.1, and the NS set. */
export function apexRecords({ origin, nameservers, contact, serial }: Apex): RecordSet[] {
  const servers = nameservers.length > 0 ? nameservers : [Name.parse("localhost.")];
  const soa = rdata.soa({
    mname: servers[0]!,
    rname: contact ?? origin.child("hostmaster") ?? origin,
    serial,
    refresh: 7200,
    retry: 3600,
    expire: 86400,
    minimum: NEGATIVE_TTL,
  });
  return [
    { name: origin, type: Type.SOA, ttl: NEGATIVE_TTL, rdatas: [soa] },
    { name: origin, type: Type.NS, ttl: NS_TTL, rdatas: servers.map(rdata.ns) },
  ];
}

/**
 * Where clients can have changes pushed to them (RFC 8765 §6.1): at the server of this name, by TLS, at
 * any of these ports.
 */
export function pushRecords(origin: Name, server: Name, ports: Iterable<number>): RecordSet[] {
  return serviceRecords(origin, "_dns-push-tls", server, ports);
}

/**
 * Where devices register (RFC 9665 §3.1.1): in this domain of the zone, which is to be browsed as any site
 * is; at the server of this name, by TCP or TLS, at any of these ports.
 */
export function registrarRecords(
  origin: Name,
  site: Name,
  server: Name | undefined,
  ports: { readonly tcp: Iterable<number>; readonly tls: Iterable<number> },
): RecordSet[] {
  return [
    ...enumeration(origin, ["r", "dr"], [site]),
    ...enumeration(site, BROWSING, [site]),
    ...(server ? serviceRecords(origin, "_dnssd-srp", server, ports.tcp) : []),
    ...(server ? serviceRecords(origin, "_dnssd-srp-tls", server, ports.tls) : []),
  ];
}

/** A service of DNS itself, `_dns-push-tls._tcp` say. */
function serviceRecords(
  origin: Name,
  service: string,
  server: Name,
  ports: Iterable<number>,
): RecordSet[] {
  const name = origin.child("_tcp")?.child(service);
  const rdatas = [...new Set(ports)].map((port) => rdata.srv(0, 0, port, server));
  return name === undefined || rdatas.length === 0
    ? []
    : [{ name, type: Type.SRV, ttl: ENUMERATION_TTL, rdatas }];
}

/** What a client is to browse: the zone, which lists every site at once, or each site by itself. */
export type Browsed = "merged" | "sites";

/**
 * What the zone recommends, whoever publishes into it and however many they are: itself, to whoever
 * may choose (`b`); and, where it is what is to be browsed, to all others as well. Where it is not,
 * these sites are, and none of them is the default (`db`) of all; others add theirs.
 */
export function apexEnumeration(
  origin: Name,
  browsed: Browsed,
  sites: readonly Name[] = [],
): RecordSet[] {
  if (browsed === "merged") return enumeration(origin, BROWSING, [origin]);
  return [
    ...enumeration(origin, ["b"], [origin, ...sites]),
    ...(sites.length > 0 ? enumeration(origin, ["lb"], sites) : []),
  ];
}

/** What tells clients of a domain to browse these (RFC 6763 §11); a name that is too long is left out. */
export function enumeration(
  domain: Name,
  kinds: readonly Enumeration[],
  browsed: readonly Name[],
): RecordSet[] {
  return kinds.flatMap((kind) => {
    const name = enumerationName(kind, domain);
    if (name === undefined) return [];
    return [{ name, type: Type.PTR, ttl: ENUMERATION_TTL, rdatas: browsed.map(rdata.ptr) }];
  });
}
