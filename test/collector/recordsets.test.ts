import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isSame } from "../../src/collector/recordsets.ts";
import { setsOf } from "./fixture.ts";

describe("record sets", () => {
  it("are the same if they have the same records in the same order and the same TTL", () => {
    const set = (...lines: readonly string[]) => [...setsOf(lines.join("\n"))][0]!;
    const [one, two, three] = ["1", "2", "3"].map((last) => `pc A 10.1.0.${last}`);
    const both = set(one!, two!);
    assert.ok(isSame(both, both) && isSame(both, { ...both, rdatas: [...both.rdatas] }));
    assert.ok(!isSame(both, { ...both, rdatas: both.rdatas.toReversed() }));
    assert.ok(!isSame(both, { ...both, ttl: both.ttl + 1 }));
    const [first, second] = both.rdatas;
    const [other] = set(three!).rdatas;
    for (const rdatas of [
      [first!],
      [first!, other!],
      [other!, second!],
      [first!, second!, other!],
    ]) {
      assert.ok(!isSame(both, { ...both, rdatas }) && !isSame({ ...both, rdatas }, both));
    }
  });
});
