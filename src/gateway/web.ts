/** The web listener of a gateway or a collector: what it shows of the zone, and figures of all parts. */
import { hostname } from "node:os";
import type { Clock } from "../clock.ts";
import type { Collector } from "../collector/collector.ts";
import type { Config } from "../config.ts";
import { labelToUnicode, type Name } from "../dns/name.ts";
import type { Push } from "../dnsserver/push/push.ts";
import type { Tally } from "../dnsserver/tally.ts";
import type { Log } from "../log.ts";
import type { Listener } from "../net/server/listener.ts";
import { UdpCount, type UdpListener } from "../net/server/udp.ts";
import { listenWeb } from "../net/server/web.ts";
import type { Shown } from "../web/listings.ts";
import type { LinkFigures } from "../web/metrics.ts";
import type { Access } from "./access.ts";
import type { Views } from "./views.ts";
import type { ServedZones } from "./zones.ts";

/** The parts of a gateway that serves zones. */
export interface Served {
  readonly zones: ServedZones;
  readonly views: Views;
  readonly tally: Tally;
  readonly udp: readonly UdpListener[];
  readonly push: Push | undefined;
}

export interface WebOptions {
  readonly config: Config;
  readonly served: Served | undefined;
  readonly access: Pick<Access, "mayAsk" | "isReader">;
  readonly collector: Pick<Collector, "heard" | "publications">;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Rejects with a ListenError. Its modules are loaded only here, where somebody wants them. */
export async function openWeb(
  endpoint: NonNullable<Config["web"]>,
  options: WebOptions,
): Promise<Listener> {
  const [{ metricsOf }, { Website }, { Listings }] = await Promise.all([
    import("../web/metrics.ts"),
    import("../web/website.ts"),
    import("../web/listings.ts"),
  ]);
  const { config, served, access, collector, clock, log, signal } = options;
  const zone = served?.zones.dynamic[0];
  const listings = new Listings(clock);
  const website = new Website({
    zone,
    listings,
    shownTo: (address) => served && shownTo(served.views, address, config.zone),
    mayMeasure: (address) =>
      served === undefined
        ? access.isReader(address) || access.mayAsk(address)
        : served.views.clientOf(address).view === served.views.whole,
    metrics: metricsOf({
      zones: served?.zones.all ?? [],
      services: async () => (zone === undefined ? [] : (await listings.of(zone)).services),
      links: () => collector.heard.map(figuresOf),
      publications: () =>
        [...collector.publications].map(([zone, { reconciler, isTroubled }]) => {
          return { zone, updates: reconciler.counters, isTroubled };
        }),
      responses: () => served?.tally ?? [],
      datagrams: () => datagramsOf(served?.udp ?? []),
      push: served?.push && pushFigures(served.push),
    }),
    names: namesOf(config),
    clock,
  });
  return listenWeb({ endpoint, handler: website.answer, clock, log, signal });
}

function shownTo(views: Views, address: string, zone: Name): Shown | undefined {
  return views.clientOf(address).view?.zones.find(({ origin }) => origin.equals(zone));
}

export function figuresOf({ link, site, harvest }: Collector["heard"][number]): LinkFigures {
  const { cache, counters, querier } = harvest;
  return {
    link: link.name,
    site: labelToUnicode(site.labels[0]!),
    records: cache.size,
    heard: { ...counters, ...Object.fromEntries(link.dropped ?? []) },
    cache: cache.counters,
    asked: querier.counters,
  };
}

/** The sum of all listeners. */
function datagramsOf(udp: readonly UdpListener[]): (readonly [string, number])[] {
  return Object.entries(UdpCount).map(([outcome, place]) => {
    const counts = udp.map(({ counts }) => counts[place]!);
    return [outcome.toLowerCase(), counts.reduce((sum, count) => sum + count, 0)];
  });
}

function pushFigures(push: Push) {
  return () => ({ sessions: push.sessions, subscriptions: push.size });
}

/** Names by which a browser or a monitor may call this server; a stranger's page has none of them. */
function namesOf({ nameservers, listen }: Config): ReadonlySet<string> {
  const names = [...nameservers, ...(listen?.push ? [listen.push] : [])];
  const bare = names.map((name) => name.toString().slice(0, -1));
  const own = [hostname(), `${hostname().split(".")[0]}.local`];
  return new Set(["localhost", ...own, ...bare].map((name) => name.toLowerCase()));
}
