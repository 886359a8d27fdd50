/**
 * The text form of service parameters (RFC 9460 §2.1, §7, Appendix A): `alpn="h2,h3" port=8443`. A value
 * that is malformed for its key is printed in the generic form `keyNNNNN="…"`, so that whatever came by
 * wire can be printed and read back.
 */
import { formatAddress, parseAddress } from "./address.ts";
import { FormatError } from "./format.ts";
import { Reader } from "./reader.ts";
import { formatString, parseBase64, parseNumber, unescapeOctets } from "./words.ts";
import { Writer } from "./writer.ts";

/** How the value of a key is written. `format` returns undefined for a malformed value. */
interface Form {
  readonly key: string;
  /** `keys` are all keys of the record. */
  format(value: Uint8Array, keys: ReadonlySet<number>): string | undefined;
  parse(text: string): Uint8Array;
  /** Octets of each address in the value. */
  readonly addressLength?: number;
}

/** By number: RFC 9460 §14.3.2. */
const forms: readonly Form[] = [
  { key: "mandatory", format: formatMandatory, parse: parseMandatory },
  { key: "alpn", format: formatAlpn, parse: parseAlpn },
  {
    key: "no-default-alpn",
    format: (value) => (value.length === 0 ? "" : undefined),
    parse: (text) => {
      if (text !== "") throw new FormatError("no-default-alpn has a value");
      return new Uint8Array();
    },
  },
  {
    key: "port",
    format: (value) => (value.length === 2 ? `${(value[0]! << 8) | value[1]!}` : undefined),
    parse: (text) => numbers([parseNumber(text, 0xffff)]),
  },
  {
    key: "ipv4hint",
    addressLength: 4,
    format: (value) => formatAddresses(value, 4),
    parse: (text) => Buffer.concat(text.split(",").map((address) => parseAddress(address, 4))),
  },
  {
    key: "ech",
    format: (value) => Buffer.from(value).toString("base64") || undefined,
    parse: parseBase64,
  },
  {
    key: "ipv6hint",
    addressLength: 16,
    format: (value) => formatAddresses(value, 16),
    parse: (text) => Buffer.concat(text.split(",").map((address) => parseAddress(address, 6))),
  },
];

/** SvcParams in wire form, in which keys ascend, as text. */
export function formatSvcParams(bytes: Uint8Array): string {
  const params: (readonly [number, Uint8Array])[] = [];
  for (const reader = new Reader(bytes); reader.left > 0; ) {
    params.push([reader.u16(), reader.take(reader.u16())]);
  }
  const keys = new Set(params.map(([key]) => key));
  return params.map(([key, value]) => formatParam(key, value, keys)).join(" ");
}

/** The addresses that ipv4hint and ipv6hint name (RFC 9460 §7.3), 4 or 16 octets each. */
export function addressHints(bytes: Uint8Array): Uint8Array[] {
  const addresses: Uint8Array[] = [];
  for (const reader = new Reader(bytes); reader.left > 0; ) {
    const length = forms[reader.u16()]?.addressLength;
    const value = reader.take(reader.u16());
    if (length === undefined) continue;
    for (let at = 0; at + length <= value.length; at += length) {
      addresses.push(value.subarray(at, at + length));
    }
  }
  return addresses;
}

/** The wire form of words such as `alpn="h2,h3"`, in any order. */
export function parseSvcParams(words: readonly string[]): Uint8Array {
  const params = new Map<number, Uint8Array>();
  let mandatory: Uint8Array | undefined;
  for (const word of words) {
    const [name = "", text = ""] = split(word);
    const key = parseKey(name);
    if (params.has(key)) throw new FormatError(`the parameter ${name} appears twice`);
    const form = formOf(name);
    if (form !== undefined && form.key !== "no-default-alpn" && text === "") {
      throw new FormatError(`the parameter ${name} has no value`);
    }
    const value = form === undefined ? unescapeOctets(text) : form.parse(text);
    if (form?.key === "mandatory") mandatory = value;
    params.set(key, value);
  }
  if (mandatory !== undefined && formatMandatory(mandatory, new Set(params.keys())) === undefined) {
    throw new FormatError("mandatory names itself, a parameter twice or one that is missing");
  }
  const writer = new Writer();
  for (const [key, value] of [...params].sort(([a], [b]) => a - b)) {
    writer.u16(key);
    writer.u16(value.length);
    writer.bytes(value);
  }
  return Uint8Array.from(writer.done());
}

function formatParam(key: number, value: Uint8Array, keys: ReadonlySet<number>): string {
  const form = forms[key];
  const text = form?.format(value, keys);
  if (form === undefined || text === undefined) {
    return value.length === 0 ? `key${key}` : `key${key}=${formatString(value)}`;
  }
  return text === "" ? form.key : `${form.key}=${text}`;
}

/** Key and value of a word, without the quotes the value may stand in. */
function split(word: string): [string, string] {
  const [, key = "", value = ""] = /^([^=]*)=?(.*)$/s.exec(word) ?? [];
  return [key, /^".*"$/s.test(value) ? value.slice(1, -1) : value];
}

function formOf(name: string): Form | undefined {
  return forms.find((form) => form.key === name);
}

function keyName(key: number): string {
  return forms[key]?.key ?? `key${key}`;
}

/** The number of "port" or "key667". */
function parseKey(name: string): number {
  const known = forms.findIndex((form) => form.key === name);
  if (known >= 0) return known;
  if (!/^key(0|[1-9]\d{0,4})$/.test(name)) throw new FormatError(`"${name}" is not a SvcParamKey`);
  return parseNumber(name.slice(3), 0xffff);
}

/** RFC 9460 §8: keys ascend, are all present, and are not "mandatory" itself. */
function formatMandatory(value: Uint8Array, keys: ReadonlySet<number>): string | undefined {
  if (value.length === 0 || value.length % 2 !== 0) return undefined;
  const reader = new Reader(value);
  const names: string[] = [];
  for (let last = 0; reader.left > 0; ) {
    const key = reader.u16();
    if (key <= last || !keys.has(key)) return undefined;
    names.push(keyName(key));
    last = key;
  }
  return names.join(",");
}

function parseMandatory(text: string): Uint8Array {
  return numbers(
    text
      .split(",")
      .map(parseKey)
      .sort((a, b) => a - b),
  );
}

/** RFC 9460 §7.1.1 and Appendix A.1: a list within a string, so two levels of escapes. */
function formatAlpn(value: Uint8Array): string | undefined {
  const list: number[] = [];
  const reader = new Reader(value);
  while (reader.left > 0) {
    const length = reader.u8();
    if (length === 0 || length > reader.left) return undefined;
    if (list.length > 0) list.push(COMMA);
    for (const octet of reader.take(length)) {
      if (octet === COMMA || octet === BACKSLASH) list.push(BACKSLASH);
      list.push(octet);
    }
  }
  return list.length === 0 ? undefined : formatString(Uint8Array.from(list));
}

function parseAlpn(text: string): Uint8Array {
  const ids: number[][] = [[]];
  const list = unescapeOctets(text);
  for (let at = 0; at < list.length; at++) {
    if (list[at] === COMMA) ids.push([]);
    else ids.at(-1)!.push(list[at] === BACKSLASH ? (list[++at] ?? BACKSLASH) : list[at]!);
  }
  const writer = new Writer();
  for (const id of ids) {
    if (id.length === 0 || id.length > 255)
      throw new FormatError(`"${text}" is not a list of ALPNs`);
    writer.string(Uint8Array.from(id));
  }
  return Uint8Array.from(writer.done());
}

function formatAddresses(value: Uint8Array, size: number): string | undefined {
  if (value.length === 0 || value.length % size !== 0) return undefined;
  const addresses: string[] = [];
  for (let at = 0; at < value.length; at += size) {
    addresses.push(formatAddress(value.subarray(at, at + size)));
  }
  return addresses.join(",");
}

function numbers(values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value >> 8, value & 0xff]));
}

const COMMA = 0x2c;
const BACKSLASH = 0x5c;
