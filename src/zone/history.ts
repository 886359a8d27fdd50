/**
 * The latest changes of a zone, for readers that follow it (RFC 1995 §4). A reader has no queue here: it
 * holds a serial, and asks for what came after it.
 *
 * Invariant: the changes kept are consecutive, and the last leads to the current serial. Their number,
 * their records and the octets in these stay within the limits.
 */
import { AgedMap } from "../agedmap.ts";
import { Type } from "../dns/constants.ts";
import type { Change } from "./update/change.ts";
import { dataOctets } from "./update/weight.ts";

interface Kept {
  readonly change: Change;
  readonly records: number;
  readonly octets: number;
}

export class History {
  readonly #limit: number;
  /** Keyed by the serial that each starts from. */
  readonly #changes = new AgedMap<number, Kept>();
  #records = 0;
  #octets = 0;

  constructor(limit = MAX_CHANGES) {
    this.#limit = limit;
  }

  /** The change that starts from this serial. */
  after(serial: number): Change | undefined {
    return this.#changes.get(serial)?.change;
  }

  /** `zoneSize` is the number of records in the zone after the change. */
  add(change: Change, zoneSize: number): void {
    this.#forget(change.from);
    const kept = keptOf(change);
    this.#changes.set(change.from, kept);
    this.#records += kept.records;
    this.#octets += kept.octets;
    const enough = Math.max(zoneSize, MIN_CHANGED_RECORDS);
    const isMuch = () =>
      this.#changes.size > this.#limit || this.#records > enough || this.#octets > MAX_OCTETS;
    while (isMuch()) this.#forget(this.#changes.oldest!.key);
  }

  #forget(serial: number): void {
    const kept = this.#changes.get(serial);
    if (kept === undefined) return;
    this.#changes.delete(serial);
    this.#records -= kept.records;
    this.#octets -= kept.octets;
  }
}

function keptOf(change: Change): Kept {
  let records = 0;
  let octets = 0;
  for (const sets of [change.removed, change.added]) {
    for (const { name, type, rdatas } of sets) {
      records += rdatas.length;
      // SOAs differ only in their serial and share their names.
      if (type === Type.SOA) continue;
      octets += name.wireLength;
      for (const rdata of rdatas) octets += dataOctets(rdata);
    }
  }
  return { change, records, octets };
}

/** Some hours' worth at one change a second. */
const MAX_CHANGES = 10_000;
/** A secondary has no use for differences larger than the zone (RFC 1995 §5); other readers have some. */
const MIN_CHANGED_RECORDS = 10_000;
/** Of names and data: a TXT record may have 64 KiB. */
const MAX_OCTETS = 16 * 2 ** 20;
