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

  it("forget the oldest when strangers make ever more", () => {
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

  it("are news once, and again after a change", () => {
    const obstacles = new Obstacles();
    assert.equal(obstacles.add(step(1, false), 100, 101, 0)?.published, 100);
    assert.equal(obstacles.add(step(1, false), 100, 101, 0), undefined);
    assert.equal(obstacles.add(step(1, false), 200, 201, 0)?.published, 200);
  });

  it("are retried in turn, the one that waited longest first, and forgotten if not wanted", () => {
    const obstacles = new Obstacles();
    const open = (numbers: readonly number[]) =>
      numbers.filter((i) => {
        const wanted = [rdata.a("10.1.0.1")];
        return (
          obstacles.isFull(host(i).key, Type.A) &&
          obstacles.addable(host(i), Type.A, wanted, []).length > 0
        );
      });
    const all = Array.from({ length: 10 }, (_, i) => i);
    for (const number of all) obstacles.add(step(number, false), 0, 1, 0);
    assert.deepEqual(open(all), []);
    obstacles.retry(obstacles.due!);
    assert.deepEqual(open(all), [0, 1]);
    // One is refused again, and the other has not been tried yet.
    obstacles.add(step(0, false), 0, 1, obstacles.due!);
    obstacles.retry(obstacles.due!);
    // Now it is no longer wanted.
    const left = all.filter((i) => i !== 1);
    assert.deepEqual(open(left), [2]);
    obstacles.retry(obstacles.due!);
    assert.deepEqual(open(left), [2, 3]);
    assert.ok(!obstacles.isFull(host(1).key, Type.A));
    for (let round = 0; round < 8; round++) if (obstacles.due) obstacles.retry(obstacles.due);
    assert.equal(obstacles.due, undefined);
    assert.ok(obstacles.isEmpty);
  });

  it("leave half of each turn to those refused while nothing was accepted", () => {
    const obstacles = new Obstacles();
    const address = rdata.a("10.1.0.1");
    const refuse = (i: number) => obstacles.add(step(i, true), 0, 1, 0);
    const isOpen = (i: number) =>
      obstacles.isStuck(host(i), address) && obstacles.removable(host(i), [address]).length > 0;
    const old = Array.from({ length: 100 }, (_, i) => i);
    const late = [100, 101, 102];
    for (let turn = 0; turn < 3; turn++) {
      for (const number of old) refuse(number);
      obstacles.succeeded();
    }
    for (let turn = 0; turn < 99; turn++) for (const number of late) refuse(number);
    obstacles.retry(0);
    assert.deepEqual([...old, ...late].filter(isOpen), [0, 100]);
    // Others are accepted, and these are not.
    obstacles.succeeded();
    for (const number of [0, ...late]) refuse(number);
    obstacles.retry(0);
    assert.deepEqual([...old, ...late].filter(isOpen), [1, 2]);
  });
});
