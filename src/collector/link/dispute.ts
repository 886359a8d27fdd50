/**
 * Two hosts that contradict each other about one name, each flushing what the other said (RFC 6762 §9,
 * §10.2). They are expected to settle it between themselves; until they do, what both say is kept, so that
 * nothing changes each time one of them speaks.
 *
 * A dispute begins when a record that another host flushed is announced again for the second time. A host
 * that moves to another address and back once begins none, nor does one that changes its mind.
 */
export class Dispute {
  /** The record that was last flushed, and when. */
  #lost: string | undefined;
  #lostAt = 0;
  #returns = 0;
  #until = Number.NEGATIVE_INFINITY;

  /** A host flushes what another one said. True if it is kept all the same. */
  keeps(key: string, now: number): boolean {
    if (now < this.#until) {
      this.#until = now + LENGTH;
      return true;
    }
    this.#lost = key;
    this.#lostAt = now;
    return false;
  }

  /** A record is announced that was absent or about to expire. True if this begins a dispute. */
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

/** Milliseconds from one contradiction to the next in a dispute: more than the life of an address (§10). */
const LENGTH = 150_000;
const MOST = 2;
