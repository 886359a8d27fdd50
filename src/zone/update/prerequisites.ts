/**
 * The checks on an update before it is applied (RFC 2136 §3.2, §3.4.1): is the zone as the sender
 * believes, may an update contain each of its records, and would an operator override leases?
 */
import { Class, isDataType, Rcode, Type } from "../../dns/constants.ts";
import { isKnownShape } from "../../dns/fields.ts";
import type { Name } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import { type RecordSet, type ResourceRecord, setKey } from "../../dns/record.ts";
import { isSig0 } from "../../dns/sig0.ts";
import type { Snapshot } from "../snapshot.ts";
import type { Leases } from "./leases.ts";
import { RECORD_OCTETS } from "./setsize.ts";
import { dataOctets } from "./weight.ts";

/** NOERROR if all of them hold, else the response code of the first that does not. */
export function checkPrerequisites(
  snapshot: Snapshot,
  prerequisites: readonly ResourceRecord[],
): Rcode {
  if (prerequisites.length === 0) return Rcode.NOERROR;
  const expected = new Map<string, ResourceRecord[]>();
  for (const record of prerequisites) {
    const { name, type, ttl, rdata } = record;
    if (ttl !== 0) return Rcode.FORMERR;
    if (!name.isUnder(snapshot.origin)) return Rcode.NOTZONE;
    if (record.class === Class.IN) {
      const key = setKey(name, type);
      const set = expected.get(key);
      if (set === undefined) expected.set(key, [record]);
      else set.push(record);
      continue;
    }
    if (!rdata.isEmpty) return Rcode.FORMERR;
    // A name is in use when it has records; an empty non-terminal is not (RFC 2136 §2.4.4).
    const sets = snapshot.node(name.key)?.sets ?? [];
    const isThere = type === Type.ANY ? sets.length > 0 : sets.some((set) => set.type === type);
    if (record.class === Class.ANY) {
      if (!isThere) return type === Type.ANY ? Rcode.NXDOMAIN : Rcode.NXRRSET;
    } else if (record.class === Class.NONE) {
      if (isThere) return type === Type.ANY ? Rcode.YXDOMAIN : Rcode.YXRRSET;
    } else {
      return Rcode.FORMERR;
    }
  }
  for (const records of expected.values()) {
    if (!isWholeSet(snapshot, records)) return Rcode.NXRRSET;
  }
  return Rcode.NOERROR;
}

/** True if these records, of one name and type, are exactly that set. */
function isWholeSet(snapshot: Snapshot, records: readonly ResourceRecord[]): boolean {
  const { name, type } = records[0]!;
  const set = snapshot.set(name, type);
  const keys = new Set(records.map((record) => record.rdata.key));
  return set?.rdatas.length === keys.size && set.rdatas.every((rdata) => keys.has(rdata.key));
}

/** NOERROR if an update may contain each of these records, so that applying them cannot fail. */
export function prescan(snapshot: Snapshot, updates: readonly ResourceRecord[]): Rcode {
  for (const record of updates) {
    const { name, type, ttl, rdata } = record;
    if (!name.isUnder(snapshot.origin)) return Rcode.NOTZONE;
    if (record.class === Class.IN) {
      // Empty data is allowed only for types whose format is not known.
      if (!isDataType(type) || (rdata.isEmpty && isKnownShape(type))) return Rcode.FORMERR;
      if (isSig0(record)) return Rcode.FORMERR;
      if (dataOctets(rdata) > RECORD_OCTETS) return Rcode.REFUSED;
    } else if (record.class === Class.ANY) {
      const isBadType = !isDataType(type) && type !== Type.ANY;
      if (ttl !== 0 || !rdata.isEmpty || isBadType) return Rcode.FORMERR;
    } else if (record.class === Class.NONE) {
      if (ttl !== 0 || !isDataType(type)) return Rcode.FORMERR;
    } else {
      return Rcode.FORMERR;
    }
  }
  return Rcode.NOERROR;
}

/**
 * True if this update by an operator would remove or change what another holds by a lease. That was heard
 * on a LAN, and the next refresh would restore it (RFC 8766 §6.4). A PTR may stand beside others' PTRs;
 * a set of any other type comes from one host or one instance.
 */
export function overrides(
  updates: readonly ResourceRecord[],
  by: string,
  snapshot: Snapshot,
  leases: Leases,
): boolean {
  const isLeased = (name: Name, rdata: Rdata) => leases.isLeasedByAnother({ name, rdata }, by);
  /** Thousands of records may name the same large set, which is searched once. */
  let known: Map<RecordSet, boolean> | undefined;
  const isLeasedSet = (set: RecordSet): boolean => {
    let isLeasedHere = known?.get(set);
    if (isLeasedHere === undefined) {
      isLeasedHere = set.rdatas.some((rdata) => isLeased(set.name, rdata));
      known ??= new Map();
      known.set(set, isLeasedHere);
    }
    return isLeasedHere;
  };
  return updates.some(({ name, type, class: klass, ttl, rdata }) => {
    if (klass === Class.NONE) return isLeased(name, rdata);
    if (klass !== Class.ANY && type === Type.PTR) return false;
    const sets = snapshot.node(name.key)?.sets;
    if (sets === undefined) return false;
    const touched = sets.filter((set) => type === Type.ANY || set.type === type);
    if (klass === Class.ANY) return touched.some(isLeasedSet);
    const isChanged = (set: RecordSet) =>
      set.ttl !== ttl || !set.rdatas.some((other) => other.equals(rdata));
    return touched.some((set) => isLeasedSet(set) && isChanged(set));
  });
}
