import assert from "node:assert/strict";
import { test } from "node:test";
import { type Projection, project } from "../../src/collector/projection/project.ts";
import { Site } from "../../src/collector/projection/site.ts";
import { Type } from "../../src/dns/constants.ts";
import { decode } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { srvOf, targetOf } from "../../src/dns/rdata.ts";
import type { RecordSet } from "../../src/dns/record.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { LOCAL } from "../../src/dns/service.ts";
import { collectorPrincipal } from "../../src/zone/update/principal.ts";
import fc from "../support/fastcheck.ts";
import { cacheOf, from, OPEN, pass, response, service, ZONE } from "./fixture.ts";

/** Records that often combine with one another, odd ones included. */
const owner = fc.constantFrom(
  ...["h", "H", "host.two", "local.LOCAL.", "local.", "*", "lb._dns-sd._udp", "_ipp._tcp"],
  ...["a._ipp._tcp", "b._ipp._tcp", "B._IPP._TCP", "*._ipp._tcp", "\\027._ipp._tcp", "c._x._udp"],
  ...["_x._udp", "_dns-push._tcp", "q._dns-push._tcp", "_s._sub._ipp._tcp", "*._sub._ipp._tcp"],
  ...["_i\\.p._tcp", "a._i\\.p._tcp"],
  ...[
    "_services._dns-sd._udp",
    "1.0.0.10.in-addr.arpa.",
    `${"x".repeat(63)}.${"y".repeat(63)}._ipp._tcp`,
  ],
);
const target = fc.oneof(owner, fc.constantFrom("h.example.org.", "h.notlocal.", "."));
const data = fc.oneof(
  target.map((name) => `PTR ${name}`),
  fc.tuple(fc.constantFrom(0, 631), target).map(([port, name]) => `SRV 0 0 ${port} ${name}`),
  fc.constantFrom(
    'TXT ""',
    'TXT "a=1"',
    "A 10.0.0.1",
    "A 169.254.1.1",
    "AAAA fe80::1",
    "AAAA fd00::1",
  ),
  target.map((name) => `CNAME ${name}`),
  target.map((name) => `NS ${name}`),
  target.map((name) => `DNAME ${name}`),
  target.map((name) => `MX 1 ${name}`),
  target.map((name) => `NAPTR 1 1 "" "" "" ${name}`),
  fc.constantFrom("NULL \\# 2 beef", "TYPE999 \\# 1 00", "NSEC h A", "DS 1 8 2 00"),
);
const said = fc
  .array(
    fc.tuple(owner, fc.constantFrom(1, 10, 120, 4500), data).map((parts) => parts.join(" ")),
    { maxLength: 40 },
  )
  .map((lines) => lines.join("\n"));

const domains = ["paris", "lyon", "x".repeat(60)].map((label) => ZONE.child(label)!);

function check(sets: readonly RecordSet[], isMixed: (name: Name, other: Name) => boolean): void {
  const { permits } = collectorPrincipal("any", ZONE, () => true);
  const seen = new Set<string>();
  const find = (name: Name, type: number) =>
    sets.find((set) => set.type === type && set.name.equals(name));
  for (const set of sets) {
    const key = `${set.name.key} ${set.type}`;
    assert.ok(!seen.has(key), "a set is there once");
    seen.add(key);
    assert.ok(set.name.isUnder(ZONE) && !set.name.equals(ZONE), `${set.name} is beneath the zone`);
    assert.equal(new Set(set.rdatas.map((each) => each.key)).size, set.rdatas.length);
    assert.ok(set.rdatas.length > 0 && set.ttl >= 1 && set.ttl <= 10);
    for (const record of recordsOf(set)) assert.ok(permits(record), `${set.name} is permitted`);
    for (const rdata of set.rdatas) {
      for (const value of rdata.values) {
        if (!(value instanceof Name)) continue;
        assert.ok(!value.isUnder(LOCAL), `${value} is not in .local`);
        if (set.type !== Type.PTR) assert.ok(!isMixed(set.name, value), `${set.name} → ${value}`);
      }
      const instance = targetOf(rdata)!;
      if (set.type !== Type.PTR || !instance.isUnder(ZONE)) continue;
      if (set.name.labels.some((label) => Buffer.from(label).equals(SERVICES))) continue;
      const srv = find(instance, Type.SRV)!;
      assert.ok(srv && find(instance, Type.TXT), `${instance} is listed and complete`);
      for (const { target } of srv.rdatas.map(srvOf)) {
        if (!target.isUnder(ZONE)) continue;
        const types = [Type.A, Type.AAAA, Type.CNAME].filter((type) => find(target, type));
        assert.ok(types.length > 0, `${target} has an address`);
        assert.ok(!types.includes(Type.CNAME) || types.length === 1, `${target} is an alias alone`);
      }
    }
  }
}

test("whatever the links say, the zone has complete services, no .local, and no mix of sites", () => {
  fc.assert(
    fc.property(fc.array(said, { minLength: 3, maxLength: 3 }), fc.nat(130_000), (texts, now) => {
      const sites = domains.map((domain, i) => {
        const site = new Site(domain, OPEN);
        site.caches.add(cacheOf(texts[i]));
        return site;
      });
      const siteOf = (name: Name) => domains.findIndex((domain) => name.isUnder(domain));
      const sets = [...project(sites, ZONE, now).sets];
      check(sets, (name, other) => siteOf(other) >= 0 && siteOf(name) !== siteOf(other));
    }),
    { numRuns: 300 },
  );
});

test("arbitrary octets never make a forbidden record", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), (packets) => {
      const cache = cacheOf();
      for (const bytes of packets) {
        const header = Buffer.from([0, 0, 0x84, 0, 0, 0, 0, 3, 0, 0, 0, 0]);
        try {
          const message = decode(Buffer.concat([header, bytes]), { isLenient: true });
          cache.receive(message, from(), 0);
        } catch (error) {
          assert.equal((error as Error).name, "FormatError");
        }
      }
      const site = new Site(domains[0]!, OPEN);
      site.caches.add(cache);
      check([...project([site], ZONE, 5000).sets], () => false);
    }),
  );
});

test("the same caches at the same time give the same result, whatever was projected before", () => {
  // A record heard again lives longer, and nothing else changes.
  const renewal = [0, 1000].map((wait) => {
    return { wait, leg: 1, text: "_ipp._tcp 120 PTR h.example.org.", isReplugged: false };
  });
  const step = fc.record({
    wait: fc.oneof(fc.nat(300), fc.nat(20_000)),
    /** Two caches; a third comes and goes. */
    leg: fc.nat(2),
    text: said,
    isReplugged: fc.boolean(),
  });
  const all = ({ sets, services, withheld, due }: Projection) => ({
    sets: [...sets],
    services: [...services],
    withheld,
    due,
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const used = new Site(domains[0]!, OPEN);
      const caches = [cacheOf(), cacheOf(), cacheOf()];
      for (const cache of caches.slice(0, 2)) used.caches.add(cache);
      let now = 0;
      for (const { wait, leg, text, isReplugged } of steps) {
        now += wait;
        for (const cache of caches) pass(cache, now);
        if (isReplugged) used.caches[used.caches.size === 2 ? "add" : "delete"](caches[leg]!);
        caches[leg]!.receive(response(text), from(), now);
        const fresh = new Site(domains[0]!, OPEN);
        for (const cache of used.caches) fresh.caches.add(cache);
        const projection = all(project([used], ZONE, now));
        assert.deepEqual(projection, all(project([fresh], ZONE, now)));
        const { due = now } = projection;
        assert.ok(projection.due === undefined || due > now);
        // Nothing changes before it is due, not even by having been projected again.
        assert.deepEqual(all(project([used], ZONE, Math.max(now, due - 1))), projection);
      }
    }),
    { numRuns: 200, examples: [[renewal]] },
  );
});

test("a record whose successor is gone is as if it had not been heard", () => {
  const at = (text: string, goodbye: string) => {
    const site = new Site(domains[0]!, OPEN);
    const cache = cacheOf(service("a", "_ipp._tcp", "h", "10.0.0.1"));
    site.caches.add(cache);
    // Within a second of the first, which therefore lives on (RFC 6762 §10.2).
    cache.receive(response(text), from(), 500);
    cache.receive(response(goodbye), from(), 5000);
    pass(cache, 6000);
    return project([site], ZONE, 6000);
  };
  const { sets } = at('!a._ipp._tcp TXT "x"', 'a._ipp._tcp 0 TXT "x"');
  check([...sets], () => false);
  assert.ok(!sets.isEmpty);
  const { withheld } = at("!a._ipp._tcp SRV 0 0 9 h", "a._ipp._tcp 0 SRV 0 0 9 h");
  assert.deepEqual(
    withheld.map(({ reason }) => reason),
    ["no SRV record is known"],
  );
});

test("an unchanged set stays the same object, so that differences are quickly found", () => {
  const site = new Site(domains[0]!, OPEN);
  const cache = cacheOf(service("a", "_ipp._tcp", "h", "10.0.0.1"));
  site.caches.add(cache);
  const before = [...project([site], ZONE, 0).sets];
  cache.receive(response(service("b", "_x._udp", "i", "10.0.0.2")), from("10.0.0.2"), 1000);
  const after = project([site], ZONE, 1000).sets;
  const own = before.filter(({ type }) => type !== Type.PTR);
  assert.equal(own.length, 3);
  for (const set of own) assert.equal(after.get(set.name.key, set.type), set);
});

const SERVICES = Buffer.from("_services");
