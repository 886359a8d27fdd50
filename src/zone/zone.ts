/**
 * A zone through time: the snapshot it is now, the updates that change it, and what has changed.
 * Readers of changes have no queue here: a reader is a serial, asks for what came after it, and is
 * told "resync" when that is too long ago, as IXFR has it (RFC 1995 §4).
 *
 * Invariant: an update is seen whole or not at all, and one after the other (RFC 2136 §3.7). The
 * kept changes follow on one another and the last leads to the current serial.
 */
import type { Cancel, Clock } from "../clock.ts";
import { Class, Rcode } from "../dns/constants.ts";
import type { Name } from "../dns/name.ts";
import type { RecordSet, ResourceRecord } from "../dns/record.ts";
import type { Change, Principal } from "./change.ts";
import { FOREVER, Leases, type ZoneRecord } from "./leases.ts";
import { Snapshot } from "./snapshot.ts";
import { resolve, type Update } from "./update.ts";

export interface ZoneOptions {
  readonly origin: Name;
  /** What it starts with, the SOA among it; held for ever by "file". */
  readonly records: Iterable<RecordSet>;
  readonly clock: Clock;
  /** How many changes to keep for those who follow. */
  readonly history?: number;
  /** How many records it may hold; an update beyond that fails. */
  readonly capacity?: number;
  /** When it ends, leases do not any more. */
  readonly signal?: AbortSignal;
}

export class Zone {
  readonly origin: Name;
  readonly #clock: Clock;
  readonly #history: number;
  readonly #capacity: number;
  readonly #leases = new Leases();
  /** By the serial they start from, oldest first. */
  readonly #changes = new Map<number, Change>();
  /** Records in them. */
  #changedRecords = 0;
  readonly #waiting = new Set<() => void>();
  #current: Snapshot;
  #wakesAt: number | undefined;
  #cancel: Cancel = () => {};

  constructor(options: ZoneOptions) {
    this.origin = options.origin;
    this.#clock = options.clock;
    this.#history = options.history ?? MAX_CHANGES;
    this.#capacity = options.capacity ?? MAX_RECORDS;
    this.#current = Snapshot.of(options.origin, options.records);
    options.signal?.addEventListener("abort", () => this.#cancel(), { once: true });
  }

  get current(): Snapshot {
    return this.#current;
  }

  async apply(update: Update, by: Principal): Promise<Rcode> {
    return this.#apply(update, by);
  }

  /** What came after `serial`, oldest first. */
  since(serial: number): readonly Change[] | "resync" {
    const changes: Change[] = [];
    for (let at = serial; at !== this.#current.serial; ) {
      const change = this.#changes.get(at);
      if (change === undefined) return "resync";
      changes.push(change);
      at = change.to;
    }
    return changes;
  }

  /**
   * Every change after `serial` once, as they happen, until `signal` ends. After "resync" it goes on
   * from the snapshot that was current then: a reader who takes a later one knows by `to` which
   * changes it has in it already.
   */
  async *follow(serial: number, signal: AbortSignal): AsyncGenerator<Change | "resync"> {
    let wake = () => {};
    const stop = () => wake();
    signal.addEventListener("abort", stop);
    try {
      for (let at = serial; !signal.aborted; ) {
        if (at === this.#current.serial) {
          await new Promise<void>((resolve) => {
            wake = resolve;
            this.#waiting.add(wake);
          });
          continue;
        }
        const change = this.#changes.get(at);
        at = change?.to ?? this.#current.serial;
        yield change ?? "resync";
      }
    } finally {
      signal.removeEventListener("abort", stop);
      this.#waiting.delete(wake);
    }
  }

  #apply(update: Update, by: Principal): Rcode {
    const outcome = resolve(this.#current, update, by, this.#leases);
    if (typeof outcome === "number") return outcome;
    const { snapshot, change, holds } = outcome;
    const isFull = snapshot.size > this.#capacity && snapshot.size > this.#current.size;
    if (isFull) return Rcode.SERVFAIL;
    const { lease } = update;
    const expires = lease === undefined ? FOREVER : this.#clock.now() + lease * 1000;
    this.#leases.take(holds, by.name, expires);
    this.#schedule();
    if (change !== undefined) this.#swap(snapshot, change);
    return Rcode.NOERROR;
  }

  #swap(snapshot: Snapshot, change: Change): void {
    this.#current = snapshot;
    this.#forget(change.from);
    this.#changes.set(change.from, change);
    this.#changedRecords += countRecords(change);
    const enough = Math.max(snapshot.size, MIN_CHANGED_RECORDS);
    for (const oldest of this.#changes.keys()) {
      if (this.#changes.size <= this.#history && this.#changedRecords <= enough) break;
      this.#forget(oldest);
    }
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #forget(serial: number): void {
    const change = this.#changes.get(serial);
    if (change === undefined) return;
    this.#changes.delete(serial);
    this.#changedRecords -= countRecords(change);
  }

  #schedule(): void {
    const due = this.#leases.due();
    if (due === this.#wakesAt) return;
    this.#cancel();
    this.#cancel = due === undefined ? () => {} : this.#clock.at(due, () => this.#endLeases());
    this.#wakesAt = due;
  }

  /** A lease that ends is an update like any other. */
  #endLeases(): void {
    this.#wakesAt = undefined;
    const updates = this.#leases.poll(this.#clock.now()).map(removalOf);
    if (updates.length > 0) this.#apply({ zone: this.origin, prerequisites: [], updates }, lease);
    this.#schedule();
  }
}

/** Takes away what nobody holds any more. */
const lease: Principal = { name: "lease", isOperator: true, permits: () => true };

function removalOf({ name, rdata }: ZoneRecord): ResourceRecord {
  return { name, type: rdata.type, class: Class.NONE, ttl: 0, rdata };
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
/** At some 700 octets each, a few hundred megabytes. */
const MAX_RECORDS = 500_000;
