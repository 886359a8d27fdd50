/**
 * Limits what peers hold at once, in total and per source: connections, across all stream listeners
 * (RFC 7766 §6.2.2, RFC 9210 §4.2), and requests over HTTPS. A connection has its place from its first octet
 * on, because a TLS handshake costs more than what follows it.
 *
 * Invariant: at most `total` places are taken. When all are, a newcomer gets one of a source that has more places
 * than its own, or else of a network that has more: an idle one if there is any, so that idle peers never keep
 * a new one out (RFC 7766 §6.2.3: no idle time under load), otherwise one that is not, so that nobody keeps others
 * out; and at last an idle one of a network with as many, or of its own. Who has most loses one first, and of
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

/** More than any share: idle places are spared more easily. */
const IDLE = 1e6;

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
  readonly #taken = new Map<Taken, Holder>();
  readonly #perSource = new Map<string, number>();

  constructor(limits: PlaceLimits = LIMITS) {
    this.#limits = limits;
  }

  /** Number of places taken. */
  get size(): number {
    return this.#taken.size;
  }

  /** A place until `holder` closes; if there is none, destroys `holder` and returns undefined. */
  enter(holder: Holder, address: string): Place | undefined {
    return this.enterFrom(holder, { source: sourceKey(address), network: networkKey(address) });
  }

  /** As `enter`, for what comes from where another place's holder is. */
  enterFrom(holder: Holder, origin: Origin): Place | undefined {
    const { source } = origin;
    const count = this.#perSource.get(source) ?? 0;
    if (count >= this.#limits.perSource || !this.#makeRoom(origin)) {
      holder.on("error", () => {});
      holder.destroy();
      return undefined;
    }
    this.#perSource.set(source, count + 1);
    const place = new Taken(holder, this.#taken, { origin, crowd: CROWD * this.#limits.total });
    this.#taken.set(place, holder);
    holder.once("close", () => {
      this.#taken.delete(place);
      const left = this.#perSource.get(source)! - 1;
      if (left === 0) this.#perSource.delete(source);
      else this.#perSource.set(source, left);
    });
    return place;
  }

  /** False if no place is or can be made free for such a newcomer. */
  #makeRoom(newcomer: Origin): boolean {
    if (this.#taken.size < this.#limits.total) return true;
    const victim = this.#victimOf("source", newcomer) ?? this.#victimOf("network", newcomer);
    if (victim === undefined) return false;
    const holder = this.#taken.get(victim)!;
    this.#taken.delete(victim);
    holder.destroy();
    return true;
  }

  #victimOf(kind: keyof Origin, newcomer: Origin): Taken | undefined {
    const shares = new Map([[newcomer[kind], 1]]);
    for (const { origin } of this.#taken.keys()) {
      shares.set(origin[kind], (shares.get(origin[kind]) ?? 0) + 1);
    }
    const own = shares.get(newcomer[kind])!;
    let victim: Taken | undefined;
    let most = 0;
    for (const place of this.#taken.keys()) {
      const share = shares.get(place.origin[kind])!;
      const isIdle = place.isIdle();
      let rank = 0;
      if (share > own) rank = isIdle ? IDLE + share : share;
      else if (kind === "network" && share === own && isIdle) rank = 1;
      if (rank <= most) continue;
      most = rank;
      victim = place;
    }
    return victim;
  }
}

class Taken implements Place {
  isIdle = () => true;
  readonly origin: Origin;
  readonly #holder: Holder;
  readonly #all: Map<Taken, Holder>;
  readonly #crowd: number;

  constructor(
    holder: Holder,
    all: Map<Taken, Holder>,
    { origin, crowd }: { readonly origin: Origin; readonly crowd: number },
  ) {
    this.#holder = holder;
    this.#all = all;
    this.origin = origin;
    this.#crowd = crowd;
  }

  touch(): void {
    if (this.#all.delete(this)) this.#all.set(this, this.#holder);
  }

  get isCrowded(): boolean {
    return this.#all.size >= this.#crowd;
  }
}
