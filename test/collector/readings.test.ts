import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Readings } from "../../src/collector/publishing/readings.ts";

describe("failing readings of a zone", () => {
  /** A reading from `began` fails at `now`; gives the milliseconds to the next. */
  const fail = (readings: Readings, began: number, now: number): number => {
    readings.fail(began, now);
    return readings.due! - now;
  };

  it("are repeated soon, and then ever more seldom, up to every ten minutes", () => {
    const readings = new Readings();
    const hours = [0, 100_000, 3_600_000, 36_000_000];
    const waits = hours.map((began) => fail(readings, began, began + 10));
    assert.deepEqual(waits, [5000, 10_001, 360_001, 600_000]);
  });

  it("leave updates four times as long as they took", () => {
    assert.equal(fail(new Readings(), 0, 20_000), 80_000);
  });

  it("are repeated soon again after one has succeeded", () => {
    const readings = new Readings();
    fail(readings, 0, 10);
    assert.ok(readings.isFailing);
    readings.succeed(3_600_000);
    assert.ok(!readings.isFailing);
    assert.equal(fail(readings, 7_200_000, 7_200_010), 5000);
  });
});
