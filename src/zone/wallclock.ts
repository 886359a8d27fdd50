/**
 * The wall clock as a zone's journal knows it. Leases run on a clock that never steps, but are written in
 * wall-clock time. When the wall clock is set forward or back, the journal records the step, so that a
 * later start neither shortens nor prolongs leases.
 *
 * Invariant: `offset` changes only by the steps passed to `stepped`.
 */
import type { Cancel, Clock } from "../clock.ts";

/** The wall clock was set forward by so many milliseconds. `undo` is called if that cannot be written. */
export type Stepped = (forward: number, undo: () => void) => void;

export class WallClock {
  readonly #clock: Clock;
  readonly #stepped: Stepped;
  #offset: number;
  #cancel: Cancel = () => {};

  /** Checks each minute, so that the journal follows the clock even if nothing changes for hours. */
  constructor(clock: Clock, stepped: Stepped) {
    this.#clock = clock;
    this.#stepped = stepped;
    this.#offset = offsetOf(clock);
    this.#watch();
  }

  /** What to add to a time of the clock to get wall-clock time. */
  get offset(): number {
    return this.#offset;
  }

  follow(): void {
    const before = this.#offset;
    const forward = offsetOf(this.#clock) - before;
    if (Math.abs(forward) < STEP) return;
    this.#offset = before + forward;
    this.#stepped(forward, () => {
      this.#offset = before;
    });
  }

  close(): void {
    this.#cancel();
  }

  #watch(): void {
    this.#cancel = this.#clock.at(this.#clock.now() + WATCHED, () => {
      this.follow();
      this.#watch();
    });
  }
}

function offsetOf(clock: Clock): number {
  return Math.round(clock.wall() - clock.now());
}

/** Milliseconds: less is no step, but two readings taken a moment apart. */
const STEP = 1000;
/** Milliseconds between two checks. */
const WATCHED = 60_000;
