/**
 * A persistent map of keyed values: a hash array mapped trie (Phil Bagwell, "Ideal Hash Trees", 2001).
 * A Trie never changes; a TrieEdit makes the next one, copying the branches on the way to what it
 * changes and sharing the rest. Branches made by the same owner, in this edit or an earlier one, are
 * changed in place, so that filling a large map copies no more than it must.
 *
 * Invariants: a branch below the root holds at least two values, directly or beneath it; each level
 * uses five bits of the hash of a value's key, and every six levels another hash.
 */
import { randomInt } from "node:crypto";

export interface Keyed {
  readonly key: string;
}

export class Trie<V extends Keyed> {
  readonly root: Branch<V>;

  constructor(root: Branch<V> = new Branch<V>(0, [], undefined)) {
    this.root = root;
  }

  get(key: string): V | undefined {
    return find(this.root, key);
  }

  /** Tries that the same owner made before must not be read any more: this edit may change them. */
  edit(owner?: object): TrieEdit<V> {
    return new TrieEdit(this, owner ?? {});
  }

  /** In no particular order. */
  *values(): Generator<V> {
    const left: Slot<V>[] = [this.root];
    for (let slot = left.pop(); slot !== undefined; slot = left.pop()) {
      if (slot instanceof Branch) left.push(...slot.slots);
      else yield slot;
    }
  }
}

export class TrieEdit<V extends Keyed> {
  #root: Branch<V>;
  /** Marks the branches that nobody else has seen, which may change in place. */
  readonly #owner: object;

  constructor(trie: Trie<V>, owner: object) {
    this.#root = trie.root;
    this.#owner = owner;
  }

  get(key: string): V | undefined {
    return find(this.#root, key);
  }

  set(value: V): void {
    this.#root = this.#put(this.#root, 0, hashOf(value.key, 0), value);
  }

  delete(key: string): void {
    if (find(this.#root, key) === undefined) return;
    const left = this.#remove(this.#root, 0, hashOf(key, 0), key);
    this.#root = left instanceof Branch ? left : new Branch(0, [], this.#owner);
  }

  /** Ends the edit and returns the trie made. */
  done(): Trie<V> {
    return new Trie(this.#root);
  }

  #put(branch: Branch<V>, level: number, hash: number, value: V): Branch<V> {
    const bit = 1 << (hash & 31);
    const index = countBits(branch.bitmap & (bit - 1));
    if ((branch.bitmap & bit) === 0) {
      const slots = branch.slots.toSpliced(index, 0, value);
      return this.#change(branch, branch.bitmap | bit, slots);
    }
    const slot = branch.slots[index]!;
    let changed: Slot<V>;
    if (slot instanceof Branch) {
      changed = this.#put(slot, level + 1, below(hash, level, value.key), value);
      if (changed === slot) return branch;
    } else if (slot.key === value.key) {
      changed = value;
    } else {
      const fork = new Branch<V>(0, [], this.#owner);
      const old = hashAt(slot.key, level + 1);
      fork.bitmap = 1 << (old & 31);
      fork.slots = [slot];
      changed = this.#put(fork, level + 1, below(hash, level, value.key), value);
    }
    if (branch.owner === this.#owner) {
      branch.slots[index] = changed;
      return branch;
    }
    return this.#change(branch, branch.bitmap, branch.slots.with(index, changed));
  }

  /** What is left of `branch` without `key`, which it contains: nothing, a single value, or a branch. */
  #remove(branch: Branch<V>, level: number, hash: number, key: string): Slot<V> | undefined {
    const bit = 1 << (hash & 31);
    const index = countBits(branch.bitmap & (bit - 1));
    const slot = branch.slots[index]!;
    const left =
      slot instanceof Branch
        ? this.#remove(slot, level + 1, below(hash, level, key), key)
        : undefined;
    if (left !== undefined) {
      if (level > 0 && branch.slots.length === 1 && !(left instanceof Branch)) return left;
      return this.#change(branch, branch.bitmap, branch.slots.with(index, left));
    }
    if (branch.slots.length === 1) return undefined;
    if (level > 0 && branch.slots.length === 2) {
      const other = branch.slots[1 - index]!;
      if (!(other instanceof Branch)) return other;
    }
    return this.#change(branch, branch.bitmap & ~bit, branch.slots.toSpliced(index, 1));
  }

  #change(branch: Branch<V>, bitmap: number, slots: Slot<V>[]): Branch<V> {
    if (branch.owner !== this.#owner) return new Branch(bitmap, slots, this.#owner);
    branch.bitmap = bitmap;
    branch.slots = slots;
    return branch;
  }
}

type Slot<V extends Keyed> = Branch<V> | V;

/** Up to 32 slots, packed together; the bits of `bitmap` tell which exist. */
class Branch<V extends Keyed> {
  bitmap: number;
  slots: Slot<V>[];
  readonly owner: object | undefined;

  constructor(bitmap: number, slots: Slot<V>[], owner: object | undefined) {
    this.bitmap = bitmap;
    this.slots = slots;
    this.owner = owner;
  }
}

function find<V extends Keyed>(root: Branch<V>, key: string): V | undefined {
  let branch = root;
  let hash = hashOf(key, 0);
  for (let level = 0; ; level++) {
    const bit = 1 << (hash & 31);
    if ((branch.bitmap & bit) === 0) return undefined;
    const slot = branch.slots[countBits(branch.bitmap & (bit - 1))]!;
    if (!(slot instanceof Branch)) return slot.key === key ? slot : undefined;
    branch = slot;
    hash = below(hash, level, key);
  }
}

/** A hash of 32 bits serves six levels of five bits. */
const LEVELS = 6;

/** The hash for the level beneath `level`, where `hash` was used. */
function below(hash: number, level: number, key: string): number {
  const next = level + 1;
  return next % LEVELS === 0 ? hashOf(key, next) : hash >>> 5;
}

function hashAt(key: string, level: number): number {
  const within = level % LEVELS;
  return hashOf(key, level - within) >>> (5 * within);
}

/** Names come from strangers, who could choose names of the same hash if they knew the seed. */
const SEED = randomInt(2 ** 32);

/** 32 bits, different for each `salt`. The constants are those of MurmurHash2 and its mixer. */
function hashOf(key: string, salt: number): number {
  let hash = SEED ^ Math.imul(salt, 0x9e3779b9);
  for (let i = 0; i < key.length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x5bd1e995);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ (hash >>> 13), 0x5bd1e995);
  return (hash ^ (hash >>> 15)) >>> 0;
}

function countBits(bits: number): number {
  let count = bits - ((bits >>> 1) & 0x55555555);
  count = (count & 0x33333333) + ((count >>> 2) & 0x33333333);
  return Math.imul((count + (count >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
