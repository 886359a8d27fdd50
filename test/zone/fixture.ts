/** Zones and answers, written as master files. */
import assert from "node:assert/strict";
import type { Clock } from "../../src/clock.ts";
import { Class, parseType, type Rcode, rcodeName } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { Rdata } from "../../src/dns/rdata.ts";
import { type RecordSet, type ResourceRecord, recordsOf } from "../../src/dns/record.ts";
import { lookup } from "../../src/zone/lookup/lookup.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { Snapshot } from "../../src/zone/snapshot.ts";
import { operatorPrincipal, type Principal } from "../../src/zone/update/principal.ts";
import type { Update } from "../../src/zone/update/update.ts";
import { Zone, type ZoneOptions } from "../../src/zone/zone.ts";
import { FakeClock } from "../support/clock.ts";
import { formatRecord } from "../support/formatrecord.ts";

export const origin = Name.parse("z.example.");
export const name = (text: string): Name => Name.parse(text, origin);

/** Serial 1, negative TTL 10. */
export const SOA = "@ 3600 SOA ns.example. hostmaster.example. 1 7200 3600 86400 10";
const APEX = `$TTL 60\n${SOA}\n@ 3600 NS ns.example.\n`;

/** The sets of a zone with a SOA and an NS besides `text`, TTL 60. */
export function setsOf(text: string): RecordSet[] {
  return parseMasterFile(APEX + outdent(text), { origin });
}

export function snapshotOf(text: string): Snapshot {
  return Snapshot.of(origin, setsOf(text));
}

export function zoneOf(text: string, options: Partial<ZoneOptions> & { clock?: Clock } = {}): Zone {
  return new Zone({ origin, records: setsOf(text), clock: new FakeClock(), ...options });
}

/** The sets of a few lines, TTL 60. */
export function sets(text: string): RecordSet[] {
  return parseMasterFile(`$TTL 60\n${outdent(text)}`, { origin, isPartial: true });
}

/** Removes the indentation of cases, in which every line has its owner. */
function outdent(text: string): string {
  return text.replace(/^[ \t]+/gm, "");
}

/** A line for each record, sorted. */
export function lines(sets: Iterable<RecordSet>): string[] {
  return [...sets].flatMap((set) => formatRecord(set).split("\n")).sort();
}

//---- Questions ----

/** A question as "name TYPE", and what its answer must be; sections left out must be empty. */
export interface Case {
  readonly ask: string;
  /** NOERROR if not given. */
  readonly rcode?: keyof typeof Rcode;
  readonly answer?: string;
  readonly authority?: string;
  readonly additional?: string;
  /** True if not given. */
  readonly isAuthoritative?: boolean;
}

/** What follows a negative answer: the SOA with the negative TTL. */
export const DENIAL = SOA.replace("3600", "10");

export function ask(snapshot: Snapshot, question: string) {
  const [owner, type] = question.split(" ") as [string, string];
  return lookup(snapshot, { name: name(owner), type: parseType(type)!, class: Class.IN });
}

export function expectAnswer(snapshot: Snapshot, expected: Case): void {
  const found = ask(snapshot, expected.ask);
  const { rcode = "NOERROR", answer = "", authority = "", additional = "" } = expected;
  assert.deepEqual(
    {
      rcode: rcodeName(found.rcode),
      answer: lines(found.answers),
      authority: lines(found.authorities),
      additional: lines(found.additionals),
      isAuthoritative: found.isAuthoritative,
    },
    {
      rcode,
      answer: lines(sets(answer)),
      authority: lines(sets(authority)),
      additional: lines(sets(additional)),
      isAuthoritative: expected.isAuthoritative ?? true,
    },
    expected.ask,
  );
}

//---- Updates ----

export function principal(name = "test", fields: Partial<Principal> = {}): Principal {
  return { name, permits: () => true, ...fields };
}

export const operator = operatorPrincipal("operator");

/**
 * An update as people would type it: `+ record` adds, `- record` removes one, `- name TYPE` removes a
 * set and `- name ANY` a name.
 */
export function updateOf(text: string, fields: Partial<Update> = {}): Update {
  const updates = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .flatMap((line) => stepOf(line));
  return { zone: origin, prerequisites: [], updates, ...fields };
}

function stepOf(line: string): ResourceRecord[] {
  const text = line.slice(1).trim();
  if (line.startsWith("+")) return sets(text).flatMap(recordsOf);
  const words = text.split(/\s+/);
  if (words.length === 2) return [emptyRecord(words[0]!, words[1]!, Class.ANY)];
  return sets(text)
    .flatMap(recordsOf)
    .map((record) => ({ ...record, class: Class.NONE, ttl: 0 }));
}

/** A record without data, as prerequisites and removals have it. */
export function emptyRecord(owner: string, type: string, klass: number): ResourceRecord {
  const number = parseType(type)!;
  return { name: name(owner), type: number, class: klass, ttl: 0, rdata: new Rdata(number, []) };
}
