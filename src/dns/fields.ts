/**
 * The field table: what the rdata of each known type consists of. Wire form (here), text form
 * (`text.ts`) and comparison follow from it. Any other type is a single field of opaque octets (RFC
 * 3597 §3), so that nothing is ever dropped because it is not understood.
 */
import { checkBitmap } from "./bitmap.ts";
import { Type } from "./constants.ts";
import { FormatError } from "./format.ts";
import type { Name } from "./name.ts";
import { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/**
 * The contents of a field:
 * `u8 u16 u32 u48` numbers; `seconds` a u32; `type` a u16 printed as a type; `time` a u32 printed as
 * YYYYMMDDHHmmSS;
 * `ipv4 ipv6` 4 and 16 octets; `name`; `string` one <character-string>; `strings` one or more to the
 * end, kept as they came; `tag` a <character-string> of letters and digits (RFC 8659 §4.1); `data16`
 * octets after a 16-bit length; and to the end: `hex`, `base64`, `bitmap` (RFC 4034 §4.1.2),
 * `params` (RFC 9460 §2.2), `value` (RFC 8659 §4.1).
 */
export type Field =
  | "u8"
  | "u16"
  | "u32"
  | "u48"
  | "seconds"
  | "type"
  | "time"
  | "ipv4"
  | "ipv6"
  | "name"
  | "string"
  | "tag"
  | "strings"
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
  [Type.SOA, ["name", "name", "u32", "seconds", "seconds", "seconds", "seconds"]],
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
  [Type.CAA, ["u8", "tag", "value"]],
]);

const OPAQUE: readonly Field[] = ["hex"];

/** The fields of a type; one opaque field for an unknown type (RFC 3597). */
export function shapeOf(type: number): readonly Field[] {
  return shapes.get(type) ?? OPAQUE;
}

export function isKnownShape(type: number): boolean {
  return shapes.has(type);
}

/** Octets of the fields that have a fixed length. */
const OCTETS: Readonly<Partial<Record<Field, number>>> = {
  u8: 1,
  u16: 2,
  u32: 4,
  u48: 6,
  seconds: 4,
  type: 2,
  time: 4,
  ipv4: 4,
  ipv6: 16,
};

/** Types with a name in their rdata. */
const named: ReadonlySet<number> = new Set(
  [...shapes].filter(([, shape]) => shape.includes("name")).map(([type]) => type),
);

export function hasNames(type: number): boolean {
  return named.has(type);
}

/** Where the name begins, for types that end with a name after fields of fixed length. */
const lastNames: ReadonlyMap<number, number> = new Map(
  [...shapes].flatMap(([type, shape]): [number, number][] => {
    const before = shape.slice(0, -1).map((field) => OCTETS[field] ?? Number.NaN);
    const at = before.reduce((sum, octets) => sum + octets, 0);
    return shape.at(-1) === "name" && !Number.isNaN(at) ? [[type, at]] : [];
  }),
);

export function lastNameAt(type: number): number | undefined {
  return lastNames.get(type);
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

/** True if names in the rdata of this type may be written as pointers. Pointers are read in every type. */
export function isCompressible(type: number, compression: Compression): boolean {
  if (compression === "unicast") return unicastCompressible.has(type);
  return compression === "multicast" && multicastCompressible.has(type);
}

/** Types whose rdata is signed with its names in lower case (RFC 4034 §6.2, RFC 6840 §5.1). */
const folded: ReadonlySet<number> = new Set([
  ...unicastCompressible,
  Type.RP,
  Type.AFSDB,
  Type.RT,
  Type.SIG,
  Type.PX,
  Type.SRV,
  Type.NAPTR,
  Type.KX,
  Type.DNAME,
  Type.RRSIG,
]);

/** True if names in the rdata of this type are signed in lower case. */
export function isFolded(type: number): boolean {
  return folded.has(type);
}

/** Skips one field; throws FormatError if it is malformed. The reader ends where the rdata does. */
export function passField(reader: Reader, field: Exclude<Field, "name">): void {
  switch (field) {
    case "string":
      reader.skip(reader.u8());
      break;
    case "tag":
      checkTag(reader.string());
      break;
    case "data16":
      reader.skip(reader.u16());
      break;
    case "strings":
      checkStrings(reader.rest());
      break;
    case "bitmap":
      checkBitmap(reader.rest());
      break;
    case "params":
      checkParams(reader.rest());
      break;
    default:
      reader.skip(OCTETS[field] ?? reader.left);
  }
}

/** Reads one field, which `passField` has found to be well-formed. */
export function readField(reader: Reader, field: Field): Value {
  switch (field) {
    case "u8":
      return reader.u8();
    case "u16":
    case "type":
      return reader.u16();
    case "u32":
    case "seconds":
    case "time":
      return reader.u32();
    case "u48":
      return reader.u48();
    case "name":
      return reader.name();
    case "ipv4":
      return reader.take(4);
    case "ipv6":
      return reader.take(16);
    case "string":
    case "tag":
      return reader.string();
    case "data16":
      return reader.take(reader.u16());
    case "strings":
    case "bitmap":
    case "params":
    case "hex":
    case "base64":
    case "value":
      return reader.take(reader.left);
  }
}

/** Writes one field; `compress` says whether a name may become a pointer. */
export function writeField(writer: Writer, field: Field, value: Value, compress: boolean): void {
  switch (field) {
    case "u8":
      writer.u8(value as number);
      break;
    case "u16":
    case "type":
      writer.u16(value as number);
      break;
    case "u32":
    case "seconds":
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
    case "tag":
      writer.string(value as Uint8Array);
      break;
    case "data16":
      writer.u16((value as Uint8Array).length);
      writer.bytes(value as Uint8Array);
      break;
    case "ipv4":
    case "ipv6":
    case "strings":
    case "hex":
    case "base64":
    case "bitmap":
    case "params":
    case "value":
      writer.bytes(value as Uint8Array);
  }
}

/** RFC 1035 §3.3.14: strings, the last ending where the rdata ends. */
function checkStrings(bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) at += 1 + bytes[at]!;
  if (at !== bytes.length) throw new FormatError("a string runs past the end");
}

/** RFC 8659 §4.1. */
function checkTag(bytes: Uint8Array): void {
  if (/^[A-Za-z0-9]+$/.test(Buffer.from(bytes).toString("latin1"))) return;
  throw new FormatError("a property tag has other octets than letters and digits");
}

/** RFC 9460 §2.2: keys ascend, and every value lies inside. */
function checkParams(bytes: Uint8Array): void {
  const reader = new Reader(bytes);
  for (let last = -1; reader.left > 0; ) {
    const key = reader.u16();
    if (key <= last) throw new FormatError("SvcParams are not in rising order");
    last = key;
    reader.skip(reader.u16());
  }
}

/** The <character-string>s that follow each other in `bytes`. */
export function stringsIn(bytes: Uint8Array): Uint8Array[] {
  const reader = new Reader(bytes);
  const strings: Uint8Array[] = [];
  while (reader.left > 0) strings.push(reader.string());
  return strings;
}
