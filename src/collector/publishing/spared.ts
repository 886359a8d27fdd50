/**
 * What went wrong and is left alone for a while, then tried again: a few at a time, of which half are
 * those that were left alone for longest, and half those that were tried least. So each has its turn,
 * and what went wrong a moment ago does not wait for all that goes wrong for ever.
 *
 * Invariant: strangers choose what goes wrong, so no more than `MOST` is remembered. What is
 * forgotten, the oldest first, is tried again sooner than it would have been.
 */
interface Thing<Value> {
  readonly value: Value;
  /** How often it went wrong. */
  readonly times: number;
  /** May it be tried? */
  isOpen: boolean;
  /** Has anybody asked whether it may be, since it was opened? */
  isWanted: boolean;
}

export class Spared<Value> {
  readonly #things = new Map<string, Thing<Value>>();

  get size(): number {
    return this.#things.size;
  }

  has(key: string): boolean {
    return this.#things.has(key);
  }

  get(key: string): Value | undefined {
    return this.#things.get(key)?.value;
  }

  /** It went wrong, perhaps once more. */
  put(key: string, value: Value): void {
    const times = (this.#things.get(key)?.times ?? 0) + 1;
    this.#things.delete(key);
    this.#things.set(key, { value, times, isOpen: false, isWanted: false });
    if (this.#things.size > MOST) this.#things.delete(this.#things.keys().next().value!);
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
    const half = Math.max(0, left) / 2;
    const eldest = closed.splice(0, Math.ceil(half));
    const newest = closed.toSorted((a, b) => a.times - b.times).slice(0, Math.floor(half));
    for (const thing of [...eldest, ...newest]) thing.isOpen = true;
  }
}

/** A large site has some thousands of services, and a server that refuses all of them is heard of. */
const MOST = 10_000;
