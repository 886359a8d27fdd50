/**
 * The collector: listens on every link and keeps published what the links announce. It works on levels, not
 * events: whenever a link may have changed, it projects the wanted records anew from all caches, and a
 * reconciler for each zone sends the difference. The cache of a link that goes is dropped after a grace
 * period; a link that returns sooner gets its cache back, and nothing changes. A link that turns out to be
 * elsewhere becomes a cache of another site.
 */
import { Alarm, type Cancel, type Clock, earlier } from "../clock.ts";
import { reverseName } from "../dns/address.ts";
import { Type } from "../dns/constants.ts";
import { closestTo, type Name, type NameKey } from "../dns/name.ts";
import { targetOf } from "../dns/rdata.ts";
import type { RecordSet, ResourceRecord } from "../dns/record.ts";
import { LOCAL, parseServiceType } from "../dns/service.ts";
import type { Log } from "../log.ts";
import type { Link, LinkWatch } from "../net/links/link.ts";
import type { Browsed } from "../zone/apex.ts";
import { HeldSubnets } from "./heldsubnets.ts";
import { Harvest, type HarvestOptions } from "./link/harvest.ts";
import { subtypeNames } from "./link/subtypes.ts";
import { obtain } from "./obtain.ts";
import { Judgement } from "./projection/judgement.ts";
import type { Policy } from "./projection/policy.ts";
import { project } from "./projection/project.ts";
import { Site } from "./projection/site.ts";
import { guardOf } from "./publishing/guard.ts";
import { inheritance } from "./publishing/inheritance.ts";
import { Publication, type PublishedZone } from "./publishing/publication.ts";
import { type HeldSets, RecordSets } from "./recordsets.ts";
import { Report } from "./report/report.ts";
import type { LinkPlace } from "./reverse.ts";
import { SteadyClock } from "./steadyclock.ts";

export interface CollectorOptions {
  readonly clock: Clock;
  readonly links: LinkWatch;
  /** The label of the site that a link is at. Links with the same label are legs of one site. */
  readonly siteOf: (link: Link) => string;
  /** The zone that services are published into. */
  readonly zone: Name;
  /** All zones that are published into, `zone` among them. */
  readonly zones: readonly PublishedZone[];
  /** What all collectors of the zone tell clients to browse. */
  readonly browsed: Browsed;
  /** Further records wanted in these zones. */
  readonly extra: (places: readonly LinkPlace[], sets: RecordSets) => Iterable<RecordSet>;
  /** The labels of sites that this collector keeps, whether or not they have a link. */
  readonly sites: readonly string[];
  /** What to publish of what is heard. */
  readonly policy: Policy;
  /** Subtypes to ask for, by service type: no query lists them (RFC 6763 §7.1). */
  readonly subtypes: Readonly<Record<string, readonly string[]>>;
  /** Called when the links, or what they say, may have changed. */
  readonly changed: () => void;
  /** Milliseconds that a link may be away before what was heard on it is withdrawn. */
  readonly grace: number;
  /** See `Harvest`. */
  readonly refresh: HarvestOptions["refresh"];
  readonly log: Log;
}

/** A link in use, or one that is away. */
interface Leg {
  readonly link: Link;
  readonly harvest: Harvest;
  readonly subnets: HeldSubnets;
  site: Site;
  /** Set while the link is away: cancels the end of its grace period. */
  keep?: Cancel;
}

export class Collector {
  readonly #report: Report;
  readonly #options: CollectorOptions;
  readonly #clock: SteadyClock;
  readonly #types: readonly Name[];
  readonly #sites = new Map<NameKey, Site>();
  readonly #legs = new Set<Leg>();
  /** The domains of sites that this collector keeps, whether or not they have a link. */
  readonly #kept: readonly Name[];
  readonly #judgement: Judgement;
  readonly publications: ReadonlyMap<Name, Publication>;
  readonly #alarm: Alarm;
  readonly #beat: Alarm;
  #started = 0;
  /** When the latest link appeared. */
  #opened = 0;
  #isEnded = false;

  constructor(options: CollectorOptions) {
    const { clock, zone, zones, browsed, policy, subtypes, sites, log } = options;
    this.#options = options;
    this.#clock = new SteadyClock(clock);
    this.#types = Object.entries(subtypes).flatMap(([type, labels]) => subtypeNames(type, labels));
    this.#report = new Report(clock, log);
    this.#alarm = new Alarm(this.#clock, () => this.#project());
    this.#beat = new Alarm(this.#clock, () => this.#look());
    this.#judgement = new Judgement(policy, zone);
    this.#kept = sites.flatMap((label) => zone.child(label) ?? []);
    const guard = guardOf(zone, browsed);
    const publication = (published: PublishedZone) =>
      new Publication({
        ...{ zone: published, clock, log, guard },
        sites: () => this.#domains,
        ours: (sets) => this.#ours(sets),
        left: (ours) => this.#left(published.origin, ours),
        settles: () => this.#clock.elsewhere(this.#settles),
      });
    this.publications = new Map(zones.map((each) => [each.origin, publication(each)]));
  }

  /** The links in use, without those that are away. */
  get heard(): { readonly link: Link; readonly site: Name; readonly harvest: Harvest }[] {
    return this.#here.map(({ link, site, harvest }) => ({ link, site: site.domain, harvest }));
  }

  /** The legs whose links are in use. */
  get #here(): readonly Leg[] {
    return [...this.#legs].filter(({ keep }) => keep === undefined);
  }

  /** The site of this domain with its links in use; undefined if not even an absent one is there. */
  siteAt({ key }: Name) {
    const site = this.#sites.get(key);
    const here = this.#here.filter((leg) => leg.site === site);
    const now = this.#clock.now();
    return site && { site, now, harvests: here.map(({ harvest }) => harvest) };
  }

  /** A record of a site, or of a merged list, led a client nowhere: asks its link (RFC 8765 §6.5). */
  reconfirm({ name, rdata }: Pick<ResourceRecord, "name" | "rdata">): void {
    const { zone } = this.#options;
    for (const { harvest, site } of this.#here) {
      const of = [name, targetOf(rdata)].find((each) => each?.isUnder(site.domain));
      const heard = of && name.replaceSuffix(of === name ? site.domain : zone, LOCAL);
      const said = rdata.mapNames((each) => each.replaceSuffix(site.domain, LOCAL));
      if (heard && said) harvest.reconfirm(heard, said);
    }
  }

  /** Runs until `signal` aborts; resolves once no update is in flight any more. */
  async run(signal: AbortSignal): Promise<void> {
    this.#clock.run(signal, () => {
      for (const { harvest } of this.#here) harvest.resume();
      for (const publication of this.publications.values()) publication.renew();
    });
    this.#started = this.#clock.now();
    await new Promise<void>((resolve) => {
      const end = () => {
        this.#isEnded = true;
        resolve();
      };
      if (signal.aborted) return end();
      signal.addEventListener("abort", end, { once: true });
      this.#inherit();
      this.#options.links.follow((link, gone) => this.#open(link, gone), signal);
      this.#look();
    });
    this.#alarm.set(undefined);
    this.#beat.set(undefined);
    for (const { keep } of this.#legs) keep?.();
    this.#report.close();
    await Promise.all([...this.publications.values()].map((each) => each.end()));
  }

  /** Calls `siteOf` again, as links may have moved to other sites. What was heard on them is kept. */
  relabel(): void {
    for (const leg of this.#here) {
      const site = this.#siteOf(leg.link);
      if (site === undefined || site === leg.site) continue;
      this.#leave(leg);
      leg.site = site;
      site.caches.add(leg.harvest.cache);
    }
    this.#inherit();
    this.#project();
  }

  #open(link: Link, gone: AbortSignal): void {
    const site = this.#siteOf(link);
    if (site === undefined) return;
    this.#opened = this.#clock.now();
    const before = this.#takeBack(link.name, site);
    const { disturbances } = this.#report;
    const harvest = new Harvest({
      cache: before?.harvest.cache,
      refresh: this.#options.refresh,
      disputed: ({ name }, host) => disturbances.disputed(link.name, name, host),
      unheard: (host) => disturbances.unheard(link.name, host),
      link,
      clock: this.#clock,
      types: this.#types,
      changed: () => this.#project(),
      gone,
    });
    const subnets = new HeldSubnets(this.#options.grace, before?.subnets.all);
    subnets.look(link.addresses, this.#opened);
    const leg: Leg = { link, harvest, site, subnets };
    site.caches.add(harvest.cache);
    this.#legs.add(leg);
    this.#inherit();
    const end = () => {
      this.#leave(leg);
      this.#legs.delete(leg);
      // At the end of the collector, `run` ends the publications.
      if (!this.#isEnded) this.#project();
    };
    const close = () => {
      const { grace } = this.#options;
      if (this.#isEnded || grace === 0) end();
      else leg.keep = this.#clock.at(this.#clock.now() + grace, end);
    };
    gone.addEventListener("abort", close, { once: true });
    // The site itself is something to publish, before anything is heard there.
    this.#project();
  }

  /** Polls the links' addresses, since no link reports that they have changed. */
  #look(): void {
    const now = this.#clock.now();
    let isChanged = false;
    for (const { link, harvest, subnets } of this.#here) {
      if (!subnets.look(link.addresses, now)) continue;
      harvest.readdress();
      isChanged = true;
    }
    if (isChanged) this.#project();
    this.#beat.set(now + BEAT);
  }

  /** Takes back the leg of an absent link of this name, if it was of the same site. */
  #takeBack(name: string, site: Site): Leg | undefined {
    for (const leg of this.#legs) {
      if (leg.link.name !== name || leg.keep === undefined) continue;
      leg.keep();
      this.#legs.delete(leg);
      if (leg.site === site) return leg;
      this.#leave(leg);
    }
    return undefined;
  }

  #siteOf(link: Link): Site | undefined {
    const { siteOf, zone, policy, log } = this.#options;
    const domain = zone.child(siteOf(link));
    if (domain === undefined) {
      log.warn({ link: link.name }, "link is not used: its site name is too long for the zone");
      return undefined;
    }
    return obtain(this.#sites, domain.key, () => new Site(domain, policy));
  }

  /** Without sites that no link is at any more: such a site may be another collector's by now. */
  get #domains(): readonly Name[] {
    const here = [...this.#sites.values()].map(({ domain }) => domain);
    const others = here.filter((domain) => !this.#kept.some((kept) => kept.equals(domain)));
    return [...this.#kept, ...others];
  }

  #leave({ harvest, site }: Leg): void {
    site.caches.delete(harvest.cache);
    if (site.caches.size === 0) this.#sites.delete(site.domain.key);
  }

  /** Keeps what the zones have beneath the sites until it is known whether it still exists. */
  #inherit(): void {
    if (this.#domains.length > 0) for (const each of this.publications.values()) each.inherit();
  }

  /**
   * What of a zone may be ours. Asks the links for each list in it: a device may still be there that does
   * not list its type, and none lists its subtypes.
   */
  #ours(there: HeldSets): RecordSet[] {
    const subnets = this.#places.flatMap((at) => at.subnets.map(({ base }) => reverseName(base)));
    const { zone } = this.#options;
    const ours = inheritance(there, { zone, sites: this.#domains, subnets });
    const lists = ours.filter(({ name, type }) => type === Type.PTR && parseServiceType(name));
    for (const { harvest, site } of this.#legs) {
      for (const { name } of lists) {
        const list = name.isUnder(site.domain) && name.replaceSuffix(site.domain, LOCAL);
        if (list) harvest.inquire(list, [Type.PTR], "");
      }
    }
    return ours;
  }

  /** Leaves out what the policy hides, which goes at once, and with a host its names in reverse zones. */
  #left(origin: Name, ours: RecordSets): RecordSets {
    if (origin.equals(this.#options.zone)) {
      this.#judgement.look(ours);
      for (const [other, publication] of this.publications) {
        if (other !== origin && this.#judgement.hidesNames) publication.inherit();
      }
    }
    return this.#judgement.left(ours);
  }

  get #settles(): number {
    const isWaiting = this.#kept.some(({ key }) => !this.#sites.has(key));
    const latest = isWaiting ? this.#started + SETTLE_WITHOUT_LINK : this.#opened;
    return Math.max(latest, this.#opened + SETTLE);
  }

  #project(): void {
    if (this.#isEnded) return;
    const { zone, extra, zones } = this.#options;
    for (const { harvest, site, subnets } of this.#legs) {
      site.locate(harvest.cache, subnets.all);
    }
    const projection = project(this.#sites.values(), zone, this.#clock.now());
    const { sets, due } = projection;
    this.#report.update(projection, this.#sites.values());
    const wanted = new Map(
      zones.map(({ origin }) => [origin, origin.equals(zone) ? sets : new RecordSets()]),
    );
    for (const set of extra(this.#places, sets)) {
      wanted.get(closestTo(set.name, wanted.keys())!)?.add(set);
    }
    for (const [origin, publication] of this.publications) publication.want(wanted.get(origin)!);
    this.#options.changed();
    this.#alarm.set(earlier(due, this.#clock.now() + AGAIN));
  }

  get #places(): LinkPlace[] {
    return Array.from(this.#legs, ({ site, subnets }) => {
      return { site: site.domain, subnets: subnets.all, mapped: site.policy.addresses.targets };
    });
  }
}

/**
 * Milliseconds. Queries go out after 0, 1, 3 and 7 s (RFC 6762 §5.2), and what they reveal is queried in
 * its turn.
 */
const SETTLE = 15_000;
/** Milliseconds between checks of the links' addresses. */
const BEAT = 1000;
/** Milliseconds between projections at most: reports fall due at times that no projection gives. */
const AGAIN = 10_000;
/** A link may appear after the program starts, but not much later. */
const SETTLE_WITHOUT_LINK = 25_000;
