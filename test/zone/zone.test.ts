import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Rcode, Type } from "../../src/dns/constants.ts";
import { recordsOf } from "../../src/dns/record.ts";
import type { Store, StoredZone } from "../../src/zone/journal/store.ts";
import type { Snapshot } from "../../src/zone/snapshot.ts";
import { type Change, replay } from "../../src/zone/update/change.ts";
import { Zone } from "../../src/zone/zone.ts";
import { FakeClock } from "../support/clock.ts";
import fc from "../support/fastcheck.ts";
import { lines, name, operator, origin, principal, setsOf, updateOf, zoneOf } from "./fixture.ts";
import { facts, Model, update } from "./model.ts";

const add = (zone: Zone, i: number) => zone.apply(updateOf(`+ n${i} A 10.0.0.1`), operator);

/** Takes `count` steps from a follower. */
async function take(steps: AsyncIterator<Change | "resync">, count: number) {
  const taken: (Change | "resync" | undefined)[] = [];
  for (let i = 0; i < count; i++) taken.push((await steps.next()).value);
  return taken.map((step) => (typeof step === "object" ? `${step.from}-${step.to}` : step));
}

/** A store whose writes end or fail when the test says so; `stored` is known from the first success. */
function slowStore() {
  const ends: ((fails: boolean) => void)[] = [];
  let known: StoredZone | undefined;
  const store: Store = {
    append: () =>
      new Promise((resolve, reject) => {
        ends.push((fails) => (fails ? reject(new Error("ENOSPC")) : resolve()));
      }),
    kept(stored) {
      known = stored;
    },
    close: async () => {},
  };
  return { store, ends, stored: () => known };
}

suite("Zone", () => {
  test("reports what has changed, old SOA and new SOA first, and by whom", async () => {
    const zone = zoneOf("a A 10.0.0.1\na A 10.0.0.2");
    const before = zone.current;
    const paris = principal("paris", { isOperator: true });
    await zone.apply(updateOf("- a A 10.0.0.1\n+ b A 10.0.0.3"), paris);
    const changes = zone.since(1);
    assert.ok(changes !== "resync");
    const [change] = changes;
    assert.deepEqual([change?.from, change?.to, change?.by], [1, 2, "paris"]);
    assert.equal(change?.removed[0], before.soa);
    assert.equal(change?.added[0], zone.current.soa);
    assert.deepEqual(lines(change!.removed.slice(1)), ["a.z.example.\t60\tIN\tA\t10.0.0.1"]);
    assert.deepEqual(lines(change!.added.slice(1)), ["b.z.example.\t60\tIN\tA\t10.0.0.3"]);
  });

  test("keeps a limited number of changes, and reports resync beyond", async () => {
    const zone = zoneOf("", { history: 3 });
    for (let i = 0; i < 5; i++) await add(zone, i);
    assert.equal(zone.current.serial, 6);
    assert.equal(zone.since(2), "resync");
    const [oldest] = zone.since(3);
    assert.equal(typeof oldest === "object" && oldest.from, 3);
    assert.deepEqual(zone.since(6), []);
    assert.equal(zone.since(7), "resync", "a serial that never was");
  });

  test("XFR-17: keeps no more changed records than are of use, beyond some thousands", async () => {
    const zone = zoneOf("");
    const many = (octet: number) =>
      updateOf(Array.from({ length: 2000 }, (_, i) => `+ h${octet}-${i} A 10.0.0.1`).join("\n"));
    for (let octet = 0; octet < 4; octet++) {
      await zone.apply(many(octet), operator);
      const removals = many(octet).updates.map((record) => ({ ...record, class: 254, ttl: 0 }));
      await zone.apply(updateOf("", { updates: removals }), operator);
    }
    assert.equal(zone.since(1), "resync");
    const changes = zone.since(zone.current.serial - 3);
    assert.ok(changes !== "resync");
    const count = changes
      .flatMap(({ removed, added }) => [...removed, ...added])
      .reduce((sum, set) => sum + set.rdatas.length, 0);
    assert.ok(count <= 10_000);
  });

  test("shows snapshots that do not change, while updates wait together and some are undone", async () => {
    const round = fc.record({
      updates: fc.array(update, { maxLength: 8 }),
      disk: fc.constantFrom("nothing", "write", "write", "fail"),
      looksAhead: fc.boolean(),
    });
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    await fc.assert(
      fc.asyncProperty(fc.array(round, { maxLength: 12 }), async (rounds) => {
        const { store, ends, stored } = slowStore();
        const records = setsOf("a A 10.0.0.1\nb.a A 10.0.0.2");
        const zone = new Zone({ origin, records, clock: new FakeClock() }, store);
        const model = new Model(records.flatMap(recordsOf));
        const seen: { readonly snapshot: Snapshot; readonly told: string[] }[] = [];
        const see = (snapshot: Snapshot) =>
          seen.push({ snapshot, told: facts([...snapshot].flatMap(recordsOf)) });
        const applied: Promise<unknown>[] = [];
        for (const { updates, disk, looksAhead } of rounds) {
          for (const each of updates) {
            const done = zone.apply(each, operator);
            applied.push(done.then((rcode) => rcode === Rcode.NOERROR && model.apply(each)));
          }
          see(zone.current);
          if (looksAhead && stored() !== undefined) see(stored()!.freeze().snapshot);
          if (disk !== "nothing") ends.shift()?.(disk === "fail");
          await turn();
          see(zone.current);
        }
        for (; ends.length > 0; await turn()) ends.shift()!(false);
        await Promise.all(applied);
        see(zone.current);
        for (const { snapshot, told } of seen) {
          assert.deepEqual(facts([...snapshot].flatMap(recordsOf)), told);
        }
        const isSoa = ({ type }: { type: number }) => type === Type.SOA;
        const expected = model.records.filter((record) => !isSoa(record));
        const others = [...zone.current].filter((set) => !isSoa(set));
        assert.deepEqual(facts(others.flatMap(recordsOf)), facts(expected));
      }),
      { numRuns: 300 },
    );
  });

  test("keeps what nobody could renew while nothing could be written, until all had time to", async () => {
    let isFull = false;
    const append = async () => {
      if (isFull) throw new Error("ENOSPC");
    };
    const store = { append, kept: () => {}, close: async () => {} };
    const clock = new FakeClock();
    const zone = new Zone({ origin, records: setsOf(""), clock }, store);
    const hold = (host: string) =>
      zone.apply(updateOf(`+ ${host} A 10.0.0.1`, { lease: 30 }), principal(host));
    for (const host of ["renewed", "gone"]) assert.equal(await hold(host), Rcode.NOERROR);
    isFull = true;
    await clock.elapse(300_000);
    isFull = false;
    // Within a minute, like collectors.
    await clock.elapse(59_000);
    assert.equal(await hold("renewed"), Rcode.NOERROR);
    const there = () => ["renewed", "gone"].filter((host) => zone.current.set(name(host), Type.A));
    assert.deepEqual(there(), ["renewed", "gone"]);
    await clock.elapse(29_000);
    assert.equal(await hold("renewed"), Rcode.NOERROR);
    await clock.elapse(3000);
    assert.deepEqual(there(), ["renewed"]);
    await clock.elapse(30_000);
    assert.deepEqual(there(), []);
  });

  test("gives followers every change once, in order, however slow they are", async () => {
    const zone = zoneOf("");
    const stop = new AbortController();
    const steps = zone.follow(1, stop.signal);
    await add(zone, 0);
    await add(zone, 1);
    assert.deepEqual(await take(steps, 2), ["1-2", "2-3"]);
    const waiting = take(steps, 2);
    await add(zone, 2);
    await add(zone, 3);
    assert.deepEqual(await waiting, ["3-4", "4-5"]);
    stop.abort();
    assert.equal((await steps.next()).done, true);
  });

  test("gives a follower that has fallen behind resync once, and continues from there", async () => {
    const zone = zoneOf("", { history: 2 });
    const steps = zone.follow(1, new AbortController().signal);
    for (let i = 0; i < 5; i++) await add(zone, i);
    assert.deepEqual(await take(steps, 1), ["resync"]);
    await add(zone, 5);
    assert.deepEqual(await take(steps, 1), ["6-7"]);
  });

  test("gives a follower with an unknown serial resync", async () => {
    const zone = zoneOf("");
    const steps = zone.follow(99, new AbortController().signal);
    assert.deepEqual(await take(steps, 1), ["resync"]);
    await add(zone, 0);
    assert.deepEqual(await take(steps, 1), ["1-2"]);
  });

  test("ends a waiting follower when the signal is aborted", async () => {
    const zone = zoneOf("");
    const stop = new AbortController();
    const steps = zone.follow(1, stop.signal);
    const waiting = steps.next();
    stop.abort();
    assert.equal((await waiting).done, true);
    assert.equal((await zone.follow(1, stop.signal).next()).done, true);
  });

  test("lets many follow, each of which rebuilds the same zone", async () => {
    const zone = zoneOf("a A 10.0.0.1");
    const readers = Array.from({ length: 20 }, async () => {
      let copy = zone.current;
      for await (const step of zone.follow(copy.serial, new AbortController().signal)) {
        assert.ok(step !== "resync");
        copy = replay(copy, step);
        if (copy.set(name("last"), Type.A)) break;
      }
      return copy;
    });
    for (let i = 0; i < 30; i++) {
      await zone.apply(
        updateOf(`+ n${i} A 10.0.0.1\n- n${i - 3} ANY\n+ a ${i} A 10.0.0.1`),
        operator,
      );
    }
    await zone.apply(updateOf("+ last A 10.0.0.1"), operator);
    for (const copy of await Promise.all(readers)) {
      assert.deepEqual(lines(copy), lines(zone.current));
    }
  });

  test("loses no changes when its serial wraps around", async () => {
    const zone = zoneOf("", { history: 3 });
    const soa = (serial: number) => updateOf(`+ @ SOA ns.example. h.example. ${serial} 1 2 3 4`);
    for (const serial of [2 ** 31, 2 ** 32 - 1]) await zone.apply(soa(serial), operator);
    await add(zone, 0);
    assert.equal(zone.current.serial, 1, "where it began");
    assert.deepEqual(zone.since(1), []);
    const changes = zone.since(2 ** 31);
    assert.equal(changes !== "resync" && changes.length, 2);
    await add(zone, 1);
    const again = zone.since(2 ** 31);
    assert.equal(again !== "resync" && again.length, 3);
    await add(zone, 2);
    const last = zone.since(1);
    assert.equal(last !== "resync" && last.length, 2, "the oldest is gone, not the latest");
  });

  test("keeps the case that a record came with", async () => {
    const zone = zoneOf("_ipp._tcp PTR MyPrn._ipp._tcp");
    await zone.apply(updateOf("+ _IPP._tcp PTR myprn._ipp._tcp"), operator);
    assert.equal(zone.current.serial, 1);
    await zone.apply(
      updateOf("- _ipp._tcp PTR myprn._ipp._tcp\n+ _IPP._tcp PTR myprn._ipp._tcp"),
      operator,
    );
    assert.equal(zone.current.serial, 2, "removed and added again in other letters");
    const [record] = recordsOf(zone.current.set(name("_ipp._tcp"), Type.PTR)!);
    assert.equal(record?.name.toString(), "_ipp._tcp.z.example.");
    assert.equal(record?.rdata.values[0]?.toString(), "myprn._ipp._tcp.z.example.");
  });
});
