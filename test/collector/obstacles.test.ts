import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Obstacles } from "../../src/collector/publishing/obstacles.ts";
import { Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";

describe("obstacles", () => {
  const origin = Name.parse("paris.example.");
  const host = (number: number) => Name.parse(`host-${number}`, origin);
  const step = (number: number, isRemoval: boolean) => {
    const address = rdata.a("10.1.0.1");
    const [gone, come] = isRemoval ? [[address], []] : [[], [address]];
    return { name: host(number), type: Type.A, ttl: 10, gone, come };
  };

  it("forget the oldest of those that strangers make without end", () => {
    for (const isRemoval of [false, true]) {
      const obstacles = new Obstacles();
      const isKnown = (number: number) =>
        isRemoval
          ? obstacles.isStuck(host(number), rdata.a("10.1.0.1"))
          : obstacles.isFull(host(number).key, Type.A);
      for (let number = 0; number < 10_001; number++)
        obstacles.add(step(number, isRemoval), 0, 1, 0);
      assert.ok(!isKnown(0));
      assert.ok(isKnown(1) && isKnown(10_000));
      obstacles.retry(0);
      assert.ok(isKnown(1));
    }
  });

  it("are news once, and again when they are another", () => {
    const obstacles = new Obstacles();
    assert.equal(obstacles.add(step(1, false), 100, 101, 0)?.published, 100);
    assert.equal(obstacles.add(step(1, false), 100, 101, 0), undefined);
    assert.equal(obstacles.add(step(1, false), 200, 201, 0)?.published, 200);
  });

  it("are tried by turns, the longest spared first, and forgotten where nobody tries", () => {
    const obstacles = new Obstacles();
    const numbers = Array.from({ length: 10 }, (_, i) => i);
    for (const number of numbers) obstacles.add(step(number, false), 0, 1, 0);
    const open = () =>
      numbers.filter((i) => {
        const wanted = [rdata.a("10.1.0.1")];
        return (
          obstacles.isFull(host(i).key, Type.A) &&
          obstacles.addable(host(i), Type.A, wanted, []).length > 0
        );
      });
    assert.deepEqual(open(), []);
    obstacles.retry(obstacles.due!);
    assert.deepEqual(open(), [0, 1, 2, 3]);
    // Two are refused again, and two have left.
    for (const number of [0, 1]) obstacles.add(step(number, false), 0, 1, obstacles.due!);
    obstacles.retry(obstacles.due!);
    assert.deepEqual(open(), [4, 5, 6, 7]);
    assert.ok(!obstacles.isFull(host(2).key, Type.A));
    for (let round = 0; round < 4; round++) if (obstacles.due) obstacles.retry(obstacles.due);
    assert.equal(obstacles.due, undefined);
    assert.ok(obstacles.isEmpty);
  });
});
