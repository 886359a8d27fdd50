import assert from "node:assert/strict";
import { test } from "node:test";
import { Heap } from "../src/heap.ts";
import fc from "./support/fastcheck.ts";

const item = () => ({ rank: 0, index: -1 });

/** In this order, an item compared with another than its parent ends up beneath one of higher rank. */
const crossed = [0, 1, 5, 2, 6, 7, 3, 4].map((rank, item) => ({ item, rank, leaves: false }));

test("a heap returns its items by rank, however they were placed, moved and removed", () => {
  const step = fc.record({
    item: fc.nat(19),
    rank: fc.integer({ min: 0, max: 9 }),
    leaves: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const heap = new Heap<{ rank: number; index: number }>();
      const items = Array.from({ length: 20 }, item);
      const inside = new Set<ReturnType<typeof item>>();
      for (const { item, rank, leaves } of steps) {
        const chosen = items[item]!;
        if (leaves) {
          heap.remove(chosen);
          inside.delete(chosen);
        } else {
          heap.place(chosen, rank);
          inside.add(chosen);
        }
        assert.equal(heap.size, inside.size);
      }
      const early = [...heap.upTo(4)].map(({ rank }) => rank).sort((a, b) => a - b);
      assert.deepEqual(
        early,
        [...inside]
          .map(({ rank }) => rank)
          .filter((rank) => rank <= 4)
          .sort((a, b) => a - b),
      );
      const ranks: number[] = [];
      for (let first = heap.first; first !== undefined; first = heap.first) {
        ranks.push(first.rank);
        heap.remove(first);
      }
      assert.deepEqual(
        ranks,
        [...inside].map(({ rank }) => rank).sort((a, b) => a - b),
      );
    }),
    { examples: [[crossed]] },
  );
});
