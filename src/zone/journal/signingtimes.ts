/**
 * When the last update of each principal was signed, as far as it has come to something: what was
 * signed before may have been recorded by somebody, who must not undo with it what was done since, nor
 * after a restart (RFC 8945 §5.2.3, §10).
 */
export class SigningTimes {
  /** Seconds; by principal, so there are no more than keys. */
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
