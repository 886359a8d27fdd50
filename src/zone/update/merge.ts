/**
 * Merges an edited zone file: its contents are compared with those merged before, and the difference
 * becomes an update in the file's name. What others have done meanwhile stays: they may have added
 * records the file never had, or removed some it still has.
 */
import { Type } from "../../dns/constants.ts";
import { soaOf } from "../../dns/rdata.ts";
import { type RecordSet, type ResourceRecord, recordsOf } from "../../dns/record.ts";
import { compareSerials, nextSerial } from "../../dns/serial.ts";
import type { Snapshot } from "../snapshot.ts";
import { RecordMap } from "./recordmap.ts";
import { removalOf, type Update, withSerial } from "./update.ts";

/** `said` are the contents merged before, `says` those now; undefined if they do not differ. */
export function mergeUpdate(
  said: readonly RecordSet[],
  says: readonly RecordSet[],
  snapshot: Snapshot,
): Update | undefined {
  const before = recordMapOf(said);
  const after = recordMapOf(says);
  // A new TTL or spelling does not bring back a record that somebody has removed since.
  const isStill = (record: ResourceRecord) => isSoa(record) || isThere(snapshot, record);
  const removed = before.all().filter((old) => {
    if (isSoa(old)) return false;
    const record = after.get(old);
    // A record that is there keeps its spelling.
    return record === undefined || (isRespelled(old, record) && isStill(old));
  });
  const added = after.all().filter((record) => {
    const old = before.get(record);
    if (old === undefined) return true;
    return (old.ttl !== record.ttl || isRespelled(old, record)) && isStill(record);
  });
  if (removed.length === 0 && added.length === 0) return undefined;
  // At the origin there must always be an NS (RFC 2136 §3.4.2.4), so new ones go first there. Elsewhere
  // removals do: a record removed may be a CNAME, beside which nothing can be added.
  const isFirst = (record: ResourceRecord) => {
    const isApexNs = record.type === Type.NS && record.name.equals(snapshot.origin);
    return isApexNs && before.get(record) === undefined;
  };
  // What is respelled comes back at once, so that of several NS none is the last when it is removed.
  const respelled = (old: ResourceRecord) => after.get(old) ?? [];
  const updates = [
    ...added.filter(isFirst),
    ...removed.flatMap((old) => [removalOf(old)].concat(respelled(old))),
    ...added.filter((record) => !isFirst(record)).map((record) => newer(record, snapshot)),
  ];
  return { zone: snapshot.origin, prerequisites: [], updates };
}

/** Gives an SOA the file's serial if that is not 0 and newer, else the next one. */
function newer(record: ResourceRecord, snapshot: Snapshot): ResourceRecord {
  if (!isSoa(record)) return record;
  const { serial } = soaOf(record.rdata);
  if (serial !== 0 && compareSerials(serial, snapshot.serial) > 0) return record;
  const set = { ...record, rdatas: [record.rdata] };
  return { ...record, rdata: withSerial(set, nextSerial(snapshot.serial)).rdatas[0]! };
}

/** The same record, with other capitals in the names of its data. */
function isRespelled(old: ResourceRecord, { rdata }: ResourceRecord): boolean {
  return old.rdata.wire !== rdata.wire;
}

function isThere(snapshot: Snapshot, { name, type, rdata }: ResourceRecord): boolean {
  return snapshot.set(name, type)?.rdatas.some((other) => other.equals(rdata)) === true;
}

/** The file without these records. */
export function withoutRecords(
  file: readonly RecordSet[],
  records: readonly ResourceRecord[],
): RecordSet[] {
  const left = new RecordMap<ResourceRecord>();
  for (const record of records) left.set(record);
  return file.flatMap((set) => {
    const rdatas = set.rdatas.filter((rdata) => left.get({ name: set.name, rdata }) === undefined);
    return rdatas.length === 0 ? [] : [{ ...set, rdatas }];
  });
}

function isSoa({ type }: ResourceRecord): boolean {
  return type === Type.SOA;
}

function recordMapOf(sets: readonly RecordSet[]): RecordMap<ResourceRecord> {
  const map = new RecordMap<ResourceRecord>();
  for (const record of sets.flatMap(recordsOf)) map.set(record);
  return map;
}
