/**
 * Ready-made answers: a cache from the octets of a query, except its id, to the octets of its response.
 * Nearly every query takes this path, so it does as little as possible.
 *
 * Invariant: what is served is, octet for octet, what the Handler would answer at that moment. So
 *
 * - only a response that is a pure function of the query's octets and of one zone is entered: one
 *   question of class IN, no EDNS option, no further record, NOERROR or NXDOMAIN, not truncated, and
 *   nothing that expires, as signatures do;
 * - an entry lives as long as the names that its answer was made from (`Answer.names`) are untouched. A
 *   Change touches the names of its sets and, as empty non-terminals may come and go, the names above
 *   them. Cuts, DNAMEs and wildcards affect the names beneath them, so a Change of one touches all entries;
 * - nothing relies on being notified of a Change: each use compares the zone's snapshot with the one that
 *   the entries are valid for, and catches up first.
 *
 * Strangers choose what is asked, so entries and their memory are bounded, the oldest is evicted first,
 * and a name is entered only in the letter case in which the zone has it: clients that randomise the
 * case of each query (draft-vixie-dnsext-dns0x20) are answered by the Handler and leave the table alone.
 */
import { AgedMap } from "../agedmap.ts";
import { Class, Opcode, Rcode } from "../dns/constants.ts";
import type { Message, Question } from "../dns/message.ts";
import type { Name, NameKey } from "../dns/name.ts";
import type { Ready, Request } from "../net/server/handler.ts";
import type { Snapshot } from "../zone/snapshot.ts";
import { type Change, movesCut } from "../zone/update/change.ts";
import type { Zone } from "../zone/zone.ts";
import type { Catalog } from "./catalog.ts";
import { accountOf } from "./limits.ts";

/** The parts of a Zone needed to cache its answers. */
export type FollowedZone = Pick<Zone, "origin" | "current" | "since">;

export interface ReadyOptions {
  readonly catalog: Catalog;
  /** Those of the catalog's zones whose answers may be cached. */
  readonly zones: Iterable<FollowedZone>;
  readonly maxEntries?: number;
  /** Octets of memory. */
  readonly maxOctets?: number;
}

/** A zone with the entries made from it, by the names that they depend on. */
interface Part {
  readonly zone: FollowedZone;
  /** The snapshot that the entries are valid for. */
  snapshot: Snapshot;
  readonly dependants: Map<NameKey, Set<Entry>>;
}

export interface ReadyAnswer {
  readonly response: Uint8Array;
  /** The account to which it is charged (see `limits.ts`). */
  readonly account: number;
}

interface Entry extends ReadyAnswer {
  /** The query's octets after the id, one UTF-16 unit each. */
  readonly query: string;
  readonly names: readonly NameKey[];
  readonly part: Part;
}

/** A few thousand services are asked for in some ten thousand ways. */
export const MAX_ENTRIES = 50_000;
export const MAX_OCTETS = 32 * 2 ** 20;

/** Octets of memory that an entry takes besides its query and its response, as measured on Node 20. */
const ENTRY = 400;
/** The same for each name that it depends on: the name in its list, and the entry in the name's set. */
const PER_NAME = 72;

/** Octets: header, name, type and class, OPT record. No entry has a longer query. */
const MAX_QUERY = 12 + 255 + 4 + 11;

/** An answer made from more names than this would cost more to drop than to make. */
const MAX_NAMES = 200;

export class ReadyAnswers implements Ready {
  readonly #catalog: Catalog;
  readonly #parts: ReadonlyMap<NameKey, Part>;
  readonly #maxEntries: number;
  readonly #maxOctets: number;
  readonly #entries = new AgedMap<string, Entry>();
  #octets = 0;

  constructor(options: ReadyOptions) {
    const { catalog, zones, maxEntries = MAX_ENTRIES, maxOctets = MAX_OCTETS } = options;
    this.#catalog = catalog;
    this.#parts = new Map(
      Array.from(zones, (zone) => [
        zone.origin.key,
        { zone, snapshot: zone.current, dependants: new Map() },
      ]),
    );
    this.#maxEntries = maxEntries;
    this.#maxOctets = maxOctets;
  }

  get size(): number {
    return this.#entries.size;
  }

  get octets(): number {
    return this.#octets;
  }

  answer(query: Buffer): Buffer | undefined {
    const entry = this.find(query);
    return entry && respond(entry, query);
  }

  /** The answer that is valid at this moment, for `respond`. */
  find(query: Buffer): ReadyAnswer | undefined {
    if (query.length > MAX_QUERY) return undefined;
    const key = query.toString("latin1", 2);
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.part.snapshot !== entry.part.zone.current) {
      this.#catchUp(entry.part);
      if (!this.#entries.has(key)) return undefined;
    }
    return entry;
  }

  offer({ message, bytes }: Request, response: Uint8Array): void {
    const question = message.questions[0];
    if (question === undefined || !isPure(message) || !isKeepable(response)) return;
    const authority = this.#catalog.findFor(question);
    const part = authority && this.#parts.get(authority.origin.key);
    if (authority === undefined || part === undefined) return;
    const dnssecOk = message.edns?.dnssecOk === true;
    if (authority.endsWithTime?.(question, dnssecOk)) return;
    this.#catchUp(part);
    if (!isStoredCase(question, part.snapshot, response)) return;
    const answer = authority.answer(question, dnssecOk);
    const { names } = answer;
    if (names.length > MAX_NAMES) return;
    const query = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1", 2);
    const account = accountOf(question, answer);
    // A Buffer's own `slice` is a view, which would keep all of the memory it was cut from.
    const copy = Uint8Array.prototype.slice.call(response);
    this.#enter({ query, response: copy, account, names, part });
  }

  #enter(entry: Entry): void {
    const before = this.#entries.get(entry.query);
    if (before !== undefined) this.#drop(before);
    this.#entries.set(entry.query, entry);
    this.#octets += octetsOf(entry);
    const { dependants } = entry.part;
    for (const name of entry.names) {
      const entries = dependants.get(name);
      if (entries === undefined) dependants.set(name, new Set([entry]));
      else entries.add(entry);
    }
    while (this.#entries.size > this.#maxEntries || this.#octets > this.#maxOctets) {
      this.#drop(this.#entries.oldest!.value);
    }
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.query);
    this.#octets -= octetsOf(entry);
    const { dependants } = entry.part;
    for (const name of entry.names) {
      const entries = dependants.get(name);
      entries?.delete(entry);
      if (entries?.size === 0) dependants.delete(name);
    }
  }

  #catchUp(part: Part): void {
    if (part.snapshot === part.zone.current) return;
    const changes = part.zone.since(part.snapshot.serial);
    part.snapshot = part.zone.current;
    if (changes === "resync" || changes.some(isFarReaching)) {
      this.#touchAll(part);
      return;
    }
    for (const { removed, added } of changes) {
      for (const { name } of removed) this.#touch(part, name);
      for (const { name } of added) this.#touch(part, name);
    }
  }

  /** Drops the entries that depend on this name or one above it. */
  #touch({ zone, dependants }: Part, name: Name): void {
    let key = name.key;
    for (const label of name.labelsUnder(zone.origin)) {
      for (const entry of dependants.get(key) ?? []) this.#drop(entry);
      key = key.slice(0, -1 - label.length) as NameKey;
    }
    for (const entry of dependants.get(key) ?? []) this.#drop(entry);
  }

  #touchAll({ dependants }: Part): void {
    for (const entries of dependants.values()) for (const entry of entries) this.#drop(entry);
  }
}

/** The octets of the answer with this query's id, the caller's to keep. */
export function respond({ response }: ReadyAnswer, query: Buffer): Buffer {
  // A copy: the socket may still be sending the previous one.
  const octets = Buffer.allocUnsafe(response.length);
  octets.set(response);
  octets[0] = query[0]!;
  octets[1] = query[1]!;
  return octets;
}

function octetsOf({ query, response, names }: Entry): number {
  return ENTRY + query.length + response.length + PER_NAME * names.length;
}

/** True if an answer can depend on nothing in the query but its question, DO and size. */
function isPure({ opcode, questions, answers, authorities, additionals, edns }: Message): boolean {
  return (
    opcode === Opcode.QUERY &&
    questions.length === 1 &&
    questions[0]!.class === Class.IN &&
    answers.length + authorities.length + additionals.length === 0 &&
    (edns === undefined || (edns.version === 0 && edns.options.length === 0))
  );
}

/** True for NOERROR and NXDOMAIN without TC: a truncated answer differs each time. */
function isKeepable(response: Uint8Array): boolean {
  const rcode = rcodeOf(response);
  return (response[2]! & 0x02) === 0 && (rcode === Rcode.NOERROR || rcode === Rcode.NXDOMAIN);
}

/**
 * True if the name is written as in the zone or, if the zone does not have it, in lower case. A name that
 * is not in the zone but has an answer owes it to a wildcard, a DNAME or a cut, and is not entered.
 */
function isStoredCase({ name }: Question, snapshot: Snapshot, response: Uint8Array): boolean {
  const node = snapshot.node(name.key);
  if (node !== undefined) return node.name.wire === name.wire;
  return rcodeOf(response) === Rcode.NXDOMAIN && name.wire === name.toLowerCase().wire;
}

function rcodeOf(response: Uint8Array): Rcode {
  return response[3]! & 0xf;
}

/** True if the change may affect answers for names beneath the changed ones. */
function isFarReaching(change: Change): boolean {
  return (
    movesCut(change) || [...change.removed, ...change.added].some((set) => set.name.isWildcard)
  );
}
