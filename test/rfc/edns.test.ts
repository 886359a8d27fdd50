/** EDNS(0) as a server implements it: RFC 6891, RFC 3225, RFC 8906 §8.2. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Opcode, OptionCode, Rcode, Type } from "../../src/dns/constants.ts";
import type { EdnsOption } from "../../src/dns/edns.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, makeResponse } from "../../src/dns/message.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { edns } from "../../src/dnsserver/layers.ts";
import { makeEdge } from "../../src/net/server/edge.ts";
import type { Handler, Request } from "../../src/net/server/handler.ts";
import { makeServer, opt, question } from "../dnsserver/fixture.ts";
import { listenBoth } from "../dnsserver/listening.ts";
import { FakeClock } from "../support/clock.ts";
import fc from "../support/fastcheck.ts";
import { silentLog } from "../support/log.ts";
import { succeed } from "../support/process.ts";
import { skipWithout } from "../support/tool.ts";

const { ask, answers } = makeServer();
const MANY = "_presence._tcp.paris";

/** A query without EDNS, with these records added to its additional section as octets. */
function withRecords(...records: readonly Uint8Array[]): Buffer {
  const query = Buffer.concat([encode(question("printer.paris")), ...records]);
  query.writeUInt16BE(records.length, 10);
  return query;
}

/** The octets of an OPT record. */
function optRecord({ owner = [0], udpSize = 1232, ttl = 0, rdata = [] as number[] } = {}): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(Type.OPT, 0);
  fixed.writeUInt16BE(udpSize, 2);
  fixed.writeUInt32BE(ttl, 4);
  fixed.writeUInt16BE(rdata.length, 8);
  return Buffer.concat([Buffer.from(owner), fixed, Buffer.from(rdata)]);
}

suite("EDNS(0)", () => {
  test("EDNS-01: a query with OPT gets a response with OPT, whatever the answer", () => {
    const asked = { edns: opt() };
    const answersOf = {
      NOERROR: question("printer.paris", Type.A, asked),
      NODATA: question("printer.paris", Type.MX, asked),
      NXDOMAIN: question("nobody", Type.A, asked),
      REFUSED: question("example.org.", Type.A, asked),
      NOTIMP: question("@", Type.SOA, { ...asked, opcode: Opcode.UPDATE }),
      FORMERR: question("@", Type.OPT, asked),
      truncated: question(MANY, Type.PTR, asked),
    };
    for (const [what, query] of Object.entries(answersOf)) {
      const response = ask(query);
      assert.equal(response.edns?.udpSize, 1232, what);
      assert.equal(response.edns?.version, 0, what);
    }
  });

  test("EDNS-01, EDNS-02: OPT or none, also in what takes time, in each part and after a mistake", async () => {
    const mistake = () => {
      throw new Error("a mistake");
    };
    const nsid = { code: OptionCode.NSID, data: Buffer.from("ns") };
    const one = ({ message }: Request) => makeResponse(message, { edns: opt({ options: [nsid] }) });
    const handlers: Record<string, Handler> = {
      "at once": (request) => [one(request), one(request)],
      later: async (request) => [one(request), one(request)],
      async *"part by part"(request) {
        yield one(request);
        yield one(request);
      },
      mistaken: mistake,
      "mistaken later": async () => mistake(),
      async *"mistaken after a part"(request) {
        yield one(request);
        mistake();
      },
    };
    const { signal } = new AbortController();
    const source = { address: "192.0.2.99", port: 4000 };
    for (const [what, handler] of Object.entries(handlers)) {
      const edge = makeEdge({ handler: edns(handler), clock: new FakeClock(), log: silentLog });
      for (const asked of [opt(), undefined]) {
        const bytes = encode(question("printer.paris", Type.A, { edns: asked }));
        const sizes: unknown[] = [];
        for await (const each of await edge({ bytes, transport: "tcp", source, signal })) {
          sizes.push(decode(each).edns?.udpSize);
        }
        const size = asked && 1232;
        assert.deepEqual(sizes, /^mistaken( later)?$/.test(what) ? [size] : [size, size], what);
      }
    }
  });

  test("EDNS-02: a query without OPT gets a response without OPT", () => {
    for (const query of [
      question("printer.paris"),
      question("nobody"),
      question("example.org."),
      question(MANY, Type.PTR),
      question("@", Type.OPT),
    ]) {
      assert.equal(ask(query).edns, undefined);
    }
    assert.equal(ask(withRecords(Buffer.from([1]))).edns, undefined, "FORMERR");
  });

  test("EDNS-03: two OPT records are FORMERR, with an OPT record", () => {
    const response = ask(withRecords(optRecord(), optRecord()));
    assert.equal(response.rcode, Rcode.FORMERR);
    assert.equal(response.edns?.udpSize, 1232);
  });

  test("EDNS-04: an OPT record not of the root, or with an option past its end, is FORMERR with OPT", () => {
    const bad = {
      "not of the root": optRecord({ owner: [1, 0x61, 0] }),
      "an option longer than the record": optRecord({ rdata: [0, 10, 0, 9, 1, 2] }),
      "half an option's header": optRecord({ rdata: [0, 10, 0] }),
    };
    for (const [what, record] of Object.entries(bad)) {
      const response = ask(withRecords(record));
      assert.equal(response.rcode, Rcode.FORMERR, what);
      assert.notEqual(response.edns, undefined, what);
    }
    for (const [section, count] of [
      ["answer", 6],
      ["authority", 8],
    ] as const) {
      const query = encode(question("printer.paris"));
      query.writeUInt16BE(1, count);
      const response = ask(Buffer.concat([query, optRecord()]));
      assert.equal(response.rcode, Rcode.FORMERR, `in the ${section} section`);
      assert.notEqual(response.edns, undefined);
    }
  });

  test("EDNS-04: FORMERR returns DO as it was sent, wherever the OPT record was", () => {
    const query = encode(question("printer.paris"));
    // An answer, an OPT record, and one octet too many.
    query.writeUInt16BE(1, 6);
    query.writeUInt16BE(1, 10);
    const address = [0, 0, Type.A, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 9];
    for (const dnssecOk of [true, false]) {
      const record = optRecord({ ttl: dnssecOk ? 0x8000 : 0 });
      const response = ask(Buffer.concat([query, Buffer.from(address), record, Buffer.alloc(1)]));
      assert.equal(response.rcode, Rcode.FORMERR);
      assert.equal(response.edns?.dnssecOk, dnssecOk);
    }
  });

  test("EDNS-05: a version above 0 is BADVERS with version 0, no answer and no AA", () => {
    for (const version of [1, 2, 100, 255]) {
      const response = ask(question("@", Type.SOA, { edns: opt({ version }) }));
      assert.equal(response.rcode, Rcode.BADVERS);
      assert.equal(response.edns?.version, 0);
      assert.equal(response.isAuthoritative, false);
      assert.deepEqual(response.answers, []);
    }
  });

  test("EDNS-06, LLQ-08: unknown options are ignored and not repeated", () => {
    const options = [1, 100, 65001, 65535].map((code) => ({ code, data: Buffer.from("data") }));
    const response = ask(question("printer.paris", Type.A, { edns: opt({ options }) }));
    assert.equal(response.rcode, Rcode.NOERROR);
    assert.equal(response.answers.length, 1);
    assert.deepEqual(response.edns?.options, []);
  });

  test("EDNS-07: unknown flags are ignored and sent as 0", () => {
    const [octets] = answers(withRecords(optRecord({ ttl: 0x00007fff })));
    assert.equal(octets?.readUInt32BE(octets.length - 6), 0);
    assert.equal(ask(octets === undefined ? Buffer.alloc(0) : withRecords(optRecord())).rcode, 0);
  });

  test("EDNS-08: DO is returned as it was sent, and brings no signatures to an unsigned zone", () => {
    for (const dnssecOk of [true, false]) {
      for (const owner of ["printer.paris", "nobody", "example.org."]) {
        const response = ask(question(owner, Type.A, { edns: opt({ dnssecOk }) }));
        assert.equal(response.edns?.dnssecOk, dnssecOk);
        assert.equal(response.authenticData, false);
        const sets = [...response.answers, ...response.authorities];
        assert.ok(sets.every(({ type }) => type !== Type.RRSIG && type !== Type.NSEC));
      }
      const unknown = ask(question("@", Type.SOA, { edns: opt({ dnssecOk, version: 1 }) }));
      assert.deepEqual([unknown.rcode, unknown.edns?.dnssecOk], [Rcode.BADVERS, dnssecOk]);
    }
  });

  test("EDNS-09: a size below 512 counts as 512", () => {
    const least = answers(encode(question(MANY, Type.PTR, { edns: opt({ udpSize: 512 }) })))[0]!;
    assert.ok(least.length > 400 && least.length <= 512);
    for (const udpSize of [0, 1, 100, 511]) {
      const [octets] = answers(encode(question(MANY, Type.PTR, { edns: opt({ udpSize }) })));
      assert.ok(Math.abs(octets!.length - least.length) < 40, `${octets?.length} octets`);
    }
  });

  test("EDNS-10: no answer by UDP has more than 1,232 octets, whatever size the client accepts", () => {
    for (const udpSize of [1232, 1400, 4096, 65535]) {
      const query = encode(question(MANY, Type.PTR, { edns: opt({ udpSize }) }));
      const [octets] = answers(query);
      assert.ok(octets!.length <= 1232 && octets!.length > 1100, `${octets?.length} octets`);
      assert.equal(decode(octets!).edns?.udpSize, 1232);
    }
    fc.assert(
      fc.property(fc.nat(65535), (udpSize) => {
        const [octets] = answers(encode(question(MANY, Type.PTR, { edns: opt({ udpSize }) })));
        assert.ok(octets!.length <= Math.min(1232, Math.max(512, udpSize)));
      }),
    );
  });

  test("EDNS-24: a client subnet is ignored", () => {
    const subnet = { code: OptionCode.CLIENT_SUBNET, data: Buffer.from([0, 1, 24, 0, 1, 2, 3]) };
    const response = ask(question("printer.paris", Type.A, { edns: opt({ options: [subnet] }) }));
    assert.equal(response.rcode, Rcode.NOERROR);
    assert.deepEqual(response.edns?.options, []);
  });

  const told = (owner: string, type: number, ...options: readonly EdnsOption[]) =>
    ask(question(owner, type, { edns: opt({ options }) })).edns?.options.map(({ code, data }) => [
      code,
      Buffer.from(data).toString("hex"),
    ]);
  const asking = (code: number, data = Buffer.alloc(0)) => ({ code, data });

  test("EDNS-26: a query for the SOA with EXPIRE is answered with the SOA's own value", () => {
    const expire = asking(OptionCode.EXPIRE);
    const day = [OptionCode.EXPIRE, "00015180"];
    assert.deepEqual(told("@", Type.SOA, expire), [day]);
    for (const [owner, type] of [
      ["@", Type.NS],
      ["printer.paris", Type.SOA],
      ["x.local.", Type.SOA],
    ] as const) {
      assert.deepEqual(told(owner, type, expire), [], owner);
    }
    assert.deepEqual(told("@", Type.SOA), []);
    const [[only], ...more] = told("@", Type.SOA, asking(OptionCode.ZONEVERSION)) as [[number]];
    assert.deepEqual([only, more], [OptionCode.ZONEVERSION, []]);
  });

  test("EDNS-27: a query with ZONEVERSION is answered with the zone's serial", async () => {
    const version = asking(OptionCode.ZONEVERSION);
    const first = [OptionCode.ZONEVERSION, "020000000001"];
    for (const owner of ["printer.paris", "nobody.paris", "@"]) {
      assert.deepEqual(told(owner, Type.A, version), [first], owner);
    }
    // The option's content and its repetition are ignored (RFC 9660 §3.2).
    const odd = asking(OptionCode.ZONEVERSION, Buffer.from([9, 9]));
    assert.deepEqual(told("@", Type.A, odd, version), [first]);
    assert.deepEqual(told("@", Type.A), []);
    assert.deepEqual(told("@", Type.A, asking(OptionCode.NSID)), []);
    assert.deepEqual(
      told("example.org.", Type.A, version)?.map(([code]) => code),
      [OptionCode.EXTENDED_ERROR],
    );
    assert.deepEqual(told("x.local.", Type.A, version), []);
    const { zone, ask: askOther } = makeServer();
    const add = { ...question("new").questions[0]!, ttl: 5, rdata: rdata.a("192.0.2.5") };
    const update = { zone: zone.origin, prerequisites: [], updates: [add] };
    await zone.apply(update, { name: "test", permits: () => true });
    const now = askOther(question("new", Type.A, { edns: opt({ options: [version] }) }));
    assert.equal(now.edns?.options[0]?.data.at(-1), 2);
  });

  test("EDNS-26, 27: dig gets both", { skip: skipWithout("dig") }, async () => {
    await using server = await listenBoth();
    const { address, port } = server.endpoint;
    const said = await succeed([
      ...["dig", `@${address}`, "-p", `${port}`, "+expire", "+ednsopt=19"],
      ...["bonjour.example", "SOA"],
    ]);
    assert.match(said, /; EXPIRE: 86400 /);
    assert.match(said, /; OPT=19: 02 00 00 00 00 01/);
  });
});
