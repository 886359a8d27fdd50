/**
 * Decides which request of strangers is next: one at a time, round-robin among sources, and in order within
 * a source. So a source that sends much keeps others waiting for one of its turns, and not for all of them.
 *
 * Invariant: waiting requests keep their messages in memory, in total no more than MOST octets, and from one
 * source no more than MOST_OF_ONE.
 */

/** Ends the turn. */
export type Leave = () => void;

export class FairQueue {
  /** By source, the next one first. */
  readonly #waiting = new Map<string, Queue>();
  #octets = 0;
  #isTaken = false;

  /** Resolves when the turn comes; undefined if too many wait. */
  enter(source: string, length: number): Promise<Leave> | undefined {
    const octets = Math.max(length, LEAST);
    const queue = this.#waiting.get(source) ?? new Queue();
    if (this.#octets + octets > MOST || queue.octets + octets > MOST_OF_ONE) return undefined;
    this.#octets += octets;
    this.#waiting.set(source, queue);
    const turn = queue.join(octets);
    if (!this.#isTaken) this.#next();
    return turn;
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
  go(leave: Leave): void;
}

/** The waiting requests of one source. */
class Queue {
  octets = 0;
  readonly #waiting: Waiting[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  join(octets: number): Promise<Leave> {
    this.octets += octets;
    return new Promise((go) => this.#waiting.push({ octets, go }));
  }

  take(): Waiting {
    const first = this.#waiting.shift()!;
    this.octets -= first.octets;
    return first;
  }
}

/** Octets of messages; each takes fifteen once they have been decoded. */
const MOST_OF_ONE = 2 ** 20;
const MOST = 2 * MOST_OF_ONE;
/** Octets that a message counts for at least: so a thousand devices of one source may wait. */
const LEAST = 1024;
