/**
 * What signing costs, in processor time per answer: a zone with keys beside the same zone without, in turns,
 * for clients that ask for signatures and clients that do not.
 */
import { systemClock } from "../src/clock.ts";
import { Class, Opcode, Type } from "../src/dns/constants.ts";
import { encode } from "../src/dns/encode.ts";
import { makeMessage } from "../src/dns/message.ts";
import { Catalog } from "../src/dnsserver/catalog.ts";
import { byOpcode, edns, layered } from "../src/dnsserver/layers.ts";
import { queryHandler } from "../src/dnsserver/query.ts";
import { ReadyAnswers } from "../src/dnsserver/ready.ts";
import { makeEdge } from "../src/net/server/edge.ts";
import { Signatures } from "../src/zone/dnssec/signatures.ts";
import { SigningAuthority } from "../src/zone/dnssec/signing.ts";
import { ZoneKeys } from "../src/zone/dnssec/zonekeys.ts";
import { ZoneAuthority } from "../src/zone/lookup/authority.ts";
import { Zone } from "../src/zone/zone.ts";
import { keysOf, name, origin, signedRecords } from "../test/dnsserver/signed.ts";
import { silentLog } from "../test/support/log.ts";
import { median } from "./contest.ts";

export interface SigningOptions {
  readonly rounds: number;
}

/** Prints a line for each figure. */
export function signing({ rounds }: SigningOptions, print: (line: string) => void): void {
  const plain = server(false);
  const signed = server(true);
  const line = (what: string, ...times: number[]) =>
    print(`${what}: ${times.map((each) => each.toFixed(2)).join(", ")} µs`);
  const compare = (what: string, count: number, run: (server: Server, i: number) => unknown) => {
    const times = { plain: [] as number[], signed: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      times.plain.push(cost(count, (i) => run(plain, i)));
      times.signed.push(cost(count, (i) => run(signed, i)));
    }
    line(`${what}, zone without keys and with`, median(times.plain), median(times.signed));
  };
  const unsigned = query("printer.paris", Type.A, false);
  for (const each of [plain, signed]) each.answer(unsigned);
  compare("ready-made, DO=0", 300_000, ({ ready }) => ready.answer(unsigned));
  compare("handler, DO=0", 20_000, ({ handle }) => handle(unsigned));
  const wanted = query("printer.paris", Type.A, true);
  compare("handler, DO=1", 20_000, ({ handle }) => handle(wanted));
  const denied = query("nobody", Type.A, true);
  compare("handler, DO=1, no such name", 20_000, ({ handle }) => handle(denied));
  const names = Array.from({ length: 5000 }, (_, i) => query(`nobody-${i}`, Type.A, true));
  line(
    "handler, DO=1, another name that is not there each time",
    cost(5000, (i) => signed.handle(names[i]!)),
  );
}

type Server = ReturnType<typeof server>;

function server(isSigned: boolean) {
  const clock = systemClock;
  const zone = new Zone({ origin, records: signedRecords(), clock });
  const inner = new ZoneAuthority(zone);
  const keys = new ZoneKeys(origin, keysOf());
  const signatures = new Signatures({ keys, clock, maxPerSecond: Number.POSITIVE_INFINITY });
  const authority = isSigned ? new SigningAuthority({ inner, keys, clock, signatures }) : inner;
  const catalog = new Catalog([authority]);
  const handler = layered([edns], byOpcode({ [Opcode.QUERY]: queryHandler(catalog) }));
  const ready = new ReadyAnswers({ catalog, zones: [zone] });
  const shared = { handler, clock, log: silentLog };
  const [answer, handle] = [makeEdge({ ...shared, ready }), makeEdge(shared)].map((edge) => {
    const { signal } = new AbortController();
    const source = { address: "192.0.2.1", port: 4000 };
    return (bytes: Buffer) => [
      ...(edge({ bytes, transport: "udp", source, signal }) as Iterable<Buffer>),
    ];
  });
  return { ready, answer: answer!, handle: handle! };
}

function query(owner: string, type: number, dnssecOk: boolean): Buffer {
  const questions = [{ name: name(owner), type, class: Class.IN }];
  return encode(
    makeMessage({ questions, edns: { udpSize: 1232, version: 0, dnssecOk, options: [] } }),
  );
}

/** Microseconds of processor time for one run, as the mean of `count`. */
function cost(count: number, run: (i: number) => unknown): number {
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) run(i);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}
