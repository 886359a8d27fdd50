/**
 * One zone and what a collector keeps in it: reads back what is already there, asks the reconciler what to
 * send, and sends it, one update at a time.
 *
 * Invariant: nothing is removed that others may have put there. Until the zone has been read, that is
 * everything that this collector has not published itself.
 */
import { Alarm, type Clock, earlier } from "../../clock.ts";
import { Rcode, rcodeName } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import type { RecordSet } from "../../dns/record.ts";
import type { Log } from "../../log.ts";
import type { Publish, Update } from "../../zone/update/update.ts";
import { type HeldSets, RecordSets } from "../recordsets.ts";
import { PublishError } from "./farzone.ts";
import type { Guard } from "./guard.ts";
import { Readings } from "./readings.ts";
import { Reconciler } from "./reconciler.ts";
import { Troubles } from "./troubles.ts";

/** What a server holds of a zone now; a response code if it refuses to tell. */
export type ReadBack = () => Promise<HeldSets | Rcode>;

/** A zone that is published into. */
export interface PublishedZone {
  readonly origin: Name;
  /** Rejects, with the reason, if there is no answer. */
  readonly publish: Publish;
  /** The name that the configuration gives to the key that signs updates. */
  readonly key?: string | undefined;
  readonly readBack: ReadBack;
  /** Seconds of the lease to ask for; for ever if not given. */
  readonly lease?: number | undefined;
  /** Seconds that the server grants, once it is known to; not given if it always does. */
  readonly granted?: () => number | undefined;
  /** True if the server has gone back to an older zone, by its serial, or is another. Only without leases. */
  readonly isOlder?: () => Promise<boolean>;
  /** Withdraw at the end what was published. */
  readonly withdraw?: boolean;
}

export interface PublicationOptions {
  readonly zone: PublishedZone;
  readonly clock: Clock;
  readonly log: Log;
  /** The sets of the zone that this collector may have put there. */
  readonly ours: (there: HeldSets) => Iterable<RecordSet>;
  /** The part of these that may yet be wanted, and is kept until that is known. */
  readonly left: (ours: RecordSets) => RecordSets;
  /** Guards what other sites may want too. */
  readonly guard: Guard;
  /** The domains of the sites that are published. */
  readonly sites: () => readonly Name[];
  /** When all there is will have been heard, so that the rest may go; it may be put off. */
  readonly settles: () => number;
}

export class Publication {
  readonly reconciler: Reconciler;
  readonly #options: PublicationOptions;
  readonly #alarm: Alarm;
  #work: Promise<void> | undefined;
  #isReading = false;
  #isEnded = false;
  /** True if an update was taken since the last failed reading. */
  #hasTaken = false;
  /** Called when the server has taken something. */
  #goesOn = () => {};
  readonly #readings = new Readings();
  readonly #troubles: Troubles;

  constructor(options: PublicationOptions) {
    const { zone, clock } = options;
    this.#options = options;
    this.reconciler = new Reconciler({
      zone: zone.origin,
      random: () => clock.random(),
      lease: zone.lease,
      // The zones of this process know who wants what.
      guard: zone.granted && options.guard,
    });
    this.#troubles = new Troubles(options);
    this.#alarm = new Alarm(clock, () => this.#go());
  }

  /** True while the server takes no updates. */
  get isTroubled(): boolean {
    return this.#troubles.areStanding;
  }

  want(sets: RecordSets): void {
    this.reconciler.want(sets);
    this.#go();
  }

  /** To be called after this machine slept: leases ran on, and may be over. */
  renew(): void {
    this.reconciler.renewAll();
    this.#go();
  }

  /** To be called when more may be ours than before: what of it is already there has to be read. */
  inherit(): void {
    if (this.#isEnded) return;
    this.#readings.ask(this.#options.clock.now());
    this.#alarm.set(this.#readings.due);
  }

  /**
   * Resolves when nothing is in flight and everything to be withdrawn is, or when the server has been
   * silent for a while.
   */
  async end(): Promise<void> {
    this.#isEnded = true;
    this.#troubles.end();
    this.#alarm.set(undefined);
    const { clock } = this.#options;
    const latest = clock.now() + LONGEST_END;
    let cancel = () => {};
    const isOver = new AbortController();
    const tooLong = new Promise<string>((resolve) => {
      this.#goesOn = () => {
        cancel();
        const time = Math.min(clock.now() + LONGEST_SILENCE, latest);
        cancel = clock.at(time, () =>
          resolve("there was no time to withdraw all that was published"),
        );
      };
      this.#goesOn();
    });
    const failure = await Promise.race([this.#finish(isOver.signal), tooLong]);
    isOver.abort();
    this.#goesOn = () => {};
    cancel();
    const left = [...this.reconciler.left];
    if (failure !== undefined && left.length > 0) this.#troubles.left(left, failure);
  }

  /** Why something stays, if it does. Does not wait for a reading: nothing but our own is to go. */
  async #finish(isOver: AbortSignal): Promise<string | undefined> {
    if (!this.#isReading) await this.#work;
    if (!this.#options.zone.withdraw || isOver.aborted) return undefined;
    this.reconciler.withdraw();
    for (;;) {
      if (this.#troubles.areStanding)
        return "the server takes no updates: what was published stays";
      const work = this.#publish();
      if (work === undefined) break;
      await work;
      if (isOver.aborted) return undefined;
    }
    return this.reconciler.isHindered
      ? "the server refuses to remove some of what was published"
      : undefined;
  }

  #go(): void {
    if (this.#work !== undefined || this.#isEnded) return;
    const now = this.#options.clock.now();
    const work = this.#readings.begin(now) ? this.#read() : this.#publish();
    if (work === undefined) {
      this.#alarm.set(earlier(this.#readings.due, this.reconciler.due()));
      return;
    }
    this.#alarm.set(undefined);
    this.#work = work.then(() => {
      this.#work = undefined;
      this.#go();
    });
  }

  async #read(): Promise<void> {
    const { zone, clock, log, ours, left, settles } = this.#options;
    const began = clock.now();
    let there: HeldSets | Rcode;
    this.#isReading = true;
    try {
      there = await zone.readBack();
      if (this.#isEnded) return;
    } catch (error) {
      // A server that does not answer may be restarting or away, as long as it takes no updates either.
      const isAnswer = error instanceof PublishError;
      if (isAnswer || (this.#readings.isFailing && this.#hasTaken)) {
        this.#troubles.unread({ reason: (error as Error).message, isAnswer });
      }
      this.#hasTaken = false;
      this.#readings.fail(began, clock.now());
      return;
    } finally {
      this.#isReading = false;
    }
    if (typeof there !== "number") {
      this.#troubles.read();
      this.#readings.succeed(began);
      const own = [...ours(there)];
      const inherited = RecordSets.of(own);
      const heard = clock.now() + HEARD;
      const settled = () => Math.max(settles(), heard);
      this.reconciler.inherit(there, inherited, settled, left(inherited));
      const fields = { zone: zone.origin.toString(), sets: own.length };
      log.debug(
        fields,
        "existing records are kept until it is known which devices are still there",
      );
      return;
    }
    this.#troubles.unread({ reason: `the server answers ${rcodeName(there)}`, isAnswer: true });
    this.#readings.fail(began, clock.now());
  }

  #publish(): Promise<void> | undefined {
    const update = this.reconciler.poll(this.#options.clock.now());
    return update === undefined ? undefined : this.#send(update);
  }

  async #send(update: Update): Promise<void> {
    const { zone, clock } = this.#options;
    let rcode: Rcode | undefined;
    let isAnswered = false;
    try {
      rcode = await zone.publish(update);
      if (rcode === Rcode.NOTAUTH || rcode === Rcode.NOTIMP) {
        const what = rcode === Rcode.NOTAUTH ? "has no such zone" : "does not support updates";
        this.#troubles.failed(new Error(`the server ${what} (${rcodeName(rcode)})`));
      } else if (rcode !== Rcode.SERVFAIL) {
        this.#recovered();
      }
    } catch (error) {
      isAnswered = error instanceof PublishError;
      this.#troubles.failed(error as Error);
    }
    const refusal = this.reconciler.settle(rcode, clock.now(), isAnswered);
    if (rcode === Rcode.NOERROR) {
      this.#hasTaken = true;
      this.#goesOn();
      this.#troubles.tellUnread();
      this.#troubles.tellUnhindered(this.reconciler.isHindered);
      if (zone.granted !== undefined) this.reconciler.grant(zone.granted(), clock.now());
      if (await this.#isOlder()) this.inherit();
    }
    if (refusal !== undefined) this.#troubles.report(refusal, rcode!);
  }

  /** Not asked of a server with leases, which forgets by itself what nobody renews. */
  async #isOlder(): Promise<boolean> {
    const { isOlder, granted } = this.#options.zone;
    if (isOlder === undefined || granted?.() !== undefined || this.#isEnded) return false;
    // If there is no answer, the next update shows what is wrong.
    return isOlder().catch(() => false);
  }

  #recovered(): void {
    const { zone, clock } = this.#options;
    if (!this.#troubles.areStanding) return;
    const wasAway = this.#troubles.recovered();
    // It may be another one, or have an older zone, with what was removed since.
    const isOlder = wasAway && zone.granted?.() === undefined;
    if (this.#readings.isFailing || isOlder) this.#readings.ask(clock.now());
  }
}

/** Milliseconds until we too have heard what another collector of the site heard and published first. */
const HEARD = 1000;
/** Milliseconds. A server that took updates until now may be busy; one that did not is not waited for. */
const LONGEST_SILENCE = 2000;
/** Milliseconds. Without leases, listed records go singly, which takes this long at a site of thousands. */
const LONGEST_END = 10_000;
