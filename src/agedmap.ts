/**
 * A map that knows its oldest entry, the one that a bounded cache evicts. A plain Map knows it too, but
 * finds it more slowly the more entries were deleted ahead of it: with 50,000 that come and go, in 20 µs.
 */

export interface Aged<K, V> {
  readonly key: K;
  readonly value: V;
}

interface Place<K, V> extends Aged<K, V> {
  value: V;
  older: Place<K, V> | undefined;
  newer: Place<K, V> | undefined;
}

export class AgedMap<K, V> {
  readonly #places = new Map<K, Place<K, V>>();
  #oldest: Place<K, V> | undefined;
  #newest: Place<K, V> | undefined;

  get size(): number {
    return this.#places.size;
  }

  /** The entry that was added first. */
  get oldest(): Aged<K, V> | undefined {
    return this.#oldest;
  }

  has(key: K): boolean {
    return this.#places.has(key);
  }

  get(key: K): V | undefined {
    return this.#places.get(key)?.value;
  }

  /** A key that is present already keeps its age. */
  set(key: K, value: V): void {
    const known = this.#places.get(key);
    if (known !== undefined) {
      known.value = value;
      return;
    }
    const place = { key, value, older: this.#newest, newer: undefined };
    if (this.#newest === undefined) this.#oldest = place;
    else this.#newest.newer = place;
    this.#newest = place;
    this.#places.set(key, place);
  }

  delete(key: K): boolean {
    const place = this.#places.get(key);
    if (place === undefined) return false;
    const { older, newer } = place;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    // A deleted place in the old generation of the heap would keep its neighbours from early collection.
    place.older = undefined;
    place.newer = undefined;
    return this.#places.delete(key);
  }
}
