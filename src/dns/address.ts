/** IP addresses, text to octets and back. */
import { isIPv4, isIPv6 } from "node:net";
import { FormatError } from "./format.ts";

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
