/**
 * Caches what is known of clients, by address, so that it need not be worked out for each query.
 *
 * Invariant: addresses are many and may be forged, so at most `max` are kept; none for longer than
 * `LIFE`, because what a client may do can change with the networks that this host is on.
 */
import type { Clock } from "../clock.ts";

export interface SourcesOptions<T> {
  readonly judge: (address: string) => T;
  readonly clock: Clock;
  readonly max?: number;
}

const MAX_SOURCES = 10_000;
/** Milliseconds. */
const LIFE = 5_000;

export class Sources<T> {
  readonly #judge: (address: string) => T;
  readonly #clock: Clock;
  readonly #max: number;
  readonly #known = new Map<string, T>();
  #end = Number.NEGATIVE_INFINITY;

  constructor({ judge, clock, max = MAX_SOURCES }: SourcesOptions<T>) {
    this.#judge = judge;
    this.#clock = clock;
    this.#max = max;
  }

  get size(): number {
    return this.#known.size;
  }

  of(address: string): T {
    const now = this.#clock.now();
    if (now >= this.#end || this.#known.size >= this.#max) {
      this.#known.clear();
      this.#end = now + LIFE;
    }
    let known = this.#known.get(address);
    if (known === undefined) {
      known = this.#judge(address);
      this.#known.set(address, known);
    }
    return known;
  }
}
