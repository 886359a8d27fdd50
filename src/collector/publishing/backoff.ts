/** When to retry after a failure: a back-off that grows with each further one. */
export class Backoff {
  readonly #random: () => number;
  #failures = 0;
  #refusals = 0;
  #notBefore = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  get notBefore(): number {
    return this.#notBefore;
  }

  succeeded(): void {
    this.#failures = this.#refusals = 0;
  }

  unanswered(now: number): void {
    this.#wait(now, RETRY, this.#failures++);
  }

  /** `isOfZone`: any other request would be refused too. */
  refused(now: number, isOfZone: boolean): void {
    this.#failures = 0;
    const tries = this.#refusals++ - (isOfZone ? 0 : QUICK_REFUSALS);
    if (tries >= 0) this.#wait(now, isOfZone ? NO_ZONE : REFUSED, tries);
  }

  /** There is no time left to wait. */
  end(): void {
    this.#notBefore = 0;
  }

  #wait(now: number, { first, growth, most }: typeof RETRY, tries: number): void {
    const wait = Math.min(first * growth ** tries, most);
    this.#notBefore = now + wait * (1 - this.#random() / 2);
  }
}

/**
 * Milliseconds between attempts, at first and at most; jitter shortens each by up to half. A connection
 * attempt is cheap, and when a path heals everything should be there within 3 s.
 */
const RETRY = { first: 250, growth: 2, most: 1000 };
const NO_ZONE = { first: 1000, growth: 2, most: 60_000 };
/** Each refusal is of something else and shows what to leave out: the next update may be taken. */
const REFUSED = { first: 250, growth: 1.15, most: 60_000 };
/** Refusals in a row without a wait: as many as it takes to find one record in an update. */
const QUICK_REFUSALS = 16;
