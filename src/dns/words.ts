/**
 * The words of master files (RFC 1035 §5.1) and their escapes: `\DDD` is the octet of that decimal
 * value, `\X` is X without its special meaning. Both names and character strings are written so.
 */
import { FormatError } from "./format.ts";

/** A word of a master file, as its tokenizer found it. */
export interface Token {
  /**
   * With its escapes, but without the quotes if the whole word was quoted; in `alpn="h2,h3"` they are
   * part of the word.
   */
  readonly text: string;
  readonly isQuoted: boolean;
}

/** Set by `octetsOf` on an octet that was written with an escape. */
const ESCAPED = 0x100;

/** The octets of text, in UTF-8 where it is not ASCII; escaped ones carry `ESCAPED`. */
export function octetsOf(text: string): number[] {
  const bytes = Buffer.from(text, "utf8");
  const octets: number[] = [];
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== BACKSLASH) {
      octets.push(bytes[at]!);
      continue;
    }
    const digits = bytes.toString("latin1", at + 1, at + 4);
    if (/^\d{3}$/.test(digits)) {
      if (Number(digits) > 255) throw new FormatError(`\\${digits} in "${text}" is more than 255`);
      octets.push(Number(digits) | ESCAPED);
      at += 3;
    } else if (digits === "" || /^\d/.test(digits)) {
      throw new FormatError(`unfinished escape in "${text}"`);
    } else {
      octets.push(bytes[++at]! | ESCAPED);
    }
  }
  return octets;
}

/** `text` without its escapes. */
export function unescapeOctets(text: string): Uint8Array {
  return Uint8Array.from(octetsOf(text), (octet) => octet & 0xff);
}

/**
 * How each of the 256 octets is written: printable ASCII as itself, `special` characters after a
 * backslash, the rest as `\DDD`; a space is written as itself only inside quotes.
 */
export function spellings(special: string, isSpacePlain: boolean): readonly string[] {
  return Array.from({ length: 256 }, (_, octet) => {
    const character = String.fromCharCode(octet);
    if (special.includes(character)) return `\\${character}`;
    const isPlain = (octet > 0x20 && octet < 0x7f) || (octet === 0x20 && isSpacePlain);
    return isPlain ? character : `\\${String(octet).padStart(3, "0")}`;
  });
}

/** A <character-string> in quotes. */
export function formatString(bytes: Uint8Array): string {
  let text = "";
  for (const octet of bytes) text += QUOTED[octet];
  return `"${text}"`;
}

/** A number of at most `most`. */
export function parseNumber(text: string, most: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
  if (number > most) throw new FormatError(`"${text}" is not a number of at most ${most}`);
  return number;
}

export function parseHex(text: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/i.test(text)) throw new FormatError(`"${text}" is not hexadecimal`);
  return Uint8Array.from(Buffer.from(text, "hex"));
}

export function parseBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new FormatError(`"${text}" is not base64`);
  }
  return Uint8Array.from(Buffer.from(text, "base64"));
}

const BACKSLASH = 0x5c;
const QUOTED = spellings('"\\', true);
