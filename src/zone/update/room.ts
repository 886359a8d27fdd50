/**
 * Limits how many records a zone holds: to what memory allows, and for each principal to its share, so
 * that whoever has stolen the key of one site cannot leave the others without room. A large record counts
 * as several. A set may be as large as a message has room for.
 */
import { type Clock, rationed } from "../../clock.ts";
import { Type, typeName } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import type { RecordSet } from "../../dns/record.ts";
import type { Log } from "../../log.ts";
import type { Change } from "./change.ts";
import { type HoldStep, kindOfHolder } from "./hold.ts";
import type { Leases } from "./leases.ts";
import type { Principal } from "./principal.ts";
import { RecordMap, type ZoneRecord } from "./recordmap.ts";
import { isTooLarge, SET_OCTETS, setOctets } from "./setsize.ts";
import type { Outcome } from "./update.ts";
import { weightOf } from "./weight.ts";

export interface RoomOptions {
  readonly origin: Name;
  readonly capacity?: number | undefined;
  readonly clock: Clock;
  readonly log?: Log | undefined;
}

export class Room {
  readonly #options: RoomOptions;
  readonly #ration: () => number;
  /** For sets, which may be too large for days: that must not suppress other log lines. */
  readonly #rationOfSets: () => number;

  constructor(options: RoomOptions) {
    this.#options = options;
    this.#ration = rationed(options.clock, INTERVAL);
    this.#rationOfSets = rationed(options.clock, INTERVAL);
  }

  /** True if there is room for this outcome, as always if nothing grows; `records` counts those before. */
  has(outcome: Outcome, by: Principal, leases: Leases, records: number): boolean {
    if (!this.#hasSets(outcome, by)) return false;
    const { capacity = MAX_RECORDS } = this.#options;
    // Records without an entry are the zone file's, and count as of usual size.
    const size = records - leases.size + leases.weight;
    const after = size + growthOf(outcome.change);
    if (after > capacity && after > size) {
      this.#tell(by.name, after, "the zone is full, and an update fails");
      return false;
    }
    const more = mostOf(outcome.holds);
    const isIn = (who: string, share: number) => {
      const most = Math.floor(capacity * share);
      const held = leases.weightOf(who);
      if (held + more <= most) return true;
      const holding = held + gained(outcome.holds, by.name, leases);
      if (holding <= Math.max(most, held)) return true;
      this.#tell(who, holding, "a key holds as many records as it is allowed, and an update fails");
      return false;
    };
    const kind = kindOfHolder(by.name);
    return isIn(by.name, by.share ?? 1) && (kind === undefined || isIn(kind, by.kindShare ?? 1));
  }

  /** True if each set fits into a message, or is at least no larger than before. */
  #hasSets({ sets, change }: Outcome, { name: by }: Principal): boolean {
    const { origin, log } = this.#options;
    const large = sets.find((set) => isTooLarge(set, origin) && grows(set, change!, origin));
    if (large === undefined) return true;
    if (this.#rationOfSets() > 0) {
      const set = `${large.name} ${typeName(large.type)}`;
      const fields = { zone: `${origin}`, by, set, records: large.rdatas.length, most: SET_OCTETS };
      log?.warn(fields, "a set would not fit into a message, and an update fails");
    }
    return false;
  }

  #tell(by: string, records: number, fact: string): void {
    const { origin, log } = this.#options;
    if (this.#ration() > 0) log?.warn({ zone: `${origin}`, by, records }, fact);
  }
}

function growthOf(change: Change | undefined): number {
  return change === undefined ? 0 : sumOf(change.added) - sumOf(change.removed);
}

function grows(set: RecordSet, { added, removed }: Change, origin: Name): boolean {
  const isOfSet = ({ name, type }: RecordSet) => type === set.type && name.equals(set.name);
  const octets = (sets: readonly RecordSet[]) =>
    sets.filter(isOfSet).reduce((sum, each) => sum + setOctets(each, origin), 0);
  return octets(added) > octets(removed);
}

/** Without the SOA: there is one before and one after. */
function sumOf(sets: readonly RecordSet[]): number {
  let sum = 0;
  for (const { type, rdatas } of sets) {
    if (type !== Type.SOA) for (const rdata of rdatas) sum += weightOf(rdata);
  }
  return sum;
}

/** What `by` would gain if all of them were new. */
function mostOf(steps: readonly HoldStep[]): number {
  let sum = 0;
  for (const { record } of steps) sum += weightOf(record.rdata);
  return sum;
}

/** By how much the weight of what `by` holds grows; negative if it shrinks. */
function gained(steps: readonly HoldStep[], by: string, leases: Leases): number {
  // Count each record once, by the last step on it: an update may release it as often as it likes.
  const after = new RecordMap<ZoneRecord & { readonly isHeld: boolean }>();
  for (const { does, record } of steps) {
    const { name, rdata } = record;
    after.set({ name, rdata, isHeld: does === "take" || does === "join" });
  }
  let sum = 0;
  for (const record of after.all()) {
    const { rdata, isHeld } = record;
    if (leases.isHeldBy(record, by) !== isHeld) sum += (isHeld ? 1 : -1) * weightOf(rdata);
  }
  return sum;
}

/** At some 650 octets each, over three hundred megabytes. */
const MAX_RECORDS = 500_000;
/** Milliseconds between two log lines: whoever is refused tries again. */
const INTERVAL = 60_000;
