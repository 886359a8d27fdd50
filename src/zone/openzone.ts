/**
 * Opens a zone that is kept on disk. In its folder, `<zone>.journal` holds all of it, `<zone>.saved` is a
 * readable copy, and `<zone>.lock` keeps other processes away. The zone's own file, which people write
 * and the gateway never does, is merged into it at each start.
 */
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { Rcode, Type } from "../dns/constants.ts";
import { FormatError } from "../dns/format.ts";
import type { Name } from "../dns/name.ts";
import { soaOf } from "../dns/rdata.ts";
import { type RecordSet, recordsOf } from "../dns/record.ts";
import { compareSerials } from "../dns/serial.ts";
import type { Log } from "../log.ts";
import { type Disk, systemDisk } from "./journal/disk.ts";
import { FileStore } from "./journal/filestore.ts";
import { Journal } from "./journal/journal.ts";
import { firstState, readState, stateEntries, type ZoneState } from "./journal/state.ts";
import type { Store } from "./journal/store.ts";
import { readTape } from "./journal/tape.ts";
import { parseMasterFile } from "./masterfile/masterfile.ts";
import { FILE } from "./update/hold.ts";
import { holderPrincipal } from "./update/principal.ts";
import { withSerial } from "./update/update.ts";
import { Zone, type ZoneOptions } from "./zone.ts";

export interface ZonePlace extends Pick<ZoneOptions, "capacity"> {
  readonly origin: Name;
  /** Where its files are kept; must exist. */
  readonly folder: string;
  /**
   * The contents of the zone's file, SOA and NS included. Its serial, unless 0, is used if newer than the
   * zone's, both when the zone begins and when the SOA in the file has been edited.
   */
  readonly fileRecords: readonly RecordSet[];
  readonly clock: Clock;
  readonly log: Log;
  /** Closes the zone: it takes no more updates, and `Zone.closed` resolves. */
  readonly signal: AbortSignal;
  readonly disk?: Disk;
  /** A journal of up to this many octets is not rewritten. */
  readonly enough?: number;
}

/** Throws what the file system throws, and FormatError if the journal is damaged. */
export async function openZone(place: ZonePlace): Promise<Zone> {
  const { origin, folder, clock, log, disk = systemDisk } = place;
  const path = join(folder, fileName(origin));
  const unlock = disk.lock(`${path}.lock`);
  let isOpen = false;
  try {
    const start = clock.now();
    const { journal, state } = await openJournal(disk, path, place);
    const files = new FileStore({ ...place, disk, journal, copy: `${path}.saved` });
    const store: Store = {
      append: (entries) => files.append(entries),
      kept: (zone) => files.kept(zone),
      // A zone that failed to open may be behind its copy, which must stay for the next start to see that.
      close: (zone) => files.close(isOpen ? zone : undefined).finally(unlock),
    };
    const zone = new Zone({ ...place, records: [] }, store, state);
    await raiseSerial(zone, await savedSerial(disk, path, origin), log);
    isOpen = true;
    // All at once: nobody is waiting yet, and nobody is to see records whose leases have expired.
    await zone.endLeases(Number.POSITIVE_INFINITY);
    await mergeFile(zone, place);
    const { serial, size } = zone.current;
    const took = Math.round(clock.now() - start);
    log.info({ zone: `${origin}`, serial, records: size, milliseconds: took }, "zone is open");
    return zone;
  } catch (error) {
    unlock();
    throw error;
  }
}

/**
 * The state of a zone that another process has open, read from its journal; undefined if there is none.
 * Throws as `openZone` does, and if that process is writing at the moment.
 */
export async function readZone({
  origin,
  folder,
  clock,
  disk = systemDisk,
}: Pick<ZonePlace, "origin" | "folder" | "clock" | "disk">): Promise<ZoneState | undefined> {
  const octets = await disk.read(`${join(folder, fileName(origin))}.journal`);
  return octets && readState(readTape(octets).entries, origin, clock);
}

/** Retries until the file is merged: a disk that is full at the start will not stay so for ever. */
async function mergeFile(zone: Zone, place: ZonePlace, isAgain = false): Promise<void> {
  const { clock, log, signal, fileRecords } = place;
  const rcode = await zone.merge(fileRecords);
  if (rcode === Rcode.NOERROR || signal.aborted) return;
  const fields = { zone: `${zone.origin}` };
  if (!isAgain)
    log.error(fields, "the zone file could not be merged, and is tried again each minute");
  const cancel = clock.at(clock.now() + MERGE_AGAIN, () => {
    signal.removeEventListener("abort", cancel);
    void mergeFile(zone, place, true);
  });
  signal.addEventListener("abort", cancel, { once: true });
}

/** Milliseconds. */
const MERGE_AGAIN = 60_000;

async function openJournal(
  disk: Disk,
  path: string,
  { origin, clock, log, fileRecords }: ZonePlace,
): Promise<{ journal: Journal; state: ZoneState }> {
  const file = `${path}.journal`;
  const opened = await Journal.open(disk, file).catch((error: unknown) => {
    throw error instanceof FormatError ? new FormatError(`${error.message}; ${REMEDY}`) : error;
  });
  if (opened === undefined) {
    const records = withSerialAbove(fileRecords, await firstSerial(disk, path, origin, clock));
    const state = firstState(origin, records);
    const frozen = { ...state, held: [], nextId: 0, file: fileRecords, wallOffset: 0 };
    const salt = Math.floor(clock.random() * 2 ** 32);
    const journal = await Journal.create(disk, file, salt, stateEntries(frozen));
    return { journal, state: { ...state, file: fileRecords } };
  }
  const { journal, entries, torn } = opened;
  if (torn > 0) log.warn({ file, octets: torn }, "an unfinished write is cut off the journal");
  try {
    return { journal, state: readState(entries, origin, clock) };
  } catch (error) {
    journal.close();
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(`${file}: ${error.message}; ${REMEDY}`);
  }
}

const REMEDY = "expected it as it was written: restore a backup, or move it away to start afresh";

/**
 * Without a journal, the time of day serves as a serial that rises from start to start, unless the
 * zone's copy has a later one.
 */
async function firstSerial(disk: Disk, path: string, origin: Name, clock: Clock): Promise<number> {
  const time = Math.floor(clock.wall() / 1000) >>> 0;
  const saved = await savedSerial(disk, path, origin);
  if (saved === undefined) return time;
  const unseen = serialBehind(saved);
  return compareSerials(unseen, time) > 0 ? unseen : time;
}

/**
 * A journal that was restored from a backup, or lost its end, is behind the copy. Others have seen the
 * serials between and those after the copy, so the zone continues past them all (RFC 1982 §7).
 */
async function raiseSerial(zone: Zone, saved: number | undefined, log: Log): Promise<void> {
  const { origin, current } = zone;
  if (saved === undefined || compareSerials(saved, current.serial) <= 0) return;
  const fields = { zone: `${origin}`, serial: current.serial, copy: saved };
  log.warn(fields, "the journal is older than the copy of the zone: what came between is lost");
  const updates = recordsOf(withSerial(current.soa, serialBehind(saved)));
  const rcode = await zone.apply(
    { zone: origin, prerequisites: [], updates },
    holderPrincipal(FILE),
  );
  // Under the old serial it would serve other contents than those that others hold under it.
  if (rcode !== Rcode.NOERROR) throw new Error(`${origin} could not be given a later serial`);
}

/** A serial past all that can have been seen since the copy with this one was written. */
function serialBehind(saved: number): number {
  return (saved + UNSEEN) >>> 0 || 1;
}

/**
 * More than the changes a zone can make in the quarter of an hour that its copy may be old, and less than
 * a hundredth of the span within which a serial counts as later.
 */
const UNSEEN = 2 ** 24;

/** The serial of the readable copy, which opens with the SOA. */
async function savedSerial(disk: Disk, path: string, origin: Name): Promise<number | undefined> {
  const copy = await disk.read(`${path}.saved`);
  const [head] = /^.*?\sSOA\s[^\n]*/s.exec(copy?.toString("utf8", 0, SOA_WITHIN) ?? "") ?? [];
  if (head === undefined) return undefined;
  try {
    const [soa] = parseMasterFile(head, { origin, isPartial: true });
    return soa && soaOf(soa.rdatas[0]!).serial;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    // People may have edited the copy, and its serial is only a hint.
    return undefined;
  }
}

/** Octets at the head of the copy in which the SOA lies. */
const SOA_WITHIN = 16_384;

/** The records with the serial `least`, or with the file's if that is newer. */
function withSerialAbove(records: readonly RecordSet[], least: number): RecordSet[] {
  return records.map((set) => {
    if (set.type !== Type.SOA) return set;
    const { serial } = soaOf(set.rdatas[0]!);
    const isNewer = serial !== 0 && compareSerials(serial, least) > 0;
    return withSerial(set, isNewer ? serial : least);
  });
}

/** Named as the zone files of a folder are, without the last dot; RFC 2317 has names with "/". */
function fileName(origin: Name): string {
  return `${origin.toLowerCase()}`.replace(/\.$/, "").replaceAll("/", "\\047");
}
