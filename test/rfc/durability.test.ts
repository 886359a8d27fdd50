/** Durability: updates on stable storage (RFC 2136 §3.5, §3.7), leases (RFC 9664), serials (RFC 1982). */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { compareSerials } from "../../src/dns/serial.ts";
import type { Zone } from "../../src/zone/zone.ts";
import { FakeClock } from "../support/clock.ts";
import { COPY, JOURNAL, openOn } from "../zone/durable.ts";
import { lines, name, operator, principal, setsOf, updateOf } from "../zone/fixture.ts";
import { MemoryDisk } from "../zone/memorydisk.ts";

const [paris, lyon] = [principal("paris"), principal("lyon")];
const has = (zone: Zone, owner: string) => zone.current.set(name(owner), Type.A) !== undefined;
const turn = () => new Promise((resolve) => setImmediate(resolve));
const failOn = (failing: string) => (what: string) => {
  if (what === failing) throw new Error("ENOSPC");
};

/** Milliseconds after a failed write for which no lease ends. */
const RENEWED = 90_000;

suite("stable storage", () => {
  test("UPD-15: an update that cannot be written, and all behind it, are SERVFAIL without a trace", async () => {
    for (const failing of ["write", "sync"]) {
      const disk = new MemoryDisk();
      const clock = new FakeClock();
      const zone = await openOn(disk, { clock, text: "www A 10.0.0.1" });
      await zone.apply(updateOf("+ a A 10.0.0.1\n+ b A 10.0.0.1", { lease: 60 }), paris);
      const before = zone.current;
      const next = clock.next;
      const holders = () => ["a", "b", "www"].map((owner) => zone.holders(recordOf(owner)));
      const recordOf = (owner: string) => ({
        name: name(owner),
        rdata: before.set(name(owner), Type.A)!.rdatas[0]!,
      });
      const held = holders();
      disk.before = failOn(failing);
      const answers = await Promise.all([
        zone.apply(updateOf("+ a A 10.0.0.1\n+ c A 10.0.0.1", { lease: 30 }), lyon),
        zone.apply(updateOf("- a A\n+ d A 10.0.0.2"), paris),
        zone.apply(updateOf("- www A\n+ @ SOA ns.example. h.example. 4000000 1 2 3 4"), operator),
        zone.apply(updateOf("", { prerequisites: updateOf("- c A").updates }), operator),
        zone.apply(updateOf("+ a A 10.0.0.1"), paris),
      ]);
      assert.deepEqual(
        answers,
        answers.map(() => Rcode.SERVFAIL),
        failing,
      );
      assert.equal(zone.current, before);
      assert.deepEqual(holders(), held);
      assert.deepEqual(zone.since(before.serial), []);
      disk.before = () => {};
      assert.equal(clock.next, next, "the leases are what they were");
      assert.equal(await zone.apply(updateOf("+ e A 10.0.0.1"), operator), Rcode.NOERROR);
      const again = await openOn(
        disk.afterPowerCut(() => true),
        { text: "www A 10.0.0.1" },
      );
      assert.deepEqual(lines(again.current), lines(zone.current));
      assert.equal(again.current.serial, before.serial + 1);
    }
  });

  test("UPD-15: a failed update that touches a lease twice leaves the lease as it was", async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock();
    const zone = await openOn(disk, { clock });
    await zone.apply(updateOf("+ a A 10.0.0.1", { lease: 60 }), paris);
    disk.before = failOn("write");
    const update = updateOf("- a A 10.0.0.1\n+ a A 10.0.0.1", { lease: 600 });
    assert.equal(await zone.apply(update, paris), Rcode.SERVFAIL);
    disk.before = () => {};
    await clock.elapse(RENEWED);
    assert.ok(!has(zone, "a"));
  });

  test("UPD-15: what is granted after a failure has the same holders after a restart", async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock();
    const zone = await openOn(disk, { clock });
    disk.before = failOn("write");
    const failed = updateOf("+ a A 10.0.0.1", { lease: 60 });
    assert.equal(await zone.apply(failed, paris), Rcode.SERVFAIL);
    disk.before = () => {};
    for (const by of [paris, lyon]) {
      await zone.apply(updateOf("+ b A 10.0.0.1", { lease: 60 }), by);
    }
    const again = await openOn(disk.afterKill(), { clock });
    const [held] = updateOf("+ b A 10.0.0.1").updates;
    assert.deepEqual(again.holders(held!).toSorted(), ["lyon", "paris"]);
  });

  test("UPD-15: a lease that expires while nothing can be written ends once all could renew it", async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock();
    const zone = await openOn(disk, { clock });
    await zone.apply(updateOf("+ a A 10.0.0.1", { lease: 60 }), paris);
    disk.before = () => {
      throw new Error("EIO");
    };
    await clock.elapse(65_000);
    assert.ok(has(zone, "a"));
    assert.ok(clock.next! > clock.now(), "it is not tried all the time");
    disk.before = () => {};
    await clock.elapse(RENEWED);
    assert.ok(!has(zone, "a"));
    assert.ok(!has(await openOn(disk.afterKill(), { clock }), "a"));
  });

  test("UPD-26, XFR-18: nothing is answered or visible before it is on the disk", async () => {
    const disk = new SlowDisk();
    const zone = await openOn(disk);
    const { serial } = zone.current;
    const seen: string[] = [];
    disk.hold();
    const answer = zone.apply(updateOf("+ a A 10.0.0.1"), operator).then((rcode) => {
      seen.push(`answered ${rcode}`);
    });
    // Each is answered from a state that has the record.
    const isThere = updateOf("- a A").updates;
    const isAbsent = isThere.map((record) => ({ ...record, class: Class.NONE }));
    const others = [isThere, isAbsent].map((prerequisites) =>
      zone
        .apply(updateOf("", { prerequisites }), operator)
        .then((rcode) => seen.push(`answered ${rcode}`)),
    );
    await turn();
    assert.deepEqual(seen, []);
    assert.ok(!has(zone, "a"));
    assert.equal(zone.current.serial, serial);
    disk.release();
    await Promise.all([answer, ...others]);
    assert.deepEqual(
      seen,
      [Rcode.NOERROR, Rcode.NOERROR, Rcode.YXRRSET].map((rcode) => `answered ${rcode}`),
    );
    assert.ok(has(zone, "a"));
    assert.ok(has(await openOn(disk.afterPowerCut(() => false)), "a"));
  });

  test("UPD-26: after a power cut every acknowledged change is there, and no half of any", async () => {
    let seed = 1;
    const chance = () => {
      seed = (seed * 48271) % 0x7fffffff;
      return seed % 2 === 0;
    };
    for (let cut = 1; cut < 150; cut += 1) {
      const disk = new MemoryDisk();
      const zone = await openOn(disk, { enough: 2500 });
      const acknowledged: string[] = [];
      let image: { readonly disk: MemoryDisk; readonly has: readonly string[] } | undefined;
      const first = disk.operations;
      disk.before = () => {
        if (disk.operations === first + cut) {
          image = { disk: disk.afterPowerCut(chance), has: [...acknowledged] };
        }
      };
      const write = async (i: number) => {
        await zone.apply(updateOf(`+ n${i} A 10.0.0.1\n+ m${i} A 10.0.0.1`), operator);
        acknowledged.push(`${i}`);
      };
      for (let i = 0; i < 30; i += 3) await Promise.all([write(i), write(i + 1), write(i + 2)]);
      if (image === undefined) return assert.ok(cut > 40);
      const again = await openOn(image.disk);
      for (const i of image.has) assert.ok(has(again, `n${i}`), `n${i}, cut ${cut}`);
      for (let i = 0; i < 30; i++) assert.equal(has(again, `n${i}`), has(again, `m${i}`));
      assert.equal(await again.apply(updateOf("+ more A 10.0.0.1"), operator), Rcode.NOERROR);
      assert.ok(has(await openOn(image.disk.afterKill()), "more"));
    }
  });

  test("UPD-27: no reader sees half of an update, and of two that collide the later wins", async () => {
    const disk = new MemoryDisk();
    const zone = await openOn(disk, { text: "a A 10.0.0.1" });
    const follower = zone.follow(zone.current.serial, new AbortController().signal);
    const swaps = ["+ b A 10.0.0.1\n- a A", "+ a A 10.0.0.1\n- b A"];
    const answers = Array.from({ length: 20 }, (_, i) =>
      zone.apply(updateOf(swaps[i % 2]!), operator),
    );
    for (let i = 0; i < 20; i++) {
      assert.notEqual(has(zone, "a"), has(zone, "b"));
      const step = (await follower.next()).value;
      assert.ok(step && step !== "resync" && step.added.length === 2 && step.removed.length === 2);
    }
    await Promise.all(answers);
    assert.ok(has(zone, "a"));
  });
});

suite("durable leases", () => {
  const ADD = "+ a A 10.0.0.1";

  test("LEASE-03, LEASE-05: KEY records follow the key lease, the others the lease", async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock();
    let zone = await openOn(disk, { clock });
    const key = "+ a KEY \\# 6 020003050102";
    await zone.apply(updateOf(`${ADD}\n${key}`, { lease: 60, keyLease: 600 }), paris);
    await zone.apply(updateOf("+ b KEY \\# 6 020003050102", { lease: 60 }), paris);
    const hasKey = (owner: string) => zone.current.set(name(owner), Type.KEY) !== undefined;
    await clock.elapse(59_999);
    assert.deepEqual([has(zone, "a"), hasKey("a"), hasKey("b")], [true, true, true]);
    await clock.elapse(1);
    assert.deepEqual([has(zone, "a"), hasKey("a"), hasKey("b")], [false, true, false]);
    zone = await openOn(disk.afterKill(), { clock });
    await clock.elapse(540_000 - 1);
    assert.ok(hasKey("a"));
    await clock.elapse(1);
    assert.ok(!hasKey("a"));
  });

  test("LEASE-10: a lease ends when it would have ended without a restart", async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock();
    const zone = await openOn(disk, { clock });
    await zone.apply(updateOf(ADD, { lease: 300 }), paris);
    await zone.apply(updateOf("+ b A 10.0.0.1", { lease: 100 }), paris);
    await clock.elapse(50_000);
    await zone.apply(updateOf(ADD, { lease: 300 }), paris);
    const image = disk.afterKill();
    // Another process has a clock of its own, but the same wall clock.
    const later = new FakeClock({ epoch: clock.wall() + 40_000 });
    const again = await openOn(image, { clock: later });
    assert.equal(again.current.serial, zone.current.serial);
    assert.deepEqual([has(again, "a"), has(again, "b")], [true, true]);
    await later.elapse(10_000);
    assert.deepEqual([has(again, "a"), has(again, "b")], [true, false]);
    await later.elapse(249_999);
    assert.ok(has(again, "a"));
    await later.elapse(1);
    assert.ok(!has(again, "a"));
  });

  test("LEASE-10: what expired while nothing ran is removed at the start, with a new serial", async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock();
    const zone = await openOn(disk, { clock });
    await zone.apply(updateOf(ADD, { lease: 300 }), paris);
    await zone.apply(updateOf(ADD, { lease: 900 }), lyon);
    await zone.apply(updateOf("+ b A 10.0.0.1", { lease: 300 }), paris);
    const image = disk.afterKill();
    const again = await openOn(image, { clock: new FakeClock({ epoch: clock.wall() + 400_000 }) });
    assert.deepEqual([has(again, "a"), has(again, "b")], [true, false]);
    assert.equal(again.current.serial, zone.current.serial + 1);
    assert.deepEqual(again.holders({ name: name("a"), rdata: recordA }), ["lyon"]);
  });

  test("LEASE-10, SEC-24: a wall clock set forward or back neither shortens nor extends a lease", async () => {
    for (const step of [-86_400_000, -3_600_000, 3_600_000, 1e12]) {
      const disk = new MemoryDisk();
      const clock = new FakeClock();
      const zone = await openOn(disk, { clock, enough: 3000 });
      await zone.apply(updateOf(ADD, { lease: 300 }), paris);
      clock.steps = step;
      await clock.elapse(100_000);
      await zone.apply(updateOf("+ b A 10.0.0.1"), operator);
      const later = new FakeClock({ epoch: clock.wall() + 50_000 });
      const again = await openOn(disk.afterKill(), { clock: later });
      await later.elapse(149_999);
      assert.ok(has(again, "a"), `${step}`);
      await later.elapse(1);
      assert.ok(!has(again, "a"), `${step}`);
      await clock.elapse(199_999);
      assert.ok(has(zone, "a"));
      await clock.elapse(1);
      assert.ok(!has(zone, "a"));
    }
  });

  test("LEASE-10, SEC-24: a clock set back while nothing ran extends no lease", async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock();
    const zone = await openOn(disk, { clock });
    await zone.apply(updateOf(ADD, { lease: 300 }), paris);
    const later = new FakeClock({ epoch: clock.wall() - 86_400_000 });
    const again = await openOn(disk.afterKill(), { clock: later });
    await later.elapse(300_000);
    assert.ok(!has(again, "a"));
  });

  test("LEASE-10, SEC-24: repeated restarts extend no lease", async () => {
    let disk = new MemoryDisk();
    const first = await openOn(disk, { clock: new FakeClock() });
    await first.apply(updateOf(ADD, { lease: 300 }), paris);
    let wall = new FakeClock().wall() - 3_600_000;
    for (let start = 0; start < 3; start++) {
      disk = disk.afterKill();
      const clock = new FakeClock({ epoch: wall });
      const zone = await openOn(disk, { clock });
      await clock.elapse(99_999);
      assert.ok(has(zone, "a"), `start ${start}`);
      wall += 100_000;
    }
    assert.ok(!has(await openOn(disk.afterKill(), { clock: new FakeClock({ epoch: wall }) }), "a"));
  });

  test("LEASE-10, SEC-24: without writes, a wall clock is followed at the end and each minute", async () => {
    for (const isStopped of [true, false]) {
      for (const step of [-3_600_000, 3_600_000]) {
        const disk = new MemoryDisk();
        const clock = new FakeClock();
        const stop = new AbortController();
        const zone = await openOn(disk, { clock, signal: stop.signal });
        await zone.apply(updateOf(ADD, { lease: 300 }), paris);
        clock.steps = step;
        await clock.elapse(isStopped ? 1000 : 60_000);
        if (isStopped) {
          stop.abort();
          await zone.closed;
        }
        const later = new FakeClock({ epoch: clock.wall() });
        const image = disk.afterKill();
        const again = await openOn(image, { clock: later });
        await later.elapse(300_000 - clock.passed - 1);
        assert.ok(has(again, "a"), `${step}`);
        await later.elapse(1);
        assert.ok(!has(again, "a"), `${step}`);
      }
    }
  });

  test("LEASE-06: a refresh changes neither the zone nor its serial, yet is durable", async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock();
    const zone = await openOn(disk, { clock, enough: 6000 });
    const { serial } = zone.current;
    const many = updateOf(Array.from({ length: 50 }, (_, i) => `+ h${i} A 10.0.0.1`).join("\n"), {
      lease: 300,
    });
    await zone.apply(many, paris);
    let longest = 0;
    for (let i = 0; i < 300; i++) {
      await clock.elapse(150_000);
      await zone.apply(many, paris);
      const octets = disk.octets(JOURNAL);
      longest = Math.max(
        longest,
        octets.findLastIndex((octet) => octet !== 0),
      );
    }
    assert.equal(zone.current.serial, serial + 1);
    assert.ok(longest < 20_000, `${longest} octets`);
    const later = new FakeClock({ epoch: clock.wall() });
    const again = await openOn(disk.afterKill(), { clock: later });
    await later.elapse(299_999);
    assert.ok(has(again, "h49"));
    await later.elapse(1);
    assert.ok(!has(again, "h49"));
  });

  const recordA = updateOf(ADD).updates[0]!.rdata;
});

suite("serials", () => {
  const opened = async (disk: MemoryDisk, wall: number, text = "") =>
    openOn(disk.afterKill(), { clock: new FakeClock({ epoch: wall }), text });
  const YEAR_2025 = 1_735_689_600;

  test("XFR-19: the first is the time of day, and later ones never fall, whatever the clock says", async () => {
    const disk = new MemoryDisk();
    const zone = await openOn(disk);
    assert.equal(zone.current.serial, YEAR_2025);
    for (let i = 0; i < 5; i++) await zone.apply(updateOf(`+ n${i} A 10.0.0.1`), operator);
    const { serial } = zone.current;
    assert.equal(serial, YEAR_2025 + 5);
    for (const wall of [0, Date.UTC(1999, 0, 1), Date.UTC(2025, 0, 1), Date.UTC(2040, 0, 1)]) {
      const again = await opened(disk, wall);
      assert.equal(again.current.serial, serial, "nothing has changed");
      await again.apply(updateOf("+ x A 10.0.0.1"), operator);
      assert.equal(again.current.serial, serial + 1);
    }
  });

  const fileRecords = (mname: string, serial = 0) =>
    setsOf("").map((set) => {
      const [soa] = updateOf(`+ @ SOA ${mname} h.example. ${serial} 1 2 3 4`).updates;
      return set.type === Type.SOA ? { ...set, rdatas: [soa!.rdata] } : set;
    });

  test("XFR-19: the file's serial is taken where it is newer, at the first start and later", async () => {
    const disk = new MemoryDisk();
    const start = async (serial: number) => {
      const records = fileRecords("ns.example.", serial);
      return (await openOn(disk.afterKill(), { fileRecords: records })).current.serial;
    };
    const first = YEAR_2025 + 1000;
    assert.equal(await start(first), first);
    const zone = await openOn(disk, { fileRecords: fileRecords("ns.example.", first) });
    await zone.apply(updateOf("+ n A 10.0.0.1"), operator);
    assert.equal(zone.current.serial, first + 1);
    assert.equal(await start(first), first + 1, "nothing has changed");
    assert.equal(await start(first + 1000), first + 1000);
    assert.equal(await zone.merge(fileRecords("ns.example.", first + 500)), Rcode.NOERROR);
    assert.equal(zone.current.serial, first + 500);
  });

  test("XFR-19: none is lower where the numbers wrap around", async () => {
    const disk = new MemoryDisk();
    const zone = await openOn(disk);
    const set = async (serial: number) => {
      const update = updateOf(`+ @ SOA ns.example. h.example. ${serial} 1 2 3 4`);
      assert.equal(await zone.apply(update, operator), Rcode.NOERROR);
      assert.equal(zone.current.serial, serial);
    };
    await set(YEAR_2025 + 2 ** 31 - 1);
    await set(2 ** 32 - 1);
    const around = await opened(disk, 0, "new A 10.0.0.1");
    assert.equal(around.current.serial, 1);
    assert.ok(compareSerials(1, zone.current.serial) > 0);
  });

  test("XFR-19: a file's serial is ignored if it is older, or 0", async () => {
    const far = Date.UTC(2060, 0, 1);
    const disk = new MemoryDisk();
    const clock = new FakeClock({ epoch: far });
    const zone = await openOn(disk, { clock, fileRecords: fileRecords("ns.example.") });
    assert.equal(zone.current.serial, far / 1000);
    const again = await openOn(disk.afterKill(), { clock, fileRecords: fileRecords("b.example.") });
    assert.equal(again.current.serial, far / 1000 + 1);
    assert.match(lines([again.current.soa])[0]!, /b\.example\./);
    const older = fileRecords("c.example.", far / 1000 - 1);
    const last = await openOn(disk.afterKill(), { clock, fileRecords: older });
    assert.equal(last.current.serial, far / 1000 + 1);
    assert.match(lines([last.current.soa])[0]!, /c\.example\./);
  });

  test("XFR-19: the copy yields the last serial when the journal is lost", async () => {
    const disk = new MemoryDisk();
    const stop = new AbortController();
    const zone = await openOn(disk, { signal: stop.signal });
    for (let i = 0; i < 5; i++) await zone.apply(updateOf(`+ n${i} A 10.0.0.1`), operator);
    stop.abort();
    await zone.closed;
    const left = MemoryDisk.of([[COPY, disk.octets(COPY)]]);
    assert.ok((await opened(left, 0)).current.serial > zone.current.serial);
    // Even if the start's clock is later than the copy: more serials may have been seen since it.
    const copied = zone.current.serial;
    const soon = await opened(left, (copied + 1) * 1000);
    assert.ok(soon.current.serial > copied + 900 * 1000, `${soon.current.serial}`);
    const scribbled = MemoryDisk.of([[COPY, Buffer.from("what is this")]]);
    assert.equal((await opened(scribbled, Date.UTC(2025, 0, 1))).current.serial, YEAR_2025);
  });

  const copyWith = (serial: number): [string, Buffer] => {
    return [COPY, Buffer.from(`z.example. 10 IN SOA ns.example. h.example. ${serial} 1 2 3 4\n`)];
  };

  test("XFR-19: the copy's serial is compared as serials are, wherever the numbers wrap around", async () => {
    const [end, gap] = [2 ** 32, 2 ** 24];
    const serialOn = async (disk: MemoryDisk, wall: number, inFile?: number) => {
      const clock = new FakeClock({ epoch: wall });
      const zone = await openOn(disk, { clock, fileRecords: fileRecords("ns.example.", inFile) });
      return zone.current.serial;
    };
    const alone = (serial: number, wall: number) =>
      serialOn(MemoryDisk.of([copyWith(serial)]), wall);
    // Then the time of day is no later serial than one that has wrapped around.
    const late = Date.UTC(2060, 0, 1);
    assert.equal(await alone(5, late), 5 + gap);
    assert.equal(await alone(end - gap, late), 1, "never 0");
    assert.equal(await alone(end - 1, 1000 * YEAR_2025), YEAR_2025);
    const beside = async (journal: number, copy: number) => {
      const disk = new MemoryDisk();
      assert.equal(await serialOn(disk, 1000 * YEAR_2025, journal), journal);
      const both = MemoryDisk.of([[JOURNAL, disk.octets(JOURNAL)], copyWith(copy)]);
      return serialOn(both, 1000 * YEAR_2025, journal);
    };
    const high = YEAR_2025 + 2 ** 31 - 1;
    assert.equal(await beside(high, 5), 5 + gap);
    assert.equal(await beside(high, high - 1), high);
    assert.equal(await beside(high, high), high, "as after every end of ours");
  });

  test("XFR-19: with a journal older than the copy, a start skips the serials others may have seen", async () => {
    const disk = new MemoryDisk();
    const stop = new AbortController();
    const zone = await openOn(disk, { signal: stop.signal });
    await zone.apply(updateOf("+ n A 10.0.0.1"), operator);
    const backup = disk.octets(JOURNAL);
    for (let i = 0; i < 5; i++) await zone.apply(updateOf(`+ n${i} A 10.0.0.1`), operator);
    stop.abort();
    await zone.closed;
    const restored = MemoryDisk.of([
      [JOURNAL, backup],
      [COPY, disk.octets(COPY)],
    ]);
    // On a full disk it would publish other contents under serials that others have seen.
    const full = restored.afterKill();
    full.before = failOn("write");
    const ended = new AbortController();
    await assert.rejects(
      openOn(full, { signal: ended.signal }),
      /z\.example\. could not be given a later serial/,
    );
    // Nor does it leave a copy that misleads a later start, with room again.
    full.before = () => {};
    ended.abort();
    for (let i = 0; i < 100; i++) await new Promise(setImmediate);
    assert.deepEqual(full.octets(COPY), restored.octets(COPY));
    const again = await openOn(restored);
    // Those of a quarter of an hour after the copy are skipped too, at a thousand a second and more.
    assert.ok(compareSerials(again.current.serial, zone.current.serial + 900_000) > 0);
    assert.ok(again.current.set(name("n"), Type.A) && !again.current.set(name("n1"), Type.A));
    // Only once: the journal has the serial from then on.
    const { serial } = again.current;
    assert.equal((await openOn(restored.afterKill())).current.serial, serial);
  });
});

/** A disk whose syncs end when a test says so. */
class SlowDisk extends MemoryDisk {
  #held: Promise<void> | undefined;
  release = () => {};

  hold(): void {
    this.#held = new Promise((resolve) => {
      this.release = () => {
        this.#held = undefined;
        resolve();
      };
    });
  }

  override open(path: string) {
    return this.#slowed(super.open(path));
  }

  override create(path: string) {
    return this.#slowed(super.create(path));
  }

  #slowed(file: ReturnType<MemoryDisk["open"]>): ReturnType<MemoryDisk["open"]> {
    const sync = async () => {
      await this.#held;
      await file.sync();
    };
    return { ...file, sync };
  }
}
