/**
 * Two hosts that say different things of one name, each taking back what the other said (RFC 6762
 * §9, §10.2). They are to settle it among themselves; for as long as they do not, what both say is
 * kept, so that nothing changes each time one of them speaks.
 *
 * A dispute begins when a record that another host took back is said again for the second time. A
 * host that moves to another address and back once begins none, nor does one that changes its mind.
 */
export class Dispute {
  /** The record that was taken back last, and when. */
  #lost: string | undefined;
  #lostAt = 0;
  #returns = 0;
  #until = Number.NEGATIVE_INFINITY;

  /** A host takes back what another one said. True where it is kept all the same. */
  keeps(key: string, now: number): boolean {
    if (now < this.#until) {
      this.#until = now + LENGTH;
      return true;
    }
    this.#lost = key;
    this.#lostAt = now;
    return false;
  }

  /** A record is said that was not there or was to go. True where a dispute begins with it. */
  returns(key: string, now: number): boolean {
    if (key !== this.#lost) return false;
    this.#lost = undefined;
    this.#returns = now - this.#lostAt < LENGTH ? this.#returns + 1 : 0;
    if (this.#returns < MOST) return false;
    this.#returns = 0;
    this.#until = now + LENGTH;
    return true;
  }
}

/** Milliseconds from one word to the next in a dispute: above the life of an address (§10). */
const LENGTH = 150_000;
const MOST = 2;
