/**
 * What peers over streams may have done for them before all else has its turn. A peer can send
 * thousands of queries at once, and libuv reads on from a stream as long as there is more; answered in
 * one go, they would keep datagrams and other peers waiting for seconds.
 *
 * Invariant: of all streams of a listener no more than `SIZE` messages, theirs and ours, are taken in one
 * round of the event loop, one that is long for many, and who waits for the next round waits behind
 * those who came before.
 */
import type { Clock } from "../../clock.ts";

/** Some milliseconds' work: queries with answers about twice what libuv takes of a UDP socket at once. */
export const SIZE = 128;

/** Of a message, that cost no more than a query does with its answer. */
const OCTETS = 1024;

export class Rounds {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #left = SIZE;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True when nothing more may be taken in this round. */
  get isOver(): boolean {
    return this.#left <= 0;
  }

  /** Says that one message of this length was taken, or made. */
  spend(octets: number): void {
    if (this.#left === SIZE) this.#clock.at(this.#clock.now(), () => this.#begin());
    this.#left -= Math.ceil(octets / OCTETS);
  }

  /** Calls `go` in a later round, once however often it is asked to. */
  wait(go: () => void): void {
    this.#waiting.add(go);
  }

  #begin(): void {
    this.#left = SIZE;
    for (const go of this.#waiting) {
      if (this.isOver) return;
      this.#waiting.delete(go);
      go();
    }
  }
}
