/**
 * A zone while one update is applied (RFC 2136 §3.4.2): it starts as a snapshot, takes additions and
 * removals one after the other, and in the end yields the difference. The SOA is not part of it.
 *
 * Invariant: the snapshot is not touched, so an update that fails half way has no effect.
 */
import { Type } from "../../dns/constants.ts";
import type { Name, NameKey } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import { type Gone, type Snapshot, setOf } from "../snapshot.ts";
import { Additions } from "./additions.ts";
import type { ZoneRecord } from "./recordmap.ts";

export interface Difference {
  /** Records removed and added; a set whose TTL changes is removed and added as a whole. */
  readonly removed: readonly RecordSet[];
  readonly added: readonly RecordSet[];
  /** The sets that changed, as they are now. */
  readonly sets: readonly RecordSet[];
  readonly gone: readonly Gone[];
}

export class Draft {
  readonly #base: Snapshot;
  readonly #touched = new DraftSets();

  constructor(base: Snapshot) {
    this.#base = base;
  }

  /** The types at `name`, except SOA. */
  types(name: Name): number[] {
    const types: number[] = [];
    for (const { type } of this.#base.node(name.key)?.sets ?? []) {
      if (type !== Type.SOA && this.#touched.get(name, type) === undefined) types.push(type);
    }
    for (const set of this.#touched.at(name)) if (set.size > 0) types.push(set.type);
    return types;
  }

  rdatas(name: Name, type: number): readonly Rdata[] {
    const touched = this.#touched.get(name, type);
    return touched === undefined ? (this.#base.set(name, type)?.rdatas ?? NONE) : touched.rdatas();
  }

  has(name: Name, rdata: Rdata): boolean {
    return this.#open(name, rdata.type).has(rdata);
  }

  /** True if the record was there before the draft was begun. */
  had(name: Name, rdata: Rdata): boolean {
    return this.#open(name, rdata.type).had(rdata);
  }

  /**
   * Adds a record. One that is there stays as it is, case included; the whole set takes the TTL (RFC 2181
   * §5.2). Returns the record as the zone has it.
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
    for (const set of this.#touched.all) {
      if (!set.isChanged) continue;
      const { name, type, ttl, before } = set;
      const after = set.after();
      if (before === undefined) {
        sets.push(after);
        added.push(after);
        continue;
      }
      const went = set.isRenewed ? before.rdatas : set.removed();
      const came = set.isRenewed ? set.rdatas() : set.added();
      if (went.length > 0) removed.push({ ...before, rdatas: went });
      if (came.length > 0) added.push({ name, type, ttl, rdatas: came });
      if (after.rdatas.length > 0) sets.push(after);
      else gone.push({ name, type });
    }
    return { removed, added, sets, gone };
  }

  #open(name: Name, type: number): DraftSet {
    const touched = this.#touched.get(name, type);
    if (touched !== undefined) return touched;
    const node = this.#base.node(name.key);
    // A name keeps the case of the first record at it.
    const owner = node?.sets[0]?.name ?? name;
    const set = new DraftSet(owner, type, node && setOf(node, type));
    this.#touched.add(set);
    return set;
  }
}

/** Sets in the order they were touched, as in a change. Most updates touch few, searched one by one. */
class DraftSets {
  readonly all: DraftSet[] = [];
  /** Undefined while there are few. */
  #byName: Map<NameKey, Map<number, DraftSet>> | undefined;

  get({ key }: Name, type: number): DraftSet | undefined {
    if (this.#byName !== undefined) return this.#byName.get(key)?.get(type);
    for (const set of this.all) if (set.type === type && set.name.key === key) return set;
    return undefined;
  }

  at({ key }: Name): Iterable<DraftSet> {
    if (this.#byName !== undefined) return this.#byName.get(key)?.values() ?? [];
    return this.all.filter((set) => set.name.key === key);
  }

  /** Adds a set that is not there yet. */
  add(set: DraftSet): void {
    this.all.push(set);
    if (this.#byName !== undefined) {
      this.#enter(set);
    } else if (this.all.length > FEW) {
      this.#byName = new Map();
      for (const each of this.all) this.#enter(each);
    }
  }

  #enter(set: DraftSet): void {
    const here = this.#byName!.get(set.name.key);
    if (here === undefined) this.#byName!.set(set.name.key, new Map([[set.type, set]]));
    else here.set(set.type, set);
  }
}

/** Up to this many, a linear search is as fast. */
const FEW = 12;

/** Shared by all sets that lose nothing, as most do; stays empty. */
const NOTHING = new Set<number>();
const NONE: readonly never[] = [];

class DraftSet {
  readonly name: Name;
  readonly type: number;
  readonly before: RecordSet | undefined;
  ttl: number;
  /** Places in `before` of the records removed. */
  #removed = NOTHING;
  readonly #added = new Additions();

  constructor(name: Name, type: number, before: RecordSet | undefined) {
    this.name = name;
    this.type = type;
    this.before = before;
    this.ttl = before?.ttl ?? 0;
  }

  get size(): number {
    return (this.before?.rdatas.length ?? 0) - this.#removed.size + this.#added.size;
  }

  get isChanged(): boolean {
    return this.#removed.size > 0 || this.#added.size > 0 || this.isRenewed;
  }

  /** True if an existing set has another TTL, and records left to carry it. */
  get isRenewed(): boolean {
    return this.before !== undefined && this.size > 0 && this.ttl !== this.before.ttl;
  }

  has(rdata: Rdata): boolean {
    if (this.#added.get(rdata) !== undefined) return true;
    const place = this.#placeOf(rdata);
    return place !== undefined && !this.#removed.has(place);
  }

  had(rdata: Rdata): boolean {
    return this.#placeOf(rdata) !== undefined;
  }

  /** Returns the data that stands for it in the set. */
  add(rdata: Rdata): Rdata {
    const added = this.#added.get(rdata);
    if (added !== undefined) return added;
    const place = this.#placeOf(rdata);
    const old = place === undefined ? undefined : this.before!.rdatas[place]!;
    // To remove a record and add it in another case is a change, though it is the same record.
    if (old !== undefined && (!this.#removed.has(place!) || isSameOctets(old, rdata))) {
      this.#removed.delete(place!);
      return old;
    }
    this.#added.add(rdata);
    return rdata;
  }

  remove(rdata: Rdata): void {
    this.#added.delete(rdata);
    const place = this.#placeOf(rdata);
    if (place === undefined) return;
    if (this.#removed === NOTHING) this.#removed = new Set();
    this.#removed.add(place);
  }

  rdatas(): readonly Rdata[] {
    const kept = this.before?.rdatas.filter((_, place) => !this.#removed.has(place)) ?? [];
    return kept.concat(this.added());
  }

  removed(): Rdata[] {
    return this.#gaps().map((place) => this.before!.rdatas[place]!);
  }

  added(): Rdata[] {
    return this.#added.all();
  }

  /** The set as it is now. To be called once: the new set takes over the index of places. */
  after(): RecordSet {
    const { name, type, ttl, before } = this;
    // `concat` gives an array of the exact length, unlike a spread: there will be many of these.
    const rdatas = (before?.rdatas ?? NONE).concat(this.added());
    const set = { name, type, ttl, rdatas };
    const places = before && handOn(before, set);
    if (places !== undefined) {
      for (const place of this.#removed) places.delete(before!.rdatas[place]!.key);
      for (let i = before!.rdatas.length; i < rdatas.length; i++) places.set(rdatas[i]!.key, i);
    }
    // The last record fills each gap, so that the others need not move.
    for (const place of this.#gaps()) {
      const last = rdatas.pop()!;
      if (place === rdatas.length) continue;
      rdatas[place] = last;
      places?.set(last.key, place);
    }
    return set;
  }

  /** The last first, so that the order is the same however they arose: journals rely on it. */
  #gaps(): readonly number[] {
    return this.#removed === NOTHING ? NONE : [...this.#removed].sort((a, b) => b - a);
  }

  #placeOf(rdata: Rdata): number | undefined {
    return this.before && placeOf(this.before, rdata);
  }
}

//---- Where in a set a record is ----

/** By key, for large sets. Handed on from a set to its successor, since little changes between them. */
const placesBySet = new WeakMap<RecordSet, Map<string, number>>();

function placeOf(set: RecordSet, { key }: Rdata): number | undefined {
  const { rdatas } = set;
  if (rdatas.length <= FEW) {
    const place = rdatas.findIndex((other) => other.key === key);
    return place < 0 ? undefined : place;
  }
  let places = placesBySet.get(set);
  if (places === undefined) {
    places = new Map(rdatas.map((rdata, place) => [rdata.key, place]));
    placesBySet.set(set, places);
  }
  return places.get(key);
}

function handOn(from: RecordSet, to: RecordSet): Map<string, number> | undefined {
  const places = placesBySet.get(from);
  if (places === undefined) return undefined;
  placesBySet.delete(from);
  placesBySet.set(to, places);
  return places;
}

function isSameOctets(a: Rdata, b: Rdata): boolean {
  return a.wire === b.wire;
}
