/** Who comes next among many that wait, and how many may wait. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FairQueue } from "../../src/dnsserver/registrar/fairqueue.ts";

const MIB = 2 ** 20;

function opened() {
  const queue = new FairQueue();
  const enter = (source: string, length: number) => queue.enter(source, length);
  /** How many of these wait; the others have had their turn, or found no room. */
  const left = async (...turns: ReturnType<typeof enter>[]): Promise<number> => {
    let count = turns.length;
    for (const turn of turns) void turn.then(() => count--);
    await new Promise(setImmediate);
    return count;
  };
  return { enter, left };
}

suite("FairQueue", () => {
  test("are taken one at a time, in rotation among the sources, in order within each", async () => {
    const queue = new FairQueue();
    const order: string[] = [];
    const work = async (source: string, name: string) => {
      const leave = await queue.enter(source, 100);
      order.push(name);
      await new Promise(setImmediate);
      assert.equal(order.at(-1), name, "nobody came meanwhile");
      leave!();
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
    const { enter, left } = opened();
    const leave = await enter("a", MIB);
    const all = [enter("a", MIB - 1024), enter("a", 1), enter("b", MIB)];
    assert.equal(await left(...all), 3);
    assert.equal(await enter("a", 1), undefined);
    assert.equal(await enter("b", 1), undefined);
    leave!();
    const first = await all[0]!;
    assert.equal(await left(enter("c", MIB - 1024)), 1);
    assert.equal(await enter("d", MIB), undefined, "it would be the largest itself");
    first!();
  });

  test("make room for those of a source that has fewer octets waiting, the last one first", async () => {
    const { enter, left } = opened();
    const leave = await enter("a", 1);
    const small = Array.from({ length: 1024 }, () => enter("a", 1));
    const large = [enter("b", MIB - 2048), enter("b", 2048)];
    assert.equal(await left(enter("c", 4096)), 1);
    assert.equal(await small.at(-1)!, undefined);
    assert.equal(await large[1]!, undefined);
    leave!();
    assert.ok(await small[0]!);
  });

  test("leave no trace when the only one of a source makes room", async () => {
    const { enter } = opened();
    const leave = await enter("a", 1);
    const all = [enter("b", MIB), enter("c", MIB), enter("d", MIB - 1024), enter("e", 1)];
    assert.equal(await all[0]!, undefined);
    leave!();
    for (const turn of all.slice(1)) (await turn)!();
    assert.ok(await enter("b", MIB));
  });

  test("have room for a thousand small ones of one source", async () => {
    const { enter, left } = opened();
    assert.equal(await left(...Array.from({ length: 1001 }, () => enter("a", 300))), 1000);
  });
});
