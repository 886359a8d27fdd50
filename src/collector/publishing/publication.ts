/**
 * One zone and what a collector keeps in it: reads back what is there already, has the reconciler
 * say what is to be sent, and sends it, one update at a time.
 *
 * Invariant: nothing is removed that others may have put there. Until what is there is known, that
 * is all that this collector has not published itself.
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

/** What a server holds of a zone now; a response code where it does not tell. */
export type ReadBack = () => Promise<HeldSets | Rcode>;

/** A zone that is published into. */
export interface PublishedZone {
  readonly origin: Name;
  /** Rejects where there is no answer, and then says why. */
  readonly publish: Publish;
  /** By which name the configuration has the key that updates are signed with. */
  readonly key?: string | undefined;
  readonly readBack: ReadBack;
  /** Seconds for which records are asked to be there; for ever if not given. */
  readonly lease?: number | undefined;
  /** Seconds that the server grants, once it is known to; not given where it always does. */
  readonly granted?: () => number | undefined;
  /** Has it gone back to what it was before, by its serial, or become another? Without leases alone. */
  readonly isOlder?: () => Promise<boolean>;
  /** Take away at the end what was published. */
  readonly withdraw?: boolean;
}

export interface PublicationOptions {
  readonly zone: PublishedZone;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the sets of the zone, what this collector may have put there. */
  readonly ours: (there: HeldSets) => Iterable<RecordSet>;
  /** Of these, what is kept until it is known whether it is still wanted: what might be wanted yet. */
  readonly left: (ours: RecordSets) => RecordSets;
  /** Of what other sites may want too. */
  readonly guard: Guard;
  /** The domains of the sites that are published. */
  readonly sites: () => readonly Name[];
  /** When everything has been heard that there is, so that the rest may go; it may be put off. */
  readonly settles: () => number;
}

export class Publication {
  readonly reconciler: Reconciler;
  readonly #options: PublicationOptions;
  readonly #alarm: Alarm;
  #work: Promise<void> | undefined;
  #isReading = false;
  #isEnded = false;
  /** An update, since what is there could not be read. */
  #hasTaken = false;
  /** The server has taken something. */
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

  /** Does the server take no updates? */
  get isTroubled(): boolean {
    return this.#troubles.areStanding;
  }

  want(sets: RecordSets): void {
    this.reconciler.want(sets);
    this.#go();
  }

  /** Leases went on while this machine slept, and may be over. */
  renew(): void {
    this.reconciler.sayAllAgain();
    this.#go();
  }

  /** What may be ours is more than it was: what of it is there already is not known yet. */
  inherit(): void {
    if (this.#isEnded) return;
    this.#readings.ask(this.#options.clock.now());
    this.#alarm.set(this.#readings.due);
  }

  /**
   * Resolves when nothing is on its way and what is to be taken away is, or when the server says
   * nothing for a while.
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
          resolve("there was no time to take away all that was published"),
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

  /** Why something stays, if it does. What is there is not waited for: nothing but our own is to go. */
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
      ? "the server does not let go of all that was published"
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
      // One that does not answer may be restarting, or away, as long as it takes no update either.
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
      log.debug(fields, "what is there already is kept until it is known who is still there");
      return;
    }
    this.#troubles.unread({ reason: `it answers ${rcodeName(there)}`, isAnswer: true });
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
        const what = rcode === Rcode.NOTAUTH ? "has no such zone" : "knows no updates";
        this.#troubles.complain(new Error(`it ${what} (${rcodeName(rcode)})`));
      } else if (rcode !== Rcode.SERVFAIL) {
        this.#rejoice();
      }
    } catch (error) {
      isAnswered = error instanceof PublishError;
      this.#troubles.complain(error as Error);
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

  /** A server that keeps leases forgets by itself what nobody says again. */
  async #isOlder(): Promise<boolean> {
    const { isOlder, granted } = this.#options.zone;
    if (isOlder === undefined || granted?.() !== undefined || this.#isEnded) return false;
    // Where there is no answer, the next update tells what is the matter.
    return isOlder().catch(() => false);
  }

  #rejoice(): void {
    const { zone, clock } = this.#options;
    if (!this.#troubles.areStanding) return;
    const wasAway = this.#troubles.rejoice();
    // It may be another one, or have an older zone, in which there is what was taken away since.
    const isOlder = wasAway && zone.granted?.() === undefined;
    if (this.#readings.isFailing || isOlder) this.#readings.ask(clock.now());
  }
}

/** Milliseconds: what another collector of the site was the first to hear and to publish is heard by then. */
const HEARD = 1000;
/** A server that took updates until now may be busy; one that did not is not waited for. */
const LONGEST_SILENCE = 2000;
/** A server without leases takes what is listed one by one, and so long does a site of thousands. */
const LONGEST_END = 10_000;
