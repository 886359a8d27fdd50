/**
 * Recognises our own packets, which the kernel loops back to us. Other programs on this host send from the
 * same address and port, so only the octets distinguish ours; a program that sends the very same says nothing
 * new.
 */
import type { Clock } from "../../clock.ts";

export class Echoes {
  readonly #clock: Clock;
  #expected: { readonly bytes: Uint8Array; readonly until: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes a packet that is being sent. */
  expect(bytes: Uint8Array): void {
    const now = this.#clock.now();
    this.#expected = this.#expected.filter((echo) => echo.until > now).slice(1 - MOST);
    this.#expected.push({ bytes, until: now + LIFE });
  }

  has(bytes: Uint8Array): boolean {
    const now = this.#clock.now();
    return this.#expected.some(
      (echo) => echo.until > now && Buffer.compare(echo.bytes, bytes) === 0,
    );
  }
}

/** Milliseconds for which a packet is expected. */
const LIFE = 2_000;
const MOST = 256;
