/**
 * A rate limit for log lines whose number strangers decide.
 *
 * Invariant: at most `MAX_LINES` + 1 lines are written a minute. A caller that finds it silent logs
 * what has accumulated once the silence is over.
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

  /** Passes each of `news` to `write`, up to the bound, and the number of the others to `more`. */
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
