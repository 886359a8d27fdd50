/**
 * One zone and what a collector keeps in it: reads back what is there already, has the reconciler
 * say what is to be sent, sends it, one update at a time, and tells the administrator what stands in
 * the way, once each time that it changes.
 *
 * Invariant: nothing is removed that others may have put there. Until what is there is known, that
 * is all that this collector has not published itself.
 */
import { Alarm, type Clock, earlier } from "../../clock.ts";
import { Rcode, rcodeName, typeName } from "../../dns/constants.ts";
import { labelToUnicode, type Name } from "../../dns/name.ts";
import type { RecordSet } from "../../dns/record.ts";
import type { Log } from "../../log.ts";
import type { ExchangeError } from "../../net/exchange.ts";
import type { Publish, Update } from "../../zone/update.ts";
import { RecordSets } from "../recordsets.ts";
import { PublishError } from "./farzone.ts";
import type { Guard } from "./guard.ts";
import type { Obstacle } from "./obstacles.ts";
import { Readings } from "./readings.ts";
import { reasonOf } from "./reasons.ts";
import { Reconciler } from "./reconcile.ts";

/** What a server holds of a zone now; a response code where it does not tell. */
export type ReadBack = () => Promise<Iterable<RecordSet> | Rcode>;

/** A zone that is published into. */
export interface PublishedZone {
  readonly origin: Name;
  /** Rejects where there is no answer, and then says why. */
  readonly publish: Publish;
  /** By which name the configuration has the key that updates are signed with. */
  readonly key?: string | undefined;
  readonly readBack?: ReadBack;
  /** Seconds for which records are asked to be there; for ever if not given. */
  readonly lease?: number | undefined;
  /** Seconds that the server grants, once it is known to. */
  readonly granted?: () => number | undefined;
  /** Has it gone back to what it was before, by its serial? Asked where it grants no leases. */
  readonly isOlder?: () => Promise<boolean>;
  /** Take away at the end what was published. */
  readonly withdraw?: boolean;
}

export interface PublicationOptions {
  readonly zone: PublishedZone;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the sets of the zone, what this collector may have put there. */
  readonly ours: (sets: Iterable<RecordSet>) => Iterable<RecordSet>;
  /** Of what other sites may want too. */
  readonly guard: Guard;
  /** The domains of the sites that are published. */
  readonly sites: () => readonly Name[];
  /** When everything has been heard that there is, so that the rest may go; it may be put off. */
  readonly settles: () => number;
}

interface Trouble {
  readonly kind: string;
  /** That were told: a path that is cut shows in one way now and in another then. */
  readonly told: ReadonlySet<string>;
  readonly since: number;
  /** Was the server away for some of the time? */
  readonly wasAway: boolean;
}

export class Publication {
  readonly reconciler: Reconciler;
  readonly #options: PublicationOptions;
  readonly #alarm: Alarm;
  #work: Promise<void> | undefined;
  #isReading = false;
  #isEnded = false;
  /** The server has taken something. */
  #goesOn = () => {};
  readonly #readings = new Readings();
  /**
   * Why what is there could not be read, since an update was last taken; and as it was told. Where
   * updates are not taken either, that is told, and not this.
   */
  #unread: string | undefined;
  #toldUnread: string | undefined;
  /** What stands in the way of all updates, as it was last told, and since when. */
  #trouble: Trouble | undefined;
  /** Sites, and why something of them is refused, as has been told. */
  readonly #forbidden = new Set<string>();
  /** When the latest of these was told. */
  #toldForbidden = 0;

  constructor(options: PublicationOptions) {
    const { zone, clock } = options;
    this.#options = options;
    this.reconciler = new Reconciler({
      zone: zone.origin,
      random: () => clock.random(),
      lease: zone.lease,
      guard: options.guard,
    });
    this.#alarm = new Alarm(clock, () => this.#go());
  }

  want(sets: RecordSets): void {
    this.reconciler.want(sets);
    this.#go();
  }

  /** What may be ours is more than it was: what of it is there already is not known yet. */
  inherit(): void {
    if (this.#options.zone.readBack === undefined || this.#isEnded) return;
    this.#readings.ask(this.#options.clock.now());
    this.#alarm.set(this.#readings.due);
  }

  /**
   * Resolves when nothing is on its way and what is to be taken away is, or when the server says
   * nothing for a while.
   */
  async end(): Promise<void> {
    this.#isEnded = true;
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
    if (failure === undefined || left.length === 0) return;
    const [set] = left.map(({ name, type }) => `${name.toUnicode()} ${typeName(type)}`);
    const fields = { zone: this.#options.zone.origin.toString(), sets: left.length, set };
    this.#options.log.warn(fields, failure);
  }

  /** Why something stays, if it does. What is there is not waited for: nothing but our own is to go. */
  async #finish(isOver: AbortSignal): Promise<string | undefined> {
    if (!this.#isReading) await this.#work;
    if (!this.#options.zone.withdraw || isOver.aborted) return undefined;
    if (this.#trouble?.kind === FAILING) this.#trouble = undefined;
    this.reconciler.withdraw();
    for (;;) {
      if (this.#trouble !== undefined)
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
    const { zone, clock, log, ours, settles } = this.#options;
    const began = clock.now();
    let sets: Iterable<RecordSet> | Rcode;
    this.#isReading = true;
    try {
      sets = await zone.readBack!();
      if (this.#isEnded) return;
    } catch (error) {
      // One that does not answer once may be restarting.
      const isAnswer = error instanceof PublishError;
      if (isAnswer || this.#readings.isFailing) this.#unread = (error as Error).message;
      this.#readings.fail(began, clock.now());
      return;
    } finally {
      this.#isReading = false;
    }
    if (typeof sets !== "number") {
      this.#unread = this.#toldUnread = undefined;
      this.#readings.succeed(began);
      const inherited = [...ours(sets)];
      const heard = clock.now() + HEARD;
      this.reconciler.inherit(RecordSets.of(sets), inherited, () => Math.max(settles(), heard));
      const fields = { zone: zone.origin.toString(), sets: inherited.length };
      log.debug(fields, "what is there already is kept until it is known who is still there");
      return;
    }
    this.#unread = `it answers ${rcodeName(sets)}`;
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
        this.#complain(new Error(`it ${what} (${rcodeName(rcode)})`));
      } else if (rcode !== Rcode.SERVFAIL) {
        this.#rejoice();
      }
    } catch (error) {
      isAnswered = error instanceof PublishError;
      this.#complain(error as Error);
    }
    const refusal = this.reconciler.settle(rcode, clock.now(), isAnswered);
    if (rcode === Rcode.NOERROR) {
      this.#goesOn();
      this.#tellUnread();
      this.#tellUnhindered();
      if (zone.granted !== undefined) this.reconciler.grant(zone.granted(), clock.now());
      if (await this.#isOlder()) this.inherit();
    }
    if (refusal !== undefined) this.#report(refusal, rcode!);
  }

  /** A server that keeps leases forgets by itself what nobody says again. */
  async #isOlder(): Promise<boolean> {
    const { isOlder, granted } = this.#options.zone;
    if (isOlder === undefined || granted?.() !== undefined || this.#isEnded) return false;
    // Where there is no answer, the next update tells what is the matter.
    return isOlder().catch(() => false);
  }

  //---- For the administrator ----

  #complain(error: Error, is?: string): void {
    const { zone, clock, log } = this.#options;
    const { server } = error as Partial<ExchangeError>;
    const kind = is ?? (server === undefined ? error.message : AWAY);
    const { since = clock.now(), wasAway = false, told = NONE } = this.#trouble ?? {};
    const isNews = !told.has(kind) && told.size < MOST_KINDS;
    this.#trouble = {
      kind,
      told: isNews ? new Set([...told, kind]) : told,
      since,
      wasAway: wasAway || kind === AWAY,
    };
    if (!isNews || this.#isEnded) return;
    const fields = { zone: zone.origin.toString(), server, reason: error.message };
    log.warn(fields, "the server of the zone takes no updates");
  }

  #rejoice(): void {
    const { zone, clock, log } = this.#options;
    if (this.#trouble === undefined) return;
    const { since, wasAway } = this.#trouble;
    const after = Math.round(clock.now() - since);
    this.#trouble = undefined;
    this.#unread = undefined;
    // It may be another one, or have an older zone, in which there is what was taken away since.
    const isOlder = wasAway && zone.readBack !== undefined && zone.granted?.() === undefined;
    if (this.#readings.isFailing || isOlder) this.#readings.ask(clock.now());
    log.info({ zone: zone.origin.toString(), after }, "the server of the zone takes updates again");
  }

  #tellUnread(): void {
    const { zone, log } = this.#options;
    const reason = this.#unread;
    this.#unread = undefined;
    if (this.#isEnded || reason === undefined || reason === this.#toldUnread) return;
    this.#toldUnread = reason;
    const remedy = "let the key transfer the zone (allow-transfer in BIND, an acl in Knot)";
    const fields = { zone: zone.origin.toString(), reason };
    log.warn(fields, `what left while nobody was here stays in the zone: ${remedy}`);
  }

  #tellUnhindered(): void {
    const { zone, clock, log } = this.#options;
    const isSoon = clock.now() < this.#toldForbidden + QUIET;
    if (this.#forbidden.size === 0 || isSoon || this.reconciler.isHindered) return;
    this.#forbidden.clear();
    log.info({ zone: zone.origin.toString() }, "the server refuses nothing any more");
  }

  #report(refusal: Obstacle, rcode: Rcode): void {
    if (this.#isEnded) return;
    const { zone, log } = this.#options;
    const { name, type, isRemoval, published, wanted } = refusal;
    const set = `${name.toUnicode()} ${typeName(type)}`;
    // So a set is not full of which nothing is there.
    if (rcode === Rcode.SERVFAIL && published === 0 && !isRemoval) {
      this.#complain(new Error(`it answers SERVFAIL to ${set}`), FAILING);
      return;
    }
    const reason = reasonOf(refusal, rcode, zone.key !== undefined);
    const fields = { zone: zone.origin.toString(), set, rcode: rcodeName(rcode) };
    if (rcode === Rcode.REFUSED) this.#reportForbidden(name, reason, fields);
    else log.warn({ ...fields, published, wanted }, reason);
  }

  /** Once for all of a site: what a key may not write is a rule, and seldom about one name. */
  #reportForbidden(name: Name, reason: string, fields: object): void {
    const { zone, clock, log, sites } = this.#options;
    const beneath = sites().filter((domain) => name.isUnder(domain));
    const label = ({ labels }: Name) => labelToUnicode(labels[0]!);
    const site = (beneath.length > 0 ? beneath : sites()).map(label).join(", ");
    const told = `${site}: ${reason}`;
    const isTold = this.#forbidden.has(told);
    const tell = isTold ? log.debug : log.warn;
    if (!isTold) this.#toldForbidden = clock.now();
    this.#forbidden.add(told);
    tell.call(log, { ...fields, site, key: zone.key }, reason);
  }
}

const NONE: ReadonlySet<string> = new Set();
/** Told of one trouble: a clock that drifts is wrong by other seconds each time. */
const MOST_KINDS = 20;
/** Of trouble: nobody answers. */
const AWAY = "no answer";
/** Of trouble: the server is there and has the zone, and fails to do what it is asked. */
const FAILING = "SERVFAIL";
/** Milliseconds: what another collector of the site was the first to hear and to publish is heard by then. */
const HEARD = 1000;
/** Milliseconds: strangers may have something refused, and take it back, as often as they like. */
const QUIET = 60_000;
/** A server that took updates until now may be busy; one that did not is not waited for. */
const LONGEST_SILENCE = 2000;
/** A server without leases takes what is listed one by one, and so long does a site of thousands. */
const LONGEST_END = 10_000;
