/**
 * Limits what peers hold at once, in total and per source: connections, across all stream listeners
 * (RFC 7766 §6.2.2, RFC 9210 §4.2), and requests over HTTPS. A connection has its place from its first octet
 * on, because a TLS handshake costs more than what follows it.
 *
 * Invariant: at most `total` places are taken. When all are, a newcomer gets an idle one, so that idle peers never
 * keep a new one out (RFC 7766 §6.2.3: no idle time under load), but not of a network that has fewer places than
 * its own; or else any of a network that has more, or of a source in its own network that has more, so that nobody
 * keeps others out. The network with the most places loses one first, of its sources the one with the most, and of
 * its places the one that has been without a message for longest.
 */
import { networkKey, sourceKey } from "../../dns/address.ts";

/** What has a place: a stream, or a response over HTTPS. */
interface Holder {
  on(event: "error", listener: () => void): unknown;
  once(event: "close", listener: () => void): unknown;
  destroy(): unknown;
}

export interface PlaceLimits {
  readonly total: number;
  /** Of one IPv4 address or one IPv6 /64. Many clients may share a translated address. */
  readonly perSource: number;
}

const LIMITS: PlaceLimits = { total: 2000, perSource: 500 };

/** The share of places above which new connections had better not be kept for long. */
const CROWD = 0.9;

/** Where a peer is: its source, and the network that this is in. */
export interface Origin {
  readonly source: string;
  readonly network: string;
}

export interface Place {
  readonly origin: Origin;
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
  readonly #taken = new Set<Taken>();
  readonly #shares = new Map<string, Share>();

  constructor(limits: PlaceLimits = LIMITS) {
    this.#limits = limits;
  }

  /** Number of places taken. */
  get size(): number {
    return this.#taken.size;
  }

  /** A place until `holder` closes; if there is none, destroys `holder` and returns undefined. */
  enter(holder: Holder, address: string): Place | undefined {
    const origin = { source: sourceKey(address), network: networkKey(address) };
    return this.enterFrom(holder, origin, () => holder.destroy());
  }

  /** As `enter`, for what comes from where another place's holder is, and is ended by `destroy`. */
  enterFrom(
    holder: Omit<Holder, "destroy">,
    origin: Origin,
    destroy: () => void,
  ): Place | undefined {
    const source = this.#shareOf(origin.source);
    const network = this.#shareOf(origin.network);
    if (source.places >= this.#limits.perSource || !this.#makeRoom(source, network)) {
      holder.on("error", () => {});
      destroy();
      return undefined;
    }
    const crowd = CROWD * this.#limits.total;
    const place = new Taken({ origin, source, network, all: this.#taken, crowd, destroy });
    this.#taken.add(place);
    for (const share of [source, network]) {
      share.places++;
      this.#shares.set(share.of, share);
    }
    holder.once("close", () => this.#leave(place));
    return place;
  }

  #shareOf(of: string): Share {
    return this.#shares.get(of) ?? { of, places: 0 };
  }

  #leave(place: Taken): void {
    if (!this.#taken.delete(place)) return;
    for (const share of [place.source, place.network]) {
      share.places--;
      if (share.places === 0) this.#shares.delete(share.of);
    }
  }

  /** False if no place is or can be made free for a newcomer from there. */
  #makeRoom(source: Share, network: Share): boolean {
    if (this.#taken.size < this.#limits.total) return true;
    let victim: Taken | undefined;
    let most = 0;
    for (const place of this.#taken) {
      const rank = rankOf(place, source, network);
      if (rank <= most) continue;
      most = rank;
      victim = place;
    }
    if (victim === undefined) return false;
    this.#leave(victim);
    victim.destroy();
    return true;
  }
}

/** What a source, or a network, has. */
interface Share {
  readonly of: string;
  places: number;
}

interface TakenOptions {
  readonly origin: Origin;
  readonly source: Share;
  readonly network: Share;
  readonly all: Set<Taken>;
  readonly crowd: number;
  readonly destroy: () => void;
}

class Taken implements Place {
  isIdle = () => true;
  readonly origin: Origin;
  readonly source: Share;
  readonly network: Share;
  readonly destroy: () => void;
  readonly #all: Set<Taken>;
  readonly #crowd: number;

  constructor({ origin, source, network, all, crowd, destroy }: TakenOptions) {
    this.origin = origin;
    this.source = source;
    this.network = network;
    this.#all = all;
    this.#crowd = crowd;
    this.destroy = destroy;
  }

  touch(): void {
    if (this.#all.delete(this)) this.#all.add(this);
  }

  get isCrowded(): boolean {
    return this.#all.size >= this.#crowd;
  }
}

/** How well a place can be spared for a newcomer from this source and network, 0 if not at all. */
function rankOf(place: Taken, source: Share, network: Share): number {
  const isIdle = place.isIdle();
  const hasMore =
    place.network === network
      ? place.source.places > source.places + 1
      : place.network.places > network.places + 1;
  if (!hasMore && !(isIdle && place.network.places >= network.places)) return 0;
  return (isIdle ? IDLE : 0) + place.network.places * NETWORK + place.source.places;
}

/** Weights in a rank: each counts for more than all that come after it. */
const IDLE = 1e12;
const NETWORK = 1e6;
