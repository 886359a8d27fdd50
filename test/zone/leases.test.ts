import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { rcodeName, Type } from "../../src/dns/constants.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { FILE, FOREVER, type HoldStep } from "../../src/zone/update/hold.ts";
import { Leases } from "../../src/zone/update/leases.ts";
import type { ZoneRecord } from "../../src/zone/update/recordmap.ts";
import { FakeClock } from "../support/clock.ts";
import fc from "../support/fastcheck.ts";
import { silentLog } from "../support/log.ts";
import { lines, name, principal, setsOf, updateOf, zoneOf } from "./fixture.ts";

const RECORDS: readonly ZoneRecord[] = ["a", "b", "c", "d", "e"].flatMap((owner) => [
  { name: name(owner), rdata: rdata.a("10.0.0.1") },
  { name: name(owner), rdata: rdata.ptr(name("A")) },
]);

/** A slow model of Leases: for each record in the zone, who holds it until when. */
class Model {
  readonly holds = new Map<ZoneRecord, Map<string, number>>(
    RECORDS.map((record) => [record, new Map([["file", FOREVER]])]),
  );

  take({ does, record }: HoldStep, by: string, expires: number): void {
    const holders = this.holds.get(record)!;
    if (does === "releaseAll") holders.clear();
    else if (does === "release") holders.delete(by);
    else holders.set(by, expires);
  }

  ended(now: number): Map<string, ZoneRecord[]> {
    const ended = new Map<string, ZoneRecord[]>();
    for (const [record, holders] of this.holds) {
      for (const [by, expires] of holders) {
        if (expires <= now) ended.set(by, [...(ended.get(by) ?? []), record]);
      }
    }
    return ended;
  }

  release(now: number): void {
    for (const holders of this.holds.values()) {
      for (const [by, expires] of holders) if (expires <= now) holders.delete(by);
    }
  }

  due(): number | undefined {
    const times = [...this.holds.values()].flatMap((holders) => [...holders.values()]);
    const first = Math.min(...times);
    return first === FOREVER ? undefined : first;
  }
}

/** What has ended, as lines to compare. */
function told(ended: Map<string, ZoneRecord[]>): string[] {
  return [...ended]
    .flatMap(([by, records]) => records.map(({ name, rdata }) => `${by} ${name} ${rdata.type}`))
    .sort();
}

/** Two of one kind, like devices that register themselves. */
const KIND = ["device:a", "device:b"] as const;

const step = fc.record({
  record: fc.constantFrom(...RECORDS),
  by: fc.constantFrom("file", "paris", ...KIND),
  does: fc.constantFrom<"hold" | "release" | "releaseAll">(
    ...(["hold", "hold", "hold", "hold", "release", "releaseAll"] as const),
  ),
  lease: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constant(FOREVER)),
  passes: fc.integer({ min: 0, max: 3 }),
});

suite("Leases", () => {
  test("know who holds what until when, whatever is held and released", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: "max" }), (steps) => {
        const leases = new Leases();
        const model = new Model();
        let now = 0;
        for (const { record, by, does, lease, passes } of steps) {
          const isNew = model.holds.get(record)!.size === 0;
          // A record that nobody holds is not in the zone, so there is nothing to release.
          if (isNew && does !== "hold") continue;
          // The file has no leases.
          const expires = by === "file" ? FOREVER : now + lease;
          const done = does === "hold" ? (isNew ? "take" : "join") : does;
          leases.take([{ does: done, record }], { by, expires, lease });
          model.take({ does: done, record }, by, expires);
          now += passes;
          assert.deepEqual(leases.due(), model.due());
          assert.deepEqual(told(leases.ended(now)), told(model.ended(now)));
          for (const [by, records] of leases.ended(now)) {
            const steps = records.map((record) => ({ does: "release", record }) as const);
            leases.take(steps, { by, expires: FOREVER, lease: FOREVER });
          }
          model.release(now);
          for (const [record, holders] of model.holds) {
            if (holders.size === 0) continue;
            assert.deepEqual(leases.holders(record).sort(), [...holders.keys()].sort());
            for (const by of ["file", "paris", ...KIND]) {
              const others = [...holders.keys()].filter((other) => other !== by);
              assert.equal(leases.isHeldByAnother(record, by), others.length > 0);
            }
          }
          const held = KIND.map((by) => {
            return [...model.holds].flatMap(([record, holders]) => {
              const expires = holders.get(by);
              return expires === undefined ? [] : [{ ...record, expires }];
            });
          });
          assert.deepEqual(
            KIND.map((by) => new Set(leases.heldBy(by))),
            held.map((records) => new Set(records)),
          );
          // Each record here counts as one.
          for (const [i, by] of KIND.entries()) {
            assert.equal(leases.weightOf(by), held[i]!.length);
          }
          assert.equal(leases.weightOf("device:"), held.flat().length);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("cost nothing for records in the zone's file alone", () => {
    const leases = new Leases();
    const join = [{ does: "join", record: RECORDS[0]! }] as const;
    leases.take(join, { by: FILE, expires: FOREVER, lease: FOREVER });
    assert.equal(leases.size, 0);
    const paris = { by: "paris", expires: 10, lease: 10 };
    leases.take(join, paris);
    assert.equal(leases.size, 1);
    leases.take([{ does: "release", record: RECORDS[0]! }], paris);
    assert.equal(leases.size, 0);
  });

  test("of 20,000 records are refreshed by one update, and end a thousand at a time", async () => {
    const clock = new FakeClock();
    const zone = zoneOf("", { clock });
    const text = Array.from({ length: 20_000 }, (_, i) => `+ h${i} A 10.0.0.1`).join("\n");
    const update = updateOf(text, { lease: 300 });
    for (let i = 0; i < 3; i++) {
      await zone.apply(update, principal("paris"));
      clock.advance(150_000);
    }
    assert.equal(zone.current.serial, 2);
    clock.advance(150_000);
    assert.equal(zone.current.serial, 22);
    assert.deepEqual(lines(zone.current).length, lines(setsOf("")).length);
  });

  test("of a record that thousands hold end a thousand at a time", () => {
    const leases = new Leases();
    const record = RECORDS[0]!;
    for (let i = 0; i < 2500; i++) {
      const does = i === 0 ? "take" : "join";
      leases.take([{ does, record }], { by: `device:${i}`, expires: i, lease: 10 });
    }
    for (const left of [1500, 500, 0]) {
      for (const [by, records] of leases.ended(3000, 1000)) {
        const steps = records.map((record) => ({ does: "release", record }) as const);
        leases.take(steps, { by, expires: FOREVER, lease: FOREVER });
        assert.equal(leases.weightOf(by), 0);
      }
      assert.equal(leases.weightOf("device:"), left);
    }
    assert.equal(leases.size, 0);
  });

  test("are not granted for new records in a full zone, but may be renewed and released", async () => {
    const clock = new FakeClock();
    const zone = zoneOf("", { clock, capacity: 100 });
    const paris = principal("paris");
    for (let i = 0; i < 200; i++) {
      await zone.apply(updateOf(`+ h${i} A 10.0.0.1`, { lease: 60 }), paris);
    }
    assert.equal(zone.current.size, 100);
    assert.equal(await zone.apply(updateOf("+ h0 A 10.0.0.1", { lease: 90 }), paris), 0);
    assert.equal(await zone.apply(updateOf("- h1 A"), paris), 0);
    assert.equal(await zone.apply(updateOf("+ new A 10.0.0.1"), paris), 0);
    clock.advance(60_000);
    assert.equal(zone.current.size, 4);
    assert.ok(zone.current.set(name("h0"), Type.A));
  });

  test("nobody holds more than its share, but may renew and release what it has", async () => {
    const facts: unknown[] = [];
    const log = { ...silentLog, warn: (fields: object) => facts.push(fields) };
    const clock = new FakeClock();
    const zone = zoneOf("", { capacity: 100, clock, log });
    const thief = { ...principal("paris"), share: 1 / 4 };
    const lyon = { ...principal("lyon"), share: 1 / 4 };
    const hosts = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => `+ h${from + i} A 10.0.0.1`).join("\n");
    const apply = (by: typeof thief, text: string) =>
      zone.apply(updateOf(text, { lease: 60 }), by).then(rcodeName);
    assert.equal(await apply(thief, hosts(0, 20)), "NOERROR");
    for (let i = 0; i < 200; i++) {
      const isWithin = i < 5;
      const text = hosts(20 + i, 21 + i);
      assert.equal(await apply(thief, text), isWithin ? "NOERROR" : "SERVFAIL", text);
    }
    assert.deepEqual(facts, [{ zone: "z.example.", by: "paris", records: 26 }]);
    assert.equal(await apply(thief, hosts(0, 25)), "NOERROR");
    assert.equal(await apply(thief, "- h0 A\n+ other A 10.0.0.1"), "NOERROR");
    assert.equal(await apply(lyon, hosts(0, 25)), "NOERROR");
    assert.equal(await apply(lyon, "+ other A 10.0.0.1"), "SERVFAIL", "nor what another holds");
    assert.equal(await apply(thief, "- h1 A"), "NOERROR");
    assert.equal(await apply(thief, "+ more A 10.0.0.1"), "NOERROR");
    assert.equal(await apply(thief, "+ most A 10.0.0.1"), "SERVFAIL");
    clock.advance(60_000);
    assert.equal(await apply(thief, hosts(100, 125)), "NOERROR");
  });

  test("those of one kind hold no more than their share together, whoever of them asks", async () => {
    const facts: unknown[] = [];
    const log = { ...silentLog, warn: (fields: object) => facts.push(fields) };
    const clock = new FakeClock();
    const zone = zoneOf("", { capacity: 100, clock, log });
    const device = (id: number) => ({
      ...principal(`device:${id}`),
      ...{ share: 1 / 20, kindShare: 1 / 4 },
    });
    const apply = (id: number, text: string) =>
      zone.apply(updateOf(text, { lease: 60 }), device(id)).then(rcodeName);
    const hosts = (id: number, count: number) =>
      Array.from({ length: count }, (_, i) => `+ h${id}-${i} A 10.0.0.1`).join("\n");
    // No device, though its name looks like one.
    const many = updateOf(hosts(9, 20), { lease: 60 });
    assert.equal(await zone.apply(many, { ...principal("device"), share: 1 / 4 }), 0);
    assert.equal(await apply(0, hosts(0, 6)), "SERVFAIL");
    for (let id = 0; id < 5; id++) assert.equal(await apply(id, hosts(id, 5)), "NOERROR");
    assert.equal(await apply(5, hosts(5, 1)), "SERVFAIL");
    assert.deepEqual(facts, [{ zone: "z.example.", by: "device:0", records: 6 }]);
    // What is there may be refreshed, exchanged and released, which makes room again.
    assert.equal(await apply(1, hosts(1, 5)), "NOERROR");
    assert.equal(await apply(1, "- h1-0 A\n+ other A 10.0.0.1"), "NOERROR");
    assert.equal(await apply(1, "- other A"), "NOERROR");
    assert.equal(await apply(5, hosts(5, 1)), "NOERROR");
    clock.advance(60_000);
    assert.equal(await apply(6, hosts(6, 5)), "NOERROR");
  });

  test("SEC-13: nobody gains room by releasing twice what it holds once", async () => {
    for (const again of ["- h0 A 10.0.0.1", "- h0 A 10.0.0.1\n+ h0 A 10.0.0.1", "- h0 ANY"]) {
      const zone = zoneOf("", { capacity: 100 });
      const thief = { ...principal("paris"), share: 1 / 4 };
      const apply = (text: string) =>
        zone.apply(updateOf(text, { lease: 60 }), thief).then(rcodeName);
      assert.equal(await apply("+ h0 A 10.0.0.1"), "NOERROR");
      const hosts = Array.from({ length: 40 }, (_, i) => `+ x${i} A 10.0.0.1`);
      const more = [...Array<string>(40).fill(again), ...hosts].join("\n");
      assert.equal(await apply(more), "SERVFAIL", again);
    }
  });

  test("of what an update removes twice and adds again stay with their holders", async () => {
    const clock = new FakeClock();
    const zone = zoneOf("", { clock });
    const paris = principal("paris");
    assert.equal(await zone.apply(updateOf("+ a A 10.0.0.1", { lease: 60 }), paris), 0);
    for (const twice of ["- a A\n- a A 10.0.0.1", "- a A\n+ a A 10.0.0.1\n- a ANY\n- a A"]) {
      const again = updateOf(`${twice}\n+ a A 10.0.0.1`, { lease: 60 });
      assert.equal(await zone.apply(again, paris), 0);
      const record = { name: name("a"), rdata: rdata.a("10.0.0.1") };
      assert.deepEqual(zone.holders(record), ["paris"], twice);
    }
    clock.advance(60_000);
    assert.equal(zone.current.set(name("a"), Type.A), undefined);
  });

  test("of an alias that an update replaces and restores stay with their holders", async () => {
    const clock = new FakeClock();
    const zone = zoneOf("", { clock });
    assert.equal(await zone.apply(updateOf("+ a CNAME c", { lease: 60 }), principal("lyon")), 0);
    const back = "+ a CNAME b\n+ a CNAME c\n- a CNAME c";
    assert.equal(await zone.apply(updateOf(back, { lease: 60 }), principal("paris")), 0);
    assert.deepEqual(zone.holders({ name: name("a"), rdata: rdata.cname(name("c")) }), ["lyon"]);
    clock.advance(60_000);
    assert.equal(zone.current.set(name("a"), Type.CNAME), undefined);
  });

  test("have no timer once the zone's signal is aborted", async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const zone = zoneOf("", { clock, signal: stop.signal });
    await zone.apply(updateOf("+ a A 10.0.0.1", { lease: 60 }), principal());
    assert.equal(clock.next, clock.now() + 60_000);
    stop.abort();
    assert.equal(clock.next, undefined);
  });
});
