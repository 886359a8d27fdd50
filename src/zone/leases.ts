/**
 * Who holds which record of a zone, and until when. A record lives while anybody holds it: two
 * collectors on one LAN publish the same records, and neither takes away what the other still hears.
 * A hold ends when its holder lets go or its lease (RFC 9664) runs out.
 *
 * Invariant: a record of the zone that has no entry here is held by the zone's file, for ever; so
 * static records cost nothing. An entry has at least one holder.
 */
import type { Name } from "../dns/name.ts";
import type { Rdata } from "../dns/rdata.ts";

/** The holder of what a zone starts with. */
export const FILE = "file";

/** When what has no lease expires. */
export const FOREVER = Number.POSITIVE_INFINITY;

/** A record in a zone: its TTL is not its own but its set's. */
export interface ZoneRecord {
  readonly name: Name;
  readonly rdata: Rdata;
}

/**
 * What an update does to the hold on a record: `take` it, new to the zone; `join` those who hold it;
 * `release` one's own; `releaseAll`, so that it goes.
 */
export interface HoldStep {
  readonly does: "take" | "join" | "release" | "releaseAll";
  readonly record: ZoneRecord;
}

interface Hold extends ZoneRecord {
  readonly by: string;
  /** Milliseconds of the clock, or FOREVER. */
  expires: number;
  /** Where it stands in the heap, -1 where it never ends. */
  position: number;
  /** Another holder of the same record. */
  next: Hold | undefined;
}

export class Leases {
  readonly #holds = new Map<string, Hold>();
  /** A binary heap by time of expiry: the parent of i is (i - 1) >> 1. */
  readonly #heap: Hold[] = [];

  /** How many records have an entry. */
  get size(): number {
    return this.#holds.size;
  }

  /** Of a record that is in the zone. */
  holders(record: ZoneRecord): string[] {
    const names: string[] = [];
    for (let hold = this.#holds.get(keyOf(record)); hold; hold = hold.next) names.push(hold.by);
    return names.length === 0 ? [FILE] : names;
  }

  /** Would this record, which is in the zone, stay if `by` let go of it? */
  isHeldByAnother(record: ZoneRecord, by: string): boolean {
    const first = this.#holds.get(keyOf(record));
    if (first === undefined) return by !== FILE;
    return first.by !== by || first.next !== undefined;
  }

  /** Does what an update by `by` asks, whose additions last until `expires`. */
  take(steps: readonly HoldStep[], by: string, expires: number): void {
    for (const { does, record } of steps) {
      if (does === "releaseAll") this.#releaseAll(record);
      else if (does === "release") this.#release(record, by);
      else this.#hold(record, by, expires, does === "take");
    }
  }

  /** When the next lease ends. */
  due(): number | undefined {
    return this.#heap[0]?.expires;
  }

  /** The records whose last holder's lease has ended. */
  poll(now: number): ZoneRecord[] {
    const ended: ZoneRecord[] = [];
    for (let hold = this.#heap[0]; hold && hold.expires <= now; hold = this.#heap[0]) {
      if (!this.isHeldByAnother(hold, hold.by)) ended.push({ name: hold.name, rdata: hold.rdata });
      this.#release(hold, hold.by);
    }
    return ended;
  }

  /** Whatever `by` said of this record before, its hold lasts until `expires`. */
  #hold(record: ZoneRecord, by: string, expires: number, isNew: boolean): void {
    const key = keyOf(record);
    const first = this.#holds.get(key);
    if (first === undefined && by === FILE) return;
    for (let hold = first; hold !== undefined; hold = hold.next) {
      if (hold.by !== by) continue;
      hold.expires = expires;
      this.#place(hold);
      return;
    }
    const { name, rdata } = record;
    const file = { name, rdata, by: FILE, expires: FOREVER, position: -1, next: undefined };
    const others = first ?? (isNew ? undefined : file);
    const hold = { name, rdata, by, expires, position: -1, next: others };
    this.#holds.set(key, hold);
    this.#place(hold);
  }

  #release(record: ZoneRecord, by: string): void {
    const key = keyOf(record);
    const kept: Hold[] = [];
    for (let hold = this.#holds.get(key); hold !== undefined; hold = hold.next) {
      if (hold.by === by) this.#unplace(hold);
      else kept.push(hold);
    }
    for (const [i, hold] of kept.entries()) hold.next = kept[i + 1];
    const [first] = kept;
    if (first === undefined || (first.by === FILE && kept.length === 1)) this.#holds.delete(key);
    else this.#holds.set(key, first);
  }

  #releaseAll(record: ZoneRecord): void {
    const key = keyOf(record);
    for (let hold = this.#holds.get(key); hold; hold = hold.next) this.#unplace(hold);
    this.#holds.delete(key);
  }

  //---- The heap ----

  /** Puts a hold where its time of expiry belongs. */
  #place(hold: Hold): void {
    if (hold.expires === FOREVER) {
      this.#unplace(hold);
      return;
    }
    if (hold.position < 0) hold.position = this.#heap.push(hold) - 1;
    this.#rise(hold);
    this.#sink(hold);
  }

  #unplace(hold: Hold): void {
    if (hold.position < 0) return;
    const last = this.#heap.pop()!;
    if (last !== hold) {
      this.#stand(last, hold.position);
      this.#rise(last);
      this.#sink(last);
    }
    hold.position = -1;
  }

  #rise(hold: Hold): void {
    for (let at = hold.position; at > 0; at = hold.position) {
      const parent = this.#heap[(at - 1) >> 1]!;
      if (parent.expires <= hold.expires) return;
      this.#stand(hold, parent.position);
      this.#stand(parent, at);
    }
  }

  #sink(hold: Hold): void {
    for (;;) {
      const at = hold.position;
      const left = this.#heap[2 * at + 1];
      const right = this.#heap[2 * at + 2];
      const least = right !== undefined && right.expires < left!.expires ? right : left;
      if (least === undefined || least.expires >= hold.expires) return;
      this.#stand(hold, least.position);
      this.#stand(least, at);
    }
  }

  #stand(hold: Hold, position: number): void {
    this.#heap[position] = hold;
    hold.position = position;
  }
}

/** The length in front of the name keeps apart what would run together. */
function keyOf({ name, rdata }: ZoneRecord): string {
  return `${name.key.length} ${rdata.type} ${name.key}${rdata.key}`;
}
