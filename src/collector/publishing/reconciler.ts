/**
 * Makes the zone hold what is wanted, for as long as it is wanted: sends the difference from what was
 * published as Updates (RFC 2136 §2.5), one at a time, and all of it again before its lease expires
 * (RFC 9664 §5). A state machine without sockets or timers. It knows no events, only the two states, so an
 * update that was lost and one that was never sent are the same case: the difference is taken again.
 *
 * One difference is worked off completely before the next is taken: what changes faster than it can be sent
 * blocks nothing else.
 *
 * Invariants: after each update every listed service is complete, since what lists it is removed first
 * and added last, and not added at all if the server refuses the rest. What may or may not have arrived
 * counts as both: it is added again if wanted, removed again if not. A record that the server refuses
 * blocks no other.
 */
import { earlier } from "../../clock.ts";
import { Rcode } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import type { Update } from "../../zone/update/update.ts";
import { common, exchanged, type HeldSets, RecordSets, without } from "../recordsets.ts";
import { Backoff } from "./backoff.ts";
import { difference } from "./difference.ts";
import type { Guard } from "./guard.ts";
import { Holdings } from "./holdings.ts";
import { type Obstacle, Obstacles } from "./obstacles.ts";
import { periodOf, Renewal } from "./renewal.ts";
import { shuffled } from "./shuffled.ts";
import { countRecords, inOrder, type Step, takeSome, type UpdateSize, updateOf } from "./step.ts";

export interface ReconcilerOptions {
  readonly zone: Name;
  readonly random: () => number;
  /** Seconds to ask for; for ever if not given. */
  readonly lease?: number | undefined;
  /** Guards what others may want too, if the server does not know who wants what. */
  readonly guard?: Guard | undefined;
  /** Approximate octets of an update. */
  readonly limit?: number;
}

export class Reconciler {
  readonly counters = { updates: 0, refreshes: 0, failures: 0, refusals: 0 };
  readonly #zone: Name;
  readonly #random: () => number;
  readonly #lease: number | undefined;
  readonly #limit: number;
  readonly #guard: Guard | undefined;
  /** True if the server has granted a lease; one that has not answered yet may know none. */
  #isLeased = false;
  readonly #holdings = new Holdings();
  #wanted = new RecordSets();
  /** What was there before and may yet be wanted, until it is settled. */
  #inherited = new RecordSets();
  #settles: () => number = () => 0;
  /** The steps left of the difference that was last taken, in order. */
  #steps: Step[] = [];
  /** True while `#steps` is the difference to what is wanted now. */
  #isCurrent = false;
  /** What is still to be renewed. */
  readonly #renewal = new Renewal();
  /** When the next renewal is due. */
  #renewsAt = Number.NEGATIVE_INFINITY;
  /** Milliseconds from one renewal to the next, at most. */
  #period: number;
  #inFlight: { readonly steps: readonly Step[]; readonly isRenewal: boolean } | undefined;
  #obstacles = new Obstacles();
  /** Records in an update, at most: few while a refused one is searched for. */
  #most = Number.POSITIVE_INFINITY;
  readonly #backoff: Backoff;

  constructor({ zone, random, lease, guard, limit = DEFAULT_LIMIT }: ReconcilerOptions) {
    this.#zone = zone;
    this.#random = random;
    this.#backoff = new Backoff(random);
    this.#lease = lease;
    this.#guard = guard;
    this.#limit = limit;
    this.#period = periodOf(lease);
  }

  want(sets: RecordSets): void {
    this.#wanted = sets;
    this.#doubtShared(common(sets, this.#inherited));
    // What has been heard is wanted for as long as it is heard, and no longer.
    this.#inherited = without(this.#inherited, sets);
    this.#isCurrent = false;
  }

  /** Without leases, others may have removed shared records since they were read. */
  #doubtShared(sets: RecordSets): void {
    if (this.#isLeased) return;
    const shared = new RecordSets();
    for (const set of sets) {
      const rdatas = set.rdatas.filter((rdata) => this.#guard?.(set.name, rdata) !== undefined);
      shared.put({ ...set, rdatas });
    }
    this.#holdings.doubt(shared);
  }

  /**
   * Takes what is there and what of it may be ours; what we have put there is ours anyway. What is in
   * `left` and was not known to be there is kept as if wanted, until the time that `settles` gives.
   * Everything is renewed at once, since its lease may be nearly over.
   */
  inherit(
    there: HeldSets,
    ours: Iterable<RecordSet>,
    settles: () => number,
    left: Iterable<RecordSet> = ours,
  ): void {
    const known = without(this.#holdings.all(), this.#inherited);
    this.#holdings.found(there, ours);
    const kept = exchanged(this.#holdings.published, ours, left);
    this.#inherited = without(without(kept, known), this.#wanted);
    this.#settles = settles;
    this.#startOver();
    this.renewAll();
  }

  /** Seconds that the server has granted, if it has. A shorter lease brings the next renewal forward. */
  grant(lease: number | undefined, now: number): void {
    this.#isLeased = lease !== undefined;
    const period = periodOf(lease ?? this.#lease);
    const isAwaited = Number.isFinite(this.#renewsAt);
    if (isAwaited && period < this.#period) {
      this.#renewsAt = Math.min(this.#renewsAt, this.#nextRenewal(now, period));
    }
    this.#period = period;
  }

  /** Nothing is wanted or waited for any more. */
  withdraw(): void {
    this.#inherited = new RecordSets();
    this.#renewal.end();
    this.#renewsAt = Number.POSITIVE_INFINITY;
    this.#backoff.end();
    // What was refused a moment ago may be taken now, and there is no other chance.
    this.#obstacles = new Obstacles();
    this.#most = Number.POSITIVE_INFINITY;
    this.want(new RecordSets());
    this.#startOver();
  }

  /** What is or may be there, of what was put or found there. */
  get left(): readonly RecordSet[] {
    const { published, doubtful } = this.#holdings;
    return [...published, ...doubtful];
  }

  /** True if anything is refused. */
  get isHindered(): boolean {
    return !this.#obstacles.isEmpty;
  }

  /** When `poll` has something to do; never while an update is in flight. */
  due(): number | undefined {
    if (this.#inFlight !== undefined) return undefined;
    const isPending = !this.#isCurrent || this.#steps.length > 0 || !this.#renewal.isOver;
    if (isPending) return this.#backoff.notBefore;
    const settles = this.#inherited.isEmpty ? undefined : this.#settles();
    const renews = this.#holdings.published.isEmpty ? undefined : this.#renewsAt;
    const due = earlier(earlier(settles, renews), this.#obstacles.due);
    return due === undefined ? undefined : Math.max(due, this.#backoff.notBefore);
  }

  /** The next update to send; `settle` has to be told what becomes of it. */
  poll(now: number): Update | undefined {
    if (this.#inFlight !== undefined || now < this.#backoff.notBefore) return undefined;
    if (!this.#inherited.isEmpty && now >= this.#settles()) {
      this.#inherited = new RecordSets();
      this.#startOver();
    }
    if (now >= this.#renewsAt && this.#renewal.isOver) this.#beginRenewal(now);
    if (now >= (this.#obstacles.due ?? Number.POSITIVE_INFINITY)) {
      this.#obstacles.retry(now);
      this.#startOver();
    }
    if (this.#steps.length === 0 && !this.#isCurrent) {
      this.#steps = this.#difference();
      this.#isCurrent = true;
    }
    // Changes go first, but not for so long that a lease is in danger.
    const isLate = now >= this.#renewsAt - this.#period * LATE;
    const room = { octets: this.#limit, records: this.#most };
    const again = this.#steps.length === 0 || isLate ? this.#takeRenewal(room) : [];
    const isRenewal = again.length > 0;
    const steps = isRenewal ? again : takeSome(this.#steps, room);
    if (steps.length === 0) return undefined;
    this.#inFlight = { steps, isRenewal };
    this.counters.updates++;
    if (isRenewal) this.counters.refreshes++;
    return updateOf(steps, this.#zone, this.#lease);
  }

  /**
   * What became of the update: its response code, or undefined if there was no response or, with
   * `isAnswered`, none that counts. Returns what is set aside because of it, if that is news.
   */
  settle(rcode: Rcode | undefined, now: number, isAnswered = false): Obstacle | undefined {
    const { steps, isRenewal } = this.#inFlight!;
    this.#inFlight = undefined;
    // Others still have it, so it is theirs.
    const isLeft = rcode === Rcode.YXRRSET && steps[0]!.unless !== undefined;
    if (rcode === Rcode.NOERROR || isLeft) {
      this.#backoff.succeeded();
      if (!isLeft) this.#obstacles.succeeded();
      this.#most *= 2;
      if (!isRenewal) for (const step of steps) this.#record(step, true, now);
      return undefined;
    }
    if (rcode === undefined) {
      this.counters.failures++;
      if (!isRenewal) for (const step of steps) this.#record(step, false, now);
      if (isAnswered) this.#backoff.refused(now, true);
      else this.#backoff.unanswered(now);
      this.#startOver();
      this.renewAll();
      return undefined;
    }
    this.counters.refusals++;
    // What is set aside of these is no longer published, and not in the next difference.
    if (isRenewal) this.#renewal.putBack(steps);
    else this.#steps.unshift(...steps);
    return this.#isolate(steps, { rcode, isRenewal, now });
  }

  //---- Refused ----

  /**
   * An update is refused as a whole (RFC 2136 §3.7): halves of it are tried until a single record is found
   * that is refused on its own, which is then set aside.
   */
  #isolate(
    steps: readonly Step[],
    { rcode, isRenewal, now }: { rcode: Rcode; isRenewal: boolean; now: number },
  ): Obstacle | undefined {
    const isOfZone = rcode === Rcode.NOTAUTH || rcode === Rcode.NOTIMP;
    const isNews = !steps.every((step) => this.#obstacles.knows(step));
    if (isOfZone || isNews) this.#backoff.refused(now, isOfZone);
    const count = countRecords(steps);
    const isWhole = steps.length === 1 && steps[0]!.isWhole === true;
    if (isOfZone || isWhole || count === 1) this.#startOver();
    if (isOfZone) return undefined;
    this.#most = Math.max(1, Math.floor(count / 2));
    if (isWhole) this.#obstacles.divide(steps[0]!, now);
    else if (count === 1) return this.#setAside(steps[0]!, isRenewal, now);
    return undefined;
  }

  /** Sets a refused record aside. After a second refused renewal in its set, all of the set is in doubt. */
  #setAside(step: Step, isRenewal: boolean, now: number): Obstacle | undefined {
    const { name, type } = step;
    const isAll = isRenewal && this.#obstacles.isFull(name.key, type);
    const there = this.#holdings.refused(step, isRenewal, isAll);
    const wanted = this.#wanted.get(name.key, type)?.rdatas.length ?? 0;
    return this.#obstacles.add(step, there, wanted, now);
  }

  //---- Renewals ----

  #beginRenewal(now: number): void {
    this.#renewal.begin(this.#holdings.published, this.#random);
    this.#renewsAt = this.#nextRenewal(now, this.#period);
  }

  #nextRenewal(now: number, period: number): number {
    return now + period * (1 - this.#random() / 4);
  }

  /** Renews everything, since the server may have lost it, or may be another one. */
  renewAll(): void {
    this.#renewal.end();
    this.#renewsAt = Number.NEGATIVE_INFINITY;
  }

  #takeRenewal(room: UpdateSize): Step[] {
    const isStuck = (name: Name, rdata: Rdata) => this.#obstacles.isStuck(name, rdata);
    return this.#renewal.take(
      this.#holdings.published,
      room,
      this.#obstacles.isEmpty ? undefined : isStuck,
    );
  }

  //---- The two states ----

  /** The outcome of a step: done, or unknown. */
  #record(step: Step, isDone: boolean, now: number): void {
    const there = this.#holdings.record(step, isDone);
    if (isDone && this.#obstacles.clear(step, there, now)) this.#startOver();
  }

  #startOver(): void {
    this.#steps = [];
    this.#isCurrent = false;
  }

  #difference(): Step[] {
    const { published, doubtful, unrenewed } = this.#holdings;
    const sets = difference({
      ...{ wanted: this.#wanted, published, doubtful, unrenewed },
      inherited: this.#inherited,
      obstacles: this.#obstacles,
      guard: this.#isLeased ? undefined : this.#guard,
      limit: this.#limit,
    });
    // What is refused may be all of a site: the others do not wait until all of that has been tried.
    const isSearching = this.#most < Number.POSITIVE_INFINITY;
    return inOrder((isSearching ? shuffled(sets, this.#random) : [...sets]).flat());
  }
}

/** The fraction of a period that is left when a renewal goes before changes. */
const LATE = 3 / 4;
/** Octets: with its envelope one message of 65,535 by TCP. */
const DEFAULT_LIMIT = 48_000;
