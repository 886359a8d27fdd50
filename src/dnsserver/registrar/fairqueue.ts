/**
 * Decides which request of strangers is next: one at a time, round-robin among sources, and in order within
 * a source. So a source that sends much keeps others waiting for one of its turns, and not for all of them.
 *
 * Invariant: waiting requests keep their messages in memory, in total no more than MOST octets, and from one
 * source no more than MOST_OF_ONE. Those of the source with the most make room for those of others, so that no
 * few sources keep all others out.
 */

/** Ends the turn. */
export type Leave = () => void;

export class FairQueue {
  /** By source, the next one first. */
  readonly #waiting = new Map<string, Queue>();
  #octets = 0;
  #isTaken = false;

  /** Resolves when the turn comes; to undefined if there is no room to wait, or no more. */
  enter(source: string, length: number): Promise<Leave | undefined> {
    const octets = Math.max(length, LEAST);
    const queue = this.#waiting.get(source) ?? new Queue();
    const after = queue.octets + octets;
    if (after > MOST_OF_ONE || !this.#makeRoom(octets, after)) return Promise.resolve(undefined);
    this.#octets += octets;
    this.#waiting.set(source, queue);
    const turn = queue.join(octets);
    if (!this.#isTaken) this.#next();
    return turn;
  }

  /** Makes room for these octets of a source that will have `after`, at the expense of those with more. */
  #makeRoom(octets: number, after: number): boolean {
    while (this.#octets + octets > MOST) {
      let most = after;
      let largest: string | undefined;
      for (const [source, queue] of this.#waiting) {
        if (queue.octets <= most) continue;
        most = queue.octets;
        largest = source;
      }
      if (largest === undefined) return false;
      const queue = this.#waiting.get(largest)!;
      this.#octets -= queue.drop();
      if (queue.isEmpty) this.#waiting.delete(largest);
    }
    return true;
  }

  #next(): void {
    const [first] = this.#waiting;
    this.#isTaken = first !== undefined;
    if (first === undefined) return;
    const [source, queue] = first;
    const { octets, go } = queue.take();
    this.#octets -= octets;
    this.#waiting.delete(source);
    if (!queue.isEmpty) this.#waiting.set(source, queue);
    go(() => this.#next());
  }
}

interface Waiting {
  readonly octets: number;
  go(leave?: Leave): void;
}

/** The waiting requests of one source. */
class Queue {
  octets = 0;
  readonly #waiting: Waiting[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  join(octets: number): Promise<Leave | undefined> {
    this.octets += octets;
    return new Promise((go) => this.#waiting.push({ octets, go }));
  }

  take(): Waiting {
    const first = this.#waiting.shift()!;
    this.octets -= first.octets;
    return first;
  }

  /** Turns away the last one; returns its octets. */
  drop(): number {
    const { octets, go } = this.#waiting.pop()!;
    this.octets -= octets;
    go();
    return octets;
  }
}

/** Octets of messages; each takes fifteen once they have been decoded. */
const MOST_OF_ONE = 2 ** 20;
const MOST = 2 * MOST_OF_ONE;
/** Octets that a message counts for at least: so a thousand devices of one source may wait. */
const LEAST = 1024;
