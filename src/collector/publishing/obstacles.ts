/**
 * What a server has refused when it was asked for that alone: sets that take no more records, as
 * BIND's of a hundred, records that it does not give up, and sets that it does not let be replaced.
 * They are spared for a while, so that they are in nobody's way, and then tried again: soon where
 * nothing of the set is there, for then it is not full, and what is the matter with the server (a
 * disk that is full, a zone that is not loaded, a rule that is being mended) may pass any moment.
 *
 * Invariant: strangers choose what is refused, so no more is remembered than `MOST` of a kind. What
 * is forgotten, the oldest first, is tried again sooner than it would have been.
 */
import type { Name, NameKey } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import type { Step } from "./step.ts";

/** Of this set the server takes no more, or gives a record not up. */
export interface Refusal {
  readonly name: Name;
  readonly type: number;
  readonly isRemoval: boolean;
  /** Records of the set that are published and that are wanted. */
  readonly published: number;
  readonly wanted: number;
}

/** A set that takes no more records than `count`; as many as `room` are tried. */
interface Full {
  readonly count: number;
  readonly room: number;
}

export class Obstacles {
  readonly #full = new Map<string, Full>();
  /** Records; true where to remove it may be tried once more. */
  readonly #stuck = new Map<string, boolean>();
  /** Sets that are changed record by record. */
  readonly #divided = new Map<string, true>();
  #due: number | undefined;
  /** Milliseconds to the next of the tries that come soon. */
  #wait = SOON.first;

  /** When some of them are worth a try. */
  get due(): number | undefined {
    return this.#due;
  }

  get isEmpty(): boolean {
    return this.#full.size + this.#stuck.size + this.#divided.size === 0;
  }

  /** A step of one record was refused, of a set with `published` others; undefined if not news. */
  add(step: Step, published: number, wanted: number, now: number): Refusal | undefined {
    const { name, type, gone } = step;
    const [rdata] = gone;
    const isRemoval = rdata !== undefined;
    if (!isRemoval && published === 0) this.#due ??= now + this.#wait;
    const key = isRemoval ? recordKey(name, rdata) : setKey(name, type);
    const isNews = isRemoval ? !this.#stuck.has(key) : this.#full.get(key)?.count !== published;
    if (isRemoval) remember(this.#stuck, key, false);
    else remember(this.#full, key, { count: published, room: published });
    return isNews ? { name, type, isRemoval, published, wanted } : undefined;
  }

  /** A step that replaces a set was refused. */
  divide({ name, type }: Step): void {
    remember(this.#divided, setKey(name, type), true);
  }

  /** A step was taken, and the set has so many records now. Is something tried again for that? */
  clear({ name, type, gone }: Step, count: number): boolean {
    for (const rdata of gone) this.#stuck.delete(recordKey(name, rdata));
    const full = this.#full.get(setKey(name, type));
    if (full === undefined) return false;
    if (count > full.count) this.#full.delete(setKey(name, type));
    if (full.count === 0) {
      this.retry();
      this.#wait = SOON.first;
    }
    return true;
  }

  /** Each may be tried once more. */
  retry(): void {
    this.#due = undefined;
    this.#wait = Math.min(this.#wait * 2, SOON.most);
    this.#divided.clear();
    for (const [key, { count }] of this.#full) this.#full.set(key, { count, room: count + 1 });
    for (const key of this.#stuck.keys()) this.#stuck.set(key, true);
  }

  /** Of what is missing in a set, what may be added to what is there. */
  addable(name: Name, type: number, missing: readonly Rdata[], there: readonly Rdata[]) {
    const full = this.#full.get(setKey(name, type));
    if (full === undefined) return missing;
    const known = new Set(there.map(({ key }) => key));
    let room = full.room - there.length;
    return missing.filter(({ key }) => known.has(key) || --room >= 0);
  }

  isFull(name: NameKey, type: number): boolean {
    return this.#full.has(setKey({ key: name }, type));
  }

  isDivided(name: Name, type: number): boolean {
    return this.#divided.has(setKey(name, type));
  }

  removable(name: Name, rdatas: readonly Rdata[]): readonly Rdata[] {
    if (this.#stuck.size === 0) return rdatas;
    return rdatas.filter((rdata) => this.#stuck.get(recordKey(name, rdata)) !== false);
  }

  isStuck(name: Name, rdata: Rdata): boolean {
    return this.#stuck.has(recordKey(name, rdata));
  }
}

function remember<Value>(memory: Map<string, Value>, key: string, value: Value): void {
  memory.set(key, value);
  if (memory.size > MOST) memory.delete(memory.keys().next().value!);
}

/** Milliseconds. */
const SOON = { first: 1000, most: 60_000 };
/** A large site has some thousands of services, and a server that refuses all of them is heard of. */
const MOST = 10_000;

function setKey({ key }: Pick<Name, "key">, type: number): string {
  return `${type} ${key}`;
}

/** The length in front of the name keeps apart what would run together. */
function recordKey(name: Name, rdata: Rdata): string {
  return `${name.key.length} ${rdata.type} ${name.key}${rdata.key}`;
}
