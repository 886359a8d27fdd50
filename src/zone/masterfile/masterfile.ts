/**
 * Reads master files (RFC 1035 §5, RFC 2308 §4, RFC 3597 §5), as written by people or by
 * `masterformat.ts`.
 *
 * A mistake is reported as "file:line: what, expected what", and reading continues after it, so that one
 * run finds all of them.
 */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import {
  Class,
  className,
  isDataType,
  parseClass,
  parseType,
  Type,
  typeName,
} from "../../dns/constants.ts";
import { FormatError } from "../../dns/format.ts";
import { Name } from "../../dns/name.ts";
import { type Rdata, soaOf } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import { isSig0 } from "../../dns/sig0.ts";
import { parseRdataText, parseSeconds } from "../../dns/text.ts";
import type { Token } from "../../dns/words.ts";
import { RECORD_OCTETS } from "../update/setsize.ts";
import { dataOctets } from "../update/weight.ts";
import { readEntries } from "./masterentries.ts";
import { checkZone, type PlacedRecord } from "./zonecheck.ts";

export interface MasterFileOptions {
  readonly origin: Name;
  /** Its path, for messages; $INCLUDE is relative to it. */
  readonly file?: string;
  /** Returns the text of another file; without it, $INCLUDE is refused. */
  readonly include?: (path: string) => string;
  /** The records will be added to others: SOA and NS may be missing. */
  readonly isPartial?: boolean;
  /** Called for what is odd but can be served. */
  readonly warn?: (warning: string) => void;
}

/** Throws a FormatError with a line for each mistake. */
export function parseMasterFile(text: string, options: MasterFileOptions): RecordSet[] {
  const parser = new Parser(options);
  parser.read(text, options.file ?? UNNAMED, options.origin, []);
  return parser.finish();
}

export type FileOptions = Pick<MasterFileOptions, "isPartial" | "warn">;

export async function readMasterFile(
  path: string,
  origin: Name,
  options: FileOptions = {},
): Promise<RecordSet[]> {
  const text = decodeText(await readFile(path), path);
  const include = (other: string) => decodeText(readFileSync(other), other);
  return parseMasterFile(text, { ...options, origin, file: path, include });
}

/** How deep inclusions may nest. */
const MAX_DEPTH = 10;
/** Mistakes reported at a time. */
const MAX_MISTAKES = 20;

/** A no-break space, a space without width, a mark of byte order: as web pages and word processors have them. */
const UNSEEN = /[\u00a0\u200b\ufeff]/g;
/** Between the words of a name they may be meant. */
const UNSEEN_AT_END = /^[\u00a0\u200b\ufeff]|[\u00a0\u200b\ufeff]$/;

function oddWordOf(words: readonly Token[], pattern: RegExp): string[] {
  const word = words.find(({ text, isQuoted }) => !isQuoted && text.search(pattern) >= 0);
  const seen = word?.text.replace(UNSEEN, "·");
  if (seen === undefined) return [];
  return [`the mark at each · of "${seen}" is part of the word, neither a blank nor a tab`];
}

class Parser {
  readonly #options: MasterFileOptions;
  readonly #records: PlacedRecord[] = [];
  readonly #mistakes: string[] = [];
  readonly #oddities: string[] = [];
  #usualTtl: number | undefined;
  #lastTtl: number | undefined;
  #minimum: number | undefined;

  constructor(options: MasterFileOptions) {
    this.#options = options;
  }

  /** `above` are the files that include this one. */
  read(text: string, file: string, origin: Name, above: readonly string[]): void {
    let owner: Name | undefined;
    let current = origin;
    for (const entry of readEntries(text)) {
      const place = `${file}:${entry.line}`;
      try {
        if (entry.mistake !== undefined) throw new FormatError(entry.mistake);
        const [first, ...words] = entry.words;
        if (!entry.isIndented && first!.text.startsWith("$") && !first!.isQuoted) {
          current = this.#direct(first!.text, words, current, [...above, file]);
        } else {
          if (!entry.isIndented) owner = Name.parse(first!.text, current);
          this.#record(owner, entry.isIndented ? entry.words : words, current, place);
        }
        const odd = oddWordOf(entry.words, UNSEEN_AT_END);
        this.#oddities.push(...odd.map((each) => `${place}: ${each}`));
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        const odd = entry.mistake === undefined ? oddWordOf(entry.words, UNSEEN) : [];
        this.#mistakes.push(`${place}: ${[error.message, ...odd].join("; ")}`);
      }
    }
  }

  finish(): RecordSet[] {
    const { origin, file = UNNAMED, isPartial = false, warn = () => {} } = this.#options;
    const { sets, mistakes, warnings } = checkZone(this.#records, origin, isPartial);
    for (const { place = file, what } of mistakes) this.#mistakes.push(`${place}: ${what}`);
    const more = this.#mistakes.length - MAX_MISTAKES;
    if (more > 0) this.#mistakes.splice(MAX_MISTAKES, more, `${file}: and ${more} more`);
    if (this.#mistakes.length > 0) throw new FormatError(this.#mistakes.join("\n"));
    for (const oddity of this.#oddities) warn(oddity);
    for (const { place = file, what } of warnings) warn(`${place}: ${what}`);
    return sets;
  }

  /** Executes $ORIGIN, $TTL or $INCLUDE; returns the origin from here on. */
  #direct(
    directive: string,
    words: readonly Token[],
    origin: Name,
    files: readonly string[],
  ): Name {
    const [word, ...more] = words.map(({ text }) => text);
    const wanted = DIRECTIVES.get(directive.toUpperCase());
    if (wanted === undefined) {
      throw new FormatError(`${directive} is not known, expected $ORIGIN, $TTL or $INCLUDE`);
    }
    if (word === undefined || more.length > wanted.most) {
      throw new FormatError(`${directive} with ${words.length} words, expected ${wanted.what}`);
    }
    switch (directive.toUpperCase()) {
      case "$ORIGIN":
        return Name.parse(word, origin);
      case "$TTL":
        this.#usualTtl = parseTtl(word);
        return origin;
      default:
        this.#include(word, more[0] === undefined ? origin : Name.parse(more[0], origin), files);
        return origin;
    }
  }

  /** Origin and owner of the including file are unchanged afterwards (RFC 1035 §5.1). */
  #include(word: string, origin: Name, files: readonly string[]): void {
    const { include } = this.#options;
    const path = resolve(dirname(files.at(-1)!), word);
    if (include === undefined) throw new FormatError("$INCLUDE is not read here, expected records");
    if (files.length > MAX_DEPTH || files.includes(path)) {
      throw new FormatError(`${path} includes itself, or ${MAX_DEPTH} files do in turn`);
    }
    let text: string;
    try {
      text = include(path);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new FormatError(`${path} cannot be read (${code ?? message}), expected a file`);
    }
    this.read(text, path, origin, files);
  }

  /** [ttl] [class] type data, the first two in either order. */
  #record(name: Name | undefined, rest: readonly Token[], origin: Name, place: string): void {
    if (name === undefined) throw new FormatError("the first record has no owner, expected a name");
    const words = [...rest];
    let ttl: number | undefined;
    let klass: number | undefined;
    for (let word = words[0]?.text; word !== undefined; word = words[0]?.text) {
      if (ttl === undefined && /^\d/.test(word)) ttl = parseTtl(word);
      else if (klass === undefined && parseClass(word) !== undefined) klass = parseClass(word);
      else break;
      words.shift();
    }
    const type = parseDataType(words.shift()?.text);
    if (klass !== undefined && klass !== Class.IN) {
      throw new FormatError(`a record of class ${className(klass)}, expected IN`);
    }
    if (!name.isUnder(this.#options.origin)) {
      throw new FormatError(
        `${name} is not in the zone, expected a name under ${this.#options.origin}`,
      );
    }
    const rdata = parseRdataText(type, words, origin);
    checkMergeable(name, rdata);
    if (type === Type.SOA) this.#minimum = soaOf(rdata).minimum;
    this.#lastTtl = ttl ?? this.#lastTtl;
    // RFC 2308 §4, RFC 1035 §5.1; without either, as BIND does.
    const given = ttl ?? this.#usualTtl ?? this.#lastTtl ?? this.#minimum;
    if (given === undefined) throw new FormatError("no TTL, expected one here or $TTL above");
    this.#records.push({ place, name, type, ttl: given, rdata });
  }
}

/** No update may add these, and a file that changes is merged by an update. */
function checkMergeable(name: Name, rdata: Rdata): void {
  const { type } = rdata;
  const octets = dataOctets(rdata);
  if (octets > RECORD_OCTETS) {
    throw new FormatError(
      `${typeName(type)} of ${name} with ${octets} octets of data, expected at most ${RECORD_OCTETS}`,
    );
  }
  if (isSig0({ type, rdata })) {
    throw new FormatError("a SIG of type 0 signs a message (RFC 2931), and is no data");
  }
}

function parseDataType(word: string | undefined): number {
  if (word === undefined) throw new FormatError("the record ends early, expected a type and data");
  const type = parseType(word);
  if (type === undefined) {
    throw new FormatError(
      `"${word}" is not a known type, expected one such as PTR, or one by number: TYPE65280 \\# 2 abcd`,
    );
  }
  if (!isDataType(type)) throw new FormatError(`${typeName(type)} is not a type of data`);
  return type;
}

/** RFC 2181 §8. */
function parseTtl(word: string): number {
  const ttl = parseSeconds(word);
  if (ttl > MAX_TTL) throw new FormatError(`TTL ${word}, expected at most ${MAX_TTL}`);
  return ttl;
}

function decodeText(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FormatError(`${path}: not UTF-8, expected octets above 127 as \\DDD`);
  }
}

const UNNAMED = "zone file";
const MAX_TTL = 2 ** 31 - 1;
const DIRECTIVES = new Map([
  ["$ORIGIN", { most: 0, what: "a name" }],
  ["$TTL", { most: 0, what: "a time" }],
  ["$INCLUDE", { most: 1, what: "a file, or a file and an origin" }],
]);
