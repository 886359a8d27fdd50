/**
 * Record data: its octets, and the values of its fields in the order of the field table (`fields.ts`).
 * What comes in messages stays octets; values are made of them when somebody asks, and octets of
 * values. So most records of a zone are one string.
 *
 * Invariant: octets and values follow the field table of the type, or are none at all (RDLENGTH 0,
 * which UPDATE gives a meaning to, RFC 2136 §2.4 and §2.5).
 */
import { addressBytes, formatIPv6 } from "./address.ts";
import { Type, typeName } from "./constants.ts";
import {
  type Compression,
  type Field,
  hasNames,
  isCompressible,
  passField,
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
  /** One of the two is there from the start. */
  #values: readonly Value[] | undefined;
  #wire: string | undefined;
  #key: string | undefined;

  constructor(type: number, values: readonly Value[]) {
    this.type = type;
    this.#values = values;
  }

  /** Of octets that the caller has found to be well-formed, as `wire` gives them. */
  static ofWire(type: number, wire: string): Rdata {
    const rdata = new Rdata(type, NONE);
    rdata.#wire = wire;
    if (wire !== "") rdata.#values = undefined;
    return rdata;
  }

  get values(): readonly Value[] {
    this.#values ??= readValues(this.type, this.#wire!);
    return this.#values;
  }

  /** The octets, uncompressed, case kept, one UTF-16 unit each. */
  get wire(): string {
    this.#wire ??= wireOf(this.type, this.#values!);
    return this.#wire;
  }

  /** RDLENGTH 0. */
  get isEmpty(): boolean {
    return this.#values?.length === 0;
  }

  /**
   * The canonical octets (names in lower case: RFC 4034 §6.2), as `wire` has them. Two records of one
   * name and type are the same record when their keys are equal (RFC 2136 §1.1).
   */
  get key(): string {
    this.#key ??= hasNames(this.type) ? this.#fold() : this.wire;
    return this.#key;
  }

  equals(other: Rdata): boolean {
    return this === other || (this.type === other.type && this.key === other.key);
  }

  /** As `wire`. */
  toWire(): Uint8Array {
    return new Uint8Array(Buffer.from(this.wire, "latin1"));
  }

  /** The names in it, first to last. */
  get names(): readonly Name[] {
    return hasNames(this.type) ? this.values.filter((value) => value instanceof Name) : NONE;
  }

  /** The same record data with every name put through `change`; undefined when one gives undefined. */
  mapNames(change: (name: Name) => Name | undefined): Rdata | undefined {
    if (!hasNames(this.type)) return this;
    const changed: Value[] = [];
    for (const value of this.values) {
      const after = value instanceof Name ? change(value) : value;
      if (after === undefined) return undefined;
      changed.push(after);
    }
    const isSame = changed.every((value, i) => value === this.values[i]);
    return isSame ? this : new Rdata(this.type, changed);
  }

  /** The values made for it are not kept: there are many records, and of few they are asked for. */
  #fold(): string {
    const values = this.#values ?? readValues(this.type, this.#wire!);
    const isFolded = (value: Value) => !(value instanceof Name) || value.toLowerCase() === value;
    if (values.every(isFolded)) return this.wire;
    return wireOf(
      this.type,
      values.map((value) => (value instanceof Name ? value.toLowerCase() : value)),
    );
  }
}

const NONE: readonly never[] = [];

/** Where octets are put together. */
const scratch = new Writer(512, { isCompressing: false });

function wireOf(type: number, values: readonly Value[]): string {
  scratch.clear();
  writeFields(scratch, type, values, false);
  return scratch.done().toString("latin1");
}

function readValues(type: number, wire: string): Value[] {
  const shape = shapeOf(type);
  if (shape.length === 1 && shape[0] === "name") return [Name.ofWire(wire)];
  const reader = new Reader(Buffer.from(wire, "latin1"));
  return shape.map((field) => readField(reader, field));
}

/** Reads the `length` octets of rdata of a record of `type`; RDLENGTH 0 gives no values. */
export function readRdata(reader: Reader, type: number, length: number): Rdata {
  return Rdata.ofWire(type, length === 0 ? "" : reader.within(length, readWire, shapeOf(type)));
}

/** The octets up to the end, well-formed and with all names spelled out. */
function readWire(reader: Reader, shape: readonly Field[]): string {
  let spelled = "";
  let from = reader.offset;
  for (const field of shape) {
    if (field !== "name") {
      passField(reader, field);
      continue;
    }
    const at = reader.offset;
    const { wire } = reader.name();
    if (reader.offset - at === wire.length) continue;
    spelled += reader.text(from, at) + wire;
    from = reader.offset;
  }
  return spelled + reader.text(from, reader.offset);
}

/** Rdata from uncompressed octets, as a journal or `\\# 4 0a000001` gives them. */
export function parseRdata(type: number, bytes: Uint8Array): Rdata {
  const rdata = readRdata(new Reader(bytes), type, bytes.length);
  if (rdata.wire.length !== bytes.length) throw new FormatError("a name is compressed");
  return rdata;
}

/** Writes rdata without its length. */
export function writeRdata(writer: Writer, rdata: Rdata, compression: Compression): void {
  const { type } = rdata;
  // Later names may point to those in it, be they themselves compressed or not.
  if (compression === "none" || !hasNames(type)) writer.text(rdata.wire);
  else writeFields(writer, type, rdata.values, isCompressible(type, compression));
}

function writeFields(
  writer: Writer,
  type: number,
  values: readonly Value[],
  compress: boolean,
): void {
  if (values.length === 0) return;
  const shape = shapeOf(type);
  for (let i = 0; i < shape.length; i++) writeField(writer, shape[i]!, values[i]!, compress);
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
  return data.names.at(-1);
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
