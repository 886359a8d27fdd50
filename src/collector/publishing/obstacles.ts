/**
 * What a server has refused when asked for nothing else: sets that take no more records, such as BIND's of
 * a hundred, records that it does not remove, and sets that it does not let be replaced. They are left out
 * for a while, so that they block nothing else, and then retried: soon, and with growing back-off, since
 * what is wrong with the server (a full disk, a frozen zone, a rule being mended) may pass at any moment. A
 * few are tried at a time, in turns, and a few more for each that is taken.
 */
import type { Name, NameKey } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import { setKey } from "../../dns/record.ts";
import { Deferred } from "./deferred.ts";
import type { Step } from "./step.ts";

/** A set of which the server takes no more records, or does not remove one. */
export interface Obstacle {
  readonly name: Name;
  readonly type: number;
  readonly record: Rdata;
  readonly isRemoval: boolean;
  /** The numbers of records of the set that are published and that are wanted. */
  readonly published: number;
  readonly wanted: number;
}

export class Obstacles {
  /** Full sets, with the number of records that they take. */
  readonly #full = new Deferred<number>();
  /** Records that the server does not remove. */
  readonly #stuck = new Deferred<true>();
  /** Sets that are changed record by record. */
  #divided = new Deferred<true>();
  #due: number | undefined;
  /** Milliseconds to the next retry. */
  #wait = SOON.first;
  /** How many of each kind are tried next. */
  #tries = TRIES;

  /** True if a refused step was only a retry. */
  knows({ name, type, gone, come }: Step): boolean {
    return (
      gone.every((rdata) => this.isStuck(name, rdata)) &&
      (come.length === 0 || this.isFull(name.key, type))
    );
  }

  /** When to retry some of them. */
  get due(): number | undefined {
    return this.#due;
  }

  get isEmpty(): boolean {
    return this.#full.size + this.#stuck.size + this.#divided.size === 0;
  }

  /** A step of one record was refused, of a set with `published` others; undefined if that is not news. */
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

  /** An update was taken, perhaps a renewal. */
  succeeded(): void {
    this.#full.succeeded();
    this.#stuck.succeeded();
  }

  /** A step was taken, and its set now has `count` records. True if that calls for a retry. */
  clear({ name, type, gone }: Step, count: number, now: number): boolean {
    const key = setKey(name, type);
    const full = this.#full.get(key);
    let isOver = full !== undefined && count > full;
    if (isOver) this.#full.delete(key);
    for (const rdata of gone) if (this.#stuck.delete(recordKey(name, rdata))) isOver = true;
    if (isOver) {
      // Something that was refused is taken, so the rest may be too.
      this.#wait = SOON.first;
      this.#due = now;
      this.#tries += MORE;
    }
    return isOver || full !== undefined;
  }

  /** Opens a few for a retry; the next difference tries those that it needs. */
  retry(now: number): void {
    this.#divided = new Deferred();
    this.#full.open(this.#tries);
    this.#stuck.open(this.#tries);
    this.#tries = TRIES;
    this.#due = this.isEmpty ? undefined : now + this.#wait;
    this.#wait = this.isEmpty ? SOON.first : Math.min(this.#wait * 2, SOON.most);
  }

  /** The missing records of a set that may be added to those that are there. */
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

  /** True if the set itself is refused, and not everything. */
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

/** How many of each kind are tried at a time. */
const TRIES = 2;
/** How many more for each that is taken. */
const MORE = 8;
/** Milliseconds. */
const SOON = { first: 1000, most: 60_000 };

/** The length in front keeps keys apart that would otherwise be the same. */
function recordKey(name: Name, rdata: Rdata): string {
  return `${name.key.length} ${rdata.type} ${name.key}${rdata.key}`;
}
