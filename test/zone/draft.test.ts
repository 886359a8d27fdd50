import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Type } from "../../src/dns/constants.ts";
import { rdata } from "../../src/dns/rdata.ts";
import type { Snapshot } from "../../src/zone/snapshot.ts";
import { replay } from "../../src/zone/update/change.ts";
import { Draft } from "../../src/zone/update/draft.ts";
import fc from "../support/fastcheck.ts";
import { name, snapshotOf } from "./fixture.ts";

const owner = name("many");
const at = (i: number) => rdata.a(`10.0.0.${i}`);

function found(snapshot: Snapshot): string[] {
  return (snapshot.set(owner, Type.A)?.rdatas ?? []).map(({ key }) => key);
}

suite("Draft", () => {
  const step = fc.record({
    does: fc.constantFrom<"add" | "remove">("add", "add", "remove"),
    which: fc.integer({ min: 0, max: 40 }),
    ttl: fc.constantFrom(60, 60, 60, 60, 70),
  });
  const updates = fc.array(fc.array(step, { maxLength: 30 }), { maxLength: 8 });

  test("has in a large set what was added and not removed, over many updates", () => {
    fc.assert(
      fc.property(updates, (updates) => {
        let snapshot = snapshotOf("");
        let copy = snapshot;
        const expected = new Set<string>();
        for (const steps of updates) {
          const draft = new Draft(snapshot);
          for (const { does, which, ttl } of steps) {
            const record = at(which);
            assert.equal(draft.has(owner, record), expected.has(record.key));
            if (does === "add") {
              draft.add(owner, ttl, record);
              expected.add(record.key);
            } else {
              draft.remove(owner, record);
              expected.delete(record.key);
            }
          }
          const keys = draft.rdatas(owner, Type.A).map(({ key }) => key);
          assert.deepEqual(new Set(keys), expected);
          const { soa, serial } = snapshot;
          const { removed, added, gone, sets } = draft.difference();
          const change = {
            from: serial,
            to: serial,
            removed: [soa, ...removed],
            added: [soa, ...added],
            by: "test",
          };
          snapshot = snapshot.with(gone, sets);
          copy = replay(copy, change);
          assert.deepEqual(new Set(found(snapshot)), expected);
          assert.equal(found(snapshot).length, expected.size, "none is there twice");
          assert.deepEqual(found(copy), found(snapshot), "in the same order");
        }
      }),
      { numRuns: 300 },
    );
  });

  test("knows the types of a name, however many other sets it touches", () => {
    for (const others of [0, 1, 11, 12, 13, 100]) {
      const draft = new Draft(snapshotOf("many TXT a\nmany A 10.0.0.1"));
      draft.add(owner, 60, rdata.cname(name("there")));
      for (let i = 0; i < others; i++) draft.add(name(`other${i}`), 60, at(i));
      draft.remove(owner, at(1));
      assert.deepEqual(new Set(draft.types(owner)), new Set([Type.TXT, Type.CNAME]), `${others}`);
      assert.deepEqual(draft.types(name("none")), []);
    }
  });

  test("leaves the snapshot unchanged, though several drafts are made of it", () => {
    const before = snapshotOf(
      Array.from({ length: 30 }, (_, i) => `many A 10.0.0.${i}`).join("\n"),
    );
    const told = found(before);
    for (let i = 0; i < 3; i++) {
      const draft = new Draft(before);
      draft.remove(owner, at(i));
      draft.remove(owner, at(29));
      draft.add(owner, 60, at(100 + i));
      assert.equal(draft.difference().sets[0]?.rdatas.length, 29);
      assert.deepEqual(found(before), told);
    }
  });
});
