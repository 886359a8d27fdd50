import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Class, Opcode, OptionCode, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message } from "../../src/dns/message.ts";
import { Catalog } from "../../src/dnsserver/catalog.ts";
import { cookies } from "../../src/dnsserver/cookies.ts";
import { byOpcode, edns, layered } from "../../src/dnsserver/layers.ts";
import { accountOf, type Counted, Limits, limited, networkOf } from "../../src/dnsserver/limits.ts";
import { queryHandler } from "../../src/dnsserver/query.ts";
import { ReadyAnswers } from "../../src/dnsserver/ready.ts";
import { ReadyViews } from "../../src/dnsserver/views.ts";
import { makeEdge } from "../../src/net/server/edge.ts";
import type { Transport } from "../../src/net/server/handler.ts";
import { ZoneAuthority } from "../../src/zone/lookup/authority.ts";
import { FakeClock } from "../support/clock.ts";
import { silentLog } from "../support/log.ts";
import { makeZone, name, opt, question } from "./fixture.ts";

/** Responses that pass at once at a limit of 100 a second. */
const BURST = 1000;

interface Asked {
  readonly from?: string;
  readonly transport?: Transport;
  /** The key that signed it, as the layer for signatures says. */
  readonly key?: string;
}

/** The layers in front of the fixture's zone, and the ready-made answers in front of them. */
function makeLimited({ responses = 100, slip = 2, chance = [0.5] } = {}) {
  const clock = new FakeClock({ chance });
  const limits = new Limits({ responses, slip, clock });
  const zone = makeZone();
  const catalog = new Catalog([new ZoneAuthority(zone)]);
  const view = {
    handler: queryHandler(catalog),
    ready: new ReadyAnswers({ catalog, zones: [zone] }),
    zones: [zone],
  };
  const clientOf = (address: string) => ({
    view,
    network: address === "127.0.0.1" ? undefined : networkOf(address),
  });
  const ready = new ReadyViews({ clientOf, limits });
  const secret = Buffer.alloc(16, 1);
  let signer: string | undefined;
  const handler = layered(
    [
      (next) => (request) => next({ ...request, key: signer }),
      edns,
      cookies({
        ...{ secrets: () => [secret], clock },
        limit: limited({ limits, networkOf: (address) => clientOf(address).network }),
      }),
    ],
    byOpcode({ [Opcode.QUERY]: view.handler }),
  );
  const edge = makeEdge({ handler, clock, log: silentLog, ready });
  const { signal } = new AbortController();
  /** As a listener does; undefined if nothing is sent. */
  const ask = (query: Message, { from = "192.0.2.1", transport = "udp", key }: Asked = {}) => {
    const bytes = encode(query);
    const source = { address: from, port: 4000 };
    signer = key;
    // A signed query has octets for which nothing is ready.
    const isPlain = transport === "udp" && key === undefined;
    const made = isPlain ? ready.answer(bytes, source) : undefined;
    const [octets] = made ? [made] : (edge({ bytes, transport, source, signal }) as Buffer[]);
    return octets === undefined || octets.length === 0 ? undefined : decode(octets);
  };
  return { ask, clock, limits, ready };
}

const printer = question("printer.paris");

suite("limits for responses", () => {
  test("SEC-02: a burst passes, then as many a second as the limit, ready-made or not", () => {
    const { ask, clock, ready } = makeLimited();
    for (let i = 0; i < BURST; i++) assert.equal(ask(printer)?.answers.length, 1);
    assert.notEqual(ready.answer(encode(printer), { address: "127.0.0.1", port: 1 }), undefined);
    assert.equal(ask(printer), undefined);
    // Not ready-made, for its case differs from the zone's.
    assert.equal(ask(question("PRINTER.paris")), undefined);
    clock.advance(1000);
    let answered = 0;
    for (let i = 0; i < 1000; i++) if (ask(printer) !== undefined) answered++;
    assert.equal(answered, 100);
  });

  test("SEC-02: beyond the limit, one in `slip` says TC, so that honest clients come by TCP", () => {
    for (const [slip, chance, share] of [
      [2, [0.1, 0.9], 1 / 2],
      [4, [0.1, 0.3, 0.6, 0.9], 1 / 4],
      [1, [0.9], 1],
      [0, [0], 0],
    ] as const) {
      const { ask } = makeLimited({ slip, chance: [...chance] });
      for (let i = 0; i < BURST; i++) ask(printer);
      const beyond = Array.from({ length: 200 }, () => ask(printer));
      const said = beyond.filter((response) => response !== undefined);
      assert.equal(said.length, 200 * share, `slip ${slip}`);
      for (const response of said) {
        assert.equal(response.isTruncated, true);
        assert.equal(response.answers.length, 0);
        assert.equal(response.questions.length, 1);
      }
      assert.equal(ask(printer, { transport: "tcp" })?.answers.length, 1);
    }
  });

  test("SEC-02: a slipped response has the same content, ready-made or not, with and without EDNS", () => {
    for (const fields of [
      {},
      { edns: opt({ udpSize: 4096 }) },
      { edns: opt({ dnssecOk: true }) },
      { edns: opt({ compactOk: true }) },
    ]) {
      const query = question("printer.paris", Type.A, { recursionDesired: true, ...fields });
      const { ask } = makeLimited({ slip: 1 });
      for (let i = 0; i < BURST; i++) ask(query);
      const other = { ...query, questions: question("PRINTER.paris").questions };
      const [made, handled] = [ask(query)!, ask(other)!];
      assert.deepEqual({ ...made, questions: [] }, { ...handled, questions: [] });
      assert.equal(made.recursionDesired, true);
      assert.equal(handled.isTruncated, true);
    }
  });

  test("AUTH-10: header bits of the query are not returned in a slipped response", () => {
    const bits = {
      authenticData: true,
      checkingDisabled: true,
      recursionAvailable: true,
      rcode: 15,
    };
    const query = question("printer.paris", Type.A, { isAuthoritative: true, ...bits });
    const { ask, ready } = makeLimited({ slip: 1 });
    for (let i = 0; i < BURST; i++) ask(query);
    const made = ready.answer(encode(query), { address: "192.0.2.1", port: 4000 });
    assert.equal(made?.readUInt16BE(2), 0x8200);
    const handled = ask({ ...query, questions: question("PRINTER.paris").questions });
    assert.deepEqual({ ...handled, questions: [] }, { ...decode(made!), questions: [] });
  });

  test("SEC-02: each network, a /24 or /56, has a limit of its own", () => {
    const { ask } = makeLimited({ slip: 0 });
    const exhaust = (from: string) => {
      for (let i = 0; i < BURST; i++) assert.ok(ask(printer, { from }), from);
    };
    exhaust("192.0.2.1");
    assert.equal(ask(printer, { from: "192.0.2.254" }), undefined);
    assert.ok(ask(printer, { from: "192.0.3.1" }));
    exhaust("2001:db8:0:100::1");
    assert.equal(ask(printer, { from: "2001:db8:0:1ff::2" }), undefined);
    assert.ok(ask(printer, { from: "2001:db8:0:200::1" }));
    assert.equal(ask(printer, { from: "127.0.0.1" })?.answers.length, 1);
  });

  test("SEC-02: random names share one account, whatever is asked of them", () => {
    for (const made of [
      (i: number) => question(`chance${i}.paris`),
      (i: number) => question(`x${i}.chance.paris`, Type.SRV),
      // A browse query gives NODATA where the domain is one of services.
      (i: number) => question(`_chance${i}._tcp.paris`, Type.PTR),
    ]) {
      const { ask } = makeLimited({ slip: 0 });
      for (let i = 0; i < BURST; i++) assert.ok(ask(made(i)));
      assert.equal(ask(made(BURST)), undefined);
      // What exists is still answered.
      assert.equal(ask(printer)?.answers.length, 1);
    }
  });

  test("SEC-02: a network is limited in total too, and its errors share one account", () => {
    const { ask } = makeLimited({ slip: 0 });
    const elsewhere = (i: number) => question(`elsewhere${i}.example.org.`);
    for (let i = 0; i < BURST; i++) assert.equal(ask(elsewhere(i))?.rcode, Rcode.REFUSED);
    assert.equal(ask(elsewhere(BURST)), undefined);
    const { limits, clock } = makeLimited({ slip: 0 });
    let passed = 0;
    for (let i = 0; i < 20 * BURST; i++) if (limits.charge(7, i + 2) === "pass") passed++;
    assert.equal(passed, 10 * BURST);
    clock.advance(1000);
    assert.equal(limits.charge(7, 2), "pass");
  });

  test("EDNS-14, EDNS-16: beyond the limit half a cookie gets BADCOOKIE, a whole one an answer", () => {
    const { ask } = makeLimited({ slip: 1 });
    const half = Buffer.alloc(8, 3);
    const withCookie = (data: Uint8Array) =>
      question("printer.paris", Type.A, {
        edns: opt({ options: [{ code: OptionCode.COOKIE, data }] }),
      });
    for (let i = 0; i < BURST; i++) assert.equal(ask(withCookie(half))?.rcode, Rcode.NOERROR);
    const refused = ask(withCookie(half))!;
    assert.equal(refused.rcode, Rcode.BADCOOKIE);
    assert.equal(refused.isTruncated, false);
    assert.equal(refused.answers.length, 0);
    const whole = refused.edns!.options[0]!.data;
    for (let i = 0; i < 2 * BURST; i++) assert.equal(ask(withCookie(whole))?.answers.length, 1);
    // The cookie of another address is not valid.
    assert.equal(ask(withCookie(whole), { from: "192.0.2.2" })?.rcode, Rcode.BADCOOKIE);
  });

  test("SEC-02: what a cookie alone decides is counted too: that it is malformed, or is asked for", () => {
    const withCookie = (octets: number, questions = printer.questions): Message => {
      const data = Buffer.alloc(octets, 1);
      return { ...printer, questions, edns: opt({ options: [{ code: OptionCode.COOKIE, data }] }) };
    };
    for (const query of [withCookie(9), withCookie(8, []), withCookie(24, [])]) {
      const { ask } = makeLimited({ slip: 0 });
      for (let i = 0; i < BURST; i++) assert.ok(ask(query));
      assert.equal(ask(query), undefined);
    }
    const { ask } = makeLimited({ slip: 1 });
    for (let i = 0; i < BURST; i++) assert.equal(ask(withCookie(9))?.rcode, Rcode.FORMERR);
    const { rcode, isTruncated, edns } = ask(withCookie(9))!;
    assert.deepEqual([rcode, isTruncated, edns?.options], [Rcode.NOERROR, true, []]);
    assert.equal(ask(withCookie(8, []))?.edns?.options.length, 1);
  });

  test("SEC-02: responses over streams are not counted, nor those to signed queries", () => {
    const { ask } = makeLimited({ slip: 0 });
    for (const transport of ["tcp", "tls", "https"] as const) {
      for (let i = 0; i < 2 * BURST; i++) assert.ok(ask(printer, { transport }), transport);
    }
    for (let i = 0; i < 2 * BURST; i++) assert.ok(ask(printer, { key: "paris" }), "signed");
    for (let i = 0; i < BURST; i++) assert.ok(ask(printer), "counted from here on");
    assert.equal(ask(printer), undefined);
  });

  test("an office of 200 behind one address can browse, all at once and for minutes", () => {
    const { ask, clock } = makeLimited({ slip: 0 });
    const names: [string, number][] = [
      ["b._dns-sd._udp", Type.PTR],
      ["lb._dns-sd._udp", Type.PTR],
      ["_services._dns-sd._udp", Type.PTR],
      ["_ipp._tcp.paris", Type.PTR],
      ["_presence._tcp.paris", Type.PTR],
      ["Office\\032Printer._ipp._tcp.paris", Type.SRV],
      ["Office\\032Printer._ipp._tcp.paris", Type.TXT],
      ["printer.paris", Type.A],
      ["printer.paris", Type.AAAA],
    ];
    // All open their laptops in the same second.
    for (let client = 0; client < 200; client++) {
      for (const [owner, type] of names) assert.ok(ask(question(owner, type)), owner);
    }
    // From then on each asks again when its answers expire, after 10 s.
    for (let second = 0; second < 120; second++) {
      clock.advance(1000);
      for (let client = 0; client < 20; client++) {
        for (const [owner, type] of names) assert.ok(ask(question(owner, type)), owner);
      }
    }
  });

  test("SEC-13: floods from countless networks grow no table and clear nobody over the limit", () => {
    const { limits } = makeLimited({ slip: 0 });
    const flood = (start: number) => {
      for (let i = 0; i < 250_000; i++) limits.charge((start + i) * 2_654_435_761, 5);
    };
    flood(0);
    const over = Array.from({ length: 50 }, (_, i) => networkOf(`192.0.${i}.1`));
    for (const network of over) {
      for (let i = 0; i < BURST; i++) assert.equal(limits.charge(network, 5), "pass");
    }
    collect();
    const before = process.memoryUsage();
    flood(250_000);
    collect();
    const after = process.memoryUsage();
    for (const network of over) assert.equal(limits.charge(network, 5), "drop");
    assert.ok(after.arrayBuffers - before.arrayBuffers < 2 ** 16);
  });
});

suite("accounts for responses", () => {
  const soa: Counted["authorities"] = [{ name: name("@"), type: Type.SOA }];
  const account = (owner: string, type: number, rcode: Rcode, count = 0, authorities = soa) =>
    accountOf(
      { name: name(owner), type, class: Class.IN },
      { rcode, answers: Array.from({ length: count }), authorities },
    );

  test("are by name and type, by name, by zone, or one for all errors", () => {
    const { NOERROR, NXDOMAIN, REFUSED, FORMERR } = Rcode;
    const same = (...accounts: number[]) => assert.equal(new Set(accounts).size, 1);
    const apart = (...accounts: number[]) => assert.equal(new Set(accounts).size, accounts.length);
    same(account("a", 1, NOERROR, 1), account("A", 1, NOERROR, 3));
    same(account("a", 28, NOERROR), account("a", 33, NOERROR));
    same(account("x", 1, NXDOMAIN), account("y.z", 33, NXDOMAIN), account("_x._tcp", 12, NOERROR));
    const nsec = [...soa, { name: name("x"), type: Type.NSEC }];
    same(account("x", 1, NXDOMAIN), account("x", 1, NOERROR, 0, nsec));
    same(account("a", 1, REFUSED, 0, []), account("b", 2, FORMERR, 0, []));
    const cut = [{ name: name("sub"), type: Type.NS }];
    same(account("a.sub", 1, NOERROR, 0, cut), account("b.sub", 1, NOERROR, 0, cut));
    apart(
      account("a", 1, NOERROR, 1),
      account("a", 28, NOERROR, 1),
      account("b", 1, NOERROR, 1),
      account("a", 28, NOERROR),
      account("x", 1, NXDOMAIN),
      account("x", 1, REFUSED, 0, []),
      account("a.sub", 1, NOERROR, 0, cut),
    );
  });
});

const collect = globalThis.gc ?? (() => {});
