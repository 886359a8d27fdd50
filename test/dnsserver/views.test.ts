import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Class, Opcode, OptionCode, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message } from "../../src/dns/message.ts";
import { type Rdata, rdata } from "../../src/dns/rdata.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import { Catalog } from "../../src/dnsserver/catalog.ts";
import { byOpcode, edns, layered } from "../../src/dnsserver/layers.ts";
import { queryHandler } from "../../src/dnsserver/query.ts";
import { ReadyAnswers } from "../../src/dnsserver/ready.ts";
import { ReadyViews, type View, viewed } from "../../src/dnsserver/views.ts";
import { makeEdge } from "../../src/net/server/edge.ts";
import { ZoneAuthority } from "../../src/zone/lookup/authority.ts";
import { ZoneView } from "../../src/zone/lookup/zoneview.ts";
import type { Principal } from "../../src/zone/update/principal.ts";
import { FakeClock } from "../support/clock.ts";
import fc from "../support/fastcheck.ts";
import { silentLog } from "../support/log.ts";
import { makeZone, name, opt, origin, question } from "./fixture.ts";

/** 10.1/16 sees paris, 10.2/16 no site; nobody else sees anything. */
function makeViews(zone = makeZone()) {
  const make = (sites: readonly string[]): View => {
    const seen = new ZoneView(zone, { zone: origin, sites });
    const catalog = new Catalog([new ZoneAuthority(seen)]);
    const zones = [seen];
    return { handler: queryHandler(catalog), ready: new ReadyAnswers({ catalog, zones }), zones };
  };
  // `ns` looks like a site.
  const views: Record<string, View> = { "10.1": make(["paris", "ns"]), "10.2": make(["ns"]) };
  const clientOf = (address: string) => ({
    view: views[address.split(".", 2).join(".")],
    network: undefined,
  });
  const ready = new ReadyViews({ clientOf, limits: undefined });
  const handler = layered(
    [edns],
    byOpcode({ [Opcode.QUERY]: viewed(({ source }) => clientOf(source.address).view?.handler) }),
  );
  const edge = makeEdge({ handler, clock: new FakeClock(), log: silentLog, ready });
  const { signal } = new AbortController();
  /** As a listener does; also tells whether the answer was ready. */
  const ask = (query: Message, address: string) => {
    const bytes = encode(query);
    const source = { address, port: 4000 };
    const made = ready.answer(bytes, source);
    const [octets] = made
      ? [made]
      : (edge({ bytes, transport: "udp", source, signal }) as Buffer[]);
    return { ...decode(octets!), isReady: made !== undefined };
  };
  return { ask, zone };
}

const operator: Principal = { name: "test", isOperator: true, permits: () => true };

function textOf(message: Message): string {
  return encode(message).toString("hex");
}

suite("views", () => {
  test("SEC-06: two networks get different answers, and then ready-made ones that differ too", () => {
    const { ask } = makeViews();
    const query = question("printer.paris");
    for (const isReady of [false, true, true]) {
      const here = ask(query, "10.1.0.1");
      assert.deepEqual([here.rcode, here.isReady], [Rcode.NOERROR, isReady]);
      const there = ask(query, "10.2.0.1");
      assert.deepEqual([there.rcode, there.isReady], [Rcode.NXDOMAIN, isReady]);
      assert.equal(there.authorities[0]?.type, Type.SOA);
    }
  });

  test("what is ready in a view is always what the view would answer now", async () => {
    const record = (owner: string, data: Rdata): ResourceRecord => ({
      ...{ name: name(owner), type: data.type, class: Class.IN, ttl: 10, rdata: data },
    });
    const pool = [
      record("_services._dns-sd._udp", rdata.ptr(name("_ipp._tcp"))),
      record("_services._dns-sd._udp", rdata.ptr(name("_rtsp._tcp"))),
      ...["_ipp._tcp", "_rtsp._tcp"].flatMap((type) =>
        ["paris", "lyon"].map((site) => record(type, rdata.ptr(name(`x.${type}.${site}`)))),
      ),
      record("x._ipp._tcp.paris", rdata.srv(0, 0, 631, name("h.paris"))),
      record("h.paris", rdata.a("10.1.0.1")),
      record("h.lyon", rdata.a("10.2.0.1")),
      record("lyon", rdata.txt("a site")),
      record("alias.paris", rdata.cname(name("h.lyon"))),
      record("_alias._tcp", rdata.cname(name("h.paris"))),
    ];
    const owners = [
      ...new Set(pool.map((each) => `${each.name}`)),
      "_tcp",
      "_udp",
      "paris",
      "x.lyon",
    ];
    const types = [Type.PTR, Type.A, Type.SRV, Type.ANY];
    const queries = owners.flatMap((owner) => types.map((type) => question(owner, type)));
    const step = fc.record({ index: fc.nat(pool.length - 1), isGone: fc.boolean() });
    let served = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const { ask, zone } = makeViews();
        for (const { index, isGone } of steps) {
          const each = isGone ? { ...pool[index]!, class: Class.NONE, ttl: 0 } : pool[index]!;
          await zone.apply({ zone: origin, prerequisites: [], updates: [each] }, operator);
          const fresh = makeViews(zone);
          for (const query of queries) {
            for (const address of ["10.1.0.1", "10.2.0.1"]) {
              const { isReady, ...said } = ask(query, address);
              if (isReady) served++;
              const { isReady: _, ...expected } = fresh.ask(query, address);
              assert.deepEqual(textOf(said), textOf(expected));
            }
          }
        }
      }),
      { numRuns: 25 },
    );
    assert.ok(served > 5000, `${served} answers were ready`);
  });

  test("SEC-05, EDNS-23: without a view clients are REFUSED with a reason, whatever is ready", () => {
    const { ask } = makeViews();
    const query = question("printer.paris", Type.A, { edns: opt() });
    for (let i = 0; i < 3; i++) ask(query, "10.1.0.1");
    const refused = ask(query, "203.0.113.1");
    assert.equal(refused.rcode, Rcode.REFUSED);
    assert.deepEqual([refused.answers, refused.authorities, refused.additionals], [[], [], []]);
    const [option] = refused.edns!.options;
    assert.equal(option?.code, OptionCode.EXTENDED_ERROR);
    assert.deepEqual([...option.data], [0, 18]);
    assert.equal(ask(question("printer.paris"), "203.0.113.1").edns, undefined);
  });
});
