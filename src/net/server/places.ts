/**
 * How many connections there may be, in all and from one source, over every listener of streams
 * (RFC 7766 §6.2.2, RFC 9210 §4.2). A connection has its place from its first octet on, for a TLS
 * handshake costs more than what comes after it.
 *
 * Invariant: at most `total` connections. When they are all taken the idle one longest without a
 * message makes room, so that idle peers never keep a new one out (RFC 7766 §6.2.3: no idle time
 * under load).
 */
import type { Duplex } from "node:stream";
import { sourceKey } from "../../dns/address.ts";

export interface PlaceLimits {
  readonly total: number;
  /** Of one IPv4 address or one IPv6 /64. Many clients may share a translated address. */
  readonly perSource: number;
}

const LIMITS: PlaceLimits = { total: 2000, perSource: 500 };

/** What of all places is taken when the next ones are better not kept for long. */
const CROWD = 0.9;

export interface Place {
  /** True when the peer waits for nothing; who serves the connection says so. */
  isIdle: () => boolean;
  /** Says that the peer has sent a complete message. */
  touch(): void;
  /** True when hardly a place is left. */
  readonly isCrowded: boolean;
}

export class Places {
  readonly #limits: PlaceLimits;
  /** The longest without a message first. */
  readonly #taken = new Map<Place, Duplex>();
  readonly #perSource = new Map<string, number>();

  constructor(limits: PlaceLimits = LIMITS) {
    this.#limits = limits;
  }

  /** Places that are taken. */
  get size(): number {
    return this.#taken.size;
  }

  /** A place until `stream` closes; undefined, and `stream` destroyed, where there is none. */
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

  /** False when there is none. */
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
