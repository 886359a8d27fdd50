/**
 * A domain name: labels of bytes (RFC 1034 §3.1, RFC 2181 §11), never text. Text is one way to
 * print it (`toString`, RFC 1035 §5.1 escapes) and one way to write it (`Name.parse`).
 *
 * Invariant: at most 63 octets a label and 255 octets in all (RFC 1035 §2.3.4), counted in wire
 * form with the length octets and the root. Labels keep the case they came with; only `key` folds
 * ASCII case (RFC 4343 §3), so `key` is what maps are keyed by and what names are compared by.
 */
import { FormatError } from "./format.ts";
import { octetsOf, spellings } from "./words.ts";

declare const nameKey: unique symbol;

/**
 * A name as a map key: labels root-first, each preceded by its length octet, ASCII letters folded,
 * one UTF-16 unit an octet. So `a.startsWith(b)` means that `a` is `b` or beneath it, and sorting
 * keys keeps every subtree together.
 */
export type NameKey = string & { readonly [nameKey]: true };

const MAX_LABEL = 63;
const MAX_NAME = 255;

export class Name {
  static readonly root = new Name("\0");

  /**
   * The octets of the uncompressed wire form, the root's included, one UTF-16 unit each: equal only
   * for the same octets. The `wire` of every name above this one is a suffix of it.
   */
  readonly wire: string;
  #key: NameKey | undefined;

  private constructor(wire: string) {
    this.wire = wire;
  }

  /** A name of these labels, leaf first. Throws FormatError if a limit of RFC 1035 §2.3.4 is exceeded. */
  static of(labels: readonly Uint8Array[]): Name {
    let length = 0;
    for (const label of labels) {
      if (label.length === 0) throw new FormatError("a label is empty");
      if (label.length > MAX_LABEL) {
        throw new FormatError(
          `a label has ${label.length} octets, at most ${MAX_LABEL} are allowed`,
        );
      }
      if (length + label.length + 2 > MAX_NAME) {
        throw new FormatError(`a name has more than ${MAX_NAME} octets`);
      }
      scratch[length] = label.length;
      scratch.set(label, length + 1);
      length += 1 + label.length;
    }
    scratch[length] = 0;
    return Name.ofWire(scratch.toString("latin1", 0, length + 1));
  }

  /** A name of uncompressed octets whose labels the caller has found to be well-formed. */
  static ofWire(wire: string): Name {
    if (wire.length > MAX_NAME) {
      throw new FormatError(`a name has ${wire.length} octets, at most ${MAX_NAME} are allowed`);
    }
    return wire.length === 1 ? Name.root : new Name(wire);
  }

  /**
   * Parses text: dots separate labels, `\X` is X itself, `\DDD` the octet of that decimal value,
   * anything else its UTF-8 octets (RFC 1035 §5.1). A name without a final dot is relative to
   * `origin`.
   */
  static parse(text: string, origin: Name = Name.root): Name {
    if (text === "@") return origin;
    if (text === ".") return Name.root;
    if (text === "") throw new FormatError("a name is empty");
    const labels: Uint8Array[] = [];
    let label: number[] = [];
    for (const octet of octetsOf(text)) {
      if (octet !== DOT) {
        label.push(octet);
        continue;
      }
      if (label.length === 0) throw new FormatError(`empty label in "${text}"`);
      labels.push(Uint8Array.from(label));
      label = [];
    }
    const isAbsolute = label.length === 0;
    if (!isAbsolute) labels.push(Uint8Array.from(label));
    return Name.of(isAbsolute ? labels : [...labels, ...origin.labels]);
  }

  /** Leaf first, without the root's empty label. Not cached: there are many names, and few are asked. */
  get labels(): readonly Uint8Array[] {
    const octets = new Uint8Array(this.wire.length);
    for (let i = 0; i < octets.length; i++) octets[i] = this.wire.charCodeAt(i);
    return startsOf(this.wire).map((at) => octets.subarray(at + 1, at + 1 + octets[at]!));
  }

  /** Octets in uncompressed wire form, 1 for the root. */
  get wireLength(): number {
    return this.wire.length;
  }

  get key(): NameKey {
    this.#key ??= keyOf(this.wire);
    return this.#key;
  }

  get isRoot(): boolean {
    return this.wire.length === 1;
  }

  /** The same name, ASCII case aside (RFC 4343 §3). */
  equals(other: Name): boolean {
    return this.wire === other.wire || this.key === other.key;
  }

  /** True for `ancestor` itself and for every name beneath it. */
  isUnder(ancestor: Name): boolean {
    return this.key.startsWith(ancestor.key);
  }

  /** The name without its first label, undefined for the root. */
  get parent(): Name | undefined {
    return this.isRoot ? undefined : Name.ofWire(this.wire.slice(1 + this.wire.charCodeAt(0)));
  }

  /** The key of the parent, without making the parent; the root has none. */
  get parentKey(): NameKey {
    return this.key.slice(0, -1 - this.wire.charCodeAt(0)) as NameKey;
  }

  /** True if the first label is an asterisk (RFC 4592 §2.1.1). */
  get isWildcard(): boolean {
    return this.wire.startsWith("\x01*");
  }

  /** With every ASCII letter in lower case. */
  toLowerCase(): Name {
    const wire = foldText(this.wire);
    return wire === this.wire ? this : new Name(wire);
  }

  /** This name with `label` in front, or undefined if that would exceed 255 octets. */
  child(label: Uint8Array | string): Name | undefined {
    return Name.join([typeof label === "string" ? Buffer.from(label) : label], this);
  }

  /** These labels in front of `suffix`, or undefined if that would exceed 255 octets. */
  static join(labels: readonly Uint8Array[], suffix: Name): Name | undefined {
    let length = suffix.wireLength;
    for (const label of labels) length += label.length + 1;
    if (length > MAX_NAME) return undefined;
    return new Name(Name.of(labels).wire.slice(0, -1) + suffix.wire);
  }

  /** The labels in front of `ancestor`, which this name must be under. */
  labelsUnder(ancestor: Name): readonly Uint8Array[] {
    return this.labels.slice(0, this.labels.length - ancestor.labels.length);
  }

  /**
   * This name moved from beneath `from` to beneath `to`; itself if it is not under `from`; undefined if
   * the result would exceed 255 octets.
   */
  replaceSuffix(from: Name, to: Name): Name | undefined {
    if (!this.isUnder(from)) return this;
    const wire = this.wire.slice(0, this.wire.length - from.wire.length) + to.wire;
    return wire.length > MAX_NAME ? undefined : new Name(wire);
  }

  /** Absolute, with RFC 1035 §5.1 escapes: printable ASCII stands for itself, the rest as `\DDD`. */
  toString(): string {
    return this.isRoot ? "." : formatWire(this.wire);
  }

  /**
   * For people: as `toString`, but valid UTF-8 stays readable and a space is a space. Control
   * characters stay escaped, so that a terminal is never driven by a name. Not for parsing.
   */
  toUnicode(): string {
    return this.isRoot ? "." : this.labels.map((label) => `${labelToUnicode(label)}.`).join("");
  }

  toJSON(): string {
    return this.toString();
  }
}

/** The labels folded, from the last to the first. */
function keyOf(wire: string): NameKey {
  const end = wire.length - 1;
  let place = end;
  for (let at = 0; at < end; ) {
    const next = at + 1 + wire.charCodeAt(at);
    place -= next - at;
    for (let to = place; at < next; at++) scratch[to++] = fold(wire.charCodeAt(at));
  }
  return scratch.toString("latin1", 0, end) as NameKey;
}

/** Canonical order of RFC 4034 §6.1. */
export function compareNames(a: Name, b: Name): number {
  const left = startsOf(a.wire);
  const right = startsOf(b.wire);
  while (left.length > 0 && right.length > 0) {
    const order = compareLabels(a.wire, left.pop()!, b.wire, right.pop()!);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** The longest of these origins that the name equals or is beneath. */
export function closestTo(name: Name, origins: Iterable<Name>): Name | undefined {
  return [...origins]
    .filter((origin) => name.isUnder(origin))
    .sort((a, b) => b.wireLength - a.wireLength)[0];
}

/**
 * A string that sorts as `compareNames` orders names, but several times faster: labels from the root,
 * each followed by what is below every octet.
 */
export function rankOf({ key }: Name): string {
  let rank = "";
  for (let at = 0; at < key.length; ) {
    const end = at + 1 + key.charCodeAt(at);
    rank += `${key.slice(at + 1, end).replace(LOWEST, "\x01$&")}\0`;
    at = end;
  }
  return rank;
}

/** The octets that would be mistaken for the end of a label, or for their escape. */
const LOWEST = /[\0\x01]/g;

/** Compares the labels at these places as octets, ASCII case aside. */
function compareLabels(a: string, left: number, b: string, right: number): number {
  const [leftEnd, rightEnd] = [left + a.charCodeAt(left), right + b.charCodeAt(right)];
  while (left < leftEnd && right < rightEnd) {
    const order = fold(a.charCodeAt(++left)) - fold(b.charCodeAt(++right));
    if (order !== 0) return order;
  }
  return leftEnd - left - (rightEnd - right);
}

/** Where the labels of a name in wire form start: at their length octets, leaf first. */
function startsOf(wire: string): number[] {
  const starts: number[] = [];
  for (let at = 0; at < wire.length - 1; at += 1 + wire.charCodeAt(at)) starts.push(at);
  return starts;
}

/** A length octet is at most 63, so it is never mistaken for a letter. */
function foldText(text: string): string {
  return UPPER_CASE.test(text) ? text.replace(/[A-Z]+/g, (part) => part.toLowerCase()) : text;
}

/** ASCII upper case to lower case; every other octet is itself (RFC 4343 §3). */
export function fold(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

/** One label as people read it: UTF-8 kept, control characters, dots and backslashes escaped. */
export function labelToUnicode(label: Uint8Array): string {
  let text: string;
  try {
    text = utf8.decode(label);
  } catch {
    return escapeLabel(label);
  }
  return text.replace(UNREADABLE, (c) =>
    c === "." || c === "\\"
      ? `\\${c}`
      : [...Buffer.from(c)].map((byte) => `\\${String(byte).padStart(3, "0")}`).join(""),
  );
}

/** The same for a label that stands alone, with dots and backslashes unescaped: "Dr. Smith". */
export function textOfLabel(label: Uint8Array): string {
  return labelToUnicode(label).replace(/\\([.\\])/g, "$1");
}

function formatWire(wire: string): string {
  let text = "";
  for (const at of startsOf(wire)) {
    const end = at + wire.charCodeAt(at);
    for (let i = at + 1; i <= end; i++) text += ESCAPED_OCTETS[wire.charCodeAt(i)];
    text += ".";
  }
  return text;
}

function escapeLabel(label: Uint8Array): string {
  let text = "";
  for (const octet of label) text += ESCAPED_OCTETS[octet];
  return text;
}

const DOT = 0x2e;
/** `. \ " ( ) ; @ $`: what has a meaning in a master file (RFC 1035 §5.1). */
const ESCAPED_OCTETS = spellings('.\\"();@$', false);
/** Controls, line and paragraph separators, and the marks that change the direction of text. */
const UNREADABLE = /[.\\\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
/** Names are assembled here. */
const scratch = Buffer.alloc(MAX_NAME);
const UPPER_CASE = /[A-Z]/;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
