/**
 * A zone with an answer of every kind, signed online, in memory or behind real sockets. Keys and clock
 * are the test's.
 */
import { type Clock, systemClock } from "../../src/clock.ts";
import { Class, Opcode, parseType } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import { decode, type Message, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import type { RecordSet } from "../../src/dns/record.ts";
import { type KeyRole, SigningKey } from "../../src/dns/signingkey.ts";
import { Catalog } from "../../src/dnsserver/catalog.ts";
import { byOpcode, edns, layered } from "../../src/dnsserver/layers.ts";
import { queryHandler } from "../../src/dnsserver/query.ts";
import { ReadyAnswers } from "../../src/dnsserver/ready.ts";
import { makeEdge } from "../../src/net/server/edge.ts";
import type { Transport } from "../../src/net/server/handler.ts";
import { listenTcp } from "../../src/net/server/stream.ts";
import { listenUdp } from "../../src/net/server/udp.ts";
import { Signatures, type SignaturesOptions } from "../../src/zone/dnssec/signatures.ts";
import { SigningAuthority } from "../../src/zone/dnssec/signing.ts";
import { ZoneKeys } from "../../src/zone/dnssec/zonekeys.ts";
import { ZoneAuthority } from "../../src/zone/lookup/authority.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { Zone } from "../../src/zone/zone.ts";
import { silentLog } from "../support/log.ts";

export const origin = Name.parse("signed.example.");
export const name = (text: string) => Name.parse(text, origin);

/** Printers in one set: more than a datagram holds, but no more than BIND takes. */
export const MANY = 90;

const many = Array.from(
  { length: MANY },
  (_, i) => `_many._tcp PTR Printer\\032${i}._many._tcp.paris`,
).join("\n");

/** The server's address is not glue of a delegation: a resolver finds it in the zone. */
const TEXT = `
$TTL 60
@ 300 SOA ns hostmaster 1 7200 3600 86400 30
@ NS ns
ns A 127.0.0.1
_ipp._tcp PTR Office\\032Printer._ipp._tcp.paris
_ipp._tcp PTR Draft\\032Printer._ipp._tcp.paris
_ipp._tcp.paris PTR Office\\032Printer._ipp._tcp.paris
Office\\032Printer._ipp._tcp.paris SRV 0 0 631 Printer.Paris
Office\\032Printer._ipp._tcp.paris TXT "txtvers=1" "rp=ipp/print"
printer.paris A 10.1.0.10
printer.paris AAAA 2001:db8::10
*.wild A 10.1.0.99
*.wild TXT "any of them"
alias CNAME printer.paris
alias2 CNAME alias
dangling CNAME nobody
away CNAME www.elsewhere.test.
moved DNAME paris
unsigned NS ns.unsigned
ns.unsigned A 127.0.0.2
secure NS ns.secure
secure DS 4711 13 2 ${"ab".repeat(32)}
ns.secure A 127.0.0.3
opaque TYPE65280 \\# 4 0a0B0c0D
svc SVCB 1 Target.Svc alpn=h2
b._dns-sd._udp PTR @
${many}
`;

export function signedRecords(text = ""): RecordSet[] {
  return parseMasterFile(`${TEXT}${text}\n`, { origin });
}

export const CSK: readonly KeyRole[] = ["csk"];

const LONG_AGO = Date.UTC(2020, 0, 1) / 1000;

/** Keys of one algorithm that have signed for years. */
export function keysOf(
  roles: readonly KeyRole[] = CSK,
  algorithm: SigningKey["algorithm"] = "ecdsap256sha256",
): SigningKey[] {
  const times = { Publish: LONG_AGO, Activate: LONG_AGO, SyncPublish: LONG_AGO };
  return roles.map((role) => SigningKey.generate(origin, algorithm, role, times));
}

export interface SignedOptions extends Partial<Omit<SignaturesOptions, "keys">> {
  readonly keys?: readonly SigningKey[];
  readonly text?: string;
}

export interface Wish {
  readonly dnssecOk?: boolean;
  readonly compactOk?: boolean;
  readonly transport?: Transport;
  readonly fields?: Partial<Message>;
}

export interface Signed {
  readonly zone: Zone;
  readonly keys: ZoneKeys;
  readonly signatures: Signatures;
  readonly ready: ReadyAnswers;
  /** The answer to a question such as "printer.paris A", asked with DO by default. */
  ask(question: string, wish?: Wish): Message;
}

export function makeSigned(options: SignedOptions = {}) {
  const { clock = systemClock, keys: all = keysOf(), text } = options;
  const zone = new Zone({ origin, records: signedRecords(text), clock });
  const keys = new ZoneKeys(origin, all);
  const signatures = new Signatures({ ...options, keys, clock });
  const inner = new ZoneAuthority(zone);
  const catalog = new Catalog([new SigningAuthority({ inner, keys, clock, signatures })]);
  const handler = layered([edns], byOpcode({ [Opcode.QUERY]: queryHandler(catalog) }));
  const ready = new ReadyAnswers({ catalog, zones: [zone] });
  const edge = makeEdge({ handler, clock, log: silentLog, ready });
  const { signal } = new AbortController();
  const source = { address: "192.0.2.99", port: 4000 };
  const ask = (question: string, wish: Wish = {}): Message => {
    const { dnssecOk = true, compactOk = false, transport = "tcp", fields } = wish;
    const [owner, type] = question.split(" ");
    const asked = { name: name(owner!), type: parseType(type!)!, class: Class.IN };
    const opt = { udpSize: 1232, version: 0, dnssecOk, options: [] };
    const bytes = encode(
      makeMessage({
        ...{ id: 4711, questions: [asked] },
        edns: compactOk ? { ...opt, compactOk } : opt,
        ...fields,
      }),
    );
    const [octets] = [...(edge({ bytes, transport, source, signal }) as Iterable<Buffer>)];
    return decode(octets!);
  };
  return { zone, keys, signatures, ready, handler, ask } as const;
}

export interface SignedListener extends Signed {
  readonly endpoint: Endpoint;
  [Symbol.asyncDispose](): Promise<void>;
}

/** UDP and TCP on one port of an address of loopback. */
export async function listenSigned(
  options: SignedOptions = {},
  endpoint: Endpoint = { address: "127.0.0.1", port: 0 },
): Promise<SignedListener> {
  const { handler, ...signed } = makeSigned(options);
  const clock: Clock = options.clock ?? systemClock;
  for (let tries = 1; ; tries++) {
    const life = new AbortController();
    const shared = { handler, clock, log: silentLog, signal: life.signal };
    const udp = await listenUdp({ endpoint, ready: signed.ready, ...shared });
    try {
      const tcp = await listenTcp({ endpoint: udp.endpoint, ...shared });
      const end = async () => {
        life.abort();
        await Promise.all([udp.closed, tcp.closed]);
      };
      return { ...signed, endpoint: udp.endpoint, [Symbol.asyncDispose]: end };
    } catch (error) {
      // Another program may have the TCP port with the number that UDP was given.
      life.abort();
      await udp.closed;
      if (tries === 10) throw error;
    }
  }
}
