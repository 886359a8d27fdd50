import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AgedMap } from "../src/agedmap.ts";
import fc from "./support/fastcheck.ts";

describe("a map that knows its oldest entry", () => {
  it("behaves like a Map, whose first entry is its oldest", () => {
    const key = fc.integer({ min: 0, max: 8 });
    const step = fc.oneof(
      fc.record({ does: fc.constant("set" as const), key, value: fc.nat() }),
      fc.record({ does: fc.constant("delete" as const), key }),
      fc.record({ does: fc.constant("forget" as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const aged = new AgedMap<number, number>();
        const map = new Map<number, number>();
        for (const each of steps) {
          if (each.does === "set") {
            aged.set(each.key, each.value);
            map.set(each.key, each.value);
          } else {
            const gone = each.does === "delete" ? each.key : (aged.oldest?.key ?? 0);
            assert.equal(aged.delete(gone), map.delete(gone));
          }
          const [first] = map;
          const { oldest } = aged;
          assert.deepEqual(oldest && [oldest.key, oldest.value], first);
          assert.equal(aged.size, map.size);
          for (let i = 0; i <= 8; i++) {
            assert.deepEqual([aged.has(i), aged.get(i)], [map.has(i), map.get(i)]);
          }
        }
      }),
    );
  });
});
