import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { paced } from "../src/paced.ts";
import { FakeClock } from "./support/clock.ts";

suite("long work", () => {
  test("rests four times as long as each piece took, and not when somebody waits", async () => {
    const clock = new FakeClock();
    const begun: number[] = [];
    let isHurried = false;
    function* pieces() {
      for (let took = 1; took <= 4; took++) {
        begun.push(clock.now());
        yield took;
      }
    }
    const work = (async () => {
      for await (const took of paced(pieces(), { clock, isHurried: () => isHurried })) {
        isHurried = took > 2;
        await new Promise<void>((resolve) => clock.at(clock.now() + took, resolve));
      }
    })();
    const start = clock.now();
    await clock.elapse(100);
    await work;
    assert.deepEqual(
      begun.map((time) => time - start),
      [0, 1 + 4, 5 + 2 + 8, 15 + 3],
    );
  });
});
