/**
 * What failed and is left alone for a while, then retried: a few at a time, first what was left alone for
 * longest. Up to half of these may have failed along with everything else, and are not to blame; so they do
 * not wait for what fails for ever.
 *
 * Invariant: strangers choose what fails, so at most `MOST` is remembered. The oldest is forgotten first,
 * and retried sooner than it would have been.
 */
interface Thing<Value> {
  readonly value: Value;
  /** The number of successes when it first failed. */
  readonly successes: number;
  /** It failed again after something else had succeeded. */
  readonly isToBlame: boolean;
  /** True if it may be tried. */
  isOpen: boolean;
  /** True if anybody has asked whether it may be, since the last `open`. */
  isWanted: boolean;
}

export class Deferred<Value> {
  readonly #things = new Map<string, Thing<Value>>();
  #successes = 0;

  get size(): number {
    return this.#things.size;
  }

  has(key: string): boolean {
    return this.#things.has(key);
  }

  get(key: string): Value | undefined {
    return this.#things.get(key)?.value;
  }

  isToBlame(key: string): boolean {
    return this.#things.get(key)?.isToBlame === true;
  }

  /** It failed, perhaps again. */
  put(key: string, value: Value): void {
    const { successes = this.#successes, isToBlame: wasToBlame = false } =
      this.#things.get(key) ?? {};
    const isToBlame = wasToBlame || successes < this.#successes;
    this.#things.delete(key);
    this.#things.set(key, { value, successes, isToBlame, isOpen: false, isWanted: false });
    if (this.#things.size > MOST) this.#things.delete(this.#things.keys().next().value!);
  }

  /** Something else succeeded. */
  succeeded(): void {
    this.#successes++;
  }

  delete(key: string): boolean {
    return this.#things.delete(key);
  }

  /** Whoever asks wants to try it. */
  mayTry(key: string): boolean {
    const thing = this.#things.get(key);
    if (thing === undefined) return true;
    thing.isWanted = true;
    return thing.isOpen;
  }

  /** Lets so many be tried. What was open and not asked for is forgotten. */
  open(count: number): void {
    const closed: Thing<Value>[] = [];
    let left = count;
    for (const [key, thing] of this.#things) {
      if (!thing.isOpen) closed.push(thing);
      else if (thing.isWanted) left--;
      else this.#things.delete(key);
      thing.isWanted = false;
    }
    if (left <= 0) return;
    const innocent = closed.filter(({ isToBlame }) => !isToBlame).slice(0, left / 2);
    for (const thing of innocent) thing.isOpen = true;
    const others = closed.filter(({ isOpen }) => !isOpen).slice(0, left - innocent.length);
    for (const thing of others) thing.isOpen = true;
  }
}

/** A large site has some thousands of services, and some servers refuse all of them. */
const MOST = 10_000;
