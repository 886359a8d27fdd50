/**
 * The whole state of a zone, written as journal entries and read back from them. Lease times are in
 * wall-clock time in a journal, and in that of the zone's own clock elsewhere.
 *
 * Invariant: what is read back is the state after the last whole entry, history included as far as
 * the journal reaches.
 */
import type { Clock } from "../../clock.ts";
import { FormatError } from "../../dns/format.ts";
import type { Name } from "../../dns/name.ts";
import { type Rdata, SERIAL } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import { batches } from "../batches.ts";
import { History } from "../history.ts";
import { Snapshot } from "../snapshot.ts";
import { type Change, replay } from "../update/change.ts";
import { FOREVER, type Hold } from "../update/hold.ts";
import { type HeldRecord, Leases } from "../update/leases.ts";
import { withSerial } from "../update/update.ts";
import { decodeEntry, type Entry, encodeEntry, type Step, type StepChange } from "./entry.ts";
import { SigningTimes } from "./signingtimes.ts";

export interface ZoneState {
  readonly snapshot: Snapshot;
  readonly leases: Leases;
  readonly history: History;
  /** The contents of the zone's file when it was last merged. */
  readonly file: readonly RecordSet[];
  /** Milliseconds the wall clock was set forward while no process ran: 0, or less if it was set back. */
  readonly forward: number;
  readonly signingTimes: SigningTimes;
}

/** A state at one moment, to be written while the zone goes on changing. */
export interface FrozenState {
  readonly snapshot: Snapshot;
  readonly held: Iterable<HeldRecord>;
  readonly nextId: number;
  readonly file: readonly RecordSet[];
  /** What to add to the time of a hold to get wall-clock time. */
  readonly wallOffset: number;
  readonly signingTimes: SigningTimes;
}

/** In pieces, so that other work gets a turn between them. */
export function* stateEntries(state: FrozenState): Generator<Uint8Array> {
  const { snapshot, held, nextId, file, wallOffset, signingTimes } = state;
  const wallTime = ({ by, expires, lease }: Hold): Hold => ({
    by,
    expires: expires + wallOffset,
    lease,
  });
  yield encodeEntry({ is: "begin", nextId });
  for (const nodes of batches(snapshot.nodes(), PIECE)) {
    yield encodeEntry({ is: "sets", sets: nodes.flatMap(({ sets }) => sets) });
  }
  for (const piece of batches(held, PIECE)) {
    const entries = piece.map((each) => ({ ...each, holds: each.holds.map(wallTime) }));
    yield encodeEntry({ is: "holds", held: entries });
  }
  for (const sets of batches(file, PIECE)) yield encodeEntry({ is: "file", sets });
  const times = signingTimes.entries();
  if (times.length > 0) yield encodeEntry({ is: "signed", times });
  yield encodeEntry({ is: "end" });
}

/** Half a millisecond's work, and some ten thousand octets. */
const PIECE = 128;

/** The entry of an update that has been worked out. */
export function stepEntry(step: Omit<Step, "change"> & { readonly change?: Change | undefined }) {
  const { at, by, lease, keyLease, holds, file, signedAt } = step;
  const change = step.change && shorten(step.change);
  return encodeEntry({ is: "step", at, by, lease, keyLease, change, holds, file, signedAt });
}

function shorten({ removed, added, to }: Change): StepChange {
  const [before, soa] = [removed[0]!, added[0]!];
  const isRaised = before.ttl === soa.ttl && isSameButSerial(before.rdatas[0]!, soa.rdatas[0]!);
  return {
    to,
    soa: isRaised ? undefined : soa,
    removed: removed.slice(1),
    added: added.slice(1),
  };
}

function isSameButSerial({ values }: Rdata, other: Rdata): boolean {
  return values.every((value, i) => i === SERIAL || value === other.values[i]);
}

//---- Reading back ----

/** Throws FormatError if the entries are not those of a zone `origin`. */
export function readState(entries: Iterable<Uint8Array>, origin: Name, clock: Clock): ZoneState {
  const reader = new StateReader(origin);
  for (const entry of entries) reader.read(entry);
  return reader.finish(clock);
}

class StateReader {
  readonly #origin: Name;
  readonly #leases = new Leases();
  readonly #history = new History();
  readonly #signingTimes = new SigningTimes();
  #nextId = 0;
  #sets: RecordSet[] = [];
  readonly #held: HeldRecord[] = [];
  #file: RecordSet[] = [];
  #snapshot: Snapshot | undefined;

  constructor(origin: Name) {
    this.#origin = origin;
    this.#leases.index();
  }

  read(octets: Uint8Array): void {
    this.#take(decodeEntry(octets, (id) => this.#leases.record(id)));
  }

  finish(clock: Clock): ZoneState {
    if (this.#snapshot === undefined) throw new FormatError("the zone is not in it whole");
    this.#leases.forgetIndex();
    const wall = clock.wall();
    // A lease granted after now means that the clock was set back, which must not prolong leases.
    const forward = Math.min(wall - this.#latest(), 0);
    const ahead = clock.now() - wall + forward;
    this.#leases.map((hold) => ({ ...hold, expires: hold.expires + ahead }));
    return {
      forward,
      snapshot: this.#snapshot,
      leases: this.#leases,
      history: this.#history,
      file: this.#file,
      signingTimes: this.#signingTimes,
    };
  }

  /** When the latest lease was granted. */
  #latest(): number {
    let latest = Number.NEGATIVE_INFINITY;
    for (const { holds } of this.#leases.entries()) {
      for (const { expires, lease } of holds)
        if (lease !== FOREVER) latest = Math.max(latest, expires - lease);
    }
    return latest;
  }

  #take(entry: Entry): void {
    switch (entry.is) {
      case "begin":
        this.#nextId = entry.nextId;
        return;
      case "sets":
        this.#sets.push(...entry.sets);
        return;
      case "holds":
        this.#held.push(...entry.held);
        return;
      case "file":
        this.#file.push(...entry.sets);
        return;
      case "end":
        this.#snapshot = Snapshot.of(this.#origin, this.#sets);
        this.#leases.restore(this.#held, this.#nextId);
        return;
      case "signed":
        for (const [by, time] of entry.times) this.#signingTimes.note(by, time);
        return;
      case "clock":
        this.#leases.map((hold) => ({ ...hold, expires: hold.expires + entry.forward }));
        return;
      case "step":
        this.#step(entry);
    }
  }

  #step({ at, by, lease, keyLease, change, holds, file, signedAt }: Step): void {
    if (this.#snapshot === undefined) throw new FormatError("a step before the zone");
    this.#signingTimes.note(by, signedAt);
    const holdOf = (lease: number): Hold => ({ by, expires: at + lease, lease });
    this.#leases.take(holds, holdOf(lease), holdOf(keyLease));
    if (file !== undefined) this.#file = [...file];
    if (change === undefined) return;
    const { soa } = this.#snapshot;
    const happened: Change = {
      from: this.#snapshot.serial,
      to: change.to,
      removed: [soa, ...change.removed],
      added: [change.soa ?? withSerial(soa, change.to), ...change.added],
      by,
    };
    this.#snapshot = replay(this.#snapshot, happened);
    this.#history.add(happened, this.#snapshot.size);
  }
}

/** The state of a zone that begins with the contents of its file. */
export function firstState(origin: Name, file: readonly RecordSet[], history?: number): ZoneState {
  return {
    snapshot: Snapshot.of(origin, file),
    leases: new Leases(),
    history: new History(history),
    file,
    forward: 0,
    signingTimes: new SigningTimes(),
  };
}
