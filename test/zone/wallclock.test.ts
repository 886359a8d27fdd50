import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { WallClock } from "../../src/zone/wallclock.ts";
import { FakeClock } from "../support/clock.ts";

suite("the wall clock of a zone", () => {
  test("is followed when it steps, but not by less than a second", () => {
    const clock = new FakeClock();
    const steps: number[] = [];
    const wall = new WallClock(clock, (forward) => steps.push(forward));
    const { offset } = wall;
    clock.steps = 999;
    wall.follow();
    assert.deepEqual([steps, wall.offset], [[], offset]);
    clock.steps = -5000;
    wall.follow();
    wall.follow();
    assert.deepEqual([steps, wall.offset], [[-5000], offset - 5000]);
    clock.steps = 1000;
    clock.advance(60_000);
    assert.deepEqual([steps, wall.offset], [[-5000, 6000], offset + 1000]);
    wall.close();
    assert.equal(clock.next, undefined);
  });

  test("is followed again if that could not be written", () => {
    const clock = new FakeClock();
    const undone: number[] = [];
    const wall = new WallClock(clock, (forward, undo) => {
      undone.push(forward);
      undo();
    });
    const { offset } = wall;
    clock.steps = 7000;
    for (let looks = 0; looks < 2; looks++) wall.follow();
    assert.deepEqual([undone, wall.offset], [[7000, 7000], offset]);
    wall.close();
  });
});
