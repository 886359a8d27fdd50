/**
 * How long a peer over a stream may do nothing (RFC 7766 §6.2.3): who for `IDLE_TIMEOUT` has done
 * nothing that counts is let go, at once if it does not take its answers, gently if nothing is under
 * way. What counts is the connection's to say, by `touch`.
 */
import type { Cancel, Clock } from "../../clock.ts";

/** Milliseconds; "on the order of a few seconds" (RFC 7766 §6.2.3), 10 s is common among servers. */
export const IDLE_TIMEOUT = 10_000;

/** Milliseconds for a peer to take what was sent, and to end too, after our end. */
const LINGER = 500;

/** A connection, as whoever watches it sees it. */
export interface Watched {
  /** Are there answers that the peer has not taken? */
  readonly hasUntaken: () => boolean;
  /** Are queries under way? */
  readonly isBusy: () => boolean;
  /** Ends it, and calls `linger`. */
  readonly close: () => void;
  readonly destroy: () => void;
}

export class IdleWatch {
  readonly #clock: Clock;
  readonly #watched: Watched;
  /** When the peer last did something that counts. */
  #lastActive: number;
  #cancel: Cancel = () => {};

  constructor(clock: Clock, watched: Watched) {
    this.#clock = clock;
    this.#watched = watched;
    this.#lastActive = clock.now();
    this.#watch();
  }

  /** The peer has done something that counts. */
  touch(): void {
    this.#lastActive = this.#clock.now();
  }

  /** The connection is ended, and gone in a moment. */
  linger(): void {
    this.#cancel();
    this.#cancel = this.#clock.at(this.#clock.now() + LINGER, this.#watched.destroy);
  }

  /** The connection is gone. */
  stop(): void {
    this.#cancel();
  }

  #watch(): void {
    const { hasUntaken, isBusy, close, destroy } = this.#watched;
    this.#cancel = this.#clock.at(this.#lastActive + IDLE_TIMEOUT, () => {
      const isQuiet = this.#clock.now() - this.#lastActive >= IDLE_TIMEOUT;
      if (isQuiet && hasUntaken()) destroy();
      else if (isQuiet && !isBusy()) close();
      else {
        if (isQuiet) this.touch();
        this.#watch();
      }
    });
  }
}
