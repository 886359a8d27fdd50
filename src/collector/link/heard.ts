/** What a link's cache tells of what it holds. */
import type { Name } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";

/** A record as it was heard; times are the clock's milliseconds. */
export interface HeardRecord {
  readonly rdata: Rdata;
  /** Seconds, as its owner gave it. */
  readonly ttl: number;
  /** Milliseconds it lives for, unless it is heard again. */
  readonly lifetime: number;
  readonly firstHeard: number;
  readonly lastHeard: number;
  /** When it goes as things stand: at the end of its life, or sooner where it was called off. */
  readonly ends: number;
  /** The address that said it first, and the one that said it last. */
  readonly source: string;
  readonly speaker: string;
  /** Who said it has said what there is since, and left it out (RFC 6762 §10.2). */
  readonly isSuperseded: boolean;
}

/** The records of one name and type: one at least. */
export interface HeardSet {
  readonly name: Name;
  readonly type: number;
  readonly records: ReadonlyMap<string, HeardRecord>;
}

export interface HeardName {
  /** By type, one at least. */
  readonly sets: ReadonlyMap<number, HeardSet>;
  /** The cache's revision when one of them last changed: the same version, the same records. */
  readonly version: number;
  /** How often one of them was heard again with nothing else new: it lives longer. */
  readonly renewals: number;
}

/** Is it to go before its time: said goodbye to, superseded, or doubted (RFC 6762 §10.1-10.5)? */
export function isCalledOff({ ends, lastHeard, lifetime }: HeardRecord): boolean {
  return ends < lastHeard + lifetime;
}

/** Milliseconds; none where a record is called off, which its owner has a second to say again. */
export function shortestLife({ records }: HeardSet): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (const record of records.values()) {
    shortest = Math.min(shortest, isCalledOff(record) ? 0 : record.lifetime);
  }
  return records.size > 0 ? shortest : 0;
}

/** When a record of it goes, the first to go. */
export function firstEnd({ records }: HeardSet): number {
  let first = Number.POSITIVE_INFINITY;
  for (const { ends } of records.values()) first = Math.min(first, ends);
  return first;
}
