/** DNS Cookies (RFC 7873, 9018), NSID (RFC 5001) and the names of RFC 4892, as a server handles them. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Class, Opcode, OptionCode, Rcode, Type } from "../../src/dns/constants.ts";
import type { EdnsOption } from "../../src/dns/edns.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { stringsOf } from "../../src/dns/rdata.ts";
import { Catalog } from "../../src/dnsserver/catalog.ts";
import { cookies, rollingSecrets } from "../../src/dnsserver/cookies.ts";
import { type Identity, identified } from "../../src/dnsserver/identity.ts";
import { byOpcode, edns, layered } from "../../src/dnsserver/layers.ts";
import { queryHandler } from "../../src/dnsserver/query.ts";
import { makeEdge } from "../../src/net/server/edge.ts";
import type { Handler, Request } from "../../src/net/server/handler.ts";
import { ZoneAuthority } from "../../src/zone/lookup/authority.ts";
import { makeZone, opt, question } from "../dnsserver/fixture.ts";
import { FakeClock } from "../support/clock.ts";
import fc from "../support/fastcheck.ts";
import { silentLog } from "../support/log.ts";

const CLIENT = Buffer.from("2464c4abcf10c957", "hex");
const HOUR = 3600_000;

interface ServerOptions {
  readonly clock?: FakeClock;
  readonly secret?: Uint8Array;
  readonly identity?: Identity;
}

function makeServer(options: ServerOptions = {}) {
  const { clock = new FakeClock(), secret = Buffer.alloc(16, 9), identity = {} } = options;
  let seen: Request | undefined;
  const catalog = new Catalog([new ZoneAuthority(makeZone())]);
  const inner: Handler = identified(identity)(queryHandler(catalog));
  const handler = layered(
    [edns, cookies({ secrets: () => [secret], clock })],
    byOpcode({
      [Opcode.QUERY]: (request) => {
        seen = request;
        return inner(request);
      },
    }),
  );
  const edge = makeEdge({ handler, clock, log: silentLog });
  const { signal } = new AbortController();
  return {
    clock,
    ask(query: Message, from = "192.0.2.1") {
      seen = undefined;
      const source = { address: from, port: 4000 };
      const request = { bytes: encode(query), transport: "udp", source, signal } as const;
      const [octets] = edge(request) as Iterable<Buffer>;
      return decode(octets!);
    },
    /** True if the last request had a valid cookie of ours. */
    get wasKnown() {
      return seen?.hasCookie === true;
    },
  };
}

const cookie = (data: Uint8Array): EdnsOption => ({ code: OptionCode.COOKIE, data });
const asking = (...options: EdnsOption[]) =>
  question("printer.paris", Type.A, { edns: opt({ options }) });
const cookieIn = ({ edns }: Message) =>
  edns?.options.find(({ code }) => code === OptionCode.COOKIE)?.data;

suite("DNS cookies", () => {
  test("EDNS-14: a client cookie alone gets its answer, and the full cookie", () => {
    const server = makeServer();
    const response = server.ask(asking(cookie(CLIENT)));
    assert.equal(response.rcode, Rcode.NOERROR);
    assert.equal(response.answers.length, 1);
    const whole = cookieIn(response)!;
    assert.equal(whole.length, 24);
    assert.deepEqual(Buffer.from(whole.subarray(0, 8)), CLIENT);
    assert.equal(server.wasKnown, false);
  });

  test("EDNS-16: a full cookie is returned as it came, and its sender is known by it", () => {
    const server = makeServer();
    const whole = cookieIn(server.ask(asking(cookie(CLIENT))))!;
    server.clock.advance(HOUR / 4);
    assert.deepEqual(cookieIn(server.ask(asking(cookie(whole)))), whole);
    assert.equal(server.wasKnown, true);
    server.ask(asking(cookie(whole)), "192.0.2.2");
    assert.equal(server.wasKnown, false);
  });

  test("EDNS-17: a cookie is renewed after half an hour and invalid after an hour", () => {
    const server = makeServer();
    const whole = cookieIn(server.ask(asking(cookie(CLIENT))))!;
    server.clock.advance(HOUR / 2 + 1000);
    const renewed = cookieIn(server.ask(asking(cookie(whole))))!;
    assert.notDeepEqual(renewed, whole);
    assert.equal(server.wasKnown, true);
    server.clock.advance(HOUR / 2);
    server.ask(asking(cookie(whole)));
    assert.equal(server.wasKnown, false);
    server.ask(asking(cookie(renewed)));
    assert.equal(server.wasKnown, true);
  });

  test("EDNS-15: an invalid cookie gets an answer and a new cookie, but its sender is not known", () => {
    const server = makeServer();
    for (const length of [16, 24, 40]) {
      const response = server.ask(asking(cookie(Buffer.alloc(length, 0x5a))));
      assert.equal(response.rcode, Rcode.NOERROR);
      assert.equal(response.answers.length, 1);
      assert.equal(cookieIn(response)?.length, 24);
      assert.equal(server.wasKnown, false);
    }
  });

  test("EDNS-13: a cookie of any other length is FORMERR, with OPT and without a cookie", () => {
    const server = makeServer();
    for (const length of [0, 1, 7, 9, 15, 41, 64]) {
      const response = server.ask(asking(cookie(Buffer.alloc(length))));
      assert.equal(response.rcode, Rcode.FORMERR, `${length} octets`);
      assert.deepEqual(response.edns?.options, []);
    }
    // Of several cookies the first counts.
    const both = server.ask(asking(cookie(CLIENT), cookie(Buffer.alloc(1))));
    assert.equal(both.rcode, Rcode.NOERROR);
    assert.equal(both.edns?.options.length, 1);
  });

  test("EDNS-18: a client that sends no cookie gets its answer and no cookie, without OPT and with it", () => {
    const server = makeServer();
    const { answers } = server.ask(asking(cookie(CLIENT)));
    const [plain, extended] = [server.ask(question("printer.paris")), server.ask(asking())];
    assert.deepEqual([plain.rcode, plain.answers, plain.edns], [Rcode.NOERROR, answers, undefined]);
    assert.deepEqual([extended.rcode, extended.answers], [Rcode.NOERROR, answers]);
    assert.deepEqual(extended.edns?.options, []);
  });

  test("AUTH-12: a cookie may be requested without a question (RFC 7873 §5.4)", () => {
    const server = makeServer();
    const without = (data: Uint8Array) =>
      server.ask(question("@", Type.A, { questions: [], edns: opt({ options: [cookie(data)] }) }));
    const first = without(CLIENT);
    assert.equal(first.rcode, Rcode.NOERROR);
    assert.equal(first.answers.length, 0);
    const whole = cookieIn(first)!;
    assert.equal(without(whole).rcode, Rcode.NOERROR);
    const wrong = without(Buffer.concat([CLIENT, Buffer.alloc(16)]));
    assert.equal(wrong.rcode, Rcode.BADCOOKIE);
    assert.equal(without(cookieIn(wrong)!).rcode, Rcode.NOERROR);
    assert.equal(server.ask(question("@", Type.A, { questions: [], edns: opt() })).rcode, 1);
  });

  test("EDNS-17: servers that share a secret accept each other's cookies, others do not", () => {
    const secret = Buffer.alloc(16, 1);
    const [one, other] = [makeServer({ secret }), makeServer({ secret })];
    const stranger = makeServer({ secret: Buffer.alloc(16, 2) });
    const whole = cookieIn(one.ask(asking(cookie(CLIENT)), "2001:db8::1"))!;
    other.ask(asking(cookie(whole)), "2001:db8::1");
    stranger.ask(asking(cookie(whole)), "2001:db8::1");
    assert.deepEqual([other.wasKnown, stranger.wasKnown], [true, false]);
  });

  test("EDNS-17: a generated secret rolls over each day, and the old one stays valid for a day more", () => {
    const clock = new FakeClock();
    let made = 0;
    const secrets = rollingSecrets(() => Uint8Array.of(++made), clock);
    const now = () => secrets().map(([number]) => number);
    assert.deepEqual(now(), [1]);
    clock.advance(24 * HOUR - 1);
    assert.deepEqual(now(), [1]);
    clock.advance(1);
    assert.deepEqual(now(), [2, 1]);
    assert.deepEqual(now(), [2, 1]);
    clock.advance(24 * HOUR);
    assert.deepEqual(now(), [3, 2]);
  });
});

test("EDNS-25: options mean the same in any order", () => {
  const { ask } = makeServer({ identity: { server: "ns1.paris" } });
  const options = [
    cookie(CLIENT),
    { code: OptionCode.NSID, data: Buffer.alloc(0) },
    { code: OptionCode.ZONEVERSION, data: Buffer.alloc(0) },
    { code: OptionCode.CLIENT_SUBNET, data: Buffer.from([0, 1, 0, 0]) },
    { code: 100, data: Buffer.from("?") },
  ];
  const first = ask(asking(...options));
  assert.equal(first.edns?.options.length, 3);
  fc.assert(
    fc.property(fc.shuffledSubarray(options, { minLength: options.length }), (shuffled) => {
      assert.deepEqual(ask(asking(...shuffled)), first);
    }),
  );
});

suite("the identity of a server", () => {
  const nsid: EdnsOption = { code: OptionCode.NSID, data: new Uint8Array() };
  const chaos = (text: string, type: number = Type.TXT) =>
    question("@", type, { questions: [{ name: Name.parse(text), type, class: Class.CH }] });

  test("EDNS-19: NSID is returned on request, beside the answer, if an identity is configured", () => {
    const server = makeServer({ identity: { server: "ns1.paris" } });
    const response = server.ask(asking(nsid));
    assert.equal(response.answers.length, 1);
    const [option, ...more] = response.edns!.options;
    assert.equal(option?.code, OptionCode.NSID);
    assert.equal(Buffer.from(option.data).toString(), "ns1.paris");
    assert.equal(more.length, 0);
    assert.deepEqual(server.ask(asking()).edns?.options, []);
    const silent = makeServer().ask(asking(nsid));
    assert.deepEqual([silent.rcode, silent.edns?.options], [Rcode.NOERROR, []]);
    assert.equal(server.ask(asking(nsid, cookie(CLIENT))).edns?.options.length, 2);
    const named = { ...chaos("id.server."), edns: opt({ options: [nsid] }) };
    assert.equal(server.ask(named).edns?.options[0]?.code, OptionCode.NSID);
  });

  test("AUTH-42: in class CH the server's name and version are answered, if configured", () => {
    const server = makeServer({ identity: { server: "ns1.paris", version: "1" } });
    for (const [owner, text] of [
      ["id.server.", "ns1.paris"],
      ["HOSTNAME.bind.", "ns1.paris"],
      ["version.server.", "1"],
      ["version.bind.", "1"],
    ] as const) {
      const response = server.ask(chaos(owner));
      assert.equal(response.rcode, Rcode.NOERROR);
      const [answer] = response.answers;
      assert.equal(answer?.class, Class.CH);
      assert.equal(answer.ttl, 0);
      assert.deepEqual(stringsOf(answer.rdata), [Uint8Array.from(Buffer.from(text))]);
      assert.equal(response.questions[0]?.name.toString(), owner);
    }
    const silent = makeServer();
    const names = ["id.server.", "hostname.bind.", "version.server.", "version.bind."];
    for (const owner of [...names, "authors.bind."]) {
      assert.equal(silent.ask(chaos(owner)).rcode, Rcode.REFUSED);
    }
    assert.equal(server.ask(chaos("authors.bind.")).rcode, Rcode.REFUSED);
    assert.equal(server.ask(chaos("id.server.", Type.A)).rcode, Rcode.REFUSED);
    const inClassIn = { name: Name.parse("id.server."), type: Type.TXT, class: Class.IN };
    const response = server.ask(question("@", Type.TXT, { questions: [inClassIn] }));
    assert.deepEqual([response.rcode, response.answers], [Rcode.REFUSED, []]);
    assert.equal(makeServer({ identity: { server: "x" } }).ask(chaos("version.bind.")).rcode, 5);
  });
});
