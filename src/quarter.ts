/**
 * A quarter of the thread, for work of which strangers decide how much there is: others have questions
 * to answer there. What it takes is paid for with time, on credit at first, so that what comes after a
 * quiet time need not wait.
 */
export class Quarter {
  readonly #credit: number;
  /** When a quarter of the thread will have paid for all that was done so far. */
  #paid = Number.NEGATIVE_INFINITY;

  /** Milliseconds that may be owed. */
  constructor(credit: number) {
    this.#credit = credit;
  }

  /** When there may be more. */
  get next(): number {
    return this.#paid - this.#credit;
  }

  /** Whatever was done has cost, the next is not put off for longer than `LONGEST_REST`. */
  spent(from: number, to: number): void {
    const paid = Math.max(this.#paid, from) + PRICE * (to - from);
    this.#paid = Math.min(paid, to + this.#credit + LONGEST_REST);
  }
}

/** Milliseconds for one. */
const PRICE = 4;
const LONGEST_REST = 1000;
