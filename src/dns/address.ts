/** IP addresses and networks, text to octets and back, and the names they have in reverse zones. */
import { isIP, isIPv4, isIPv6 } from "node:net";
import { FormatError } from "./format.ts";
import { Name } from "./name.ts";

/** A network in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3). */
export interface Prefix {
  readonly address: string;
  /** Bits: at most 32 or 128, by the address. */
  readonly length: number;
}

/** RFC 5952 text of 16 octets. */
function formatIPv6(bytes: Uint8Array): string {
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

/** Parses the text of an address of this family into octets. */
export function parseAddress(text: string, family: 4 | 6): Uint8Array {
  if (family === 4) {
    if (!isIPv4(text)) throw new FormatError(`"${text}" is not an IPv4 address`);
    return Uint8Array.from(text.split("."), Number);
  }
  if (!isIPv6(text) || text.includes("%"))
    throw new FormatError(`"${text}" is not an IPv6 address`);
  const [plain, dotted] = text.includes(".")
    ? [text.slice(0, text.lastIndexOf(":") + 1), text.slice(text.lastIndexOf(":") + 1)]
    : [text, undefined];
  const tail = dotted === undefined ? [] : [...parseAddress(dotted, 4)];
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

/** The octets of an address of either family, with a scope or without (RFC 4007 §11). */
export function addressOctets(text: string): Uint8Array {
  return isIPv4(text) ? parseAddress(text, 4) : parseAddress(text.replace(/%.*/, ""), 6);
}

/** The text of 4 or 16 octets. */
export function formatAddress(bytes: Uint8Array): string {
  return bytes.length === 4 ? bytes.join(".") : formatIPv6(bytes);
}

/** "192.0.2.0/24", or an address alone; undefined when it is neither. */
export function parsePrefix(text: string): Prefix | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const most = isIP(address) === 4 ? 32 : 128;
  const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) : 999;
  return isIP(address) !== 0 && bits <= most && rest.length === 0
    ? { address, length: bits }
    : undefined;
}

/** The first address of the subnet that 4 or 16 octets lie in: all host bits zero. */
export function baseAddress(bytes: Uint8Array, prefix: number): Uint8Array {
  return bytes.map((byte, i) => byte & (0xff00 >> Math.min(Math.max(prefix - i * 8, 0), 8)));
}

/** 169.254/16 (RFC 3927 §2.1) or fe80::/10 (RFC 4291 §2.5.6). */
export function isLinkLocal(bytes: Uint8Array): boolean {
  const [first, second = 0] = bytes;
  return bytes.length === 4
    ? first === 169 && second === 254
    : first === 0xfe && (second & 0xc0) === 0x80;
}

/** Four decimal octets below in-addr.arpa (RFC 1035 §3.5), or 32 nibbles below ip6.arpa (RFC 3596 §2.5). */
export function reverseName(bytes: Uint8Array): Name {
  const labels = bytes.length === 4 ? Array.from(bytes, String) : [...hexOf(bytes)];
  return Name.join(labels.reverse().map(toOctets), bytes.length === 4 ? IN_ADDR : IP6)!;
}

/** The address whose whole reverse name this is; undefined for every other name. */
export function addressOfReverseName(name: Name): Uint8Array | undefined {
  if (name.isUnder(IN_ADDR)) {
    const octets = name.labelsUnder(IN_ADDR).map(toText).reverse();
    if (octets.length !== 4 || !octets.every((octet) => OCTET.test(octet))) return undefined;
    const bytes = Uint8Array.from(octets, Number);
    return octets.every((octet) => Number(octet) < 256) ? bytes : undefined;
  }
  if (!name.isUnder(IP6)) return undefined;
  const nibbles = name.labelsUnder(IP6).map(toText).reverse();
  const isWhole = nibbles.length === 32 && nibbles.every((nibble) => NIBBLE.test(nibble));
  return isWhole ? Uint8Array.from(Buffer.from(nibbles.join(""), "hex")) : undefined;
}

/** Two digits an octet, lower case. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Identifies a host by its address: an IPv4 address is one host, a whole IPv6 /64 may belong to one. */
export function sourceKey(address: string): string {
  if (isIPv4(address)) return address;
  return hexOf(addressOctets(address).subarray(0, 8));
}

/** Identifies the network of an address, which one administrator may well have: its /24 or /56. */
export function networkKey(address: string): string {
  const octets = addressOctets(address);
  return hexOf(octets.subarray(0, octets.length === 4 ? 3 : 7));
}

function toOctets(label: string): Uint8Array {
  return Buffer.from(label);
}

function toText(label: Uint8Array): string {
  return Buffer.from(label).toString("latin1");
}

const IN_ADDR = Name.parse("in-addr.arpa.");
const IP6 = Name.parse("ip6.arpa.");
const OCTET = /^(0|[1-9]\d{0,2})$/;
const NIBBLE = /^[\da-f]$/i;
