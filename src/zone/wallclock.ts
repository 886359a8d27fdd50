/**
 * The wall clock as a zone's journal has it. Leases live by a clock that never steps, and are written
 * with the time of the wall. Where that was put forward or back, what is written goes with it, so that
 * a later start neither cuts leases short nor draws them out.
 *
 * Invariant: `offset` changes by what `stepped` was told, and by nothing else.
 */
import type { Cancel, Clock } from "../clock.ts";

/** The wall clock was put forward by so many milliseconds. `undo` where that cannot be written. */
export type Stepped = (forward: number, undo: () => void) => void;

export class WallClock {
  readonly #clock: Clock;
  readonly #stepped: Stepped;
  #offset: number;
  #cancel: Cancel = () => {};

  /** Looks each minute of itself, so that the journal follows the clock though nothing changes for hours. */
  constructor(clock: Clock, stepped: Stepped) {
    this.#clock = clock;
    this.#stepped = stepped;
    this.#offset = offsetOf(clock);
    this.#watch();
  }

  /** What to add to a time of the clock for that of the wall. */
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

/** Milliseconds: what is less is no step, but two readings a moment apart. */
const STEP = 1000;
/** Milliseconds between two looks. */
const WATCHED = 60_000;
