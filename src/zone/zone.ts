/**
 * A zone through time: its current snapshot, the updates that change it, and the changes made.
 *
 * An update is worked out at once, against the state ahead: all that has been worked out, whether it is on
 * disk or not. It becomes visible, and is answered, once it is on disk; all that wait are written together
 * (`commits.ts`). A zone without a store lives in memory and waits for nothing.
 *
 * Invariant: updates become visible one after the other, each as a whole (RFC 2136 §3.7). What is visible
 * or was answered NOERROR is on disk (RFC 2136 §3.5). An update that could not be written leaves no trace.
 */
import { Alarm, type Clock } from "../clock.ts";
import { Rcode } from "../dns/constants.ts";
import type { Name } from "../dns/name.ts";
import type { RecordSet } from "../dns/record.ts";
import type { Log } from "../log.ts";
import { Commits } from "./commits.ts";
import { encodeEntry } from "./journal/entry.ts";
import { firstState, stepEntry, type ZoneState } from "./journal/state.ts";
import type { Store, StoredZone } from "./journal/store.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Change } from "./update/change.ts";
import { FILE, FOREVER, type Hold } from "./update/hold.ts";
import { mergeUpdate, withoutRecords } from "./update/merge.ts";
import { holderPrincipal, type Principal } from "./update/principal.ts";
import type { ZoneRecord } from "./update/recordmap.ts";
import { Room } from "./update/room.ts";
import { type Outcome, removalOf, resolve, type Update } from "./update/update.ts";
import { WallClock } from "./wallclock.ts";

export interface ZoneOptions {
  readonly origin: Name;
  /** The records to start with, SOA included; the zone's file holds them for ever. */
  readonly records: Iterable<RecordSet>;
  readonly clock: Clock;
  /** How many changes to keep for readers that follow. */
  readonly history?: number;
  /** The most records it may hold; an update that would exceed it fails. */
  readonly capacity?: number;
  /** Once aborted, leases no longer expire and updates are not taken. */
  readonly signal?: AbortSignal;
  readonly log?: Log;
}

export class Zone {
  readonly origin: Name;
  /** Resolves when the signal has been aborted and everything is on disk. */
  readonly closed: Promise<void>;
  readonly #clock: Clock;
  readonly #room: Room;
  readonly #log: Log | undefined;
  readonly #store: Store | undefined;
  readonly #commits: Commits;
  readonly #waiting = new Set<() => void>();
  readonly #state: ZoneState;
  /** On disk and visible. */
  #current: Snapshot;
  /** The state ahead (see above). The leases and signing times in `#state` belong to it, not to `#current`. */
  #ahead: Snapshot;
  /** Owner of the snapshots of the commits that will be written together; only the last is read. */
  #owner = {};
  #file: readonly RecordSet[];
  /** Undefined without a store: nothing is written then. */
  readonly #wall: WallClock | undefined;
  #isClosed = false;
  #isFailing = false;
  /** Expired leases are not released before this time. */
  #notBefore = 0;
  readonly #alarm: Alarm;

  /** With a `state`, the records of the options are not used. */
  constructor(options: ZoneOptions, store?: Store, state?: ZoneState) {
    this.origin = options.origin;
    this.#clock = options.clock;
    this.#alarm = new Alarm(options.clock, (late) => void this.endLeases(ENDED, late));
    this.#room = new Room(options);
    this.#log = options.log;
    this.#store = store;
    this.#state = state ?? firstState(options.origin, [...options.records], options.history);
    this.#current = this.#state.snapshot;
    this.#ahead = this.#current;
    this.#file = this.#state.file;
    this.#commits = new Commits({
      begin: () => this.#own(),
      append: (entries) => store!.append(entries),
      kept: (isWritten) => this.#kept(isWritten),
      failed: (error) => this.#failed(error),
    });
    const write = (forward: number, undo = () => {}) =>
      this.#commits.add({ entry: encodeEntry({ is: "clock", forward }), keep: () => {}, undo });
    this.#wall = store && new WallClock(options.clock, write);
    if (this.#state.forward !== 0) write(this.#state.forward);
    this.closed = new Promise((resolve) => {
      const close = () => resolve(this.#close());
      if (options.signal?.aborted) close();
      else options.signal?.addEventListener("abort", close, { once: true });
    });
    this.#schedule();
  }

  get current(): Snapshot {
    return this.#current;
  }

  /** Resolves when the update is on disk; to SERVFAIL if it could not be written. */
  apply(update: Update, by: Principal): Promise<Rcode> {
    return this.#apply(update, by);
  }

  /** Adds what the zone's file now contains, and removes what it no longer does. */
  merge(file: readonly RecordSet[]): Promise<Rcode> {
    const update = mergeUpdate(this.#file, file, this.#ahead);
    if (update === undefined) return Promise.resolve(Rcode.NOERROR);
    return this.#apply(update, holderPrincipal(FILE), file);
  }

  /** The changes after `serial`, oldest first; "resync" if they are no longer kept. */
  since(serial: number): readonly Change[] | "resync" {
    const changes: Change[] = [];
    for (let at = serial; at !== this.#current.serial; ) {
      const change = this.#state.history.after(at);
      if (change === undefined) return "resync";
      changes.push(change);
      at = change.to;
    }
    return changes;
  }

  /**
   * Yields every change after `serial` once, as they happen, until `signal` is aborted. After "resync" it
   * continues from the snapshot that was current then: a reader that takes a later snapshot can tell by
   * `to` which changes it contains already.
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
        const change = this.#state.history.after(at);
        at = change?.to ?? this.#current.serial;
        yield change ?? "resync";
      }
    } finally {
      signal.removeEventListener("abort", stop);
      this.#waiting.delete(wake);
    }
  }

  /** Who holds a record that is in the zone. */
  holders(record: ZoneRecord): readonly string[] {
    return this.#state.leases.holders(record);
  }

  /**
   * All records that a holder of a kind holds, and when each hold expires, in milliseconds of the clock, in
   * the state ahead: as the next update will find it.
   */
  heldBy(by: string): ReturnType<ZoneState["leases"]["heldBy"]> {
    return this.#state.leases.heldBy(by);
  }

  /** A set of the state ahead: as the next update will find it. */
  setAhead(name: Name, type: number): RecordSet | undefined {
    return this.#ahead.set(name, type);
  }

  /**
   * The latest signing time of the updates by `by` that had an effect, in seconds, in the state ahead: as
   * the next update will find it.
   */
  lastSigned(by: string): number | undefined {
    return this.#state.signingTimes.latest(by);
  }

  #apply(update: Update, by: Principal, file?: readonly RecordSet[]): Promise<Rcode> {
    if (this.#isClosed) return Promise.resolve(Rcode.SERVFAIL);
    const outcome = resolve(this.#ahead, update, by, this.#state.leases);
    if (typeof outcome === "number") return this.#answer(outcome);
    const hasRoom = this.#room.has(outcome, by, this.#state.leases, this.#ahead.size);
    if (!hasRoom) return this.#answer(Rcode.SERVFAIL);
    return this.#commit(outcome, update, by.name, file && this.#taken(file, outcome));
  }

  /** The part of the file that the zone has taken; the rest is tried again with the next merge. */
  #taken(file: readonly RecordSet[], { passedOver }: Outcome): readonly RecordSet[] {
    const [first] = passedOver;
    if (first === undefined) return file;
    const fields = { zone: `${this.origin}`, records: passedOver.length, first: `${first.name}` };
    this.#log?.warn(
      fields,
      "static records are skipped until the next start: other records stand in their way",
    );
    return withoutRecords(file, passedOver);
  }

  /** Answers once everything the answer was worked out from is on disk. */
  #answer(rcode: Rcode): Promise<Rcode> {
    return new Promise((resolve) => {
      const undo = () => resolve(Rcode.SERVFAIL);
      this.#commits.add({ entry: undefined, keep: () => resolve(rcode), undo });
    });
  }

  #commit(
    { change, sets, gone, holds }: Outcome,
    { lease: seconds, keyLease: keySeconds = seconds, signedAt }: Update,
    by: string,
    file: readonly RecordSet[] | undefined,
  ): Promise<Rcode> {
    this.#wall?.follow();
    const lease = milliseconds(seconds);
    const keyLease = milliseconds(keySeconds);
    const holdOf = (lease: number): Hold => ({ by, expires: this.#clock.now() + lease, lease });
    const hold = holdOf(lease);
    const taken = this.#state.leases.take(
      holds,
      hold,
      keyLease === lease ? hold : holdOf(keyLease),
    );
    const fileBefore = this.#file;
    const isNothing = change === undefined && taken.steps.length === 0 && file === undefined;
    const snapshot = change === undefined ? this.#ahead : this.#ahead.with(gone, sets, this.#owner);
    this.#ahead = snapshot;
    this.#file = file ?? fileBefore;
    this.#schedule();
    if (isNothing) return this.#answer(Rcode.NOERROR);
    const forget = this.#state.signingTimes.note(by, signedAt);
    return new Promise((resolve) => {
      const keep = () => {
        this.#current = snapshot;
        if (change !== undefined) this.#state.history.add(change, snapshot.size);
        resolve(Rcode.NOERROR);
      };
      const undo = () => {
        forget();
        taken.undo();
        this.#file = fileBefore;
        resolve(Rcode.SERVFAIL);
      };
      const at = this.#wallTime(this.#clock.now());
      const step = { at, by, lease, keyLease, change, holds: taken.steps, file, signedAt };
      const entry = this.#store && stepEntry(step);
      this.#commits.add({ entry, keep, undo });
    });
  }

  /** The snapshot ahead will be read, so it must not change from now on. */
  #own(): void {
    this.#owner = {};
  }

  #kept(isWritten: boolean): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
    if (!isWritten) return;
    this.#store?.kept(this.#stored);
    if (this.#isFailing)
      this.#log?.info({ zone: `${this.origin}` }, "changes are written to disk again");
    this.#isFailing = false;
  }

  #failed(error: unknown): void {
    this.#ahead = this.#current;
    if (!this.#isFailing) {
      const reason = (error as Error).message;
      this.#log?.error(
        { zone: `${this.origin}`, reason },
        "changes cannot be written to disk, and fail",
      );
    }
    this.#isFailing = true;
    this.#notBefore = this.#clock.now() + UNRENEWED;
    this.#schedule();
  }

  #schedule(): void {
    const due = this.#isClosed ? undefined : this.#state.leases.due();
    this.#alarm.set(due && Math.max(due, this.#notBefore));
  }

  /** An expired lease is an update like any other: its holder lets go. Releases `most` records at a time. */
  async endLeases(most = ENDED, late = 0): Promise<void> {
    const now = this.#clock.now();
    if (late > STANDSTILL) this.#notBefore = now + UNRENEWED;
    const due = now < this.#notBefore ? [] : this.#state.leases.ended(now, most);
    const ended = [...due].map(([name, records]) => {
      const update = { zone: this.origin, prerequisites: [], updates: records.map(removalOf) };
      return this.#apply(update, holderPrincipal(name));
    });
    this.#schedule();
    await Promise.all(ended);
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    this.#schedule();
    this.#wall?.follow();
    this.#wall?.close();
    await this.#commits.idle();
    await this.#store?.close(this.#stored);
  }

  /** Each function reports the state at the moment it is called. */
  get #stored(): StoredZone {
    const { leases } = this.#state;
    return {
      current: () => this.#current,
      holdsOf: (record) => leases.holds(record),
      renewals: () => leases.renewals,
      wallTime: (time) => this.#wallTime(time),
      waiting: () => this.#commits.waiting,
      freeze: () => {
        this.#own();
        return {
          snapshot: this.#ahead,
          held: leases.entries(),
          nextId: leases.nextId,
          file: this.#file,
          wallOffset: this.#wallTime(0),
          signingTimes: this.#state.signingTimes.copy(),
        };
      },
    };
  }

  #wallTime(time: number): number {
    return time + (this.#wall?.offset ?? 0);
  }
}

function milliseconds(seconds: number | undefined): number {
  return seconds === undefined ? FOREVER : seconds * 1000;
}

/** Records released at a time, in some fifteen milliseconds. */
const ENDED = 1000;
/**
 * Milliseconds after a failed write, or a standstill of this process, until expired leases are released:
 * nobody could renew them, and collectors try again within a minute.
 */
const UNRENEWED = 90_000;
/** Milliseconds: a busy thread is less late, and a lease is longer. */
const STANDSTILL = 10_000;
