/**
 * A bounded cache whose keys strangers choose. Entries asked for once are evicted in the order they
 * came. Those asked for again have a part of their own, where the least recently used goes first. So
 * made-up names, each asked for once, evict nothing but each other.
 */
import { AgedMap } from "../../agedmap.ts";

export interface RecentOptions {
  /** The most entries that were asked for once, and the most of the others. */
  readonly once: number;
  readonly often: number;
}

export class Recent<Value> {
  readonly #limits: RecentOptions;
  readonly #once = new AgedMap<string, Value>();
  readonly #often = new AgedMap<string, Value>();

  constructor(limits: RecentOptions) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#once.size + this.#often.size;
  }

  get(key: string): Value | undefined {
    const value = this.#often.get(key) ?? this.#once.get(key);
    if (value === undefined) return undefined;
    this.#once.delete(key);
    this.#often.delete(key);
    put(this.#often, key, value, this.#limits.often);
    return value;
  }

  set(key: string, value: Value): void {
    if (this.#often.has(key)) this.#often.set(key, value);
    else put(this.#once, key, value, this.#limits.once);
  }
}

function put<Value>(map: AgedMap<string, Value>, key: string, value: Value, limit: number): void {
  map.set(key, value);
  if (map.size > limit) map.delete(map.oldest!.key);
}
