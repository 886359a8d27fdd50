/**
 * The idle timeout of a stream (RFC 7766 §6.2.3). When the peer has done nothing that counts for
 * `IDLE_TIMEOUT`, its connection is destroyed if it has not taken its answers, or closed in order if no
 * query is in flight. The connection decides what counts, and reports it by `touch`.
 */
import type { Cancel, Clock } from "../../clock.ts";

/** Milliseconds: "on the order of a few seconds" (RFC 7766 §6.2.3); 10 s is common among servers. */
export const IDLE_TIMEOUT = 10_000;

/** Milliseconds after our end for a peer to take what was sent and to end too. */
const LINGER = 500;

/** A connection, as its watch sees it. */
export interface Watched {
  /** True if there are answers that the peer has not taken. */
  readonly hasUntaken: () => boolean;
  /** True while queries are in flight, or a session applies its own timeouts. */
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

  /** To be called when the peer has done something that counts. */
  touch(): void {
    this.#lastActive = this.#clock.now();
  }

  /** To be called when the connection is ended; destroys it after `LINGER`. */
  linger(): void {
    this.#cancel();
    this.#cancel = this.#clock.at(this.#clock.now() + LINGER, this.#watched.destroy);
  }

  /** To be called when the connection is gone. */
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
