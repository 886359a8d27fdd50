/**
 * The latest signing time of each principal's updates that had an effect. Somebody may have recorded an
 * update signed earlier, and must not be able to undo with it what was done since, even after a restart
 * (RFC 8945 §5.2.3, §10).
 */
export class SigningTimes {
  /** Seconds, by principal; so there are no more of them than keys. */
  readonly #latest = new Map<string, number>();

  latest(by: string): number | undefined {
    return this.#latest.get(by);
  }

  /** Returns what undoes it, provided that everything noted later has been undone before. */
  note(by: string, time: number | undefined): () => void {
    const before = this.latest(by) ?? 0;
    if (time === undefined || time <= before) return () => {};
    this.#latest.set(by, time);
    return () => {
      if (before === 0) this.#latest.delete(by);
      else this.#latest.set(by, before);
    };
  }

  /** The times as they are now, whatever is noted later. */
  copy(): SigningTimes {
    const copy = new SigningTimes();
    for (const [by, time] of this.#latest) copy.note(by, time);
    return copy;
  }

  entries(): [string, number][] {
    return [...this.#latest];
  }
}
