/**
 * Limits the number of connections, in total and per source, across all stream listeners
 * (RFC 7766 §6.2.2, RFC 9210 §4.2). A connection has its place from its first octet on, because a TLS
 * handshake costs more than what follows it.
 *
 * Invariant: at most `total` connections. When all places are taken, the idle connection that has been
 * without a message for longest is closed, so that idle peers never keep a new one out (RFC 7766 §6.2.3:
 * no idle time under load).
 */
import type { Duplex } from "node:stream";
import { sourceKey } from "../../dns/address.ts";

export interface PlaceLimits {
  readonly total: number;
  /** Of one IPv4 address or one IPv6 /64. Many clients may share a translated address. */
  readonly perSource: number;
}

const LIMITS: PlaceLimits = { total: 2000, perSource: 500 };

/** The share of places above which new connections had better not be kept for long. */
const CROWD = 0.9;

export interface Place {
  /** True when the peer waits for nothing; set by whoever serves the connection. */
  isIdle: () => boolean;
  /** To be called when the peer has sent a complete message. */
  touch(): void;
  /** True when hardly any place is left. */
  readonly isCrowded: boolean;
}

export class Places {
  readonly #limits: PlaceLimits;
  /** Ordered by last message, the oldest first. */
  readonly #taken = new Map<Place, Duplex>();
  readonly #perSource = new Map<string, number>();

  constructor(limits: PlaceLimits = LIMITS) {
    this.#limits = limits;
  }

  /** Number of places taken. */
  get size(): number {
    return this.#taken.size;
  }

  /** A place until `stream` closes; if there is none, destroys `stream` and returns undefined. */
  enter(stream: Duplex, address: string): Place | undefined {
    const source = sourceKey(address);
    const count = this.#perSource.get(source) ?? 0;
    if (count >= this.#limits.perSource || !this.#makeRoom()) {
      stream.on("error", () => {});
      stream.destroy();
      return undefined;
    }
    this.#perSource.set(source, count + 1);
    const place = new Taken(stream, this.#taken, CROWD * this.#limits.total);
    this.#taken.set(place, stream);
    stream.once("close", () => {
      this.#taken.delete(place);
      const left = this.#perSource.get(source)! - 1;
      if (left === 0) this.#perSource.delete(source);
      else this.#perSource.set(source, left);
    });
    return place;
  }

  /** False if no place is or can be made free. */
  #makeRoom(): boolean {
    if (this.#taken.size < this.#limits.total) return true;
    for (const [place, stream] of this.#taken) {
      if (!place.isIdle()) continue;
      this.#taken.delete(place);
      stream.destroy();
      return true;
    }
    return false;
  }
}

class Taken implements Place {
  isIdle = () => true;
  readonly #stream: Duplex;
  readonly #all: Map<Place, Duplex>;
  readonly #crowd: number;

  constructor(stream: Duplex, all: Map<Place, Duplex>, crowd: number) {
    this.#stream = stream;
    this.#all = all;
    this.#crowd = crowd;
  }

  touch(): void {
    if (this.#all.delete(this)) this.#all.set(this, this.#stream);
  }

  get isCrowded(): boolean {
    return this.#all.size >= this.#crowd;
  }
}
