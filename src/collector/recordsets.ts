/** Record sets by name and type, each with its least TTL and no record twice (RFC 2181 §5). */
import type { Name, NameKey } from "../dns/name.ts";
import type { Rdata } from "../dns/rdata.ts";
import type { RecordSet } from "../dns/record.ts";

export class RecordSets implements Iterable<RecordSet> {
  /** A name has few types, so a list serves better than a map. */
  readonly #names = new Map<NameKey, GrowingSet[]>();

  static of(sets: Iterable<RecordSet>): RecordSets {
    const result = new RecordSets();
    for (const set of sets) result.put(set);
    return result;
  }

  get isEmpty(): boolean {
    return this.#names.size === 0;
  }

  /** The sets of a name. */
  at(name: NameKey): readonly RecordSet[] {
    return this.#names.get(name) ?? NOTHING;
  }

  get(name: NameKey, type: number): RecordSet | undefined {
    return this.at(name).find((set) => set.type === type);
  }

  /** In place of what is there; nothing in its place where it has no record. */
  put({ name, type, ttl, rdatas }: RecordSet): void {
    const others = this.#names.get(name.key)?.filter((set) => set.type !== type) ?? [];
    if (rdatas.length > 0) {
      const set = new GrowingSet(name, type);
      for (const rdata of rdatas) set.add(ttl, rdata);
      others.push(set);
    }
    if (others.length > 0) this.#names.set(name.key, others);
    else this.#names.delete(name.key);
  }

  /** The set of a name and type, for a record to be added to it; made where there is none. */
  open(name: Name, type: number): GrowingSet {
    let sets = this.#names.get(name.key);
    if (sets === undefined) {
      sets = [];
      this.#names.set(name.key, sets);
    }
    for (const set of sets) if (set.type === type) return set;
    const set = new GrowingSet(name, type);
    sets.push(set);
    return set;
  }

  *[Symbol.iterator](): Iterator<RecordSet> {
    for (const sets of this.#names.values()) yield* sets;
  }
}

export class GrowingSet implements RecordSet {
  readonly name: Name;
  readonly type: number;
  readonly rdatas: Rdata[] = [];
  ttl = Number.POSITIVE_INFINITY;
  /** Of a large set. */
  #keys: Set<string> | undefined;

  constructor(name: Name, type: number) {
    this.name = name;
    this.type = type;
  }

  add(ttl: number, rdata: Rdata): void {
    this.ttl = Math.min(this.ttl, ttl);
    if (!this.#has(rdata)) this.rdatas.push(rdata);
  }

  /** Of a large set, it is entered as well. */
  #has(rdata: Rdata): boolean {
    if (this.rdatas.length < LARGE) return this.rdatas.some((other) => other.equals(rdata));
    this.#keys ??= new Set(this.rdatas.map(({ key }) => key));
    const { size } = this.#keys;
    return this.#keys.add(rdata.key).size === size;
  }
}

const NOTHING: readonly RecordSet[] = [];
const LARGE = 8;
