/**
 * Limits the work done for peers over streams before everything else has its turn. A peer can send
 * thousands of queries at once, and libuv keeps reading from a stream while there is more; answered in
 * one go, they would keep datagrams and other peers waiting for seconds.
 *
 * Invariant: in one round of the event loop, no more than `SIZE` messages, both queries and answers, are
 * taken across all streams of a listener; a long message counts as several. Streams that wait for a later
 * round are served round-robin by source, and those of one source in the order in which they came. So a source
 * with many streams keeps others waiting for one of its turns, and not for all of them.
 */
import type { Clock } from "../../clock.ts";

/** Some milliseconds' work: about twice the queries libuv reads from a UDP socket at once, with answers. */
export const SIZE = 128;

/** Octets that count as one message: they cost no more than a query does with its answer. */
const OCTETS = 1024;

export class Rounds {
  readonly #clock: Clock;
  /** By source, the next one first. */
  readonly #waiting = new Map<string, Set<() => void>>();
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

  /** Calls `go` of this source in a later round, only once even if asked repeatedly. */
  wait(source: string, go: () => void): void {
    const others = this.#waiting.get(source);
    if (others === undefined) this.#waiting.set(source, new Set([go]));
    else others.add(go);
  }

  #begin(): void {
    this.#left = SIZE;
    while (!this.isOver) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      const [source, waiting] = next;
      const [go] = waiting;
      this.#waiting.delete(source);
      waiting.delete(go!);
      if (waiting.size > 0) this.#waiting.set(source, waiting);
      go!();
    }
  }
}
