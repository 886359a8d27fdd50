/**
 * Who is next of strangers who all want the same: one at a time, their sources in turn, and what one source
 * sends in its order. So whoever sends much keeps others waiting for a turn of his, and not for all of them.
 *
 * Invariant: who waits holds what he has sent; in all that is no more than MOST octets, and of one source
 * no more than MOST_OF_ONE.
 */

/** Says that the turn is over. */
export type Leave = () => void;

export class Turns {
  /** By source, the next one first. */
  readonly #waiting = new Map<string, Queue>();
  #octets = 0;
  #isTaken = false;

  /** Resolves when it is one's turn; undefined where too many wait. */
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

/** Those of one source. */
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

/** As messages, of which an octet takes fifteen when they have been read. */
const MOST_OF_ONE = 2 ** 20;
const MOST = 2 * MOST_OF_ONE;
/** That one message counts for: so a thousand devices of one source may wait. */
const LEAST = 1024;
