import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FormatError } from "../../src/dns/format.ts";
import { Journal } from "../../src/zone/journal/journal.ts";
import { firstState, readState, stateEntries } from "../../src/zone/journal/state.ts";
import type { Store, StoredZone } from "../../src/zone/journal/store.ts";
import { readTape } from "../../src/zone/journal/tape.ts";
import type { Update } from "../../src/zone/update/update.ts";
import { Zone } from "../../src/zone/zone.ts";
import { FakeClock } from "../support/clock.ts";
import fc from "../support/fastcheck.ts";
import { describe } from "./durable.ts";
import { operator, origin, principal, setsOf, updateOf } from "./fixture.ts";
import { MemoryDisk } from "./memorydisk.ts";
import { update } from "./model.ts";

const [paris, lyon] = [principal("paris"), principal("lyon")];

/** What is known of a zone after a write; nothing if it is ahead of its journal, where more waits to be written. */
interface Stage {
  readonly end: number;
  readonly told: string[] | undefined;
  readonly since: unknown;
}

/** A zone that writes all it does to a journal, and its state after each write. */
async function recorded(clock: FakeClock) {
  const disk = new MemoryDisk();
  const state = firstState(origin, setsOf("www A 10.0.0.1"));
  const frozen = { ...state, held: [], nextId: 0, wallOffset: clock.wall() - clock.now() };
  const journal = await Journal.create(disk, "j", 5, stateEntries(frozen));
  const stages: Stage[] = [];
  const note = (stored: StoredZone) => {
    const { held, nextId, wallOffset, ...state } = stored.freeze();
    const told = describe(state, [...held], nextId, wallOffset);
    const isWritten = stored.waiting().length === 0;
    const since = JSON.stringify(zone.since(1));
    stages.push({ end: journal.length, told: isWritten ? told : undefined, since });
  };
  const store: Store = {
    append: (entries) => journal.append(entries),
    kept: note,
    close: async () => journal.close(),
  };
  const zone: Zone = new Zone({ origin, records: [], clock }, store, state);
  return { disk, zone, stages, start: journal.length };
}

/** What a start reads from a journal. */
function reread(octets: Buffer, clock: FakeClock): { told: string[]; since: unknown } {
  const state = readState(readTape(octets).entries, origin, clock);
  const { leases, snapshot } = state;
  const offset = clock.wall() - clock.now();
  const told = describe(state, [...leases.entries()], leases.nextId, offset);
  const zone = new Zone({ origin, records: [], clock }, undefined, state);
  assert.equal(zone.current, snapshot);
  return { told, since: JSON.stringify(zone.since(1)) };
}

suite("a journal read back", () => {
  test("is the zone after the last whole entry, wherever it is cut off", async () => {
    const clock = new FakeClock();
    const { disk, zone, stages, start } = await recorded(clock);
    const steps: [Update, typeof paris][] = [
      [updateOf("+ a A 10.0.0.2\n+ a A 10.0.0.3\n+ _t PTR x\n+ x TXT a", { lease: 60 }), paris],
      [updateOf("+ _t PTR x\n+ x TXT a\n+ www A 10.0.0.1", { lease: 5 }), lyon],
      [updateOf("+ a A 10.0.0.2\n+ a A 10.0.0.3\n+ _t PTR x\n+ x TXT a", { lease: 60 }), paris],
      [
        updateOf("+ @ SOA ns.example. h.example. 900 1 2 3 4\n- mail A\n+ p 5 A 10.0.0.9"),
        operator,
      ],
      [
        updateOf("- a A 10.0.0.3\n- _t PTR x\n+ b KEY \\# 4 00000000", {
          lease: 60,
          keyLease: 600,
        }),
        paris,
      ],
      [updateOf("+ p 7 A 10.0.0.8", { signedAt: 1_750_000_000 }), operator],
      [updateOf("+ a NULL \\# 2 abcd", { lease: 30 }), principal("prä")],
    ];
    for (const [step, by] of steps) {
      assert.equal(await zone.apply(step, by), 0);
      await clock.elapse(1000);
    }
    assert.equal(await zone.merge(setsOf("file A 10.0.0.7")), 0);
    await clock.elapse(29_000);
    assert.equal(stages.length, steps.length + 3, "two leases have ended");
    const octets = disk.octets("j").subarray(0, stages.at(-1)!.end);
    const first = reread(octets.subarray(0, start), clock);
    const whole = [{ end: start, ...first }, ...stages];
    for (let cut = 0; cut <= octets.length; cut++) {
      const rest = octets.subarray(0, cut);
      if (cut < start) {
        assert.throws(() => reread(rest, clock), FormatError, `cut at ${cut}`);
        continue;
      }
      const { told, since } = whole.findLast(({ end }) => end <= cut)!;
      assert.deepEqual(reread(rest, clock), { told, since }, `cut at ${cut}`);
    }
  });

  test("is the zone it was, whatever was done to it and wherever the journal is cut off", async () => {
    const step = fc.record({
      update,
      by: fc.constantFrom(paris, lyon, operator),
      lease: fc.constantFrom(undefined, undefined, 2, 5, 9),
      passes: fc.integer({ min: 0, max: 4000 }),
    });
    const part = fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true }));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), part, async (steps, part) => {
        const clock = new FakeClock();
        const { disk, zone, stages, start } = await recorded(clock);
        for (const { update, by, lease, passes } of steps) {
          const signedAt = by === operator ? passes : undefined;
          await zone.apply(
            { ...(lease === undefined ? update : { ...update, lease }), signedAt },
            by,
          );
          await clock.elapse(passes);
        }
        const { end = start } = stages.at(-1) ?? {};
        const cut = start + Math.floor((end - start) * part);
        const last = stages.findLast(({ end }) => end <= cut);
        const { told, since } = reread(disk.octets("j").subarray(0, cut), clock);
        if (last === undefined) assert.equal(told[0], "serial 1");
        else if (last.told !== undefined)
          assert.deepEqual({ told, since }, { told: last.told, since: last.since });
      }),
      { numRuns: 200 },
    );
  });

  test("has a refresh of thousands in a few octets, and yields the same zone when rewritten", async () => {
    const clock = new FakeClock();
    const { disk, zone, stages, start } = await recorded(clock);
    const many = Array.from({ length: 3000 }, (_, i) => `+ h${i} A 10.0.0.1`).join("\n");
    await zone.apply(updateOf(many, { lease: 300 }), paris);
    const filled = stages.at(-1)!.end;
    for (let i = 0; i < 10; i++) {
      clock.advance(150_000);
      await zone.apply(updateOf(many, { lease: 300, signedAt: 1_750_000_000 + i }), paris);
    }
    const refresh = (stages.at(-1)!.end - filled) / 10;
    assert.ok(refresh < 100, `${refresh} octets`);
    assert.ok(filled - start > 3000 * 20);
    const state = readState(readTape(disk.octets("j")).entries, origin, clock);
    const { leases } = state;
    const offset = clock.wall() - clock.now();
    const [held, nextId] = [leases.entries(), leases.nextId];
    const anew = [...stateEntries({ ...state, held, nextId, wallOffset: offset })];
    const again = readState(anew, origin, clock);
    assert.deepEqual(
      describe(again, [...again.leases.entries()], again.leases.nextId, offset),
      stages.at(-1)!.told,
    );
  });

  test("TSIG-07: has when the updates were signed that wait to be written while it is rewritten", async () => {
    const clock = new FakeClock();
    let anew: Uint8Array[] | undefined;
    const store: Store = {
      append: async () => {},
      kept: (zone) => {
        anew ??= [...stateEntries(zone.freeze())];
      },
      close: async () => {},
    };
    const zone = new Zone({ origin, records: setsOf(""), clock }, store);
    const signed = (text: string, signedAt: number) =>
      zone.apply(updateOf(text, { signedAt }), paris);
    await Promise.all([signed("+ a A 10.0.0.1", 1_750_000_000), signed("- a A", 1_750_000_001)]);
    const { snapshot, signingTimes } = readState(anew!, origin, clock);
    assert.equal(snapshot.serial, zone.current.serial, "both are in it");
    assert.equal(signingTimes.latest(paris.name), 1_750_000_001);
  });
});
