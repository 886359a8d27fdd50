/**
 * The records that the gateway itself keeps in the shared zone: SOA and NS (RFC 8766 §6.1, §6.2), the
 * names from which clients learn what to browse, `b`, `db` and `lb` (RFC 6763 §11), and where to have
 * changes pushed and devices registered.
 */
import { Type } from "../dns/constants.ts";
import { Name } from "../dns/name.ts";
import { rdata } from "../dns/rdata.ts";
import type { RecordSet } from "../dns/record.ts";
import { BROWSING, type Enumeration, enumerationName } from "../dns/service.ts";

/** Seconds. A cached negative answer must not hide names that have appeared (RFC 8766 §6.1). */
const NEGATIVE_TTL = 10;
/** Seconds. A new site shows up in lists of domains within a minute. */
const ENUMERATION_TTL = 60;
/** Seconds. */
const NS_TTL = 3600;

export interface Apex {
  readonly origin: Name;
  /** Host names of the servers, outside the zone (RFC 8766 §6.2); if empty, this host alone. */
  readonly nameservers: readonly Name[];
  /** The mailbox for RNAME, with a dot for the `@`; `hostmaster` in the zone if not given. */
  readonly contact?: Name | undefined;
  readonly serial: number;
}

/** The SOA, with the values of RFC 8766 §6.1, and the NS set. */
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

/** Where clients subscribe to changes (RFC 8765 §6.1): at this server, by TLS, at any of these ports. */
export function pushRecords(origin: Name, server: Name, ports: Iterable<number>): RecordSet[] {
  return serviceRecords(origin, "_dns-push-tls", server, ports);
}

/**
 * Where devices register (RFC 9665 §3.1.1): in the domain `site` of the zone, which clients browse like any
 * other site; at this server, by TCP or TLS, at any of these ports.
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

/** A service of DNS itself, for example `_dns-push-tls._tcp`. */
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

/** What clients are to browse: the zone, which lists all sites at once, or each site by itself. */
export type Browsed = "merged" | "sites";

/**
 * What the zone recommends regardless of who publishes into it: itself, among the domains to choose from
 * (`b`). If "merged", it is also the default (`db`) and browsed automatically (`lb`). If "sites", these
 * sites are in `b` and `lb`, and there is no default for all; publishers add their own sites.
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

/** The PTRs that recommend domains to clients of `domain` (RFC 6763 §11); too long a name is left out. */
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
