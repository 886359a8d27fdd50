/** One wake-up at a time: setting another takes the place of the last. */
import type { Cancel, Clock } from "../clock.ts";

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
