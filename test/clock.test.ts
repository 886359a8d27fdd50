import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Alarm, earlier, rationed, systemClock } from "../src/clock.ts";
import { FakeClock, START } from "./support/clock.ts";

test("the system's clock wakes nobody too early", async () => {
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

test("a wait that is negative, or too long for Node's timers, causes no warning", async () => {
  const warnings: string[] = [];
  const note = ({ message }: Error) => warnings.push(message);
  process.on("warning", note);
  const cancels = [-5, 2 ** 31, 2 ** 33].map((wait) =>
    systemClock.at(systemClock.now() + wait, () => {}),
  );
  // Node emits a warning in a later turn.
  await setImmediate();
  for (const cancel of cancels) cancel();
  process.off("warning", note);
  assert.deepEqual(warnings, []);
});

test("earlier() treats undefined as later than any time", () => {
  assert.deepEqual([earlier(1, 2), earlier(2, 1)], [1, 1]);
  assert.deepEqual([earlier(1, undefined), earlier(undefined, 1)], [1, 1]);
  assert.equal(earlier(undefined, undefined), undefined);
});

test("a rate limit lets one call through in an interval, which counts those before it", () => {
  const clock = new FakeClock();
  const ration = rationed(clock, 10);
  clock.advance(3);
  assert.deepEqual([ration(), ration(), ration()], [1, 0, 0]);
  clock.advance(9);
  assert.equal(ration(), 0);
  clock.advance(1);
  assert.deepEqual([ration(), ration()], [4, 0]);
  clock.advance(100);
  assert.deepEqual([ration(), ration()], [2, 0]);
});

test("an alarm rings once, at the time that was set last", () => {
  const clock = new FakeClock();
  const rings: number[] = [];
  const alarm = new Alarm(clock, () => rings.push(clock.passed));
  for (const time of [10, 20, 20]) alarm.set(START + time);
  clock.advance(30);
  assert.deepEqual(rings, [20]);
  // Though it is the time for which it rang already.
  alarm.set(START + 20);
  clock.advance(0);
  assert.deepEqual(rings, [20, 30]);
  alarm.set(START + 40);
  alarm.set(undefined);
  clock.advance(100);
  assert.deepEqual(rings, [20, 30]);
});

test("an alarm knows by how much it is late", () => {
  const clock = new FakeClock();
  const rings: number[] = [];
  const alarm = new Alarm(clock, (late) => rings.push(late));
  alarm.set(START + 10);
  clock.advance(50);
  alarm.set(START + 60);
  clock.standStill(100);
  clock.advance(0);
  // A time that is past when it is set does not make it late.
  alarm.set(START + 20);
  clock.advance(0);
  assert.deepEqual(rings, [0, 90, 0]);
});
