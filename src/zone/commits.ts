/**
 * What has been worked out and waits to be on the disk. All that waits goes there in one write: while
 * it is under way more comes, and goes with the next.
 *
 * Invariant: what is added was worked out from all that was added before. So all of it is kept in
 * that order, or, from the one that could not be written on, undone in the opposite order; and what
 * needs no writing waits its turn too, for what it was worked out from may be undone.
 */

export interface Commit {
  /** Nothing to write. */
  readonly entry: Uint8Array | undefined;
  keep(): void;
  undo(): void;
}

export interface CommitsOptions {
  /** All that has been added goes on its way together; what is added next does not go with it. */
  readonly begin: () => void;
  readonly append: (entries: readonly Uint8Array[]) => Promise<void>;
  /** All that was taken together has been kept; `isWritten` unless there was nothing to write. */
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

  /** What is still to be written, and not under way. */
  get waiting(): readonly Uint8Array[] {
    return entriesOf(this.#waiting);
  }

  /** Resolves when nothing waits. */
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
