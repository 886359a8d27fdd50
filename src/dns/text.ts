/**
 * The text form of record data: the master file form of every field of the table in `fields.ts`
 * (RFC 1035 §5.1, RFC 3597 §5, RFC 4034, RFC 9460 §2.1). What is printed here is read back here as
 * the same octets, whatever they are, and loads in other servers.
 */
import { formatAddress, parseAddress } from "./address.ts";
import { bitmapTypes, typeBitmap } from "./bitmap.ts";
import { parseType, typeName } from "./constants.ts";
import { type Field, isKnownShape, shapeOf, stringsIn, type Value } from "./fields.ts";
import { FormatError } from "./format.ts";
import { Name } from "./name.ts";
import { parseRdata, Rdata } from "./rdata.ts";
import { formatSvcParams, parseSvcParams } from "./svcparams.ts";
import {
  formatString,
  parseBase64,
  parseHex,
  parseNumber,
  type Token,
  unescapeOctets,
} from "./words.ts";

/** Record data as dig prints it, with names absolute unless `formatName` prints them otherwise. */
export function formatRdata(rdata: Rdata, formatName: (name: Name) => string = String): string {
  const shape = shapeOf(rdata.type);
  const values = rdata.valuesOnce();
  const isOpaque = !isKnownShape(rdata.type) || rdata.isEmpty || hasOddBitmap(values, shape);
  if (isOpaque) return formatOpaque(rdata.toWire());
  return values
    .map((value, i) => (value instanceof Name ? formatName(value) : formatField(shape[i]!, value)))
    .filter((text) => text !== "")
    .join(" ");
}

/** True for a bitmap with superfluous octets, as devices send: only opaque text can express it. */
function hasOddBitmap(values: readonly Value[], shape: readonly Field[]): boolean {
  const bitmap = values[shape.indexOf("bitmap")];
  if (!(bitmap instanceof Uint8Array)) return false;
  return Buffer.compare(typeBitmap(bitmapTypes(bitmap)), bitmap) !== 0;
}

/**
 * Parses the words after a record's type into record data; relative names are beneath `origin`. Every
 * type may be written as `\# length hex` (RFC 3597 §5).
 */
export function parseRdataText(type: number, tokens: readonly Token[], origin: Name): Rdata {
  const words = [...tokens];
  if (words[0]?.text === "\\#" && !words[0].isQuoted) return parseOpaque(type, words.slice(1));
  if (!isKnownShape(type)) throw new FormatError(`${typeName(type)} is written as \\# length hex`);
  const values = shapeOf(type).map((field) => parseField(field, words, origin));
  if (words.length > 0) {
    throw new FormatError(`"${words[0]!.text}" comes after the ${typeName(type)} data`);
  }
  // Made from its octets, so that the values are not cached.
  return new Rdata(type, new Rdata(type, values).wire);
}

/** Seconds: a number, or numbers with the units w, d, h, m, s as BIND accepts them ("1h30m"). */
export function parseSeconds(text: string): number {
  if (/^\d+$/.test(text)) return parseNumber(text, 0xffffffff);
  if (!/^(\d+[wdhms])+$/i.test(text)) throw new FormatError(`"${text}" is not a time in seconds`);
  let seconds = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)(.)/g)) {
    seconds += Number(digits) * UNITS[unit!.toLowerCase() as keyof typeof UNITS];
  }
  return parseNumber(String(seconds), 0xffffffff);
}

function formatField(field: Field, value: number | Uint8Array): string {
  if (typeof value === "number") {
    return field === "type" ? typeName(value) : field === "time" ? formatTime(value) : `${value}`;
  }
  switch (field) {
    case "ipv4":
    case "ipv6":
      return formatAddress(value);
    case "tag":
      return Buffer.from(value).toString("latin1");
    case "strings":
      return stringsIn(value).map(formatString).join(" ");
    case "data16":
      return value.length === 0 ? "0" : `${value.length} ${Buffer.from(value).toString("base64")}`;
    case "hex":
      return Buffer.from(value).toString("hex").toUpperCase();
    case "base64":
      return Buffer.from(value).toString("base64");
    case "bitmap":
      return bitmapTypes(value).map(typeName).join(" ");
    case "params":
      return formatSvcParams(value);
    default:
      return formatString(value);
  }
}

/** Takes the words of one field from the front of `words`. */
function parseField(field: Field, words: Token[], origin: Name): Value {
  const next = (): string => {
    const word = words.shift();
    if (word === undefined) throw new FormatError(`the data ends where ${field} is expected`);
    return word.text;
  };
  const rest = (): string[] => words.splice(0).map((word) => word.text);
  switch (field) {
    case "u8":
      return parseNumber(next(), 0xff);
    case "u16":
      return parseNumber(next(), 0xffff);
    case "u32":
      return parseNumber(next(), 0xffffffff);
    case "u48":
      return parseNumber(next(), 0xffffffffffff);
    case "seconds":
      return parseSeconds(next());
    case "type":
      return parseTypeName(next());
    case "time":
      return parseTime(next());
    case "ipv4":
      return parseAddress(next(), 4);
    case "ipv6":
      return parseAddress(next(), 6);
    case "name":
      return Name.parse(next(), origin);
    case "string":
      return parseString(next()).subarray(1);
    case "tag":
      return parseTag(next());
    case "strings":
      return Uint8Array.from(Buffer.concat([next(), ...rest()].map(parseString)));
    case "value":
      return unescapeOctets(next());
    case "data16": {
      const length = parseNumber(next(), 0xffff);
      return checkLength(length === 0 ? new Uint8Array() : parseBase64(next()), length);
    }
    case "hex":
      return parseHex(rest().join(""));
    case "base64":
      return parseBase64(rest().join(""));
    case "bitmap":
      return typeBitmap(rest().map(parseTypeName));
    case "params":
      return parseSvcParams(joinParams(words.splice(0)));
  }
}

/** A <character-string> with its length octet. */
function parseString(text: string): Uint8Array {
  const bytes = unescapeOctets(text);
  if (bytes.length > 255) {
    throw new FormatError(`a string has ${bytes.length} octets, at most 255 are allowed`);
  }
  return Uint8Array.of(bytes.length, ...bytes);
}

/** The words of SvcParams, rejoined where a tokenizer has cut `alpn="h2"` in two before the quote. */
function joinParams(words: readonly Token[]): string[] {
  const joined: string[] = [];
  for (const { text, isQuoted } of words) {
    if (isQuoted && joined.at(-1)?.endsWith("=")) joined[joined.length - 1] += `"${text}"`;
    else joined.push(text);
  }
  return joined;
}

/** RFC 3597 §5. */
function formatOpaque(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex").toUpperCase();
  return bytes.length === 0 ? "\\# 0" : `\\# ${bytes.length} ${hex}`;
}

function parseOpaque(type: number, words: readonly Token[]): Rdata {
  const [length, ...hex] = words.map((word) => word.text);
  if (length === undefined) throw new FormatError("\\# has no length");
  const bytes = checkLength(parseHex(hex.join("")), parseNumber(length, 0xffff));
  if (bytes.length === 0 && isKnownShape(type)) {
    throw new FormatError(`${typeName(type)} data cannot be empty`);
  }
  return parseRdata(type, bytes);
}

function checkLength(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length === length) return bytes;
  throw new FormatError(`${length} octets announced, ${bytes.length} found`);
}

function parseTypeName(text: string): number {
  const type = parseType(text);
  if (type === undefined) throw new FormatError(`"${text}" is not a record type`);
  return type;
}

/** RFC 8659 §4.1: letters and digits. */
function parseTag(text: string): Uint8Array {
  if (!/^[A-Za-z0-9]{1,255}$/.test(text)) throw new FormatError(`"${text}" is not a property tag`);
  return Uint8Array.from(Buffer.from(text));
}

/** YYYYMMDDHHmmSS (RFC 4034 §3.2). */
export function formatTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replaceAll(/\D/g, "").slice(0, 14);
}

export function parseTime(text: string): number {
  if (!/^\d{14}$/.test(text)) return parseNumber(text, 0xffffffff);
  const iso = text.replace(/(....)(..)(..)(..)(..)(..)/, "$1-$2-$3T$4:$5:$6Z");
  const seconds = Date.parse(iso) / 1000;
  if (!(seconds >= 0 && seconds <= 0xffffffff) || formatTime(seconds) !== text) {
    throw new FormatError(`"${text}" is not a time`);
  }
  return seconds;
}

const UNITS = { w: 604800, d: 86400, h: 3600, m: 60, s: 1 } as const;
