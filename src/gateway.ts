/**
 * The composition root: makes the parts, connects them, hands each its lifetime, and does nothing
 * else. Data flows one way: links → collector → zone → authority → handler → listeners.
 */
import { setMaxListeners } from "node:events";
import type { Clock } from "./clock.ts";
import { Collector } from "./collector/collector.ts";
import { ConfigError } from "./config/mistakes.ts";
import type { Config } from "./config.ts";
import { Opcode, Type } from "./dns/constants.ts";
import { FormatError } from "./dns/format.ts";
import type { Name } from "./dns/name.ts";
import { rdata, soaOf } from "./dns/rdata.ts";
import type { RecordSet } from "./dns/record.ts";
import { Catalog } from "./dnsserver/catalog.ts";
import { byOpcode, edns, layered } from "./dnsserver/layers.ts";
import { queryHandler } from "./dnsserver/query.ts";
import { ReadyAnswers } from "./dnsserver/ready.ts";
import { transfers } from "./dnsserver/transfer.ts";
import type { Log } from "./log.ts";
import type { Link, LinkWatch } from "./net/link.ts";
import { multicastLinks } from "./net/multicast.ts";
import { listenTcp } from "./net/stream.ts";
import { listenUdp } from "./net/udp.ts";
import { apexRecords, enumerationRecords } from "./zone/apex.ts";
import { ZoneAuthority } from "./zone/authority.ts";
import { readZoneFolder, type ZoneFile } from "./zone/folder.ts";
import { collectorPrincipal, gatewayPrincipal } from "./zone/principal.ts";
import { addition, removal } from "./zone/update.ts";
import { Zone } from "./zone/zone.ts";

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

  const files = await readFiles(config.data, config.zone);
  const serial = Math.floor(clock.wall() / 1000);
  const zone = openSharedZone(config, files, { serial, clock, signal });
  const others = files.filter((file) => !file.origin.equals(config.zone));
  const zones = [zone, ...others.map((file) => openStaticZone(file, { serial, clock, signal }))];

  const sites = new Sites(config, zone);
  const catalog = new Catalog(zones.map((each) => new ZoneAuthority(each)));
  const transfer = transfers({
    find: (origin) => zones.find((each) => each.origin.equals(origin))?.current,
    // Whoever is on this host may read what this host serves; others are refused.
    isAllowed: ({ source }) => source.address === "::1" || source.address.startsWith("127."),
  });
  const handler = layered([edns, transfer], byOpcode({ [Opcode.QUERY]: queryHandler(catalog) }));
  const ready = new ReadyAnswers({ catalog, zones });

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
    publish: (update) =>
      zone.apply(
        update,
        collectorPrincipal("collector", config.zone, () => true),
      ),
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

async function readFiles(folder: string, shared: Name): Promise<ZoneFile[]> {
  try {
    return await readZoneFolder(folder, shared);
  } catch (error) {
    if (error instanceof FormatError) throw new ConfigError(error.message.split("\n"));
    throw new ConfigError([
      `${folder}: ${(error as Error).message}; expected a folder of zone files`,
    ]);
  }
}

interface Start {
  readonly serial: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The static records of the shared zone's file, with SOA and NS where the file has none. */
function openSharedZone(config: Config, files: readonly ZoneFile[], start: Start): Zone {
  const { zone: origin, nameservers, contact } = config;
  const { serial } = start;
  const records = files.find((file) => file.origin.equals(origin))?.records ?? [];
  const own = apexRecords({ origin, nameservers, contact, serial });
  const missing = own.filter(
    ({ type }) => !records.some((set) => set.type === type && set.name.equals(origin)),
  );
  return new Zone({ ...start, origin, records: withSerial([...records, ...missing], serial) });
}

function openStaticZone({ origin, path, records }: ZoneFile, start: Start): Zone {
  if (!records.some((set) => set.type === Type.SOA)) {
    throw new ConfigError([`${path}: no SOA record; expected one at ${origin}`]);
  }
  return new Zone({ ...start, origin, records: withSerial(records, start.serial) });
}

/**
 * Without a memory of the last serial, the time of day is one that rises from start to start
 * (RFC 1982 §3), unless the file's is higher.
 */
function withSerial(records: readonly RecordSet[], serial: number): RecordSet[] {
  return records.map((set) => {
    if (set.type !== Type.SOA) return set;
    const soa = soaOf(set.rdatas[0]!);
    return { ...set, rdatas: [rdata.soa({ ...soa, serial: Math.max(soa.serial, serial) })] };
  });
}
