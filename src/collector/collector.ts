/**
 * The collector: hears every link there is, and keeps published what they say. Nothing here is an
 * event: whenever a link may have changed, what is wanted is projected anew from all caches, and the
 * reconciler makes the difference good. A link that goes is a cache less.
 */
import { type Clock, earlier } from "../clock.ts";
import { Rcode, rcodeName } from "../dns/constants.ts";
import { Name, type NameKey } from "../dns/name.ts";
import { LOCAL } from "../dns/service.ts";
import type { Log } from "../log.ts";
import type { Link, LinkWatch } from "../net/link.ts";
import type { Publish, Update } from "../zone/update.ts";
import { Alarm } from "./alarm.ts";
import { Harvest } from "./harvest.ts";
import { obtain } from "./obtain.ts";
import { Presence } from "./presence.ts";
import { type Projection, project } from "./project.ts";
import { Reconciler } from "./reconcile.ts";
import { RecordSets } from "./recordsets.ts";
import { Site } from "./site.ts";

export interface CollectorOptions {
  readonly clock: Clock;
  readonly links: LinkWatch;
  /** One label: where the link is. Links of one label are legs of one site. */
  readonly siteOf: (link: Link) => string;
  readonly zone: Name;
  /** Subtypes to ask for, by service type: they cannot be listed by asking (RFC 6763 §7.1). */
  readonly subtypes?: Readonly<Record<string, readonly string[]>>;
  readonly publish: Publish;
  readonly log: Log;
}

export class Collector {
  /** By the link's name. */
  readonly harvests = new Map<string, Harvest>();
  readonly presence: Presence;
  readonly #options: CollectorOptions;
  readonly #clock: Clock;
  readonly #types: readonly Name[];
  readonly #sites = new Map<NameKey, Site>();
  readonly #reconciler: Reconciler;
  readonly #alarm: Alarm;
  #projection: Projection = {
    sets: new RecordSets(),
    services: new Map(),
    withheld: [],
    due: undefined,
  };
  #publishing: Promise<void> = Promise.resolve();
  #isEnded = false;

  constructor(options: CollectorOptions) {
    const { clock, zone, subtypes = {}, log } = options;
    this.#options = options;
    this.#clock = clock;
    this.#types = Object.entries(subtypes).flatMap(([type, labels]) => subtypeNames(type, labels));
    this.presence = new Presence(clock, log);
    this.#reconciler = new Reconciler({ zone, random: () => clock.random() });
    this.#alarm = new Alarm(clock, () => this.#wake());
  }

  /** What is published, and why the rest is not. */
  get projection(): Projection {
    return this.#projection;
  }

  get counters() {
    return this.#reconciler.counters;
  }

  /** Until `signal` ends; then it resolves when nothing is on its way any more. */
  async run(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = () => {
        this.#isEnded = true;
        resolve();
      };
      if (signal.aborted) return end();
      signal.addEventListener("abort", end, { once: true });
      this.#options.links.follow((link, gone) => this.#open(link, gone), signal);
    });
    this.#alarm.set(undefined);
    this.presence.close();
    await this.#publishing;
  }

  #open(link: Link, gone: AbortSignal): void {
    const { siteOf, zone, log } = this.#options;
    const domain = zone.child(siteOf(link));
    if (domain === undefined) {
      log.warn({ link: link.name }, "link not used: the name of its site is too long for the zone");
      return;
    }
    const site = obtain(this.#sites, domain.key, () => new Site(domain));
    const harvest = new Harvest({
      link,
      clock: this.#clock,
      types: this.#types,
      changed: () => this.#project(),
      gone,
    });
    site.caches.add(harvest.cache);
    this.harvests.set(link.name, harvest);
    const close = () => {
      site.caches.delete(harvest.cache);
      if (site.caches.size === 0) this.#sites.delete(domain.key);
      if (this.harvests.get(link.name) === harvest) this.harvests.delete(link.name);
      // What ends with the collector is not withdrawn: others may go on to publish it.
      if (!this.#isEnded) this.#project();
    };
    gone.addEventListener("abort", close, { once: true });
  }

  #wake(): void {
    const { due } = this.#projection;
    if (due !== undefined && due <= this.#clock.now()) this.#project();
    else this.#publish();
  }

  #project(): void {
    this.#projection = project(this.#sites.values(), this.#options.zone, this.#clock.now());
    this.presence.update(this.#projection.services);
    this.#reconciler.want(this.#projection.sets);
    this.#publish();
  }

  #publish(): void {
    if (this.#isEnded) return;
    const update = this.#reconciler.poll(this.#clock.now());
    if (update !== undefined) this.#publishing = this.#send(update);
    this.#alarm.set(earlier(this.#projection.due, this.#reconciler.due()));
  }

  async #send(update: Update): Promise<void> {
    const { publish, log } = this.#options;
    let rcode: Rcode | undefined;
    try {
      rcode = await publish(update);
      if (rcode !== Rcode.NOERROR) log.warn({ rcode: rcodeName(rcode) }, "update was refused");
    } catch (error) {
      // No answer, or none in time: its fate is not known.
      log.warn({ error: String(error) }, "update has no answer");
    }
    this.#reconciler.settle(rcode, this.#clock.now());
    this.#publish();
  }
}

function subtypeNames(type: string, labels: readonly string[]): Name[] {
  const sub = Name.parse(`_sub.${type}`, LOCAL);
  return labels.map((label) => sub.child(label)).filter((name) => name !== undefined);
}
