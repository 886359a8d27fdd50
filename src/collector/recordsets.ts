/** Record sets by name and type. Sets are values, so several collections may share one. */
import type { Name, NameKey } from "../dns/name.ts";
import type { Rdata } from "../dns/rdata.ts";
import type { RecordSet } from "../dns/record.ts";

/** What a zone holds, perhaps hundreds of thousands of sets: to be read in place, not copied. */
export interface HeldSets {
  set(name: Name, type: number): RecordSet | undefined;
  /** In no particular order. */
  sets(): Iterable<RecordSet>;
}

export class RecordSets implements Iterable<RecordSet>, HeldSets {
  /** A name has few types, so a list serves better than a map. */
  readonly #names = new Map<NameKey, RecordSet[]>();

  static of(sets: Iterable<RecordSet>): RecordSets {
    const result = new RecordSets();
    for (const set of sets) result.put(set);
    return result;
  }

  get isEmpty(): boolean {
    return this.#names.size === 0;
  }

  get(name: NameKey, type: number): RecordSet | undefined {
    for (const set of this.#names.get(name) ?? NOTHING) if (set.type === type) return set;
    return undefined;
  }

  set(name: Name, type: number): RecordSet | undefined {
    return this.get(name.key, type);
  }

  sets(): Iterable<RecordSet> {
    return this;
  }

  /** Of any type. */
  has(name: NameKey): boolean {
    return this.#names.has(name);
  }

  /** Replaces the set that is there; a set without records removes it. */
  put(set: RecordSet): void {
    const { key } = set.name;
    const others = this.#names.get(key)?.filter(({ type }) => type !== set.type) ?? [];
    if (set.rdatas.length > 0) others.push(set);
    if (others.length > 0) this.#names.set(key, others);
    else this.#names.delete(key);
  }

  /** Merges with the set that is there: each record once, and the lower TTL (RFC 2181 §5). */
  add(set: RecordSet): void {
    const sets = this.#names.get(set.name.key);
    if (sets === undefined) {
      this.#names.set(set.name.key, [set]);
      return;
    }
    const at = sets.findIndex(({ type }) => type === set.type);
    if (at < 0) sets.push(set);
    else sets[at] = union(sets[at]!, set);
  }

  *[Symbol.iterator](): Iterator<RecordSet> {
    for (const sets of this.#names.values()) yield* sets;
  }
}

function union(a: RecordSet, b: RecordSet): RecordSet {
  const rdatas = distinct([...a.rdatas, ...b.rdatas]);
  return { name: a.name, type: a.type, ttl: Math.min(a.ttl, b.ttl), rdatas };
}

/** The records that `other` does not have. */
export function without(sets: RecordSets, other: RecordSets): RecordSets {
  if (sets.isEmpty) return new RecordSets();
  const rest = new RecordSets();
  for (const set of sets) {
    const taken = keysOf(other.get(set.name.key, set.type)?.rdatas ?? []);
    rest.put({ ...set, rdatas: set.rdatas.filter(({ key }) => !taken.has(key)) });
  }
  return rest;
}

/** With `after` in place of `before`; `sets` itself if these are the same object. */
export function exchanged(
  sets: RecordSets,
  before: Iterable<RecordSet>,
  after: Iterable<RecordSet>,
): RecordSets {
  if (before === after) return sets;
  const result = without(sets, without(RecordSets.of(before), RecordSets.of(after)));
  for (const set of after) result.add(set);
  return result;
}

/** The records of `held` that are also in `sets`. */
export function common(held: HeldSets, sets: RecordSets): RecordSets {
  const both = new RecordSets();
  for (const { name, type, rdatas } of sets) {
    const set = held.set(name, type);
    if (set === undefined) continue;
    const keys = keysOf(rdatas);
    both.put({ ...set, rdatas: set.rdatas.filter(({ key }) => keys.has(key)) });
  }
  return both;
}

/** Each once, in the order they came. */
export function distinct(rdatas: readonly Rdata[]): readonly Rdata[] {
  if (rdatas.length < 2) return rdatas;
  const byKey = new Map<string, Rdata>();
  for (const rdata of rdatas) if (!byKey.has(rdata.key)) byKey.set(rdata.key, rdata);
  return byKey.size === rdatas.length ? rdatas : [...byKey.values()];
}

/** The same records in the same order, with the same TTL. */
export function isSame(a: RecordSet, b: RecordSet): boolean {
  if (a === b) return true;
  if (a.ttl !== b.ttl || a.rdatas.length !== b.rdatas.length) return false;
  return a.rdatas === b.rdatas || a.rdatas.every((rdata, i) => rdata === b.rdatas[i]);
}

export function keysOf(rdatas: readonly Rdata[]): Set<string> {
  return new Set(rdatas.map(({ key }) => key));
}

const NOTHING: readonly RecordSet[] = [];
