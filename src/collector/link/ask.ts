/** What the querier asks: a question that is asked in an endless series, or a few times. */
import { Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import { setKey } from "../../dns/record.ts";
import type { Ranked } from "../../heap.ts";
import type { Family } from "../../net/links/link.ts";
import type { Owner } from "./owner.ts";

/** A question, when it is due, and how often it is still to be asked. */
export class Ask implements Ranked {
  readonly name: Name;
  readonly type: number;
  readonly source: string;
  /** Unique: a question to one host is not the same as one to all. */
  readonly key: string;
  /** When to ask it, while it is in the agenda; `latest` is until when it may wait for others. */
  rank = 0;
  index = -1;
  latest = 0;
  times = 0;
  /** Milliseconds between the last time and the next. */
  wait = 0;
  /** When it was last asked in this series. */
  last = Number.NEGATIVE_INFINITY;
  /** When it may be asked again, even if the series has restarted. */
  earliest = Number.NEGATIVE_INFINITY;
  /** Who is asked; all if undefined. */
  to: Owner | undefined;
  /** True if an owner has only a second or so to confirm: no time to ask hosts or families in turn. */
  isUrgent = false;
  /** True while a client waits for it to be asked. */
  isAwaited = false;
  /** True while an entry of the list that expired without a goodbye is looked for. */
  isMissing = false;
  /** When the silent owners in the list were last looked for. */
  silentSoughtAt = Number.NEGATIVE_INFINITY;
  /** The family by which it was last asked, since families take turns. */
  family: Family | undefined;
  /** When other hosts last asked it, by family. */
  readonly #others: Record<Family, number> = { 4: -Infinity, 6: -Infinity };

  constructor(name: Name, type: number, source: string, to?: Owner) {
    this.name = name;
    this.type = type;
    this.source = source;
    this.to = to;
    this.key = setKey(name, type) + (to?.address ?? "");
  }

  /** Begins the series anew, as if it had never been asked. */
  restart(): void {
    this.wait = 0;
    this.last = Number.NEGATIVE_INFINITY;
  }

  /** It has gone out, or counts as asked. */
  asked(now: number): void {
    const gap = now - this.last;
    const factor = this.isSlow ? SLOW_FACTOR : 2;
    const longer = factor * Math.max(this.wait, gap < LAST_WAIT ? gap : 0);
    this.wait = Math.min(Math.max(FIRST_WAIT, longer), LAST_WAIT);
    this.isMissing &&= this.wait < LAST_WAIT;
    this.last = now;
    this.earliest = now + FIRST_WAIT;
    this.isUrgent = false;
    this.isAwaited = false;
    this.times--;
  }

  /** When its series goes on. */
  get next(): number {
    return this.last + this.wait;
  }

  /** Milliseconds for which, once due, it may wait for others. */
  get slack(): number {
    return this.wait * (this.wait < SLOW ? SLACK : LONG_SLACK);
  }

  /**
   * An entry has been missing for `silence`: looks for it by all families when it has been away twice as
   * long, at the latest. Returns when to ask next.
   */
  miss(silence: number, now: number): number {
    const away = Math.max(silence, SLOW);
    this.isMissing = true;
    this.wait = Math.min(this.wait, away / 2);
    return Math.min(this.rank, now + away);
  }

  /**
   * True for a long wait for the next entry of a list, which announces itself. An entry lost to a broken
   * path does not when the path heals: whoever misses it should wait no longer than it was away.
   */
  get isSlow(): boolean {
    return this.type === Type.PTR && this.wait >= SLOW && !this.isMissing;
  }

  /** True once its wait is long: then families take turns, unless the question is urgent. */
  get takesTurns(): boolean {
    return this.isSlow && !this.isUrgent;
  }

  /** The families of the link by which it goes next. */
  nextOf(families: readonly Family[]): readonly Family[] {
    if (this.to !== undefined) return [this.to.family];
    return families.length > 1 && this.takesTurns ? [this.family === 4 ? 6 : 4] : families;
  }

  /**
   * Another host asks it by one family. True if everybody who would hear it from us has heard it by now:
   * hosts that speak only the other family have not (RFC 6762 §20).
   */
  isCovered(family: Family, families: readonly Family[], now: number): boolean {
    this.#others[family] = now;
    return this.nextOf(families).every((each) => now - this.#others[each] < TOGETHER);
  }

  /** True if it is to be asked soon: in the second half of its wait, or for the first time. */
  isNear(now: number): boolean {
    return this.rank - now <= Math.max(this.wait / 2, SOON);
  }
}

/** Milliseconds: the first and the longest wait of a series (RFC 6762 §5.2). */
const FIRST_WAIT = 1000;
const LAST_WAIT = 3_600_000;
/** The factor by which a long wait for a list grows (RFC 6762 §5.2: at least two). */
const SLOW_FACTOR = 4;
/** The fraction by which a wait may grow to meet others that are due: series meet, and stay together. */
const SLACK = 1 / 32;
const LONG_SLACK = 1 / 2;
/** Milliseconds from which a wait is long: nobody waits for what will be found by then. */
const SLOW = 60_000;
/** Milliseconds at most between one query's packets on the two families. */
const TOGETHER = 1000;
/** Milliseconds that a first question waits at most (RFC 6762 §5.2). */
const SOON = 120;
