/** What links say and ask, written as master files relative to `local.`. */
import { LinkCache } from "../../src/collector/link/cache.ts";
import type { Policy } from "../../src/collector/projection/policy.ts";
import { RecordSets } from "../../src/collector/recordsets.ts";
import { Class, parseType, type Rcode } from "../../src/dns/constants.ts";
import { type Message, makeMessage, type Question } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import type { Rdata } from "../../src/dns/rdata.ts";
import { type RecordSet, type ResourceRecord, recordsOf } from "../../src/dns/record.ts";
import { LOCAL } from "../../src/dns/service.ts";
import type { Family } from "../../src/net/links/link.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import type { Update } from "../../src/zone/update/update.ts";
import { formatRecord } from "../support/formatrecord.ts";

/** Sets of the zone, written as a master file. */
export function setsOf(text: string): RecordSets {
  return RecordSets.of(parseMasterFile(`$TTL 10\n${text}`, { origin: ZONE, isPartial: true }));
}

/** Random numbers that are the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

/** Publishes all that may be published. */
export const OPEN: Policy = {
  ...{ rules: [], text: [], addresses: [], hosts: [] },
  networks: [4, 16].map((length) => ({ base: new Uint8Array(length), prefix: 0 })),
};

export const ZONE = Name.parse("z.example.");
export const local = (text: string): Name => Name.parse(text, LOCAL);
/** The top bit of a class: cache-flush in a record, QU in a question. */
export const TOP = 0x8000;

/** A record a line, TTL 120; a `!` in front sets the cache-flush bit. */
export function records(text: string): ResourceRecord[] {
  return linesOf(text).flatMap((line) => {
    const isUnique = line.startsWith("!");
    const sets = parseMasterFile(`$ORIGIN local.\n$TTL 120\n${line.replace(/^!/, "")}`, {
      origin: Name.root,
      isPartial: true,
    });
    return sets
      .flatMap(recordsOf)
      .map((record) => (isUnique ? { ...record, class: record.class | TOP } : record));
  });
}

export function response(text: string, fields: Partial<Message> = {}): Message {
  return makeMessage({
    isResponse: true,
    isAuthoritative: true,
    answers: records(text),
    ...fields,
  });
}

/** Questions as "_ipp._tcp PTR", one a line, with " QU" where a unicast response is wanted. */
export function query(text: string, known = "", fields: Partial<Message> = {}): Message {
  return makeMessage({
    questions: linesOf(text).map(question),
    answers: records(known),
    ...fields,
  });
}

/** A query, and how often its known answers have been looked at. */
export function watched(query: Message) {
  const watch = { looks: 0, query };
  const answers = query.answers.map((answer) =>
    Object.defineProperty({ ...answer }, "name", {
      get() {
        watch.looks++;
        return answer.name;
      },
    }),
  );
  watch.query = { ...query, answers };
  return watch;
}

function question(line: string): Question {
  const [owner, type, isUnicast] = line.split(" ");
  const klass = isUnicast === "QU" ? Class.IN | TOP : Class.IN;
  return { name: local(owner!), type: parseType(type!)!, class: klass };
}

export const HOST = "10.0.0.9";
export const from = (source = HOST, family: Family = 4) => ({ source, family });

/** A cache that heard these records at time 0. */
export function cacheOf(text = "", limit?: number): LinkCache {
  const cache = new LinkCache({
    random: () => 0.5,
    disputed: () => {},
    ...(limit !== undefined && { limit }),
  });
  if (text !== "") cache.receive(response(text), from(), 0);
  return cache;
}

/** The data of each record that a cache holds of a name and type. */
export function held(cache: LinkCache, owner: string, type: string): string[] {
  const set = cache.set(local(owner).key, parseType(type)!);
  if (set === undefined) return [];
  return [...set.records.values()].map(({ rdata }) => dataOf({ ...set, ttl: 0, rdatas: [rdata] }));
}

/** Runs a cache up to `now`. */
export function pass(cache: LinkCache, now: number): void {
  for (let due = cache.due(); due !== undefined && due <= now; due = cache.due()) cache.poll(due);
}

/** A service with all it needs; names without a dot at the end are relative to `.local`. */
export function service(instance: string, type: string, host: string, address: string): string {
  const escaped = instance.replace(/[.\\"();@$ ]/g, (c) => (c === " " ? "\\032" : `\\${c}`));
  return `
    ${type} 4500 PTR ${escaped}.${type}
    !${escaped}.${type} SRV 0 0 631 ${host}
    !${escaped}.${type} 4500 TXT "txtvers=1"
    !${host} A ${address}`;
}

/** A line for each record, sorted. */
export function lines(sets: Iterable<RecordSet>): string[] {
  return [...sets].flatMap((set) => formatRecord(set).split("\n").map(tidy)).sort();
}

/** The expected lines, in the same form. */
export function expected(text: string): string[] {
  return linesOf(text).map(tidy).sort();
}

/** What an update makes of the sets of a zone (RFC 2136 §3.4.2), as far as reconcilers need it. */
export function applied(sets: RecordSets, update: Update): RecordSets {
  const result = RecordSets.of(sets);
  for (const { name, type, class: klass, ttl, rdata } of update.updates) {
    const before = result.get(name.key, type);
    const isKept = (other: Rdata) => klass !== Class.ANY && !other.equals(rdata);
    const others = before?.rdatas.filter(isKept) ?? [];
    if (klass === Class.IN) result.put({ name, type, ttl, rdatas: [...others, rdata] });
    else if (before !== undefined) result.put({ ...before, rdatas: others });
  }
  return result;
}

export type Publisher = (update: Update) => Promise<Rcode>;

function dataOf(set: RecordSet): string {
  return tidy(formatRecord(set)).split(" ").slice(4).join(" ");
}

function tidy(line: string): string {
  return line.trim().replace(/\s+/g, " ");
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
