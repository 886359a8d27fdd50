/**
 * What the zone has and what each link says, record by record, as lines for a terminal. Pure; text that
 * strangers choose is escaped.
 */
import { refusalOf } from "../../collector/report/refusals.ts";
import { Type, typeName } from "../../dns/constants.ts";
import { labelToUnicode, type Name } from "../../dns/name.ts";
import { type Rdata, targetOf } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import { formatRdata } from "../../dns/text.ts";
import { COLLECTOR } from "../../gateway/publishing.ts";
import { FILE, FOREVER, type Hold, kindOfHolder } from "../../zone/update/hold.ts";
import { REQUESTER } from "../../zone/update/principal.ts";
import type { ZoneRecord } from "../../zone/update/recordmap.ts";
import { type Ear, speakersFor } from "./hearing.ts";
import { kindOf, type Subject } from "./subject.ts";
import type { ZoneWord } from "./zoneword.ts";

export interface ZoneAccount {
  readonly zone: Name;
  /** The server that was asked. */
  readonly server: string;
  readonly word: ZoneWord;
  /** Who holds a record, and until when; undefined where the journal is elsewhere. */
  readonly holds?: ((record: ZoneRecord) => readonly Hold[]) | undefined;
  readonly now: number;
}

export function zoneLines({ zone, server, word, holds, now }: ZoneAccount): string[] {
  const { sets, names, trouble } = word;
  const lines = [`In ${zone.toUnicode()}, by ${server}:`];
  for (const name of names) {
    const here = [...sets].filter((set) => set.name.equals(name)).sort(byType);
    // A missing answer does not mean that there is nothing.
    if (here.length === 0 && trouble !== undefined) continue;
    lines.push(here.length === 0 ? `  ${name.toUnicode()}: nothing` : `  ${name.toUnicode()}`);
    for (const { type, ttl, rdatas } of here) {
      lines.push(...rdatas.map((rdata) => recordLine(ttl, type, rdata)));
    }
    const lists = [...sets].filter((set) => set.type === Type.PTR && leadsTo(set, name));
    if (here.length === 0) continue;
    if (lists.length > 0 || (kindOf(name) === "service" && trouble === undefined)) {
      const all = lists.map((list) => list.name.toUnicode()).join(", ");
      lines.push(`    listed by ${all || "none"}`);
    }
    if (holds === undefined) continue;
    const all = here.flatMap(({ rdatas }) => rdatas.flatMap((rdata) => holds({ name, rdata })));
    lines.push(`    held by ${holdersOf(all, now)}`);
  }
  if (trouble !== undefined) lines.push(`  not known: ${trouble}`);
  return lines;
}

export function linkLines({ link, site, cache }: Ear, { locals }: Subject): string[] {
  const head = `On ${link}, site ${labelToUnicode(site.domain.labels[0]!)}:`;
  const lines = locals.flatMap((local) =>
    namesFrom({ cache }, local).flatMap((name) => nameLines({ site, cache }, name)),
  );
  return [head, ...(lines.length > 0 ? lines : [`  no host announces ${locals[0]!.toUnicode()}`])];
}

function nameLines({ site, cache }: Pick<Ear, "site" | "cache">, name: Name): string[] {
  const lines: string[] = [];
  const sets = [...(cache.at(name.key)?.sets.values() ?? [])].sort(byType);
  for (const set of sets) {
    // Every host sends NSEC, to say what does not exist (RFC 6762 §6.1).
    if (set.type === Type.NSEC) continue;
    const refusal = refusalOf(site, set);
    for (const { rdata, ttl, speaker } of set.records.values()) {
      const remark = refusal === undefined ? "" : `; ${refusal}`;
      lines.push(`${recordLine(ttl, set.type, rdata)}  from ${speaker}${remark}`);
    }
  }
  const speakers = kindOf(name) === "service" ? speakersFor(cache, name) : [];
  if (speakers.length > 0) {
    lines.push(`    listed by ${name.parent!.toUnicode()}  from ${speakers.join(", ")}`);
  }
  return lines.length > 0 ? [`  ${name.toUnicode()}`, ...lines] : [];
}

/** A name of the link, and the host names that it leads to. */
export function namesFrom({ cache }: Pick<Ear, "cache">, local: Name): Name[] {
  const names = [local];
  for (const name of names) {
    for (const type of [Type.SRV, Type.CNAME]) {
      for (const { rdata } of cache.set(name.key, type)?.records.values() ?? []) {
        const target = targetOf(rdata)!;
        const isNew = !names.some((each) => each.equals(target));
        if (isNew && names.length < MAX_NAMES) names.push(target);
      }
    }
  }
  return names;
}

export function leadsTo({ rdatas }: Pick<RecordSet, "rdatas">, name: Name): boolean {
  return rdatas.some((rdata) => targetOf(rdata)?.equals(name));
}

/** Each holder once, with the latest expiry of what it holds here. */
function holdersOf(holds: readonly Hold[], now: number): string {
  if (holds.length === 0) return "nobody: it was asked for on demand, or has gone since";
  const ends = new Map<string, number>();
  for (const { by, expires } of holds) ends.set(by, Math.max(ends.get(by) ?? 0, expires));
  return [...ends]
    .map(([by, end]) => {
      const seconds = Math.max(0, Math.ceil((end - now) / 1000));
      return end === FOREVER ? holderText(by) : `${holderText(by)} for ${seconds} s more`;
    })
    .join(", ");
}

function holderText(by: string): string {
  if (by === FILE) return "a zone file";
  if (kindOfHolder(by) === REQUESTER) return "a device that has registered itself";
  return by === COLLECTOR ? "the collector here" : `the key ${by}`;
}

function recordLine(ttl: number, type: number, rdata: Rdata): string {
  const text = formatRdata(rdata, (name) => name.toUnicode());
  const data =
    text.length > MAX_TEXT
      ? `${text.slice(0, MAX_TEXT)}… ${rdata.wire.length} octets in all`
      : text;
  return `${String(ttl).padStart(8)} s  ${typeName(type).padEnd(5)} ${data}`;
}

function byType(a: { readonly type: number }, b: { readonly type: number }): number {
  return a.type - b.type;
}

/** A host may have many names, and anybody may claim so. */
const MAX_NAMES = 20;
/** Characters printed of one record. */
const MAX_TEXT = 300;
