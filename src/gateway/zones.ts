/**
 * The zones that are served: the shared one and the reverse ones, which collectors fill beside what
 * their files hold, and those of all other zone files, as they stand.
 */
import type { Clock } from "../clock.ts";
import { ConfigError } from "../config/mistakes.ts";
import type { Config } from "../config.ts";
import { Type } from "../dns/constants.ts";
import { FormatError } from "../dns/format.ts";
import type { Name } from "../dns/name.ts";
import { rdata, soaOf } from "../dns/rdata.ts";
import type { RecordSet } from "../dns/record.ts";
import { apexEnumeration, apexRecords } from "../zone/apex.ts";
import { readZoneFolder, type ZoneFile } from "../zone/folder.ts";
import { Zone } from "../zone/zone.ts";

export interface ServedZones {
  readonly shared: Zone;
  /** Filled by collectors: the shared zone and the reverse ones. */
  readonly dynamic: readonly Zone[];
  readonly all: readonly Zone[];
}

interface Start {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Throws ConfigError. */
export async function openZones(config: Config, start: Start): Promise<ServedZones> {
  const origins = [config.zone, ...config.reverse];
  const files = await readFiles(config.data, origins);
  const serial = Math.floor(start.clock.wall() / 1000);
  const fileOf = (origin: Name) => files.find((file) => file.origin.equals(origin))?.records ?? [];
  const dynamic = origins.map((origin) => {
    const records = withApex(fileOf(origin), config, origin, serial);
    return new Zone({ ...start, origin, records });
  });
  const others = files
    .filter((file) => !origins.some((origin) => origin.equals(file.origin)))
    .map((file) => openStatic(file, serial, start));
  return { shared: dynamic[0]!, dynamic, all: [...dynamic, ...others] };
}

async function readFiles(folder: string, dynamic: readonly Name[]): Promise<ZoneFile[]> {
  try {
    return await readZoneFolder(folder, dynamic);
  } catch (error) {
    if (error instanceof FormatError) throw new ConfigError(error.message.split("\n"));
    throw new ConfigError([
      `${folder}: ${(error as Error).message}; expected a folder of zone files`,
    ]);
  }
}

/** The records of a file; SOA, NS and what is to be browsed are added where it says nothing of them. */
function withApex(
  records: readonly RecordSet[],
  { zone, nameservers, contact, enumerate }: Config,
  origin: Name,
  serial: number,
): RecordSet[] {
  const own = [
    ...apexRecords({ origin, nameservers, contact, serial }),
    ...(origin.equals(zone) ? apexEnumeration(origin, enumerate) : []),
  ];
  const missing = own.filter(
    ({ name, type }) => !records.some((set) => set.type === type && set.name.equals(name)),
  );
  return withSerial([...records, ...missing], serial);
}

function openStatic({ origin, path, records }: ZoneFile, serial: number, start: Start): Zone {
  if (!records.some((set) => set.type === Type.SOA)) {
    throw new ConfigError([`${path}: no SOA record; expected one at ${origin}`]);
  }
  return new Zone({ ...start, origin, records: withSerial(records, serial) });
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
