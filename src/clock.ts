/**
 * Time and chance, handed in so that tests own both. The one file that may call setTimeout,
 * Date.now, performance.now and Math.random.
 */

export type Cancel = () => void;

export interface Clock {
  /** Milliseconds of a clock that never steps. Leases, caches and timers live by it. */
  now(): number;
  /** Milliseconds since 1970, for what people and other machines read. */
  wall(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /** Calls `wake` once, as soon as `now()` is at or past `time`. */
  at(time: number, wake: () => void): Cancel;
}

/** Longest delay setTimeout takes, in milliseconds; beyond it, it fires at once. */
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
        // Its milliseconds are whole, and the last of them is not always over.
        () => (performance.now() < time ? arm() : wake()),
        Math.min(Math.max(delay, 0), LONGEST_TIMEOUT),
      );
    };
    arm();
    return () => clearTimeout(timer);
  },
};

/** The earlier of two times, where undefined is never. */
export function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}

/**
 * A ration of one in so many milliseconds, for lines that strangers can provoke: at each call, how
 * many calls there have been since the one that was served last, or 0 where this one is not.
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

/** One wake-up at a time: setting another takes the place of the last. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #time: number | undefined;
  #cancel: Cancel = () => {};

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Undefined for never. */
  set(time: number | undefined): void {
    if (time === this.#time) return;
    this.#cancel();
    this.#time = time;
    this.#cancel = time === undefined ? () => {} : this.#clock.at(time, () => this.#wake());
  }

  #wake(): void {
    this.#time = undefined;
    this.#ring();
  }
}
