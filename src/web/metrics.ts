/**
 * Figures of the program, in the text format of Prometheus. Nothing is counted here: each figure is read on
 * request from the part that keeps it. Labels are sites, links, zones and codes, whose number the
 * configuration decides, and never what strangers send (RFC 9076 §6).
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { rcodeName } from "../dns/constants.ts";
import type { Name } from "../dns/name.ts";
import type { Snapshot } from "../zone/snapshot.ts";
import type { Service } from "./services.ts";

/** Figures of a link that exists. */
export interface LinkFigures {
  readonly link: string;
  /** The label of its site. */
  readonly site: string;
  /** Records that the link is known to have. */
  readonly records: number;
  /** Packets since the link came up, by what became of them. */
  readonly heard: Readonly<Record<string, number>>;
  readonly cache: Readonly<Record<string, number>>;
  readonly asked: Readonly<Record<string, number>>;
}

/** Figures of what is published into a zone. */
export interface PublicationFigures {
  readonly zone: Name;
  readonly updates: Readonly<Record<string, number>>;
  /** True while the zone's server takes no updates. */
  readonly isTroubled: boolean;
}

export interface MetricsSources {
  readonly zones: readonly { readonly origin: Name; readonly current: Snapshot }[];
  /** Those of the shared zone, where it is served here. */
  readonly services: () => Promise<readonly Service[]>;
  readonly links: () => Iterable<LinkFigures>;
  readonly publications: () => Iterable<PublicationFigures>;
  readonly responses: () => Iterable<{
    readonly transport: string;
    readonly rcode: number;
    readonly count: number;
  }>;
  /** Datagrams, by what became of them. */
  readonly datagrams: () => Iterable<readonly [outcome: string, count: number]>;
  readonly push: (() => { readonly sessions: number; readonly subscriptions: number }) | undefined;
}

/** Returns what renders the figures of the moment. */
export function metricsOf(sources: MetricsSources): () => Promise<string> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const made = makers(registry);
  let services: readonly Service[] = [];
  zoneMetrics(made, sources);
  serviceMetrics(made, () => services);
  linkMetrics(made, sources);
  publicationMetrics(made, sources);
  serverMetrics(made, sources);
  return async () => {
    services = await sources.services();
    return registry.metrics();
  };
}

type Labels = Readonly<Record<string, string>>;
type Figure = readonly [labels: Labels, value: number];
type Make = (name: string, help: string, labels: string[], read: () => Iterable<Figure>) => void;

function makers(registry: Registry): { readonly gauge: Make; readonly counter: Make } {
  const options = (name: string, help: string, labelNames: string[]) => ({
    name: `dnssd_${name}`,
    ...{ help, labelNames, registers: [registry] },
  });
  return {
    gauge: (name, help, labelNames, read) => {
      const gauge = new Gauge({
        ...options(name, help, labelNames),
        collect: () => {
          gauge.reset();
          for (const [labels, value] of read()) gauge.set(labels, value);
        },
      });
    },
    counter: (name, help, labelNames, read) => {
      const counter = new Counter({
        ...options(`${name}_total`, help, labelNames),
        collect: () => {
          counter.reset();
          for (const [labels, value] of read()) counter.inc(labels, value);
        },
      });
    },
  };
}

type Makers = ReturnType<typeof makers>;

function zoneMetrics({ gauge }: Makers, { zones }: MetricsSources): void {
  const each = (read: (zone: Snapshot) => number) => () =>
    zones.map(({ origin, current }): Figure => [{ zone: `${origin}` }, read(current)]);
  gauge(
    "zone_serial",
    "Serial of the zone.",
    ["zone"],
    each(({ serial }) => serial),
  );
  gauge(
    "zone_records",
    "Records of the zone.",
    ["zone"],
    each(({ size }) => size),
  );
}

function serviceMetrics({ gauge }: Makers, services: () => readonly Service[]): void {
  gauge("services", "Services that the shared zone lists, by site.", ["site"], () => {
    const counts = countBy(services(), labelOf);
    return [...counts].map(([site, count]): Figure => [{ site }, count]);
  });
  gauge(
    "longest_list",
    "Services of the most numerous type: BIND accepts no more than 100 unless configured to.",
    [],
    () => [[{}, Math.max(0, ...countBy(services(), ({ type }) => type.toLowerCase()).values())]],
  );
}

function linkMetrics({ gauge, counter }: Makers, { links }: MetricsSources): void {
  const labels = ["link", "site"];
  const kinds = (name: string, help: string, label: string, of: "heard" | "cache" | "asked") =>
    counter(name, help, [...labels, label], () =>
      [...links()].flatMap(({ link, site, [of]: counts }) =>
        Object.entries(counts).map(
          ([kind, count]): Figure => [{ link, site, [label]: kind }, count],
        ),
      ),
    );
  gauge("link_records", "Records that a link is known to have.", labels, () =>
    [...links()].map(({ link, site, records }): Figure => [{ link, site }, records]),
  );
  kinds("link_packets", "Packets heard on a link, and those dropped, by reason.", "kind", "heard");
  kinds("link_cache", "Records of a link's cache, by what became of them.", "event", "cache");
  kinds("link_asked", "What a link was asked.", "kind", "asked");
}

function publicationMetrics({ gauge, counter }: Makers, { publications }: MetricsSources): void {
  counter("published", "Updates sent to the server of a zone, by kind.", ["zone", "kind"], () =>
    [...publications()].flatMap(({ zone, updates }) =>
      Object.entries(updates).map(([kind, count]): Figure => [{ zone: `${zone}`, kind }, count]),
    ),
  );
  gauge("publishing_troubled", "1 while the server of a zone takes no updates.", ["zone"], () =>
    [...publications()].map(
      ({ zone, isTroubled }): Figure => [{ zone: `${zone}` }, isTroubled ? 1 : 0],
    ),
  );
}

function serverMetrics({ gauge, counter }: Makers, sources: MetricsSources): void {
  const { responses, datagrams, push } = sources;
  counter("responses", "Responses, except ready-made ones.", ["transport", "rcode"], () =>
    [...responses()].map(
      ({ transport, rcode, count }): Figure => [{ transport, rcode: rcodeName(rcode) }, count],
    ),
  );
  counter("datagrams", "Datagrams with questions, by what became of them.", ["outcome"], () =>
    [...datagrams()].map(([outcome, count]): Figure => [{ outcome }, count]),
  );
  if (push === undefined) return;
  gauge("push_sessions", "Sessions that have subscriptions.", [], () => [[{}, push().sessions]]);
  gauge("push_subscriptions", "Subscriptions.", [], () => [[{}, push().subscriptions]]);
}

/** The label of the site alone: beneath it strangers can make as many labels as they like. */
function labelOf({ site }: Service): string {
  return site.endsWith(".") ? "elsewhere" : (site.match(/(?:\\.|[^\\.])+/gs)?.at(-1) ?? "");
}

function countBy<T>(all: Iterable<T>, keyOf: (one: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const one of all) {
    const key = keyOf(one);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
