import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Recent } from "../../src/zone/dnssec/recent.ts";
import fc from "../support/fastcheck.ts";

describe("a memory for what strangers choose", () => {
  it("stays within its bounds, whatever is asked for", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 30 }))), (steps) => {
        const recent = new Recent<number>({ once: 4, often: 3 });
        for (const [isSet, key] of steps) {
          if (isSet) recent.set(`${key}`, key);
          else assert.ok([undefined, key].includes(recent.get(`${key}`)));
          assert.ok(recent.size <= 7);
        }
      }),
    );
  });

  it("keeps what is asked for again, despite any number of names asked for once", () => {
    const recent = new Recent<number>({ once: 4, often: 3 });
    recent.set("asked", 1);
    assert.equal(recent.get("asked"), 1);
    for (let i = 0; i < 100; i++) recent.set(`made up ${i}`, i);
    assert.equal(recent.get("asked"), 1);
    assert.equal(recent.get("made up 95"), undefined);
    assert.equal(recent.get("made up 96"), 96);
    assert.equal(recent.get("made up 99"), 99);
  });

  it("drops first what has not been asked for the longest", () => {
    const recent = new Recent<number>({ once: 4, often: 2 });
    for (const key of ["a", "b"]) {
      recent.set(key, 1);
      recent.get(key);
    }
    recent.get("a");
    recent.set("c", 1);
    recent.get("c");
    assert.deepEqual(
      ["a", "b", "c"].map((key) => recent.get(key)),
      [1, undefined, 1],
    );
  });

  it("replaces a value in place", () => {
    const recent = new Recent<number>({ once: 4, often: 2 });
    recent.set("a", 1);
    recent.get("a");
    recent.set("a", 2);
    assert.deepEqual([recent.get("a"), recent.size], [2, 1]);
  });
});
