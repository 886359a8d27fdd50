/**
 * Limits work whose amount strangers decide to a quarter of the thread, so that other questions are
 * answered too. Time spent is paid for with time that passes, on credit at first, so that work after a
 * quiet spell need not wait.
 */
export class Quarter {
  readonly #credit: number;
  /** When a quarter of the thread will have paid for all work done so far. */
  #paid = Number.NEGATIVE_INFINITY;

  /** `credit`: milliseconds that may be owed. */
  constructor(credit: number) {
    this.#credit = credit;
  }

  /** When the next piece of work may start. */
  get next(): number {
    return this.#paid - this.#credit;
  }

  /** Pays for work done. Whatever it cost, the next is put off by `LONGEST_REST` at most. */
  spent(from: number, to: number): void {
    const paid = Math.max(this.#paid, from) + PRICE * (to - from);
    this.#paid = Math.min(paid, to + this.#credit + LONGEST_REST);
  }
}

/** Milliseconds to pay for each millisecond of work. */
const PRICE = 4;
const LONGEST_REST = 1000;
