/**
 * Turns a registration into an update of the zone by the key's holder, with prerequisites, given what the
 * key holds there. The zone applies all of it or nothing, and keeps it for as long as the leases last.
 *
 * Names are first come, first served (RFC 9665 §3.3.3): each name described has this KEY already, or has
 * nothing. No service outlasts its host (§5.1), and a service is listed exactly as its last registration
 * says (§3.3.4).
 */
import { Class, Type } from "../../dns/constants.ts";
import type { Lease } from "../../dns/lease.ts";
import type { Name } from "../../dns/name.ts";
import { rdata as make, Rdata, srvOf, targetOf } from "../../dns/rdata.ts";
import type { ResourceRecord } from "../../dns/record.ts";
import { SERVED_TTL, serviceTypesName } from "../../dns/service.ts";
import { RecordMap, type ZoneRecord } from "../../zone/update/recordmap.ts";
import { removalOf, removalOfSet, type Update } from "../../zone/update/update.ts";
import type { Zone } from "../../zone/zone.ts";
import type { RegisteredService, Registration } from "./registration.ts";

export interface Domains {
  readonly zone: Name;
  /** The domain beneath which devices register. */
  readonly site: Name;
}

export interface ClaimOptions extends Domains {
  readonly key: Rdata;
  /** What this key holds. */
  readonly held: ReturnType<Zone["heldBy"]>;
  /** Seconds. A lease of 0 removes the host and all its services (§3.2.5.5.1). */
  readonly lease: Required<Lease>;
  /** Milliseconds of the clock. */
  readonly now: number;
}

export function claim(registration: Registration, options: ClaimOptions): Update {
  const { zone, key, held, lease, now } = options;
  const { host } = registration;
  const isGoing = lease.lease === 0;
  const names = new Map([host, ...registration.services.map(({ name }) => name)].map(keyed));
  const servers = held.filter(({ rdata }) => rdata.type === Type.SRV);
  const atHost = servers.filter(({ rdata }) => srvOf(rdata).target.equals(host));
  if (isGoing) for (const { name } of atHost) names.set(name.key, name);
  const isTold = (name: Name) => names.has(name.key);
  const others = servers.filter(({ name }) => !isTold(name));
  const claimed = [...names.values()];
  const ours = new Set(held.filter(isKey).map(({ name }) => name.key));
  const isOurs = (name: Name) => ours.has(name.key);

  const added = new RecordMap<ZoneRecord>();
  const ends = now + lease.lease * 1000;
  // What is removed keeps its name for as long as its KEY has a lease.
  const reserved = lease.keyLease === 0 ? [] : claimed.filter(isOurs);
  for (const name of reserved) added.set({ name, rdata: key });
  if (!isGoing) {
    for (const rdata of [key, ...registration.addresses]) added.set({ name: host, rdata });
    for (const service of registration.services) {
      for (const record of recordsOf(service, options)) added.set(record);
    }
    // Services of this host from earlier registrations end no later than it.
    const late = atHost.filter(({ name, expires }) => !isTold(name) && expires > ends);
    for (const { name } of late) {
      for (const record of [
        ...held.filter((each) => isOf(each, name)),
        ...entriesOf(name, options),
      ]) {
        added.set(record);
      }
    }
  }

  const stays = new RecordMap<ZoneRecord>();
  for (const { name, rdata, expires } of others) {
    const isLonger = expires > ends && !srvOf(rdata).target.equals(host);
    for (const entry of entriesOf(name, options)) {
      stays.set(entry);
      // A service of another host keeps the type listed for longer.
      if (isLonger) added.delete(entry);
    }
  }
  const lists = held.filter(({ name, rdata }) => {
    if (rdata.type !== Type.PTR) return false;
    if (isTold(targetOf(rdata)!)) return true;
    return isTypeList(name, options) && stays.get({ name, rdata }) === undefined;
  });
  return {
    zone,
    prerequisites: claimed.map((name) => (isOurs(name) ? isHeld(name, key) : isFree(name))),
    updates: [
      ...claimed.map((name) => removalOfSet(name, Type.ANY)),
      ...lists.map(removalOf),
      ...added.all().map(additionOf),
    ],
    ...lease,
  };
}

function keyed(name: Name) {
  return [name.key, name] as const;
}

function isKey({ rdata }: ZoneRecord): boolean {
  return rdata.type === Type.KEY;
}

/** True for a record of this service other than its KEY, or one that lists it. */
function isOf(record: ZoneRecord, service: Name): boolean {
  const { name, rdata } = record;
  if (name.equals(service)) return !isKey(record);
  return rdata.type === Type.PTR && targetOf(rdata)!.equals(service);
}

/** All records of a service, and those that list it at the site and in the zone; none for a removal. */
function recordsOf(service: RegisteredService, options: ClaimOptions): ZoneRecord[] {
  const { name, srv, texts, lists } = service;
  if (srv === undefined) return [];
  const { zone, site, key } = options;
  const own = [key, srv, ...texts].map((rdata) => ({ name, rdata }));
  const listed = lists.flatMap((list) => {
    const merged = list.replaceSuffix(site, zone);
    return [list, ...(merged === undefined ? [] : [merged])];
  });
  const pointer = make.ptr(name);
  return [...own, ...listed.map((name) => ({ name, rdata: pointer })), ...entriesOf(name, options)];
}

/** The records that list the type of a service (RFC 6763 §9), at the site and in the zone. */
function entriesOf(service: Name, { zone, site }: Domains): ZoneRecord[] {
  const type = service.parent!;
  return [site, zone].flatMap((domain) => {
    const list = serviceTypesName(domain);
    const entry = type.replaceSuffix(site, domain);
    return list === undefined || entry === undefined
      ? []
      : [{ name: list, rdata: make.ptr(entry) }];
  });
}

function isTypeList(name: Name, { zone, site }: Domains): boolean {
  return [site, zone].some((domain) => serviceTypesName(domain)?.equals(name) === true);
}

/** The update record that adds this record. */
export function additionOf({ name, rdata }: ZoneRecord): ResourceRecord {
  return { name, type: rdata.type, class: Class.IN, ttl: SERVED_TTL, rdata };
}

/** Prerequisite: the name has this KEY and no other (RFC 2136 §2.4.2). */
function isHeld(name: Name, key: Rdata): ResourceRecord {
  return { name, type: Type.KEY, class: Class.IN, ttl: 0, rdata: key };
}

/** Prerequisite: nothing is at the name (RFC 2136 §2.4.5). */
function isFree(name: Name): ResourceRecord {
  return { name, type: Type.ANY, class: Class.NONE, ttl: 0, rdata: new Rdata(Type.ANY, "") };
}
