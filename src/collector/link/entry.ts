/** A record in a link's cache, and the sets that hold it. Only the cache changes them. */
import type { Rdata } from "../../dns/rdata.ts";
import type { Ranked } from "../../heap.ts";
import type { Family, Packet } from "../../net/links/link.ts";
import type { Dispute } from "./dispute.ts";
import { onGrid } from "./grid.ts";
import { AGED, type HeardName, type HeardRecord, type HeardSet } from "./heard.ts";

export class Entry implements HeardRecord, Ranked {
  readonly set: Entries;
  readonly rdata: Rdata;
  readonly key: string;
  /** Who announced it first, and is charged for it. */
  readonly source: string;
  readonly octets: number;
  rank = 0;
  index = -1;
  ttl = 0;
  firstHeard = 0;
  lastHeard = 0;
  ends = 0;
  speaker = "";
  /** The number of the message it was last heard in. */
  message = 0;
  isSuperseded = false;
  /** Bits of the families it was last heard on. */
  families = 0;
  /** The index of the next of `REFRESHES`; beyond them, the record expires next. */
  step = 0;
  /** Questions of other hosts since it was last heard (RFC 6762 §10.5). */
  doubts = 0;
  doubted = Number.NEGATIVE_INFINITY;

  constructor(set: Entries, rdata: Rdata, key: string, source: string, octets: number) {
    this.set = set;
    this.rdata = rdata;
    this.key = key;
    this.source = source;
    this.octets = octets;
  }

  get lifetime(): number {
    return Math.min(this.ttl, LONGEST_TTL) * 1000;
  }

  /** True while a refresh is still to come before its end. */
  get isToBeAskedFor(): boolean {
    return this.step < REFRESHES.length;
  }

  /** When it is to be refreshed, or else expires. */
  due(random: () => number): number {
    const refresh = REFRESHES[this.step];
    if (refresh === undefined) return this.ends;
    const time = this.lastHeard + this.lifetime * (refresh + JITTER * random());
    return onGrid(time, this.lifetime * GRID);
  }

  /** Another host has asked for it; true once so many have that it goes unless it is heard again. */
  doubt(now: number): boolean {
    this.doubted = now;
    return ++this.doubts >= DOUBTS;
  }

  /** At its end: milliseconds in which it should have been heard; undefined if it was called off. */
  get silence(): number | undefined {
    if (this.doubts >= DOUBTS) return this.ends - this.doubted;
    return this.ends < this.lastHeard + this.lifetime ? undefined : this.lifetime;
  }

  /** It has been asked for; true if that saves a question of ours. */
  asked(now: number): boolean {
    const age = (now - this.lastHeard) / this.lifetime;
    const before = this.step;
    while (age >= (REFRESHES[this.step] ?? Number.POSITIVE_INFINITY)) this.step++;
    return this.step !== before;
  }

  /** Makes it expire then, unless it is heard again. */
  end(time: number): void {
    this.ends = time;
    this.step = REFRESHES.length;
  }

  /** It has been heard again. */
  renew(now: number): void {
    this.lastHeard = now;
    this.ends = now + this.lifetime;
    this.step = 0;
    this.doubts = 0;
    this.isSuperseded = false;
  }

  /**
   * True if another host announced this last. A host that speaks both families has two addresses, which
   * cannot be compared.
   */
  isOfAnother({ source, family }: Pick<Packet, "source" | "family">): boolean {
    return this.speaker !== source && this.speaker.includes(":") === (family === 6);
  }
}

/** The sets of a name. */
export interface EntriesOfName extends HeardName {
  readonly sets: Map<number, Entries>;
  version: number;
  renewals: number;
}

export function newName(): EntriesOfName {
  return { sets: new Map(), version: 0, renewals: 0 };
}

/** The records of a name and type. */
export interface Entries extends HeardSet {
  readonly records: Map<string, Entry>;
  readonly home: EntriesOfName;
  /** When another host asked for it last, in IPv4 and in IPv6. */
  readonly asked: Record<Family, number>;
  /** Set once one host has flushed what another one said. */
  dispute?: Dispute;
}

/** The bit of a family in `families`. */
export function bit(family: Family): number {
  return family === 4 ? 1 : 2;
}

/** Unanswered questions of other hosts that show that a record is gone (RFC 6762 §10.5). */
const DOUBTS = 2;
/** Octets of memory that a record takes besides its name and data, measured by bench/collector.ts. */
export const OVERHEAD = 1350;
/** Parts of a lifetime after which a record is asked for again (RFC 6762 §5.2) … */
const REFRESHES: readonly number[] = [AGED, 0.85, 0.9, 0.95];
/** … plus at most 0.02 of it, by chance and by the grid. */
const JITTER = 0.015;
const GRID = 0.005;
/** Seconds: above every TTL that RFC 6762 §10 recommends, and ghosts are gone the same afternoon. */
const LONGEST_TTL = 7200;
