/**
 * A clock that leaves out time in which this process stood still because its machine was paused or had no
 * time for it. Nothing could be heard then, so by this clock records are as old as they were when hearing
 * stopped, and whoever waits until all have answered goes on waiting. By any other clock all of that would
 * end at the moment of the thaw, before the first queued packet is read.
 *
 * Invariant: while it runs, it is read at least once every `BEAT`, so that no idle time counts as a
 * standstill.
 */
import type { Cancel, Clock } from "../clock.ts";

export class SteadyClock implements Clock {
  readonly #clock: Clock;
  /** The underlying clock's time at the last reading. */
  #latest: number | undefined;
  /** Milliseconds left out so far. */
  #lost = 0;
  /** The latest time shown: sums of fractions are inexact, and a wake-up must find that its time has come. */
  #shown = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Runs until `signal` aborts. Calls `awoke` after a long standstill and after a sleep of the machine,
   * which a clock that never steps does not count but the wall clock does. The wall clock also gets ahead
   * when it is put forward: then everything is asked for once more than necessary.
   */
  run(signal: AbortSignal, awoke: () => void): void {
    if (signal.aborted) return;
    let cancel: Cancel = () => {};
    let known = this.#lost;
    let ahead = this.#ahead;
    const beat = () => {
      this.now();
      const isLong = this.#lost - known > LONG || this.#ahead - ahead > LONG;
      known = this.#lost;
      ahead = this.#ahead;
      if (isLong) awoke();
      cancel = this.#clock.at(this.#clock.now() + BEAT, beat);
    };
    const end = () => {
      cancel();
      this.#latest = undefined;
    };
    signal.addEventListener("abort", end, { once: true });
    this.#latest = this.#clock.now();
    beat();
  }

  now(): number {
    const now = this.#clock.now();
    if (this.#latest !== undefined) {
      const rest = now - this.#latest;
      if (rest > STANDSTILL) this.#lost += rest;
      this.#latest = now;
    }
    this.#shown = Math.max(this.#shown, now - this.#lost);
    return this.#shown;
  }

  /** How far the wall clock is ahead of the underlying clock. */
  get #ahead(): number {
    return this.#clock.wall() - this.#clock.now();
  }

  /** The underlying clock's time at `time` of this one, if nothing more is left out. */
  elsewhere(time: number): number {
    this.now();
    return time + this.#lost;
  }

  wall(): number {
    return this.#clock.wall();
  }

  random(): number {
    return this.#clock.random();
  }

  at(time: number, wake: () => void): Cancel {
    let cancel: Cancel = () => {};
    const arm = () => {
      const due = this.elsewhere(time);
      cancel = this.#clock.at(due, () => {
        if (this.elsewhere(time) > due) return arm();
        this.#shown = Math.max(this.#shown, time);
        wake();
      });
    };
    arm();
    return () => cancel();
  }
}

/** Milliseconds. */
const BEAT = 1000;
/** Milliseconds: a thread that is busy for less does not count as standing still. */
const STANDSTILL = 3000;
/** Milliseconds for which the system usually keeps what arrives: after that, goodbyes may be lost. */
const LONG = 30_000;
