/**
 * A zone that lasts: `<zone>.journal` in a folder has all of it, and the zone's own file, which
 * people write and we do not, is merged into it at each start.
 */
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { Type } from "../dns/constants.ts";
import { FormatError } from "../dns/format.ts";
import type { Name } from "../dns/name.ts";
import { soaOf } from "../dns/rdata.ts";
import type { RecordSet } from "../dns/record.ts";
import { compareSerials } from "../dns/serial.ts";
import type { Log } from "../log.ts";
import { type Disk, systemDisk } from "./disk.ts";
import { Journal } from "./journal.ts";
import { firstState, readState, type StateAtOnce, stateEntries, type ZoneState } from "./state.ts";
import { withSerial } from "./update.ts";
import { type Store, Zone } from "./zone.ts";

export interface ZonePlace {
  readonly origin: Name;
  /** Where the journal is kept; it must be there. */
  readonly folder: string;
  /**
   * What the zone's file says, SOA and NS among it. The serial counts where it is newer than the
   * zone's, when the zone begins and when the SOA of the file was edited.
   */
  readonly fileRecords: readonly RecordSet[];
  readonly clock: Clock;
  readonly log: Log;
  /** Closes it: nothing is taken any more, and `Zone.closed` resolves. */
  readonly signal: AbortSignal;
  readonly disk?: Disk;
}

/** Throws FormatError where a journal is damaged, and what the file system throws. */
export async function openZone(place: ZonePlace): Promise<Zone> {
  const { origin, folder, fileRecords, log, disk = systemDisk } = place;
  const path = join(folder, `${fileName(origin)}.journal`);
  const { journal, state } = await openJournal(disk, path, place);
  const zone = new Zone({ ...place, records: [] }, storeOf(journal), state);
  await zone.merge(fileRecords);
  const { serial, size } = zone.current;
  log.info({ zone: `${origin}`, serial, records: size }, "zone is open");
  return zone;
}

async function openJournal(
  disk: Disk,
  path: string,
  { origin, clock, log, fileRecords }: ZonePlace,
): Promise<{ journal: Journal; state: ZoneState }> {
  const opened = await Journal.open(disk, path);
  if (opened === undefined) {
    const state = firstState(origin, withFirstSerial(fileRecords, clock));
    const entries = stateEntries(atOnce({ ...state, file: fileRecords }), clock);
    return { journal: await Journal.create(disk, path, saltOf(clock), entries), state };
  }
  const { journal, entries, torn } = opened;
  if (torn > 0) log.warn({ file: path, octets: torn }, "a write that was not finished is cut off");
  try {
    return { journal, state: readState(entries, origin, clock) };
  } catch (error) {
    journal.close();
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(`${path}: ${error.message}`);
  }
}

function storeOf(journal: Journal): Store {
  return {
    append: (entries) => journal.append(entries),
    kept: () => {},
    close: async () => journal.close(),
  };
}

function atOnce({ snapshot, leases, file }: ZoneState): StateAtOnce {
  return { snapshot, held: leases.entries(), nextId: leases.nextId, file };
}

/**
 * Without a memory of the last serial, the time of day is one that rises from start to start
 * (RFC 1982 §3), unless the file's is higher.
 */
function withFirstSerial(records: readonly RecordSet[], clock: Clock): RecordSet[] {
  const time = Math.floor(clock.wall() / 1000) >>> 0;
  return records.map((set) => {
    if (set.type !== Type.SOA) return set;
    const { serial } = soaOf(set.rdatas[0]!);
    return withSerial(set, serial !== 0 && compareSerials(serial, time) > 0 ? serial : time);
  });
}

function saltOf(clock: Clock): number {
  return Math.floor(clock.random() * 2 ** 32);
}

/** As the zone files of the folder are named, without the last dot; RFC 2317 has names with "/". */
function fileName(origin: Name): string {
  return `${origin.toLowerCase()}`.replace(/(?<=.)\.$/, "").replaceAll("/", "\\047");
}
