/**
 * What a server has refused when it was asked for that alone: sets that take no more records, as
 * BIND's of a hundred, records that it does not give up, and sets that it does not let be replaced.
 * They are spared for a while, so that they are in nobody's way, and then tried again: soon, and ever
 * more seldom, for what is the matter with the server (a disk that is full, a zone that is frozen, a
 * rule that is being mended) may pass any moment. A few are tried at a time, by turns, and for each
 * that is taken a few more.
 */
import type { Name, NameKey } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import { setKey } from "../../dns/record.ts";
import { Spared } from "./spared.ts";
import type { Step } from "./step.ts";

/** Of this set the server takes no more, or gives a record not up. */
export interface Obstacle {
  readonly name: Name;
  readonly type: number;
  readonly record: Rdata;
  readonly isRemoval: boolean;
  /** Records of the set that are published and that are wanted. */
  readonly published: number;
  readonly wanted: number;
}

export class Obstacles {
  /** Sets, by how many records they take. */
  readonly #full = new Spared<number>();
  /** Records. */
  readonly #stuck = new Spared<true>();
  /** Sets that are changed record by record. */
  #divided = new Spared<true>();
  #due: number | undefined;
  /** Milliseconds to the next of the tries that come soon. */
  #wait = SOON.first;
  /** Of each kind, how many are tried next. */
  #tries = TRIES;

  /** Is a step, which has been refused, no more than another try? */
  knows({ name, type, gone, come }: Step): boolean {
    return (
      gone.every((rdata) => this.isStuck(name, rdata)) &&
      (come.length === 0 || this.isFull(name.key, type))
    );
  }

  /** When some of them are worth a try. */
  get due(): number | undefined {
    return this.#due;
  }

  get isEmpty(): boolean {
    return this.#full.size + this.#stuck.size + this.#divided.size === 0;
  }

  /** A step of one record was refused, of a set with `published` others; undefined if not news. */
  add(step: Step, published: number, wanted: number, now: number): Obstacle | undefined {
    const { name, type, gone, come } = step;
    const isRemoval = gone.length > 0;
    const record = (gone[0] ?? come[0])!;
    this.#due ??= now + this.#wait;
    const key = isRemoval ? recordKey(name, record) : setKey(name, type);
    const isNews = isRemoval ? !this.#stuck.has(key) : this.#full.get(key) !== published;
    if (isRemoval) this.#stuck.put(key, true);
    else this.#full.put(key, published);
    return isNews ? { name, type, record, isRemoval, published, wanted } : undefined;
  }

  /** A step that replaces a set was refused. */
  divide({ name, type }: Step, now: number): void {
    this.#due ??= now + this.#wait;
    this.#divided.put(setKey(name, type), true);
  }

  /** An update was taken, and may have been a refresh. */
  succeeded(): void {
    this.#full.succeeded();
    this.#stuck.succeeded();
  }

  /** A step was taken, and the set has so many records now. Is something tried again for that? */
  clear({ name, type, gone }: Step, count: number, now: number): boolean {
    const key = setKey(name, type);
    const full = this.#full.get(key);
    let isOver = full !== undefined && count > full;
    if (isOver) this.#full.delete(key);
    for (const rdata of gone) if (this.#stuck.delete(recordKey(name, rdata))) isOver = true;
    if (isOver) {
      // What was refused is taken, so the rest may be as well.
      this.#wait = SOON.first;
      this.#due = now;
      this.#tries += MORE;
    }
    return isOver || full !== undefined;
  }

  /** What may be tried once more is what the next difference has of them. */
  retry(now: number): void {
    this.#divided = new Spared();
    this.#full.open(this.#tries);
    this.#stuck.open(this.#tries);
    this.#tries = TRIES;
    this.#due = this.isEmpty ? undefined : now + this.#wait;
    this.#wait = this.isEmpty ? SOON.first : Math.min(this.#wait * 2, SOON.most);
  }

  /** Of what is missing in a set, what may be added to what is there. */
  addable(name: Name, type: number, missing: readonly Rdata[], there: readonly Rdata[]) {
    const key = setKey(name, type);
    const full = this.#full.get(key);
    if (full === undefined || missing.length === 0) return missing;
    const known = new Set(there.map((rdata) => rdata.key));
    let room = Math.max(0, full - there.length) + (this.#full.mayTry(key) ? 1 : 0);
    return missing.filter((rdata) => known.has(rdata.key) || --room >= 0);
  }

  isFull(name: NameKey, type: number): boolean {
    return this.#full.has(setKey({ key: name }, type));
  }

  /** Is it the set that is refused, and not everything? */
  isToBlame(name: NameKey, type: number): boolean {
    return this.#full.isToBlame(setKey({ key: name }, type));
  }

  isDivided(name: Name, type: number): boolean {
    return this.#divided.has(setKey(name, type));
  }

  removable(name: Name, rdatas: readonly Rdata[]): readonly Rdata[] {
    if (this.#stuck.size === 0) return rdatas;
    return rdatas.filter((rdata) => this.#stuck.mayTry(recordKey(name, rdata)));
  }

  get hasStuck(): boolean {
    return this.#stuck.size > 0;
  }

  isStuck(name: Name, rdata: Rdata): boolean {
    return this.#stuck.has(recordKey(name, rdata));
  }
}

/** Of each kind, at a time. */
const TRIES = 2;
/** For each that is taken. */
const MORE = 8;
/** Milliseconds. */
const SOON = { first: 1000, most: 60_000 };

/** The length in front of the name keeps apart what would run together. */
function recordKey(name: Name, rdata: Rdata): string {
  return `${name.key.length} ${rdata.type} ${name.key}${rdata.key}`;
}
