import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Class, OptionCode, type Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { Rdata, rdata } from "../../src/dns/rdata.ts";
import type { RecordSet, ResourceRecord } from "../../src/dns/record.ts";
import {
  type FollowedZone,
  MAX_ENTRIES,
  MAX_OCTETS,
  ReadyAnswers,
} from "../../src/dnsserver/ready.ts";
import type { Principal } from "../../src/zone/update/principal.ts";
import type { Zone } from "../../src/zone/zone.ts";
import fc from "../support/fastcheck.ts";
import { inUse } from "../support/memory.ts";
import { makeServer, makeZone, name, opt, origin, question, zoneRecords } from "./fixture.ts";

const operator: Principal = { name: "test", isOperator: true, permits: () => true };

/** A server with ready-made answers. */
function makeReadyServer(limits: { maxEntries?: number; maxOctets?: number } = {}, zone?: Zone) {
  let ready: ReadyAnswers | undefined;
  const server = makeServer(zone, (own, catalog) => {
    ready = new ReadyAnswers({ catalog, zones: [own], ...limits });
    return ready;
  });
  const table = ready!;
  return {
    ...server,
    ready: table,
    isReady: (query: Message) => table.answer(encode(query)) !== undefined,
    /** From the table, or else from the Handler and into the table. */
    serve: (bytes: Buffer) => table.answer(bytes) ?? server.answers(bytes)[0]!,
  };
}

function change(zone: Zone, ...updates: ResourceRecord[]): Promise<Rcode> {
  return zone.apply({ zone: origin, prerequisites: [], updates }, operator);
}

const record = (owner: string, data: RecordSet["rdatas"][number]): ResourceRecord => ({
  name: name(owner),
  type: data.type,
  class: Class.IN,
  ttl: 10,
  rdata: data,
});
const gone = (each: ResourceRecord): ResourceRecord => ({ ...each, class: Class.NONE, ttl: 0 });

suite("ready-made answers", () => {
  test("the second time a question is asked, its answer is ready, with the id of the query", () => {
    const { answers, ready, serve } = makeReadyServer();
    const query = encode(question("printer.paris"));
    const first = serve(query);
    const again = Buffer.from(query);
    again.writeUInt16BE(0xbeef, 0);
    const second = ready.answer(again);
    assert.deepEqual(second, answers(again)[0]);
    assert.equal(second?.readUInt16BE(0), 0xbeef);
    assert.deepEqual(second.subarray(2), first.subarray(2));
  });

  test("an answer belongs to the caller: the next one does not change it", () => {
    const { ready, serve } = makeReadyServer();
    const query = encode(question("printer.paris"));
    serve(query);
    const first = ready.answer(query)!;
    const before = Buffer.from(first);
    const other = Buffer.from(query);
    other.writeUInt16BE(1, 0);
    ready.answer(other)!.fill(0);
    assert.deepEqual(first, before);
    assert.deepEqual(ready.answer(query), before);
  });

  test("positive and negative answers are kept, with and without EDNS", () => {
    const server = makeReadyServer();
    for (const query of [
      question("printer.paris"),
      question("printer.paris", Type.A, { edns: opt() }),
      question("printer.paris", Type.A, { edns: opt({ dnssecOk: true, udpSize: 4096 }) }),
      question("printer.paris", Type.MX),
      question("nobody.paris"),
      question("_tcp.paris"),
      question("alias"),
      question("@", Type.ANY),
    ]) {
      server.serve(encode(query));
      assert.ok(server.isReady(query));
    }
  });

  test("nothing is kept for a query or answer that depends on more than question and zone", () => {
    const server = makeReadyServer();
    const options = [{ code: OptionCode.COOKIE, data: Buffer.alloc(8) }];
    const one = question("printer.paris").questions[0]!;
    const extra = record("printer.paris", rdata.a("192.0.2.1"));
    for (const [what, query] of Object.entries({
      "an EDNS option": question("printer.paris", Type.A, { edns: opt({ options }) }),
      "another EDNS version": question("printer.paris", Type.A, { edns: opt({ version: 1 }) }),
      "another class": question("@", Type.A, { questions: [{ ...one, class: Class.ANY }] }),
      "two questions": question("@", Type.A, { questions: [one, one] }),
      "no question": question("@", Type.A, { questions: [] }),
      "a further record": question("printer.paris", Type.A, { additionals: [extra] }),
      "outside of the zone": question("example.org."),
      "a transfer": question("@", Type.AXFR),
      "another opcode": question("printer.paris", Type.A, { opcode: 5 }),
      "a truncated answer": question("_presence._tcp.paris", Type.PTR),
      "another case than the zone's": question("pRINTER.paris"),
      "a name that is not there, not in lower case": question("Nobody.paris"),
    })) {
      server.serve(encode(query));
      assert.equal(server.ready.size, 0, what);
    }
  });

  test("an answer that is made twice is kept once", async () => {
    const { answers, ready, zone } = makeReadyServer();
    const bytes = encode(question("printer.paris"));
    answers(bytes);
    const { octets } = ready;
    answers(bytes);
    assert.deepEqual([ready.size, ready.octets], [1, octets]);
    await change(zone, record("printer.paris", rdata.a("10.1.0.11")));
    assert.equal(ready.answer(bytes), undefined);
    assert.deepEqual([ready.size, ready.octets], [0, 0]);
  });

  test("an answer is kept for a name in the case that the zone has", () => {
    const server = makeReadyServer();
    const query = question("Office\\032Printer._ipp._tcp.paris", Type.SRV);
    server.serve(encode(query));
    assert.ok(server.isReady(query));
  });

  test("a change at a name that an answer was made from replaces the answer at once", async () => {
    const server = makeReadyServer();
    const browse = question("_ipp._tcp.paris", Type.PTR);
    server.serve(encode(browse));
    // The address is among the additional records.
    await change(server.zone, record("printer.paris", rdata.a("10.1.0.11")));
    assert.equal(server.isReady(browse), false);
    const response = decode(server.serve(encode(browse)));
    const addresses = response.additionals.filter(({ type }) => type === Type.A);
    assert.equal(addresses.length, 2);
  });

  test("a change elsewhere leaves positive answers alone and drops every negative one", async () => {
    const server = makeReadyServer();
    const positive = question("printer.paris");
    const negative = question("nobody.paris");
    for (const query of [positive, negative]) server.serve(encode(query));
    await change(server.zone, record("other.lyon", rdata.a("10.2.0.1")));
    assert.equal(server.isReady(positive), true);
    // The serial of its SOA has changed.
    assert.equal(server.isReady(negative), false);
  });

  test("a new delegation or wildcard drops every answer of its zone", async () => {
    for (const each of [
      record("paris", rdata.ns(Name.parse("ns.example.net."))),
      record("*", rdata.a("192.0.2.7")),
    ]) {
      const server = makeReadyServer();
      server.serve(encode(question("printer.paris")));
      await change(server.zone, each);
      assert.equal(server.ready.answer(encode(question("printer.paris"))), undefined);
      assert.equal(server.ready.size, 0);
      assert.equal(server.ready.octets, 0);
    }
  });

  test("a table that has missed too many changes starts anew", async () => {
    const zone = makeZone();
    const forgetful: FollowedZone = {
      origin,
      since: () => "resync",
      get current() {
        return zone.current;
      },
    };
    const { catalog } = makeServer(zone);
    const ready = new ReadyAnswers({ catalog, zones: [forgetful] });
    const server = makeServer(zone, () => ready);
    const query = encode(question("printer.paris"));
    server.answers(query);
    assert.notEqual(ready.answer(query), undefined);
    await change(zone, record("other.lyon", rdata.a("10.2.0.1")));
    assert.equal(ready.answer(query), undefined);
    assert.equal(ready.size, 0);
  });

  test("SEC-13: entries and octets are bounded, however many questions strangers invent", () => {
    const byCount = makeReadyServer({ maxEntries: 100 });
    for (let i = 0; i < 1000; i++) byCount.serve(encode(question(`nobody${i}`)));
    assert.equal(byCount.ready.size, 100);
    assert.ok(byCount.isReady(question("nobody999")), "the newest is there");
    assert.ok(!byCount.isReady(question("nobody0")), "the oldest has gone");

    const byOctets = makeReadyServer({ maxOctets: 10_000 });
    for (let i = 0; i < 1000; i++) byOctets.serve(encode(question(`nobody${i}`)));
    assert.ok(byOctets.ready.octets <= 10_000 && byOctets.ready.octets > 9_000);
    assert.ok(byOctets.ready.size > 10);
  });

  test("SEC-13: memory is bounded, however many names an answer was made from", () => {
    const records = [...zoneRecords()];
    const set = (owner: string, ...rdatas: readonly Rdata[]) => {
      records.push({ name: name(owner), type: rdatas[0]!.type, ttl: 10, rdatas });
    };
    const instances = Array.from({ length: 45 }, (_, i) => name(`p${i}._x._tcp`));
    set("_x._tcp", ...instances.map((each) => rdata.ptr(each)));
    for (const [i, each] of instances.entries()) {
      set(`${each}`, rdata.srv(0, 0, 1, name(`h${i}`)));
      set(`h${i}`, rdata.a("10.1.0.1"));
    }
    const { answers, ready } = makeReadyServer({}, makeZone(records));
    const before = inUse();
    // Each size makes another query with the same answer.
    for (let i = 0; i < 25_000; i++) {
      answers(encode(question("_x._tcp", Type.PTR, { edns: opt({ udpSize: 1232 + i }) })));
    }
    assert.ok(ready.size > 1000 && ready.size < 25_000, `${ready.size} entries`);
    assert.ok(ready.octets <= MAX_OCTETS);
    const many = inUse() - before;
    assert.ok(many < 1.5 * MAX_OCTETS, `${many} octets`);
    for (let i = 0; i < MAX_ENTRIES; i++) answers(encode(question(`nobody${i}.paris`)));
    const small = inUse() - before;
    assert.ok(small < 1.5 * MAX_OCTETS, `${small} octets`);
  });

  test("a query longer than any that is kept finds nothing", () => {
    const { ready } = makeReadyServer();
    assert.equal(ready.answer(Buffer.alloc(65_507)), undefined);
    assert.equal(ready.answer(Buffer.alloc(0)), undefined);
  });

  test("under random churn, each answer is octet for octet what the Handler would make", async () => {
    const owners = ["@", "a", "b.a", "c.b.a", "d", "_ipp._tcp", "x._ipp._tcp", "x.f.d"];
    const data = [
      rdata.a("192.0.2.1"),
      rdata.aaaa("2001:db8::1"),
      rdata.txt("one"),
      rdata.ptr(name("x._ipp._tcp")),
      rdata.srv(0, 0, 631, name("b.a")),
      rdata.srv(0, 0, 631, name("g.f.d")),
      // Answered from a wildcard, until something exists at f.d or beneath it.
      rdata.cname(name("g.f.d")),
      rdata.cname(name("nobody")),
    ];
    // Records that affect other names than their own, and so are to be rare.
    const farReaching = [
      record("a", rdata.ns(name("b.a"))),
      record("d", new Rdata(Type.DNAME, [name("a")])),
      record("*.d", rdata.a("192.0.2.3")),
      record("*", rdata.cname(name("b.a"))),
    ];
    const update = fc
      .tuple(
        fc.oneof(
          {
            weight: 12,
            arbitrary: fc
              .tuple(fc.constantFrom(...owners), fc.constantFrom(...data))
              .map(([owner, each]) => record(owner, each)),
          },
          { weight: 1, arbitrary: fc.constantFrom(...farReaching) },
        ),
        fc.boolean(),
      )
      .map(([each, isRemoval]) => (isRemoval ? gone(each) : each));
    const asked = [...owners, "nobody", "f.d", "g.f.d", "A", "*.d"];
    const types = [Type.A, Type.PTR, Type.SRV, Type.CNAME, Type.NS, Type.ANY];
    const queries = asked.flatMap((owner) =>
      types.map((type) => encode(question(owner, type, type === Type.SRV ? { edns: opt() } : {}))),
    );
    let served = 0;
    const churn = async (updates: readonly ResourceRecord[], limits: { maxEntries?: number }) => {
      const wildcard = { name: name("*.d"), type: Type.A, ttl: 10, rdatas: [rdata.a("192.0.2.9")] };
      const zone = makeZone([...zoneRecords(), wildcard]);
      const { ready, answers } = makeReadyServer(limits, zone);
      const plain = makeServer(zone);
      for (const each of updates) {
        await change(zone, each);
        for (const query of queries) {
          const made = ready.answer(query);
          const answer = made ?? answers(query)[0];
          if (made !== undefined) served++;
          assert.deepEqual(answer, plain.answers(query)[0]);
        }
      }
    };
    const updates = fc.array(update, { minLength: 5, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(updates, (each) => churn(each, {})),
      { numRuns: 60 },
    );
    await fc.assert(
      fc.asyncProperty(updates, (each) => churn(each, { maxEntries: 20 })),
      { numRuns: 20 },
    );
    assert.ok(served > 10_000, `${served} answers were ready`);
  });
});
