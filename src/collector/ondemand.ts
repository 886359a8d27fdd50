/**
 * What the harvest does not hold, asked of the link while a client waits (RFC 8766 §5.6): a host
 * without services, a subtype or an unusual type that nobody asked for before. The first answer ends
 * the wait, positive or NSEC (RFC 6762 §6.1); where none comes, NODATA does, since what is not there
 * now may be there soon.
 *
 * Invariants: what is answered is what the projection makes of the link's word, and of services what
 * the zone holds, so nothing is told here that could not be published. Names that DNS and DNS-SD keep
 * for themselves are never asked for (RFC 8766 §6.3 to §6.5). No more than so many wait at once; who
 * has most questions waiting makes room for others.
 */
import type { Clock } from "../clock.ts";
import { ADDRESS_TYPES, Rcode, Type } from "../dns/constants.ts";
import type { Question } from "../dns/message.ts";
import type { Name, NameKey } from "../dns/name.ts";
import { targetOf } from "../dns/rdata.ts";
import { type RecordSet, setKey } from "../dns/record.ts";
import { isUnderscored, LOCAL, parseInstance, parseServiceType } from "../dns/service.ts";
import { Quarter } from "../quarter.ts";
import { type Answer, lookup } from "../zone/lookup/lookup.ts";
import type { Snapshot } from "../zone/snapshot.ts";
import { isCarriedType, isReserved } from "../zone/update/principal.ts";
import type { Zone } from "../zone/zone.ts";
import { type Guest, makeRoom } from "./guests.ts";
import type { LinkCache } from "./link/cache.ts";
import type { Harvest } from "./link/harvest.ts";
import { isCalledOff } from "./link/heard.ts";
import { obtain } from "./obtain.ts";
import { type Projection, projectOne } from "./projection/project.ts";
import { hasUnderscore, isSteeringHost } from "./projection/publishable.ts";
import { isAwaited, type Site } from "./projection/site.ts";
import { Watches } from "./watches.ts";

/** A site, and the links that are there now. */
export interface AskedSite {
  readonly site: Site;
  /** By the clock of what was heard there. */
  readonly now: number;
  readonly harvests: readonly Pick<Harvest, "cache" | "inquire" | "cease" | "denies">[];
}

export interface OnDemandOptions {
  /** What the site's collector publishes into. */
  readonly zone: Pick<Zone, "origin" | "current" | "follow">;
  /** The domains of the sites that may be asked. */
  readonly sites: readonly Name[];
  readonly siteAt: (domain: Name) => AskedSite | undefined;
  readonly clock: Clock;
}

/** A question as the link knows it. */
interface Inquiry {
  readonly question: Question;
  readonly domain: Name;
  /** In `local.` */
  readonly name: Name;
  /** Of a service or a list of them: then the zone has it as soon as it may be told. */
  readonly isOfService: boolean;
  /**
   * What the link is asked: of a service its SRV record too, without which nothing is told of it, and of a
   * host the addresses that a policy looks at.
   */
  readonly types: ReadonlySet<number>;
}

interface Waiter extends Inquiry, Guest {
  readonly finish: (answer: Answer) => void;
}

/** By name and type, and what the links had said by then: lists are long, and asked for often. */
interface Judged {
  readonly revisions: ReadonlyMap<LinkCache, number>;
  /** Of what was heard alone, so that nobody fills it by asking. */
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

  /** Follows the zone until `signal` ends; then nobody waits any more. */
  async run(signal: AbortSignal): Promise<void> {
    const { zone } = this.#options;
    for await (const _ of zone.follow(zone.current.serial, signal)) this.look();
    for (const { dismiss } of this.#waiting) dismiss();
    this.#watches.end();
  }

  /**
   * Is this a question, of class IN, that the zone has no answer to and a link may have? Or is a name not
   * there, it or what it is an alias of, that a link may have: whatever type is asked for, none of these is
   * denied (RFC 8020).
   */
  covers(question: Question): boolean {
    const found = lookup(this.#options.zone.current, question);
    if (this.#inquiryOf(question, found) !== undefined) return true;
    const alias = found.answers.at(-1);
    const last = alias === undefined ? question.name : targetOf(alias.rdatas[0]!);
    return found.rcode === Rcode.NXDOMAIN && last !== undefined && this.#siteOf(last) !== undefined;
  }

  /**
   * To a question that is covered, at once where no link is asked. `client` is whose share it is, `signal`
   * ends with its patience.
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
    if (!makeRoom(this.#waiting, client)) return Promise.resolve(this.#denial);
    const isJudged = !inquiry.isOfService && asked.site.policy.isAboutAddresses;
    const types = new Set([...inquiry.types, ...(isJudged ? ADDRESS_TYPES : [])]);
    return this.#wait({ ...inquiry, types }, asked, client, signal);
  }

  /** Asks the link for what a client watches, whatever is known of it, until what it gives is called. */
  watch({ name, type }: Question, client: string): () => void {
    const domain = this.#siteOf(name);
    const heard = domain && name.replaceSuffix(domain, LOCAL);
    if (heard === undefined || !isAskable(heard, type)) return () => {};
    return this.#watches.begin({ domain: domain!, name: heard, type, client });
  }

  /** The zone, or what the links say, may be another. */
  look(): void {
    this.#watches.look(this.#options.sites);
    // Of one name many may wait for many types.
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
        // What was heard and may not be told yet waits for something else, or for nothing.
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
    // What there is of a name of its own the harvest asks for itself.
    const isHarvested = (zone.current.node(question.name.key)?.sets.length ?? 0) > 0;
    if (isHarvested && HARVESTED.has(question.type)) return undefined;
    const isInstance = parseInstance(name) !== undefined;
    const isOfService = isInstance || parseServiceType(name) !== undefined;
    const types = new Set([question.type, ...(isInstance && !isHarvested ? [Type.SRV] : [])]);
    return { question, domain, name, isOfService, types };
  }

  /** Undefined where the link has said nothing yet. */
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
      // That nothing is known of what an alias leads to is no word that it is not there. What a lookup
      // works out when somebody looks is left out by `...`.
      if (answers.length > 0) return { ...answer, rcode: Rcode.NOERROR, additionals, names };
      // What was heard may not be told, unless its addresses say otherwise.
      isUntold = !withheld.some(({ reason }) => isAwaited(reason));
    }
    const isOver = harvests.every(
      (each) =>
        each.denies(name, question.type) || (isUntold && isHeard(name, question.type, each.cache)),
    );
    return isOver ? this.#denial : undefined;
  }

  /** A service, or a list of them, of which all that was heard may not be told. */
  #isWithheld(inquiry: Inquiry, { site, now, harvests }: AskedSite): boolean {
    const { name, question, isOfService } = inquiry;
    if (!isOfService || harvests.length === 0) return false;
    const judged = this.#judgedAt(site);
    const key = setKey(name, question.type);
    const known = judged.get(key);
    if (known !== undefined) return known;
    // For some time, or there may be more that is on its way.
    const before = now - PATIENCE;
    if (!harvests.every(({ cache }) => isHeard(name, question.type, cache, before))) return false;
    const { clock, zone } = this.#options;
    const start = clock.now();
    if (start < this.#quarter.next) return false;
    const { sets, withheld } = projectOne(site, zone.origin, name, now);
    this.#quarter.spent(start, clock.now());
    // What may be told is on its way to the zone.
    const isTold = sets.get(question.name.key, question.type) !== undefined;
    const isWithheld = !isTold && !withheld.some(({ reason }) => isAwaited(reason));
    judged.set(key, isWithheld);
    return isWithheld;
  }

  /** What is known to be withheld, or not to be, as long as the links say the same. */
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

  /** NODATA, whether the name is there or not. */
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

/** May a link be asked for it: neither what DNS keeps for itself nor what DNS-SD does? */
function isAskable(name: Name, type: number): boolean {
  if (name.equals(LOCAL) || isReserved(name.labels) || isSteeringHost(name)) return false;
  // `_tcp`, `_sub._ipp._tcp` and their like hold nothing themselves, and what stands beneath names
  // such as `_domainkey` speaks for the domain (RFC 8552).
  const service =
    parseServiceType(name) ?? (isUnderscored(name.labels[0]!) ? undefined : parseInstance(name));
  if (hasUnderscore(name) && service?.domain.equals(LOCAL) !== true) return false;
  return isCarriedType(type);
}

/** Not where somebody else's word stands already, nor an alias beside anything (RFC 1034 §3.6.2). */
function isNewTo(zone: Snapshot, { name, type }: RecordSet): boolean {
  const there = zone.node(name.key)?.sets ?? [];
  return there.every((set) => set.type !== type && ![set.type, type].includes(Type.CNAME));
}

/** A record at least, and is none new since `before`, or in doubt? */
function isHeard({ key }: Name, type: number, cache: LinkCache, before = Infinity): boolean {
  const records = cache.set(key, type)?.records;
  for (const each of records?.values() ?? []) {
    if (each.firstHeard > before || isCalledOff(each)) return false;
  }
  return records !== undefined;
}

/** What `browser.ts` asks for by itself. */
const HARVESTED: ReadonlySet<number> = new Set([
  Type.PTR,
  Type.SRV,
  Type.TXT,
  Type.A,
  Type.AAAA,
  Type.CNAME,
]);
/**
 * Milliseconds: for two questions, a second apart (RFC 6762 §5.2), and half a second for the answer
 * to the second (§6). RFC 8766 §5.6 has six seconds, but dig and most resolvers give up after five.
 */
const PATIENCE = 2500;
/** Milliseconds that lists may owe. Where it is too much, who asks for one waits. */
const CREDIT = 200;
