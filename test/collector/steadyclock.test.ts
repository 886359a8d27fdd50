import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { SteadyClock } from "../../src/collector/steadyclock.ts";
import { FakeClock, START } from "../support/clock.ts";

function running() {
  const clock = new FakeClock();
  const steady = new SteadyClock(clock);
  const life = new AbortController();
  const awoke: number[] = [];
  steady.run(life.signal, () => awoke.push(clock.passed));
  return { clock, steady, life, awoke };
}

suite("a steady clock", () => {
  test("runs like the clock below it, however long nobody looks at it", () => {
    const { clock, steady } = running();
    clock.advance(3_600_000.25);
    assert.equal(steady.now(), START + 3_600_000.25);
    assert.equal(steady.elsewhere(7), 7);
  });

  test("leaves out a standstill, and wakes at the right time after it", () => {
    const { clock, steady } = running();
    clock.advance(10_000.3);
    const woken: number[] = [];
    for (const wait of [500.1, 60_000.7]) {
      const time = steady.now() + wait;
      steady.at(time, () => {
        assert.ok(steady.now() >= time, "who is woken finds his time come");
        woken.push(clock.passed);
      });
    }
    clock.standStill(20_000);
    assert.ok(Math.abs(steady.elsewhere(0) - 20_000) < 1e-6);
    assert.ok(Math.abs(steady.now() - START - 10_000.3) < 1e-6);
    clock.advance(100_000);
    assert.deepEqual(
      woken.map(Math.round),
      [30_500, 90_001],
      "and not earlier, nor later, by the time left out",
    );
  });

  test("shows a waiter its time when it wakes it, whatever the rounding", () => {
    const { clock, steady } = running();
    clock.advance(10_000.3);
    clock.standStill(20_000.7);
    let woken = 0;
    for (let i = 1; i <= 100; i++) {
      const time = steady.now() + i / 7;
      steady.at(time, () => {
        assert.ok(steady.now() >= time);
        woken++;
      });
      clock.advance(i / 7 + 1e-6);
    }
    assert.equal(woken, 100);
  });

  test("does not wake a cancelled waiter, even one delayed by a standstill", () => {
    const { clock, steady } = running();
    const cancel = steady.at(START + 500, () => assert.fail("it was called off"));
    clock.standStill(20_000);
    clock.advance(0);
    cancel();
    clock.advance(10_000);
  });

  test("does not mistake a busy thread for a standstill, and never goes back", () => {
    const { clock, steady } = running();
    let latest = 0;
    for (let i = 0; i < 300; i++) {
      const before = steady.now();
      clock.standStill((i % 30) * 200.1);
      const after = steady.now();
      assert.ok(before >= latest && after >= before);
      if (i % 30 < 15) assert.ok(after - before >= (i % 30) * 200.1 - 1e-6);
      latest = after;
    }
  });

  test("reports the end of a long standstill once, and stops beating when ended", () => {
    const { clock, steady, life, awoke } = running();
    clock.advance(5000);
    clock.standStill(29_000);
    clock.advance(5000);
    assert.deepEqual(awoke, []);
    clock.standStill(31_000);
    steady.now();
    clock.advance(5000);
    assert.deepEqual(awoke, [70_000]);
    const cancel = steady.at(steady.now() + 500, () => assert.fail("it was called off"));
    cancel();
    life.abort();
    assert.equal(clock.next, undefined);
    const now = steady.now();
    clock.advance(10_000);
    assert.equal(steady.now(), now + 10_000, "and takes no rest for a standstill");
  });

  test("reports the end of a sleep of the machine, which only the wall clock has counted", () => {
    const { clock, steady, awoke } = running();
    clock.advance(5000.5);
    clock.steps += 29_000;
    clock.advance(5000);
    clock.steps -= 3_600_000;
    clock.advance(5000);
    assert.deepEqual(awoke, []);
    clock.steps += 31_000;
    clock.advance(5000);
    assert.deepEqual(awoke, [16_000]);
    assert.equal(steady.now(), START + 20_000.5, "and leaves nothing out for it");
  });

  test("that was ended before it ran does not beat", () => {
    const clock = new FakeClock();
    new SteadyClock(clock).run(AbortSignal.abort(), () => {});
    assert.equal(clock.next, undefined);
  });
});
