/**
 * A binary heap whose items know their place in it, so that moving or removing one takes logarithmic
 * time and no search. The first item is the one with the least `rank`.
 *
 * Invariant: an item is in at most one heap, and its `rank` changes only through `place`.
 */

export interface Ranked {
  rank: number;
  /** The item's place in its heap, -1 when it is in none. Only the heap writes it. */
  index: number;
}

export class Heap<T extends Ranked> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  /** The items of this rank or less, in no particular order. The heap must not change meanwhile. */
  *upTo(rank: number): Generator<T> {
    const ahead = [0];
    for (let at = ahead.pop(); at !== undefined; at = ahead.pop()) {
      const item = this.#items[at];
      if (item === undefined || item.rank > rank) continue;
      yield item;
      ahead.push(2 * at + 2, 2 * at + 1);
    }
  }

  /** Inserts an item, or moves it to its new place. */
  place(item: T, rank: number): void {
    item.rank = rank;
    if (item.index < 0) {
      item.index = this.#items.length;
      this.#items.push(item);
    }
    this.#settle(item);
  }

  remove(item: T): void {
    if (item.index < 0) return;
    const last = this.#items.pop()!;
    if (last !== item) {
      last.index = item.index;
      this.#items[last.index] = last;
      this.#settle(last);
    }
    item.index = -1;
  }

  #settle(item: T): void {
    const items = this.#items;
    let at = item.index;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (items[above]!.rank <= item.rank) break;
      this.#set(at, items[above]!);
      at = above;
    }
    for (;;) {
      let below = 2 * at + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && items[below + 1]!.rank < items[below]!.rank) below++;
      if (items[below]!.rank >= item.rank) break;
      this.#set(at, items[below]!);
      at = below;
    }
    this.#set(at, item);
  }

  #set(at: number, item: T): void {
    item.index = at;
    this.#items[at] = item;
  }
}
