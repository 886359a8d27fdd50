import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../src/clock.ts";

test("who is woken by the system's clock finds that his time has come", async () => {
  const early = await Promise.all(
    Array.from({ length: 500 }, (_, i) => {
      const time = systemClock.now() + 5 + i / 7;
      return new Promise<number>((resolve) => {
        systemClock.at(time, () => resolve(Math.max(0, time - systemClock.now())));
      });
    }),
  );
  assert.equal(Math.max(...early), 0);
});
