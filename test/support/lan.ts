/**
 * A LAN in memory: hosts whose Links hear one another, through as much loss, duplication, delay
 * and reordering as a test asks for, all by the test's clock. A datagram is never delivered inside
 * `send`; it arrives at the earliest with `clock.advance(0)`.
 */
import { isIPv4 } from "node:net";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message } from "../../src/dns/message.ts";
import type { Family, Link, LinkAddress, LinkWatch, Packet } from "../../src/net/links/link.ts";
import type { FakeClock } from "./clock.ts";

export interface Faults {
  /** The probability that a datagram does not reach a given hearer. */
  loss: number;
  /** The probability that it arrives twice. */
  duplication: number;
  /** Milliseconds in transit. */
  delay: number;
  /** Additional milliseconds, drawn for each delivery; with jitter, datagrams overtake one another. */
  jitter: number;
}

export class Lan {
  readonly clock: FakeClock;
  readonly faults: Faults;
  readonly #hosts = new Set<LanHost>();
  readonly #chance: () => number;

  /** The LAN draws its random numbers from `seed`, not from the clock, whose list is for what is tested. */
  constructor(clock: FakeClock, faults: Partial<Faults> = {}, seed = 1) {
    this.clock = clock;
    this.faults = { loss: 0, duplication: 0, delay: 0, jitter: 0, ...faults };
    this.#chance = mulberry32(seed);
  }

  /** Plugs a host in; an address without a length is in a /24 or a /64. */
  host(name: string, ...addresses: readonly string[]): LanHost {
    const host = new LanHost(this, name, addresses.map(linkAddress));
    this.#hosts.add(host);
    return host;
  }

  /** Carries a datagram from `sender` to everybody else, or only to the host that has `address`. */
  carry(sender: LanHost, bytes: Uint8Array, family: Family, address?: string): void {
    const source = sender.addresses.find((own) => own.family === family)?.address;
    if (source === undefined) return;
    for (const hearer of this.#hosts) {
      if (hearer === sender || !hearer.has(family, address)) continue;
      const isUnicast = address !== undefined;
      const packet = {
        bytes,
        family,
        source,
        isUnicast,
        isReply: isUnicast && hearer.asked.has(source),
      };
      const { loss, duplication, delay, jitter } = this.faults;
      if (this.#chance() < loss) continue;
      const times = this.#chance() < duplication ? 2 : 1;
      for (let i = 0; i < times; i++) {
        const arrival = this.clock.now() + delay + this.#chance() * jitter;
        this.clock.at(arrival, () => {
          if (sender.isUp && hearer.isUp) hearer.hear(packet);
        });
      }
    }
  }
}

export interface Heard extends Packet {
  /** Milliseconds since the start of the LAN's clock. */
  readonly at: number;
  readonly message: Message;
}

/** A host and its link: the code under test gets it as a Link, what plays a device uses the rest. */
export class LanHost implements Link {
  readonly name: string;
  addresses: readonly LinkAddress[];
  payload = 1452;
  isShared = false;
  /** The state of the cable. */
  isUp = true;
  /** Every datagram received, if `record()` was called. */
  readonly heard: Heard[] = [];
  /** The addresses to which it sent unicast. */
  readonly asked = new Set<string>();
  readonly #lan: Lan;
  readonly #hearers = new Set<(packet: Packet) => void>();

  constructor(lan: Lan, name: string, addresses: readonly LinkAddress[]) {
    this.#lan = lan;
    this.name = name;
    this.addresses = addresses;
  }

  send(bytes: Uint8Array, to?: { readonly family: Family; readonly address?: string }): void {
    if (!this.isUp) return;
    if (to?.address !== undefined) this.asked.add(to.address);
    const copy = Uint8Array.from(bytes);
    for (const family of to === undefined ? ([4, 6] as const) : [to.family]) {
      this.#lan.carry(this, copy, family, to?.address);
    }
  }

  listen(receive: (packet: Packet) => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#hearers.add(receive);
    signal.addEventListener("abort", () => this.#hearers.delete(receive), { once: true });
  }

  hear(packet: Packet): void {
    for (const receive of this.#hearers) receive(packet);
  }

  /** True where a datagram of this family, to this address or to the group, is for this host. */
  has(family: Family, address?: string): boolean {
    return this.addresses.some(
      (own) => own.family === family && (address === undefined || own.address === address),
    );
  }

  /** Sends a message, as a device does. */
  say(message: Message, to?: { readonly family: Family; readonly address?: string }): void {
    this.send(encode(message, { compression: "multicast" }), to);
  }

  /** Calls `react` with each message received: a device's behaviour in one function. */
  react(react: (message: Message, packet: Packet) => void): void {
    this.listen(
      (packet) => react(decode(packet.bytes, { isLenient: true }), packet),
      new AbortController().signal,
    );
  }

  /** Keeps what is received from now on in `heard`. */
  record(): this {
    this.listen((packet) => {
      const message = decode(packet.bytes, { isLenient: true });
      this.heard.push({ ...packet, at: this.#lan.clock.passed, message });
    }, new AbortController().signal);
    return this;
  }
}

/** The links of a host of its own, plugged and unplugged by a test. */
export class LanWatch implements LinkWatch {
  readonly #links = new Map<Link, AbortController>();
  readonly #followers = new Set<(link: Link, gone: AbortSignal) => void>();

  constructor(...links: readonly Link[]) {
    for (const link of links) this.plug(link);
  }

  plug(link: Link): void {
    const life = new AbortController();
    this.#links.set(link, life);
    for (const open of this.#followers) open(link, life.signal);
  }

  unplug(link: Link): void {
    this.#links.get(link)?.abort();
    this.#links.delete(link);
  }

  follow(open: (link: Link, gone: AbortSignal) => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#followers.add(open);
    signal.addEventListener(
      "abort",
      () => {
        this.#followers.delete(open);
        for (const link of [...this.#links.keys()]) this.unplug(link);
      },
      { once: true },
    );
    for (const [link, life] of this.#links) open(link, life.signal);
  }
}

function linkAddress(text: string): LinkAddress {
  const [address = "", prefix] = text.split("/");
  const family = isIPv4(address) ? 4 : 6;
  return { family, address, prefix: prefix === undefined ? (family === 4 ? 24 : 64) : +prefix };
}

/** A small generator with a seed, so that a lossy run can be repeated. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
