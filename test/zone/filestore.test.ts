import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FakeClock } from "../support/clock.ts";
import { waitFor } from "../support/wait.ts";
import { COPY, JOURNAL, openOn } from "./durable.ts";
import { lines, operator, principal, updateOf } from "./fixture.ts";
import { MemoryDisk } from "./memorydisk.ts";

suite("a journal that grows", () => {
  const DRAFT = `${JOURNAL}.new`;
  let updates = 0;
  const flip = (zone: Awaited<ReturnType<typeof openOn>>) =>
    zone.apply(updateOf(++updates % 2 === 1 ? "+ a A 10.0.0.1" : "- a A 10.0.0.1"), operator);

  test("is rewritten to its end before it is closed, and left alone then", async () => {
    const disk = new MemoryDisk();
    const stop = new AbortController();
    const zone = await openOn(disk, { signal: stop.signal, enough: 2000 });
    while (!disk.paths.includes(DRAFT)) assert.equal(await flip(zone), 0);
    const { serial } = zone.current;
    stop.abort();
    await zone.closed;
    assert.deepEqual(disk.paths, [JOURNAL, COPY]);
    assert.equal(disk.descriptors, 0);
    const { operations } = disk;
    for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(disk.operations, operations, "somebody else may have the folder now");
    assert.equal((await openOn(disk)).current.serial, serial);
  });

  test("is not rewritten until it is far longer than its zone, be its records many or large", async () => {
    const large = Array.from(
      { length: 20 },
      (_, i) => `t${i} TXT ${'"'.concat("x".repeat(250), '" ').repeat(8)}`,
    );
    const many = Array.from({ length: 200 }, (_, i) => `h${i} A 10.0.1.${i}`);
    for (const text of [large, many].map((records) => records.join("\n"))) {
      const disk = new MemoryDisk();
      const begun = await openOn(disk, { text, enough: 2000 });
      for (let i = 0; i < 5; i++) assert.equal(await flip(begun), 0);
      const again = disk.afterKill();
      let times = 0;
      again.before = (what) => {
        if (what === "rename") times++;
      };
      const stop = new AbortController();
      const zone = await openOn(again, { text, enough: 2000, signal: stop.signal });
      for (let i = 0; i < 40; i++) {
        assert.equal(await flip(zone), 0);
        for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      }
      assert.ok(times <= (text.includes("TXT") ? 1 : 0), `${times} times`);
    }
  });

  test("is rewritten when it would take long to read: renewals take few octets, however many", async () => {
    const records = Array.from({ length: 50 }, (_, i) => `+ h${i} A 10.0.1.${i}`).join("\n");
    const renew = async (zone: Awaited<ReturnType<typeof openOn>>) =>
      assert.equal(await zone.apply(updateOf(records, { lease: 3600 }), principal("paris")), 0);
    const disk = new MemoryDisk();
    const zone = await openOn(disk, { enough: 40_000 });
    for (let i = 0; i < 30; i++) await renew(zone);
    // What a start has read counts as well.
    const again = disk.afterKill();
    let times = 0;
    again.before = (what) => {
      if (what === "rename") times++;
    };
    const next = await openOn(again, { enough: 40_000 });
    for (let i = 0; i < 20; i++) await renew(next);
    await waitFor("the journal to be begun anew", () => times === 1);
    for (let i = 0; i < 20; i++) await renew(next);
    assert.equal(times, 1, "and is left alone then");
  });

  test("and cannot be rewritten is tried again when it is half as long again", async () => {
    const disk = new MemoryDisk();
    const zone = await openOn(disk, { enough: 2000 });
    const lengths: number[] = [];
    const length = () => disk.octets(JOURNAL).findLastIndex((octet) => octet !== 0) + 1;
    disk.before = (what) => {
      if (what !== "create") return;
      lengths.push(length());
      throw new Error("ENOSPC");
    };
    while (lengths.length < 4) assert.equal(await flip(zone), 0);
    for (const [i, before] of lengths.slice(0, -1).entries()) {
      const growth = lengths[i + 1]! / before;
      assert.ok(growth > 1.49 && growth < 1.6, `${lengths}`);
    }
    disk.before = () => {};
    const last = length();
    while (length() >= last && length() < 2 * last) assert.equal(await flip(zone), 0);
    assert.ok(length() < last, "begun anew");
    assert.deepEqual(lines((await openOn(disk.afterKill())).current), lines(zone.current));
  });
});

suite("a copy", () => {
  test("is not written again if nothing has changed", async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock();
    const stop = new AbortController();
    const zone = await openOn(disk, { clock, signal: stop.signal });
    await zone.apply(updateOf("+ a A 10.0.0.1"), operator);
    await clock.elapse(15 * 60_000);
    assert.ok(disk.paths.includes(COPY));
    let drafts = 0;
    disk.before = (what) => {
      if (what === "create") drafts++;
    };
    stop.abort();
    await zone.closed;
    assert.equal(drafts, 0);
    assert.match(disk.octets(COPY).toString(), /^a .*10\.0\.0\.1/m);
  });
});
