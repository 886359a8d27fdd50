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

  note(by: string, time: number | undefined): void {
    if (time !== undefined && time > (this.latest(by) ?? 0)) this.#latest.set(by, time);
  }

  entries(): [string, number][] {
    return [...this.#latest];
  }
}
