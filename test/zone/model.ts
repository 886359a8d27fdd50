/** Updates of a few names and records, so that these may meet, and a zone as simple as can be. */
import { Class, Type } from "../../src/dns/constants.ts";
import type { Name } from "../../src/dns/name.ts";
import { Rdata, rdata } from "../../src/dns/rdata.ts";
import type { RecordSet, ResourceRecord } from "../../src/dns/record.ts";
import type { Update } from "../../src/zone/update/update.ts";
import fc from "../support/fastcheck.ts";
import { emptyRecord, name, origin, SOA, sets } from "./fixture.ts";

const OWNERS = ["@", "a", "A", "b.a", "c.b.a", "d.c.b.a", "x", "z.x", "*.x", "y.*.x"] as const;
const owner = fc.constantFrom(...OWNERS);
const data: fc.Arbitrary<Rdata> = fc.oneof(
  fc.integer({ min: 1, max: 4 }).map((last) => rdata.a(`10.0.0.${last}`)),
  fc.constantFrom("a", "A", "b.a").map((target) => rdata.ptr(name(target))),
  fc.constantFrom("ns1", "ns2").map((target) => rdata.ns(name(target))),
  fc.constantFrom("a", "x").map((target) => rdata.cname(name(target))),
  fc.constantFrom("a", "x").map((target) => new Rdata(Type.DNAME, [name(target)])),
  fc.constantFrom("x", "text").map((text) => rdata.txt(text)),
  fc.constant(rdata.opaque(65280, Uint8Array.of(1))),
  fc.integer({ min: 0, max: 5 }).map((serial) => {
    const soa = sets(SOA)[0]!.rdatas[0]!;
    return rdata.soa({ ...soaFields(soa), serial });
  }),
);

const addition: fc.Arbitrary<ResourceRecord> = fc
  .record({ owner, data, ttl: fc.constantFrom(10, 10, 10, 20) })
  .map(({ owner, data, ttl }) => ({
    name: name(owner),
    type: data.type,
    class: Class.IN,
    ttl,
    rdata: data,
  }));
const removal = addition.map((record) => ({ ...record, class: Class.NONE, ttl: 0 }));
const clearing = fc
  .record({ owner, type: fc.constantFrom("ANY", "A", "PTR", "NS", "SOA", "CNAME", "TXT") })
  .map(({ owner, type }) => emptyRecord(owner, type, Class.ANY));

export const update: fc.Arbitrary<Update> = fc
  .array(fc.oneof(addition, addition, removal, clearing), { maxLength: 8 })
  .map((updates) => ({ zone: origin, prerequisites: [], updates }));

function soaFields(soa: Rdata) {
  const [mname, rname] = soa.values as readonly [Name, Name];
  return { mname, rname, serial: 1, refresh: 7200, retry: 3600, expire: 86400, minimum: 10 };
}

/** Every name with records, and those above it up to the origin, with how many children each has. */
export function nodesOf(sets: Iterable<RecordSet>): Map<string, number> {
  const names = new Set<string>();
  for (const set of sets) {
    for (let at: Name | undefined = set.name; at?.isUnder(origin); at = at.parent)
      names.add(at.key);
  }
  const children = new Map([...names].map((key) => [key, 0]));
  for (const key of names) {
    const parent = [...names]
      .filter((other) => key !== other && key.startsWith(other))
      .sort((a, b) => b.length - a.length)[0];
    if (parent !== undefined) children.set(parent, children.get(parent)! + 1);
  }
  return children;
}

/**
 * RFC 2136 §3.4.2 on a flat list of records, without any of the zone's cleverness. The SOA is left out,
 * as the serial is the zone's own affair.
 */
export class Model {
  records: ResourceRecord[];

  constructor(records: readonly ResourceRecord[]) {
    this.records = [...records];
  }

  apply({ updates }: Update): void {
    for (const record of updates) if (record.type !== Type.SOA) this.#do(record);
  }

  #do(record: ResourceRecord): void {
    const { name, type, rdata } = record;
    const isApex = name.equals(origin);
    const here = this.records.filter((other) => other.name.equals(name));
    const same = here.filter((other) => other.type === type);
    if (record.class === Class.ANY) {
      this.#drop(
        (other) =>
          other.name.equals(name) &&
          (type === Type.ANY || other.type === type) &&
          !(isApex && other.type === Type.NS),
      );
    } else if (record.class === Class.NONE) {
      if (isApex && type === Type.NS && same.length === 1) return;
      this.#drop((other) => other.name.equals(name) && other.rdata.equals(rdata));
    } else {
      const isAlias = type === Type.CNAME;
      if (isAlias && (isApex || here.some((other) => other.type !== Type.CNAME))) return;
      if (!isAlias && here.some((other) => other.type === Type.CNAME)) return;
      const isAlone = isAlias || type === Type.DNAME;
      const isReplaced = (other: ResourceRecord) => isAlone || other.rdata.equals(rdata);
      this.#drop((other) => same.includes(other) && isReplaced(other));
      this.records = this.records.map((other) =>
        same.includes(other) ? { ...other, ttl: record.ttl } : other,
      );
      this.records.push(record);
    }
  }

  #drop(isDropped: (record: ResourceRecord) => boolean): void {
    this.records = this.records.filter((record) => !isDropped(record));
  }
}

/** Records as lines to compare, with names in lower case. */
export function facts(records: Iterable<ResourceRecord>): string[] {
  return Array.from(
    records,
    ({ name, ttl, rdata }) =>
      `${name.toLowerCase()} ${ttl} ${rdata.type} ${Buffer.from(rdata.key, "latin1").toString("hex")}`,
  ).sort();
}
