/**
 * Entries of a zone's journal as octets. A journal opens with the state of the zone: Begin, its record
 * sets and holds in pieces, the zone's file, signing times, End. After that, each update is one Step: the
 * change it made and the steps on holds it took, as they happened and not as they were requested, so
 * that a journal means the same to every later version of the rules.
 *
 * In a step on a hold, a record is named by the identifier of its entry in `leases.ts`, or by its place in
 * the change if the update adds it. Identifiers are consecutive, so that the refresh of thousands of
 * records takes a few octets.
 */
import { FormatError } from "../../dns/format.ts";
import type { Name } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import { Reader } from "../../dns/reader.ts";
import type { RecordSet } from "../../dns/record.ts";
import { Writer } from "../../dns/writer.ts";
import { FOREVER, type Hold, type HoldStep } from "../update/hold.ts";
import type { HeldRecord, StepTaken } from "../update/leases.ts";
import type { ZoneRecord } from "../update/recordmap.ts";
import {
  readCount,
  readList,
  readRecord,
  readSet,
  readSets,
  readText,
  readTime,
  writeCount,
  writeList,
  writeRecord,
  writeSet,
  writeSets,
  writeText,
  writeTime,
} from "./octets.ts";

/** What one update did. */
export interface Step {
  /** Wall-clock time, milliseconds. */
  readonly at: number;
  readonly by: string;
  /** Milliseconds, or FOREVER. */
  readonly lease: number;
  readonly keyLease: number;
  /** Undefined if nothing visible changed. */
  readonly change: StepChange | undefined;
  readonly holds: readonly StepTaken[];
  /** The contents of the zone's file from here on, if they change. */
  readonly file: readonly RecordSet[] | undefined;
  /** When the update was signed, in seconds. */
  readonly signedAt: number | undefined;
}

/** A Change in short: the SOA is given only if more than its serial is new. */
export interface StepChange {
  readonly to: number;
  readonly soa: RecordSet | undefined;
  readonly removed: readonly RecordSet[];
  readonly added: readonly RecordSet[];
}

export type Entry =
  | { readonly is: "begin"; readonly nextId: number }
  | { readonly is: "sets"; readonly sets: readonly RecordSet[] }
  /** Here `expires` of a hold is wall-clock time. */
  | { readonly is: "holds"; readonly held: readonly HeldRecord[] }
  | { readonly is: "file"; readonly sets: readonly RecordSet[] }
  /** The latest signing time of each principal's updates. */
  | { readonly is: "signed"; readonly times: readonly (readonly [by: string, time: number])[] }
  | { readonly is: "end" }
  /** The wall clock was found to have been set forward by so many milliseconds. */
  | { readonly is: "clock"; readonly forward: number }
  | ({ readonly is: "step" } & Step);

/** Their indices are part of the format. */
const KINDS = ["begin", "sets", "holds", "file", "end", "clock", "step", "signed"] as const;

export function encodeEntry(entry: Entry): Uint8Array {
  const writer = scratch;
  writer.clear();
  writer.u8(KINDS.indexOf(entry.is));
  switch (entry.is) {
    case "begin":
      writeCount(writer, entry.nextId);
      break;
    case "sets":
    case "file":
      writeSets(writer, entry.sets);
      break;
    case "holds":
      writeList(writer, entry.held, writeHeld);
      break;
    case "signed":
      writeList(writer, entry.times, writeSigned);
      break;
    case "clock":
      writer.u8(entry.forward < 0 ? 1 : 0);
      writer.u48(Math.abs(entry.forward));
      break;
    case "step":
      writeStep(writer, entry);
  }
  return writer.copy();
}

/** Entries are assembled here, because their length is not known beforehand. */
const scratch = new Writer(4096, { isCompressing: false });

/** `recordOf` finds, by identifier, the records that are held at this point of the journal. */
export function decodeEntry(
  octets: Uint8Array,
  recordOf: (id: number) => ZoneRecord | undefined,
): Entry {
  const reader = new Reader(octets);
  const is = KINDS[reader.u8()];
  switch (is) {
    case "begin":
      return { is, nextId: readCount(reader) };
    case "sets":
    case "file":
      return { is, sets: readSets(reader) };
    case "holds":
      return { is, held: readList(reader, readHeld) };
    case "signed":
      return { is, times: readList(reader, readSigned) };
    case "end":
      return { is };
    case "clock":
      return { is, forward: (reader.u8() === 0 ? 1 : -1) * reader.u48() };
    case "step":
      return { is, ...readStep(reader, recordOf) };
    default:
      throw new FormatError("an entry of a kind that is not known");
  }
}

//---- Steps ----

const HAS_CHANGE = 1;
const HAS_SOA = 2;
const HAS_LEASE = 4;
const HAS_FILE = 8;
const HAS_SIGNED = 16;

function writeStep(writer: Writer, step: Step): void {
  const { at, by, lease, keyLease, change, holds, file, signedAt } = step;
  const hasLease = lease !== FOREVER || keyLease !== FOREVER;
  writer.u8(
    (change === undefined ? 0 : HAS_CHANGE) |
      (change?.soa === undefined ? 0 : HAS_SOA) |
      (hasLease ? HAS_LEASE : 0) |
      (file === undefined ? 0 : HAS_FILE) |
      (signedAt === undefined ? 0 : HAS_SIGNED),
  );
  writer.u48(at);
  writeText(writer, by);
  if (signedAt !== undefined) writer.u48(signedAt);
  if (hasLease) {
    writeTime(writer, lease);
    writeTime(writer, keyLease);
  }
  if (change !== undefined) {
    writer.u32(change.to);
    if (change.soa !== undefined) writeSet(writer, change.soa);
    writeSets(writer, change.removed);
    writeSets(writer, change.added);
  }
  writeList(writer, runsOf(holds, change?.added ?? []), writeRun);
  if (file !== undefined) writeSets(writer, file);
}

function readStep(reader: Reader, recordOf: (id: number) => ZoneRecord | undefined): Step {
  const flags = reader.u8();
  const at = reader.u48();
  const by = readText(reader);
  const signedAt = flags & HAS_SIGNED ? reader.u48() : undefined;
  const lease = flags & HAS_LEASE ? readTime(reader) : FOREVER;
  const keyLease = flags & HAS_LEASE ? readTime(reader) : FOREVER;
  let change: StepChange | undefined;
  if (flags & HAS_CHANGE) {
    const to = reader.u32();
    const soa = flags & HAS_SOA ? readSet(reader) : undefined;
    change = { to, soa, removed: readSets(reader), added: readSets(reader) };
  }
  const added = recordsOf(change?.added ?? []);
  const recordAt = (refers: Reference, i: number) =>
    refers === "id" ? recordOf(i) : { name: added[i]!.name, rdata: added[i]!.rdata };
  const holds = readList(reader, () => readRun(reader, recordAt)).flat();
  const file = flags & HAS_FILE ? readSets(reader) : undefined;
  return { at, by, lease, keyLease, change, holds, file, signedAt };
}

//---- Steps on holds, in runs ----

/** The indices in both arrays are part of the format. */
const DEEDS = ["take", "join", "release", "releaseAll"] as const;
/** By an entry's identifier, by the place among what the change adds, or spelled out. */
const REFERENCES = ["id", "added", "record"] as const;
type Reference = (typeof REFERENCES)[number];

/** One deed done to records with consecutive numbers, or to a single one that is spelled out. */
interface Run {
  readonly does: HoldStep["does"];
  readonly refers: Reference;
  readonly first: number;
  length: number;
  readonly record: ZoneRecord;
}

function runsOf(steps: readonly StepTaken[], sets: readonly RecordSet[]): Run[] {
  const places = new Places(sets);
  const runs: Run[] = [];
  for (const { does, record, id } of steps) {
    const place = id ?? places.of(record);
    const refers = id !== undefined ? "id" : place !== undefined ? "added" : "record";
    const last = runs.at(-1);
    const goesOn =
      last?.does === does && last.refers === refers && last.first + last.length === place;
    if (goesOn) last.length++;
    else runs.push({ does, refers, first: place ?? 0, length: 1, record });
  }
  return runs;
}

/** Finds the place of a record among those of some sets; mostly they are asked for in order. */
class Places {
  readonly #sets: readonly RecordSet[];
  /** The record that is expected next: its set, its place there, and its place among all. */
  #set = 0;
  #place = 0;
  #next = 0;
  #all: Map<Rdata, { readonly name: Name; readonly place: number }> | undefined;

  constructor(sets: readonly RecordSet[]) {
    this.#sets = sets;
  }

  of({ name, rdata }: ZoneRecord): number | undefined {
    const set = this.#sets[this.#set];
    if (set?.rdatas[this.#place] === rdata && set.name === name) {
      this.#place++;
      if (this.#place === set.rdatas.length) {
        this.#set++;
        this.#place = 0;
      }
      return this.#next++;
    }
    this.#all ??= new Map(
      recordsOf(this.#sets).map(({ name, rdata }, place) => [rdata, { name, place }]),
    );
    const found = this.#all.get(rdata);
    // Two names may share one data object.
    return found?.name === name ? found.place : undefined;
  }
}

function writeRun(writer: Writer, { does, refers, first, length, record }: Run): void {
  writer.u8((DEEDS.indexOf(does) << 2) | REFERENCES.indexOf(refers));
  if (refers === "record") {
    writeRecord(writer, record);
  } else {
    writeCount(writer, first);
    writeCount(writer, length);
  }
}

function readRun(
  reader: Reader,
  recordAt: (refers: Reference, i: number) => ZoneRecord | undefined,
): StepTaken[] {
  const octet = reader.u8();
  const does = DEEDS[octet >> 2];
  const refers = REFERENCES[octet & 3];
  if (does === undefined || refers === undefined) throw new FormatError("no such step on a hold");
  if (refers === "record") return [{ does, record: readRecord(reader), id: undefined }];
  const first = readCount(reader);
  return Array.from({ length: readCount(reader) }, (_, i) => {
    const record = recordAt(refers, first + i);
    if (record === undefined) throw new FormatError(`no record has the number ${first + i}`);
    return { does, record, id: refers === "id" ? first + i : undefined };
  });
}

function recordsOf(sets: readonly RecordSet[]): ZoneRecord[] {
  const records: ZoneRecord[] = [];
  for (const { name, rdatas } of sets) for (const rdata of rdatas) records.push({ name, rdata });
  return records;
}

function writeSigned(writer: Writer, [by, time]: readonly [string, number]): void {
  writeText(writer, by);
  writer.u48(time);
}

function readSigned(reader: Reader): readonly [string, number] {
  return [readText(reader), reader.u48()];
}

//---- Holds ----

function writeHeld(writer: Writer, held: HeldRecord): void {
  writeCount(writer, held.id);
  writeRecord(writer, held);
  writeList(writer, held.holds, (writer, { by, expires, lease }) => {
    writeText(writer, by);
    writeTime(writer, lease);
    if (lease !== FOREVER) writer.u48(expires);
  });
}

function readHeld(reader: Reader): HeldRecord {
  const id = readCount(reader);
  const record = readRecord(reader);
  const holds = readList(reader, (): Hold => {
    const by = readText(reader);
    const lease = readTime(reader);
    return { by, lease, expires: lease === FOREVER ? FOREVER : reader.u48() };
  });
  return { id, ...record, holds };
}
