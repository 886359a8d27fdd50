/**
 * Logs what stands between a collector and its zone: each trouble once, and again when it has ended and
 * come back.
 *
 * Invariant: however often a path or a server comes and goes, or strangers have something refused and take
 * it back, each trouble is logged once a minute at most.
 */
import type { Clock } from "../../clock.ts";
import { Rcode, rcodeName, typeName } from "../../dns/constants.ts";
import { labelToUnicode, type Name } from "../../dns/name.ts";
import type { RecordSet } from "../../dns/record.ts";
import { LONG_LIST } from "../../dns/service.ts";
import type { Log } from "../../log.ts";
import type { ExchangeError } from "../../net/client/exchange.ts";
import type { Obstacle } from "./obstacles.ts";
import { reasonOf } from "./reasons.ts";

export interface TroublesOptions {
  readonly zone: { readonly origin: Name; readonly key?: string | undefined };
  readonly clock: Clock;
  readonly log: Log;
  /** The domains of the sites that are published. */
  readonly sites: () => readonly Name[];
}

/** No update is taken: why, and since when. */
interface Trouble {
  readonly kind: string;
  /** The kinds already logged: a broken path shows now in one way, now in another. */
  readonly told: ReadonlySet<string>;
  readonly since: number;
  /** True if the server was away for some of the time. */
  readonly wasAway: boolean;
}

/** Why what is there could not be read. */
interface Unread {
  readonly reason: string;
  /** True if the server's answer was the reason. */
  readonly isAnswer: boolean;
}

export class Troubles {
  readonly #options: TroublesOptions;
  #trouble: Trouble | undefined;
  /** When one was last logged. */
  #toldTrouble = Number.NEGATIVE_INFINITY;
  /** Why reading failed since an update was last taken: if updates fail too, that alone is logged. */
  #unread: Unread | undefined;
  /** The reason last logged, and when. */
  #toldReason: string | undefined;
  #toldUnread = Number.NEGATIVE_INFINITY;
  /** Sites and why something of them is refused, as logged. */
  readonly #forbidden = new Set<string>();
  /** When the latest of these was logged. */
  #toldForbidden = Number.NEGATIVE_INFINITY;
  #isEnded = false;

  constructor(options: TroublesOptions) {
    this.#options = options;
  }

  /** True while the server takes no updates. */
  get areStanding(): boolean {
    return this.#trouble !== undefined;
  }

  /** From now on nothing is logged but what `left` says. A failing server may still remove what it has. */
  end(): void {
    this.#isEnded = true;
    if (this.#trouble?.kind === FAILING) this.#trouble = undefined;
  }

  /** No update is taken, for this reason. */
  failed(error: Error, is?: string): void {
    const { log, clock } = this.#options;
    const { server } = error as Partial<ExchangeError>;
    const kind = is ?? (server === undefined ? error.message : AWAY);
    const now = clock.now();
    const { since = now, wasAway = false, told = NONE } = this.#trouble ?? {};
    const isSoon = told.size === 0 && now < this.#toldTrouble + QUIET;
    const isNews = !isSoon && !told.has(kind) && told.size < MOST_KINDS;
    this.#trouble = {
      kind,
      told: isNews ? new Set([...told, kind]) : told,
      since,
      wasAway: wasAway || kind === AWAY,
    };
    if (!isNews || this.#isEnded) return;
    this.#toldTrouble = now;
    const fields = { zone: this.#zone, server, reason: error.message };
    log.warn(fields, "the server of the zone takes no updates");
  }

  /** An update is taken. True if the server was away before. */
  recovered(): boolean {
    const { clock, log } = this.#options;
    if (this.#trouble === undefined) return false;
    const { since, wasAway, told } = this.#trouble;
    const after = Math.round(clock.now() - since);
    this.#trouble = undefined;
    this.#unread = undefined;
    if (told.size > 0)
      log.info({ zone: this.#zone, after }, "the server of the zone takes updates again");
    return wasAway;
  }

  /** What is there has been read. */
  read(): void {
    this.#unread = this.#toldReason = undefined;
  }

  unread(unread: Unread): void {
    this.#unread = unread;
  }

  /** An update was taken: logs it if what is there could nevertheless not be read. */
  tellUnread(): void {
    const { log, clock } = this.#options;
    const unread = this.#unread;
    this.#unread = undefined;
    if (this.#isEnded || unread === undefined || unread.reason === this.#toldReason) return;
    const { reason, isAnswer } = unread;
    if (clock.now() < this.#toldUnread + QUIET) return;
    this.#toldReason = reason;
    this.#toldUnread = clock.now();
    const fields = { zone: this.#zone, reason };
    log.warn(
      fields,
      `stale records may stay in the zone, which cannot be read${isAnswer ? REMEDY : ""}`,
    );
  }

  /** An update was taken: logs if nothing is refused any more. */
  tellUnhindered(isHindered: boolean): void {
    const { clock, log } = this.#options;
    const isSoon = clock.now() < this.#toldForbidden + QUIET;
    if (this.#forbidden.size === 0 || isSoon || isHindered) return;
    this.#forbidden.clear();
    log.info({ zone: this.#zone }, "the server no longer refuses anything");
  }

  /** A record is refused. */
  report(refusal: Obstacle, rcode: Rcode): void {
    if (this.#isEnded) return;
    const { zone, log } = this.#options;
    const { name, type, isRemoval, published, wanted } = refusal;
    const set = `${name.toUnicode()} ${typeName(type)}`;
    // A set is not full while it is short, unless other sites have filled it.
    const isShort = Math.max(published + 1, wanted) <= LONG_LIST;
    const isFailing = rcode === Rcode.SERVFAIL && isShort && !isRemoval;
    if (isFailing && (this.areStanding || !this.#isMerged(name))) {
      this.failed(new Error(`the server answers SERVFAIL for ${set}`), FAILING);
      return;
    }
    const reason = reasonOf(refusal, rcode, zone.key !== undefined);
    const fields = { zone: this.#zone, set, rcode: rcodeName(rcode) };
    if (rcode === Rcode.REFUSED) this.#reportForbidden(name, reason, fields);
    else log.warn({ ...fields, published, wanted }, reason);
  }

  /** Logs at the end what stays, and why. */
  left(sets: readonly RecordSet[], reason: string): void {
    const [set] = sets.map(({ name, type }) => `${name.toUnicode()} ${typeName(type)}`);
    this.#options.log.warn({ zone: this.#zone, sets: sets.length, set }, reason);
  }

  /** Once for a whole site: what a key may not write is a rule, and seldom about one name. */
  #reportForbidden(name: Name, reason: string, fields: object): void {
    const { zone, clock, log, sites } = this.#options;
    const above = this.#sitesAbove(name);
    const label = ({ labels }: Name) => labelToUnicode(labels[0]!);
    const site = (above.length > 0 ? above : sites()).map(label).join(", ");
    const told = `${site}: ${reason}`;
    const isTold = this.#forbidden.has(told);
    const tell = isTold ? log.debug : log.warn;
    if (!isTold) this.#toldForbidden = clock.now();
    this.#forbidden.add(told);
    tell.call(log, { ...fields, site, key: zone.key }, reason);
  }

  #sitesAbove(name: Name): readonly Name[] {
    return this.#options.sites().filter((domain) => name.isUnder(domain));
  }

  /** True for names of the zone that are in none of our sites: others put records there too. */
  #isMerged(name: Name): boolean {
    const { zone, sites } = this.#options;
    const isOfZone = sites().some((domain) => domain.isUnder(zone.origin));
    return isOfZone && this.#sitesAbove(name).length === 0;
  }

  get #zone(): string {
    return this.#options.zone.origin.toString();
  }
}

const NONE: ReadonlySet<string> = new Set();
const REMEDY = ": let the key transfer it (allow-transfer in BIND, an acl in Knot)";
/** Kinds logged of one trouble: a drifting clock is wrong by a different number of seconds each time. */
const MOST_KINDS = 20;
/** A kind of trouble: nobody answers. */
const AWAY = "no answer";
/** A kind of trouble: the server has the zone, and fails to do what it is asked. */
const FAILING = "SERVFAIL";
/** Milliseconds. */
const QUIET = 60_000;
