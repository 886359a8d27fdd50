/**
 * A zone at one serial (RFC 1034 §4.2). It never changes: a reader may keep it as long as it likes,
 * and the next snapshot shares everything with it but what differs.
 *
 * Invariant: the nodes are the names, from the origin down, that have records or lie above one that
 * has; empty non-terminals are nodes like any other (RFC 4592 §2.2.2). Each knows how many nodes lie
 * directly beneath it. There is exactly one SOA, at the origin.
 */
import { Type } from "../dns/constants.ts";
import { FormatError } from "../dns/format.ts";
import { type Name, type NameKey, rankOf } from "../dns/name.ts";
import { soaOf } from "../dns/rdata.ts";
import type { RecordSet } from "../dns/record.ts";
import { batches } from "./batches.ts";
import { Trie, type TrieEdit } from "./trie.ts";

export interface Node {
  readonly name: Name;
  /** `name.key`. */
  readonly key: NameKey;
  /** In ascending order of type; empty at an empty non-terminal. */
  readonly sets: readonly RecordSet[];
  /** How many nodes have this one as their parent. */
  readonly children: number;
}

/** A record set that was removed, by name and type. */
export interface Gone {
  readonly name: Name;
  readonly type: number;
}

export class Snapshot implements Iterable<RecordSet> {
  readonly origin: Name;
  readonly soa: RecordSet;
  readonly serial: number;
  /** The SOA for negative answers, whose TTL it sets (RFC 2308 §3, §5). */
  readonly negativeSoa: RecordSet;
  /** The number of records. */
  readonly size: number;
  /** The number of sets that hide what lies beneath their name: NS below the origin, and DNAME. */
  readonly cuts: number;
  readonly #nodes: Trie<Node>;

  private constructor(origin: Name, nodes: Trie<Node>, size: number, cuts: number) {
    const soa = nodes.get(origin.key)?.sets.find((set) => set.type === Type.SOA);
    if (soa?.rdatas.length !== 1) throw new FormatError(`zone ${origin}: one SOA is expected`);
    const { serial, minimum } = soaOf(soa.rdatas[0]!);
    this.origin = origin;
    this.soa = soa;
    this.serial = serial;
    this.negativeSoa = { ...soa, ttl: Math.min(soa.ttl, minimum) };
    this.size = size;
    this.cuts = cuts;
    this.#nodes = nodes;
  }

  /** A zone of these sets, one for each name and type, all at `origin` or beneath it. */
  static of(origin: Name, sets: Iterable<RecordSet>): Snapshot {
    const { nodes, size, cuts } = plant(new Trie<Node>().edit(), origin, [], sets);
    return new Snapshot(origin, nodes, size, cuts);
  }

  /**
   * This zone without the sets in `gone`, and with those in `sets` added or replaced. Of a chain of
   * snapshots made by one `owner`, each from the one before, only the last may be read.
   */
  with(gone: Iterable<Gone>, sets: Iterable<RecordSet>, owner?: object): Snapshot {
    const { nodes, size, cuts } = plant(this.#nodes.edit(owner), this.origin, gone, sets);
    return new Snapshot(this.origin, nodes, this.size + size, this.cuts + cuts);
  }

  /** The node at a name, which may be an empty non-terminal. */
  node(key: NameKey): Node | undefined {
    return this.#nodes.get(key);
  }

  /** In no particular order. */
  nodes(): Iterable<Node> {
    return this.#nodes.values();
  }

  /** All sets, in no particular order: sorting them costs many times as much. */
  *sets(): Generator<RecordSet> {
    for (const { sets } of this.nodes()) yield* sets;
  }

  set(name: Name, type: number): RecordSet | undefined {
    const node = this.#nodes.get(name.key);
    return node === undefined ? undefined : setOf(node, type);
  }

  /** The SOA first, then in canonical order of names (RFC 4034 §6.1) and ascending order of type. */
  *[Symbol.iterator](): Generator<RecordSet> {
    for (const piece of this.pieces()) yield* piece;
  }

  /** The same in pieces, the first of them empty; each takes a few milliseconds at most to make. */
  *pieces(): Generator<readonly RecordSet[]> {
    const sorted: SortedNodes[] = [];
    for (const nodes of batches(this.nodes(), SORTED)) {
      const ranked = nodes.map((node) => ({ node, rank: rankOf(node.name) }));
      sorted.push({ nodes: ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1)), at: 0 });
      yield [];
    }
    // A sorted array is a heap.
    sorted.sort((a, b) => (rankAhead(a) < rankAhead(b) ? -1 : 1));
    let piece: RecordSet[] = [this.soa];
    for (let node = takeLowest(sorted); node !== undefined; node = takeLowest(sorted)) {
      for (const set of node.sets) if (set !== this.soa) piece.push(set);
      if (piece.length < PIECE) continue;
      yield piece;
      piece = [];
    }
    yield piece;
  }
}

interface RankedNode {
  readonly node: Node;
  readonly rank: string;
}

interface SortedNodes {
  readonly nodes: readonly RankedNode[];
  /** Index of the first node that has not been taken; there always is one. */
  at: number;
}

function rankAhead({ nodes, at }: SortedNodes): string {
  return nodes[at]!.rank;
}

/** Takes the lowest node from a heap of lists, ordered by `rankAhead`; undefined if none is left. */
function takeLowest(lists: SortedNodes[]): Node | undefined {
  const lowest = lists[0];
  if (lowest === undefined) return undefined;
  const { node } = lowest.nodes[lowest.at++]!;
  const moved = lowest.at < lowest.nodes.length ? lowest : lists.pop()!;
  if (lists.length === 0) return node;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    if (below + 1 < lists.length && rankAhead(lists[below + 1]!) < rankAhead(lists[below]!))
      below++;
    if (below >= lists.length || rankAhead(moved) <= rankAhead(lists[below]!)) break;
    lists[at] = lists[below]!;
    at = below;
  }
  lists[at] = moved;
  return node;
}

/** Nodes sorted at a time, and sets to a piece. */
const SORTED = 512;
const PIECE = 256;

export function setOf(node: Node, type: number): RecordSet | undefined {
  for (const set of node.sets) if (set.type === type) return set;
  return undefined;
}

//---- Nodes ----

/** Applies a change; returns the nodes after it, and by how much the records and cuts have grown. */
function plant(
  nodes: TrieEdit<Node>,
  origin: Name,
  gone: Iterable<Gone>,
  sets: Iterable<RecordSet>,
): { nodes: Trie<Node>; size: number; cuts: number } {
  let size = 0;
  let cuts = 0;
  const count = (set: RecordSet | undefined, sign: 1 | -1) => {
    if (set === undefined) return;
    size += sign * set.rdatas.length;
    if (isCut(set, origin)) cuts += sign;
  };
  for (const set of sets) {
    if (!set.name.isUnder(origin)) throw new FormatError(`${set.name} is not under ${origin}`);
    count(put(nodes, origin, set), -1);
    count(set, 1);
  }
  for (const set of gone) count(remove(nodes, origin, set), -1);
  return { nodes: nodes.done(), size, cuts };
}

/** Returns the set that `set` replaces. */
function put(nodes: TrieEdit<Node>, origin: Name, set: RecordSet): RecordSet | undefined {
  const node = nodes.get(set.name.key);
  if (node === undefined) {
    nodes.set(nodeOf(set.name, [set], 0));
    if (!set.name.equals(origin)) grow(nodes, origin, set.name);
    return undefined;
  }
  const at = node.sets.findIndex((other) => other.type >= set.type);
  const index = at < 0 ? node.sets.length : at;
  const old = node.sets[index]?.type === set.type ? node.sets[index] : undefined;
  const sets = node.sets.toSpliced(index, old === undefined ? 0 : 1, set);
  nodes.set(nodeOf(node.name, sets, node.children));
  return old;
}

/** Counts the new node at `name` as a child of its parent, which is created if missing. */
function grow(nodes: TrieEdit<Node>, origin: Name, name: Name): void {
  const key = name.parentKey;
  const parent = nodes.get(key);
  if (parent !== undefined) {
    nodes.set(nodeOf(parent.name, parent.sets, parent.children + 1));
    return;
  }
  const above = name.parent!;
  nodes.set(nodeOf(above, [], 1));
  if (!above.equals(origin)) grow(nodes, origin, above);
}

/** Returns the set that was removed. */
function remove(nodes: TrieEdit<Node>, origin: Name, { name, type }: Gone): RecordSet | undefined {
  const node = nodes.get(name.key);
  const old = node && setOf(node, type);
  if (old === undefined) return undefined;
  const sets = node!.sets.filter((set) => set !== old);
  replace(nodes, origin, nodeOf(node!.name, sets, node!.children));
  return old;
}

/** Replaces the node of the same name by `node`, or removes it if nothing is left of it. */
function replace(nodes: TrieEdit<Node>, origin: Name, node: Node): void {
  if (node.sets.length > 0 || node.children > 0 || node.name.equals(origin)) {
    nodes.set(node);
    return;
  }
  nodes.delete(node.key);
  const { name, sets, children } = nodes.get(node.name.parentKey)!;
  replace(nodes, origin, nodeOf(name, sets, children - 1));
}

function nodeOf(name: Name, sets: readonly RecordSet[], children: number): Node {
  return { name, key: name.key, sets, children };
}

/** Does this set hide what lies beneath its name? */
function isCut({ name, type }: Gone, origin: Name): boolean {
  return type === Type.DNAME || (type === Type.NS && !name.equals(origin));
}
