/** AXFR (RFC 5936) and IXFR (RFC 1995), octets in and octets out. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { before, suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { parseConfig } from "../../src/config.ts";
import { Class, Opcode, OptionCode, Rcode, rcodeName, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import { decode, type Message, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata, soaOf } from "../../src/dns/rdata.ts";
import type { RecordSet, ResourceRecord } from "../../src/dns/record.ts";
import { Catalog } from "../../src/dnsserver/catalog.ts";
import { addOption, byOpcode, edns, layered } from "../../src/dnsserver/layers.ts";
import { queryHandler } from "../../src/dnsserver/query.ts";
import { transfers } from "../../src/dnsserver/transfer.ts";
import { Access } from "../../src/gateway/access.ts";
import { ask } from "../../src/net/client/exchange.ts";
import { Frames, frame } from "../../src/net/framing.ts";
import { makeEdge } from "../../src/net/server/edge.ts";
import type { Layer, Request, Transport } from "../../src/net/server/handler.ts";
import { IDLE_TIMEOUT } from "../../src/net/server/idle.ts";
import { ZoneAuthority } from "../../src/zone/lookup/authority.ts";
import type { Snapshot } from "../../src/zone/snapshot.ts";
import { replay } from "../../src/zone/update/change.ts";
import type { Zone } from "../../src/zone/zone.ts";
import { opt, zoneRecords } from "../dnsserver/fixture.ts";
import {
  listenSecured,
  paris,
  type SecuredOptions,
  secondary,
  stillServer,
} from "../dnsserver/secured.ts";
import { FakeClock } from "../support/clock.ts";
import fc from "../support/fastcheck.ts";
import { formatRecord } from "../support/formatrecord.ts";
import { silentLog } from "../support/log.ts";
import { inUse } from "../support/memory.ts";
import { sign, tsigOf, verified } from "../support/tsig.ts";
import { DEADLINE, waitFor } from "../support/wait.ts";
import { lines, name, operator, origin, setsOf, updateOf, zoneOf } from "../zone/fixture.ts";

const source = { address: "192.0.2.99", port: 4000 };

/** A server of this zone that lets everybody copy it, or nobody. */
function serve(zone: Zone, isAllowed = true) {
  const find = (origin: Name) => (origin.equals(zone.origin) ? zone : undefined);
  const handler = layered(
    [edns, transfers({ find, isAllowed: () => isAllowed, clock: systemClock, log: silentLog })],
    byOpcode({ [Opcode.QUERY]: queryHandler(new Catalog([new ZoneAuthority(zone)])) }),
  );
  const edge = makeEdge({ handler, clock: systemClock, log: silentLog });
  /** As on a connection of its own. */
  async function* octets(query: Message, transport: Transport = "tcp"): AsyncGenerator<Buffer> {
    const { signal } = new AbortController();
    const tls = transport === "tls" ? { version: "TLSv1.3", application: "dot" } : undefined;
    yield* await edge({ bytes: encode(query), transport, tls, source, signal });
  }
  return {
    octets,
    async ask(query: Message, transport?: Transport): Promise<Message[]> {
      const messages: Message[] = [];
      for await (const each of octets(query, transport)) messages.push(decode(each));
      return messages;
    },
  };
}

const axfr = (owner = origin) =>
  makeMessage({ id: 4711, questions: [{ name: owner, type: Type.AXFR, class: Class.IN }] });

/** From a client that has this serial. */
function ixfr(serial: number, fields: Partial<Message> = {}): Message {
  const soa = rdata.soa({
    ...{ mname: Name.parse("."), rname: Name.parse("."), serial },
    ...{ refresh: 0, retry: 0, expire: 0, minimum: 0 },
  });
  return makeMessage({
    id: 4711,
    questions: [{ name: origin, type: Type.IXFR, class: Class.IN }],
    authorities: [{ name: origin, type: Type.SOA, class: Class.IN, ttl: 0, rdata: soa }],
    ...fields,
  });
}

const add = (zone: Zone, i: number) => zone.apply(updateOf(`+ n${i} A 10.0.0.1`), operator);

async function grow(zone: Zone, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await add(zone, i);
}

/** Hosts in a zone, so that it is larger than its changes. */
const hosts = (count: number) =>
  Array.from({ length: count }, (_, i) => `h${i} A 10.1.${i >> 8}.${i & 255}`).join("\n");

function answersOf(messages: readonly Message[]): ResourceRecord[] {
  return messages.flatMap(({ answers }) => answers);
}

const isSoa = ({ type }: ResourceRecord) => type === Type.SOA;
const serialOf = ({ rdata }: ResourceRecord) => soaOf(rdata).serial;

/** The serials of the SOAs, and how many records there are between them. */
function shape(records: readonly ResourceRecord[]): string {
  return records
    .map((record) => (isSoa(record) ? `${serialOf(record)}` : "."))
    .join(" ")
    .replace(/\.( \.)+/g, (dots) => `${(dots.length + 1) / 2}×`);
}

/** A line for each record, sorted. */
function linesOfRecords(records: readonly ResourceRecord[]): string[] {
  return records
    .map(({ name, type, ttl, rdata }) => formatRecord({ name, type, ttl, rdatas: [rdata] }))
    .sort();
}

/** What a client of RFC 1995 §4 makes of what it has. */
function applied(before: Snapshot, records: readonly ResourceRecord[]): string[] {
  const have = new Map(lines(before).map((line) => [line, line]));
  let isRemoving = false;
  for (const [i, record] of records.slice(1, -1).entries()) {
    if (isSoa(record)) isRemoving = i === 0 || !isRemoving;
    const [line = ""] = linesOfRecords([record]);
    if (isRemoving) assert.ok(have.delete(line), `there is no ${line}`);
    else {
      assert.ok(!have.has(line), `there is ${line} already`);
      have.set(line, line);
    }
  }
  return [...have.values()].sort();
}

suite("AXFR", () => {
  const zone = zoneOf(`
    ${hosts(3000)}
    sub NS ns.sub
    ns.sub A 192.0.2.7
    hidden.sub A 192.0.2.8
    old DNAME new.example.
    below.old A 192.0.2.9
    Office\\032Printer._IPP._tcp.Paris 7 SRV 0 0 631 Printer.Paris
    printer.paris A 10.1.0.10
  `);
  let messages: readonly Message[] = [];
  let records: readonly ResourceRecord[] = [];
  before(async () => {
    messages = await serve(zone).ask(axfr());
    records = answersOf(messages);
  });

  test("XFR-01: begins and ends with the same SOA, and has none between", () => {
    assert.ok(isSoa(records[0]!) && isSoa(records.at(-1)!));
    assert.deepEqual(linesOfRecords(records.slice(0, 1)), linesOfRecords(records.slice(-1)));
    assert.equal(records.filter(isSoa).length, 2);
  });

  test("XFR-02: every message has the id, AA and no TC, and the first has the question", () => {
    assert.ok(messages.length > 2);
    for (const [i, message] of messages.entries()) {
      assert.equal(message.id, 4711);
      assert.ok(message.isResponse && message.isAuthoritative && !message.isTruncated);
      assert.equal(message.rcode, Rcode.NOERROR);
      assert.equal(message.questions.length, i === 0 ? 1 : 0);
      assert.deepEqual([message.authorities, message.additionals], [[], []]);
    }
    assert.ok(messages[0]!.questions[0]!.name.equals(origin));
    assert.equal(messages[0]!.questions[0]!.type, Type.AXFR);
  });

  test("XFR-02: an error has the id and the question; an answer does not repeat the client's SOA", async () => {
    const elsewhere = axfr(Name.parse("other.example."));
    for (const [query, isAllowed] of [
      [axfr(), false],
      [elsewhere, true],
      [ixfr(0), true],
      [ixfr(zone.current.serial), true],
      [ixfr(1, { authorities: [] }), true],
    ] as const) {
      const [message] = await serve(zone, isAllowed).ask(query);
      assert.equal(message!.id, 4711);
      assert.deepEqual(message!.questions, query.questions);
      assert.deepEqual(message!.authorities, []);
    }
  });

  test("XFR-04: has many records in a message, and each once", () => {
    assert.deepEqual(linesOfRecords(records.slice(0, -1)), lines(zone.current));
    for (const { answers } of messages.slice(0, -1)) assert.ok(answers.length > 100);
  });

  test("XFR-05: names keep their case, and only those that RFC 3597 permits are compressed", async () => {
    const srv = records.find(({ type }) => type === Type.SRV)!;
    assert.equal(`${srv.name}`, "Office\\032Printer._IPP._tcp.Paris.z.example.");
    assert.match(
      formatRecord({ ...srv, rdatas: [srv.rdata] }),
      /631 Printer\.Paris\.z\.example\.$/,
    );
    const printer = records.find(({ name }) => /^printer/i.test(`${name}`))!;
    assert.equal(`${printer.name}`, "printer.paris.z.example.");
    // Uncompressed in the rdata (RFC 2782): the whole name is there.
    const whole = Buffer.from("\x07Printer\x05Paris\x01z\x07example\0", "latin1");
    let isThere = false;
    for await (const octets of serve(zone).octets(axfr())) isThere ||= octets.includes(whole);
    assert.ok(isThere);
  });

  test("XFR-06: a cut's NS, its glue and what a cut or a DNAME hides are transferred", () => {
    const owners = new Set(records.map(({ name }) => `${name}`));
    for (const owner of ["sub", "ns.sub", "hidden.sub", "old", "below.old"]) {
      assert.ok(owners.has(`${owner}.z.example.`), owner);
    }
  });

  test("XFR-07: TTLs are those of answers, and nothing but data is transferred", async () => {
    const { ask } = serve(zone);
    const srv = records.find(({ type }) => type === Type.SRV)!;
    const question = { name: srv.name, type: Type.SRV, class: Class.IN };
    const [response] = await ask(makeMessage({ questions: [question] }), "udp");
    const [answer] = response!.answers;
    assert.equal(srv.ttl, 7);
    assert.equal(answer!.ttl, srv.ttl);
    assert.equal(records.length, zone.current.size + 1);
  });

  test("XFR-08: of another zone, or a name within it, is NOTAUTH; without permission it is REFUSED", async () => {
    const outcome = (messages: readonly Message[]) =>
      messages.map(({ rcode, answers }) => `${rcodeName(rcode)} ${answers.length}`);
    const open = serve(zone);
    for (const owner of ["other.example.", "h0.z.example.", "example."]) {
      assert.deepEqual(outcome(await open.ask(axfr(Name.parse(owner)))), ["NOTAUTH 0"], owner);
    }
    const closed = serve(zone, false);
    for (const query of [axfr(), axfr(Name.parse("other.example.")), ixfr(1)]) {
      assert.deepEqual(outcome(await closed.ask(query)), ["REFUSED 0"]);
    }
  });

  test("AUTH-39: by UDP or HTTPS, or of a class other than IN, is REFUSED", async () => {
    const { ask } = serve(zone);
    const chaos = makeMessage({ questions: [{ name: origin, type: Type.AXFR, class: Class.CH }] });
    for (const [query, transport] of [
      [axfr(), "udp"],
      [axfr(), "https"],
      [chaos, "tcp"],
    ] as const) {
      assert.deepEqual(
        (await ask(query, transport)).map(({ rcode }) => rcodeName(rcode)),
        ["REFUSED"],
      );
    }
  });

  test("XFR-03: is of one version, though the zone changes meanwhile", async () => {
    const zone = zoneOf(hosts(3000));
    const before = zone.current;
    const taken: Message[] = [];
    for await (const octets of serve(zone).octets(axfr())) {
      taken.push(decode(octets));
      await add(zone, taken.length);
      await zone.apply(updateOf(`- h${taken.length} ANY`), operator);
    }
    assert.ok(taken.length > 2);
    const records = answersOf(taken);
    assert.deepEqual(linesOfRecords(records.slice(0, -1)), lines(before));
    assert.equal(serialOf(records.at(-1)!), before.serial);
    // From that version, the changes meanwhile lead to the current one.
    const rest = answersOf(await serve(zone).ask(ixfr(before.serial)));
    assert.deepEqual(applied(before, rest), lines(zone.current));
  });

  test("has a large zone whole too, in no order", async () => {
    const zone = zoneOf(hosts(6000));
    const records = answersOf(await serve(zone).ask(axfr()));
    assert.deepEqual(linesOfRecords(records.slice(0, -1)), lines(zone.current));
    assert.ok(isSoa(records[0]!) && isSoa(records.at(-1)!));
  });
});

suite("who may copy a zone", () => {
  const secret = Buffer.from("a secret of the key").toString("base64");
  const keys = `
keys:
  paris: { secret: ${secret}, site: paris }
  admin: { secret: ${secret} }
  ns2: { secret: ${secret}, site: [] }
  ns3: { secret: ${secret}, site: [] }
`;
  const networks = {
    isOwn: (address: string) => ["127.0.0.1", "192.0.2.53"].includes(address),
    isAttached: (address: string) => address.startsWith("192.0.2."),
  };
  const access = (text: string, isSigned = false) =>
    new Access(parseConfig(`zone: z.example\n${text}`, "g", "/"), networks, () => isSigned);
  const from = (address: string, key?: string) =>
    ({ source: { address, port: 4000 }, ...(key && { key }) }) as Request;

  test("XFR-09: by default only this host; and the addresses and keys in the configuration", () => {
    const closed = access("");
    assert.equal(closed.mayTransfer(from("192.0.2.9"), origin), false);
    assert.equal(closed.mayTransfer(from("10.0.0.9"), origin), false);
    assert.equal(closed.mayTransfer(from("127.0.0.1"), origin), true);
    assert.equal(closed.mayTransfer(from("192.0.2.53"), origin), true);
    const open = access(`${keys}transfer: { allow: [192.0.2.0/28, key:ns2] }`);
    assert.equal(open.mayTransfer(from("192.0.2.9"), origin), true);
    assert.equal(open.mayTransfer(from("192.0.2.99"), origin), false);
    assert.equal(open.mayTransfer(from("192.0.2.99", "ns2"), origin), true);
    assert.equal(open.mayTransfer(from("192.0.2.99", "ns3"), origin), false);
  });

  test("XFR-09, SEC-DNSSEC-18: publishers and this host always, all others only if we do not sign it", () => {
    for (const isSigned of [false, true]) {
      const { mayTransfer } = access(
        `${keys}transfer: { allow: [192.0.2.0/28, key:ns2] }`,
        isSigned,
      );
      const may = (address: string, key?: string) => mayTransfer(from(address, key), origin);
      assert.ok(may("192.0.2.99", "paris") && may("192.0.2.99", "admin") && may("192.0.2.53"));
      assert.equal(may("192.0.2.9"), !isSigned);
      assert.equal(may("192.0.2.99", "ns2"), !isSigned);
    }
  });

  test("a key of no site may write nothing", () => {
    const { principalOf } = access(keys);
    assert.ok(principalOf("admin", origin)?.isOperator);
    assert.ok(principalOf("paris", origin));
    assert.equal(principalOf("ns2", origin), undefined);
  });
});

suite("IXFR", () => {
  test("XFR-13: a client that has the serial, or a newer one, gets the SOA alone", async () => {
    const zone = zoneOf(hosts(50));
    await grow(zone, 3);
    const { ask } = serve(zone);
    for (const serial of [4, 5, 0x7fffffff]) {
      for (const transport of ["udp", "tcp"] as const) {
        const messages = await ask(ixfr(serial), transport);
        assert.equal(messages.length, 1);
        assert.equal(shape(answersOf(messages)), "4", `${serial} by ${transport}`);
        assert.ok(messages[0]!.isAuthoritative && !messages[0]!.isTruncated);
      }
    }
  });

  test("XFR-14: has each change with the SOAs around it, oldest first", async () => {
    const zone = zoneOf(`${hosts(50)}\nold A 10.0.0.1\nold A 10.0.0.2`);
    const before = zone.current;
    await zone.apply(updateOf("- old A 10.0.0.1\n+ new A 10.0.0.3\n+ new A 10.0.0.4"), operator);
    await zone.apply(updateOf("- old ANY"), operator);
    await zone.apply(updateOf("+ last 5 TXT x"), operator);
    const { ask } = serve(zone);
    for (const transport of ["udp", "tcp", "tls"] as const) {
      const records = answersOf(await ask(ixfr(1), transport));
      assert.equal(shape(records), "4 1 . 2 2× 2 . 3 3 4 . 4", transport);
      assert.deepEqual(applied(before, records), lines(zone.current));
    }
    assert.equal(shape(answersOf(await ask(ixfr(3)))), "4 3 4 . 4");
  });

  test("XFR-14: whatever the changes, they lead to the current zone", async () => {
    const step = fc.record({
      host: fc.nat(5),
      kind: fc.constantFrom("+ # A 10.0.0.1", "+ # 7 A 10.0.0.2", "- # A 10.0.0.1", "- # ANY"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 20 }), async (steps) => {
        const zone = zoneOf(hosts(100));
        const before = zone.current;
        for (const { host, kind } of steps) {
          await zone.apply(updateOf(kind.replace("#", `x${host}`)), operator);
        }
        const records = answersOf(await serve(zone).ask(ixfr(before.serial)));
        if (zone.current === before) assert.equal(records.length, 1);
        else assert.deepEqual(applied(before, records), lines(zone.current));
        // The zone's own replay agrees.
        const changes = zone.since(before.serial);
        assert.ok(changes !== "resync");
        assert.deepEqual(lines(changes.reduce(replay, before)), lines(zone.current));
      }),
      { numRuns: 50 },
    );
  });

  test("XFR-15: a serial that is no longer known, or never was, gets the whole zone", async () => {
    const zone = zoneOf(hosts(50), { history: 3 });
    await grow(zone, 10);
    const { ask } = serve(zone);
    assert.equal(zone.current.serial, 11);
    for (const serial of [1, 7, 0x80000011]) {
      const records = answersOf(await ask(ixfr(serial)));
      assert.equal(shape(records), "11 61× 11", `${serial}`);
      assert.deepEqual(linesOfRecords(records.slice(0, -1)), lines(zone.current));
      assert.equal(shape(answersOf(await ask(ixfr(serial), "udp"))), "11", "by UDP: come by TCP");
    }
    assert.match(shape(answersOf(await ask(ixfr(8)))), /^11 8 9 \. 9 10 /);
  });

  test("XFR-16: what does not fit a datagram is the SOA alone, never a part", async () => {
    const zone = zoneOf(hosts(500));
    const { ask, octets } = serve(zone);
    for (let count = 1; count <= 40; count++) {
      await add(zone, count);
      for (const edns of [undefined, opt({ udpSize: 1232 }), opt({ udpSize: 4096 })]) {
        const limit = edns === undefined ? 512 : 1232;
        const [message, ...more] = await ask(ixfr(1, { edns }), "udp");
        const { value: whole } = await octets(ixfr(1, { edns }), "tcp").next();
        assert.deepEqual(more, []);
        assert.ok(!message!.isTruncated);
        const fits = shape(message!.answers) !== `${count + 1}`;
        if (fits) {
          assert.ok(whole!.length <= limit);
          assert.equal(shape(message!.answers), shape(decode(whole!).answers));
        } else {
          // No datagram stays half empty to leave room for what may be added.
          assert.ok(whole!.length > limit - 100, `${whole!.length} octets would have fitted`);
        }
      }
    }
  });

  test("XFR-16: room is left for the signature and for options", async () => {
    const cookie = { code: OptionCode.COOKIE, data: Buffer.alloc(40) };
    const adding: Layer = (next) => (request) => addOption(next(request), cookie);
    for (const inner of [undefined, adding]) {
      const { ask, zone, now } = stillServer(inner && { inner });
      const shapes = new Set<number>();
      // Answers of all sizes around the limit, a few octets apart.
      for (let length = 600; length < 1100; length += 5) {
        const { authorities } = ixfr(zone.current.serial);
        const data = rdata.txt(..."x".repeat(length).match(/.{1,255}/g)!);
        const owner = zone.origin.child(`n${length}`)!;
        const record = { name: owner, type: Type.TXT, class: Class.IN, ttl: 10, rdata: data };
        await zone.apply({ zone: zone.origin, prerequisites: [], updates: [record] }, operator);
        const query = makeMessage({
          questions: [{ name: zone.origin, type: Type.IXFR, class: Class.IN }],
          authorities: authorities.map((each) => ({ ...each, name: zone.origin })),
          edns: opt(),
        });
        const { bytes, mac } = sign(query, secondary, now());
        const [octets] = await ask(bytes, "udp");
        assert.ok(octets!.length <= 1232);
        const { answers, isTruncated } = verified(octets!, secondary, { mac, now: now() });
        assert.ok(!isTruncated, `${length}`);
        shapes.add(answers.length);
        const [whole] = await ask(bytes, "tcp");
        if (answers.length === 1) assert.ok(whole!.length > 1232 - 100, `${whole!.length} octets`);
      }
      assert.deepEqual([...shapes], [5, 1]);
    }
  });

  test("XFR-17: changes larger than the zone are sent as the zone", async () => {
    const zone = zoneOf(hosts(10));
    for (let i = 0; i < 20; i++) {
      await zone.apply(updateOf(`- h0 ANY\n+ h0 A 10.9.9.${i}`), operator);
    }
    assert.notEqual(zone.since(1), "resync");
    const { ask } = serve(zone);
    assert.equal(shape(answersOf(await ask(ixfr(1)))), "21 11× 21");
    // Even if they would fit a datagram.
    const by = await ask(ixfr(17, { edns: opt() }), "udp");
    assert.equal(shape(answersOf(by)), "21");
    assert.equal(shape(answersOf(await ask(ixfr(19)))), "21 19 . 20 . 20 . 21 . 21");
  });

  test("XFR-13: without the client's SOA, with two, or with another zone's, is FORMERR", async () => {
    const { ask } = serve(zoneOf(""));
    const [soa] = ixfr(1).authorities;
    const elsewhere = { ...soa!, name: name("a") };
    const other = { ...soa!, type: Type.A, rdata: rdata.a("10.0.0.1") };
    for (const authorities of [[], [soa!, soa!], [elsewhere], [other]]) {
      for (const transport of ["udp", "tcp"] as const) {
        const [message] = await ask(ixfr(1, { authorities }), transport);
        assert.equal(rcodeName(message!.rcode), "FORMERR");
      }
    }
  });

  test("AUTH-11: with two questions is FORMERR", async () => {
    const { ask } = serve(zoneOf(""));
    const [question] = axfr().questions;
    const answers = await ask({ ...axfr(), questions: [question!, question!] });
    assert.deepEqual(
      answers.map(({ rcode, answers }) => [rcodeName(rcode), answers.length]),
      [["FORMERR", 0]],
    );
  });

  test("XFR-20: serials wrap around, past 0, and changes are still sent", async () => {
    const near = setsOf(hosts(50)).map(
      (set): RecordSet =>
        set.type === Type.SOA
          ? { ...set, rdatas: [rdata.soa({ ...soaOf(set.rdatas[0]!), serial: 0xfffffffe })] }
          : set,
    );
    const zone = zoneOf("", { records: near });
    const before = zone.current;
    await grow(zone, 4);
    assert.equal(zone.current.serial, 3);
    const { ask } = serve(zone);
    const records = answersOf(await ask(ixfr(0xfffffffe)));
    assert.equal(shape(records), "3 4294967294 4294967295 . 4294967295 1 . 1 2 . 2 3 . 3");
    assert.deepEqual(applied(before, records), lines(zone.current));
  });
});

suite("transfers by TCP", () => {
  const origin = zoneRecords()[0]!.name;
  const query = (id: number, type: number) =>
    makeMessage({ id, questions: [{ name: origin, type, class: Class.IN }] });

  /** The fixture's zone with some thousand records more, behind a socket. */
  async function listen(options?: SecuredOptions) {
    const server = await listenSecured(options);
    const updates = Array.from({ length: 5000 }, (_, i) => ({
      ...{ name: origin.child(`h${i}`)!, type: Type.A, class: Class.IN, ttl: 10 },
      rdata: rdata.a("10.0.0.1"),
    }));
    await server.zone.apply({ zone: origin, prerequisites: [], updates }, operator);
    return server;
  }

  test("XFR-08, XFR-10: several share a connection with queries and a refused one, each with its own id", async () => {
    await using server = await listen();
    using client = await connectTo(server.endpoint);
    const now = Math.floor(Date.now() / 1000);
    client.send(sign(query(1, Type.AXFR), paris, now).bytes);
    client.send(encode(query(2, Type.SOA)));
    client.send(sign(query(3, Type.AXFR), paris, now).bytes);
    client.send(encode(query(4, Type.AXFR)));
    client.send(encode(query(5, Type.NS)));
    const of = (id: number) => client.responses.filter((each) => each.id === id);
    const count = (id: number) => answersOf(of(id)).length;
    await waitFor("all", () => count(1) + count(3) === 2 * (server.zone.current.size + 1));
    assert.deepEqual(
      [2, 4, 5].map((id) => of(id).map(({ rcode }) => rcodeName(rcode))),
      [["NOERROR"], ["REFUSED"], ["NOERROR"]],
    );
    for (const id of [1, 3]) {
      const records = answersOf(of(id));
      assert.ok(isSoa(records[0]!) && isSoa(records.at(-1)!));
      assert.deepEqual(linesOfRecords(records.slice(0, -1)), lines(server.zone.current));
    }
    // None had to wait for the first to end.
    const order = client.responses.map(({ id }) => id);
    assert.ok(order.indexOf(5) < order.lastIndexOf(1));
    assert.ok(order.indexOf(3) < order.lastIndexOf(1));
  });

  test("XFR-31: while twenty are under way, queries are answered between any two messages", async (t) => {
    await using server = await listen();
    const now = Math.floor(Date.now() / 1000);
    const clients = await Promise.all(Array.from({ length: 20 }, () => connectTo(server.endpoint)));
    for (const client of clients) client.send(sign(query(1, Type.AXFR), paris, now).bytes);
    const received = () => clients.reduce((sum, { responses }) => sum + responses.length, 0);
    const total = (server.zone.current.size + 1) * clients.length;
    const waits: number[] = [];
    const between: number[] = [];
    const taken = () => clients.reduce((sum, { records }) => sum + records(), 0);
    while (taken() < total) {
      assert.ok(
        clients.every(({ isOpen }) => isOpen()),
        "none is let go before it has all",
      );
      const [began, before] = [performance.now(), received()];
      await ask(server.endpoint, query(9, Type.SOA), { clock: systemClock });
      waits.push(performance.now() - began);
      between.push(received() - before);
    }
    for (const client of clients) client[Symbol.dispose]();
    waits.sort((a, b) => a - b);
    t.diagnostic(`${waits.length} queries, ${Math.round(waits.at(-1)!)} ms at most`);
    assert.ok(waits.length > 20, `${waits.length} queries`);
    // Without turns, each query would wait for a message of every transfer.
    between.sort((a, b) => a - b);
    assert.ok(between[between.length >> 1]! < 10, `${between}`);
  });

  test("SEC-13: of those on a connection one at a time has a message that is not taken", async () => {
    const zone = zoneOf(hosts(2000));
    const { signal } = new AbortController();
    const options = { isAllowed: () => true, clock: systemClock, log: silentLog };
    const handler = transfers({ find: () => zone, ...options })(() => []);
    const message = axfr();
    const open = () => {
      const request = {
        message,
        bytes: encode(message),
        transport: "tcp",
        source,
        signal,
      } as const;
      return (handler(request) as AsyncIterable<Message>)[Symbol.asyncIterator]();
    };
    const [first, second] = [open(), open()];
    await first.next();
    let isMade = false;
    const made = second.next().then(() => {
      isMade = true;
    });
    for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(!isMade);
    void first.next();
    await made;
  });

  test("SEC-13: a client that asks for hundreds and reads nothing costs little, and not for long", async () => {
    const clock = new FakeClock();
    const connections = new Set<AbortSignal>();
    const inner: Layer = (next) => (request) => {
      if (request.transport === "tcp") connections.add(request.signal);
      return next(request);
    };
    await using server = await listen({ clock, inner });
    const soa = query(9, Type.SOA);
    /** Octets in use while the peers are connected; afterwards they are gone. */
    const round = async (): Promise<number> => {
      const peers: Socket[] = [];
      using _ = { [Symbol.dispose]: () => peers.forEach((peer) => void peer.destroy()) };
      connections.clear();
      const { bytes } = sign(query(1, Type.AXFR), paris, Math.floor(clock.wall() / 1000));
      const many = Buffer.concat(Array.from({ length: 300 }, () => frame(bytes)));
      for (let i = 0; i < 2; i++) {
        const socket = connect({ host: server.endpoint.address, port: server.endpoint.port });
        socket.on("error", () => {});
        await once(socket, "connect");
        socket.pause();
        socket.write(many);
        peers.push(socket);
      }
      await waitFor("their questions", () => connections.size === peers.length);
      const started = performance.now();
      while (performance.now() - started < 500) {
        await ask(server.endpoint, soa, { clock: systemClock, timeout: DEADLINE });
      }
      const during = inUse();
      // Once the system's buffers are full too.
      const areGone = async () => {
        await clock.elapse(IDLE_TIMEOUT + 1);
        return [...connections].every(({ aborted }) => aborted);
      };
      await waitFor("their end", areGone, 30_000);
      assert.equal(connections.size, peers.length);
      return during;
    };
    const before = inUse();
    for (let i = 0; i < 2; i++) {
      const taken = (await round()) - before;
      // For each, far less than 64 messages of 16 KiB with their records.
      assert.ok(taken < 2 * 64 * 128 * 1024, `${taken} octets`);
      // Some wait for their turn until they see that their client has gone.
      await waitFor("nothing to be left", () => inUse() - before < 3 * 2 ** 20, 20_000, 200);
    }
  });
});

/** A client that reads what comes. */
async function connectTo({ address, port }: Endpoint) {
  const socket = connect({ host: address, port, noDelay: true });
  const responses: Message[] = [];
  const frames = new Frames();
  let records = 0;
  socket.on("error", () => {});
  socket.on("data", (piece) => {
    frames.push(piece);
    for (let each = frames.next(); each; each = frames.next()) {
      const response = decode(each);
      responses.push(response);
      records += response.answers.length;
    }
  });
  await once(socket, "connect");
  return {
    responses,
    records: () => records,
    isOpen: () => !socket.destroyed,
    send: (octets: Uint8Array) => socket.write(frame(octets)),
    [Symbol.dispose]: () => socket.destroy(),
  };
}

suite("signed transfers", () => {
  test("TSIG-14: every message of a stream continues the signature of the one before", async () => {
    const { ask, zone, now } = stillServer();
    const updates = Array.from({ length: 2000 }, (_, i) => ({
      ...{ name: zone.origin.child(`h${i}`)!, type: Type.A, class: Class.IN, ttl: 10 },
      rdata: rdata.a("10.0.0.1"),
    }));
    await zone.apply({ zone: zone.origin, prerequisites: [], updates }, operator);
    const questions = [{ name: zone.origin, type: Type.AXFR, class: Class.IN }];
    for (const key of [secondary, paris]) {
      const request = sign(makeMessage({ questions }), key, now());
      let { mac } = request;
      const messages: Message[] = [];
      for (const octets of await ask(request.bytes, "tcp")) {
        const isContinuation = messages.length > 0;
        messages.push(verified(octets, key, { mac, now: now(), isContinuation }));
        mac = tsigOf(octets).mac;
      }
      assert.ok(messages.length > 1);
      assert.equal(answersOf(messages).length, zone.current.size + 1);
    }
  });
});
