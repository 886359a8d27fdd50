/**
 * The last changes of a zone, for those who follow it (RFC 1995 §4). Readers have no queue here: a
 * reader is a serial, and asks for what came after it.
 *
 * Invariant: the kept changes follow on one another, and the last leads to the current serial.
 */
import type { Change } from "./change.ts";

export class History {
  readonly #limit: number;
  /** By the serial they start from, oldest first. */
  readonly #changes = new Map<number, Change>();
  /** Records in them. */
  #records = 0;

  constructor(limit = MAX_CHANGES) {
    this.#limit = limit;
  }

  /** The change that starts from this serial. */
  after(serial: number): Change | undefined {
    return this.#changes.get(serial);
  }

  /** `zoneSize`: the records of the zone after it. */
  add(change: Change, zoneSize: number): void {
    this.#forget(change.from);
    this.#changes.set(change.from, change);
    this.#records += countRecords(change);
    const enough = Math.max(zoneSize, MIN_CHANGED_RECORDS);
    for (const oldest of this.#changes.keys()) {
      if (this.#changes.size <= this.#limit && this.#records <= enough) break;
      this.#forget(oldest);
    }
  }

  #forget(serial: number): void {
    const change = this.#changes.get(serial);
    if (change === undefined) return;
    this.#changes.delete(serial);
    this.#records -= countRecords(change);
  }
}

function countRecords({ removed, added }: Change): number {
  let count = 0;
  for (const sets of [removed, added]) for (const set of sets) count += set.rdatas.length;
  return count;
}

/** At a change a second, of some hours. */
const MAX_CHANGES = 10_000;
/** Differences larger than the zone are of no use to a secondary (RFC 1995 §5); to others, some. */
const MIN_CHANGED_RECORDS = 10_000;
