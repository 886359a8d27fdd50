/**
 * The composition root: makes the parts, connects them, hands each its lifetime, and does nothing
 * else. Data flows one way: links → collector → zone → authority → handler → listeners.
 */
import { setMaxListeners } from "node:events";
import type { Clock } from "./clock.ts";
import { Collector } from "./collector/collector.ts";
import type { Config } from "./config.ts";
import { Opcode } from "./dns/constants.ts";
import type { Name } from "./dns/name.ts";
import type { RecordSet } from "./dns/record.ts";
import { Catalog } from "./dnsserver/catalog.ts";
import { byOpcode, edns, layered } from "./dnsserver/layers.ts";
import { queryHandler } from "./dnsserver/query.ts";
import { ReadyAnswers } from "./dnsserver/ready.ts";
import { signatures } from "./dnsserver/signature.ts";
import { transfers } from "./dnsserver/transfer.ts";
import { updateHandler } from "./dnsserver/update.ts";
import { Access } from "./gateway/access.ts";
import { openZones } from "./gateway/zones.ts";
import type { Log } from "./log.ts";
import type { Link, LinkWatch } from "./net/link.ts";
import { multicastLinks } from "./net/multicast.ts";
import { listenTcp } from "./net/stream.ts";
import { listenUdp } from "./net/udp.ts";
import { enumerationRecords } from "./zone/apex.ts";
import { ZoneAuthority } from "./zone/authority.ts";
import { collectorPrincipal, gatewayPrincipal } from "./zone/principal.ts";
import { addition, removal } from "./zone/update.ts";
import type { Zone } from "./zone/zone.ts";

export interface GatewayOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Ends everything. */
  readonly signal: AbortSignal;
  /** Where to listen for multicast; the host's interfaces if not given. */
  readonly links?: LinkWatch;
}

export interface Gateway {
  readonly zone: Zone;
  /** Resolves when the last socket has gone. */
  readonly closed: Promise<void>;
}

/** Opens what the configuration names. Throws ConfigError or ListenError, having closed all again. */
export async function openGateway(config: Config, options: GatewayOptions): Promise<Gateway> {
  const { clock, log } = options;
  // Ends the parts that are open when a later one cannot be opened.
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  // Every socket and every link listens to it; so many are no leak.
  setMaxListeners(0, options.signal, signal);

  const zones = await openZones(config, { clock, signal });
  const zone = zones.shared;
  const sites = new Sites(config, zone);
  const access = new Access(config);
  const catalog = new Catalog(zones.all.map((each) => new ZoneAuthority(each)));
  const handler = layered(
    [
      signatures({ keys: config.keys, clock, log }),
      edns,
      transfers({
        find: (origin) => zones.all.find((each) => each.origin.equals(origin))?.current,
        isAllowed: access.mayTransfer,
      }),
    ],
    byOpcode({
      [Opcode.QUERY]: queryHandler(catalog),
      [Opcode.UPDATE]: updateHandler({
        find: (origin) => zones.dynamic.find((each) => each.origin.equals(origin)),
        principalOf: access.principalOf,
      }),
    }),
  );
  const ready = new ReadyAnswers({ catalog, zones: zones.all });

  const closed: Promise<unknown>[] = [];
  try {
    for (const endpoint of config.listen?.dns ?? []) {
      const shared = { endpoint, handler, clock, log, signal };
      closed.push((await listenUdp({ ...shared, ready })).closed);
      closed.push((await listenTcp(shared)).closed);
    }
  } catch (error) {
    failed.abort();
    await Promise.allSettled(closed);
    throw error;
  }

  const watch =
    options.links ??
    multicastLinks({ clock, log, interfaces: config.links?.map((link) => link.interface) });
  const collector = new Collector({
    clock,
    log,
    links: sites.follow(watch),
    zone: config.zone,
    siteOf: (link) => siteLabel(config, link),
    subtypes: config.subtypes,
    zones: [
      {
        origin: config.zone,
        publish: (update) =>
          zone.apply(
            update,
            collectorPrincipal("collector", config.zone, () => true),
          ),
      },
    ],
  });
  closed.push(collector.run(signal));
  return { zone, closed: Promise.all(closed).then(() => undefined) };
}

/** The site label of a link: the configured one, else the interface's name. */
function siteLabel(config: Config, link: Link): string {
  return config.links?.find((each) => each.interface === link.name)?.site ?? link.name;
}

/** The sites there are, configured or by a link that is there, and the enumeration of them. */
class Sites {
  readonly #config: Config;
  readonly #zone: Zone;
  readonly #labels = new Set<string>();
  #enumerated: readonly RecordSet[] = [];

  constructor(config: Config, zone: Zone) {
    this.#config = config;
    this.#zone = zone;
    for (const link of config.links ?? []) this.#labels.add(link.site ?? link.interface);
    this.#enumerate();
  }

  get #domains(): readonly Name[] {
    return [...this.#labels]
      .map((label) => this.#config.zone.child(label))
      .filter((domain) => domain !== undefined);
  }

  /** The same links; each, where no configuration names it, is a site for as long as it is there. */
  follow(links: LinkWatch): LinkWatch {
    if (this.#config.links !== undefined) return links;
    const open = (link: Link, gone: AbortSignal) => {
      const label = siteLabel(this.#config, link);
      this.#labels.add(label);
      this.#enumerate();
      gone.addEventListener("abort", () => {
        this.#labels.delete(label);
        this.#enumerate();
      });
    };
    return {
      follow: (receive, signal) =>
        links.follow((link, gone) => {
          open(link, gone);
          receive(link, gone);
        }, signal),
    };
  }

  #enumerate(): void {
    const { zone: origin, enumerate } = this.#config;
    const wanted = enumerationRecords(origin, this.#domains, enumerate);
    // What is taken away and given back has not changed.
    const updates = [...this.#enumerated.flatMap(removal), ...wanted.flatMap(addition)];
    this.#enumerated = wanted;
    void this.#zone.apply({ zone: origin, prerequisites: [], updates }, gatewayPrincipal);
  }
}
