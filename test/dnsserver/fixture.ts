/** A server in memory: a zone, the layers around its answers, and the edge in front of them. */
import { type Clock, systemClock } from "../../src/clock.ts";
import { Class, Opcode, Type } from "../../src/dns/constants.ts";
import type { Edns } from "../../src/dns/edns.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import type { RecordSet } from "../../src/dns/record.ts";
import { Catalog } from "../../src/dnsserver/catalog.ts";
import { keepalive } from "../../src/dnsserver/keepalive.ts";
import { byOpcode, edns, layered } from "../../src/dnsserver/layers.ts";
import { queryHandler } from "../../src/dnsserver/query.ts";
import { makeEdge } from "../../src/net/server/edge.ts";
import type { Handler, Ready, Transport } from "../../src/net/server/handler.ts";
import { ZoneAuthority } from "../../src/zone/lookup/authority.ts";
import { Zone } from "../../src/zone/zone.ts";
import { silentLog } from "../support/log.ts";

export const origin = Name.parse("bonjour.example.");
export const name = (text: string) => Name.parse(text, origin);

const set = (owner: string, type: number, ...rdatas: RecordSet["rdatas"]): RecordSet => ({
  name: name(owner),
  type,
  ttl: 10,
  rdatas,
});

/** A browse set larger than any datagram. */
export const MANY = 200;

export function zoneRecords(): RecordSet[] {
  const printer = "Office\\032Printer._ipp._tcp.paris";
  const many = Array.from({ length: MANY }, (_, i) =>
    rdata.ptr(name(`User\\032${i}._presence._tcp.paris`)),
  );
  return [
    set(
      "@",
      Type.SOA,
      rdata.soa({
        mname: name("ns"),
        rname: name("hostmaster"),
        serial: 1,
        refresh: 7200,
        retry: 3600,
        expire: 86400,
        minimum: 5,
      }),
    ),
    set("@", Type.NS, rdata.ns(name("ns"))),
    set("ns", Type.A, rdata.a("192.0.2.1")),
    set("_ipp._tcp.paris", Type.PTR, rdata.ptr(name(printer))),
    set(printer, Type.SRV, rdata.srv(0, 0, 631, name("printer.paris"))),
    set(printer, Type.TXT, rdata.txt("txtvers=1", "rp=ipp/print")),
    set("printer.paris", Type.A, rdata.a("10.1.0.10")),
    set("printer.paris", Type.AAAA, rdata.aaaa("2001:db8::10")),
    set("_presence._tcp.paris", Type.PTR, ...many),
    set("alias", Type.CNAME, rdata.cname(name("printer.paris"))),
  ];
}

export interface Server {
  readonly zone: Zone;
  readonly catalog: Catalog;
  readonly handler: Handler;
  /** The octets of the responses, made without waiting. */
  answers(query: Uint8Array, transport?: Transport): Buffer[];
  /** The first response; fails if there is none. */
  ask(query: Message | Uint8Array, transport?: Transport): Message;
}

export function makeServer(
  zone: Zone = makeZone(),
  makeReady?: (zone: Zone, catalog: Catalog) => Ready,
): Server {
  const catalog = new Catalog([new ZoneAuthority(zone)]);
  const handler = layered([edns, keepalive], byOpcode({ [Opcode.QUERY]: queryHandler(catalog) }));
  const ready = makeReady?.(zone, catalog);
  const edge = makeEdge({ handler, clock: systemClock, log: silentLog, ready });
  const { signal } = new AbortController();
  const source = { address: "192.0.2.99", port: 4000 };
  const answers = (bytes: Uint8Array, transport: Transport = "udp"): Buffer[] => [
    ...(edge({ bytes, transport, source, signal }) as Iterable<Buffer>),
  ];
  return {
    zone,
    catalog,
    handler,
    answers,
    ask(query, transport) {
      const [octets] = answers(query instanceof Uint8Array ? query : encode(query), transport);
      if (octets === undefined) throw new Error("no answer");
      return decode(octets);
    },
  };
}

export function makeZone(
  records: Iterable<RecordSet> = zoneRecords(),
  clock: Clock = systemClock,
): Zone {
  return new Zone({ origin, records, clock });
}

/** A query for one name; `fields` overrides the defaults. */
export function question(
  owner: string,
  type: number = Type.A,
  fields: Partial<Message> = {},
): Message {
  const asked = { name: name(owner), type, class: Class.IN };
  return makeMessage({ id: 4711, questions: [asked], ...fields });
}

/** A client's OPT record. */
export function opt(fields: Partial<Edns> = {}): Edns {
  return { udpSize: 1232, version: 0, dnssecOk: false, options: [], ...fields };
}
