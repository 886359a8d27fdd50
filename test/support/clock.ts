/**
 * A clock that stands still until a test moves it, and randomness that a test has written down. Wakers run in
 * order of their times, those with the same time in the order they were set, and each sees `now()` at its own
 * time, so minutes of protocol pass in microseconds and always the same way.
 */
import type { Cancel, Clock } from "../../src/clock.ts";

interface Waker {
  readonly time: number;
  readonly wake: () => void;
}

/** What `now()` is at first. If it were 0, a sum of two times would be as good as their difference. */
export const START = 10_000_000;

export class FakeClock implements Clock {
  /** Milliseconds by which the wall clock has been stepped. */
  steps = 0;
  #now = START;
  #drawn = 0;
  readonly #chance: readonly number[];
  /** Wall time at the start. */
  readonly #epoch: number;
  #wakers: Waker[] = [];

  /** `random()` returns the numbers of `chance` in turn, over and over. */
  constructor({ chance = [0.5], epoch = Date.UTC(2025, 0, 1) } = {}) {
    this.#chance = chance;
    this.#epoch = epoch;
  }

  now(): number {
    return this.#now;
  }

  /** Milliseconds since the start. */
  get passed(): number {
    return this.#now - START;
  }

  wall(): number {
    return this.#epoch + this.passed + this.steps;
  }

  random(): number {
    return this.#chance[this.#drawn++ % this.#chance.length]!;
  }

  /** A past time is due at the next `advance`, never inside `at`, as with real timers. */
  at(time: number, wake: () => void): Cancel {
    const waker = { time, wake };
    this.#wakers.push(waker);
    return () => {
      this.#wakers = this.#wakers.filter((other) => other !== waker);
    };
  }

  /** When the next waker is due. */
  get next(): number | undefined {
    return this.#earliest()?.time;
  }

  /** Lets this many milliseconds pass. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    while (this.#wakeOne(end));
    this.#now = end;
  }

  /** Like `advance`, but lets pending promises proceed before time moves on. */
  async elapse(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    do await turn();
    while (this.#wakeOne(end));
    this.#now = end;
  }

  /** As for a process that is stopped that long: what is due meanwhile runs afterwards. */
  standStill(milliseconds: number): void {
    this.#now += milliseconds;
  }

  #wakeOne(end: number): boolean {
    const waker = this.#earliest();
    if (waker === undefined || waker.time > end) return false;
    this.#wakers.splice(this.#wakers.indexOf(waker), 1);
    this.#now = Math.max(this.#now, waker.time);
    waker.wake();
    return true;
  }

  #earliest(): Waker | undefined {
    let first: Waker | undefined;
    for (const waker of this.#wakers)
      if (first === undefined || waker.time < first.time) first = waker;
    return first;
  }
}

/** Resolves when every promise that needs no I/O has proceeded. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
