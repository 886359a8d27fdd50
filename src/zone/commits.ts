/**
 * Commits that have been worked out and wait to be written to disk. All that wait go in one write; those
 * that arrive while it is in flight go with the next.
 *
 * Invariant: each commit was worked out from all those added before it. So they are kept in that order;
 * if a write fails, its commits and all later ones are undone in the opposite order. A commit that
 * needs no writing waits its turn too, because what it was worked out from may be undone.
 */

export interface Commit {
  /** Undefined if there is nothing to write. */
  readonly entry: Uint8Array | undefined;
  keep(): void;
  undo(): void;
}

export interface CommitsOptions {
  /** A group has been closed: all commits added so far go together, later ones do not join them. */
  readonly begin: () => void;
  readonly append: (entries: readonly Uint8Array[]) => Promise<void>;
  /** A group has been kept; `isWritten` is false if it had nothing to write. */
  readonly kept: (isWritten: boolean) => void;
  readonly failed: (error: unknown) => void;
}

export class Commits {
  readonly #options: CommitsOptions;
  #waiting: Commit[] = [];
  #isRunning = false;
  #run = Promise.resolve();

  constructor(options: CommitsOptions) {
    this.#options = options;
  }

  add(commit: Commit): void {
    this.#waiting.push(commit);
    if (!this.#isRunning) this.#run = this.#work();
  }

  /** Entries still to be written and not in flight. */
  get waiting(): readonly Uint8Array[] {
    return entriesOf(this.#waiting);
  }

  /** Resolves when no commit is waiting or in flight. */
  idle(): Promise<void> {
    return this.#run;
  }

  async #work(): Promise<void> {
    const { begin, append, kept, failed } = this.#options;
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      begin();
      const entries = entriesOf(group);
      try {
        if (entries.length > 0) await append(entries);
      } catch (error) {
        for (const commit of [...group, ...this.#waiting].reverse()) commit.undo();
        this.#waiting = [];
        failed(error);
        continue;
      }
      for (const commit of group) commit.keep();
      kept(entries.length > 0);
    }
    this.#isRunning = false;
  }
}

function entriesOf(commits: readonly Commit[]): Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (const { entry } of commits) if (entry !== undefined) entries.push(entry);
  return entries;
}
