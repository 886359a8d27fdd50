/**
 * The last changes of a zone, for those who follow it (RFC 1995 §4). Readers have no queue here: a
 * reader is a serial, and asks for what came after it.
 *
 * Invariant: the kept changes follow on one another, and the last leads to the current serial. There
 * are no more of them, of records in them, or of octets in these, than the limits say.
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
  /** By the serial they start from. */
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

  /** `zoneSize`: the records of the zone after it. */
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
      // SOAs differ by a number, and share their names.
      if (type === Type.SOA) continue;
      octets += name.wireLength;
      for (const rdata of rdatas) octets += dataOctets(rdata);
    }
  }
  return { change, records, octets };
}

/** At a change a second, of some hours. */
const MAX_CHANGES = 10_000;
/** Differences larger than the zone are of no use to a secondary (RFC 1995 §5); to others, some. */
const MIN_CHANGED_RECORDS = 10_000;
/** Of names and data: TXT records may have 64 KiB each. */
const MAX_OCTETS = 16 * 2 ** 20;
