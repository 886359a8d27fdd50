/**
 * Record data: its octets, from which the values of its fields are made on demand, in the order of the
 * field table (`fields.ts`). So most records of a zone are a single string.
 *
 * Invariant: octets and values follow the field table of the type, or there are none at all (RDLENGTH 0,
 * to which UPDATE gives a meaning, RFC 2136 §2.4 and §2.5).
 */
import { formatAddress, parseAddress } from "./address.ts";
import { isAddressType, Type, typeName } from "./constants.ts";
import {
  type Compression,
  type Field,
  hasNames,
  isCompressible,
  lastNameAt,
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
  /** The octets, names uncompressed and in the case they came in, one UTF-16 unit each. */
  readonly wire: string;
  #values: readonly Value[] | undefined;
  #key: string | undefined;

  /** From values, or from well-formed octets in the form of `wire`. Throws FormatError if too long. */
  constructor(type: number, data: readonly Value[] | string) {
    this.type = type;
    this.wire = typeof data === "string" ? data : wireOf(type, data);
    if (this.wire.length > MAX_OCTETS) {
      throw new FormatError(`rdata has more than ${MAX_OCTETS} octets`);
    }
    if (typeof data !== "string" && this.wire !== "") this.#values = data;
  }

  get values(): readonly Value[] {
    this.#values ??= readValues(this.type, this.wire);
    return this.#values;
  }

  /** For callers that go through a whole zone: the values are not cached, unless they already are. */
  valuesOnce(): readonly Value[] {
    return this.#values ?? readValues(this.type, this.wire);
  }

  /** RDLENGTH 0. */
  get isEmpty(): boolean {
    return this.wire === "";
  }

  /**
   * The canonical octets (names in lower case: RFC 4034 §6.2), in the form of `wire`. Two records of one
   * name and type are the same record if their keys are equal (RFC 2136 §1.1).
   */
  get key(): string {
    this.#key ??= hasNames(this.type) ? fold(this) : this.wire;
    return this.#key;
  }

  equals(other: Rdata): boolean {
    return this === other || (this.type === other.type && this.key === other.key);
  }

  /** The octets of `wire`. */
  toWire(): Uint8Array {
    return new Uint8Array(Buffer.from(this.wire, "latin1"));
  }

  /** The names in it, first to last. */
  get names(): readonly Name[] {
    return hasNames(this.type) ? this.values.filter((value) => value instanceof Name) : NONE;
  }

  /** The same record data with every name put through `change`; undefined if one becomes undefined. */
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
}

/** RDLENGTH has 16 bits (RFC 1035 §3.2.1). */
const MAX_OCTETS = 0xffff;
const NONE: readonly never[] = [];

/** Octets are assembled here. */
const scratch = new Writer(512, { isCompressing: false });

function wireOf(type: number, values: readonly Value[]): string {
  scratch.clear();
  writeFields(scratch, type, values, false);
  return scratch.done().toString("latin1");
}

function readValues(type: number, wire: string): readonly Value[] {
  if (wire === "") return NONE;
  if (lastNameAt(type) === 0) return [Name.ofWire(wire)];
  const reader = new Reader(Buffer.from(wire, "latin1"));
  return shapeOf(type).map((field) => readField(reader, field));
}

function fold(rdata: Rdata): string {
  const { type, wire } = rdata;
  const at = lastNameAt(type);
  if (at !== undefined && wire !== "") {
    const name = Name.ofWire(wire.slice(at));
    const folded = name.toLowerCase();
    return folded === name ? wire : wire.slice(0, at) + folded.wire;
  }
  const values = rdata.valuesOnce();
  const folded = values.map((value) => (value instanceof Name ? value.toLowerCase() : value));
  return folded.every((value, i) => value === values[i]) ? wire : wireOf(type, folded);
}

/** Reads the `length` octets of rdata of a record of `type`; RDLENGTH 0 gives no values. */
export function readRdata(reader: Reader, type: number, length: number): Rdata {
  return new Rdata(type, length === 0 ? "" : reader.within(length, readWire, shapeOf(type)));
}

/** The octets up to the end, checked, with all names spelled out. */
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

/** Rdata from uncompressed octets, as `\# 4 0a000001` gives them (RFC 3597 §5). */
export function parseRdata(type: number, bytes: Uint8Array): Rdata {
  const rdata = readRdata(new Reader(bytes), type, bytes.length);
  if (rdata.wire !== Buffer.from(bytes).toString("latin1")) {
    throw new FormatError("a name is compressed");
  }
  return rdata;
}

/** Writes rdata without its length. Later names may point to those in it, whether compressed or not. */
export function writeRdata(writer: Writer, rdata: Rdata, compression: Compression): void {
  const { type, wire } = rdata;
  if (compression === "none" || !hasNames(type) || wire === "") {
    writer.text(wire);
    return;
  }
  const compress = isCompressible(type, compression);
  const at = lastNameAt(type);
  if (at === undefined) {
    writeFields(writer, type, rdata.valuesOnce(), compress);
  } else {
    writer.text(wire.slice(0, at));
    writer.name(Name.ofWire(wire.slice(at)), compress);
  }
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

/** Makes record data from plain values. */
export const rdata = {
  a: (address: string) => new Rdata(Type.A, [parseAddress(address, 4)]),
  aaaa: (address: string) => new Rdata(Type.AAAA, [parseAddress(address, 6)]),
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
  /** From well-formed octets (RFC 3597 §5). */
  opaque: (type: number, bytes: Uint8Array) =>
    new Rdata(type, Buffer.from(bytes).toString("latin1")),
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
  // For other types no values are made, since they would be cached.
  const bytes = isAddressType(data.type) ? data.values[0] : undefined;
  return bytes instanceof Uint8Array ? formatAddress(bytes) : undefined;
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
