/**
 * Record data: the values of its fields, in the order of the field table (`fields.ts`).
 *
 * Invariant: the values of an Rdata follow the field table of its type, or are none at all (RDLENGTH
 * 0, which UPDATE gives a meaning to, RFC 2136 §2.4 and §2.5).
 */
import { addressBytes, formatIPv6 } from "./address.ts";
import { Type, typeName } from "./constants.ts";
import {
  type Compression,
  isCompressible,
  readField,
  shapeOf,
  stringsIn,
  type Value,
  writeField,
} from "./fields.ts";
import { FormatError } from "./format.ts";
import { Name } from "./name.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

export class Rdata {
  readonly type: number;
  readonly values: readonly Value[];
  #key: string | undefined;

  constructor(type: number, values: readonly Value[]) {
    this.type = type;
    this.values = values;
  }

  /** RDLENGTH 0. */
  get isEmpty(): boolean {
    return this.values.length === 0;
  }

  /**
   * The canonical octets (uncompressed, names in lower case: RFC 4034 §6.2), one UTF-16 unit each.
   * Two records of one name and type are the same record when their keys are equal (RFC 2136 §1.1).
   */
  get key(): string {
    this.#key ??= this.#write(true).toString("latin1");
    return this.#key;
  }

  equals(other: Rdata): boolean {
    return this === other || (this.type === other.type && this.key === other.key);
  }

  /** Uncompressed, case kept. */
  toWire(): Uint8Array {
    return new Uint8Array(this.#write(false));
  }

  /** The same record data with every name put through `change`; undefined when one gives undefined. */
  mapNames(change: (name: Name) => Name | undefined): Rdata | undefined {
    let changed: Value[] | undefined;
    for (let i = 0; i < this.values.length; i++) {
      const value = this.values[i]!;
      if (!(value instanceof Name)) continue;
      const name = change(value);
      if (name === undefined) return undefined;
      if (name === value) continue;
      changed ??= [...this.values];
      changed[i] = name;
    }
    return changed === undefined ? this : new Rdata(this.type, changed);
  }

  /** Good until the next. */
  #write(isFolded: boolean): Buffer {
    scratch.clear();
    const rdata = isFolded ? this.mapNames((name) => name.toLowerCase())! : this;
    writeRdata(scratch, rdata, "none");
    return scratch.done();
  }
}

/** Where data is put together. */
const scratch = new Writer(512, { isCompressing: false });

/** Reads the `length` octets of rdata of a record of `type`; RDLENGTH 0 gives no values. */
export function readRdata(reader: Reader, type: number, length: number): Rdata {
  if (length === 0) return new Rdata(type, []);
  return reader.within(length, () => {
    const values = shapeOf(type).map((field) => readField(reader, field));
    return new Rdata(type, values);
  });
}

/** Rdata from uncompressed octets, as a journal or `\# 4 0a000001` gives them. */
export function parseRdata(type: number, bytes: Uint8Array): Rdata {
  const rdata = readRdata(new Reader(bytes), type, bytes.length);
  if (Buffer.compare(rdata.toWire(), bytes) !== 0) throw new FormatError("a name is compressed");
  return rdata;
}

/** Writes rdata without its length. */
export function writeRdata(writer: Writer, rdata: Rdata, compression: Compression): void {
  if (rdata.isEmpty) return;
  const shape = shapeOf(rdata.type);
  const compress = isCompressible(rdata.type, compression);
  for (let i = 0; i < shape.length; i++) writeField(writer, shape[i]!, rdata.values[i]!, compress);
}

//---- Making ----

/** Record data from values in people's terms. */
export const rdata = {
  a: (address: string) => new Rdata(Type.A, [addressBytes(address, 4)]),
  aaaa: (address: string) => new Rdata(Type.AAAA, [addressBytes(address, 6)]),
  ns: (target: Name) => new Rdata(Type.NS, [target]),
  ptr: (target: Name) => new Rdata(Type.PTR, [target]),
  cname: (target: Name) => new Rdata(Type.CNAME, [target]),
  srv: (priority: number, weight: number, port: number, target: Name) =>
    new Rdata(Type.SRV, [priority, weight, port, target]),
  /** Each string at most 255 octets; none at all gives one empty string (RFC 6763 §6.1). */
  txt: (...strings: readonly (string | Uint8Array)[]) => {
    const writer = new Writer();
    for (const string of strings.length === 0 ? [""] : strings) {
      const bytes = typeof string === "string" ? Buffer.from(string) : string;
      if (bytes.length > 255)
        throw new FormatError(`a string has ${bytes.length} octets, at most 255`);
      writer.string(bytes);
    }
    return new Rdata(Type.TXT, [Uint8Array.from(writer.done())]);
  },
  soa: (soa: Soa) =>
    new Rdata(Type.SOA, [
      soa.mname,
      soa.rname,
      soa.serial,
      soa.refresh,
      soa.retry,
      soa.expire,
      soa.minimum,
    ]),
  opaque: (type: number, bytes: Uint8Array) => new Rdata(type, bytes.length === 0 ? [] : [bytes]),
};

//---- Reading ----

export interface Soa {
  readonly mname: Name;
  readonly rname: Name;
  readonly serial: number;
  /** Seconds, as all that follow. */
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  /** The negative TTL (RFC 2308 §4). */
  readonly minimum: number;
}

export interface Srv {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: Name;
}

/** The place of the serial among the values of a SOA (RFC 1035 §3.3.13). */
export const SERIAL = 2;

export function soaOf(data: Rdata): Soa {
  const [mname, rname, serial, refresh, retry, expire, minimum] = valuesOf(data, Type.SOA);
  return { mname, rname, serial, refresh, retry, expire, minimum } as unknown as Soa;
}

export function srvOf(data: Rdata): Srv {
  const { 0: priority, 1: weight, 2: port, 3: target } = valuesOf(data, Type.SRV);
  return { priority, weight, port, target } as Srv;
}

/** The name that PTR, NS, CNAME, DNAME, SRV, MX and their like point to; undefined for other types. */
export function targetOf(data: Rdata): Name | undefined {
  return data.values.findLast((value): value is Name => value instanceof Name);
}

/** The address of an A or AAAA in text form; undefined for other types. */
export function addressOf(data: Rdata): string | undefined {
  const bytes = data.values[0];
  if (!(bytes instanceof Uint8Array)) return undefined;
  if (data.type === Type.A) return bytes.join(".");
  if (data.type !== Type.AAAA) return undefined;
  return formatIPv6(bytes);
}

/** The strings of a TXT. */
export function stringsOf(data: Rdata): Uint8Array[] {
  const bytes = data.values[0];
  return data.type === Type.TXT && bytes instanceof Uint8Array ? stringsIn(bytes) : [];
}

function valuesOf(data: Rdata, type: number): readonly Value[] {
  if (data.type !== type || data.values.length === 0) {
    throw new FormatError(`${typeName(type)} rdata expected, ${typeName(data.type)} found`);
  }
  return data.values;
}
