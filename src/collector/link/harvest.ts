/**
 * One link, heard and queried for as long as it exists: packets come in, queries go out, and a
 * callback reports when what it says has changed. Here cache, querier and browser meet; malformed
 * packets get no further.
 *
 * A burst is over when nothing has come for a moment, or when it has lasted long enough: so devices that
 * announce all at once make one change, and a lone service is not kept waiting. A storm gets a quarter of
 * the thread, since others have questions to answer there; but whatever a change costs, the next is delayed
 * by a second at most.
 */
import { Alarm, type Clock, earlier } from "../../clock.ts";
import { Class, isAddressType, Opcode, Rcode, Type } from "../../dns/constants.ts";
import { FormatError } from "../../dns/format.ts";
import { decode, type Message } from "../../dns/message.ts";
import type { Name } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import type { Family, Link, Packet } from "../../net/links/link.ts";
import { Quarter } from "../../quarter.ts";
import { isSingle } from "../unique.ts";
import { type Interest, interestIn } from "./browser.ts";
import { type CacheOptions, LinkCache } from "./cache.ts";
import { firstEnd, type HeardRecord, type HeardSet, isCalledOff } from "./heard.ts";
import { ownerOf, silentOf } from "./owner.ts";
import { Querier } from "./querier.ts";
import { Throttle } from "./throttle.ts";

export interface HarvestOptions {
  readonly link: Link;
  readonly clock: Clock;
  /** Service types and subtypes of `.local` to ask for in any case. */
  readonly types: readonly Name[];
  /** See `interestIn`. */
  readonly only?: readonly Name[];
  /** The cache of this link from before a short absence. */
  readonly cache?: LinkCache | undefined;
  /** Who is asked first to refresh a record: its owner, or all. */
  readonly refresh: "unicast" | "multicast";
  /** See `LinkCache`. */
  readonly disputed: CacheOptions["disputed"];
  /** Called when a host says so much that it is ignored. */
  readonly unheard: (source: string) => void;
  /** Called when what the link says has changed. */
  readonly changed: () => void;
  /** Aborts when the link goes. */
  readonly gone: AbortSignal;
}

export class Harvest {
  readonly cache: LinkCache;
  readonly counters = { packets: 0, malformed: 0, unexpected: 0, unheard: 0 };
  readonly querier: Querier;
  readonly #options: HarvestOptions;
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  readonly #throttle = new Throttle();
  readonly #quarter = new Quarter(CREDIT);
  #interest: Interest = { questions: [], sets: new Set() };
  #spoken: readonly Family[];
  /** The cache's revision when it was last looked at. */
  #revision = -1;
  /** When the current burst began, and when it will be over. */
  #began: number | undefined;
  #over: number | undefined;
  /** When hearing resumed, while the rest of what was known is still to be asked for, after the lists. */
  #resumed: number | undefined;

  constructor(options: HarvestOptions) {
    const { link, clock, gone, cache, disputed, refresh } = options;
    const random = () => clock.random();
    this.#options = options;
    this.#clock = clock;
    this.#spoken = this.#families;
    this.cache = cache ?? new LinkCache({ random, disputed });
    this.querier = new Querier({
      cache: this.cache,
      random,
      limit: () => link.payload,
      isUnicastWanted: !link.isShared,
      families: () => this.#families,
      ownerOf: (set, time) =>
        refresh === "unicast" ? ownerOf(set, link.addresses, time) : undefined,
      silentOf: (set, since, time) =>
        refresh === "unicast" ? silentOf(set, link.addresses, since, time) : [],
    });
    this.#alarm = new Alarm(clock, () => this.#wake());
    this.resume();
    link.listen((packet) => this.#hear(packet), gone);
    gone.addEventListener("abort", () => this.#alarm.set(undefined), { once: true });
  }

  /**
   * Nothing was heard for a while: asks for what was known, which expires unless it is heard again, and for
   * what may be new. Lists come first: most hosts that answer for one add all that belongs to it (RFC 6763
   * §12), so a moment later there is little left to ask for.
   */
  resume(): void {
    const now = this.#clock.now();
    this.cache.resume(now);
    this.#askAnew(now, isList);
    this.#resumed ??= now;
    this.#plan();
  }

  /**
   * The link's addresses have changed. Hosts of a family new to it have not been asked anything yet: asks
   * for what may be new, and for what is in doubt.
   */
  readdress(): void {
    const before = this.#spoken;
    this.#spoken = this.#families;
    if (this.#spoken.every((family) => before.includes(family))) return;
    this.#askAnew(this.#clock.now(), isInDoubt);
    this.#plan();
  }

  /** Asks for what may be new, and for some of what is known. */
  #askAnew(now: number, isToBeAsked: (set: HeardSet) => boolean): void {
    this.#look(now);
    this.querier.startOver(now);
    for (const set of this.#interest.sets) {
      if (isToBeAsked(set)) this.querier.insist(set, now);
    }
  }

  /** Asks for what has not been heard again since hearing resumed. */
  #askForTheRest(since: number, now: number): void {
    this.#resumed = undefined;
    for (const set of this.#interest.sets) {
      const isUnheard = [...set.records.values()].some(({ lastHeard }) => lastHeard < since);
      if (!isList(set) && (isUnheard || isInDoubt(set))) this.querier.insist(set, now);
    }
  }

  /** A client waits for these (RFC 8766 §5.6). */
  inquire(name: Name, types: Iterable<number>, client: string): void {
    this.querier.inquire(name, types, client, this.#clock.now());
    this.#plan();
  }

  /** No client waits for this any more. */
  cease(name: Name, type: number): void {
    this.querier.cease(name, type);
    this.#plan();
  }

  /**
   * A client could not reach what this record says: it expires unless it is heard again (RFC 6762 §10.4).
   * So does the rest of its set, but no other entry of a list.
   */
  reconfirm({ key }: Name, { type, key: entry }: Rdata): void {
    const set = this.cache.set(key, type);
    const only = type === Type.PTR ? entry : undefined;
    if (set !== undefined) this.querier.reconfirm(set, this.#clock.now(), only);
    this.#plan();
  }

  /** True if it was denied that there is such a record (RFC 6762 §6.1). */
  denies({ key }: Name, type: number): boolean {
    const families = this.#families;
    // The owner of a name speaks for it on either family, except for its addresses.
    return isAddressType(type)
      ? this.cache.isDenied(key, type, families)
      : families.some((family) => this.cache.isDenied(key, type, [family]));
  }

  #hear(packet: Packet): void {
    const now = this.#clock.now();
    this.counters.packets++;
    if (isToUs(packet) && !this.querier.unicast.isExpected(now)) {
      this.counters.unexpected++;
      return;
    }
    const { source, bytes } = packet;
    if (!this.#throttle.admits(source, bytes.length, now)) {
      this.counters.unheard++;
      this.#options.unheard(source);
      return;
    }
    this.#take(packet, now);
    this.#throttle.heard(source, bytes.length, now, this.#clock.now());
  }

  #take(packet: Packet, now: number): void {
    let message: Message;
    try {
      message = decode(packet.bytes, { isLenient: true });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.counters.malformed++;
      return;
    }
    // RFC 6762 §18.3, §18.11. The RCODE's upper eight bits, in an OPT record, are ignored.
    if (message.opcode !== Opcode.QUERY || (message.rcode & 0xf) !== Rcode.NOERROR) return;
    if (isToUs(packet) && !this.querier.unicast.isAnswer(message, packet.source)) {
      this.counters.unexpected++;
      return;
    }
    if (packet.isReply) {
      this.cache.confirm(message, now);
    } else {
      this.querier.observe(message, packet.family, now);
      const changed = message.isResponse ? this.#changedBy(message) : [];
      this.cache.receive(message, packet, now);
      for (const set of changed) this.querier.reconfirm(set, now);
      if (message.isResponse) this.#doubt(message, packet, now);
    }
    this.#notice(now);
    this.#plan();
  }

  /**
   * Sets of services to which something is added without the claim, by the cache-flush bit, to be complete:
   * some hosts never claim that, and after a restart the old port would remain beside the new one.
   */
  #changedBy({ answers, additionals }: Message): Iterable<HeardSet> {
    const changed = new Set<HeardSet>();
    for (const { name, type, class: klass, ttl, rdata } of [...answers, ...additionals]) {
      if (ttl === 0 || klass !== Class.IN || !isSingle(type)) continue;
      const set = this.cache.set(name.key, type);
      if (set !== undefined && this.#interest.sets.has(set) && !set.records.has(rdata.key)) {
        changed.add(set);
      }
    }
    return changed;
  }

  /**
   * A host that never announced a record may have no right to call it off: asks the owner, who has
   * a second left. And the programs of a machine share its addresses: one that ends may call off
   * those of the others.
   */
  #doubt({ answers, additionals }: Message, { source }: Packet, now: number): void {
    const doubted = new Set<HeardSet>();
    const isOfOthers = (record: HeardRecord | undefined) =>
      record !== undefined &&
      isCalledOff(record) &&
      (isAddressType(record.rdata.type) || ![record.source, record.speaker].includes(source));
    for (const { name, type, ttl, rdata } of [...answers, ...additionals]) {
      const set = ttl === 0 ? this.cache.set(name.key, type) : undefined;
      if (set === undefined || !this.#interest.sets.has(set)) continue;
      if (isOfOthers(set.records.get(rdata.key))) doubted.add(set);
    }
    // A goodbye may be repeated, and an owner that has answered the first is silent for a second
    // (RFC 6762 §6). However often it is repeated, a question goes out before the end.
    for (const set of doubted) {
      this.querier.refresh(set, Math.min(now + REPETITIONS, firstEnd(set) - REPETITIONS));
    }
  }

  #wake(): void {
    const now = this.#clock.now();
    const lost = (set: HeardSet, silence: number) => this.querier.miss(set, silence, now);
    for (const set of this.cache.poll(now, lost)) {
      if (this.#interest.sets.has(set)) this.querier.refresh(set, now);
    }
    const since = this.#resumed;
    if (since !== undefined && since + LISTS_FIRST <= now) this.#askForTheRest(since, now);
    this.#notice(now);
    if (this.#over !== undefined && this.#over <= now) {
      this.#began = this.#over = undefined;
      this.#look(now);
      this.#options.changed();
      this.#quarter.spent(now, this.#clock.now());
    }
    for (const { bytes, to } of this.querier.poll(now)) this.#options.link.send(bytes, to);
    this.#plan();
  }

  #notice(now: number): void {
    if (this.cache.revision === this.#revision) return;
    this.#revision = this.cache.revision;
    this.#began ??= now;
    const over = Math.min(now + QUIET, this.#began + LONGEST_BURST);
    this.#over = Math.max(over, this.#quarter.next);
  }

  /** Updates what is to be asked. */
  #look(now: number): void {
    const { types, only } = this.#options;
    this.#revision = this.cache.revision;
    this.#interest = interestIn(this.cache, { types, families: this.#families, only });
    this.querier.want(this.#interest.questions, now);
  }

  get #families(): Family[] {
    return [...new Set(this.#options.link.addresses.map(({ family }) => family))];
  }

  #plan(): void {
    if (this.#options.gone.aborted) return;
    const rest = this.#resumed === undefined ? undefined : this.#resumed + LISTS_FIRST;
    const asked = earlier(this.querier.due(), rest);
    this.#alarm.set(earlier(earlier(this.cache.due(), asked), this.#over));
  }
}

/** True unless it was sent to all, or answers what was asked of its source alone. */
function isToUs({ isUnicast, isReply }: Packet): boolean {
  return isUnicast && !isReply;
}

function isList({ type }: HeardSet): boolean {
  return type === Type.PTR;
}

function isInDoubt({ records }: HeardSet): boolean {
  return [...records.values()].some(isCalledOff);
}

/** Milliseconds in which a list is answered: hosts wait 20 to 120 ms (RFC 6762 §6), with TC up to 500. */
const LISTS_FIRST = 500;
/** Milliseconds without a change after which a burst is over, and how long one may last. */
const QUIET = 25;
const LONGEST_BURST = 100;
/** Milliseconds at most from a goodbye to its repetition. */
const REPETITIONS = 300;
/** Milliseconds of work that a storm may owe. */
const CREDIT = 1000;
