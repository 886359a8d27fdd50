/**
 * What went wrong and is left alone for a while, then tried again: a few at a time, those that were
 * left alone for longest. Half of them are such as may have gone wrong with everything else, and are
 * not to blame; these do not wait for all that goes wrong for ever.
 *
 * Invariant: strangers choose what goes wrong, so no more than `MOST` is remembered. What is
 * forgotten, the oldest first, is tried again sooner than it would have been.
 */
interface Thing<Value> {
  readonly value: Value;
  /** How many things had gone well when it went wrong first. */
  readonly successes: number;
  /** It went wrong again after something else had gone well. */
  readonly isToBlame: boolean;
  /** May it be tried? */
  isOpen: boolean;
  /** Has anybody asked whether it may be, since it was opened? */
  isWanted: boolean;
}

export class Spared<Value> {
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

  /** It went wrong, perhaps once more. */
  put(key: string, value: Value): void {
    const { successes = this.#successes, isToBlame: wasToBlame = false } =
      this.#things.get(key) ?? {};
    const isToBlame = wasToBlame || successes < this.#successes;
    this.#things.delete(key);
    this.#things.set(key, { value, successes, isToBlame, isOpen: false, isWanted: false });
    if (this.#things.size > MOST) this.#things.delete(this.#things.keys().next().value!);
  }

  /** Something else went well. */
  succeeded(): void {
    this.#successes++;
  }

  delete(key: string): boolean {
    return this.#things.delete(key);
  }

  /** Who asks wants to try it. */
  mayTry(key: string): boolean {
    const thing = this.#things.get(key);
    if (thing === undefined) return true;
    thing.isWanted = true;
    return thing.isOpen;
  }

  /** So many may be tried. What might have been and was not asked for is forgotten. */
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

/** A large site has some thousands of services, and a server that refuses all of them is heard of. */
const MOST = 10_000;
