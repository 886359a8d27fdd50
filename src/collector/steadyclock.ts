/**
 * A clock that leaves out the time in which this process stood still: its machine was paused, or had no
 * time for it. Who has heard nothing knows nothing of that time. By this clock what was heard is as old
 * as it was when hearing ended, and who listens until all have answered goes on listening; by any other,
 * all would have come to its end in the moment of the thaw, before the first packet that waits is read.
 *
 * Invariant: it is looked at each `BEAT` at the latest while it runs, so that no rest is taken for a
 * standstill.
 */
import type { Cancel, Clock } from "../clock.ts";

export class SteadyClock implements Clock {
  readonly #clock: Clock;
  /** Of the other clock, when this one was looked at last. */
  #latest: number | undefined;
  /** Milliseconds left out so far. */
  #lost = 0;
  /** What it has shown: sums of fractions are not exact, and who is woken finds his time come. */
  #shown = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Until `signal` ends. `awoke` is called after a long standstill, and after a sleep of the machine:
   * that a clock which never steps does not count, and the wall clock does. It does so where it is put
   * forward, too: then all is asked once more than it need be.
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

  /** What the wall clock is ahead of the other clock. */
  get #ahead(): number {
    return this.#clock.wall() - this.#clock.now();
  }

  /** What the other clock shows at a time of this one, if nothing more is left out. */
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
/** Milliseconds; a thread that is busy for less is not worth the while. */
const STANDSTILL = 3000;
/** Milliseconds for which the system keeps what comes, as a rule: after that, goodbyes may be lost. */
const LONG = 30_000;
