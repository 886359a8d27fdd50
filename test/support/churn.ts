/** Changes as devices make them, and the comparison of two servers after them. */
import { Class, Type } from "../../src/dns/constants.ts";
import type { Name } from "../../src/dns/name.ts";
import { Rdata, rdata } from "../../src/dns/rdata.ts";
import type { RecordSet, ResourceRecord } from "../../src/dns/record.ts";
import { formatRecord } from "./formatrecord.ts";

/**
 * Hosts that stay, so that a change is small beside the zone (RFC 1995 §5); the last has registered itself.
 */
export function stock(origin: Name): ResourceRecord[] {
  const site = origin.child("lyon")!;
  const hosts = Array.from({ length: STOCK }, (_, i) => ({
    ...{ name: site.child(`host-${i}`)!, type: Type.A, class: Class.IN, ttl: 10 },
    rdata: rdata.a(`10.2.${i >> 8}.${i & 255}`) as Rdata,
  }));
  const key = new Rdata(Type.KEY, [0, 3, 13, new Uint8Array(64).fill(7)]);
  return [...hosts, { ...hosts.at(-1)!, type: Type.KEY, rdata: key }];
}

const STOCK = 1500;

/** The number of printers; in each step one of them comes, changes or goes. */
const PRINTERS = 50;

/** The updates of step `i`: a printer changes or goes, another comes. */
export function step(i: number, origin: Name): ResourceRecord[] {
  const site = origin.child("paris")!;
  const type = site.child("_tcp")!.child("_ipp")!;
  const number = (i * 7) % PRINTERS;
  const instance = type.child(`Printer ${number}`)!;
  const host = site.child(`printer-${number}`)!;
  const record = (name: Name, data: ReturnType<typeof rdata.a>, klass: number = Class.IN) => ({
    ...{ name, type: data.type, class: klass, rdata: data },
    ttl: klass === Class.IN ? 10 : 0,
  });
  const noData = (name: Name, type: number): ResourceRecord => ({
    ...{ name, type, class: Class.ANY, ttl: 0, rdata: rdata.opaque(type, Buffer.of()) },
  });
  const gone = [noData(instance, Type.ANY), noData(host, Type.ANY)];
  const round = Math.floor(i / PRINTERS);
  if ((i + round) % 5 === 4) return [...gone, record(type, rdata.ptr(instance), Class.NONE)];
  return [
    ...gone,
    record(type, rdata.ptr(instance)),
    record(instance, rdata.srv(0, 0, 631, host)),
    record(instance, rdata.txt("txtvers=1", `note=Step ${i}`)),
    record(host, rdata.a(`10.1.${i & 255}.${number}`)),
    record(host, rdata.aaaa(`fd00:1::${(i & 0xffff).toString(16)}`)),
  ];
}

/** A line for each record, sorted; names in lower case, as Knot, NSD and PowerDNS keep them. */
export function linesOf(sets: readonly RecordSet[]): readonly string[] {
  const lower = (name: Name) => name.toLowerCase();
  return sets
    .flatMap(({ name, rdatas, ...set }) => {
      const folded = { name: lower(name), rdatas: rdatas.map((each) => each.mapNames(lower)!) };
      return formatRecord({ ...set, ...folded }).split("\n");
    })
    .sort();
}
