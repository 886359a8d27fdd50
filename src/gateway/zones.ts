/**
 * The zones that are served: the shared one and the reverse ones, which collectors fill beside what
 * their files hold, those of all other zone files, as they stand, and the catalog of all these.
 */
import { mkdir } from "node:fs/promises";
import type { Clock } from "../clock.ts";
import { ConfigError } from "../config/mistakes.ts";
import type { Config } from "../config.ts";
import { Type } from "../dns/constants.ts";
import { FormatError } from "../dns/format.ts";
import type { Name } from "../dns/name.ts";
import type { RecordSet } from "../dns/record.ts";
import type { Log } from "../log.ts";
import { apexEnumeration, apexRecords } from "../zone/apex.ts";
import { catalogRecords } from "../zone/catalogzone.ts";
import { readZoneFolder, type ZoneFile } from "../zone/folder.ts";
import { openZone } from "../zone/openzone.ts";
import { Zone } from "../zone/zone.ts";

export interface ServedZones {
  /** Filled by collectors: the shared zone, and after it the reverse ones. */
  readonly dynamic: readonly Zone[];
  /** Lists all others, for secondaries. */
  readonly catalog: Zone | undefined;
  readonly all: readonly Zone[];
  /** Resolves when all that they took is on the disk. */
  readonly closed: Promise<void>;
}

export interface ZonesOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Closes them. */
  readonly signal: AbortSignal;
}

/** Throws ConfigError, having closed all again. */
export async function openZones(config: Config, options: ZonesOptions): Promise<ServedZones> {
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const zones: Zone[] = [];
  const origins = [config.zone, ...config.reverse];
  try {
    await mkdir(config.data, { recursive: true });
    const files = await readZoneFolder(config.data, origins);
    for (const origin of origins) {
      const file = files.find((each) => each.origin.equals(origin));
      const fileRecords = withApex(file?.records ?? [], config, origin);
      const place = { ...options, signal, origin, folder: config.data, fileRecords };
      zones.push(await openZone(place));
    }
    const dynamic = [...zones];
    const others = files.filter((file) => !origins.some((each) => each.equals(file.origin)));
    const members = [...dynamic, ...others.map((file) => openStatic(file, { ...options, signal }))];
    const catalog = await openCatalog(config, members, { ...options, signal });
    if (catalog !== undefined) zones.push(catalog);
    const all = catalog === undefined ? members : [...members, catalog];
    const closed = Promise.all(zones.map((zone) => zone.closed)).then(() => undefined);
    return { dynamic, catalog, all, closed };
  } catch (error) {
    failed.abort();
    await Promise.allSettled(zones.map((zone) => zone.closed));
    if (error instanceof ConfigError) throw error;
    if (error instanceof FormatError) throw new ConfigError(error.message.split("\n"));
    const expected = "expected a folder for zone files that can be read and written";
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ConfigError([
      code === undefined ? message : `${config.data}: ${message}; ${expected}`,
    ]);
  }
}

/** It lasts, so that its serial rises when there is another zone, and only then. */
async function openCatalog(
  { catalog: origin, contact, data }: Config,
  zones: readonly Zone[],
  options: ZonesOptions,
): Promise<Zone | undefined> {
  if (origin === undefined) return undefined;
  if (zones.some((zone) => zone.origin.equals(origin))) {
    throw new ConfigError([`catalog: ${origin} has a zone file; expected another name`]);
  }
  const members = zones.map((zone) => zone.origin);
  const fileRecords = catalogRecords({ origin, contact, members });
  return openZone({ ...options, origin, folder: data, fileRecords });
}

/** The records of a file; SOA, NS and what is to be browsed are added where it says nothing of them. */
function withApex(
  records: readonly RecordSet[],
  { zone, nameservers, contact, enumerate }: Config,
  origin: Name,
): RecordSet[] {
  // Its serial says nothing: the zone has its own.
  const own = [
    ...apexRecords({ origin, nameservers, contact, serial: 0 }),
    ...(origin.equals(zone) ? apexEnumeration(origin, enumerate) : []),
  ];
  const missing = own.filter(
    ({ name, type }) => !records.some((set) => set.type === type && set.name.equals(name)),
  );
  return [...records, ...missing];
}

/** Nobody changes it but its file, so that the file's serial is its own. */
function openStatic({ origin, path, records }: ZoneFile, options: ZonesOptions): Zone {
  if (!records.some((set) => set.type === Type.SOA)) {
    throw new ConfigError([`${path}: no SOA record; expected one at ${origin}`]);
  }
  return new Zone({ ...options, origin, records });
}
