/**
 * What the servers of a contest serve and are asked: 2,000 services at eight sites, five of each type at
 * each, and a mix of questions, asked over and over, as clients of DNS-SD ask them.
 */
import { Type, typeName } from "../src/dns/constants.ts";
import { Name } from "../src/dns/name.ts";
import { rdata } from "../src/dns/rdata.ts";
import type { RecordSet } from "../src/dns/record.ts";

export const ORIGIN = Name.parse("bonjour.example.com.");

const SITES = 8;
const TYPES = 50;
const INSTANCES = 5;
/** Seconds, as served by default. */
const TTL = 10;

interface Service {
  readonly type: Name;
  readonly instance: Name;
  readonly host: Name;
  readonly number: number;
}

function* services(): Generator<Service> {
  for (let number = 0; number < SITES * TYPES * INSTANCES; number++) {
    const site = Math.floor(number / (TYPES * INSTANCES));
    const kind = Math.floor(number / INSTANCES) % TYPES;
    const type = Name.parse(`_type${kind}._tcp.site${site}`, ORIGIN);
    // No spaces: dnsperf does not understand escapes.
    const instance = type.child(`Office-Printer-${number}`)!;
    yield { type, instance, host: Name.parse(`printer-${number}.site${site}`, ORIGIN), number };
  }
}

export function officeRecords(): RecordSet[] {
  const ns = Name.parse("ns", ORIGIN);
  const numbers = { serial: 1, refresh: 7200, retry: 3600, expire: 86400, minimum: TTL };
  const soa = rdata.soa({ mname: ns, rname: Name.parse("hostmaster", ORIGIN), ...numbers });
  const set = (name: Name, ...rdatas: RecordSet["rdatas"]): RecordSet => ({
    name,
    type: rdatas[0]!.type,
    ttl: TTL,
    rdatas,
  });
  const browse = new Map<string, { name: Name; rdatas: ReturnType<typeof rdata.ptr>[] }>();
  const sets = [set(ORIGIN, soa), set(ORIGIN, rdata.ns(ns)), set(ns, rdata.a("127.0.0.1"))];
  for (const { type, instance, host, number } of services()) {
    const text = ["txtvers=1", "rp=ipp/print", `note=Room ${number}`, "pdl=application/pdf"];
    sets.push(
      set(instance, rdata.srv(0, 0, 631, host)),
      set(instance, rdata.txt(...text)),
      set(host, rdata.a(`10.1.${number >> 8}.${number & 255}`)),
    );
    const list = browse.get(type.key) ?? { name: type, rdatas: [] };
    list.rdatas.push(rdata.ptr(instance));
    browse.set(type.key, list);
  }
  for (const { name, rdatas } of browse.values()) sets.push(set(name, ...rdatas));
  return sets;
}

/** Lines for dnsperf, shuffled: a fifth each PTR, SRV, TXT and A, a tenth each NODATA and NXDOMAIN. */
export function officeQuestions(): string[] {
  const lines: string[] = [];
  for (const { type, instance, host, number } of services()) {
    const ask = (name: Name, kind: number) => lines.push(`${name} ${typeName(kind)}`);
    ask(type, Type.PTR);
    ask(instance, Type.SRV);
    ask(instance, Type.TXT);
    ask(host, Type.A);
    if (number % 2 === 0) ask(host, Type.AAAA);
    else ask(Name.parse(`gone-${number}`, ORIGIN), Type.A);
  }
  return shuffled(lines);
}

/** The same order every time (Knuth, The Art of Computer Programming, §3.4.2 P and §3.3.4 table 1). */
function shuffled(lines: string[]): string[] {
  let state = 1;
  for (let i = lines.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [lines[i], lines[j]] = [lines[j]!, lines[i]!];
  }
  return lines;
}
