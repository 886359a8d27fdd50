/** Record sets by name and type, each with its least TTL and no record twice (RFC 2181 §5). */
import type { Name, NameKey } from "../dns/name.ts";
import type { Rdata } from "../dns/rdata.ts";
import type { RecordSet } from "../dns/record.ts";
import { obtain } from "./obtain.ts";

export class RecordSets implements Iterable<RecordSet> {
  /** A name has few types, so a list serves better than a map. */
  readonly #names = new Map<NameKey, Growing[]>();

  static of(sets: Iterable<RecordSet>): RecordSets {
    const result = new RecordSets();
    for (const set of sets) result.put(set);
    return result;
  }

  get(name: NameKey, type: number): RecordSet | undefined {
    return this.#names.get(name)?.find((set) => set.type === type);
  }

  /** In place of what is there, or nothing in its place where there is no record in it. */
  put(set: RecordSet): void {
    const others = this.#names.get(set.name.key)?.filter(({ type }) => type !== set.type) ?? [];
    if (set.rdatas.length > 0) others.push({ ...set, rdatas: [...set.rdatas] });
    if (others.length > 0) this.#names.set(set.name.key, others);
    else this.#names.delete(set.name.key);
  }

  add(name: Name, ttl: number, rdata: Rdata): void {
    const sets = obtain(this.#names, name.key, () => []);
    const { type } = rdata;
    const set = sets.find((other) => other.type === type);
    if (set === undefined) {
      sets.push({ name, type, ttl, rdatas: [rdata] });
    } else if (!has(set, rdata)) {
      set.ttl = Math.min(set.ttl, ttl);
      set.rdatas.push(rdata);
    } else {
      set.ttl = Math.min(set.ttl, ttl);
    }
  }

  *[Symbol.iterator](): Iterator<RecordSet> {
    for (const sets of this.#names.values()) yield* sets;
  }
}

interface Growing extends RecordSet {
  ttl: number;
  readonly rdatas: Rdata[];
  /** Of a large set. */
  keys?: Set<string>;
}

function has(set: Growing, rdata: Rdata): boolean {
  if (set.rdatas.length < LARGE) return set.rdatas.some((other) => other.equals(rdata));
  set.keys ??= new Set(set.rdatas.map(({ key }) => key));
  const { size } = set.keys;
  return set.keys.add(rdata.key).size === size;
}

const LARGE = 8;
