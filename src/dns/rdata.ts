/**
 * Record data. One field table gives every known type its shape; wire form (here), text form
 * (`text.ts`) and comparison are read from that table. A type that is not in it is one field of
 * opaque octets (RFC 3597 §3), so nothing is ever dropped for not being understood.
 *
 * Invariant: the values of an Rdata follow the field table of its type, or are none at all (RDLENGTH
 * 0, which UPDATE gives a meaning to, RFC 2136 §2.4 and §2.5).
 */
import { isIPv4, isIPv6 } from "node:net";
import { Type, typeName } from "./constants.ts";
import { FormatError } from "./format.ts";
import { fold, Name } from "./name.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/**
 * What stands in a field:
 * `u8 u16 u32 u48` numbers; `type` a u16 printed as a type; `time` a u32 printed as YYYYMMDDHHmmSS;
 * `ipv4 ipv6` 4 and 16 octets; `name`; `string` one <character-string>; `strings` one or more to the
 * end, kept as they came; `data16` octets behind a 16-bit length; `data8` behind an 8-bit one;
 * and to the end: `hex`, `base64`, `bitmap` (RFC 4034 §4.1.2), `params` (RFC 9460 §2.2), `value`
 * (RFC 8659 §4.1).
 */
export type Field =
  | "u8"
  | "u16"
  | "u32"
  | "u48"
  | "type"
  | "time"
  | "ipv4"
  | "ipv6"
  | "name"
  | "string"
  | "strings"
  | "data8"
  | "data16"
  | "hex"
  | "base64"
  | "bitmap"
  | "params"
  | "value";

export type Value = number | Name | Uint8Array;

const shapes = new Map<number, readonly Field[]>([
  [Type.A, ["ipv4"]],
  [Type.NS, ["name"]],
  [Type.MD, ["name"]],
  [Type.MF, ["name"]],
  [Type.CNAME, ["name"]],
  [Type.SOA, ["name", "name", "u32", "u32", "u32", "u32", "u32"]],
  [Type.MB, ["name"]],
  [Type.MG, ["name"]],
  [Type.MR, ["name"]],
  [Type.PTR, ["name"]],
  [Type.HINFO, ["string", "string"]],
  [Type.MINFO, ["name", "name"]],
  [Type.MX, ["u16", "name"]],
  [Type.TXT, ["strings"]],
  [Type.RP, ["name", "name"]],
  [Type.AFSDB, ["u16", "name"]],
  [Type.RT, ["u16", "name"]],
  [Type.SIG, ["type", "u8", "u8", "u32", "time", "time", "u16", "name", "base64"]],
  [Type.KEY, ["u16", "u8", "u8", "base64"]],
  [Type.PX, ["u16", "name", "name"]],
  [Type.AAAA, ["ipv6"]],
  [Type.SRV, ["u16", "u16", "u16", "name"]],
  [Type.NAPTR, ["u16", "u16", "string", "string", "string", "name"]],
  [Type.KX, ["u16", "name"]],
  [Type.DNAME, ["name"]],
  [Type.DS, ["u16", "u8", "u8", "hex"]],
  [Type.SSHFP, ["u8", "u8", "hex"]],
  [Type.RRSIG, ["type", "u8", "u8", "u32", "time", "time", "u16", "name", "base64"]],
  [Type.NSEC, ["name", "bitmap"]],
  [Type.DNSKEY, ["u16", "u8", "u8", "base64"]],
  [Type.TLSA, ["u8", "u8", "u8", "hex"]],
  [Type.CDS, ["u16", "u8", "u8", "hex"]],
  [Type.CDNSKEY, ["u16", "u8", "u8", "base64"]],
  [Type.SVCB, ["u16", "name", "params"]],
  [Type.HTTPS, ["u16", "name", "params"]],
  [Type.TSIG, ["name", "u48", "u16", "data16", "u16", "u16", "data16"]],
  [Type.CAA, ["u8", "string", "value"]],
]);

const OPAQUE: readonly Field[] = ["hex"];

/** The fields of a type; one opaque field for a type not known (RFC 3597). */
export function shapeOf(type: number): readonly Field[] {
  return shapes.get(type) ?? OPAQUE;
}

export function isKnownShape(type: number): boolean {
  return shapes.has(type);
}

/** Names in the rdata of these may be compressed in unicast (RFC 3597 §4: those of RFC 1035). */
const unicastCompressible: ReadonlySet<number> = new Set([
  Type.NS,
  Type.MD,
  Type.MF,
  Type.CNAME,
  Type.SOA,
  Type.MB,
  Type.MG,
  Type.MR,
  Type.PTR,
  Type.MINFO,
  Type.MX,
]);
/** And these in multicast (RFC 6762 §18.14). */
const multicastCompressible: ReadonlySet<number> = new Set([
  Type.NS,
  Type.CNAME,
  Type.PTR,
  Type.DNAME,
  Type.SOA,
  Type.MX,
  Type.AFSDB,
  Type.RT,
  Type.KX,
  Type.RP,
  Type.PX,
  Type.SRV,
  Type.NSEC,
]);

export type Compression = "unicast" | "multicast" | "none";

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
    this.#key ??= this.#write(true).done().toString("latin1");
    return this.#key;
  }

  equals(other: Rdata): boolean {
    return this === other || (this.type === other.type && this.key === other.key);
  }

  /** Uncompressed, case kept. */
  toWire(): Uint8Array {
    return this.#write(false).done();
  }

  /** The same record data with every name put through `change`; undefined when one gives undefined. */
  mapNames(change: (name: Name) => Name | undefined): Rdata | undefined {
    let isChanged = false;
    const values: Value[] = [];
    for (const value of this.values) {
      if (value instanceof Name) {
        const changed = change(value);
        if (changed === undefined) return undefined;
        isChanged ||= changed !== value;
        values.push(changed);
      } else {
        values.push(value);
      }
    }
    return isChanged ? new Rdata(this.type, values) : this;
  }

  #write(isFolded: boolean): Writer {
    const writer = new Writer(64);
    const change = isFolded ? (name: Name) => lowerCase(name) : (name: Name) => name;
    writeRdata(writer, this.mapNames(change)!, "none");
    return writer;
  }
}

/** Reads the `length` octets of rdata of a record of `type`; RDLENGTH 0 gives no values. */
export function readRdata(reader: Reader, type: number, length: number): Rdata {
  if (length === 0) return new Rdata(type, []);
  return reader.within(length, () => {
    const values: Value[] = [];
    for (const field of shapeOf(type)) values.push(readField(reader, field));
    return new Rdata(type, values);
  });
}

/** Rdata from uncompressed octets, as a journal or `\# 4 0a000001` gives them. */
export function parseRdata(type: number, bytes: Uint8Array): Rdata {
  return readRdata(new Reader(bytes), type, bytes.length);
}

function readField(reader: Reader, field: Field): Value {
  switch (field) {
    case "u8":
      return reader.u8();
    case "u16":
    case "type":
      return reader.u16();
    case "u32":
    case "time":
      return reader.u32();
    case "u48":
      return reader.u48();
    case "name":
      return reader.name();
    case "ipv4":
      return copy(reader.take(4));
    case "ipv6":
      return copy(reader.take(16));
    case "string":
    case "data8":
      return copy(reader.string());
    case "data16":
      return copy(reader.take(reader.u16()));
    case "strings": {
      const start = reader.offset;
      while (reader.left > 0) reader.string();
      return copy(reader.bytes.subarray(start, reader.offset));
    }
    case "bitmap":
      return checkedBitmap(copy(reader.take(reader.left)));
    case "params":
      return checkedParams(copy(reader.take(reader.left)));
    default:
      return copy(reader.take(reader.left));
  }
}

/** Writes rdata without its length. */
export function writeRdata(writer: Writer, rdata: Rdata, compression: Compression): void {
  if (rdata.values.length === 0) return;
  const shape = shapeOf(rdata.type);
  const compress =
    compression === "unicast"
      ? unicastCompressible.has(rdata.type)
      : compression === "multicast" && multicastCompressible.has(rdata.type);
  for (let i = 0; i < shape.length; i++) {
    const value = rdata.values[i]!;
    switch (shape[i]!) {
      case "u8":
        writer.u8(value as number);
        break;
      case "u16":
      case "type":
        writer.u16(value as number);
        break;
      case "u32":
      case "time":
        writer.u32(value as number);
        break;
      case "u48":
        writer.u48(value as number);
        break;
      case "name":
        writer.name(value as Name, compress);
        break;
      case "string":
      case "data8":
        writer.string(value as Uint8Array);
        break;
      case "data16":
        writer.u16((value as Uint8Array).length);
        writer.bytes(value as Uint8Array);
        break;
      default:
        writer.bytes(value as Uint8Array);
    }
  }
}

/** RFC 4034 §4.1.2: windows rise, each has 1 to 32 octets. */
function checkedBitmap(bytes: Uint8Array): Uint8Array {
  let window = -1;
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at + 1] ?? 0;
    if (bytes[at]! <= window || length < 1 || length > 32 || at + 2 + length > bytes.length) {
      throw new FormatError("a type bitmap is malformed");
    }
    window = bytes[at]!;
    at += 2 + length;
  }
  return bytes;
}

/** RFC 9460 §2.2: keys rise, every value lies inside. */
function checkedParams(bytes: Uint8Array): Uint8Array {
  const reader = new Reader(bytes);
  for (let last = -1; reader.left > 0; ) {
    const key = reader.u16();
    if (key <= last) throw new FormatError("SvcParams are not in rising order");
    last = key;
    reader.take(reader.u16());
  }
  return bytes;
}

/** The types a bitmap names, rising. */
export function bitmapTypes(bitmap: Uint8Array): number[] {
  const types: number[] = [];
  for (let at = 0; at < bitmap.length; at += 2 + bitmap[at + 1]!) {
    for (let bit = 0; bit < bitmap[at + 1]! * 8; bit++) {
      if (bitmap[at + 2 + (bit >> 3)]! & (0x80 >> (bit & 7))) types.push(bitmap[at]! * 256 + bit);
    }
  }
  return types;
}

/** The bitmap of these types (RFC 4034 §4.1.2). */
export function typeBitmap(types: Iterable<number>): Uint8Array {
  const windows = new Map<number, Uint8Array>();
  for (const type of [...types].sort((a, b) => a - b)) {
    const window = windows.get(type >> 8) ?? new Uint8Array(32);
    window[(type & 0xff) >> 3]! |= 0x80 >> (type & 7);
    windows.set(type >> 8, window);
  }
  const parts = [...windows].map(([number, window]) => {
    const length = window.findLastIndex((byte) => byte !== 0) + 1;
    return Buffer.from([number, length, ...window.subarray(0, length)]);
  });
  return Buffer.concat(parts);
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
    return new Rdata(Type.TXT, [copy(writer.done())]);
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

export function soaOf(data: Rdata): Soa {
  const [mname, rname, serial, refresh, retry, expire, minimum] = valuesOf(data, Type.SOA);
  return { mname, rname, serial, refresh, retry, expire, minimum } as unknown as Soa;
}

export function srvOf(data: Rdata): Srv {
  const [priority, weight, port, target] = valuesOf(data, Type.SRV);
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
  if (!(bytes instanceof Uint8Array)) return [];
  const reader = new Reader(bytes);
  const strings: Uint8Array[] = [];
  while (reader.left > 0) strings.push(reader.string());
  return strings;
}

/** RFC 5952 text of 16 octets. */
export function formatIPv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[i * 2]! << 8) | bytes[i * 2 + 1]!);
  let best = { at: 0, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  return best.length < 2
    ? hex(groups)
    : `${hex(groups.slice(0, best.at))}::${hex(groups.slice(best.at + best.length))}`;
}

/** The octets of an address in text form. */
export function addressBytes(text: string, family: 4 | 6): Uint8Array {
  if (family === 4) {
    if (!isIPv4(text)) throw new FormatError(`"${text}" is not an IPv4 address`);
    return Uint8Array.from(text.split("."), Number);
  }
  if (!isIPv6(text) || text.includes("%"))
    throw new FormatError(`"${text}" is not an IPv6 address`);
  const [plain, dotted] = text.includes(".")
    ? [text.slice(0, text.lastIndexOf(":") + 1), text.slice(text.lastIndexOf(":") + 1)]
    : [text, undefined];
  const tail = dotted === undefined ? [] : [...addressBytes(dotted, 4)];
  const parse = (part: string) =>
    part
      .split(":")
      .filter(Boolean)
      .flatMap((group) => {
        const value = Number.parseInt(group, 16);
        return [value >> 8, value & 0xff];
      });
  const [head = "", rest] = plain.split("::");
  const front = parse(head);
  const back = [...parse(rest ?? ""), ...tail];
  const gap = 16 - front.length - back.length;
  return Uint8Array.from([...front, ...new Array<number>(gap).fill(0), ...back]);
}

function valuesOf(data: Rdata, type: number): readonly Value[] {
  if (data.type !== type || data.values.length === 0) {
    throw new FormatError(`${typeName(type)} rdata expected, ${typeName(data.type)} found`);
  }
  return data.values;
}

function lowerCase(name: Name): Name {
  return Name.of(name.labels.map((label) => label.map(fold)));
}

function copy(bytes: Uint8Array): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes);
}
