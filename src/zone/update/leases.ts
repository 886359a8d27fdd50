/**
 * Who holds which record of a zone, and until when. A record lives while anybody holds it: two
 * collectors on one LAN publish the same records, and neither removes what the other still hears.
 *
 * Invariant: a record of the zone that has no entry here is held by the zone's file, for ever; so
 * static records cost nothing. An entry has at least one holder other than the file. The same steps in
 * the same order give the same entries, identifiers included: a journal relies on it.
 */
import { Type } from "../../dns/constants.ts";
import { Heap, type Ranked } from "../../heap.ts";
import {
  FILE,
  FILE_HOLD,
  FOREVER,
  type Hold,
  type HoldStep,
  holdsAfter,
  kindOfHolder,
  NOBODY,
  unchanged,
} from "./hold.ts";
import { RecordMap, type ZoneRecord } from "./recordmap.ts";
import { weightOf } from "./weight.ts";

/** A step that changed something, and the entry it found. */
export interface StepTaken extends HoldStep {
  /** The entry's identifier, if it existed before the update. */
  readonly id: number | undefined;
}

/** The state of an entry. */
export interface HeldRecord extends ZoneRecord {
  /** Stands for the record in journals; never used for another. */
  readonly id: number;
  readonly holds: readonly Hold[];
}

/** Its rank is the time at which the first of its holds expires. */
interface Entry extends HeldRecord, Ranked {
  holds: readonly Hold[];
  readonly weight: number;
}

export interface Taken {
  readonly steps: readonly StepTaken[];
  /** Undoes the steps, provided that everything taken later has been undone before. */
  undo(): void;
}

/** What it takes to undo a step. */
interface Undoing {
  readonly entry: Entry;
  readonly before: readonly Hold[];
}

export class Leases {
  readonly #byRecord = new RecordMap<Entry>();
  /** Only while a journal is read: nothing else asks by identifier, and there are many. */
  #byId: Map<number, Entry> | undefined;
  /** The entries with holds that expire. */
  readonly #ending = new Heap<Entry>();
  /** The total weight of the entries held, by holder and by kind of holder. */
  readonly #weights = new Map<string, number>();
  /** The entries held, by holder; only for holders that have a kind. */
  readonly #entries = new Map<string, Set<Entry>>();
  #size = 0;
  #weight = 0;
  #nextId = 0;
  #renewals = 0;

  /** How many records have an entry. */
  get size(): number {
    return this.#size;
  }

  /** The weight of all records that have an entry (see `weight.ts`). */
  get weight(): number {
    return this.#weight;
  }

  get nextId(): number {
    return this.#nextId;
  }

  /** How many steps it has taken on entries that were there. */
  get renewals(): number {
    return this.#renewals;
  }

  /** The holds on a record that is in the zone. */
  holds(record: ZoneRecord): readonly Hold[] {
    return this.#byRecord.get(record)?.holds ?? [FILE_HOLD];
  }

  holders(record: ZoneRecord): string[] {
    return this.holds(record).map(({ by }) => by);
  }

  /** Would this record, which is in the zone, stay if `by` let go of it? */
  isHeldByAnother(record: ZoneRecord, by: string): boolean {
    const entry = this.#byRecord.get(record);
    if (entry === undefined) return by !== FILE;
    return entry.holds.some((hold) => hold.by !== by);
  }

  /** Would this record, which is in the zone, stay if `by` and all who have a lease let go of it? */
  isHeldForeverByAnother(record: ZoneRecord, by: string): boolean {
    return this.holds(record).some((hold) => hold.by !== by && hold.expires === FOREVER);
  }

  /** Does the zone's file hold this record, which is in the zone? */
  isOfFile(record: ZoneRecord): boolean {
    return this.holds(record).some(({ by }) => by === FILE);
  }

  isLeasedByAnother(record: ZoneRecord, by: string): boolean {
    const holds = this.#byRecord.get(record)?.holds;
    return holds?.some((hold) => hold.by !== by && hold.expires !== FOREVER) === true;
  }

  isHeldBy(record: ZoneRecord, by: string): boolean {
    return this.#byRecord.get(record)?.holds.some((hold) => hold.by === by) === true;
  }

  /** All records that a holder of a kind holds, and until when. */
  heldBy(by: string): (ZoneRecord & Pick<Hold, "expires">)[] {
    const entries = [...(this.#entries.get(by) ?? [])];
    return entries.map(({ name, rdata, holds }) => {
      const { expires } = holds.find((hold) => hold.by === by)!;
      return { name, rdata, expires };
    });
  }

  /** The weight of all that this holder, or kind, holds; for the file, only of what others hold too. */
  weightOf(by: string): number {
    return this.#weights.get(by) ?? 0;
  }

  /** Works only between `index` and `forgetIndex`. */
  record(id: number): ZoneRecord | undefined {
    return this.#byId?.get(id);
  }

  /** Indexes records by identifier from now on. To be called while there are no entries. */
  index(): void {
    this.#byId = new Map();
  }

  forgetIndex(): void {
    this.#byId = undefined;
  }

  /** The entries as they are now, whatever happens to them later. */
  entries(): Iterable<HeldRecord> {
    const entries = this.#byRecord.all();
    return together(
      entries,
      entries.map(({ holds }) => holds),
    );
  }

  /**
   * Takes the steps of an update by `hold.by`. What it adds gets the hold `hold`, or `keyHold` if it is
   * a KEY record (RFC 9664 §4).
   */
  take(steps: readonly HoldStep[], hold: Hold, keyHold = hold): Taken {
    const firstNew = this.#nextId;
    const taken: (StepTaken & Undoing)[] = [];
    const alone = [hold];
    for (const { does, record } of steps) {
      const entry = this.#byRecord.get(record);
      const mine = record.rdata.type === Type.KEY ? keyHold : hold;
      const holds = holdsAfter(does, entry?.holds, mine, mine === hold ? alone : [mine]);
      if (holds === entry?.holds || (entry === undefined && holds.length === 0)) continue;
      const id = entry !== undefined && entry.id < firstNew ? entry.id : undefined;
      if (id !== undefined) this.#renewals++;
      const changed = entry ?? newEntry(this.#nextId++, record);
      taken.push({ does, record, id, entry: changed, before: changed.holds });
      this.#set(changed, holds);
    }
    const undo = () => {
      for (const { entry, before } of taken.toReversed()) this.#set(entry, before);
      this.#nextId = firstNew;
    };
    return { steps: taken, undo };
  }

  /** Restores what `entries` and `nextId` returned. */
  restore(entries: Iterable<HeldRecord>, nextId: number): void {
    for (const held of entries) {
      this.#set(newEntry(held.id, held), held.holds);
    }
    this.#nextId = nextId;
  }

  /** Changes every hold. */
  map(change: (hold: Hold) => Hold): void {
    for (const entry of this.#byRecord.all()) this.#set(entry, entry.holds.map(change));
  }

  /** When the next lease expires. */
  due(): number | undefined {
    return this.#ending.first?.rank;
  }

  /** Records whose lease has expired, by holder, at most `most` of them. They stay until released. */
  ended(now: number, most = Number.POSITIVE_INFINITY): Map<string, ZoneRecord[]> {
    const ended = new Map<string, ZoneRecord[]>();
    let left = most;
    for (const entry of this.#ending.upTo(now)) {
      for (const { by, expires } of entry.holds) {
        if (expires > now) continue;
        if (left-- <= 0) return ended;
        const records = ended.get(by);
        if (records === undefined) ended.set(by, [entry]);
        else records.push(entry);
      }
    }
    return ended;
  }

  /** An entry without holds is deleted. */
  #set(entry: Entry, holds: readonly Hold[]): void {
    if (holds.length === 0) {
      if (this.#byRecord.delete(entry)) {
        this.#size--;
        this.#weight -= entry.weight;
      }
      this.#byId?.delete(entry.id);
    } else if (entry.holds.length === 0) {
      this.#byRecord.set(entry);
      this.#byId?.set(entry.id, entry);
      this.#size++;
      this.#weight += entry.weight;
    }
    this.#weigh(entry, holds);
    entry.holds = holds;
    let due = FOREVER;
    for (const { expires } of holds) if (expires < due) due = expires;
    if (due === FOREVER) this.#ending.remove(entry);
    else this.#ending.place(entry, due);
  }

  #weigh(entry: Entry, after: readonly Hold[]): void {
    const { weight, holds: before } = entry;
    const { head, tail } = unchanged(before, after);
    for (let i = head; i < after.length - tail; i++) this.#count(after[i]!.by, weight);
    for (let i = head; i < before.length - tail; i++) this.#count(before[i]!.by, -weight);
    for (let i = head; i < before.length - tail; i++) this.#leave(before[i]!.by, entry);
    for (let i = head; i < after.length - tail; i++) this.#enter(after[i]!.by, entry);
  }

  #count(by: string, weight: number): void {
    this.#addWeight(by, weight);
    const kind = kindOfHolder(by);
    if (kind !== undefined) this.#addWeight(kind, weight);
  }

  #addWeight(by: string, weight: number): void {
    const sum = this.weightOf(by) + weight;
    if (sum > 0) this.#weights.set(by, sum);
    else this.#weights.delete(by);
  }

  #enter(by: string, entry: Entry): void {
    if (kindOfHolder(by) === undefined) return;
    const entries = this.#entries.get(by);
    if (entries === undefined) this.#entries.set(by, new Set([entry]));
    else entries.add(entry);
  }

  #leave(by: string, entry: Entry): void {
    if (kindOfHolder(by) === undefined) return;
    const entries = this.#entries.get(by);
    entries?.delete(entry);
    if (entries?.size === 0) this.#entries.delete(by);
  }
}

function newEntry(id: number, { name, rdata }: ZoneRecord): Entry {
  const weight = weightOf(rdata);
  return { id, name, rdata, holds: NOBODY, rank: FOREVER, index: -1, weight };
}

/** Pairs entries with the holds they had: nothing else of an entry changes. */
function* together(
  entries: readonly Entry[],
  holds: readonly (readonly Hold[])[],
): Generator<HeldRecord> {
  for (const [i, { id, name, rdata }] of entries.entries())
    yield { id, name, rdata, holds: holds[i]! };
}
