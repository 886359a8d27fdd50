/**
 * What the links of this host say of a name and of what it leads to, asked as a collector asks: until nothing
 * is missing, for some seconds at most.
 */
import { Alarm, type Clock, earlier } from "../../clock.ts";
import { interestIn } from "../../collector/link/browser.ts";
import type { LinkCache } from "../../collector/link/cache.ts";
import { Harvest } from "../../collector/link/harvest.ts";
import type { Policy } from "../../collector/projection/policy.ts";
import { Site } from "../../collector/projection/site.ts";
import { subnetsOf } from "../../collector/subnets.ts";
import { Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import { targetOf } from "../../dns/rdata.ts";
import type { Family, Link, LinkWatch } from "../../net/links/link.ts";
import { kindOf, type Subject } from "./subject.ts";

export interface HearingOptions {
  /** The links of this host. */
  readonly watch: LinkWatch;
  /** Passes on each of these links once its site is known. */
  readonly place: (watch: LinkWatch) => {
    readonly links: LinkWatch;
    readonly siteOf: (link: Link) => string;
  };
  readonly zone: Name;
  readonly policy: Policy;
  readonly subject: Subject;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A link that is heard. */
export interface Ear {
  readonly link: string;
  readonly site: Site;
  readonly cache: LinkCache;
}

interface OpenEar extends Ear {
  readonly since: number;
  readonly families: () => readonly Family[];
}

export class Hearing {
  /** Those opened so far. */
  readonly ears: OpenEar[] = [];
  /** Resolves when the site of each link is known, or is given up on. */
  readonly placed: Promise<void>;
  /** Resolves when nothing is missing, or nothing more is waited for. */
  readonly over: Promise<void>;
  readonly #options: HearingOptions;
  readonly #began: number;
  readonly #alarm: Alarm;
  #isPlaced = () => {};
  #isOver = () => {};
  /** Links whose site is not known yet; `#areCounted` once all have been seen. */
  readonly #unplaced = new Set<Link>();
  #areCounted = false;

  constructor(options: HearingOptions) {
    const { watch, place, clock, signal } = options;
    this.#options = options;
    this.#began = clock.now();
    this.placed = new Promise((resolve) => {
      this.#isPlaced = resolve;
    });
    this.over = new Promise((resolve) => {
      this.#isOver = resolve;
    });
    this.#alarm = new Alarm(clock, () => this.#look());
    signal.addEventListener("abort", () => this.#alarm.set(undefined), { once: true });
    const counted: LinkWatch = {
      follow: (open, until) =>
        watch.follow((link, gone) => {
          this.#unplaced.add(link);
          gone.addEventListener("abort", () => this.#unplaced.delete(link), { once: true });
          open(link, gone);
        }, until),
    };
    const { links, siteOf } = place(counted);
    links.follow((link, gone) => this.#open(link, siteOf(link), gone), signal);
    this.#areCounted = true;
    this.#look();
  }

  /** Links that are not heard because their site was not known in time. */
  get unplaced(): string[] {
    return [...this.#unplaced].map(({ name }) => name);
  }

  #open(link: Link, label: string, gone: AbortSignal): void {
    const { zone, subject } = this.#options;
    // By now the zone was asked about the other sites.
    if (this.#options.clock.now() >= this.#began + PLACING) return;
    this.#unplaced.delete(link);
    const domain = zone.child(label);
    const isMeant = domain !== undefined && (subject.site?.equals(domain) ?? true);
    if (isMeant) this.#listen(link, domain, gone);
    this.#look();
  }

  #listen(link: Link, domain: Name, gone: AbortSignal): void {
    const { policy, subject, clock } = this.#options;
    const known = this.ears.find(({ site }) => site.domain.equals(domain));
    const site = known?.site ?? new Site(domain, policy);
    const harvest = new Harvest({
      ...{ link, clock, types: [], only: subject.locals, refresh: "multicast", gone },
      disputed: () => {},
      unheard: () => {},
      changed: () => this.#look(),
    });
    const { cache } = harvest;
    site.caches.add(cache);
    site.locate(cache, subnetsOf(link.addresses));
    // Nothing else would reveal what other records a name has.
    for (const local of subject.locals) {
      if (kindOf(local) !== "list") harvest.inquire(local, [Type.ANY], "");
    }
    const families = () => [...new Set(link.addresses.map(({ family }) => family))];
    this.ears.push({ link: link.name, site, cache, since: clock.now(), families });
  }

  #look(): void {
    const { clock, signal } = this.#options;
    if (signal.aborted) return;
    const now = clock.now();
    const latest = this.#began + PLACING;
    const isPlaced = (this.#areCounted && this.#unplaced.size === 0) || now >= latest;
    if (isPlaced) this.#isPlaced();
    let due = isPlaced ? undefined : latest;
    for (const ear of this.ears) due = earlier(due, this.#endOf(ear, now));
    if (due === undefined) this.#isOver();
    this.#alarm.set(due);
  }

  /** When it will have heard enough if nothing more comes; undefined where it already has. */
  #endOf(ear: OpenEar, now: number): number | undefined {
    const [least, most] = [ear.since + LEAST, ear.since + MOST];
    if (now < least) return least;
    return now < most && !this.#isComplete(ear) ? most : undefined;
  }

  #isComplete({ cache, families }: OpenEar): boolean {
    return this.#options.subject.locals.some((local) => {
      const kind = kindOf(local);
      const { questions } = interestIn(cache, { types: [], families: families(), only: [local] });
      // A list may have more entries, whatever has come.
      if (kind === "list" || questions.some(({ type }) => type !== Type.PTR)) return false;
      return kind === "host" || speakersFor(cache, local).length > 0;
    });
  }
}

/** Who lists this service under its type. */
export function speakersFor(cache: LinkCache, service: Name): string[] {
  const list = cache.set(service.parentKey, Type.PTR)?.records.values() ?? [];
  return [...list]
    .filter(({ rdata }) => targetOf(rdata)!.equals(service))
    .map(({ speaker }) => speaker);
}

/** Milliseconds: another host may still answer for the same name. */
const LEAST = 500;
/** Enough for three questions, and for a TXT record that is awaited (see `project.ts`). */
const MOST = 3500;
/** For the host's resolver to be asked for the site of a link. */
const PLACING = 6000;
