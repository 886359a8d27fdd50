/** The parts of journal entries as octets: records, lists, numbers, texts and times. */
import { type Rdata, readRdata } from "../../dns/rdata.ts";
import type { Reader } from "../../dns/reader.ts";
import type { RecordSet } from "../../dns/record.ts";
import type { Writer } from "../../dns/writer.ts";
import { FOREVER } from "../update/hold.ts";
import type { ZoneRecord } from "../update/recordmap.ts";

export function writeSets(writer: Writer, sets: readonly RecordSet[]): void {
  writeList(writer, sets, writeSet);
}

export function readSets(reader: Reader): RecordSet[] {
  return readList(reader, readSet);
}

export function writeSet(writer: Writer, { name, type, ttl, rdatas }: RecordSet): void {
  writer.name(name);
  writer.u16(type);
  writer.u32(ttl);
  writeList(writer, rdatas, writeData);
}

export function readSet(reader: Reader): RecordSet {
  const name = reader.name();
  const type = reader.u16();
  const ttl = reader.u32();
  return { name, type, ttl, rdatas: readList(reader, (reader) => readData(reader, type)) };
}

export function writeRecord(writer: Writer, { name, rdata }: ZoneRecord): void {
  writer.name(name);
  writer.u16(rdata.type);
  writeData(writer, rdata);
}

export function readRecord(reader: Reader): ZoneRecord {
  const name = reader.name();
  return { name, rdata: readData(reader, reader.u16()) };
}

function writeData(writer: Writer, { wire }: Rdata): void {
  writer.u16(wire.length);
  writer.text(wire);
}

function readData(reader: Reader, type: number): Rdata {
  return readRdata(reader, type, reader.u16());
}

//---- Numbers and text ----

export function writeList<T>(
  writer: Writer,
  list: readonly T[],
  write: (writer: Writer, item: T) => void,
): void {
  writeCount(writer, list.length);
  for (const item of list) write(writer, item);
}

export function readList<T>(reader: Reader, read: (reader: Reader) => T): T[] {
  const list: T[] = [];
  for (let left = readCount(reader); left > 0; left--) list.push(read(reader));
  return list;
}

/** Seven bits an octet, the lowest first; the top bit means that more follow. */
export function writeCount(writer: Writer, count: number): void {
  for (; count >= 0x80; count = Math.floor(count / 0x80)) writer.u8((count % 0x80) | 0x80);
  writer.u8(count);
}

export function readCount(reader: Reader): number {
  let count = 0;
  for (let unit = 1; ; unit *= 0x80) {
    const octet = reader.u8();
    count += (octet & 0x7f) * unit;
    if (octet < 0x80) return count;
  }
}

export function writeText(writer: Writer, text: string): void {
  const octets = Buffer.from(text);
  writeCount(writer, octets.length);
  writer.bytes(octets);
}

export function readText(reader: Reader): string {
  return Buffer.from(reader.take(readCount(reader))).toString();
}

/** Milliseconds of a lease; FOREVER has all bits set. */
export function writeTime(writer: Writer, time: number): void {
  writer.u48(time === FOREVER ? NEVER : Math.ceil(time));
}

export function readTime(reader: Reader): number {
  const time = reader.u48();
  return time === NEVER ? FOREVER : time;
}

const NEVER = 2 ** 48 - 1;
