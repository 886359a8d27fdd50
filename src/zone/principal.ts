/**
 * Who may write what. A record heard by multicast is a stranger's word; it enters an authoritative
 * zone only beneath its own site, or as a PTR of the merged view that leads into that site
 * (RFC 6763 §4.2), and never as what steers clients: SOA, NS, DS and keys, enumeration names,
 * `_dns-*` services, wildcards (RFC 8766 §6.3 to §6.5).
 */
import { Type } from "../dns/constants.ts";
import type { Name } from "../dns/name.ts";
import { targetOf } from "../dns/rdata.ts";
import type { ResourceRecord } from "../dns/record.ts";
import type { Principal } from "./change.ts";

/** The gateway's own hand: anything. */
export const gatewayPrincipal: Principal = { name: "gateway", permits: () => true };

/** A collector that publishes for these sites, asked anew at every record, of the zone `origin`. */
export function collectorPrincipal(
  name: string,
  origin: Name,
  sites: () => Iterable<Name>,
): Principal {
  return {
    name,
    permits(record) {
      if (!record.name.isUnder(origin) || isSteering(record, origin)) return false;
      for (const site of sites()) {
        if (record.name.isUnder(site) || isMerged(record, origin, site)) return true;
      }
      return false;
    },
  };
}

const steeringTypes: ReadonlySet<number> = new Set([
  Type.SOA,
  Type.NS,
  Type.DS,
  Type.DNSKEY,
  Type.CDS,
  Type.CDNSKEY,
  Type.DNAME,
  Type.RRSIG,
  Type.NSEC,
]);

function isSteering(record: ResourceRecord, origin: Name): boolean {
  if (steeringTypes.has(record.type)) return true;
  const labels = record.name
    .labelsUnder(origin)
    .map((label) => Buffer.from(label).toString("latin1"));
  return labels.some((label, i) => {
    const text = label.toLowerCase();
    if (text === "*" || /^_dns-(push|update|llq)/.test(text)) return true;
    return text === "_dns-sd" && labels[i - 1]?.toLowerCase() !== "_services";
  });
}

/**
 * A PTR of the merged view that leads into `site`, or one of the list of types, which two sites may
 * hold at once.
 */
function isMerged(record: ResourceRecord, origin: Name, site: Name): boolean {
  if (record.type !== Type.PTR) return false;
  const target = targetOf(record.rdata);
  if (target === undefined) return false;
  const owner = typeUnder(record.name, origin);
  if (owner === undefined) return false;
  return owner === "_services._dns-sd._udp"
    ? typeUnder(target, origin) !== undefined && target.labels.length === origin.labels.length + 2
    : target.isUnder(site);
}

/** "_ipp._tcp" of `_ipp._tcp.ORIGIN` and of `_color._sub._ipp._tcp.ORIGIN`; undefined for the rest. */
function typeUnder(name: Name, origin: Name): string | undefined {
  if (!name.isUnder(origin)) return undefined;
  const labels = name.labelsUnder(origin).map((label) => Buffer.from(label).toString("latin1"));
  const text = labels.join(".").toLowerCase();
  if (text === "_services._dns-sd._udp") return text;
  const isSubtype = labels.length === 4 && labels[1]!.toLowerCase() === "_sub";
  if (labels.length !== 2 && !isSubtype) return undefined;
  return /^_[^.]*\._(tcp|udp)$/.test(labels.slice(-2).join(".").toLowerCase())
    ? labels.slice(-2).join(".").toLowerCase()
    : undefined;
}
