/**
 * How many records a zone takes: as many as there is memory for, and of each principal no more than
 * its share, so that who has stolen the key of one site cannot leave the others without room.
 */
import { type Clock, rationed } from "../clock.ts";
import type { Name } from "../dns/name.ts";
import type { RecordSet } from "../dns/record.ts";
import type { Log } from "../log.ts";
import type { Change, Principal } from "./change.ts";
import type { HoldStep, Leases } from "./leases.ts";
import type { Outcome } from "./update.ts";

export interface RoomOptions {
  readonly origin: Name;
  readonly capacity?: number | undefined;
  readonly clock: Clock;
  readonly log?: Log | undefined;
}

export class Room {
  readonly #options: RoomOptions;
  readonly #ration: () => number;

  constructor(options: RoomOptions) {
    this.#options = options;
    this.#ration = rationed(options.clock, INTERVAL);
  }

  /** May an update come to this? What makes nothing more always may. `size` is that before. */
  has(outcome: Outcome, by: Principal, leases: Leases, size: number): boolean {
    const { capacity = MAX_RECORDS } = this.#options;
    const after = size + growthOf(outcome.change);
    if (after > capacity && after > size) {
      this.#tell(by, after, "the zone is full, and an update fails");
      return false;
    }
    const most = Math.floor(capacity * (by.share ?? 1));
    const held = leases.countOf(by.name);
    if (held + outcome.holds.length <= most) return true;
    const holding = held + gained(outcome.holds, by.name, leases);
    if (holding <= Math.max(most, held)) return true;
    this.#tell(by, holding, "a key holds as many records as it may, and an update fails");
    return false;
  }

  #tell({ name: by }: Principal, records: number, fact: string): void {
    const { origin, log } = this.#options;
    if (this.#ration() > 0) log?.warn({ zone: `${origin}`, by, records }, fact);
  }
}

function growthOf(change: Change | undefined): number {
  const count = (sets: readonly RecordSet[] = []) =>
    sets.reduce((sum, { rdatas }) => sum + rdatas.length, 0);
  return count(change?.added) - count(change?.removed);
}

/** Records that `by` holds afterwards and not before; less than none where it lets go of more. */
function gained(steps: readonly HoldStep[], by: string, leases: Leases): number {
  let count = 0;
  for (const { does, record } of steps) {
    const isNew = does === "take" || does === "join";
    if (leases.isHeldBy(record, by) !== isNew) count += isNew ? 1 : -1;
  }
  return count;
}

/** At some 850 octets each, over four hundred megabytes. */
const MAX_RECORDS = 500_000;
/** Milliseconds between two lines: who is refused tries again. */
const INTERVAL = 60_000;
