/**
 * Who may write what. A record heard by multicast is a stranger's word; it enters an authoritative
 * zone only beneath its own site, or as a PTR of what the sites have in common that leads into that
 * site (RFC 6763 §4.2), and never as what steers servers or clients: SOA, NS, DS and keys, `_dns-*`
 * services, wildcards (RFC 8766 §6.3 to §6.5). What tells clients to browse the site is no stranger's
 * word, but its collector's own.
 */
import { addressOfReverseName } from "../../dns/address.ts";
import { Class, Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import { targetOf } from "../../dns/rdata.ts";
import type { ResourceRecord } from "../../dns/record.ts";
import { BROWSING, isDefault, isUnderscored, parseEnumeration } from "../../dns/service.ts";
import { dataOctets } from "./weight.ts";

/** Who asks for an update. */
export interface Principal {
  readonly name: string;
  /** Removes outright. Everybody else only takes his hand away from a record (see `leases.ts`). */
  readonly isOperator?: boolean;
  /** Of the room that a zone has, the part that it may take; all if not given. */
  readonly share?: number;
  /** The part that all of its kind may take together (see `kindOfHolder`). */
  readonly kindShare?: number;
  /** Seconds: what it adds has no longer a TTL. That of a set that is not its alone it does not set. */
  readonly maxTtl?: number;
  /** May it add this record, or remove it (class ANY or NONE: RFC 2136 §2.5)? */
  permits(record: ResourceRecord): boolean;
}

/** The zone's file, and who lets go because a lease has ended: nobody asks whether these may. */
export function holderPrincipal(name: string): Principal {
  return { name, permits: () => true };
}

/** Who looks after the zone: anything, and what they remove is gone. */
export function operatorPrincipal(name: string): Principal {
  return { name, isOperator: true, permits: () => true };
}

/** Says whether a site, which is a name one label beneath the shared zone, is one's own. */
export type IsItsSite = (site: Name) => boolean;

/**
 * A collector of the zone `origin`. Beneath its sites it writes anything but what steers. Of what is
 * not its alone it adds and removes its own PTRs only: to remove a set whole (RFC 2136 §2.5.2) says
 * nothing of what is in it.
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
        // The default is the zone, and no site.
        return target.equals(origin) || (sites.has(target) && !isDefault(owner));
      }
      if (isReserved(owner.labelsUnder(origin))) return false;
      return sites.contain(owner) || isMerged(record, origin, sites);
    },
  };
}

/**
 * The same collector in a reverse zone: at the name of an address a PTR to a host of its own, and
 * at that of a subnet what tells its hosts to browse the zone `origin` or one of its sites. Which
 * addresses are its own `isItsAddress` says, of their octets.
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
 * A device that registers itself (RFC 9665) at a site that is for such devices alone, by the KEY that it
 * shows. What a collector of the site may write, and that KEY, which keeps others from its names.
 */
export function requesterPrincipal(key: string, origin: Name, site: Name): Principal {
  const collector = collectorPrincipal(`${REQUESTER}${key}`, origin, (each) => each.equals(site));
  return {
    ...collector,
    ...{ share: REQUESTER_SHARE, kindShare: REQUESTERS_SHARE },
    permits: (record) =>
      record.type === Type.KEY
        ? record.name.isUnder(site) && !record.name.equals(site) && !isNoKey(record)
        : collector.permits(record),
  };
}

/**
 * Does a KEY say by its flags that it is none (RFC 2535 §3.1.2)? Octets behind that are too many for BIND, which
 * would end its copying of the whole zone.
 */
function isNoKey({ rdata }: ResourceRecord): boolean {
  return (Number(rdata.values[0]) & NO_KEY) === NO_KEY;
}

const NO_KEY = 0xc000;

/** Their kind: no key of the configuration has a name with a colon. */
export const REQUESTER = "requester:";
/** A thousand records, and as many as a site has. */
const REQUESTER_SHARE = 1 / 500;
const REQUESTERS_SHARE = 1 / 4;

/** The sites a collector publishes for. */
class Sites {
  readonly #origin: Name;
  readonly #isItsSite: IsItsSite;

  constructor(origin: Name, isItsSite: IsItsSite) {
    this.#origin = origin;
    this.#isItsSite = isItsSite;
  }

  /** Is this name, or one above it, a site of these? */
  contain(name: Name): boolean {
    if (!name.isUnder(this.#origin)) return false;
    const label = name.labels[name.labels.length - this.#origin.labels.length - 1];
    if (label === undefined || isUnderscored(label)) return false;
    return this.#isItsSite(this.#origin.child(label)!);
  }

  /** Is it one of these? */
  has(name: Name): boolean {
    return name.labels.length === this.#origin.labels.length + 1 && this.contain(name);
  }
}

/** What a PTR leads to; undefined for other records, and for a set as a whole. */
function pointedTo({ type, rdata }: ResourceRecord): Name | undefined {
  return type === Type.PTR ? targetOf(rdata) : undefined;
}

/** The domain of which this name says what to browse; where to register is the administrator's. */
function recommendingDomain(name: Name): Name | undefined {
  const parts = parseEnumeration(name);
  return parts !== undefined && BROWSING.includes(parts.enumeration) ? parts.domain : undefined;
}

/** Those that say where a zone ends, who serves it, or whom to trust. */
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
 * Those whose data every server reads alike: addresses, names, numbers, text, or nothing but octets.
 * One record of another type that a stricter server does not take, an SSHFP or an HTTPS say, would
 * end its copying of the whole zone; so BIND, Knot, NSD and PowerDNS do. What is for private use
 * some have a use for, PowerDNS one that runs programs.
 */
export function isCarriedType(type: number): boolean {
  return carriedTypes.has(type);
}

function isCarried({ type, rdata }: Pick<ResourceRecord, "type" | "rdata">): boolean {
  return isCarriedType(type) && !rdata.isEmpty && dataOctets(rdata) <= LONGEST_HEARD;
}

/** Octets of a packet of multicast DNS, and so of any record that can have been heard (RFC 6762 §17). */
export const LONGEST_HEARD = 9000;

/** Seconds: for so long a resolver may keep what a stolen key has said. Collectors say ten. */
const MAX_TTL = 3600;

export const carriedTypes: ReadonlySet<number> = new Set([
  ...[Type.A, Type.AAAA, Type.CNAME, Type.PTR, Type.SRV, Type.TXT, Type.HINFO, Type.NULL],
  ...[Type.MX, Type.RP, Type.AFSDB, Type.RT, Type.PX, Type.KX],
]);

/** Does the wildcard, or a label by which DNS-SD and its protocols speak of themselves, stand here? */
export function isReserved(labels: readonly Uint8Array[]): boolean {
  const texts = textsOf(labels);
  return texts.some((text, i) => {
    const isTypeList = text === "_dns-sd" && texts[i - 1] === "_services";
    return text === "*" || (text.startsWith("_dns-") && !isTypeList);
  });
}

/**
 * Does it stand in the merged view: a PTR to a service of its own among the instances of a type or
 * subtype, or an entry in the list of types, which two sites may hold at once?
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
