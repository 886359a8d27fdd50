/**
 * The files of a zone: its journal, which is rewritten when it would take far longer to read than the zone,
 * and the readable copy that follows it.
 */
import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import { type Pace, paced } from "../../paced.ts";
import { writeCopy } from "./copy.ts";
import type { Disk } from "./disk.ts";
import type { Journal } from "./journal.ts";
import { stateEntries } from "./state.ts";
import type { Store, StoredZone } from "./store.ts";

export interface FileStoreOptions {
  readonly disk: Disk;
  readonly journal: Journal;
  /** Path of the readable copy. */
  readonly copy: string;
  readonly clock: Clock;
  readonly log: Log;
  /** A journal of up to this many octets is not rewritten. */
  readonly enough?: number | undefined;
}

export class FileStore implements Store {
  readonly #options: FileStoreOptions;
  /** The journal is rewritten when it costs more than this. */
  #limit: number;
  /** The renewals that no longer are in the journal. */
  #renewalsBefore = 0;
  #rewriting = Promise.resolve();
  #isRewriting = false;
  #copying = Promise.resolve();
  #copied: number | undefined;
  #cancelCopy: (() => void) | undefined;
  readonly #pace: Pace;
  #isClosing = false;

  constructor(options: FileStoreOptions) {
    this.#options = options;
    this.#limit = options.enough ?? ENOUGH;
    this.#pace = { clock: options.clock, isHurried: () => this.#isClosing };
  }

  append(entries: readonly Uint8Array[]): Promise<void> {
    return this.#options.journal.append(entries);
  }

  kept(zone: StoredZone): void {
    const { clock } = this.#options;
    this.#cancelCopy ??= clock.at(clock.now() + COPY_AFTER, () => this.#copy(zone));
    if (this.#isRewriting || this.#costOf(zone) <= this.#limit) return;
    this.#limit = Math.max(this.#limit, zone.current().size * OCTETS_PER_RECORD);
    if (this.#costOf(zone) > this.#limit) this.#rewriting = this.#rewrite(zone);
  }

  /** What the journal costs to read, in octets. */
  #costOf(zone: StoredZone): number {
    const renewals = zone.renewals() - this.#renewalsBefore;
    return this.#options.journal.length + renewals * OCTETS_PER_RENEWAL;
  }

  /** If a zone is given, writes a last copy of it. */
  async close(zone?: StoredZone): Promise<void> {
    this.#isClosing = true;
    await this.#rewriting;
    if (zone !== undefined) this.#copy(zone);
    this.#cancelCopy?.();
    await this.#copying;
    this.#options.journal.close();
  }

  async #rewrite(zone: StoredZone): Promise<void> {
    const { journal, clock, log } = this.#options;
    this.#isRewriting = true;
    const before = this.#costOf(zone);
    const renewals = zone.renewals();
    try {
      const salt = Math.floor(clock.random() * 2 ** 32);
      const head = paced(stateEntries(zone.freeze()), this.#pace);
      await journal.rewrite(salt, head, zone.waiting());
      this.#limit = Math.max(this.#options.enough ?? ENOUGH, 4 * journal.length);
      this.#renewalsBefore = renewals;
    } catch (error) {
      const reason = (error as Error).message;
      log.warn({ zone: `${zone.current().origin}`, reason }, "the journal cannot be rewritten");
      this.#limit = before * 1.5;
    }
    this.#isRewriting = false;
  }

  #copy(zone: StoredZone): void {
    this.#cancelCopy?.();
    this.#cancelCopy = undefined;
    this.#copying = this.#copying.then(() => this.#writeCopy(zone));
  }

  async #writeCopy({ current, holdsOf, wallTime }: StoredZone): Promise<void> {
    const { disk, copy: path, log } = this.#options;
    const snapshot = current();
    if (this.#copied === snapshot.serial) return;
    try {
      await writeCopy(snapshot, { disk, path, holdsOf, wallTime, pace: this.#pace });
      this.#copied = snapshot.serial;
    } catch (error) {
      log.warn(
        { file: path, reason: (error as Error).message },
        "the readable copy of the zone cannot be written",
      );
    }
  }
}

/** Octets: some fifteen thousand updates, or half a million renewals, read in about a second. */
const ENOUGH = 8 * 1024 * 1024;
/** Lets a journal grow to at most four times what its zone takes. */
const OCTETS_PER_RECORD = 512;
/**
 * Reading a renewal takes as long as reading so many octets of others, although a run of them, of whatever
 * length, is written in ten.
 */
const OCTETS_PER_RENEWAL = 16;
/** Milliseconds: how old the copy of a changed zone may get, a quarter of an hour. */
const COPY_AFTER = 15 * 60 * 1000;
