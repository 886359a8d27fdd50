/**
 * The attributes in the strings of a service's TXT record (RFC 6763 §6.3 to §6.5): `key=value`, split at
 * the first `=`; `key` alone is an attribute without a value, which is not the same as an empty value.
 * Readers ignore keys they do not know, and of several attributes with the same key only the first
 * counts. Reading changes nothing: records are carried octet for octet.
 */
import { fold } from "./name.ts";
import { type Rdata, stringsOf } from "./rdata.ts";

export interface Attribute {
  /** As `attributeKey` returns it. */
  readonly key: string;
  /** The whole string. */
  readonly string: Uint8Array;
  /** Any octets; undefined if there is no `=`. */
  readonly value: Uint8Array | undefined;
}

/** Each key once, in the record's order. */
export function attributesOf(data: Rdata): Attribute[] {
  const byKey = new Map<string, Attribute>();
  for (const string of stringsOf(data)) {
    const attribute = parseAttribute(string);
    if (attribute !== undefined && !byKey.has(attribute.key)) byKey.set(attribute.key, attribute);
  }
  return [...byKey.values()];
}

/** Undefined if there is no key: for the empty string, and for one that begins with `=`. */
export function parseAttribute(string: Uint8Array): Attribute | undefined {
  const at = string.indexOf(EQUALS_SIGN);
  const key = attributeKey(at < 0 ? string : string.subarray(0, at));
  return key === ""
    ? undefined
    : { key, string, value: at < 0 ? undefined : string.subarray(at + 1) };
}

/** A key in comparable form: one UTF-16 unit an octet, ASCII case folded (RFC 6763 §6.4). */
export function attributeKey(octets: Uint8Array): string {
  return Buffer.from(octets.map(fold)).toString("latin1");
}

const EQUALS_SIGN = 0x3d;
