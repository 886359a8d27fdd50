import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Class, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { Rdata, rdata } from "../../src/dns/rdata.ts";
import type { RecordSet, ResourceRecord } from "../../src/dns/record.ts";
import { parseSvcParams } from "../../src/dns/svcparams.ts";
import { ZoneAuthority } from "../../src/zone/lookup/authority.ts";
import { type Shown, ZoneView } from "../../src/zone/lookup/zoneview.ts";
import type { Snapshot } from "../../src/zone/snapshot.ts";
import type { Principal } from "../../src/zone/update/principal.ts";
import { Zone } from "../../src/zone/zone.ts";
import { FakeClock } from "../support/clock.ts";
import fc from "../support/fastcheck.ts";

const origin = Name.parse("bonjour.example.");
const name = (text: string) => Name.parse(text, origin);
const operator: Principal = { name: "test", isOperator: true, permits: () => true };

const soa = (at: Name): RecordSet => ({
  ...{ name: at, type: Type.SOA, ttl: 10 },
  rdatas: [
    rdata.soa({
      ...{ mname: name("ns"), rname: name("hostmaster"), serial: 1 },
      ...{ refresh: 7200, retry: 3600, expire: 86400, minimum: 5 },
    }),
  ],
});
const set = (owner: Name, ...rdatas: Rdata[]): RecordSet => ({
  ...{ name: owner, type: rdatas[0]!.type, ttl: 10, rdatas },
});

/** Two sites with a printer each, of which only lyon has a camera, and the lists of both. */
function sets(): RecordSet[] {
  const site = (label: string, address: string): RecordSet[] => {
    const host = name(`printer.${label}`);
    const instance = name(`Office\\032Printer._ipp._tcp.${label}`);
    return [
      set(name(`_ipp._tcp.${label}`), rdata.ptr(instance)),
      set(name(`_services._dns-sd._udp.${label}`), rdata.ptr(name(`_ipp._tcp.${label}`))),
      set(instance, rdata.srv(0, 0, 631, host)),
      set(instance, rdata.txt("rp=ipp/print", `site=${label}`)),
      set(host, rdata.a(address)),
      set(host, rdata.aaaa(label === "lyon" ? "2001:db8:2::10" : "2001:db8:1::10")),
    ];
  };
  const both = (text: string) =>
    ["paris", "lyon"].map((label) => rdata.ptr(name(`${text}.${label}`)));
  return [
    soa(origin),
    set(origin, rdata.ns(Name.parse("ns1.example."))),
    ...site("paris", "10.1.0.10"),
    ...site("lyon", "10.2.0.10"),
    set(name("cam._rtsp._tcp.lyon"), rdata.srv(0, 0, 554, name("cam.lyon"))),
    set(name("_rtsp._tcp.lyon"), rdata.ptr(name("cam._rtsp._tcp.lyon"))),
    set(name("cam.lyon"), rdata.a("10.2.0.11")),
    set(name("_ipp._tcp"), ...both("Office\\032Printer._ipp._tcp")),
    set(name("_rtsp._tcp"), rdata.ptr(name("cam._rtsp._tcp.lyon"))),
    set(name("_universal._sub._rtsp._tcp"), rdata.ptr(name("cam._rtsp._tcp.lyon"))),
    set(
      name("_services._dns-sd._udp"),
      rdata.ptr(name("_ipp._tcp")),
      rdata.ptr(name("_rtsp._tcp")),
    ),
    set(name("b._dns-sd._udp"), ...["@", "paris", "lyon"].map((text) => rdata.ptr(name(text)))),
    set(name("camera"), rdata.cname(name("cam.lyon"))),
    set(name("_alias._tcp"), rdata.cname(name("_rtsp._tcp.lyon"))),
    set(name("*.lyon"), rdata.a("10.2.0.99")),
    set(
      name("_https._tcp"),
      new Rdata(Type.SVCB, [1, Name.parse("www.example."), parseSvcParams(["ipv4hint=10.3.0.1"])]),
    ),
  ];
}

function reverseSets(zone: Name): RecordSet[] {
  const at = (text: string) => Name.parse(text, zone);
  return [
    soa(zone),
    set(at("10.0.1"), rdata.ptr(name("printer.paris"))),
    set(at("10.0.2"), rdata.ptr(name("printer.lyon"))),
    set(at("lb._dns-sd._udp.0.0.2"), rdata.ptr(origin)),
  ];
}

const makeZone = (records = sets(), at = origin, history?: number) =>
  new Zone({
    origin: at,
    records,
    clock: new FakeClock(),
    ...(history !== undefined && { history }),
  });
const shownTo = (sites?: readonly string[], isAddressShown?: Shown["isAddressShown"]): Shown => ({
  ...{ zone: origin, sites, isAddressShown },
});
const textOf = (snapshot: Snapshot) =>
  [...snapshot].map(
    ({ name, type, rdatas }) => `${name} ${type} ${rdatas.map((r) => r.key).sort()}`,
  );

/** Everything in an answer. */
function said(zone: Zone | ZoneView, owner: Name, type: number): string {
  const answer = new ZoneAuthority(zone).answer({ name: owner, type, class: Class.IN });
  const all = [...answer.answers, ...answer.authorities, ...answer.additionals];
  const lines = all.map(
    (each) => `${each.name} ${each.type} ${each.rdatas.map((r) => r.key).sort()}`,
  );
  return `${answer.rcode} ${answer.isAuthoritative}\n${lines.sort().join("\n")}`;
}

suite("a view of a zone", () => {
  const zone = makeZone();
  const types = [...Object.values(Type), 65280];
  const owners = [
    ...sets().map(({ name }) => name),
    ...[
      "lyon",
      "_tcp.lyon",
      "x.lyon",
      "x.y.lyon",
      "_dns-sd._udp.lyon",
      "LYON",
      "none",
      "paris",
    ].map(name),
    ...["_tcp", "_udp", "_dns-sd._udp", "_none._tcp", "none.paris", "b._dns-sd._udp.lyon"].map(
      name,
    ),
  ];

  test("SEC-06: is the zone itself with every site and address", () => {
    const view = new ZoneView(zone, shownTo());
    assert.deepEqual(textOf(view.current), textOf(zone.current));
  });

  test("SEC-06: has nothing of a hidden site in any section of any answer, for any type", () => {
    const view = new ZoneView(zone, shownTo(["paris"]));
    // `said` has names and rdata as octets, labels in lower case.
    const secret = /lyon|cam|rtsp|\x0a\x02\x00/i;
    assert.match(said(zone, name("_rtsp._tcp"), Type.PTR), secret);
    for (const owner of owners) {
      for (const type of types) {
        // The question is not looked at, as it is the client's own.
        const answer = said(view, owner, type);
        assert.doesNotMatch(answer, secret, `${owner} ${type}`);
      }
    }
    assert.ok(![...view.current].some((each) => secret.test(`${each.name}`)));
    assert.match(said(view, name("_ipp._tcp"), Type.PTR), /paris/);
    assert.match(said(view, name("printer.paris"), Type.A), /\x0a\x01\x00\x0a/);
  });

  test("SEC-06: hides a site as if it had never existed", () => {
    const view = new ZoneView(zone, shownTo(["paris"]));
    const without = makeZone(sets().filter(isSeenFromParis).map(asSeenFromParis));
    for (const owner of owners) {
      for (const type of types) {
        assert.equal(said(view, owner, type), said(without, owner, type), `${owner} ${type}`);
      }
    }
  });

  test("SEC-06: hides every site that is not named, and every name that is no service's", () => {
    const view = new ZoneView(zone, shownTo([]));
    const left = new Set([...view.current].map((each) => `${each.name}`));
    assert.deepEqual(
      [...left].sort(),
      ["_https._tcp", "b._dns-sd._udp", "@"].map((t) => `${name(t)}`).sort(),
    );
  });

  test("SEC-06: hides sites in reverse zones too", () => {
    const at = Name.parse("10.in-addr.arpa.");
    const reverse = makeZone(reverseSets(at), at);
    const view = new ZoneView(reverse, shownTo(["paris"]));
    const owners = [...view.current].map((each) => `${each.name}`);
    assert.ok(owners.includes("10.0.1.10.in-addr.arpa."));
    assert.ok(!owners.includes("10.0.2.10.in-addr.arpa."));
  });

  test("SEC-07: has no addresses that are not shown, nor their reverse names and hints", () => {
    const isAddressShown = (address: string) => address.startsWith("10.1.");
    const view = new ZoneView(zone, shownTo(undefined, isAddressShown));
    const addresses = [...view.current].filter(({ type }) => type === Type.A || type === Type.AAAA);
    assert.deepEqual(
      addresses.map((each) => `${each.name}`),
      [`${name("printer.paris")}`],
    );
    assert.equal(view.current.set(name("_https._tcp"), Type.SVCB), undefined);
    assert.ok(view.current.set(name("Office\\032Printer._ipp._tcp.lyon"), Type.SRV));
    const at = Name.parse("10.in-addr.arpa.");
    const reverse = new ZoneView(makeZone(reverseSets(at), at), shownTo(undefined, isAddressShown));
    const owners = [...reverse.current].map((each) => `${each.name}`);
    assert.deepEqual(owners.sort(), ["10.0.1.10.in-addr.arpa.", "10.in-addr.arpa."]);
  });

  test("SEC-07: has none at the origin either, nor in the hints of HTTPS", () => {
    const hinting = (kind: number) =>
      new Rdata(kind, [1, Name.parse("www.example."), parseSvcParams(["ipv4hint=10.3.0.1"])]);
    const records = [
      ...sets(),
      set(origin, rdata.a("10.3.0.1"), rdata.a("10.1.0.1")),
      set(name("_web._tcp"), hinting(Type.HTTPS)),
    ];
    const isAddressShown = (address: string) => address.startsWith("10.1.");
    const { current } = new ZoneView(makeZone(records), shownTo(undefined, isAddressShown));
    assert.deepEqual(current.set(origin, Type.A)?.rdatas, [rdata.a("10.1.0.1")]);
    assert.equal(current.set(name("_web._tcp"), Type.HTTPS), undefined);
    assert.ok(current.set(origin, Type.NS));
  });

  test("SEC-07: has no aliases to their reverse names either (RFC 2317)", () => {
    const at = Name.parse("10.in-addr.arpa.");
    const aliases = ["10.0.1.10.in-addr.arpa.", "10.0.3.10.in-addr.arpa."].map((target, i) =>
      set(at.child(`alias${i}`)!, rdata.cname(Name.parse(target))),
    );
    const isAddressShown = (address: string) => address.startsWith("10.1.");
    const zone = makeZone([...reverseSets(at), ...aliases], at);
    const { current } = new ZoneView(zone, shownTo(undefined, isAddressShown));
    assert.ok(current.set(at.child("alias0")!, Type.CNAME));
    assert.equal(current.set(at.child("alias1")!, Type.CNAME), undefined);
  });

  test("SEC-06: follows the zone change by change, like a newly made one", async () => {
    const record = (owner: string, data: Rdata): ResourceRecord => ({
      ...{ name: name(owner), type: data.type, class: Class.IN, ttl: 10, rdata: data },
    });
    const gone = (each: ResourceRecord) => ({ ...each, class: Class.NONE, ttl: 0 });
    const pool = sets()
      .filter(({ type }) => type !== Type.SOA && type !== Type.NS)
      .flatMap(({ name, type, ttl, rdatas }) =>
        rdatas.map((rdata): ResourceRecord => ({ name, type, class: Class.IN, ttl, rdata })),
      );
    pool.push(record("_rtsp._tcp", rdata.ptr(name("cam._rtsp._tcp.paris"))));
    const step = fc.record({ index: fc.nat(pool.length - 1), isGone: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 12 }),
        fc.nat(3),
        async (updates, look) => {
          const zone = makeZone(sets(), origin, 20);
          const view = new ZoneView(zone, shownTo(["paris"]));
          for (const [i, steps] of updates.entries()) {
            const records = steps.map(({ index, isGone }) =>
              isGone ? gone(pool[index]!) : pool[index]!,
            );
            await zone.apply({ zone: origin, prerequisites: [], updates: records }, operator);
            // Now and then only, to catch up with several changes at once, or with everything anew.
            if (i % (look + 1) !== 0) continue;
            const serial = view.current.serial;
            assert.equal(serial, zone.current.serial);
            assert.deepEqual(
              textOf(view.current),
              textOf(new ZoneView(zone, shownTo(["paris"])).current),
            );
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

test("a zone has views even if its name leaves no room for a list of types", async () => {
  const long = Name.parse(`${`${"x".repeat(63)}.`.repeat(3)}${"y".repeat(50)}.`);
  const zone = makeZone([soa(long)], long);
  const view = new ZoneView(zone, shownTo(["paris"]));
  const before = zone.current.serial;
  const record = { name: long, type: Type.TXT, class: Class.IN, ttl: 10, rdata: rdata.txt("a") };
  await zone.apply({ zone: long, prerequisites: [], updates: [record] }, operator);
  assert.deepEqual(textOf(view.current), textOf(zone.current));
  assert.deepEqual(view.since(before), zone.since(before));
});

/** The same by hand, for the fixture alone. */
function isSeenFromParis(each: RecordSet): boolean {
  return asSeenFromParis(each).rdatas.length > 0 && !`${each.name}`.includes("lyon");
}

function asSeenFromParis(each: RecordSet): RecordSet {
  const isOfLyon = (data: Rdata) => /lyon|rtsp/.test(data.key);
  return { ...each, rdatas: each.rdatas.filter((data) => !isOfLyon(data)) };
}
