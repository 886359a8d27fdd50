/**
 * What requests were refused for, told to whoever looks after the server: a collector that is set up
 * wrongly, or a key that somebody tries. The first is told at once, then one a minute, which counts those
 * since the line before. What comes after the last line is not told: a line needs a request.
 *
 * Invariant: who is told of is one of the keys that are known, or a stranger; all strangers have one
 * ration for each reason, of which there are few. So what they can provoke fills no disk, and hides
 * nothing of what the keys do, nor one of their mistakes another.
 */
import { type Clock, rationed } from "../clock.ts";
import type { Log } from "../log.ts";

export class Complaints {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #rations = new Map<string, () => number>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** `who` names a key that is known; undefined for a stranger. `what` is one of few. */
  tell(who: string | undefined, what: string, fields: () => object): void {
    const id = `${who ?? ""} ${what}`;
    let ration = this.#rations.get(id);
    if (ration === undefined) {
      ration = rationed(this.#clock, INTERVAL);
      this.#rations.set(id, ration);
    }
    const refused = ration();
    if (refused > 0) this.#log.warn({ ...fields(), refused }, what);
  }
}

/** Milliseconds. */
const INTERVAL = 60_000;
