/** What a link's cache tells of what it holds. */
import type { Name } from "../dns/name.ts";
import type { Rdata } from "../dns/rdata.ts";

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
}

/** The records of one name and type: one at least. */
export interface HeardSet {
  readonly name: Name;
  readonly type: number;
  readonly records: ReadonlyMap<string, HeardRecord>;
  /** The cache's revision when it last changed. */
  readonly version: number;
}

/** The sets of one name, by type: one at least. */
export type HeardName = ReadonlyMap<number, HeardSet>;
