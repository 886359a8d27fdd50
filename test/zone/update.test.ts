import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { Leases } from "../../src/zone/update/leases.ts";
import { collectorPrincipal } from "../../src/zone/update/principal.ts";
import { resolve } from "../../src/zone/update/update.ts";
import { FakeClock } from "../support/clock.ts";
import {
  emptyRecord,
  lines,
  name,
  operator,
  origin,
  principal,
  setsOf,
  updateOf,
  zoneOf,
} from "./fixture.ts";

const collector = (site: string) =>
  collectorPrincipal(site, origin, (domain) => domain.equals(name(site)));
const [paris, lyon] = [collector("paris"), collector("lyon")];

suite("the TTL of a set", () => {
  const ttlOf = (zone: ReturnType<typeof zoneOf>, owner: string) =>
    zone.current.set(name(owner), Type.PTR)?.ttl;
  const one = "_ipp._tcp 10 PTR a._ipp._tcp.lyon";

  test("SEC-16: is no site's to set if another is in the set, or holds something for ever", async () => {
    const zone = zoneOf("b._dns-sd._udp PTR @");
    await zone.apply(updateOf(`+ ${one}`, { lease: 300 }), lyon);
    const long = "_ipp._tcp 600 PTR x._ipp._tcp.paris";
    const own = "_ipp._tcp.paris 600 PTR x._ipp._tcp.paris";
    const browsed = "b._dns-sd._udp 600 PTR paris";
    const all = [long, own, browsed].map((each) => `+ ${each}`).join("\n");
    assert.equal(await zone.apply(updateOf(all, { lease: 900 }), paris), Rcode.NOERROR);
    const ttls = () =>
      ["_ipp._tcp", "_ipp._tcp.paris", "b._dns-sd._udp"].map((at) => ttlOf(zone, at));
    assert.deepEqual(ttls(), [10, 600, 60]);
    assert.equal(zone.current.set(name("_ipp._tcp"), Type.PTR)?.rdatas.length, 2);
    // That of its own set changes, and each collector of a site may change it.
    await zone.apply(updateOf(`+ ${own.replace("600", "20")}`), paris);
    assert.deepEqual(ttls(), [10, 20, 60]);
    const other = own.replace("600 PTR x", "20 PTR y");
    for (const each of [other, other.replace("20", "30")]) {
      await zone.apply(updateOf(`+ ${each}`), paris);
    }
    assert.deepEqual(ttls(), [10, 30, 60]);
    await zone.apply(updateOf("+ _ipp._tcp 5 PTR b._ipp._tcp"), operator);
    assert.equal(ttlOf(zone, "_ipp._tcp"), 5);
  });

  test("PROXY-12: is ten seconds at most with leased records in the set, whatever is beside them", async () => {
    const file = "_http._tcp 3600 PTR wiki._http._tcp\n_nfs._tcp 3600 PTR n._nfs._tcp";
    const zone = zoneOf(file);
    await zone.apply(updateOf("+ _http._tcp 10 PTR x._http._tcp.paris", { lease: 300 }), paris);
    assert.equal(ttlOf(zone, "_http._tcp"), 10);
    await zone.apply(updateOf(`+ ${one}`, { lease: 300 }), lyon);
    await zone.apply(updateOf("+ _http._tcp 60 PTR news._http._tcp"), operator);
    await zone.apply(updateOf("+ _ipp._tcp 3600 PTR c._ipp._tcp"), operator);
    await zone.merge(setsOf(`${file}\n_ipp._tcp 3600 PTR b._ipp._tcp`));
    assert.deepEqual([ttlOf(zone, "_http._tcp"), ttlOf(zone, "_ipp._tcp")], [10, 10]);
    // Nor is it less than that for the others.
    await zone.apply(updateOf("+ _nfs._tcp 0 PTR x._nfs._tcp.paris", { lease: 300 }), paris);
    assert.equal(ttlOf(zone, "_nfs._tcp"), 10);
    // When nothing of it is leased any more, an operator sets it.
    await zone.apply(updateOf("- _nfs._tcp PTR x._nfs._tcp.paris"), paris);
    await zone.apply(updateOf("+ _nfs._tcp 60 PTR n._nfs._tcp"), operator);
    assert.equal(ttlOf(zone, "_nfs._tcp"), 60);
  });

  test("PROXY-12: set by a site while nobody else was in the set is not for ever", async () => {
    const zone = zoneOf("_nfs._tcp 5 PTR n._nfs._tcp");
    // The record is about to expire.
    await zone.apply(updateOf("+ _ipp._tcp 1 PTR x._ipp._tcp.paris", { lease: 300 }), paris);
    assert.equal(ttlOf(zone, "_ipp._tcp"), 1);
    await zone.apply(updateOf(`+ ${one}`, { lease: 300 }), lyon);
    assert.equal(ttlOf(zone, "_ipp._tcp"), 10);
    await zone.apply(updateOf("+ _ipp._tcp 1 PTR x._ipp._tcp.paris", { lease: 300 }), paris);
    assert.equal(ttlOf(zone, "_ipp._tcp"), 10);
    // The file's own TTL is intended.
    await zone.apply(updateOf("+ _nfs._tcp 10 PTR x._nfs._tcp.paris", { lease: 300 }), paris);
    assert.equal(ttlOf(zone, "_nfs._tcp"), 5);
    // Nor is it for ever in a set too large to be checked for whose it is.
    for (const ttl of [3, 10]) {
      const many = Array.from(
        { length: 150 },
        (_, i) => `+ _x._tcp ${ttl} PTR x${i}._x._tcp.paris`,
      );
      await zone.apply(updateOf(many.join("\n"), { lease: 300 }), paris);
      assert.equal(ttlOf(zone, "_x._tcp"), ttl);
    }
  });

  test("PROXY-12: set by a site before something was added for ever is not for ever", async () => {
    const zone = zoneOf("");
    const add = (ttl: number) =>
      zone.apply(updateOf(`+ _ipp._tcp ${ttl} PTR x._ipp._tcp.paris`, { lease: 300 }), paris);
    await add(1);
    await zone.apply(updateOf("+ _ipp._tcp 3600 PTR b._ipp._tcp"), operator);
    await add(10);
    assert.equal(ttlOf(zone, "_ipp._tcp"), 10);
    // A lower one is kept if it is intended.
    await zone.apply(updateOf("+ _ipp._tcp 5 PTR b._ipp._tcp"), operator);
    await add(10);
    assert.equal(ttlOf(zone, "_ipp._tcp"), 5);
  });

  test("PROXY-12: is not lowered for others by a collector that may write for all sites", async () => {
    const zone = zoneOf("");
    const near = collectorPrincipal("near", origin, () => true);
    const say = (ttl: number) =>
      zone.apply(updateOf(`+ _ipp._tcp ${ttl} PTR x._ipp._tcp.paris`, { lease: 300 }), near);
    await say(2);
    assert.equal(ttlOf(zone, "_ipp._tcp"), 2);
    await zone.apply(updateOf(`+ ${one}`, { lease: 300 }), lyon);
    await say(1);
    assert.equal(ttlOf(zone, "_ipp._tcp"), 10);
  });

  test("SEC-16: is an hour at most with the key of a site", async () => {
    const zone = zoneOf("");
    const add = `+ _ipp._tcp.paris 2147483647 PTR x._ipp._tcp.paris`;
    await zone.apply(updateOf(add), paris);
    assert.equal(ttlOf(zone, "_ipp._tcp.paris"), 3600);
    await zone.apply(updateOf("+ other 2147483647 A 10.0.0.1"), operator);
    assert.equal(zone.current.set(name("other"), Type.A)?.ttl, 2 ** 31 - 1);
  });
});

suite("the work of an update", () => {
  test("SEC-13: is proportional to the update, however large the sets that it names repeatedly", () => {
    const zone = zoneOf("");
    const leases = new Leases();
    const by = principal("paris");
    const shared = Array.from({ length: 100 }, (_, i) => `+ _x._tcp PTR x${i}`).join("\n");
    const own = Array.from({ length: 100 }, (_, i) => `+ _x._tcp PTR y${i}`).join("\n");
    let snapshot = zone.current;
    for (const [text, who] of [
      [shared, "lyon"],
      [`${shared}\n${own}`, "paris"],
    ] as const) {
      const outcome = resolve(snapshot, updateOf(text), principal(who), leases);
      assert.ok(typeof outcome === "object");
      leases.take(outcome.holds, { by: who, expires: 1000, lease: 1000 });
      snapshot = snapshot.with(outcome.gone, outcome.sets);
    }
    const added = updateOf("+ _x._tcp PTR y1\n+ _x._tcp PTR x1").updates;
    const removals = [
      [emptyRecord("_x._tcp", "PTR", Class.ANY), emptyRecord("_x._tcp", "ANY", Class.ANY)],
      [emptyRecord("_x._tcp", "ANY", Class.ANY), ...added],
      [emptyRecord("_x._tcp", "PTR", Class.ANY), ...added],
    ];
    for (const some of removals) {
      const updates = Array.from({ length: 500 }, () => some).flat();
      const outcome = resolve(snapshot, { ...updateOf(""), updates }, by, leases);
      assert.ok(typeof outcome === "object");
      assert.ok(outcome.holds.length < 3000, `${outcome.holds.length} steps`);
    }
  });

  test("leaves nothing when it removes a set, adds to it and removes it again", async () => {
    for (const what of ["PTR", "ANY"]) {
      const zone = zoneOf("", { clock: new FakeClock() });
      await zone.apply(updateOf("+ _x._tcp PTR a\n+ _x._tcp PTR b", { lease: 60 }), lyonIn());
      const update = `- _x._tcp ${what}\n+ _x._tcp PTR a\n+ _x._tcp PTR c\n- _x._tcp ${what}\n+ _x._tcp PTR d`;
      await zone.apply(updateOf(update, { lease: 60 }), lyonIn());
      assert.deepEqual(
        lines(zone.current).filter((line) => line.includes("PTR")),
        ["_x._tcp.z.example.\t60\tIN\tPTR\td.z.example."],
      );
    }
  });

  const lyonIn = () => principal("lyon");
});

suite("large data", () => {
  const big = (octets: number) => ({
    ...updateOf(""),
    updates: [
      {
        ...{ name: name("big.paris"), type: Type.NULL, class: Class.IN, ttl: 10 },
        rdata: rdata.opaque(Type.NULL, new Uint8Array(octets)),
      },
    ],
  });

  test("is refused to a collector if nobody can have heard it, and to all if it fits no transfer", async () => {
    const zone = zoneOf("");
    assert.equal(await zone.apply(big(9000), paris), Rcode.NOERROR);
    assert.equal(await zone.apply(big(9001), paris), Rcode.REFUSED);
    assert.equal(await zone.apply(big(9001), operator), Rcode.NOERROR);
    // Together with those it would fit no message.
    assert.equal(await zone.apply(updateOf("- big.paris NULL"), operator), Rcode.NOERROR);
    assert.equal(await zone.apply(big(64_000), operator), Rcode.NOERROR);
    assert.equal(await zone.apply(big(64_001), operator), Rcode.REFUSED);
  });

  test("SEC-13: counts as several records", async () => {
    const zone = zoneOf("", { capacity: 100 });
    const thief = { ...principal("paris"), share: 1 / 2 };
    const host = (i: number) => ({
      ...big(0),
      updates: big(2560).updates.map((each) => ({ ...each, name: name(`h${i}`) })),
    });
    const answers: Rcode[] = [];
    for (let i = 0; i < 6; i++) answers.push(await zone.apply(host(i), thief));
    // Eleven each, of a share of fifty.
    assert.deepEqual(answers, [0, 0, 0, 0, Rcode.SERVFAIL, Rcode.SERVFAIL]);
    for (let i = 6; i < 12; i++) answers.push(await zone.apply(host(i), operator));
    assert.deepEqual(answers.slice(6), [0, 0, 0, 0, Rcode.SERVFAIL, Rcode.SERVFAIL]);
    assert.equal(await zone.apply(updateOf("- h0 ANY"), thief), Rcode.NOERROR);
    assert.equal(await zone.apply(host(0), thief), Rcode.NOERROR);
  });
});
