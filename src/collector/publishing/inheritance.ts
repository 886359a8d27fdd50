/**
 * What a collector may have put into a zone before it was started: all that lies beneath its sites, and
 * elsewhere the pointers that lead beneath them (RFC 6763 §4.2) and those that recommend the whole zone, at
 * the zone itself and at the base addresses of its subnets (§11). An entry in the list of types
 * (RFC 6763 §9) belongs to everybody with services of that type, so it counts as the collector's only if
 * nobody else lists one. What has a longer TTL than a collector gives was put there by hand.
 */
import { Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import { type Rdata, targetOf } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import { BROWSING, parseEnumeration, SERVED_TTL, serviceTypesName } from "../../dns/service.ts";
import { isSteeringType } from "../../zone/update/principal.ts";
import { distinct, type HeldSets, RecordSets } from "../recordsets.ts";
import { isUnique } from "../unique.ts";

export interface Heir {
  readonly zone: Name;
  /** The domains of its sites. */
  readonly sites: readonly Name[];
  /** The reverse names of the base addresses of its subnets. */
  readonly subnets: readonly Name[];
}

export function inheritance(whole: HeldSets, { zone, sites, subnets }: Heir): RecordSet[] {
  const types = serviceTypesName(zone);
  const isOurs = (name: Name | undefined) =>
    name !== undefined && sites.some((site) => name.isUnder(site));
  const leadsToUs = (rdata: Rdata) => {
    const target = targetOf(rdata);
    return isOurs(target) && !isByHand(whole.set(target!, Type.SRV));
  };
  const listsOurs = (rdata: Rdata) => {
    const type = targetOf(rdata);
    const listed = type && whole.set(type, Type.PTR);
    return listed === undefined || listed.rdatas.every(leadsToUs);
  };
  const isRecommending = (name: Name) => {
    const parts = parseEnumeration(name);
    if (parts === undefined) return false;
    return [zone, ...subnets].some((domain) => domain.equals(parts.domain));
  };
  /** Where to register: only the administrator decides that, and it may be why a site is ours. */
  const isRegistering = (name: Name) => {
    const parts = parseEnumeration(name);
    return parts !== undefined && !BROWSING.includes(parts.enumeration);
  };
  const isZone = (rdata: Rdata) => targetOf(rdata)?.equals(zone) === true;
  const inherited: RecordSet[] = [];
  for (const set of whole.sets()) {
    const isBeneath = isOurs(set.name);
    if (!isBeneath && set.type !== Type.PTR) continue;
    if (isSteeringType(set.type) || isRegistering(set.name)) continue;
    if (isBeneath) {
      if (!isByHand(set)) inherited.push(set);
    } else {
      const isList = types !== undefined && set.name.equals(types);
      const isShared = isRecommending(set.name) ? isZone : () => false;
      const rdatas = isList
        ? set.rdatas.filter(listsOurs)
        : set.rdatas.filter((rdata) => leadsToUs(rdata) || isShared(rdata));
      if (rdatas.length > 0) inherited.push({ ...set, rdatas });
    }
  }
  return inherited;
}

/** Collectors give `SERVED_TTL` at most to what is heard. */
function isByHand(set: RecordSet | undefined): boolean {
  return set !== undefined && set.ttl > SERVED_TTL && parseEnumeration(set.name) === undefined;
}

/**
 * Without what cannot stay beside what is wanted: a server adds no record beside an alias, and no alias
 * beside a record, but answers NOERROR (RFC 2136 §3.4.2.2).
 */
export function withoutAliases({
  inherited,
  wanted,
}: {
  readonly inherited: RecordSets;
  readonly wanted: RecordSets;
}): RecordSets {
  if (inherited.isEmpty) return inherited;
  const isBarred = ({ name, type }: RecordSet) =>
    type === Type.CNAME
      ? wanted.has(name.key) && wanted.get(name.key, Type.CNAME) === undefined
      : wanted.get(name.key, Type.CNAME) !== undefined;
  return RecordSets.of([...inherited].filter((set) => !isBarred(set)));
}

/**
 * Adds what was there and may yet be wanted: more of a list or of a host's addresses may still be heard,
 * while of other types what is heard of a name is all there is (RFC 6762 §10.2).
 */
export function withInherited(set: RecordSet, inherited: RecordSets): RecordSet {
  if (inherited.isEmpty || isUnique(set.type)) return set;
  const own = inherited.get(set.name.key, set.type);
  if (own === undefined) return set;
  return { ...set, rdatas: distinct([...set.rdatas, ...own.rdatas]) };
}
