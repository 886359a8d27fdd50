/**
 * Edits the TXT record of a service (RFC 6763 §6). What no edit names stays as the device sent it, octet for
 * octet and in its order.
 */
import { isIPv4, isIPv6 } from "node:net";
import { addressOctets, formatAddress } from "../../dns/address.ts";
import { attributeKey, parseAttribute } from "../../dns/attribute.ts";
import type { Name } from "../../dns/name.ts";
import { rdata as make, type Rdata, stringsOf } from "../../dns/rdata.ts";
import { LONGEST_HEARD } from "../../zone/update/principal.ts";
import type { Mapping } from "./addressmap.ts";
import { EMPTY_TXT } from "./publishable.ts";

export interface TextEdit {
  readonly drop: readonly string[];
  readonly set: Readonly<Record<string, string>>;
  /** Keys whose URL names a host of the link, to be replaced by the host's name in the zone. */
  readonly rewrite: readonly string[];
}

/** How hosts of a link are called elsewhere. */
export interface Elsewhere {
  /** What stands in URLs for `local`, from `inUrl`. */
  readonly domain: string;
  readonly map: Mapping;
}

/** A TXT record after these edits, one after the other; `data` itself if they change nothing. */
export function editText(data: Rdata, edits: Iterable<TextEdit>, elsewhere: Elsewhere): Rdata {
  // One empty string stands for none (RFC 6763 §6.1).
  let strings: readonly Uint8Array[] = data.equals(EMPTY_TXT) ? [] : stringsOf(data);
  for (const edit of edits) strings = edited(strings, edit, elsewhere);
  const text = make.txt(...fitting(strings));
  return text.equals(data) ? data : text;
}

function edited(
  strings: readonly Uint8Array[],
  { drop, set, rewrite }: TextEdit,
  elsewhere: Elsewhere,
): readonly Uint8Array[] {
  const has = (keys: readonly string[], string: Uint8Array) => {
    const key = parseAttribute(string)?.key;
    return keys.some((each) => attributeKey(Buffer.from(each)) === key);
  };
  const rest = strings.filter((string) => !has(drop, string));
  const all = rest.map((string) => (has(rewrite, string) ? rewritten(string, elsewhere) : string));
  for (const [key, value] of Object.entries(set)) {
    const pair = Buffer.from(`${key}=${value}`);
    // RFC 6763 §6.4: if a key occurs more than once, only the first counts.
    const at = all.findIndex((string) => has([key], string));
    all.splice(at < 0 ? all.length : at, 1, pair);
  }
  return all;
}

/** A string that cannot be rewritten stays as it is. */
function rewritten(string: Uint8Array, elsewhere: Elsewhere): Uint8Array {
  const url = URL_OF_HOST.exec(Buffer.from(string).toString("latin1"));
  if (url === null) return string;
  const [, before, host, after] = url;
  const bytes = Buffer.from(`${before}${hostElsewhere(host!, elsewhere)}${after}`, "latin1");
  return bytes.length > MAX_STRING ? string : bytes;
}

function hostElsewhere(host: string, { domain, map }: Elsewhere): string {
  const literal = /^\[(.*)\]$/.exec(host)?.[1];
  if (literal !== undefined) {
    const isPlain = isIPv6(literal) && !literal.includes("%");
    return isPlain ? `[${formatAddress(map(addressOctets(literal)))}]` : host;
  }
  if (isIPv4(host)) return formatAddress(map(addressOctets(host)));
  return host.replace(OF_LINK, (_, labels) => `${labels}.${domain}`);
}

/** As many strings as a record may hold in any zone. */
function fitting(strings: readonly Uint8Array[]): readonly Uint8Array[] {
  let room = LONGEST_HEARD;
  return strings.filter(({ length }) => {
    room -= 1 + length;
    return room >= 0;
  });
}

/** Percent-encodes what is no letter, digit, hyphen or the like (RFC 3986 §3.2.2). */
export function inUrl({ labels }: Name): string {
  const encoded = (c: string) => `%${Buffer.from(c, "latin1").toString("hex").toUpperCase()}`;
  return labels
    .map((label) =>
      Buffer.from(label)
        .toString("latin1")
        .replace(/[^\w~-]/gs, encoded),
    )
    .join(".");
}

/** A URL up to its host, the host, and the rest (RFC 3986 §3.2). */
const URL_OF_HOST = /^([^=]*=[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?)(\[[^\]]*\]|[^/?#:]+)(.*)$/is;
/** Non-empty labels in front of `local`. */
const OF_LINK = /^([^.]+(?:\.[^.]+)*)\.local\.?$/i;
const MAX_STRING = 255;
