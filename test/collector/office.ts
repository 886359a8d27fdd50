/** A collector with links in memory and the zone it publishes into, all on a test's clock. */
import assert from "node:assert/strict";
import { Collector, type CollectorOptions } from "../../src/collector/collector.ts";
import type { PublishedZone } from "../../src/collector/publishing/publication.ts";
import { Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { targetOf } from "../../src/dns/rdata.ts";
import { apexRecords } from "../../src/zone/apex.ts";
import { collectorPrincipal } from "../../src/zone/update/principal.ts";
import { Zone } from "../../src/zone/zone.ts";
import { FakeClock } from "../support/clock.ts";
import { type Faults, Lan, type LanHost, LanWatch } from "../support/lan.ts";
import { silentLog } from "../support/log.ts";
import { Device } from "./device.ts";
import { OPEN, service, ZONE } from "./fixture.ts";

const META = "_services._dns-sd._udp";

export interface OfficeOptions extends Partial<CollectorOptions> {
  readonly lans?: number;
  readonly faults?: Partial<Faults>;
  readonly published?: Partial<PublishedZone>;
  /** The key that it signs with. */
  readonly key?: string;
}

/** A collector, the zone it publishes into, and one LAN for each link. */
export class Office {
  readonly clock = new FakeClock({ chance: [0.1, 0.7, 0.3, 0.9, 0.5] });
  readonly zone: Zone;
  readonly lans: readonly Lan[];
  readonly log: { fact: string; service?: string; after?: number }[] = [];
  readonly #first: Running;
  #collectors = 0;

  constructor(options: OfficeOptions = {}) {
    const { clock } = this;
    this.zone = new Zone({
      origin: ZONE,
      records: apexRecords({ origin: ZONE, nameservers: [], serial: 1 }),
      clock,
    });
    this.lans = Array.from({ length: options.lans ?? 1 }, (_, i) => {
      return new Lan(clock, options.faults, i + 1);
    });
    this.#first = this.start(options);
  }

  /** Starts a collector, with a host of its own on each LAN. */
  start({ key = "collector", published, ...options }: OfficeOptions = {}): Running {
    const { clock, zone } = this;
    const number = ++this.#collectors;
    const hosts = this.lans.map((lan, i) => {
      return lan.host(`site${i + 1}`, `10.${i + 1}.0.${250 + number}`, `fe80::${number}:${i + 1}`);
    });
    const links = new LanWatch(...hosts);
    const principal = collectorPrincipal(key, ZONE, () => true);
    const collector = new Collector({
      clock,
      links,
      siteOf: (link) => link.name,
      ...{ refresh: "multicast", grace: 0, browsed: "merged", sites: [], subtypes: {} },
      policy: OPEN,
      extra: () => [],
      changed: () => {},
      zone: ZONE,
      zones: [
        {
          origin: ZONE,
          publish: (update) => zone.apply(update, principal),
          readBack: async () => zone.current,
          ...published,
        },
      ],
      log: { ...silentLog, info: (fields, fact) => this.log.push({ ...fields, fact }) },
      ...options,
    });
    const life = new AbortController();
    const running = collector.run(life.signal);
    const end = () => {
      life.abort();
      return running;
    };
    return { collector, hosts, links, end };
  }

  get collector(): Collector {
    return this.#first.collector;
  }

  /** The hosts of the first collector, one on each LAN. */
  get hosts(): readonly LanHost[] {
    return this.#first.hosts;
  }

  get links(): LanWatch {
    return this.#first.links;
  }

  /** The instances that a browse for a type lists. */
  browse(type: string, domain = "site1.z.example."): string[] {
    const set = this.zone.current.set(Name.parse(`${type}.${domain}`), Type.PTR);
    return (set?.rdatas ?? []).map((rdata) => targetOf(rdata)!.toString());
  }

  /** Lets time pass until `condition` holds; gives the milliseconds. */
  async until(condition: () => boolean, most = 60_000): Promise<number> {
    const start = this.clock.now();
    while (!condition()) {
      assert.ok(this.clock.now() - start < most, `not within ${most} ms`);
      await this.clock.elapse(5);
    }
    return this.clock.now() - start;
  }

  end(): Promise<void> {
    return this.#first.end();
  }
}

export interface Running {
  readonly collector: Collector;
  readonly hosts: readonly LanHost[];
  readonly links: LanWatch;
  end(): Promise<void>;
}

export function printers(lan: Lan, count: number, delay: (i: number) => number): Device[] {
  return Array.from({ length: count }, (_, i) => {
    const address = `10.1.${(i >> 8) + 1}.${i & 255}`;
    const text = service(`printer ${i}`, "_ipp._tcp", `p${i}`, address);
    return new Device(lan, address, `${META} 4500 PTR _ipp._tcp\n${text}`, { delay: delay(i) });
  });
}
