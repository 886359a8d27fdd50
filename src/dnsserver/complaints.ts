/**
 * Logs why requests were refused, for whoever looks after the server: a collector that is set up wrongly,
 * or somebody trying a key. The first refusal is logged at once, then at most one line a minute, with the
 * number of refusals since the last line. Refusals after the last line stay unreported until another comes.
 *
 * Invariant: lines are rate limited per known key and reason, and for all strangers together per reason,
 * of which there are few. So what strangers can provoke fills no disk and hides nothing of what the keys
 * do, nor does one mistake hide another.
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

  /** `who` names a known key; undefined for a stranger. `what` is one of few reasons. */
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
