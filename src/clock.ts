/**
 * Time and randomness, passed in so that tests control both. The only file that may call setTimeout,
 * Date.now, performance.now and Math.random.
 */

export type Cancel = () => void;

export interface Clock {
  /** Milliseconds of a clock that never steps. Leases, caches and timers use it. */
  now(): number;
  /** Milliseconds since 1970, for times that people and other machines read. */
  wall(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /** Calls `wake` once, as soon as `now()` is at or past `time`. */
  at(time: number, wake: () => void): Cancel;
}

/** The longest delay that setTimeout takes, in milliseconds; with a longer one it fires at once. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  random: () => Math.random(),
  at(time, wake) {
    let timer: NodeJS.Timeout;
    const arm = () => {
      const delay = Math.ceil(time - performance.now());
      timer = setTimeout(
        // setTimeout counts whole milliseconds and may fire before the last one is over.
        () => (performance.now() < time ? arm() : wake()),
        Math.min(Math.max(delay, 0), LONGEST_TIMEOUT),
      );
    };
    arm();
    return () => clearTimeout(timer);
  },
};

/** The earlier of two times; undefined means never. */
export function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}

/**
 * A rate limit of one per `interval` milliseconds, for log lines that strangers can provoke. A call that
 * is let through returns the number of calls since the last one let through, itself included; others, 0.
 */
export function rationed(clock: Clock, interval: number): () => number {
  let next = Number.NEGATIVE_INFINITY;
  let calls = 0;
  return () => {
    calls++;
    if (clock.now() < next) return 0;
    next = clock.now() + interval;
    const served = calls;
    calls = 0;
    return served;
  };
}

/** One wake-up at a time: setting another replaces the last. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: (late: number) => void;
  #time: number | undefined;
  #cancel: Cancel = () => {};

  /** `ring` gets the milliseconds by which it is late, as after a standstill of the process. */
  constructor(clock: Clock, ring: (late: number) => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Undefined for never. */
  set(time: number | undefined): void {
    if (time === this.#time) return;
    this.#cancel();
    this.#time = time;
    if (time === undefined) {
      this.#cancel = () => {};
      return;
    }
    const due = Math.max(time, this.#clock.now());
    this.#cancel = this.#clock.at(time, () => {
      this.#time = undefined;
      this.#ring(this.#clock.now() - due);
    });
  }
}
