/** What a link's cache shows of its contents. */
import type { Name } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";

/** A record as it was heard; times are the clock's milliseconds. */
export interface HeardRecord {
  readonly rdata: Rdata;
  /** Seconds, as its owner gave it. */
  readonly ttl: number;
  /** Milliseconds that it lives, unless it is heard again. */
  readonly lifetime: number;
  readonly firstHeard: number;
  readonly lastHeard: number;
  /** When it expires as things stand: at the end of its life, or sooner if it was called off. */
  readonly ends: number;
  /** The address that announced it first, and the one that announced it last. */
  readonly source: string;
  readonly speaker: string;
  /** True if its owner has since announced the whole set without it (RFC 6762 §10.2). */
  readonly isSuperseded: boolean;
}

/** The records of one name and type: at least one. */
export interface HeardSet {
  readonly name: Name;
  readonly type: number;
  readonly records: ReadonlyMap<string, HeardRecord>;
}

export interface HeardName {
  /** By type, at least one. */
  readonly sets: ReadonlyMap<number, HeardSet>;
  /** The cache's revision when one of them last changed: the same version, the same records. */
  readonly version: number;
  /** How often one of them was heard again with nothing else new, so that it lives longer. */
  readonly renewals: number;
}

/** True if it is to expire before its time: after a goodbye, superseded, or doubted (RFC 6762 §10.1-10.5). */
export function isCalledOff({ ends, lastHeard, lifetime }: HeardRecord): boolean {
  return ends < lastHeard + lifetime;
}

/** True if one of its records is to be asked for: it has grown old, or is to expire before its time. */
export function isAging({ records }: HeardSet, now: number): boolean {
  for (const record of records.values()) {
    const age = now - record.lastHeard;
    if (isCalledOff(record) || age >= AGED * record.lifetime) return true;
  }
  return false;
}

/** Milliseconds; 0 if a record is called off, since its owner has only a second to announce it again. */
export function shortestLife({ records }: HeardSet): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (const record of records.values()) {
    shortest = Math.min(shortest, isCalledOff(record) ? 0 : record.lifetime);
  }
  return records.size > 0 ? shortest : 0;
}

/** When the first of its records expires. */
export function firstEnd({ records }: HeardSet): number {
  let first = Number.POSITIVE_INFINITY;
  for (const { ends } of records.values()) first = Math.min(first, ends);
  return first;
}

/** The fraction of a life after which a record is old, and asked for again (RFC 6762 §5.2). */
export const AGED = 0.8;
