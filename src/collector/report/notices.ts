/**
 * What the log is told of things that strangers choose the number of.
 *
 * Invariant: no more than `MAX_LINES` and one are written a minute. Who finds it silent tells what has
 * come meanwhile after it.
 */
import type { Clock } from "../../clock.ts";

export class Notices {
  readonly #clock: Clock;
  #silentUntil = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isSilent(): boolean {
    return this.#clock.now() < this.#silentUntil;
  }

  /** Each by `write`, but those beyond the bound, of which `more` is told the number. */
  tell<T>(news: readonly T[], write: (one: T) => void, more: (count: number) => void): void {
    if (news.length === 0) return;
    this.#silentUntil = this.#clock.now() + QUIET;
    for (const one of news.slice(0, MAX_LINES)) write(one);
    if (news.length > MAX_LINES) more(news.length - MAX_LINES);
  }
}

const MAX_LINES = 20;
/** Milliseconds. */
const QUIET = 60_000;
