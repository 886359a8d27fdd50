/** What the querier asks: one question of a series, or one that is asked a few times. */
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
  /** No other question has it: what one is asked is another than what all are. */
  readonly key: string;
  /** When to ask it, while it waits in the agenda; and when at the latest, if it waits for others. */
  rank = 0;
  index = -1;
  latest = 0;
  times = 0;
  /** Milliseconds between the last time and the next. */
  wait = 0;
  /** When it was asked, since it began. */
  last = Number.NEGATIVE_INFINITY;
  /** When it may be asked again, whether or not it has begun anew. */
  earliest = Number.NEGATIVE_INFINITY;
  /** Who is asked; all if undefined. */
  to: Owner | undefined;
  /** There is no time to ask one after the other: somebody has a second or so to say that it is still so. */
  isUrgent = false;
  /** An entry of the list has gone without a word, and is looked for. */
  isMissing = false;
  /** When those in the list who are silent were looked for. */
  looked = Number.NEGATIVE_INFINITY;
  /** By which family it was asked last, since families take turns. */
  family: Family | undefined;
  /** When other hosts asked it last, by each family. */
  readonly #others: Record<Family, number> = { 4: -Infinity, 6: -Infinity };

  constructor(name: Name, type: number, source: string, to?: Owner) {
    this.name = name;
    this.type = type;
    this.source = source;
    this.to = to;
    this.key = setKey(name, type) + (to?.address ?? "");
  }

  /** What it waits for is as new as if it had never been asked. */
  restart(): void {
    this.wait = 0;
    this.last = Number.NEGATIVE_INFINITY;
  }

  /** It has gone out, or counts as if it had. */
  asked(now: number): void {
    const gap = now - this.last;
    const factor = this.isSlow ? SLOW_FACTOR : 2;
    const longer = factor * Math.max(this.wait, gap < LAST_WAIT ? gap : 0);
    this.wait = Math.min(Math.max(FIRST_WAIT, longer), LAST_WAIT);
    this.isMissing &&= this.wait < LAST_WAIT;
    this.last = now;
    this.earliest = now + FIRST_WAIT;
    this.isUrgent = false;
    this.times--;
  }

  /** Milliseconds for which what is due may wait for others that will be. */
  get slack(): number {
    return this.wait * (this.wait < SLOW ? SLACK : LONG_SLACK);
  }

  /** Who is missing has been away for so long: he is looked for at twice the distance, by all. Gives when next. */
  miss(silence: number, now: number): number {
    const away = Math.max(silence, SLOW);
    this.isMissing = true;
    this.wait = Math.min(this.wait, away / 2);
    return Math.min(this.rank, now + away);
  }

  /**
   * A long wait for the next entry of a list, which announces itself. What was lost on the way does not
   * when the way is there again: who misses that is to wait no longer than it was away.
   */
  get isSlow(): boolean {
    return this.type === Type.PTR && this.wait >= SLOW && !this.isMissing;
  }

  /** Once its wait is long, families take turns; but who has no time does not wait for his. */
  get takesTurns(): boolean {
    return this.isSlow && !this.isUrgent;
  }

  /** By which of the link's families it goes next. */
  nextOf(families: readonly Family[]): readonly Family[] {
    if (this.to !== undefined) return [this.to.family];
    return families.length > 1 && this.takesTurns ? [this.family === 4 ? 6 : 4] : families;
  }

  /**
   * Another host asks it by one family. Have all heard it by now who would hear it from us? Who speaks
   * the other family alone has not (RFC 6762 §20).
   */
  isCovered(family: Family, families: readonly Family[], now: number): boolean {
    this.#others[family] = now;
    return this.nextOf(families).every((each) => now - this.#others[each] < TOGETHER);
  }

  /** Is it to be asked soon: in the second half of its wait, or for the first time? */
  isNear(now: number): boolean {
    return this.rank - now <= Math.max(this.wait / 2, SOON);
  }
}

/** Milliseconds, the first and the longest wait of a series (RFC 6762 §5.2). */
const FIRST_WAIT = 1000;
const LAST_WAIT = 3_600_000;
/** By which one for a list grows (RFC 6762 §5.2: at least two). */
const SLOW_FACTOR = 4;
/** The part by which a wait may become longer where others are due then: series meet, and stay so. */
const SLACK = 1 / 32;
const LONG_SLACK = 1 / 2;
/** Milliseconds of a wait that is long: nobody waits for what will be found by then. */
const SLOW = 60_000;
/** Milliseconds from the packet of one family to that of the other, of one query. */
const TOGETHER = 1000;
/** Milliseconds, the most that a first question waits (RFC 6762 §5.2). */
const SOON = 120;
