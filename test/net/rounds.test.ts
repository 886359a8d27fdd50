import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Rounds, SIZE } from "../../src/net/server/rounds.ts";
import { FakeClock } from "../support/clock.ts";

suite("rounds", () => {
  test("SEC-13: give sources turns, so that many streams of one do not keep another waiting", async () => {
    const clock = new FakeClock();
    const rounds = new Rounds(clock);
    for (let i = 0; i < SIZE; i++) rounds.spend(1);
    assert.ok(rounds.isOver);
    const served: string[] = [];
    const wait = (source: string, stream: number) =>
      rounds.wait(source, () => {
        served.push(`${source} ${stream}`);
        for (let i = 0; i < SIZE / 2; i++) rounds.spend(1);
      });
    for (let i = 1; i <= 4; i++) wait("many", i);
    wait("one", 1);
    await clock.elapse(0);
    assert.deepEqual(served, ["many 1", "one 1", "many 2", "many 3", "many 4"]);
  });
});
