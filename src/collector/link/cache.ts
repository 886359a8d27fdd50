/**
 * What one link has said: the record cache of RFC 6762 §5.2, §6.1, §10 and §14. A state machine without
 * sockets or timers: `receive` takes what was heard, `poll` what time has done.
 *
 * Invariants: records are learnt from responses only, never from queries (RFC 6762 §7.1, §8.1). One message
 * is one batch. `revision` moves if and only if a record came, went, was superseded, changed its TTL, or
 * came back from near its end. Nothing that a stranger sends makes the cache larger than `limit` octets,
 * and whoever fills it pays first.
 */
import { bitmapHas } from "../../dns/bitmap.ts";
import { Class, Type } from "../../dns/constants.ts";
import type { Message } from "../../dns/message.ts";
import type { Name, NameKey } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import { type ResourceRecord, setKey } from "../../dns/record.ts";
import { Heap } from "../../heap.ts";
import type { Family, Packet } from "../../net/links/link.ts";
import { obtain } from "../obtain.ts";
import { isShared, isSingle } from "../unique.ts";
import { Dispute } from "./dispute.ts";
import { bit, type Entries, type EntriesOfName, Entry, newName, OVERHEAD } from "./entry.ts";
import { isHearable } from "./hearable.ts";
import { type HeardName, type HeardSet, isCalledOff } from "./heard.ts";
import { listedIn } from "./knownanswers.ts";
import { Ledger } from "./ledger.ts";
import { isWaning } from "./ttl.ts";

export interface CacheOptions {
  readonly random: () => number;
  /** Approximate octets of memory. */
  readonly limit?: number;
  /** Called when hosts keep contradicting one another about a name; `source` is one of them. */
  readonly disputed: (set: HeardSet, source: string) => void;
}

export class LinkCache {
  readonly counters = { learnt: 0, expired: 0, evicted: 0, refused: 0 };
  readonly #random: () => number;
  readonly #disputed: CacheOptions["disputed"];
  readonly #names = new Map<NameKey, EntriesOfName>();
  readonly #types = new Map<number, Set<Entries>>();
  readonly #agenda = new Heap<Entry>();
  readonly #ledger: Ledger<Entry>;
  #revision = 0;
  /** The number of messages so far. */
  #messages = 0;

  constructor({ random, limit = DEFAULT_LIMIT, disputed }: CacheOptions) {
    this.#random = random;
    this.#disputed = disputed;
    this.#ledger = new Ledger(limit);
  }

  get revision(): number {
    return this.#revision;
  }

  get octets(): number {
    return this.#ledger.octets;
  }

  /** The number of records. */
  get size(): number {
    return this.#agenda.size;
  }

  at(name: NameKey): HeardName | undefined {
    return this.#names.get(name);
  }

  set(name: NameKey, type: number): HeardSet | undefined {
    return this.#set(name, type);
  }

  /** The types that there are records of. */
  get types(): Iterable<number> {
    return this.#types.keys();
  }

  /** Every set of a type. */
  ofType(type: number): Iterable<HeardSet> {
    return this.#types.get(type) ?? [];
  }

  /**
   * True if it was denied, on each of these families, that `name` has records of `type` (RFC 6762 §6.1). A
   * responder speaks only for the addresses of the family that it uses.
   */
  isDenied(name: NameKey, type: number, families: readonly Family[]): boolean {
    const said = this.#set(name, Type.NSEC);
    if (said === undefined || this.set(name, type) !== undefined) return false;
    let denied = 0;
    for (const { rdata, families } of said.records.values()) {
      if (!bitmapHas(rdata.values[1] as Uint8Array, type)) denied |= families;
    }
    return families.every((family) => (denied & bit(family)) !== 0);
  }

  receive(message: Message, from: Pick<Packet, "source" | "family">, now: number): void {
    if (!message.isResponse) {
      this.#doubt(message, from.family, now);
      return;
    }
    this.#messages++;
    const flushed = new Set<Entries>();
    for (const record of [...message.answers, ...message.additionals]) {
      const set = this.#hear(record, from, now);
      if (set !== undefined && record.class & CACHE_FLUSH && !isShared(set)) flushed.add(set);
    }
    for (const set of flushed) this.#flush(set, from, now);
  }

  /**
   * An owner confirms to us alone what is still true; the TTLs there tell nothing (§6.7). A set of which it
   * says more than was heard is not confirmed, so that all are asked, and all of it is heard.
   */
  confirm(message: Message, now: number): void {
    if (!message.isResponse) return;
    const said = [...message.answers, ...message.additionals].filter(({ ttl }) => ttl > 0);
    const setOf = ({ name, type }: ResourceRecord) => this.#set(name.key, type);
    const entryOf = (each: ResourceRecord) => setOf(each)?.records.get(each.rdata.key);
    const news = new Set(said.filter((each) => !entryOf(each)).map(setOf));
    for (const entry of said.map(entryOf)) {
      if (entry === undefined || news.has(entry.set) || isCalledOff(entry)) continue;
      this.#ledger.repeat(entry);
      this.#renew(entry, now);
    }
  }

  /** When `poll` has something to do. */
  due(): number | undefined {
    return this.#agenda.first?.rank;
  }

  /** Drops what has expired, calls `lost` for what nobody had called off, and returns the sets to refresh. */
  poll(now: number, lost: (set: HeardSet, silence: number) => void = () => {}): Iterable<HeardSet> {
    const aging = new Set<HeardSet>();
    for (let entry = this.#agenda.first; entry && entry.rank <= now; entry = this.#agenda.first) {
      if (entry.isToBeAskedFor) {
        aging.add(entry.set);
        entry.step++;
        this.#plan(entry);
      } else {
        this.counters.expired++;
        if (entry.silence !== undefined) lost(entry.set, entry.silence);
        this.#drop(entry);
      }
    }
    return aging;
  }

  /** A question for this set went out, to all or to one: the refreshes that it covers are done. */
  asked(name: NameKey, type: number, now: number, to?: string): void {
    for (const entry of this.#set(name, type)?.records.values() ?? []) {
      if ((to === undefined || entry.speaker === to) && entry.asked(now)) this.#plan(entry);
    }
  }

  /** Somebody doubts these records, or that of key `only`: unless heard again they expire soon (§10.4). */
  reconfirm(name: NameKey, type: number, now: number, only?: string): void {
    for (const [key, entry] of this.#set(name, type)?.records ?? []) {
      if (entry.lastHeard < now && key === (only ?? key)) this.#shorten(entry, now + DOUBT);
    }
  }

  /**
   * The link was away, and may be another network now: whatever is not heard again expires once there was
   * time to ask for all. The time away does not count, except for what had been called off.
   */
  resume(now: number): void {
    const ends = now + Math.max(DOUBT, this.size * ASKING);
    for (const entry of [...this.#agenda.upTo(Number.POSITIVE_INFINITY)]) {
      if (isCalledOff(entry)) continue;
      entry.end(ends);
      this.#plan(entry);
    }
  }

  #hear(
    { name, type, class: klass, ttl, rdata }: ResourceRecord,
    from: Pick<Packet, "source" | "family">,
    now: number,
  ): Entries | undefined {
    if ((klass & ~CACHE_FLUSH) !== Class.IN || !isHearable(name, rdata)) return undefined;
    const set = this.#set(name.key, type);
    // A denial holds for the family that it was heard on.
    const key = type === Type.NSEC ? `${from.family}${rdata.key}` : rdata.key;
    let entry = set?.records.get(key);
    const isNews = entry === undefined || isCalledOff(entry);
    if (ttl === 0) {
      if (entry !== undefined) this.#shorten(entry, now + GRACE);
      return undefined;
    }
    if (entry === undefined) {
      const octets = OVERHEAD + name.wireLength + key.length;
      if (!this.#makeRoom(octets)) {
        this.counters.refused++;
        return undefined;
      }
      entry = this.#add(name, rdata, key, octets, from.source);
      entry.firstHeard = now;
      this.counters.learnt++;
    } else {
      if (entry.ttl !== ttl) this.#change(entry.set);
      this.#ledger.repeat(entry);
    }
    if (isNews && entry.set.dispute?.returns(key, now)) this.#disputed(entry.set, from.source);
    entry.ttl = ttl;
    entry.speaker = from.source;
    entry.message = this.#messages;
    const isRepeated = now - entry.lastHeard < GRACE;
    entry.families = (isRepeated ? entry.families : 0) | bit(from.family);
    this.#renew(entry, now);
    return entry.set;
  }

  #renew(entry: Entry, now: number): void {
    if (entry.isSuperseded || isWaning(entry, now)) this.#change(entry.set);
    else entry.set.home.renewals++;
    entry.renew(now);
    this.#plan(entry);
  }

  /**
   * RFC 6762 §10.2: what was last heard more than a second ago expires in a second. What its own host
   * leaves out in another burst is superseded at once; if another host leaves it out, the owner may object.
   * After a standstill of this process, what was said over seconds arrives as one burst: so of types that
   * fit one message and have one owner, each message counts as complete.
   */
  #flush(set: Entries, from: Pick<Packet, "source" | "family">, now: number): void {
    for (const entry of set.records.values()) {
      const age = now - entry.lastHeard;
      const isSaidAnew = entry.message !== this.#messages && entry.speaker === from.source;
      if (age <= BURST && !(isSaidAnew && isSingle(set.type))) continue;
      if (set.type === Type.NSEC && entry.families !== bit(from.family)) continue;
      const isOwn = !entry.isOfAnother(from);
      if (isOwn && !entry.isSuperseded) {
        entry.isSuperseded = true;
        this.#change(set);
      }
      if (age <= GRACE) continue;
      if (!isOwn) {
        set.dispute ??= new Dispute();
        if (set.dispute.keeps(entry.key, now)) continue;
      }
      this.#shorten(entry, now + GRACE);
    }
  }

  /**
   * Another host asks: RFC 6762 §10.5. Only if we would have heard the answer: not for QU questions, not
   * for records last heard on the other family only, not for those that the query lists itself; nor with TC,
   * when more of its list is to come. One query may arrive more than once.
   */
  #doubt(query: Message, family: Family, now: number): void {
    if (query.isTruncated) return;
    const listed = listedIn(query);
    const questions = query.questions.filter((each) => HEARD_CLASSES.includes(each.class));
    const distinct = new Map(questions.map((each) => [setKey(each.name, each.type), each]));
    for (const { name, type } of distinct.values()) {
      const sets = this.#names.get(name.key)?.sets;
      for (const set of type === Type.ANY ? (sets?.values() ?? []) : [sets?.get(type)]) {
        // A long list is gone through at most once a second, however often it is asked for.
        if (set === undefined || now - set.asked[family] < GRACE) continue;
        set.asked[family] = now;
        const known = listed.get(setKey(name, set.type));
        for (const entry of set.records.values()) {
          if ((entry.families & bit(family)) === 0 || known?.has(entry.key)) continue;
          if (now - Math.max(entry.lastHeard, entry.doubted) < GRACE) continue;
          if (entry.doubt(now)) this.#shorten(entry, now + DOUBT);
        }
      }
    }
  }

  #shorten(entry: Entry, ends: number): void {
    if (entry.ends <= ends && !entry.isToBeAskedFor) return;
    entry.end(Math.min(entry.ends, ends));
    this.#plan(entry);
  }

  #plan(entry: Entry): void {
    this.#agenda.place(entry, entry.due(this.#random));
  }

  #add(name: Name, rdata: Rdata, key: string, octets: number, source: string): Entry {
    const { type } = rdata;
    const home = obtain(this.#names, name.key, newName);
    const set = obtain(home.sets, type, () => {
      const asked = { 4: Number.NEGATIVE_INFINITY, 6: Number.NEGATIVE_INFINITY };
      return { name, type, records: new Map(), home, asked };
    });
    obtain(this.#types, type, () => new Set<Entries>()).add(set);
    const entry = new Entry(set, rdata, key, source, octets);
    set.records.set(key, entry);
    this.#ledger.enter(entry);
    this.#change(set);
    return entry;
  }

  #drop(entry: Entry): void {
    const { set } = entry;
    this.#agenda.remove(entry);
    set.records.delete(entry.key);
    if (set.records.size === 0) {
      const { sets } = set.home;
      sets.delete(set.type);
      if (sets.size === 0) this.#names.delete(set.name.key);
      const sameType = this.#types.get(set.type)!;
      sameType.delete(set);
      if (sameType.size === 0) this.#types.delete(set.type);
    }
    this.#ledger.leave(entry);
    this.#change(set);
  }

  #change({ home }: Entries): void {
    home.version = ++this.#revision;
  }

  #set(name: NameKey, type: number): Entries | undefined {
    return this.#names.get(name)?.sets.get(type);
  }

  #makeRoom(octets: number): boolean {
    if (!this.#ledger.takes(octets)) return false;
    while (!this.#ledger.hasRoom(octets)) {
      const { victim } = this.#ledger;
      if (victim === undefined) return false;
      this.counters.evicted++;
      this.#drop(victim);
    }
    return true;
  }
}

/** The classes of questions whose answers everybody hears. */
const HEARD_CLASSES: readonly number[] = [Class.IN, Class.ANY];
/** RFC 6762 §10.2. */
const CACHE_FLUSH = 0x8000;
/** Milliseconds a record has left after a goodbye or a flush (RFC 6762 §10.1, §10.2). */
const GRACE = 1000;
/** Milliseconds within which a host says all of a set, "as close together as feasible" (§10.2). */
const BURST = 100;
/** Milliseconds a doubted record has to be heard again (RFC 6762 §10.4, §10.5). */
const DOUBT = 10_000;
/** Milliseconds to ask for a record among many: 25 to a packet, the most of which RFC 8766 §9.3 sets. */
const ASKING = 2;
const DEFAULT_LIMIT = 32 * 2 ** 20;
