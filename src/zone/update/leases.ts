/**
 * Who holds which record of a zone, and until when. A record lives while anybody holds it: two
 * collectors on one LAN publish the same records, and neither takes away what the other still hears.
 * A hold ends when its holder lets go or its lease (RFC 9664) runs out.
 *
 * Invariant: a record of the zone that has no entry here is held by the zone's file, for ever; so
 * static records cost nothing. An entry has at least one holder, and one that is not the file. The
 * same steps taken in the same order give the same entries, identifiers and all: a journal relies
 * on it.
 */
import { Type } from "../../dns/constants.ts";
import { Heap, type Ranked } from "../../heap.ts";
import { RecordMap, type ZoneRecord } from "./recordmap.ts";
import { weightOf } from "./weight.ts";

/** The holder of what a zone starts with. */
export const FILE = "file";

/** When what has no lease expires. */
export const FOREVER = Number.POSITIVE_INFINITY;

/**
 * What an update does to the hold on a record: `take` it, new to the zone; `join` those who hold it;
 * `release` one's own; `releaseAll`, so that it goes.
 */
export interface HoldStep {
  readonly does: "take" | "join" | "release" | "releaseAll";
  readonly record: ZoneRecord;
}

/** A step that changed something, and the entry it found. */
export interface StepTaken extends HoldStep {
  /** Of an entry that was there before the update. */
  readonly id: number | undefined;
}

export interface Hold {
  readonly by: string;
  /** Milliseconds of the clock, or FOREVER. */
  readonly expires: number;
  /** Milliseconds granted, or FOREVER. */
  readonly lease: number;
}

/**
 * That of a holder who is one of many, strangers to each other: "requester:" of "requester:…". With the colon
 * it is no key's name.
 */
export function kindOfHolder(holder: string): string | undefined {
  const end = holder.indexOf(":") + 1;
  return end === 0 ? undefined : holder.slice(0, end);
}

/** An entry as it stands. */
export interface HeldRecord extends ZoneRecord {
  /** Short for the record, never used for another. */
  readonly id: number;
  readonly holds: readonly Hold[];
}

/** Its rank is when the first of its holds ends. */
interface Entry extends HeldRecord, Ranked {
  holds: readonly Hold[];
  readonly weight: number;
}

export interface Taken {
  readonly steps: readonly StepTaken[];
  /** Puts everything back, if what was taken after this has been put back before. */
  undo(): void;
}

/** What puts a step back. */
interface Undoing {
  readonly entry: Entry;
  readonly before: readonly Hold[];
}

export class Leases {
  readonly #byRecord = new RecordMap<Entry>();
  /** While a journal is read: nobody else asks by identifier, and there are many. */
  #byId: Map<number, Entry> | undefined;
  /** Those that end. */
  readonly #ending = new Heap<Entry>();
  /** By holder, and by kind of holders, of all entries that it holds. */
  readonly #weights = new Map<string, number>();
  /** By holder that is one of a kind. */
  readonly #entries = new Map<string, Set<Entry>>();
  #size = 0;
  #weight = 0;
  #nextId = 0;

  /** How many records have an entry. */
  get size(): number {
    return this.#size;
  }

  /** What the records that have an entry take of the zone's room. */
  get weight(): number {
    return this.#weight;
  }

  get nextId(): number {
    return this.#nextId;
  }

  /** Of a record that is in the zone. */
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

  /** All that one of a kind holds, and until when. */
  heldBy(by: string): (ZoneRecord & Pick<Hold, "expires">)[] {
    const entries = [...(this.#entries.get(by) ?? [])];
    return entries.map(({ name, rdata, holds }) => {
      const { expires } = holds.find((hold) => hold.by === by)!;
      return { name, rdata, expires };
    });
  }

  /** What all that this holder, or kind, holds takes of the zone's room; of the file, what others hold too. */
  weightOf(by: string): number {
    return this.#weights.get(by) ?? 0;
  }

  /** To be asked between `index` and `forgetIndex` alone. */
  record(id: number): ZoneRecord | undefined {
    return this.#byId?.get(id);
  }

  /** Knows records by their identifiers from now on; of one that has no entries yet. */
  index(): void {
    this.#byId = new Map();
  }

  forgetIndex(): void {
    this.#byId = undefined;
  }

  /** The entries as they are now, whatever becomes of them. */
  entries(): Iterable<HeldRecord> {
    const entries = this.#byRecord.all();
    return together(
      entries,
      entries.map(({ holds }) => holds),
    );
  }

  /**
   * Does what an update of `hold.by` asks, whose additions last as `hold` says; KEY records as
   * `keyHold` does (RFC 9664 §4).
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

  /** Puts back what `entries` and `nextId` told. */
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

  /** When the next lease ends. */
  due(): number | undefined {
    return this.#ending.first?.rank;
  }

  /**
   * By their holders, records whose lease has ended, of no more than `most` entries. They stay until
   * they are released.
   */
  ended(now: number, most = Number.POSITIVE_INFINITY): Map<string, ZoneRecord[]> {
    const ended = new Map<string, ZoneRecord[]>();
    let left = most;
    for (const entry of this.#ending.upTo(now)) {
      if (left-- <= 0) break;
      for (const { by, expires } of entry.holds) {
        if (expires > now) continue;
        const records = ended.get(by);
        if (records === undefined) ended.set(by, [entry]);
        else records.push(entry);
      }
    }
    return ended;
  }

  /** No holds, no entry. */
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
    const due = holds.reduce((due, { expires }) => Math.min(due, expires), FOREVER);
    if (due === FOREVER) this.#ending.remove(entry);
    else this.#ending.place(entry, due);
  }

  #weigh(entry: Entry, after: readonly Hold[]): void {
    const { holds: before, weight } = entry;
    const isRenewal = before.length === 1 && after.length === 1 && before[0]!.by === after[0]!.by;
    if (isRenewal) return;
    for (const { by } of after) this.#count(by, weight);
    for (const { by } of before) this.#count(by, -weight);
    for (const { by } of before) if (kindOfHolder(by) !== undefined) this.#leave(by, entry);
    for (const { by } of after) if (kindOfHolder(by) !== undefined) this.#enter(by, entry);
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
    const entries = this.#entries.get(by);
    if (entries === undefined) this.#entries.set(by, new Set([entry]));
    else entries.add(entry);
  }

  #leave(by: string, entry: Entry): void {
    const entries = this.#entries.get(by);
    entries?.delete(entry);
    if (entries?.size === 0) this.#entries.delete(by);
  }
}

function newEntry(id: number, { name, rdata }: ZoneRecord): Entry {
  const weight = weightOf(rdata);
  return { id, name, rdata, holds: NOBODY, rank: FOREVER, index: -1, weight };
}

/**
 * The holds on a record after a step: the very same where it changes nothing, none where nobody or
 * the file alone is left. `alone` is `mine` and nothing else.
 */
function holdsAfter(
  does: HoldStep["does"],
  holds: readonly Hold[] | undefined,
  mine: Hold,
  alone: readonly Hold[],
): readonly Hold[] {
  if (does === "releaseAll") return NOBODY;
  if (does === "release") {
    const others = holds?.filter(({ by }) => by !== mine.by) ?? NOBODY;
    if (others.length === holds?.length) return holds;
    return others.every(({ by }) => by === FILE) ? NOBODY : others;
  }
  if (holds === undefined) {
    if (mine.by === FILE) return NOBODY;
    return does === "take" ? alone : [mine, FILE_HOLD];
  }
  const at = holds.findIndex(({ by }) => by === mine.by);
  if (at < 0) return [mine, ...holds];
  if (holds[at]!.expires === FOREVER && mine.expires === FOREVER) return holds;
  return holds.length === 1 ? alone : holds.with(at, mine);
}

/** Of an entry, all but its holds stays as it is. */
function* together(
  entries: readonly Entry[],
  holds: readonly (readonly Hold[])[],
): Generator<HeldRecord> {
  for (const [i, { id, name, rdata }] of entries.entries())
    yield { id, name, rdata, holds: holds[i]! };
}

const NOBODY: readonly Hold[] = [];
const FILE_HOLD: Hold = { by: FILE, expires: FOREVER, lease: FOREVER };
