/**
 * The journal of a zone: entries, appended one write after the other and read back at the next start.
 * When it has grown long, a new file is written that opens with the zone as it is, and replaces the old
 * one.
 *
 * Invariant: at every moment its name leads to a whole file that contains all that was ever
 * acknowledged: the old one until the new one is on disk, the new one from then on.
 */
import { FormatError } from "../../dns/format.ts";
import type { Disk } from "./disk.ts";
import { readTape, Tape } from "./tape.ts";

export interface OpenedJournal {
  readonly journal: Journal;
  readonly entries: Iterable<Uint8Array>;
  /** Octets of a write that was in flight when its writer died. */
  readonly torn: number;
}

export class Journal {
  readonly #disk: Disk;
  readonly #path: string;
  #tape: Tape;
  /** True while the file has its name, but might lose it in a power cut. */
  #isUnsettled = false;
  #appending: Promise<void> | undefined;
  /** Defined while the new file is replacing the old one. */
  #switching: Promise<void> | undefined;
  #rewriting: Rewriting | undefined;

  private constructor(disk: Disk, path: string, tape: Tape) {
    this.#disk = disk;
    this.#path = path;
    this.#tape = tape;
  }

  /** Undefined if there is none. Throws FormatError if it is damaged. */
  static async open(disk: Disk, path: string): Promise<OpenedJournal | undefined> {
    await disk.remove(draftOf(path));
    const octets = await disk.read(path);
    if (octets === undefined) return undefined;
    try {
      const recording = readTape(octets);
      const tape = Tape.goOn(disk.open(path), recording);
      await tape.cutOff();
      // Whoever renamed it may have died before the name was permanent.
      await disk.settle(path);
      const { entries, torn } = recording;
      return { journal: new Journal(disk, path, tape), entries, torn };
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new FormatError(`${path}: ${error.message}`);
    }
  }

  static async create(disk: Disk, path: string, salt: number, entries: Entries): Promise<Journal> {
    const tape = await record(disk, path, salt, entries);
    try {
      await disk.rename(draftOf(path), path);
      await disk.settle(path);
    } catch (error) {
      tape.close();
      throw error;
    }
    return new Journal(disk, path, tape);
  }

  /** In octets. */
  get length(): number {
    return this.#tape.length;
  }

  /** Resolves when all of them are on disk; if it rejects, none is. One call at a time. */
  async append(entries: readonly Uint8Array[]): Promise<void> {
    if (this.#switching !== undefined) await this.#switching;
    this.#appending = this.#append(entries);
    try {
      await this.#appending;
      const later = this.#rewriting?.later;
      if (later !== undefined) for (const entry of entries) later.push(entry);
    } catch (error) {
      this.#rewriting?.abort(error);
      throw error;
    } finally {
      this.#appending = undefined;
    }
  }

  /**
   * Writes a new file: `head`, which contains all up to now and what is `waiting` to be appended, followed
   * by what is appended meanwhile. If it rejects, the old file stays. One call at a time.
   */
  async rewrite(salt: number, head: Entries, waiting: readonly Uint8Array[]): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    const later: Uint8Array[] = [];
    // The head contains, or was worked out from, what could not be written.
    const abort = (error: unknown) => {
      failure ??= { error };
    };
    this.#rewriting = { later, abort };
    const known = new Set(waiting);
    const unknown = () => later.splice(0).filter((entry) => !known.has(entry));
    let release = () => {};
    let tape: Tape | undefined;
    try {
      tape = await record(this.#disk, this.#path, salt, head);
      // What came meanwhile, then what came while that was written; appends wait only for the rest.
      await writeAll(tape, unknown());
      await writeAll(tape, unknown());
      this.#switching = new Promise((resolve) => {
        release = resolve;
      });
      await this.#appending?.catch(abort);
      if (failure !== undefined) throw failure.error;
      await writeAll(tape, unknown());
      await this.#disk.rename(draftOf(this.#path), this.#path);
      const before = this.#tape;
      this.#tape = tape;
      this.#isUnsettled = true;
      // Even if this fails the file is closed, and its descriptor may soon be another file's.
      before.close();
      await this.#settle();
    } catch (error) {
      if (this.#tape !== tape) {
        tape?.close();
        // The disk may be full: free what the draft takes.
        await this.#disk.remove(draftOf(this.#path)).catch(() => {});
      }
      throw error;
    } finally {
      this.#rewriting = undefined;
      this.#switching = undefined;
      release();
    }
  }

  close(): void {
    this.#tape.close();
  }

  async #append(entries: readonly Uint8Array[]): Promise<void> {
    if (this.#isUnsettled) await this.#settle();
    // A file that has lost its name accepts everything, and nobody would ever find it.
    if (!this.#tape.isAt(this.#path)) {
      throw new Error(`${this.#path} has been removed or replaced; put it back, or restart`);
    }
    await this.#tape.write(entries);
  }

  async #settle(): Promise<void> {
    await this.#disk.settle(this.#path);
    this.#isUnsettled = false;
  }
}

interface Rewriting {
  /** What has been appended since the rewrite began. */
  readonly later: Uint8Array[];
  abort(error: unknown): void;
}

type Entries = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Writes a tape of these entries, under the draft's name. */
async function record(disk: Disk, path: string, salt: number, entries: Entries): Promise<Tape> {
  const file = disk.create(draftOf(path));
  try {
    const tape = Tape.begin(file, salt);
    await writeAll(tape, entries);
    return tape;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Each write is so large that few are needed, and so small that an update may wait for it. */
async function writeAll(tape: Tape, entries: Entries): Promise<void> {
  let together: Uint8Array[] = [];
  let length = 0;
  for await (const entry of entries) {
    together.push(entry);
    length += entry.length;
    if (length < WRITTEN) continue;
    await tape.write(together);
    together = [];
    length = 0;
  }
  if (together.length > 0) await tape.write(together);
}

/** Octets per write. */
const WRITTEN = 256 * 1024;

function draftOf(path: string): string {
  return `${path}.new`;
}
