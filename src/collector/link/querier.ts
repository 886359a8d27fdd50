/**
 * When to ask what on one link: continuous querying (RFC 6762 §5.2). A state machine without sockets or
 * timers: it is told what is of interest, what needs refreshing and what other hosts ask, and `poll`
 * returns the packets to send now.
 *
 * Invariants: a question is never asked twice within a second, and each wait of a series is at least twice
 * the one before, up to an hour; a list that has lost an entry begins a new one. A question that is due may
 * wait a while for others to become due, so that they share a packet (§5.3); none is asked early. At most
 * 20 packets leave in a second (RFC 8766 §9.3), except for the rest of a known-answer list, which has to
 * follow at once (RFC 6762 §7.2); if that is too few, those who gave rise to questions take turns.
 */
import { Class, Type } from "../../dns/constants.ts";
import type { Message } from "../../dns/message.ts";
import type { Name } from "../../dns/name.ts";
import { type ResourceRecord, setKey } from "../../dns/record.ts";
import { Heap } from "../../heap.ts";
import type { Family } from "../../net/links/link.ts";
import { Ask } from "./ask.ts";
import type { WantedQuestion } from "./browser.ts";
import type { LinkCache } from "./cache.ts";
import { type HeardSet, isAging, isCalledOff, shortestLife } from "./heard.ts";
import { knownAnswers, listedIn } from "./knownanswers.ts";
import type { Owner } from "./owner.ts";
import { composeQuery } from "./query.ts";
import { byOwner, inTurns, turnOf } from "./turns.ts";
import { Unicast } from "./unicast.ts";

export interface QuerierOptions {
  readonly cache: LinkCache;
  readonly random: () => number;
  /** Octets of a packet now, without IP and UDP headers. */
  readonly limit: () => number;
  /** True if unicast responses may be asked for: not if another responder owns the port (§15.1). */
  readonly isUnicastWanted: boolean;
  /** Those the link speaks now. */
  readonly families: () => readonly Family[];
  /** Who is asked alone to refresh this set; all are if undefined. */
  readonly ownerOf: (set: HeardSet, now: number) => Owner | undefined;
  /** Who is also asked alone, before their entries leave this list; `since` is when that was last done. */
  readonly silentOf: (set: HeardSet, since: number, now: number) => readonly Owner[];
}

/** A packet to be sent: to one host, to all that speak one family, or to all. */
export interface Outgoing {
  readonly bytes: Uint8Array;
  readonly to?: Owner | { readonly family: Family };
}

export class Querier {
  readonly counters = { questions: 0, packets: 0, suppressed: 0 };
  readonly unicast = new Unicast();
  readonly #options: QuerierOptions;
  readonly #cache: LinkCache;
  readonly #asks = new Map<string, Ask>();
  readonly #agenda = new Heap<Ask>();
  /** Lists to be refreshed that leave with the next question that has to. */
  readonly #waiting = new Set<Ask>();
  /** Questions to one host about a list. */
  readonly #alone = new Set<Ask>();
  /** When the last packets left, oldest first. */
  #sent: number[] = [];
  #hasAsked = false;

  constructor(options: QuerierOptions) {
    this.#options = options;
    this.#cache = options.cache;
  }

  /** Asks these from now on, and no others. New ones begin after 20 to 120 ms (RFC 6762 §5.2). */
  want(questions: readonly WantedQuestion[], now: number): void {
    const start = now + EARLIEST_START + (LATEST_START - EARLIEST_START) * this.#options.random();
    const wanted = new Set<string>();
    for (const { name, type, source } of questions) {
      const key = setKey(name, type);
      wanted.add(key);
      const ask = this.#asks.get(key);
      if (ask === undefined) this.#add(new Ask(name, type, source), Infinity, start);
      else if (ask.times === 0) this.#add(ask, Infinity, Math.max(start, ask.earliest));
      else ask.times = Infinity;
    }
    for (const [key, ask] of this.#asks) {
      if (ask.times === Infinity && !wanted.has(key)) this.#finish(ask);
    }
  }

  /** Nothing was heard for a while: restarts each endless series. */
  startOver(now: number): void {
    for (const ask of this.#asks.values()) {
      if (ask.times !== Infinity || ask.last === Number.NEGATIVE_INFINITY) continue;
      this.#place(ask, Math.max(now, ask.earliest));
      ask.restart();
    }
  }

  /** Records of this set have reached an age at which they are refreshed. */
  refresh(set: HeardSet, now: number): void {
    const [first] = set.records.values();
    const before = this.#asks.get(setKey(set.name, set.type));
    const isPlanned = before && (before.isAwaited || this.#waiting.has(before));
    const latest = isPlanned ? before.rank : Infinity;
    const ask = this.#once(set.name, set.type, first?.source ?? "", 1, now);
    const life = shortestLife(set);
    ask.isUrgent ||= life < LEISURE;
    if (ask.times === Infinity) {
      // Lists wait for other lists, whose refreshes chance has put at other times (RFC 6762 §5.3). Another
      // entry that needs refreshing does not extend the wait.
      this.#place(ask, Math.min(latest, ask.rank + LIST_SLACK * life));
      this.#waiting.add(ask);
      for (const silent of this.#options.silentOf(set, ask.silentSoughtAt, now)) {
        this.#askAlone(set, silent, now);
      }
      ask.silentSoughtAt = now;
    }
    const isAlone = ask.times === 1 && !ask.isUrgent;
    ask.to = isAlone ? this.#options.ownerOf(set, now) : undefined;
  }

  /** An entry of this list has expired without a goodbye after `silence`: it may be back as quickly. */
  miss({ name, type }: HeardSet, silence: number, now: number): void {
    const ask = this.#asks.get(setKey(name, type));
    if (type !== Type.PTR || ask?.times !== Infinity) return;
    this.#place(ask, ask.miss(silence, now));
  }

  /** Somebody could not reach what these records say: asks, and lets them expire unless answered (§10.4). */
  reconfirm(set: HeardSet, now: number, only?: string): void {
    this.#cache.reconfirm(set.name.key, set.type, now, only);
    this.insist(set, now);
  }

  /** Asks for what is to expire unless answered. */
  insist({ name, type, records }: HeardSet, now: number): void {
    const [first] = records.values();
    this.#once(name, type, first?.source ?? "", RECONFIRMATIONS, now).restart();
  }

  /** Somebody waits for an answer to these: asks twice, a second apart (RFC 8766 §5.6). */
  inquire(name: Name, types: Iterable<number>, source: string, now: number): void {
    const start = now + EARLIEST_START + (LATEST_START - EARLIEST_START) * this.#options.random();
    for (const type of types) {
      const ask = this.#asks.get(setKey(name, type)) ?? new Ask(name, type, source);
      const isForEver = ask.times === Infinity;
      ask.isAwaited = true;
      // A question that is being asked serves everybody, unless it comes too late.
      if (isForEver ? ask.rank <= start : ask.times > 0) continue;
      this.#add(ask, isForEver ? Infinity : INQUIRIES, Math.max(start, ask.earliest));
      if (isForEver) ask.restart();
    }
  }

  /** Nobody waits for this any more. */
  cease(name: Name, type: number): void {
    const ask = this.#asks.get(setKey(name, type));
    if (ask !== undefined && ask.times > 0 && ask.times < Infinity) this.#finish(ask);
  }

  /**
   * Another host's query: a question that we were about to ask counts as asked by us (RFC 6762 §7.3) if all
   * whom we would ask have heard it, in full, and it lists no answers that we do not know. "About to" is
   * the second half of a wait: before that, answers to our own last question may still be on their way.
   */
  observe(query: Message, family: Family, now: number): void {
    if (query.isResponse || query.isTruncated) return;
    const families = this.#options.families();
    const listed = listedIn(query);
    const questions = query.questions.filter((question) => question.class === Class.IN);
    for (const key of new Set(questions.map(({ name, type }) => setKey(name, type)))) {
      const ask = this.#asks.get(key);
      if (ask === undefined || ask.times === 0 || !ask.isNear(now)) continue;
      const known = new Set(this.#known(ask, now).map(({ rdata }) => rdata.key));
      const isWider = [...(listed.get(key) ?? [])].some((each) => !known.has(each));
      if (isWider || !ask.isCovered(family, families, now)) continue;
      ask.family = family;
      this.counters.suppressed++;
      this.#asked(ask, now);
    }
  }

  /** When `poll` has something to do. */
  due(): number | undefined {
    const first = this.#agenda.first;
    return first && Math.max(first.rank, this.#nextTurn());
  }

  poll(now: number): Outgoing[] {
    if (this.#nextTurn() > now) return [];
    const isFirst = this.#options.isUnicastWanted && !this.#hasAsked;
    const sent: Outgoing[] = [];
    for (const [to, asks] of byOwner(inTurns(this.#takeDue(now)))) {
      // A host that is asked alone answers us alone, without being told to (RFC 6762 §6.7).
      const isUnicastWanted = isFirst && to === undefined;
      const whom = to ?? turnOf(asks, this.#options.families());
      let at = 0;
      while (at < asks.length && this.#nextTurn() <= now) {
        const part = asks.slice(at, at + MAX_QUESTIONS).map((ask) => {
          // One host says only what is its own, so it need not be told what others have said.
          const known = to === undefined ? this.#known(ask, now) : [];
          return { name: ask.name, type: ask.type, known };
        });
        const query = composeQuery(part, { limit: this.#options.limit(), isUnicastWanted });
        for (const bytes of query.packets) {
          sent.push(whom === undefined ? { bytes } : { bytes, to: whom });
          this.#sent.push(now);
        }
        const asked = asks.slice(at, at + query.taken);
        for (const ask of asked) this.#asked(ask, now);
        if (isUnicastWanted) this.unicast.wanted(asked, now);
        this.counters.questions += query.taken;
        at += query.taken;
      }
      for (const ask of asks.slice(at)) this.#agenda.place(ask, ask.rank);
    }
    this.#sent = this.#sent.slice(-RATE);
    if (sent.length > 0) this.#hasAsked = true;
    this.counters.packets += sent.length;
    return sent;
  }

  #known({ name, type }: Ask, now: number): ResourceRecord[] {
    return knownAnswers(this.#cache.set(name.key, type), now);
  }

  /** What is due; nothing while all of it may wait for company. */
  #takeDue(now: number): Ask[] {
    const due: Ask[] = [];
    for (let ask = this.#agenda.first; ask && ask.rank <= now; ask = this.#agenda.first) {
      if (ask.times === 0 || this.#isAnswered(ask)) {
        this.#remove(ask);
      } else if (!this.#cancelIfHeard(ask, now)) {
        this.#agenda.remove(ask);
        due.push(ask);
      }
    }
    const company = due.length > 0 ? this.#companyOf(due) : [];
    const meeting = company.at(-1)?.rank;
    if (meeting === undefined) return due.length > 0 ? [...due, ...this.#takeWaiting(now)] : due;
    for (const ask of [...due, ...company]) this.#agenda.place(ask, meeting);
    return [];
  }

  #takeWaiting(now: number): Ask[] {
    const mayGo = ({ index, earliest }: Ask) => index >= 0 && earliest <= now;
    const waiting = [...this.#waiting].filter(
      (ask) => mayGo(ask) && !this.#cancelIfHeard(ask, now),
    );
    for (const ask of waiting) this.#agenda.remove(ask);
    return waiting;
  }

  /** Those that become due while all of `due`, and of the company so far, may wait; in their order. */
  #companyOf(due: readonly Ask[]): Ask[] {
    const company: Ask[] = [];
    let until = Math.min(...due.map(({ latest }) => latest));
    for (let ask = this.#agenda.first; ask && ask.rank <= until; ask = this.#agenda.first) {
      this.#agenda.remove(ask);
      company.push(ask);
      until = Math.min(until, ask.latest);
    }
    return company;
  }

  /** True if all that was in doubt has been heard again since it was asked for. */
  #isAnswered({ name, type, times, last }: Ask): boolean {
    if (times === Infinity || last === Number.NEGATIVE_INFINITY) return false;
    const records = [...(this.#cache.set(name.key, type)?.records.values() ?? [])];
    return records.length > 0 && records.every((r) => r.lastHeard >= last && !isCalledOff(r));
  }

  /** A list that was to be refreshed was heard again while it waited: goes on with its series. */
  #cancelIfHeard(ask: Ask, now: number): boolean {
    if (ask.isAwaited || !this.#waiting.has(ask)) return false;
    const heard = this.#cache.set(ask.name.key, ask.type);
    if (heard === undefined || isAging(heard, now)) return false;
    this.#waiting.delete(ask);
    this.#place(ask, ask.next, ask.slack);
    return true;
  }

  /** The earliest time at which one more packet stays within 20 a second. */
  #nextTurn(): number {
    const oldest = this.#sent.at(-RATE);
    return oldest === undefined ? Number.NEGATIVE_INFINITY : oldest + 1000;
  }

  #once(name: Name, type: number, source: string, times: number, now: number): Ask {
    const ask = this.#asks.get(setKey(name, type)) ?? new Ask(name, type, source);
    ask.to = undefined;
    this.#add(ask, Math.max(ask.times, times), Math.max(now, ask.earliest));
    return ask;
  }

  #askAlone({ name, type }: HeardSet, to: Owner, now: number): void {
    const ask = new Ask(name, type, to.address, to);
    if (this.#alone.size >= MAX_ALONE || this.#asks.has(ask.key)) return;
    this.#alone.add(ask);
    this.#add(ask, 1, now);
  }

  #add(ask: Ask, times: number, time: number): void {
    ask.times = times;
    this.#asks.set(ask.key, ask);
    this.#place(ask, time);
  }

  #place(ask: Ask, time: number, slack = 0): void {
    ask.latest = time + slack;
    this.#agenda.place(ask, time);
  }

  #remove(ask: Ask): void {
    this.#agenda.remove(ask);
    this.#waiting.delete(ask);
    this.#alone.delete(ask);
    this.#asks.delete(ask.key);
  }

  /** Keeps it for a second, so that it is not asked again too soon. */
  #finish(ask: Ask): void {
    ask.times = 0;
    this.#waiting.delete(ask);
    this.#place(ask, Math.max(ask.earliest, 0));
  }

  #asked(ask: Ask, now: number): void {
    ask.asked(now);
    this.#waiting.delete(ask);
    if (ask.times === 0) this.#finish(ask);
    else this.#place(ask, ask.next, ask.slack);
    this.#cache.asked(ask.name.key, ask.type, now, ask.to?.address);
  }
}

/** Milliseconds before the first question of a series (RFC 6762 §5.2). */
const EARLIEST_START = 20;
const LATEST_START = 120;
/** Packets a second (RFC 8766 §9.3). */
const RATE = 20;
/** Milliseconds of a life whose last fifth has room for four questions, a second apart. */
const LEISURE = 20_000;
/** The fraction of a lifetime that a list may wait for others: there is still time to ask four times. */
const LIST_SLACK = 0.025;
/** Questions for what somebody waits for. */
const INQUIRIES = 2;
/** Questions for a doubted record: at once, after 1 s and after 3 s (RFC 6762 §10.4). */
const RECONFIRMATIONS = 3;
/** As many as leave in a few seconds: more would be too late, and anybody can speak from any address. */
const MAX_ALONE = 100;
/** More than fit any packet that is sent. */
const MAX_QUESTIONS = 100;
