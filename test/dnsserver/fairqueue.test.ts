/** Who comes next among many that wait, and how many may wait. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FairQueue, type Leave } from "../../src/dnsserver/registrar/fairqueue.ts";

const MIB = 2 ** 20;

suite("FairQueue", () => {
  test("are taken one at a time, in rotation among the sources, in order within each", async () => {
    const queue = new FairQueue();
    const order: string[] = [];
    const work = async (source: string, name: string) => {
      const leave = await queue.enter(source, 100)!;
      order.push(name);
      await new Promise(setImmediate);
      assert.equal(order.at(-1), name, "nobody came meanwhile");
      leave();
    };
    await Promise.all([
      ...["a1", "a2", "a3", "a4"].map((name) => work("a", name)),
      ...["b1", "b2"].map((name) => work("b", name)),
      work("c", "c1"),
    ]);
    assert.deepEqual(order, ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]);
    await work("a", "a5");
  });

  test("have limited room for waiting, by source and in total", async () => {
    const queue = new FairQueue();
    const leave = await queue.enter("a", MIB)!;
    const waiting = (source: string, length: number) => queue.enter(source, length);
    const first = waiting("a", MIB - 1024);
    assert.ok(first && waiting("a", 1));
    assert.equal(waiting("a", 1), undefined);
    const second = waiting("b", MIB);
    assert.ok(second);
    assert.equal(waiting("b", 1), undefined);
    assert.equal(waiting("c", 1), undefined);
    leave();
    (await first)();
    await second;
    assert.ok(waiting("c", 1));
  });

  test("have room for a thousand small ones of one source", () => {
    const queue = new FairQueue();
    const all = Array.from({ length: 1000 }, () => queue.enter("a", 300));
    assert.ok(all.every((turn: Promise<Leave> | undefined) => turn !== undefined));
  });
});
