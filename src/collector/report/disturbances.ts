/**
 * Logs hosts that disturb their link: those that contradict one another about a name, and those that say so
 * much that part of it is not heard. At most one line a minute for each, however many there are.
 */
import { type Clock, rationed } from "../../clock.ts";
import type { Name } from "../../dns/name.ts";
import type { Log } from "../../log.ts";

export class Disturbances {
  readonly #log: Log;
  readonly #disputes: () => number;
  readonly #storms: () => number;

  constructor(clock: Clock, log: Log) {
    this.#log = log;
    this.#disputes = rationed(clock, QUIET);
    this.#storms = rationed(clock, QUIET);
  }

  /** Hosts keep contradicting one another about a name; `host` is one of them. */
  disputed(link: string, name: Name, host: string): void {
    if (this.#disputes() === 0) return;
    const fact = "hosts contradict each other about a name: what each says is published";
    this.#log.warn({ link, name: name.toUnicode(), host }, fact);
  }

  unheard(link: string, host: string): void {
    if (this.#storms() === 0) return;
    this.#log.warn({ link, host }, "a host is rate-limited: packets above its share are dropped");
  }
}

/** Milliseconds. */
const QUIET = 60_000;
