/**
 * When a server is asked for what it has of a zone: at the start, when it may have become another, and
 * again where it did not tell. One that was read at the start is read once more when all has come that
 * a process before this one, killed, may have left on its way: the system sends it yet.
 */
export class Readings {
  /** Undefined when nothing is to be asked. */
  #due: number | undefined;
  #first: number | undefined;
  /** Since when it could not be read. */
  #failsSince: number | undefined;

  get due(): number | undefined {
    return this.#due;
  }

  /** Did it fail the last time? */
  get isFailing(): boolean {
    return this.#failsSince !== undefined;
  }

  /** One is due now. */
  ask(now: number): void {
    this.#due = now;
  }

  /** Is one due? Then it has begun. */
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

/** Milliseconds: a system tries nine times to bring over what is left of a connection, for some 100 s. */
const ON_ITS_WAY = 150_000;
/**
 * Milliseconds. A server that is there again is seen by the updates it takes; one that takes them and
 * does not tell what is there is asked ever more seldom: the administrator has something to do first.
 */
const AGAIN = { least: 5000, most: 600_000 };
/** What has left is out that much later than it could be, of the time for which nothing could be read. */
const DELAY_SHARE = 1 / 10;
/** Updates wait for a reading, so they get four times as long as it took. */
const UPDATES_SHARE = 4;
