import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Trie } from "../../src/zone/trie.ts";
import fc from "../support/fastcheck.ts";

/** Few keys, so that they meet, and some as long as names get. */
const key = fc.oneof(fc.integer({ min: 0, max: 40 }).map(String), fc.string({ maxLength: 255 }));
const step = fc.record({ key, isRemoval: fc.boolean(), value: fc.integer() });

interface Item {
  readonly key: string;
  readonly value: number;
}

function valuesOf(trie: Trie<Item>): number[] {
  return [...trie.values()].map(({ value }) => value);
}

suite("Trie", () => {
  test("behaves like a Map, whatever is added and removed", () => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 60 }), { maxLength: 6 }), (rounds) => {
        const model = new Map<string, number>();
        let trie = new Trie<Item>();
        for (const steps of rounds) {
          const edit = trie.edit();
          for (const { key, isRemoval, value } of steps) {
            if (isRemoval) edit.delete(key);
            else edit.set({ key, value });
            if (isRemoval) model.delete(key);
            else model.set(key, value);
            assert.equal(edit.get(key)?.value, model.get(key));
          }
          trie = edit.done();
          for (const [key, value] of model) assert.equal(trie.get(key)?.value, value);
          assert.deepEqual(valuesOf(trie).sort(), [...model.values()].sort());
        }
      }),
    );
  });

  test("never changes, whatever is derived from it", () => {
    fc.assert(
      fc.property(fc.array(step), fc.array(step), (first, second) => {
        const edit = new Trie<Item>().edit();
        for (const { key, value } of first) edit.set({ key, value });
        const trie = edit.done();
        const before = [...trie.values()];
        const owner = {};
        for (const next of [trie.edit(), trie.edit(owner), trie.edit(owner)]) {
          for (const { key, isRemoval, value } of second) {
            if (isRemoval) next.delete(key);
            else next.set({ key, value });
          }
        }
        assert.deepEqual([...trie.values()], before);
      }),
    );
  });

  test("has all edits of its owner, and leaves a trie of another owner unchanged", () => {
    fc.assert(
      fc.property(fc.array(fc.array(step)), fc.array(fc.array(step)), (first, second) => {
        const model = new Map<string, number>();
        const make = (trie: Trie<Item>, rounds: typeof first) => {
          const owner = {};
          for (const steps of rounds) {
            const edit = trie.edit(owner);
            for (const { key, isRemoval, value } of steps) {
              if (isRemoval) edit.delete(key);
              else edit.set({ key, value });
              if (isRemoval) model.delete(key);
              else model.set(key, value);
            }
            trie = edit.done();
          }
          return trie;
        };
        const before = make(new Trie<Item>(), first);
        const all = [...before.values()];
        const after = make(before, second);
        assert.deepEqual([...before.values()], all);
        for (const [key, value] of model) assert.equal(after.get(key)?.value, value);
        assert.equal([...after.values()].length, model.size);
      }),
    );
  });

  test("holds 200,000 keys, some with hashes equal at all six levels, and lets go of them", () => {
    const keys = Array.from({ length: 200_000 }, (_, i) => `name ${i}`);
    const full = new Trie<Item>().edit();
    for (const [i, key] of keys.entries()) full.set({ key, value: i });
    const trie = full.done();
    assert.equal(valuesOf(trie).length, keys.length);
    assert.ok(keys.every((key, i) => trie.get(key)?.value === i));
    assert.equal(trie.get("name 200000"), undefined);
    const owner = {};
    const edit = trie.edit(owner);
    for (const key of keys.slice(1)) edit.delete(key);
    const last = edit.done();
    assert.deepEqual(valuesOf(last), [0]);
    assert.ok("value" in last.root.slots[0]!, "no branches are left on the way to it");
    const none = last.edit(owner);
    none.delete(keys[0]!);
    assert.deepEqual([...none.done().values()], []);
    assert.equal(valuesOf(trie).length, keys.length);
  });
});
