/** Known answers (RFC 6762 §7.1): ours are records in the first half of their life. */
import { Class } from "../../dns/constants.ts";
import type { Message } from "../../dns/message.ts";
import { type ResourceRecord, setKey } from "../../dns/record.ts";
import { obtain } from "../obtain.ts";
import { type HeardRecord, type HeardSet, isCalledOff } from "./heard.ts";

export function knownAnswers(set: HeardSet | undefined, now: number): ResourceRecord[] {
  if (set === undefined) return [];
  const { name, type } = set;
  const known: ResourceRecord[] = [];
  for (const record of set.records.values()) {
    const ttl = remainingTtl(record, now);
    if (ttl === undefined) continue;
    known.push({ name, type, class: Class.IN, ttl, rdata: record.rdata });
    if (known.length === MAX_KNOWN) break;
  }
  return known;
}

/** The known answers of another host, as data keys by set key, so that the list is gone through only once. */
export function listedIn({ answers }: Message): ReadonlyMap<string, ReadonlySet<string>> {
  const listed = new Map<string, Set<string>>();
  for (const { name, type, rdata } of answers) {
    obtain(listed, setKey(name, type), () => new Set<string>()).add(rdata.key);
  }
  return listed;
}

function remainingTtl(record: HeardRecord, now: number): number | undefined {
  if (isCalledOff(record)) return undefined;
  const age = now - record.lastHeard;
  const ttl = Math.floor(record.ttl - age / 1000);
  return 2 * age <= record.lifetime && 2 * ttl >= record.ttl ? ttl : undefined;
}

/** Known answers listed with a question, in some thirty packets; if there are more, they are sent again. */
const MAX_KNOWN = 1000;
