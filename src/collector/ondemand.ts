/**
 * Answers what the harvest does not hold by asking the link while a client waits (RFC 8766 §5.6): a host
 * without services, or a subtype or unusual type that nobody asked for before. The first answer ends the
 * wait, be it positive or NSEC (RFC 6762 §6.1). If none comes, the client gets NODATA, since what does not
 * exist now may exist soon.
 *
 * Invariants: an answer is what the projection makes of what the link says, or for services what the zone
 * holds, so nothing is told here that could not be published. Names that DNS and DNS-SD reserve are never
 * asked for (RFC 8766 §6.3 to §6.5). The number of waiting questions is bounded; the client with most of
 * them makes room for others.
 */
import type { Clock } from "../clock.ts";
import { ADDRESS_TYPES, Rcode, Type } from "../dns/constants.ts";
import type { Question } from "../dns/message.ts";
import type { Name, NameKey } from "../dns/name.ts";
import { targetOf } from "../dns/rdata.ts";
import { type RecordSet, setKey } from "../dns/record.ts";
import { isUnderscored, LOCAL, parseInstance, parseServiceType } from "../dns/service.ts";
import { type Guest, makeRoom } from "../guests.ts";
import { Quarter } from "../quarter.ts";
import { type Answer, lookup } from "../zone/lookup/lookup.ts";
import type { Snapshot } from "../zone/snapshot.ts";
import { isCarriedType, isReserved } from "../zone/update/principal.ts";
import type { Zone } from "../zone/zone.ts";
import type { LinkCache } from "./link/cache.ts";
import type { Harvest } from "./link/harvest.ts";
import { isCalledOff } from "./link/heard.ts";
import { obtain } from "./obtain.ts";
import { type Projection, projectOne } from "./projection/project.ts";
import { hasUnderscore, isSteeringHost } from "./projection/publishable.ts";
import { isAwaited, type Site } from "./projection/site.ts";
import { Watches } from "./watches.ts";

/** A site with its links in use. */
export interface AskedSite {
  readonly site: Site;
  /** The time by the clock of the site's caches. */
  readonly now: number;
  readonly harvests: readonly Pick<Harvest, "cache" | "inquire" | "cease" | "denies">[];
}

export interface OnDemandOptions {
  /** The zone that the site's collector publishes into. */
  readonly zone: Pick<Zone, "origin" | "current" | "follow">;
  /** The domains of the sites that may be asked. */
  readonly sites: readonly Name[];
  readonly siteAt: (domain: Name) => AskedSite | undefined;
  readonly clock: Clock;
}

/** A question as it is put to the link. */
interface Inquiry {
  readonly question: Question;
  readonly domain: Name;
  /** In `local.` */
  readonly name: Name;
  /** For a service or a list of services: the zone holds them as soon as they may be told. */
  readonly isOfService: boolean;
  /**
   * What the link is asked for: for a service its SRV record too, without which nothing of it is told, and
   * for a host the addresses that a policy judges.
   */
  readonly types: ReadonlySet<number>;
}

interface Waiter extends Inquiry, Guest {
  readonly finish: (answer: Answer) => void;
}

/** Verdicts, and the caches' revisions that they hold for: lists are long and often asked for. */
interface Judged {
  readonly revisions: ReadonlyMap<LinkCache, number>;
  /** By name and type; only for what was heard, so that nobody can fill it by asking. */
  readonly isWithheld: Map<string, boolean>;
}

export class OnDemand {
  readonly #options: OnDemandOptions;
  /** Oldest first. */
  readonly #waiting = new Set<Waiter>();
  readonly #watches: Watches;
  readonly #judged = new WeakMap<Site, Judged>();
  readonly #quarter = new Quarter(CREDIT);

  constructor(options: OnDemandOptions) {
    const { clock, siteAt } = options;
    this.#options = options;
    const harvestsAt = (domain: Name) => siteAt(domain)?.harvests ?? [];
    this.#watches = new Watches({ harvestsAt, clock, patience: PATIENCE });
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Follows the zone until `signal` aborts, then dismisses all who wait. */
  async run(signal: AbortSignal): Promise<void> {
    const { zone } = this.#options;
    for await (const _ of zone.follow(zone.current.serial, signal)) this.look();
    for (const { dismiss } of this.#waiting) dismiss();
    this.#watches.end();
  }

  /**
   * True if a link may have an answer, which the zone does not, to this question of class IN. True also if
   * the name, or the last one of its aliases, does not exist in the zone but may exist on a link: such a
   * name is not denied, whatever type is asked for (RFC 8020).
   */
  covers(question: Question): boolean {
    const found = lookup(this.#options.zone.current, question);
    if (this.#inquiryOf(question, found) !== undefined) return true;
    const alias = found.answers.at(-1);
    const last = alias === undefined ? question.name : targetOf(alias.rdatas[0]!);
    return found.rcode === Rcode.NXDOMAIN && last !== undefined && this.#siteOf(last) !== undefined;
  }

  /**
   * Answers a question that is covered; at once if no link is asked. The question counts against `client`;
   * `signal` aborts when the client gives up.
   */
  answer(question: Question, client: string, signal: AbortSignal): Promise<Answer> {
    const found = lookup(this.#options.zone.current, question);
    const inquiry = this.#inquiryOf(question, found);
    const asked = inquiry && this.#options.siteAt(inquiry.domain);
    if (inquiry === undefined || asked === undefined || signal.aborted) {
      return Promise.resolve({ ...this.#denial, answers: found.answers });
    }
    const known = this.#isWithheld(inquiry, asked) ? this.#denial : this.#find(inquiry);
    if (known !== undefined) return Promise.resolve(known);
    if (!makeRoom(this.#waiting, client, MAX_WAITING)) return Promise.resolve(this.#denial);
    const isJudged = !inquiry.isOfService && asked.site.policy.isAboutAddresses;
    const types = new Set([...inquiry.types, ...(isJudged ? ADDRESS_TYPES : [])]);
    return this.#wait({ ...inquiry, types }, asked, client, signal);
  }

  /** Asks the link for what a client watches, whatever is known, until the returned function is called. */
  watch({ name, type }: Question, client: string): () => void {
    const domain = this.#siteOf(name);
    const heard = domain && name.replaceSuffix(domain, LOCAL);
    if (heard === undefined || !isAskable(heard, type)) return () => {};
    return this.#watches.begin({ domain: domain!, name: heard, type, client });
  }

  /** To be called when the zone, or what the links say, may have changed. */
  look(): void {
    this.#watches.look(this.#options.sites);
    // One projection of a name serves all who wait for any of its types.
    const projected = new Map<NameKey, Projection>();
    for (const waiter of this.#waiting) {
      const answer = this.#find(waiter, projected);
      if (answer !== undefined) waiter.finish(answer);
    }
  }

  #wait(
    inquiry: Inquiry,
    { harvests }: AskedSite,
    client: string,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { clock, siteAt } = this.#options;
    const { name, domain, types } = inquiry;
    return new Promise((resolve) => {
      const giveUp = () => finish(this.#denial);
      const cancel = clock.at(clock.now() + PATIENCE, giveUp);
      const finish = (answer: Answer) => {
        cancel();
        signal.removeEventListener("abort", giveUp);
        this.#waiting.delete(waiter);
        for (const type of types) {
          if (this.#isWaitedFor(name, type)) continue;
          for (const harvest of siteAt(domain)?.harvests ?? []) harvest.cease(name, type);
        }
        resolve(answer);
      };
      const waiter = { ...inquiry, client, finish, dismiss: giveUp };
      this.#waiting.add(waiter);
      signal.addEventListener("abort", giveUp, { once: true });
      for (const harvest of harvests) {
        // What was heard is not asked for: what keeps it from being told is something else.
        const unheard = [...types].filter((type) => !isHeard(name, type, harvest.cache));
        if (unheard.length > 0) harvest.inquire(name, unheard, client);
      }
    });
  }

  #siteOf(name: Name): Name | undefined {
    return this.#options.sites.find((site) => name.isUnder(site));
  }

  #inquiryOf(question: Question, found: Answer): Inquiry | undefined {
    const { zone } = this.#options;
    if (found.answers.length > 0 || !found.isAuthoritative) return undefined;
    const domain = this.#siteOf(question.name);
    const name = domain && question.name.replaceSuffix(domain, LOCAL);
    if (domain === undefined || name === undefined || !isAskable(name, question.type)) {
      return undefined;
    }
    // For a name that the zone has, the harvest itself asks for these types.
    const isHarvested = (zone.current.node(question.name.key)?.sets.length ?? 0) > 0;
    if (isHarvested && HARVESTED.has(question.type)) return undefined;
    const isInstance = parseInstance(name) !== undefined;
    const isOfService = isInstance || parseServiceType(name) !== undefined;
    const types = new Set([question.type, ...(isInstance && !isHarvested ? [Type.SRV] : [])]);
    return { question, domain, name, isOfService, types };
  }

  /** Undefined while the link has not answered. */
  #find(inquiry: Inquiry, projected = new Map<NameKey, Projection>()): Answer | undefined {
    const { zone, siteAt } = this.#options;
    const { question, name, isOfService, domain } = inquiry;
    const published = lookup(zone.current, question);
    if (published.answers.length > 0) return published;
    const asked = siteAt(domain);
    if (asked === undefined) return this.#denial;
    const { site, now, harvests } = asked;
    let isUntold = false;
    if (!isOfService) {
      const { sets, withheld } = obtain(projected, question.name.key, () =>
        projectOne(site, zone.origin, name, now),
      );
      const told = [...sets].filter((set) => isNewTo(zone.current, set));
      const answer = lookup(zone.current.with([], told), question);
      const { answers, additionals, names } = answer;
      // The target of an alias may be unknown, which does not mean that it does not exist. `...` leaves out
      // what a lookup computes on access.
      if (answers.length > 0) return { ...answer, rcode: Rcode.NOERROR, additionals, names };
      // What was heard may not be told, unless it only waits for its addresses.
      isUntold = !withheld.some(({ reason }) => isAwaited(reason));
    }
    const isOver = harvests.every(
      (each) =>
        each.denies(name, question.type) || (isUntold && isHeard(name, question.type, each.cache)),
    );
    return isOver ? this.#denial : undefined;
  }

  /** True for a service or a list of services if nothing of what was heard may be told. */
  #isWithheld(inquiry: Inquiry, { site, now, harvests }: AskedSite): boolean {
    const { name, question, isOfService } = inquiry;
    if (!isOfService || harvests.length === 0) return false;
    const judged = this.#judgedAt(site);
    const key = setKey(name, question.type);
    const known = judged.get(key);
    if (known !== undefined) return known;
    // Counts only after a while, since more may be on its way.
    const before = now - PATIENCE;
    if (!harvests.every(({ cache }) => isHeard(name, question.type, cache, before))) return false;
    const { clock, zone } = this.#options;
    const start = clock.now();
    if (start < this.#quarter.next) return false;
    const { sets, withheld } = projectOne(site, zone.origin, name, now);
    this.#quarter.spent(start, clock.now());
    // What may be told will soon be in the zone.
    const isTold = sets.get(question.name.key, question.type) !== undefined;
    const isWithheld = !isTold && !withheld.some(({ reason }) => isAwaited(reason));
    judged.set(key, isWithheld);
    return isWithheld;
  }

  /** What is known to be withheld, or not to be, for as long as the links say the same. */
  #judgedAt(site: Site): Map<string, boolean> {
    const { caches } = site;
    const before = this.#judged.get(site);
    const isSame = [...caches].every((cache) => before?.revisions.get(cache) === cache.revision);
    if (before?.revisions.size === caches.size && isSame) return before.isWithheld;
    const revisions = new Map([...caches].map((cache) => [cache, cache.revision]));
    const isWithheld = new Map<string, boolean>();
    this.#judged.set(site, { revisions, isWithheld });
    return isWithheld;
  }

  /** NODATA, whether or not the name exists. */
  get #denial(): Answer {
    const authorities = [this.#options.zone.current.negativeSoa];
    const nothing = { answers: [], additionals: [], names: [] };
    return { rcode: Rcode.NOERROR, isAuthoritative: true, authorities, ...nothing };
  }

  #isWaitedFor(name: Name, type: number): boolean {
    for (const other of this.#waiting) {
      if (other.types.has(type) && other.name.equals(name)) return true;
    }
    return false;
  }
}

/** True if a link may be asked for it: not for what DNS or DNS-SD reserves. */
function isAskable(name: Name, type: number): boolean {
  if (name.equals(LOCAL) || isReserved(name.labels) || isSteeringHost(name)) return false;
  // `_tcp`, `_sub._ipp._tcp` and the like hold no records, and what lies beneath names such as `_domainkey`
  // speaks for the domain (RFC 8552).
  const service =
    parseServiceType(name) ?? (isUnderscored(name.labels[0]!) ? undefined : parseInstance(name));
  if (hasUnderscore(name) && service?.domain.equals(LOCAL) !== true) return false;
  return isCarriedType(type);
}

/** False if the zone already has such a set, or an alias would not be alone at its name (RFC 1034 §3.6.2). */
function isNewTo(zone: Snapshot, { name, type }: RecordSet): boolean {
  const there = zone.node(name.key)?.sets ?? [];
  return there.every((set) => set.type !== type && ![set.type, type].includes(Type.CNAME));
}

/** True if a record was heard, and none is in doubt or was first heard after `before`. */
function isHeard({ key }: Name, type: number, cache: LinkCache, before = Infinity): boolean {
  const records = cache.set(key, type)?.records;
  for (const each of records?.values() ?? []) {
    if (each.firstHeard > before || isCalledOff(each)) return false;
  }
  return records !== undefined;
}

/** The types that `browser.ts` asks for by itself. */
const HARVESTED: ReadonlySet<number> = new Set([
  Type.PTR,
  Type.SRV,
  Type.TXT,
  Type.A,
  Type.AAAA,
  Type.CNAME,
]);
/** All are counted, even those that ask the same. */
const MAX_WAITING = 200;
/**
 * Milliseconds: for two questions, a second apart (RFC 6762 §5.2), and half a second for the answer to the
 * second (§6). RFC 8766 §5.6 specifies six seconds, but dig and most resolvers give up after five.
 */
const PATIENCE = 2500;
/** Milliseconds of work on lists that may be owed. Beyond that, whoever asks for one waits. */
const CREDIT = 200;
