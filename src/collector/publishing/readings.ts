/**
 * When to read back what a server has of a zone: at the start, when it may have become another, and again
 * after a failure. A first reading is repeated once everything has arrived that a process before this one,
 * killed, may have left in flight: the system goes on sending it.
 */
export class Readings {
  /** Undefined if no reading is to come. */
  #due: number | undefined;
  #first: number | undefined;
  /** Since when readings have failed. */
  #failsSince: number | undefined;

  get due(): number | undefined {
    return this.#due;
  }

  /** True if the last reading failed. */
  get isFailing(): boolean {
    return this.#failsSince !== undefined;
  }

  /** Makes a reading due now. */
  ask(now: number): void {
    this.#due = now;
  }

  /** True if a reading is due, which then counts as begun. */
  begin(now: number): boolean {
    if (this.#due === undefined || this.#due > now) return false;
    this.#due = undefined;
    return true;
  }

  /** The server has told what it has. */
  succeed(began: number): void {
    this.#failsSince = undefined;
    this.#first ??= began;
    if (began < this.#first + ON_ITS_WAY) this.#due = this.#first + ON_ITS_WAY;
  }

  fail(began: number, now: number): void {
    this.#failsSince ??= began;
    const share = Math.max((now - began) * UPDATES_SHARE, (now - this.#failsSince) * DELAY_SHARE);
    this.#due = now + Math.min(Math.max(share, AGAIN.least), AGAIN.most);
  }
}

/** Milliseconds: a system tries nine times to deliver what is left of a connection, for some 100 s. */
const ON_ITS_WAY = 150_000;
/**
 * Milliseconds. A server that has returned is noticed by the updates it takes; one that takes them but does
 * not tell what is there is asked at growing intervals: the administrator has something to do first.
 */
const AGAIN = { least: 5000, most: 600_000 };
/** How late removals may be, as a fraction of the time for which nothing could be read. */
const DELAY_SHARE = 1 / 10;
/** Updates wait while the zone is read, so they then get four times as long as that took. */
const UPDATES_SHARE = 4;
