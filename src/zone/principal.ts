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

/**
 * A collector of the zone `origin`. `isItsSite` says whether a site, which is a name one label
 * beneath the origin, is among those it publishes for.
 */
export function collectorPrincipal(
  name: string,
  origin: Name,
  isItsSite: (site: Name) => boolean,
): Principal {
  const leadsIntoItsSite = (place: Name | undefined): boolean => {
    const site = place === undefined ? undefined : siteOf(place, origin);
    return site !== undefined && isItsSite(site);
  };
  return {
    name,
    permits(record) {
      if (!record.name.isUnder(origin) || isSteering(record, origin)) return false;
      if (leadsIntoItsSite(record.name)) return true;
      const merged = mergedName(record, origin);
      return (
        merged === "types" || (merged === "instances" && leadsIntoItsSite(targetOf(record.rdata)))
      );
    },
  };
}

/** The site a name lies in: one label beneath the origin that is no service label. */
function siteOf(name: Name, origin: Name): Name | undefined {
  if (!name.isUnder(origin)) return undefined;
  const label = name.labels[name.labels.length - origin.labels.length - 1];
  return label === undefined || label[0] === UNDERSCORE ? undefined : origin.child(label);
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
 * Where a PTR of the merged view stands: among the instances of a type or subtype, or in the list of
 * types, whose entries two sites may hold at once.
 */
function mergedName(record: ResourceRecord, origin: Name): "instances" | "types" | undefined {
  const target = targetOf(record.rdata);
  const owner = typeUnder(record.name, origin);
  if (record.type !== Type.PTR || target === undefined || owner === undefined) return undefined;
  if (owner !== TYPE_LIST) return "instances";
  return target.labels.length === origin.labels.length + 2 &&
    typeUnder(target, origin) !== undefined
    ? "types"
    : undefined;
}

/** "_ipp._tcp" of `_ipp._tcp.ORIGIN` and of `_color._sub._ipp._tcp.ORIGIN`; undefined for the rest. */
function typeUnder(name: Name, origin: Name): string | undefined {
  if (!name.isUnder(origin)) return undefined;
  const labels = name.labelsUnder(origin).map((label) => Buffer.from(label).toString("latin1"));
  const text = labels.join(".").toLowerCase();
  if (text === TYPE_LIST) return text;
  const isSubtype = labels.length === 4 && labels[1]!.toLowerCase() === "_sub";
  if (labels.length !== 2 && !isSubtype) return undefined;
  return /^_[^.]*\._(tcp|udp)$/.test(labels.slice(-2).join(".").toLowerCase())
    ? labels.slice(-2).join(".").toLowerCase()
    : undefined;
}

const TYPE_LIST = "_services._dns-sd._udp";
const UNDERSCORE = 0x5f;
