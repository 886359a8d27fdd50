/**
 * Limits the work done for peers over streams before everything else has its turn. A peer can send
 * thousands of queries at once, and libuv keeps reading from a stream while there is more; answered in
 * one go, they would keep datagrams and other peers waiting for seconds.
 *
 * Invariant: in one round of the event loop, no more than `SIZE` messages, both queries and answers, are
 * taken across all streams of a listener; a long message counts as several. Streams that wait for a later
 * round are served in the order in which they came.
 */
import type { Clock } from "../../clock.ts";

/** Some milliseconds' work: about twice the queries libuv reads from a UDP socket at once, with answers. */
export const SIZE = 128;

/** Octets that count as one message: they cost no more than a query does with its answer. */
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

  /** Accounts for a message of this length, taken or made. */
  spend(octets: number): void {
    if (this.#left === SIZE) this.#clock.at(this.#clock.now(), () => this.#begin());
    this.#left -= Math.ceil(octets / OCTETS);
  }

  /** Calls `go` in a later round, only once even if asked repeatedly. */
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
