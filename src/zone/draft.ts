/**
 * A zone in the hands of one update (RFC 2136 §3.4.2): it starts as a snapshot, takes additions and
 * removals one after the other, and at the end tells the difference. The SOA is no part of it.
 *
 * Invariant: the snapshot is not touched, so an update that fails half way has happened not at all.
 */
import { Type } from "../dns/constants.ts";
import type { Name, NameKey } from "../dns/name.ts";
import type { Rdata } from "../dns/rdata.ts";
import type { RecordSet } from "../dns/record.ts";
import type { ZoneRecord } from "./leases.ts";
import { type Gone, type Snapshot, setOf } from "./snapshot.ts";

export interface Difference {
  /** What went, and what came; a set whose TTL changes goes and comes as a whole. */
  readonly removed: readonly RecordSet[];
  readonly added: readonly RecordSet[];
  /** The sets that changed, as they are now. */
  readonly sets: readonly RecordSet[];
  readonly gone: readonly Gone[];
}

export class Draft {
  readonly #base: Snapshot;
  readonly #touched = new Map<NameKey, Map<number, DraftSet>>();

  constructor(base: Snapshot) {
    this.#base = base;
  }

  /** The types at `name`, but SOA. */
  types(name: Name): number[] {
    const touched = this.#touched.get(name.key);
    const types: number[] = [];
    for (const { type } of this.#base.node(name.key)?.sets ?? []) {
      if (type !== Type.SOA && touched?.has(type) !== true) types.push(type);
    }
    for (const set of touched?.values() ?? []) if (set.size > 0) types.push(set.type);
    return types;
  }

  rdatas(name: Name, type: number): readonly Rdata[] {
    const touched = this.#touched.get(name.key)?.get(type);
    return touched === undefined ? (this.#base.set(name, type)?.rdatas ?? []) : touched.rdatas();
  }

  has(name: Name, rdata: Rdata): boolean {
    return this.#open(name, rdata.type).has(rdata);
  }

  /** Was the record there before the draft was begun? */
  had(name: Name, rdata: Rdata): boolean {
    return this.#open(name, rdata.type).had(rdata);
  }

  /**
   * A record that is there stays, case and all; the whole set takes the TTL (RFC 2181 §5.2). Gives
   * the record as the zone has it.
   */
  add(name: Name, ttl: number, rdata: Rdata): ZoneRecord {
    const set = this.#open(name, rdata.type);
    set.ttl = ttl;
    return { name: set.name, rdata: set.add(rdata) };
  }

  remove(name: Name, rdata: Rdata): void {
    this.#open(name, rdata.type).remove(rdata);
  }

  difference(): Difference {
    const removed: RecordSet[] = [];
    const added: RecordSet[] = [];
    const sets: RecordSet[] = [];
    const gone: Gone[] = [];
    for (const touched of this.#touched.values()) {
      for (const set of touched.values()) {
        if (!set.isChanged) continue;
        const { name, type, ttl, before } = set;
        const after = set.rdatas();
        const went = set.isRenewed ? before!.rdatas : set.removed();
        const came = set.isRenewed ? after : set.added();
        if (went.length > 0) removed.push({ ...before!, rdatas: went });
        if (came.length > 0) added.push({ name, type, ttl, rdatas: came });
        if (after.length > 0) sets.push({ name, type, ttl, rdatas: after });
        else gone.push({ name, type });
      }
    }
    return { removed, added, sets, gone };
  }

  #open(name: Name, type: number): DraftSet {
    let touched = this.#touched.get(name.key);
    if (touched === undefined) {
      touched = new Map();
      this.#touched.set(name.key, touched);
    }
    let set = touched.get(type);
    if (set === undefined) {
      const node = this.#base.node(name.key);
      // The case of the first record at a name is the name's.
      const owner = node?.sets[0]?.name ?? name;
      set = new DraftSet(owner, type, node && setOf(node, type));
      touched.set(type, set);
    }
    return set;
  }
}

class DraftSet {
  readonly name: Name;
  readonly type: number;
  readonly before: RecordSet | undefined;
  ttl: number;
  /** The records of `before` by key. */
  readonly #old: ReadonlyMap<string, Rdata>;
  /** Keys of those of them that are no more. */
  readonly #removed = new Set<string>();
  readonly #added = new Map<string, Rdata>();

  constructor(name: Name, type: number, before: RecordSet | undefined) {
    this.name = name;
    this.type = type;
    this.before = before;
    this.ttl = before?.ttl ?? 0;
    this.#old = new Map(before?.rdatas.map((rdata) => [rdata.key, rdata]));
  }

  get size(): number {
    return this.#old.size - this.#removed.size + this.#added.size;
  }

  get isChanged(): boolean {
    return this.#removed.size > 0 || this.#added.size > 0 || this.isRenewed;
  }

  /** Has another TTL and records to have it? */
  get isRenewed(): boolean {
    return this.before !== undefined && this.size > 0 && this.ttl !== this.before.ttl;
  }

  has({ key }: Rdata): boolean {
    return this.#added.has(key) || (this.#old.has(key) && !this.#removed.has(key));
  }

  had({ key }: Rdata): boolean {
    return this.#old.has(key);
  }

  /** Gives the one that stands for it. */
  add(rdata: Rdata): Rdata {
    const { key } = rdata;
    const added = this.#added.get(key);
    if (added !== undefined) return added;
    const old = this.#old.get(key);
    // Removed and added again with other case in its names is a change, though the same record.
    if (old !== undefined && (!this.#removed.has(key) || isSameOctets(old, rdata))) {
      this.#removed.delete(key);
      return old;
    }
    this.#added.set(key, rdata);
    return rdata;
  }

  remove({ key }: Rdata): void {
    this.#added.delete(key);
    if (this.#old.has(key)) this.#removed.add(key);
  }

  rdatas(): Rdata[] {
    const kept = this.before?.rdatas.filter((rdata) => !this.#removed.has(rdata.key)) ?? [];
    // Of the exact length, unlike an array that was spread: there will be many of these.
    return kept.concat(this.added());
  }

  removed(): Rdata[] {
    return [...this.#removed].map((key) => this.#old.get(key)!);
  }

  added(): Rdata[] {
    return [...this.#added.values()];
  }
}

function isSameOctets(a: Rdata, b: Rdata): boolean {
  return a === b || Buffer.compare(a.toWire(), b.toWire()) === 0;
}
