/**
 * Who may write what. A record heard by multicast comes from a stranger. It enters an authoritative zone
 * only beneath its own site, or as a PTR that leads into that site from a list shared by all sites (RFC
 * 6763 §4.2), and never if it could steer servers or clients: SOA, NS, DS and keys, `_dns-*` services,
 * wildcards (RFC 8766 §6.3 to §6.5). Records that tell clients to browse the site come from its collector.
 */
import { addressOfReverseName } from "../../dns/address.ts";
import { Class, Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import { targetOf } from "../../dns/rdata.ts";
import type { ResourceRecord } from "../../dns/record.ts";
import { BROWSING, isDefault, isUnderscored, parseEnumeration } from "../../dns/service.ts";
import { dataOctets } from "./weight.ts";

/** Whoever asks for an update. */
export interface Principal {
  readonly name: string;
  /** Removes records outright. All others only release their own hold on them (see `leases.ts`). */
  readonly isOperator?: boolean;
  /** The part of a zone's room that it may take; all if not given. */
  readonly share?: number;
  /** The part that all of its kind may take together (see `kindOfHolder`); all if not given. */
  readonly kindShare?: number;
  /** Seconds: the highest TTL of what it adds. It cannot freely set that of a set it shares. */
  readonly maxTtl?: number;
  /** May it add this record, or remove it (class ANY or NONE: RFC 2136 §2.5)? */
  permits(record: ResourceRecord): boolean;
}

/** The zone's file, or a holder whose lease has expired: what these do is not checked. */
export function holderPrincipal(name: string): Principal {
  return { name, permits: () => true };
}

/** Whoever administers the zone: may do anything, and removes records outright. */
export function operatorPrincipal(name: string): Principal {
  return { name, isOperator: true, permits: () => true };
}

/** Whether a site, a name one label beneath the shared zone, is the principal's own. */
export type IsItsSite = (site: Name) => boolean;

/**
 * A collector of the zone `origin`. Beneath its sites it may write anything but what steers. Of what it
 * shares with others it may add and remove its own PTRs only, and no whole set (RFC 2136 §2.5.2), since
 * such a removal does not tell what is in the set.
 */
export function collectorPrincipal(name: string, origin: Name, isItsSite: IsItsSite): Principal {
  const sites = new Sites(origin, isItsSite);
  return {
    name,
    maxTtl: MAX_TTL,
    permits(record) {
      const { name: owner, type } = record;
      if (!owner.isUnder(origin) || isSteeringType(type)) return false;
      if (record.class === Class.IN && !isCarried(record)) return false;
      const domain = recommendingDomain(owner);
      if (domain !== undefined) {
        const target = pointedTo(record);
        if (target === undefined) return false;
        if (!domain.equals(origin)) return sites.has(domain) && target.equals(domain);
        // The default domain is the zone, never a site.
        return target.equals(origin) || (sites.has(target) && !isDefault(owner));
      }
      if (isReserved(owner.labelsUnder(origin)) || isAddedTooDeep(record, origin)) return false;
      return sites.contain(owner) || isMerged(record, origin, sites);
    },
  };
}

/**
 * The same collector in a reverse zone: at the name of an address it may write a PTR to a host of its
 * own, and at that of a subnet what tells hosts there to browse the zone `origin` or one of its sites.
 * `isItsAddress` takes the octets of an address and tells whether it is its own.
 */
export function reversePrincipal(
  name: string,
  origin: Name,
  isItsSite: IsItsSite,
  isItsAddress: (address: Uint8Array) => boolean = () => true,
): Principal {
  const sites = new Sites(origin, isItsSite);
  return {
    name,
    maxTtl: MAX_TTL,
    permits(record) {
      const target = pointedTo(record);
      if (target === undefined) return false;
      const domain = recommendingDomain(record.name);
      const address = addressOfReverseName(domain ?? record.name);
      if (address === undefined || !isItsAddress(address)) return false;
      if (domain !== undefined) return target.equals(origin) || sites.has(target);
      return sites.contain(target) && !sites.has(target);
    },
  };
}

/**
 * A device that registers itself (RFC 9665), identified by its KEY, at a site reserved for such devices. It
 * may write what a collector of the site may, and KEY records, which keep others from its names.
 */
export function requesterPrincipal(key: string, origin: Name, site: Name): Principal {
  const collector = collectorPrincipal(`${REQUESTER}${key}`, origin, (each) => each.equals(site));
  return {
    ...collector,
    ...SHARES,
    permits: (record) =>
      record.type === Type.KEY
        ? record.name.isUnder(site) &&
          !record.name.equals(site) &&
          !isNoKey(record) &&
          !isAddedTooDeep(record, origin)
        : collector.permits(record),
  };
}

/** The same device in a reverse zone, at the name of any address: the caller knows which may be its own. */
export function reverseRequesterPrincipal(key: string, origin: Name, site: Name): Principal {
  const reverse = reversePrincipal(`${REQUESTER}${key}`, origin, (each) => each.equals(site));
  return { ...reverse, ...SHARES };
}

/**
 * True if the flags of a KEY say that it holds no key (RFC 2535 §3.1.2). BIND accepts no octets after such
 * flags, and would abort the transfer of the whole zone.
 */
function isNoKey({ rdata }: ResourceRecord): boolean {
  return (Number(rdata.values[0]) & NO_KEY) === NO_KEY;
}

const NO_KEY = 0xc000;

/** The kind of these holders: no key of the configuration has a name with a colon. */
export const REQUESTER = "requester:";
/** A thousand records each, and together as many as a site may have. */
const SHARES = { share: 1 / 500, kindShare: 1 / 4 };

/**
 * Labels beneath a site. Hosts have one or a few, and lists of subtypes four. Each label may be a node of
 * the zone, which takes half as much memory as a record, and room is counted in records.
 */
export const MAX_DEPTH = 8;

/** Such a name may be removed: it may be in the zone from a time when it could be added. */
function isAddedTooDeep({ name, class: klass }: ResourceRecord, origin: Name): boolean {
  return klass === Class.IN && name.labels.length > origin.labels.length + 1 + MAX_DEPTH;
}

/** Names of one address: a host may claim as many as it likes. */
export const MAX_REVERSE_NAMES = 8;

/** The sites a collector publishes for. */
class Sites {
  readonly #origin: Name;
  readonly #isItsSite: IsItsSite;

  constructor(origin: Name, isItsSite: IsItsSite) {
    this.#origin = origin;
    this.#isItsSite = isItsSite;
  }

  /** True if this name, or one above it, is one of these sites. */
  contain(name: Name): boolean {
    if (!name.isUnder(this.#origin)) return false;
    const label = name.labels[name.labels.length - this.#origin.labels.length - 1];
    if (label === undefined || isUnderscored(label)) return false;
    return this.#isItsSite(this.#origin.child(label)!);
  }

  /** True if this name is one of these sites. */
  has(name: Name): boolean {
    return name.labels.length === this.#origin.labels.length + 1 && this.contain(name);
  }
}

/** The target of a PTR; undefined for other records, and for a set as a whole. */
function pointedTo({ type, rdata }: ResourceRecord): Name | undefined {
  return type === Type.PTR ? targetOf(rdata) : undefined;
}

/** The domain for which this name tells what to browse; only the administrator tells where to register. */
function recommendingDomain(name: Name): Name | undefined {
  const parts = parseEnumeration(name);
  return parts !== undefined && BROWSING.includes(parts.enumeration) ? parts.domain : undefined;
}

/** Types that decide where a zone ends, who serves it, or whom to trust. */
const steeringTypes: ReadonlySet<number> = new Set([
  Type.SOA,
  Type.NS,
  Type.MD,
  Type.MF,
  Type.DNAME,
  Type.DS,
  Type.CDS,
  Type.DNSKEY,
  Type.CDNSKEY,
  Type.KEY,
  Type.SIG,
  Type.RRSIG,
  Type.NSEC,
  30, // NXT (RFC 2535)
  50, // NSEC3 (RFC 5155)
  51, // NSEC3PARAM
  62, // CSYNC (RFC 7477)
  63, // ZONEMD (RFC 8976)
  32769, // DLV (RFC 4431)
]);

export function isSteeringType(type: number): boolean {
  return steeringTypes.has(type);
}

/**
 * Types whose data every server reads alike: addresses, names, numbers, text, or opaque octets. A single
 * record of another type that a stricter server rejects, such as an SSHFP or an HTTPS, would abort its
 * transfer of the whole zone: BIND, Knot, NSD and PowerDNS all do that. Types for private use mean
 * something to some servers; one makes PowerDNS run programs.
 */
export function isCarriedType(type: number): boolean {
  return carriedTypes.has(type);
}

function isCarried({ type, rdata }: Pick<ResourceRecord, "type" | "rdata">): boolean {
  return isCarriedType(type) && !rdata.isEmpty && dataOctets(rdata) <= LONGEST_HEARD;
}

/** Octets of a multicast DNS packet, and so the most of any record that was heard (RFC 6762 §17). */
export const LONGEST_HEARD = 9000;

/** Seconds that a resolver may cache what was written with a stolen key. Collectors use ten. */
const MAX_TTL = 3600;

export const carriedTypes: ReadonlySet<number> = new Set([
  ...[Type.A, Type.AAAA, Type.CNAME, Type.PTR, Type.SRV, Type.TXT, Type.HINFO, Type.NULL],
  ...[Type.MX, Type.RP, Type.AFSDB, Type.RT, Type.PX, Type.KX],
]);

/** True if the wildcard, or a label that DNS-SD and its protocols reserve for themselves, is among these. */
export function isReserved(labels: readonly Uint8Array[]): boolean {
  const texts = textsOf(labels);
  return texts.some((text, i) => {
    const isTypeList = text === "_dns-sd" && texts[i - 1] === "_services";
    return text === "*" || (text.startsWith("_dns-") && !isTypeList);
  });
}

/**
 * True for a record of the merged view: a PTR to one of its own services among the instances of a type or
 * subtype, or an entry in the list of types, which two sites may hold at once.
 */
function isMerged(record: ResourceRecord, origin: Name, sites: Sites): boolean {
  const target = pointedTo(record);
  const owner = typeUnder(record.name, origin);
  if (target === undefined || owner === undefined) return false;
  if (owner !== TYPE_LIST) return sites.contain(target);
  const isType = target.labels.length === origin.labels.length + 2;
  return isType && typeUnder(target, origin) !== undefined;
}

/** "_ipp._tcp" of `_ipp._tcp.ORIGIN` and of `_color._sub._ipp._tcp.ORIGIN`; undefined for the rest. */
function typeUnder(name: Name, origin: Name): string | undefined {
  if (!name.isUnder(origin)) return undefined;
  const labels = textsOf(name.labelsUnder(origin));
  if (labels.join(".") === TYPE_LIST) return TYPE_LIST;
  const isSubtype = labels.length === 4 && labels[1] === "_sub";
  if (labels.length !== 2 && !isSubtype) return undefined;
  const type = labels.slice(-2).join(".");
  return /^_[^.]*\._(tcp|udp)$/.test(type) ? type : undefined;
}

function textsOf(labels: readonly Uint8Array[]): string[] {
  return labels.map((label) => Buffer.from(label).toString("latin1").toLowerCase());
}

const TYPE_LIST = "_services._dns-sd._udp";
