import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { rdata } from "../../src/dns/rdata.ts";
import { Additions } from "../../src/zone/update/additions.ts";
import fc from "../support/fastcheck.ts";
import { name } from "./fixture.ts";

describe("data added to a set", () => {
  it("is kept by key, in the order of addition, whether it is one or many", () => {
    const host = fc.constantFrom("a", "A", "b", "c", "d");
    const steps = fc.array(fc.tuple(fc.boolean(), host), { maxLength: 20 });
    fc.assert(
      fc.property(steps, (each) => {
        const additions = new Additions();
        const expected = new Map<string, unknown>();
        for (const [isAdded, target] of each) {
          const data = rdata.ptr(name(target));
          assert.equal(additions.get(data), expected.get(data.key));
          if (!isAdded) {
            additions.delete(data);
            expected.delete(data.key);
          } else if (additions.get(data) === undefined) {
            additions.add(data);
            expected.set(data.key, data);
          }
          assert.equal(additions.size, expected.size);
          assert.deepEqual(additions.all(), [...expected.values()]);
        }
      }),
    );
  });
});
