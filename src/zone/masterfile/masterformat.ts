/**
 * Writes master files (RFC 1035 §5, RFC 3597 §5), which `masterfile.ts`, BIND, Knot and NSD read as the
 * same records.
 */
import { Type, typeName } from "../../dns/constants.ts";
import { isKnownShape } from "../../dns/fields.ts";
import { compareNames, type Name } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import { formatRdata } from "../../dns/text.ts";
import { spellings } from "../../dns/words.ts";

/** The text that `parseMasterFile` and other servers read; the same sets always give the same text. */
export function formatMasterFile(sets: Iterable<RecordSet>, origin: Name): string {
  const sorted = [...sets].sort(compareSets);
  const format = new MasterFileFormat(origin, usualTtl(sorted));
  return [format.head, ...sorted.map((set) => format.set(set))].join("");
}

/** Formats sets, one after the other. */
export class MasterFileFormat {
  readonly head: string;
  readonly #ttl: number;
  readonly #format: (name: Name) => string;
  #owner: Name | undefined;

  constructor(origin: Name, ttl: number) {
    this.head = `$ORIGIN ${origin}\n$TTL ${ttl}\n`;
    this.#ttl = ttl;
    this.#format = (name) => formatName(name, origin);
  }

  /** A line for each record, with what `remark` returns for it as a comment. */
  set({ name, type, ttl, rdatas }: RecordSet, remark?: (rdata: Rdata) => string): string {
    const isAsBefore = this.#owner?.wire === name.wire;
    this.#owner = name;
    let owner = (isAsBefore ? "" : this.#format(name)).padEnd(COLUMN);
    const time = (ttl === this.#ttl ? "" : String(ttl)).padEnd(5);
    // Opaque data gets its type by number: Knot does not know NULL.
    const word = (isKnownShape(type) ? typeName(type) : `TYPE${type}`).padEnd(5);
    let lines = "";
    for (const rdata of rdatas.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
      const comment = remark?.(rdata) ?? "";
      const data = formatRdata(rdata, this.#format);
      lines += `${owner} ${time} IN ${word} ${data}${comment && ` ; ${comment}`}\n`;
      owner = "".padEnd(COLUMN);
    }
    return lines;
  }
}

/** Longer owners push the rest of their line to the right. */
const COLUMN = 32;

/** The SOA first, then in canonical order and ascending order of type. */
function compareSets(a: RecordSet, b: RecordSet): number {
  const isSoa = (set: RecordSet) => Number(set.type === Type.SOA);
  return isSoa(b) - isSoa(a) || compareNames(a.name, b.name) || a.type - b.type;
}

/** The most frequent TTL; of two equally frequent ones, the lower. */
export function usualTtl(sets: Iterable<RecordSet>): number {
  const counts = new Map<number, number>();
  for (const { ttl } of sets) counts.set(ttl, (counts.get(ttl) ?? 0) + 1);
  const [usual] = [...counts].sort(([a, m], [b, n]) => n - m || a - b);
  return usual?.[0] ?? 0;
}

/** Relative to the origin if it lies beneath it. */
function formatName(name: Name, origin: Name): string {
  if (name.equals(origin)) return "@";
  const isRelative = name.isUnder(origin);
  const labels = isRelative ? name.labelsUnder(origin) : name.labels;
  const text = labels.map(formatLabel).join(".");
  return isRelative ? text : `${text}.`;
}

function formatLabel(label: Uint8Array): string {
  let text = "";
  for (const octet of label) text += SPELLINGS[octet];
  return text;
}

/** Knot accepts letters, digits and `*-/_` as they are, everything else only after a backslash. */
const SPELLINGS = spellings("!\"#$%&'()+,.:;<=>?@[\\]^`{|}~", false);
