/**
 * The zones that are served: the shared one and the reverse ones, which collectors fill beside what their
 * files hold; those of all other zone files, as they stand; the keys of those that are signed; and the
 * catalog of those that are not.
 */
import { setMaxListeners } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import type { Listening } from "../config/listening.ts";
import { ConfigError } from "../config/mistakes.ts";
import type { Config } from "../config.ts";
import { Rcode, Type } from "../dns/constants.ts";
import { FormatError } from "../dns/format.ts";
import { closestTo, type Name, type NameKey } from "../dns/name.ts";
import type { RecordSet } from "../dns/record.ts";
import type { Log } from "../log.ts";
import { apexEnumeration, apexRecords, pushRecords, registrarRecords } from "../zone/apex.ts";
import { catalogRecords } from "../zone/catalogzone.ts";
import type { ZoneKeys } from "../zone/dnssec/zonekeys.ts";
import { readZoneFolder, type ZoneFile } from "../zone/masterfile/folder.ts";
import { openZone } from "../zone/openzone.ts";
import { Zone } from "../zone/zone.ts";
import { openKeyFolder } from "./keyfolder.ts";

export interface ServedZones {
  /** Filled by collectors: the shared zone, then the reverse ones. */
  readonly dynamic: readonly Zone[];
  /** Lists the zones that secondaries can copy: a copy of a signed one has no signatures. */
  readonly catalog: Zone | undefined;
  readonly all: readonly Zone[];
  /** The keys that sign a zone, now or once there are any; undefined where no zone is signed. */
  readonly keysOf: (origin: Name) => ZoneKeys | undefined;
  readonly isSigned: (origin: Name) => boolean;
  /** When the newest update with this key, to any of the zones, was signed; seconds. */
  readonly signedBefore: (key: string) => number;
  /** Resolves when all that they accepted is on disk. */
  readonly closed: Promise<void>;
}

export interface ZonesOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Closes the zones. */
  readonly signal: AbortSignal;
  /** Is passed the function to call when files are to be reread. */
  readonly onReload?: ((reload: () => void) => void) | undefined;
}

/** Throws ConfigError, having closed everything again. */
export async function openZones(config: Config, options: ZonesOptions): Promise<ServedZones> {
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  // Every zone adds a listener to it; so many are no leak.
  setMaxListeners(0, signal);
  const zones: Zone[] = [];
  try {
    await mkdir(config.data, { recursive: true });
    const warn = (remark: string) =>
      options.log.warn({ remark }, "a zone file is served despite an irregularity");
    const files = await readZones(config, warn);
    for (const { origin, records } of files.dynamic) {
      const fileRecords = withApex(records, config, origin);
      const place = { ...options, signal, origin, folder: config.data, fileRecords };
      zones.push(await openZone(place));
    }
    const dynamic = [...zones];
    // Only their files change these, so a file's serial is its zone's own.
    const fixed = files.fixed.map((file) => new Zone({ ...options, signal, ...file }));
    const members = [...dynamic, ...fixed];
    const served = members.map((zone) => zone.origin);
    let catalog: Zone | undefined;
    let keys: ReadonlyMap<NameKey, ZoneKeys> | undefined;
    const keysOf = (origin: Name) => keys?.get(origin.key);
    const isSigned = (origin: Name) => (keysOf(origin)?.all.length ?? 0) > 0;
    const copied = () => served.filter((origin) => !isSigned(origin));
    let uncopied = 0;
    const changed = () => {
      const signed = served.filter(isSigned).map(String);
      // A signed zone stays signed, so an equal count means the same zones.
      if (signed.length > uncopied && isToBeCopied(config)) warnOf(signed, options.log);
      uncopied = signed.length;
      if (catalog !== undefined) void unlist(catalog, copied(), config, options.log);
    };
    if (config.dnssec !== undefined) {
      const folder = { folder: config.dnssec.keys, origins: served };
      keys = await openKeyFolder({ ...options, signal, ...folder, changed });
      changed();
    }
    catalog = await openCatalog(config, copied(), { ...options, signal });
    if (catalog !== undefined) zones.push(catalog);
    const all = catalog === undefined ? members : [...members, catalog];
    const closed = Promise.all(zones.map((zone) => zone.closed)).then(() => undefined);
    const signedBefore = (key: string) => {
      const times = dynamic.map((zone) => zone.lastSigned(key) ?? 0);
      return Math.max(...times);
    };
    return { dynamic, catalog, all, keysOf, isSigned, signedBefore, closed };
  } catch (error) {
    failed.abort();
    await Promise.allSettled(zones.map((zone) => zone.closed));
    throw explain(error, config.data);
  }
}

/**
 * The records of the zone files: for each zone that collectors fill, whether it has a file or not, and for
 * all others. `warn` is told of what is odd and can be served. Writes nothing. Throws ConfigError.
 */
export async function readZones(
  { zone, reverse, catalog, data }: Config,
  warn: (remark: string) => void,
) {
  const origins = [zone, ...reverse];
  const isDynamic = (origin: Name) => origins.some((each) => each.equals(origin));
  const options = { dynamic: origins, warn };
  const files = await readZoneFolder(data, options).catch((error: unknown) => {
    throw explain(error, data);
  });
  const fixed = files.filter(({ origin }) => !isDynamic(origin));
  if (catalog !== undefined && fixed.some(({ origin }) => origin.equals(catalog))) {
    throw new ConfigError([`catalog: ${catalog} has a zone file; expected another name`]);
  }
  const dynamic = origins.map((origin) => {
    const { records = [] } = files.find((file) => file.origin.equals(origin)) ?? {};
    return { origin, records };
  });
  for (const file of fixed) {
    const closest = closestTo(file.origin, origins);
    const above = dynamic.find(({ origin }) => origin === closest);
    if (above !== undefined && !delegates(above, file.origin)) {
      const expected = `expected its records in ${above.origin}zone, or NS of it there`;
      warn(`${file.path}: hides what is published at and beneath ${file.origin}, ${expected}`);
    }
  }
  return { dynamic, fixed };
}

function delegates({ origin, records }: Pick<ZoneFile, "origin" | "records">, child: Name) {
  const cuts = records.filter(({ name, type }) => type === Type.NS && !name.equals(origin));
  return cuts.some(({ name }) => child.isUnder(name));
}

function explain(error: unknown, data: string): unknown {
  if (error instanceof ConfigError) return error;
  if (error instanceof FormatError) return new ConfigError(error.message.split("\n"));
  const { code, message, path = data } = error as NodeJS.ErrnoException;
  if (code === undefined) return new ConfigError([message]);
  if (path.startsWith(join(data, "/"))) {
    return new ConfigError([`${path}: ${message}; expected a file that can be read and written`]);
  }
  const what = code === "EEXIST" || code === "ENOTDIR" ? "is not a folder" : message;
  const expected = "expected a folder for zone files that can be read and written";
  return new ConfigError([`${data}: ${what}; ${expected}`]);
}

function isToBeCopied({ transfer: { allow, notify } }: Config): boolean {
  return allow.length + notify.length > 0;
}

function warnOf(zones: readonly string[], log: Log): void {
  log.warn({ zones }, "signed zones are not transferred: a copy would lack the signatures");
}

/** The catalog has a journal, so that its serial rises when the list of zones changes, and only then. */
async function openCatalog(
  { catalog: origin, contact, data }: Config,
  members: readonly Name[],
  options: ZonesOptions,
): Promise<Zone | undefined> {
  if (origin === undefined) return undefined;
  const fileRecords = catalogRecords({ origin, contact, members });
  return openZone({ ...options, origin, folder: data, fileRecords });
}

/** Takes newly signed zones from the catalog; as its file, or a later start would not list them again. */
async function unlist(
  catalog: Zone,
  members: readonly Name[],
  { contact }: Config,
  log: Log,
): Promise<void> {
  const { origin } = catalog;
  const rcode = await catalog.merge(catalogRecords({ origin, contact, members }));
  if (rcode !== Rcode.NOERROR)
    log.error({ zone: `${origin}` }, "the catalog still lists signed zones");
}

/**
 * The records of a file. SOA, NS, what is to be browsed and where changes are pushed are added where it has
 * neither such a record nor an alias.
 */
function withApex(records: readonly RecordSet[], config: Config, origin: Name): RecordSet[] {
  const { zone, nameservers, contact, listen } = config;
  // The serial does not matter: the zone has its own.
  const own = [
    ...apexRecords({ origin, nameservers, contact, serial: 0 }),
    ...(origin.equals(zone) ? sharedRecords(config) : []),
    ...(listen?.push ? pushRecords(origin, listen.push, portsOf(listen.tls)) : []),
  ];
  const missing = own.filter(({ name, type }) => {
    const isSaid = (set: RecordSet) => set.type === type || set.type === Type.CNAME;
    return !records.some((set) => isSaid(set) && set.name.equals(name));
  });
  return [...records, ...missing];
}

/** Only in the shared zone: what is to be browsed, and where devices register. */
function sharedRecords({ zone, enumerate, registrar, listen }: Config): RecordSet[] {
  const site = registrar && zone.child(registrar.site);
  if (site === undefined || listen === undefined) return apexEnumeration(zone, enumerate);
  const ports = { tcp: portsOf(listen.dns), tls: portsOf(listen.tls) };
  return [
    ...apexEnumeration(zone, enumerate, [site]),
    ...registrarRecords(zone, site, registrar!.server, ports),
  ];
}

/** Without 0, which stands for a port that is unknown until it is opened. */
function portsOf(endpoints: Listening["dns"]): number[] {
  return endpoints.map(({ port }) => port).filter((port) => port > 0);
}
