/** Dynamic update as the zone does it (RFC 2136 §2.4, §2.5, §3.2 to §3.7), leases (RFC 9664). */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Class, rcodeName, Type } from "../../src/dns/constants.ts";
import { Rdata, rdata } from "../../src/dns/rdata.ts";
import { type ResourceRecord, recordsOf } from "../../src/dns/record.ts";
import type { Update } from "../../src/zone/update/update.ts";
import type { Zone } from "../../src/zone/zone.ts";
import { FakeClock } from "../support/clock.ts";
import {
  emptyRecord,
  lines,
  name,
  operator,
  origin,
  principal,
  sets,
  setsOf,
  updateOf,
  zoneOf,
} from "../zone/fixture.ts";

const ZONE = `
  www A 10.0.0.1
  www A 10.0.0.2
  www TXT "text"
  alias CNAME www
  _ipp._tcp PTR A._ipp._tcp
`;

/** Applies an update, and returns its response code in words. */
async function apply(zone: Zone, update: Update, by = operator): Promise<string> {
  return rcodeName(await zone.apply(update, by));
}

async function expectRecords(update: string, expected: string, zone = zoneOf(ZONE)): Promise<Zone> {
  assert.equal(await apply(zone, updateOf(update)), "NOERROR");
  const withoutSoa = (all: string[]) => all.filter((line) => !line.includes("\tSOA\t"));
  assert.deepEqual(withoutSoa(lines(zone.current)), withoutSoa(lines(setsOf(expected))));
  return zone;
}

suite("prerequisites", () => {
  const NEW = "+ new A 10.9.9.9";
  const equal = (text: string): ResourceRecord[] =>
    sets(text).flatMap((set) => recordsOf({ ...set, ttl: 0 }));
  const { ANY, NONE, IN } = Class;
  const elsewhere = name("www.example.org.");

  async function expectEach(cases: readonly [ResourceRecord[], string][]): Promise<void> {
    for (const [prerequisites, expected] of cases) {
      const zone = zoneOf(ZONE);
      const before = zone.current;
      assert.equal(await apply(zone, updateOf(NEW, { prerequisites })), expected);
      if (expected === "NOERROR") assert.ok(zone.current.set(name("new"), Type.A));
      else assert.equal(zone.current, before);
    }
  }

  test("UPD-04: a name outside of the zone is NOTZONE", () =>
    expectEach([
      [[emptyRecord(`${elsewhere}`, "ANY", ANY)], "NOTZONE"],
      [[emptyRecord("example.", "A", NONE)], "NOTZONE"],
      [equal("www A 10.0.0.1").map((each) => ({ ...each, name: elsewhere })), "NOTZONE"],
    ]));

  test("UPD-05: a name in use, which an empty non-terminal is not, or NXDOMAIN", () =>
    expectEach([
      [[emptyRecord("WWW", "ANY", ANY)], "NOERROR"],
      [[emptyRecord("alias", "ANY", ANY)], "NOERROR"],
      [[emptyRecord("nobody", "ANY", ANY)], "NXDOMAIN"],
      [[emptyRecord("_tcp", "ANY", ANY)], "NXDOMAIN"],
    ]));

  test("UPD-06: a set that is there, or NXRRSET", () =>
    expectEach([
      [[emptyRecord("www", "A", ANY)], "NOERROR"],
      [[emptyRecord("www", "AAAA", ANY)], "NXRRSET"],
      [[emptyRecord("nobody", "A", ANY)], "NXRRSET"],
    ]));

  test("UPD-07: a name not in use, as an empty non-terminal is, or YXDOMAIN", () =>
    expectEach([
      [[emptyRecord("nobody", "ANY", NONE)], "NOERROR"],
      [[emptyRecord("_tcp", "ANY", NONE)], "NOERROR"],
      [[emptyRecord("www", "ANY", NONE)], "YXDOMAIN"],
      [[emptyRecord("alias", "ANY", NONE)], "YXDOMAIN"],
    ]));

  test("UPD-08: a set that is not there, or YXRRSET", () =>
    expectEach([
      [[emptyRecord("www", "AAAA", NONE)], "NOERROR"],
      [[emptyRecord("www", "A", NONE)], "YXRRSET"],
    ]));

  test("UPD-09: a set of just these records, in any order and whatever its TTL, or NXRRSET", () =>
    expectEach([
      [equal("www A 10.0.0.2\nwww A 10.0.0.1"), "NOERROR"],
      [equal('WWW A 10.0.0.1\nwww A 10.0.0.2\nwww TXT "text"'), "NOERROR"],
      [equal("www A 10.0.0.1"), "NXRRSET"],
      [equal("www A 10.0.0.1\nwww A 10.0.0.2\nwww A 10.0.0.3"), "NXRRSET"],
      [equal("www A 10.0.0.1\nwww A 10.0.0.3"), "NXRRSET"],
      [equal("www AAAA fd00::1"), "NXRRSET"],
      [equal("_ipp._tcp PTR a._IPP._tcp"), "NOERROR"],
      [[...equal("alias CNAME www"), ...equal("alias CNAME www")], "NOERROR"],
      // There is no such set at the other name.
      [equal("www A 10.0.0.1\nwww A 10.0.0.2\nnobody A 10.0.0.1"), "NXRRSET"],
    ]));

  test("UPD-10: a TTL, data with ANY or NONE, or another class is FORMERR", () => {
    const record = emptyRecord("www", "A", ANY);
    const a = rdata.a("10.0.0.1");
    return expectEach([
      [[{ ...record, ttl: 1 }], "FORMERR"],
      [[{ ...record, class: NONE, ttl: 1 }], "FORMERR"],
      [[{ ...record, class: IN, ttl: 1, rdata: a }], "FORMERR"],
      [[{ ...record, rdata: a }], "FORMERR"],
      [[{ ...record, class: NONE, rdata: a }], "FORMERR"],
      [[{ ...record, class: Class.CH }], "FORMERR"],
    ]);
  });
});

suite("permission and format", () => {
  test("UPD-11: without permission it is REFUSED, after the prerequisites, and nothing is applied", async () => {
    const zone = zoneOf(ZONE);
    const before = zone.current;
    const stranger = principal("stranger", {
      permits: ({ name }) => name.equals(origin) === false,
    });
    const update = updateOf("+ new A 10.0.0.1\n+ @ A 10.0.0.1");
    assert.equal(await apply(zone, update, stranger), "REFUSED");
    assert.equal(zone.current, before);
    const prerequisites = [emptyRecord("nobody", "ANY", Class.ANY)];
    assert.equal(await apply(zone, { ...update, prerequisites }, stranger), "NXDOMAIN");
    assert.equal(await apply(zone, updateOf("- @ ANY"), stranger), "REFUSED");
    assert.equal(await apply(zone, updateOf("+ new A 10.0.0.1"), stranger), "NOERROR");
  });

  /** The bad record follows a good one, which must not be applied either. */
  async function expectRefusal(bad: Partial<ResourceRecord>, expected: string): Promise<void> {
    const zone = zoneOf(ZONE);
    const before = zone.current;
    const { updates } = updateOf("+ new A 10.0.0.1\n+ www A 10.0.0.3");
    const update = updateOf("", { updates: [updates[0]!, { ...updates[1]!, ...bad }] });
    assert.equal(await apply(zone, update), expected, JSON.stringify(bad));
    assert.equal(zone.current, before);
  }
  const META = ["ANY", "AXFR", "IXFR", "MAILA", "MAILB", "OPT", "TSIG", "TKEY"];
  const { rdata: none } = emptyRecord("www", "A", Class.ANY);

  test("UPD-12: all records are checked before the first is applied", async () => {
    await expectRefusal({ class: Class.CH }, "FORMERR");
    await expectRefusal({ name: name("www.example.org.") }, "NOTZONE");
    assert.equal(await apply(zoneOf(""), updateOf("", { zone: name("sub") })), "NOTAUTH");
    // But after the prerequisites.
    const prerequisites = [emptyRecord("nobody", "ANY", Class.ANY)];
    const [bad] = updateOf("+ www A 10.0.0.1").updates;
    const update = updateOf("", { updates: [{ ...bad!, class: Class.CH }], prerequisites });
    assert.equal(await apply(zoneOf(""), update), "NXDOMAIN");
  });

  test("UPD-13: a record whose type is not data cannot be added", async () => {
    for (const type of META)
      await expectRefusal({ type: emptyRecord("x", type, 1).type }, "FORMERR");
    for (const type of [0, 128, 200, 248]) await expectRefusal({ type }, "FORMERR");
    await expectRefusal({ rdata: none }, "FORMERR");
    // The types around the range that is not data (RFC 6895 §3.1).
    const data = "x TYPE127 \\# 1 ab\nx TYPE256 \\# 6 000a00017561";
    await expectRecords(data.replace(/^/gm, "+ "), `${ZONE}\n${data}`);
  });

  test("UPD-14: a removal with a TTL, or with data where none belongs, is FORMERR", async () => {
    await expectRefusal({ class: Class.ANY, ttl: 1, rdata: none }, "FORMERR");
    await expectRefusal({ class: Class.NONE, ttl: 1 }, "FORMERR");
    await expectRefusal({ class: Class.ANY, ttl: 0 }, "FORMERR");
    for (const type of META) {
      const record = { ...emptyRecord("x", type, Class.NONE) };
      await expectRefusal(record, "FORMERR");
      if (type !== "ANY") await expectRefusal({ ...record, class: Class.ANY }, "FORMERR");
    }
  });

  test("UPD-15: an update that cannot be applied whole is not applied at all", async () => {
    const zone = zoneOf(ZONE, { capacity: 9 });
    const before = zone.current;
    const update = updateOf(
      "- www TXT\n+ a A 10.0.0.1\n+ b A 10.0.0.1\n+ c A 10.0.0.1\n+ d A 10.0.0.1",
    );
    assert.equal(await apply(zone, update), "SERVFAIL");
    assert.equal(zone.current, before);
    assert.equal(await apply(zone, updateOf("+ a A 10.0.0.1")), "NOERROR");
  });
});

suite("what an update does", () => {
  test("UPD-16: its records are applied in order", async () => {
    await expectRecords(
      "- www ANY\n+ www A 10.0.0.9",
      `
      www A 10.0.0.9
      alias CNAME www
      _ipp._tcp PTR A._ipp._tcp`,
    );
    await expectRecords(
      "+ www A 10.0.0.9\n- www ANY",
      `
      alias CNAME www
      _ipp._tcp PTR A._ipp._tcp`,
    );
    // Removals of sets too, by one who is no operator.
    const zone = zoneOf(ZONE);
    const before = lines(zone.current);
    const update = updateOf("+ new TXT x\n- new TXT", { lease: 60 });
    assert.equal(await apply(zone, update, principal("paris")), "NOERROR");
    assert.deepEqual(lines(zone.current), before);
  });

  test("UPD-17: a record that exists is not added twice, and takes the new TTL", async () => {
    const zone = zoneOf("www 5 A 10.0.0.1");
    await expectRecords("+ www 10 A 10.0.0.1", "www 10 A 10.0.0.1", zone);
    assert.equal(zone.current.serial, 2);
    await expectRecords("+ www 5 A 10.0.0.1", "www 5 A 10.0.0.1", zone);
  });

  test("UPD-17: a new CNAME or DNAME replaces the old one", async () => {
    const zone = zoneOf("alias CNAME www\nold DNAME new");
    await expectRecords(
      "+ alias CNAME mail\n+ old DNAME newer",
      "alias CNAME mail\nold DNAME newer",
      zone,
    );
  });

  test("UPD-17: a new WKS replaces that of the same address and protocol", async () => {
    const zone = zoneOf("www WKS \\# 6 0a0000010640");
    await expectRecords(
      "+ www WKS \\# 6 0a0000010620\n+ www WKS \\# 6 0a0000011120",
      "www WKS \\# 6 0a0000010620\nwww WKS \\# 6 0a0000011120",
      zone,
    );
  });

  test("UPD-18: the whole set takes the TTL of the record added last", async () => {
    const zone = await expectRecords(
      "+ www 300 A 10.0.0.3",
      `${ZONE}
      www 300 A 10.0.0.3`.replace(/www A/g, "www 300 A"),
    );
    // A lower one too.
    const lower = ZONE.replace(/www A/g, "www 5 A");
    await expectRecords("+ www 5 A 10.0.0.3", `${lower}\nwww 5 A 10.0.0.3`);
    const [change] = zone.since(1);
    assert.ok(typeof change === "object");
    assert.deepEqual(
      change.removed.map(({ ttl, rdatas }) => [ttl, rdatas.length]),
      [
        [3600, 1],
        [60, 2],
      ],
    );
    assert.deepEqual(
      change.added.map(({ ttl, rdatas }) => [ttl, rdatas.length]),
      [
        [3600, 1],
        [300, 3],
      ],
    );
  });

  test("SEC-DNSSEC-19: a DS at the origin is silently ignored", async () => {
    const ds = new Rdata(Type.DS, [4711, 13, 2, new Uint8Array(32)]);
    const add = { type: Type.DS, class: Class.IN, ttl: 60, rdata: ds };
    const zone = zoneOf(`${ZONE}\nsub NS www`);
    const updates = [origin, name("sub")].map((owner) => ({ ...add, name: owner }));
    assert.equal(await apply(zone, updateOf("", { updates })), "NOERROR");
    assert.equal(zone.current.set(origin, Type.DS), undefined);
    assert.equal(zone.current.set(name("sub"), Type.DS)?.rdatas.length, 1);
  });

  test("UPD-19, AUTH-18: a record that conflicts with a CNAME is silently ignored", async () => {
    for (const update of [
      "+ www CNAME other",
      "+ alias A 10.0.0.1",
      "+ alias DNAME other",
      "+ _ipp._tcp CNAME www\n+ alias TXT x",
    ]) {
      const zone = await expectRecords(update, ZONE);
      assert.equal(zone.current.serial, 1, update);
    }
    // A CNAME at the origin, beside SOA and NS, which no file may have.
    const target = rdata.cname(name("www"));
    const ofZone = { name: origin, type: Type.CNAME, class: Class.IN, ttl: 60, rdata: target };
    const unchanged = zoneOf(ZONE);
    await apply(unchanged, updateOf("", { updates: [ofZone] }));
    assert.equal(unchanged.current.serial, 1);
    // Whether it conflicts is decided in turn, as the update has left the name by then.
    await expectRecords("- alias ANY\n+ alias A 10.0.0.1", ZONE.replace("CNAME www", "A 10.0.0.1"));
    await expectRecords("+ new A 10.0.0.1\n+ new CNAME www", `${ZONE}\nnew A 10.0.0.1`);
    await expectRecords("+ new CNAME www\n+ new A 10.0.0.1", `${ZONE}\nnew CNAME www`);
    await expectRecords("- new ANY\n+ new CNAME www", "new CNAME www", zoneOf("new A 10.0.0.1"));
    // Except for the types that may be beside a CNAME (RFC 4034 §3, §4, RFC 3007 §3.1.1).
    const key = "KEY \\# 6 020003050102";
    await expectRecords(`+ alias ${key}`, `${ZONE}\nalias ${key}`);
    await expectRecords(
      "+ k CNAME www",
      `${ZONE}\nk ${key}\nk CNAME www`,
      zoneOf(`${ZONE}\nk ${key}`),
    );
    for (const type of [Type.RRSIG, Type.NSEC, Type.SIG]) {
      const zone = zoneOf(ZONE);
      const added = { name: name("alias"), type, class: Class.IN, ttl: 60 };
      const data = new Rdata(type, "\0");
      await apply(zone, updateOf("", { updates: [{ ...added, rdata: data }] }));
      assert.ok(zone.current.set(name("alias"), type), `${type}`);
    }
  });

  test("UPD-20, XFR-20: a SOA replaces the old one if its serial is greater", async () => {
    const soa = (serial: number) => `+ @ 60 SOA ns2.example. h.example. ${serial} 1 2 3 4`;
    for (const serial of [0, 1, 1 + 2 ** 31, 2 ** 32 - 1]) {
      const zone = zoneOf(ZONE);
      const before = zone.current;
      assert.equal(await apply(zone, updateOf(soa(serial))), "NOERROR");
      assert.equal(zone.current, before, `${serial}`);
    }
    const zone = zoneOf(ZONE);
    assert.equal(await apply(zone, updateOf(`${soa(7)}\n+ new A 10.0.0.1\n${soa(5)}`)), "NOERROR");
    assert.equal(zone.current.serial, 7, "given, so not counted up");
    assert.equal(zone.current.soa.ttl, 60);
    assert.equal(zone.current.negativeSoa.ttl, 4);
    const [elsewhere] = updateOf(soa(9)).updates;
    await apply(zone, updateOf("", { updates: [{ ...elsewhere!, name: name("new") }] }));
    assert.equal(zone.current.serial, 7);
    // The furthest that it may go at once.
    const far = 7 + 2 ** 31;
    for (const serial of [far, far - 1]) await apply(zone, updateOf(soa(serial)));
    assert.equal(zone.current.serial, far - 1);
    // Nor past that in two steps of one update: others see only the result.
    const other = zoneOf(ZONE);
    await apply(other, updateOf(soa(7)));
    await apply(other, updateOf(`${soa(far - 1)}\n${soa(5)}`));
    assert.equal(other.current.serial, far - 1);
  });

  test("UPD-21: nothing removes all NS or the SOA from the origin", async () => {
    for (const update of ["- @ ANY", "- @ NS", "- @ SOA"]) {
      await expectRecords(update, ZONE);
    }
    await expectRecords("- @ ANY", ZONE, zoneOf(`${ZONE}\n@ TXT "gone"\n@ MX 10 www`));
    await expectRecords("- sub NS", ZONE, zoneOf(`${ZONE}\nsub NS ns.example.`));
  });

  test("UPD-22: the last NS and the SOA cannot be removed one by one either", async () => {
    const zone = zoneOf(`${ZONE}\n@ 3600 NS ns2.example.`);
    await expectRecords("- @ NS ns2.example.\n- @ NS ns.example.", ZONE, zone);
    const before = zone.current;
    const [soa] = lines([before.soa]);
    await expectRecords(`- ${soa}`, ZONE, zone);
    assert.equal(zone.current, before);
    await expectRecords("- sub NS ns.example.", ZONE, zoneOf(`${ZONE}\nsub NS ns.example.`));
  });

  test("UPD-23: removing what does not exist is NOERROR, and changes nothing", async () => {
    for (const update of [
      "- www A 10.9.9.9",
      "- www AAAA",
      "- nobody ANY",
      "- nobody A 10.0.0.1",
      "- _tcp ANY",
    ]) {
      const zone = await expectRecords(update, ZONE);
      assert.equal(zone.current.serial, 1);
    }
  });

  test("UPD-24: the serial rises by one for each change, and only then", async () => {
    const zone = zoneOf(ZONE);
    const serialAfter = async (update: string) => {
      assert.equal(await apply(zone, updateOf(update)), "NOERROR");
      return zone.current.serial;
    };
    assert.equal(await serialAfter("+ new A 10.0.0.1\n+ new A 10.0.0.2"), 2);
    assert.equal(await serialAfter("+ new A 10.0.0.1"), 2);
    assert.equal(await serialAfter("- new A 10.0.0.1\n+ new A 10.0.0.1"), 2);
    assert.equal(await serialAfter("+ newer A 10.0.0.1\n- newer ANY"), 2);
    assert.equal(await serialAfter(""), 2);
    assert.equal(await serialAfter("- new ANY"), 3);
    assert.equal(await serialAfter("+ www 300 A 10.0.0.1"), 4);
    assert.equal(zone.since(4).length, 0);
    assert.equal(zone.since(1).length, 3);
  });

  test("UPD-25: the serial goes from 4294967295 to 1", async () => {
    const zone = zoneOf("");
    await apply(zone, updateOf("+ @ SOA ns.example. h.example. 2147483648 1 2 3 4"));
    await apply(zone, updateOf("+ @ SOA ns.example. h.example. 4294967295 1 2 3 4"));
    assert.equal(zone.current.serial, 4294967295);
    await apply(zone, updateOf("+ new A 10.0.0.1"));
    assert.equal(zone.current.serial, 1);
  });

  test("UPD-27: a snapshot in hand does not change, and simultaneous updates all count", async () => {
    const zone = zoneOf(ZONE);
    await apply(zone, updateOf("+ n0 A 10.0.0.1"));
    const before = zone.current;
    const told = lines(before);
    const updates = Array.from({ length: 50 }, (_, i) =>
      updateOf(`- n${i - 1} A\n+ n${i} A 10.0.0.${i}`),
    );
    await Promise.all(updates.map((update) => zone.apply(update, operator)));
    assert.deepEqual(lines(before), told);
    assert.equal(zone.current.serial, 52);
    assert.deepEqual(
      lines(zone.current).filter((line) => /^n\d/.test(line)),
      ["n49.z.example.\t60\tIN\tA\t10.0.0.49"],
    );
  });

  test("UPD-30: an update sent twice is applied once", async () => {
    const zone = zoneOf(ZONE);
    const update = updateOf("+ new A 10.0.0.1\n- www A 10.0.0.1\n- alias ANY");
    assert.equal(await apply(zone, update), "NOERROR");
    const after = zone.current;
    assert.equal(await apply(zone, update), "NOERROR");
    assert.equal(zone.current, after);
  });

  test("UPD-33: records of an unknown type are added, compared and removed by their octets", async () => {
    const zone = zoneOf(ZONE);
    await expectRecords(
      "+ x TYPE65280 \\# 2 abcd\n+ x TYPE65280 \\# 2 ABCE\n+ x NULL \\# 0\n- x TYPE65280 \\# 2 abcd",
      `${ZONE}\nx TYPE65280 \\# 2 abce\nx NULL \\# 0`,
      zone,
    );
  });
});

suite("leases", () => {
  const ADD = "+ new A 10.0.0.1";
  const isThere = (zone: Zone) => zone.current.set(name("new"), Type.A) !== undefined;

  test("LEASE-04: a record is removed when its lease ends, by an update like any other", async () => {
    const clock = new FakeClock();
    const zone = zoneOf(ZONE, { clock });
    await zone.apply(updateOf(ADD, { lease: 30 }), principal("paris"));
    clock.advance(29_999);
    assert.ok(isThere(zone));
    clock.advance(1);
    assert.ok(!isThere(zone));
    const changes = zone.since(2);
    assert.ok(changes !== "resync");
    assert.deepEqual(
      changes.map(({ by }) => by),
      ["paris"],
    );
    assert.equal(zone.current.serial, 3);
  });

  test("LEASE-04: leases that ended while the process stood still wait until all could renew them", async () => {
    const clock = new FakeClock();
    const zone = zoneOf(ZONE, { clock });
    await zone.apply(updateOf(`${ADD}\n+ late A 10.0.0.2`, { lease: 30 }), principal("paris"));
    clock.standStill(45_000);
    clock.advance(60_000);
    assert.ok(isThere(zone));
    await zone.apply(updateOf(ADD, { lease: 300 }), principal("paris"));
    clock.advance(29_999);
    const isLate = () => zone.current.set(name("late"), Type.A) !== undefined;
    assert.ok(isLate());
    clock.advance(1);
    assert.ok(!isLate() && isThere(zone));
    assert.equal(zone.current.serial, 3);
    // A thread that was merely busy is no reason to wait.
    await zone.apply(updateOf("+ late A 10.0.0.2", { lease: 30 }), principal("paris"));
    clock.standStill(35_000);
    clock.advance(0);
    assert.ok(!isLate());
  });

  test("LEASE-06: a refresh without a change keeps the record and the serial", async () => {
    const clock = new FakeClock();
    const zone = zoneOf(ZONE, { clock });
    for (let i = 0; i < 10; i++) {
      await zone.apply(updateOf(ADD, { lease: 30 }), principal("paris"));
      clock.advance(20_000);
    }
    assert.ok(isThere(zone));
    assert.equal(zone.current.serial, 2);
    await zone.apply(updateOf(`${ADD}\n+ new A 10.0.0.2`, { lease: 30 }), principal("paris"));
    assert.equal(zone.current.serial, 3);
  });

  test("LEASE-09: without a lease a record stays", async () => {
    const clock = new FakeClock();
    const zone = zoneOf(ZONE, { clock });
    await zone.apply(updateOf(ADD), principal("paris"));
    clock.advance(1e12);
    assert.ok(isThere(zone));
    assert.equal(clock.next, undefined, "nothing waits");
    // Its permanent holder may remove it, with its set.
    await zone.apply(updateOf("- new A"), principal("paris"));
    assert.ok(!isThere(zone));
  });

  test("a record lives while anybody holds it", async () => {
    const clock = new FakeClock();
    const zone = zoneOf(ZONE, { clock });
    const [first, second] = [principal("first"), principal("second")];
    await zone.apply(updateOf(ADD, { lease: 30 }), first);
    await zone.apply(updateOf(ADD, { lease: 60 }), second);
    assert.equal(zone.current.serial, 2, "another holder is no change");
    await zone.apply(updateOf("- new A 10.0.0.1"), first);
    assert.ok(isThere(zone), "the second still holds it");
    await zone.apply(updateOf(ADD, { lease: 30 }), first);
    clock.advance(45_000);
    assert.ok(isThere(zone), "the first's lease has ended, the second's has not");
    clock.advance(15_000);
    assert.ok(!isThere(zone));
  });

  test("an alias lives while anybody holds it", async () => {
    const clock = new FakeClock();
    const zone = zoneOf(ZONE, { clock });
    const target = () => zone.current.set(name("new"), Type.CNAME);
    for (const [by, lease] of [
      ["first", 60],
      ["second", 30],
    ] as const) {
      await zone.apply(updateOf("+ new CNAME www", { lease }), principal(by));
    }
    clock.advance(30_000);
    assert.ok(target());
    clock.advance(30_000);
    assert.ok(!target());
  });

  test("removing a name takes nothing from others, removing a set takes what they lease", async () => {
    const zone = zoneOf(ZONE);
    const [first, second] = [principal("first"), principal("second")];
    for (const by of [first, second]) await zone.apply(updateOf(ADD, { lease: 60 }), by);
    await zone.apply(updateOf("- new ANY"), first);
    assert.ok(isThere(zone));
    await zone.apply(updateOf("- new A"), first);
    assert.ok(!isThere(zone));
  });

  test("removing a set that stays releases it", async () => {
    const zone = zoneOf(ZONE);
    await zone.apply(updateOf(ADD, { lease: 60 }), principal("first"));
    await zone.apply(updateOf(ADD), principal("second"));
    await zone.apply(updateOf("- new A"), principal("first"));
    const held = { name: name("new"), rdata: rdata.a("10.0.0.1") };
    assert.deepEqual(zone.holders(held), ["second"]);
  });

  test("the zone file's records stay when a collector that held them too leaves", async () => {
    const clock = new FakeClock();
    const zone = zoneOf(ZONE, { clock });
    const paris = principal("paris");
    await zone.apply(updateOf("+ www A 10.0.0.1", { lease: 30 }), paris);
    clock.advance(60_000);
    await zone.apply(updateOf("- www ANY"), paris);
    assert.equal(zone.current.set(name("www"), Type.A)?.rdatas.length, 2);
    assert.equal(zone.current.serial, 1);
  });

  test("a record added and removed by one update was never there", async () => {
    const zone = zoneOf(ZONE);
    await zone.apply(updateOf(`${ADD}\n- new A 10.0.0.1`), principal("paris"));
    assert.ok(!isThere(zone));
    assert.equal(zone.current.serial, 1);
  });

  test("an operator removes what nobody leases, whoever holds it", async () => {
    const clock = new FakeClock();
    const zone = zoneOf(ZONE, { clock });
    await zone.apply(updateOf(ADD), principal("paris"));
    await zone.apply(updateOf(`- new ANY\n- www A 10.0.0.1`), operator);
    assert.ok(!isThere(zone));
    assert.equal(zone.current.set(name("www"), Type.A)?.rdatas.length, 1);
    // Nobody holds it any more, so the lease of the next holder counts.
    await zone.apply(updateOf(ADD, { lease: 30 }), principal("lyon"));
    clock.advance(30_000);
    assert.ok(!isThere(zone));
  });

  test("UPD-32: an operator neither removes nor changes what another leases", async () => {
    const zone = zoneOf(ZONE);
    const update = updateOf("+ prn SRV 0 0 631 h\n+ _ipp._tcp PTR prn\n+ h A 10.0.0.7", {
      lease: 60,
    });
    await zone.apply(update, principal("paris"));
    const before = zone.current;
    for (const refused of [
      "- prn ANY",
      "- prn SRV",
      "- prn SRV 0 0 631 h",
      "- _ipp._tcp PTR",
      "- _ipp._tcp PTR prn",
      "+ prn SRV 0 0 80 h",
      "+ h A 10.6.6.6",
      "+ h 5 A 10.0.0.7",
      "+ fine A 10.0.0.1\n- h A",
    ]) {
      assert.equal(await apply(zone, updateOf(refused)), "REFUSED", refused);
      assert.equal(zone.current, before);
    }
    for (const allowed of [
      "+ _ipp._tcp PTR other",
      "- _ipp._tcp PTR other",
      "+ h A 10.0.0.7",
      "+ h AAAA fd00::7",
      "- h A 10.6.6.6",
      "- www ANY",
    ]) {
      assert.equal(await apply(zone, updateOf(allowed)), "NOERROR", allowed);
    }
    assert.equal(await apply(zone, updateOf("- h A"), principal("lyon")), "NOERROR");
    assert.ok(zone.current.set(name("h"), Type.A), "what is held for ever stays");
  });

  test("an operator may remove what it leases itself", async () => {
    const zone = zoneOf(ZONE);
    await zone.apply(updateOf(ADD, { lease: 60 }), operator);
    assert.equal(await apply(zone, updateOf("- new A")), "NOERROR");
    assert.ok(!isThere(zone));
  });

  test("a record removed and added by one update stays, with the new lease", async () => {
    for (const what of ["ANY", "A"]) {
      const clock = new FakeClock();
      const zone = zoneOf(ZONE, { clock });
      const paris = principal("paris");
      await zone.apply(updateOf(ADD, { lease: 30 }), paris);
      await zone.apply(updateOf(`- new ${what}\n${ADD}`, { lease: 60 }), paris);
      assert.equal(zone.current.serial, 2);
      clock.advance(59_000);
      assert.ok(isThere(zone), what);
      clock.advance(1_000);
      assert.ok(!isThere(zone), what);
    }
  });
});
