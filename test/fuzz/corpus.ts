/**
 * What mutations start from: well-formed messages as devices, browsers and servers send them, and those of
 * the folder `corpus`, which are not. The names are those of the zone under attack, so that a mutation
 * reaches more than a refusal.
 */
import { Class, Opcode, OptionCode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { leaseOption } from "../../src/dns/lease.ts";
import { type Message, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { parseRdata, Rdata, rdata } from "../../src/dns/rdata.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import {
  keepalive,
  reconfirm,
  stateful,
  subscribe,
  tlv,
  unsubscribe,
  what,
} from "../support/pushclient.ts";
import { octetsIn } from "./corpusfile.ts";

export const ZONE = "bonjour.example.";
/** A site of the zone whose collector is elsewhere. */
export const SITE = "paris";
/** The top bit of a class: cache-flush in a record, QU in a question. */
const TOP = 0x8000;
const FLUSH = Class.IN | TOP;

const local = (text: string) => Name.parse(`${text}.local.`);
const served = (text: string) => Name.parse(text, Name.parse(ZONE));

/** What is multicast: announcements, answers, probes, questions with known answers, goodbyes. */
export function multicastCorpus(): Buffer[] {
  const messages: Message[] = [];
  for (const [i, instance] of INSTANCES.entries()) {
    const type = TYPES[i % TYPES.length]!;
    const records = serviceRecords(instance, type, `host-${i}`, i);
    const [pointer, ...rest] = records;
    const goodbye = records.map((record) => ({ ...record, ttl: 0 }));
    messages.push(
      makeMessage({ isResponse: true, isAuthoritative: true, answers: records }),
      makeMessage({ isResponse: true, answers: [pointer!], additionals: rest }),
      makeMessage({ isResponse: true, isAuthoritative: true, answers: goodbye }),
      makeMessage({
        questions: [{ name: rest[0]!.name, type: Type.ANY, class: FLUSH }],
        authorities: rest.slice(0, 2),
      }),
      makeMessage({
        isTruncated: i % 2 === 0,
        questions: [{ name: local(type), type: Type.PTR, class: Class.IN }],
        answers: [pointer!],
        edns: i % 3 === 0 ? ednsOf(Buffer.from("001a1b2c3d4e5f", "hex")) : undefined,
      }),
    );
  }
  const enumeration = local("_services._dns-sd._udp");
  messages.push(
    makeMessage({
      isResponse: true,
      answers: TYPES.map((type) => record(enumeration, 4500, rdata.ptr(local(type)))),
    }),
    makeMessage({
      questions: TYPES.map((type) => ({ name: local(type), type: Type.PTR, class: Class.IN })),
    }),
  );
  const encoded = messages.map((message) => encode(message, { compression: "multicast" }));
  return [...encoded, ...octetsIn("multicast")];
}

/** What is sent to a DNS server: questions of every kind, and what it refuses. */
export function unicastCorpus(): Buffer[] {
  const names = [
    ...["@", "_services._dns-sd._udp", "lb._dns-sd._udp", "b._dns-sd._udp.lan", "_ipp._tcp"],
    ...["_ipp._tcp.lan", "host-1.lan", String.raw`Office\032Printer._ipp._tcp.lan`, "nobody.lan"],
    ...["_color._sub._ipp._tcp.lan", "*.lan", "example.org.", ".", "lan", "_tcp.lan"],
  ];
  const types = [Type.PTR, Type.SRV, Type.TXT, Type.A, Type.AAAA, Type.SOA, Type.NS, Type.ANY];
  const messages: Message[] = names.flatMap((name, i) =>
    [types[i % types.length]!, types[(i + 3) % types.length]!, 65280].map((type, j) =>
      makeMessage({
        id: i * 7 + j,
        recursionDesired: j === 0,
        questions: [{ name: served(name), type, class: Class.IN }],
        edns: j === 1 ? ednsOf(Buffer.alloc(8, i)) : undefined,
      }),
    ),
  );
  const zone = { name: served("@"), type: Type.SOA as number, class: Class.IN as number };
  const printer = serviceRecords("Office Printer", "_ipp._tcp", "host-1", 1);
  messages.push(
    makeMessage({ questions: [{ ...zone, type: Type.AXFR }] }),
    makeMessage({ questions: [{ ...zone, type: Type.IXFR }], authorities: [soa()] }),
    makeMessage({
      opcode: Opcode.NOTIFY,
      isAuthoritative: true,
      questions: [zone],
      answers: [soa()],
    }),
    makeMessage({
      opcode: Opcode.UPDATE,
      questions: [zone],
      answers: [{ ...printer[0]!, class: Class.ANY, ttl: 0, rdata: new Rdata(Type.PTR, []) }],
      authorities: printer,
      additionals: [tsig()],
    }),
    makeMessage({ opcode: Opcode.DSO }),
    makeMessage({ opcode: Opcode.STATUS, questions: [zone] }),
    makeMessage({ questions: [zone, { ...zone, type: Type.TXT }] }),
    makeMessage({
      questions: [{ name: Name.parse("version.bind."), type: Type.TXT, class: Class.CH }],
    }),
    makeMessage({ isResponse: true, questions: [zone], answers: [soa()] }),
  );
  return [
    ...messages.map((message) => encode(message)),
    ...[...updateCorpus(), ...statefulCorpus(), ...octetsIn("dns")],
  ];
}

/**
 * UPDATEs that are granted to whoever signs them with the key of this site: they add a service, have
 * prerequisites about it, and delete it again, record by record, set by set, name by name (RFC 2136
 * §2.4, §2.5), on leases of 30 seconds (RFC 9664 §4).
 */
export function updateCorpus(): Buffer[] {
  const site = served(SITE);
  const owners = ["_ipp._tcp", "a._ipp._tcp", "printer"].map((text) => Name.parse(text, site));
  const [service, instance, host] = owners as [Name, Name, Name];
  const records = [
    record(service, 120, rdata.ptr(instance)),
    record(instance, 120, rdata.srv(0, 0, 631, host)),
    record(instance, 120, rdata.txt("txtvers=1", "rp=ipp/print")),
    record(host, 120, rdata.a("10.1.0.10")),
    record(host, 120, rdata.aaaa("fd00:1::10")),
  ];
  const empty = (each: ResourceRecord, type: number, klass: number): ResourceRecord => ({
    ...{ name: each.name, type, class: klass, ttl: 0, rdata: new Rdata(type, []) },
  });
  const ofClass = (klass: number, type?: number) =>
    records.map((each) => empty(each, type ?? each.type, klass));
  const removed = records.map((each) => ({ ...each, class: Class.NONE, ttl: 0 }));
  const leases = [{ lease: 30 }, { lease: 30, keyLease: 60 }].map(leaseOption);
  const cookie = { code: OptionCode.COOKIE, data: Buffer.alloc(8, 7) };
  return [
    { authorities: records },
    { answers: ofClass(Class.NONE), authorities: records },
    { answers: ofClass(Class.ANY, Type.ANY), authorities: [records[0]!] },
    { answers: records.map((each) => ({ ...each, ttl: 0 })), authorities: [records[1]!] },
    { authorities: removed },
    { authorities: ofClass(Class.ANY) },
    { authorities: ofClass(Class.ANY, Type.ANY) },
  ].map((sections, i) =>
    encode(
      makeMessage({
        ...{ id: 1000 + i, opcode: Opcode.UPDATE, ...sections },
        questions: [{ name: served("@"), type: Type.SOA, class: Class.IN }],
        edns: { udpSize: 1232, version: 0, dnssecOk: false, options: [leases[i % 2]!, cookie] },
      }),
    ),
  );
}

/**
 * Messages in a session of DNS Push (RFC 8765), of clients that keep to the rules and of others. The first
 * three begin a session, about names that are there, come and go.
 */
export function statefulCorpus(): Buffer[] {
  const list = `_ipp._tcp.${SITE}.${ZONE}`;
  const host = `printer.${SITE}.${ZONE}`;
  const padding = tlv(3, Buffer.alloc(20));
  return [
    subscribe(1, list, Type.PTR),
    subscribe(2, host, Type.ANY, Class.ANY),
    keepalive(3, 15_000, 3_600_000),
    subscribe(4, `_services._dns-sd._udp.${ZONE}`, Type.PTR),
    subscribe(5, `a._ipp._tcp.${SITE}.${ZONE}`, Type.SRV),
    subscribe(6, ZONE, Type.ANY),
    subscribe(7, ZONE, Type.DS),
    subscribe(8, `_ipp._tcp.lan.${ZONE}`, Type.PTR),
    subscribe(9, "example.org.", Type.A),
    ...[1, 2, 4, 5, 99].map(unsubscribe),
    stateful(10, Buffer.concat([tlv(0x40, what(list, Type.TXT)), padding])),
    stateful(11, Buffer.concat([tlv(1, Buffer.alloc(8, 1)), tlv(0xf800), padding])),
    reconfirm(host, Type.A, Buffer.from([10, 1, 0, 10])),
    reconfirm(list, Type.PTR, Buffer.from([0xc0, 16])),
    stateful(12, tlv(0xf801)),
    stateful(0, tlv(0xf801)),
    stateful(13, tlv(2, Buffer.alloc(4))),
    stateful(14, tlv(0x41, what(host, Type.A))),
    stateful(15, tlv(0x40, what(host, Type.A)), 0x8000),
  ];
}

const TYPES = ["_ipp._tcp", "_http._tcp", "_presence._tcp", "_googlecast._tcp", "_x._udp"] as const;
const INSTANCES = [
  "Office Printer",
  `Mr. Brown's 2.5" Printer.`,
  "Étage 2 – Küche 🖨",
  "back\\slash",
  "x".repeat(63),
  "a",
  "ＷＩＤＥ",
  "Living Room",
];

function serviceRecords(
  instance: string,
  type: string,
  host: string,
  number: number,
): ResourceRecord[] {
  const [service, target] = [local(type), local(host)];
  const name = service.child(instance)!;
  const text = ["txtvers=1", "rp=ipp/print", `n=${number}`, Buffer.of(0x62, 0x3d, 0, 0xff)];
  return [
    record(service, 4500, rdata.ptr(name)),
    record(name, 120, rdata.srv(0, 0, 631 + number, target), FLUSH),
    record(name, 4500, number % 3 === 0 ? rdata.txt() : rdata.txt(...text), FLUSH),
    record(target, 120, rdata.a(`10.77.1.${100 + number}`), FLUSH),
    record(target, 120, rdata.aaaa(`fd00:77:1::${100 + number}`), FLUSH),
    // Next name and bitmap: A, AAAA (RFC 6762 §6.1).
    record(target, 120, new Rdata(Type.NSEC, [target, Buffer.from("000440000008", "hex")]), FLUSH),
    record(name, 120, new Rdata(Type.NSEC, [name, Buffer.from("00050000800040", "hex")]), FLUSH),
    record(local(`_color._sub.${type}`), 4500, rdata.ptr(name)),
    record(name, 4500, rdata.opaque(Type.NULL, Buffer.alloc(200, number)), FLUSH),
    record(name, 120, parseRdata(Type.HTTPS, Buffer.from("000100000300020277", "hex")), FLUSH),
  ];
}

function record(name: Name, ttl: number, data: Rdata, klass: number = Class.IN): ResourceRecord {
  return { name, type: data.type, class: klass, ttl, rdata: data };
}

function soa(): ResourceRecord {
  const data = { mname: served("ns"), rname: served("admin"), serial: 1, refresh: 1, retry: 1 };
  return record(served("@"), 10, rdata.soa({ ...data, expire: 1, minimum: 1 }));
}

function tsig(): ResourceRecord {
  const algorithm = Name.parse("hmac-sha256.");
  const data = new Rdata(Type.TSIG, [algorithm, 1, 300, Buffer.alloc(32), 1, 0, Buffer.alloc(0)]);
  return record(served("key"), 0, data, Class.ANY);
}

function ednsOf(data: Uint8Array) {
  const options = [{ code: OptionCode.COOKIE, data }];
  return { udpSize: 1232, version: 0, dnssecOk: false, options };
}
