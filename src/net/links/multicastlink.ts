/**
 * One interface's mDNS sockets, sharing port 5353 with whatever else is on the host (RFC 6762 §15).
 * Each socket has one job, and none is bound to the wildcard address:
 *
 * - "group" is bound to the group's address and hears what is sent to the group, nothing else. In
 *   IPv6 the address has a scope, so it hears one interface. In IPv4 Linux gives it every group
 *   packet of the host (ip(7), IP_MULTICAST_ALL); so on the interface of every other link, on every
 *   other interface in its subnet, and wherever another program has joined the group, it joins for an
 *   impossible source only, which keeps that interface's packets away.
 * - "speak" is bound to the interface's address and connected to the group: it sends from the right
 *   address and the right port, and hears nothing, so it never takes a packet from another program.
 * - "own" is bound to the interface's address and hears what is sent to us alone. It would take
 *   that from a responder on the wildcard address, so it is not opened if port 5353 has such an owner.
 * - "ask" is bound to the interface's address and an ephemeral port: it asks one host and hears its
 *   answer, whoever owns port 5353.
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import { Networks } from "../networks.ts";
import { Echoes } from "./echoes.ts";
import {
  type Interface,
  isIn,
  lastingAddresses,
  networksOf,
  speakingAddress,
} from "./interfaces.ts";
import type { Family, Link, LinkAddress, Packet } from "./link.ts";

/** RFC 6762 §3. */
export const MDNS_PORT = 5353;
const GROUP = { 4: "224.0.0.251", 6: "ff02::fb" } as const;
/** IP TTL and hop limit (RFC 6762 §11). */
const HOPS = 255;
/** Octets of our largest packet, with IP and UDP headers (RFC 6762 §17); some devices exceed it. */
const MAX_PACKET = 9_000;
const HEADERS = 40 + 8;
/** Octets. A burst of announcements waits here while we are busy; the kernel may grant less. */
const RECEIVE_BUFFER = 1 << 22;
/** A source that no packet from the wire has. */
const NOBODY = "127.0.0.1";
const TOO_MANY =
  "more interfaces hear multicast DNS than net.ipv4.igmp_max_memberships lets one socket tell apart: " +
  "over IPv4, hosts are assigned to this one by their addresses";

/** The rest of this host's network. */
export interface Surroundings {
  /** The other interfaces on which this host hears the group: the other links, and more. */
  readonly heard: readonly Interface[];
  /** All other interfaces. */
  readonly interfaces: readonly Interface[];
  readonly isShared: boolean;
}

/** A socket that should exist; plans that are equal as JSON mean the same socket. */
interface Plan {
  readonly role: "group" | "speak" | "own" | "ask";
  readonly family: Family;
  /** The interface's. */
  readonly address: string;
  /** Addresses of interfaces whose packets must be kept away. */
  readonly apart: readonly string[];
}

interface Port {
  readonly key: string;
  readonly socket: Socket;
  isReady: boolean;
}

type Reason = "foreign port" | "off link" | "of another link" | "own";

export class MulticastLink implements Link {
  readonly name: string;
  readonly index: number;
  addresses: readonly LinkAddress[] = [];
  payload = 0;
  isShared = true;
  readonly gone: AbortSignal;
  readonly dropped = new Map<Reason, number>();
  readonly #life = new AbortController();
  readonly #log: Log;
  /** The sockets that should exist, by role and family, and those that do. */
  #plans: ReadonlyMap<string, Plan> = new Map();
  readonly #ports = new Map<string, Port>();
  readonly #hearers = new Set<(packet: Packet) => void>();
  /** Consecutive failures of each operation. */
  readonly #failures = new Map<string, number>();
  readonly #echoes: Echoes;
  #near = new Networks([]);
  /** The subnets by which its network is recognised: the last that it had. */
  #network: Networks | undefined;
  #far = new Networks([]);
  /** True while no other interface's IPv4 packets can reach our socket. */
  #isApart = true;
  #hasStrangers = false;

  constructor({ name, index }: Interface, clock: Clock, log: Log) {
    this.name = name;
    this.index = index;
    this.gone = this.#life.signal;
    this.#echoes = new Echoes(clock);
    this.#log = log;
  }

  /** Adapts the sockets to the current interface. */
  adjust(itself: Interface, { heard, interfaces, isShared }: Surroundings): void {
    if (!isDeepStrictEqual(this.addresses, itself.addresses)) this.addresses = itself.addresses;
    this.payload = Math.min(itself.mtu, MAX_PACKET) - HEADERS;
    this.isShared = isShared;
    this.#near = networksOf([itself]);
    const addresses = lastingAddresses(itself);
    if (addresses.length > 0) this.#network = networksOf([{ ...itself, addresses }]);
    this.#far = networksOf(interfaces);
    const plans = new Map<string, Plan>();
    for (const family of [4, 6] as const) {
      const address = speakingAddress(itself, family, interfaces);
      if (address === undefined) continue;
      const apart = family === 4 ? this.#strangers(itself, heard, interfaces) : [];
      plans.set(`group${family}`, { role: "group", family, address, apart });
      plans.set(`speak${family}`, { role: "speak", family, address, apart: [] });
      plans.set(`ask${family}`, { role: "ask", family, address, apart: [] });
      if (!isShared) plans.set(`own${family}`, { role: "own", family, address, apart: [] });
    }
    for (const [id, port] of this.#ports) {
      if (port.key !== JSON.stringify(plans.get(id))) this.#close(id, port);
    }
    this.#plans = plans;
    this.reopen();
  }

  /** Opens the sockets that are missing because they failed. */
  reopen(): void {
    for (const [id, plan] of this.#plans) if (!this.#ports.has(id)) this.#open(id, plan);
  }

  /** Addresses of the interfaces whose packets would be mistaken for this one's. */
  #strangers(itself: Interface, heard: readonly Interface[], interfaces: readonly Interface[]) {
    const isStrange = (other: Interface) =>
      heard.includes(other) || (other.isMulticast && isIn(this.#near, other));
    return interfaces
      .filter(isStrange)
      .flatMap((other) => {
        const others = [itself, ...interfaces.filter((each) => each !== other)];
        return speakingAddress(other, 4, others) ?? [];
      })
      .toSorted();
  }

  /** True if the interface has moved to a network that has nothing in common with its last one. */
  isLeftBehind(itself: Interface): boolean {
    if (lastingAddresses(itself).length === 0 || this.#network === undefined) return false;
    return !isIn(this.#network, itself);
  }

  close(): void {
    this.#life.abort();
    for (const [id, port] of this.#ports) this.#close(id, port);
  }

  /** Anything sent while its socket is missing or not yet open is lost, as if on the wire. */
  send(bytes: Uint8Array, to?: { readonly family: Family; readonly address?: string }): void {
    for (const family of to === undefined ? ([4, 6] as const) : [to.family]) {
      const port = this.#ports.get(`${to?.address === undefined ? "speak" : "ask"}${family}`);
      if (!port?.isReady) continue;
      // If another interface is in that subnet too, the packet might leave by that one.
      const isInBoth = to?.address && family === 4 && this.#far.includes(to.address);
      if (isInBoth) continue;
      const sent = (error: Error | null) => {
        if (error === null) this.#failures.delete(`send${family}`);
        else this.#complain(`send${family}`, error);
      };
      if (to?.address !== undefined) {
        port.socket.send(bytes, MDNS_PORT, this.#scoped(to.address, family), sent);
      } else {
        this.#echoes.expect(bytes);
        port.socket.send(bytes, sent);
      }
    }
  }

  listen(receive: (packet: Packet) => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#hearers.add(receive);
    signal.addEventListener("abort", () => this.#hearers.delete(receive), { once: true });
  }

  #open(id: string, plan: Plan): void {
    const { role, family, address, apart } = plan;
    const socket = createSocket({
      type: family === 4 ? "udp4" : "udp6",
      reuseAddr: true,
      ipv6Only: family === 6,
      // All are addresses already, but Node's lookup takes none with a scope such as "%br_lan".
      lookup: (host, _options, done) => done(null, host, family),
    });
    const port: Port = { key: JSON.stringify(plan), socket, isReady: false };
    this.#ports.set(id, port);
    const ready = () => {
      port.isReady = true;
      this.#failures.delete(id);
    };
    const setUp = () => {
      if (role === "group") {
        socket.setRecvBufferSize(RECEIVE_BUFFER);
        socket.addMembership(GROUP[family], this.#interface(family, address));
        if (family === 4) this.#isApart = this.#keepAway(socket, apart);
        ready();
      } else if (role === "speak") {
        socket.setMulticastInterface(this.#interface(family, address));
        socket.setMulticastTTL(HOPS);
        socket.setMulticastLoopback(true);
        socket.once("connect", ready);
        socket.connect(MDNS_PORT, this.#scoped(GROUP[family], family));
      } else {
        socket.setTTL(HOPS);
        ready();
      }
    };
    const fail = (error: Error) => {
      this.#complain(id, error);
      this.#close(id, port);
    };
    socket.on("error", fail);
    socket.on("message", (bytes, from) => this.#hear(plan, bytes, from));
    socket.bind(
      {
        port: role === "ask" ? 0 : MDNS_PORT,
        address: this.#scoped(role === "group" ? GROUP[family] : address, family),
      },
      () => {
        try {
          setUp();
        } catch (error) {
          // The interface has just changed; what the kernel refuses is retried.
          fail(error as Error);
        }
      },
    );
  }

  #keepAway(socket: Socket, apart: readonly string[]): boolean {
    try {
      for (const address of apart) {
        socket.addSourceSpecificMembership(NOBODY, GROUP[4], address);
      }
      this.#failures.delete("apart");
      return true;
    } catch (error) {
      // More interfaces than net.ipv4.igmp_max_memberships, or a system without such memberships.
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "ENOBUFS") this.#complain("apart", error as Error);
      else if (!this.#failures.has("apart")) {
        this.#failures.set("apart", 1);
        this.#log.warn(
          { interface: this.name, interfaces: apart.length, error: message },
          TOO_MANY,
        );
      }
      return false;
    }
  }

  #close(id: string, port: Port): void {
    if (this.#ports.get(id) !== port) return;
    this.#ports.delete(id);
    port.socket.close();
  }

  #hear({ role, family }: Plan, bytes: Uint8Array, from: RemoteInfo): void {
    const source = from.address.replace(/%.*/, "");
    const reason = this.#reasonAgainst(role, family, source, from.port, bytes);
    if (reason !== undefined) {
      const times = this.dropped.get(reason) ?? 0;
      this.dropped.set(reason, times + 1);
      if (times === 0 && reason !== "own") {
        this.#log.info(
          { interface: this.name, source, reason },
          "an mDNS packet was dropped, the first for this reason",
        );
      }
      return;
    }
    const isReply = role === "ask";
    const packet = { bytes, family, source, isUnicast: role === "own" || isReply, isReply };
    for (const receive of this.#hearers) receive(packet);
  }

  #reasonAgainst(
    role: Plan["role"],
    family: Family,
    source: string,
    port: number,
    bytes: Uint8Array,
  ): Reason | undefined {
    if (port !== MDNS_PORT) return "foreign port";
    const isNear = this.#near.includes(source);
    if (role === "own" || role === "ask") return isNear ? undefined : "off link";
    const isFromHere = this.addresses.some(({ address }) => address === source);
    if (isFromHere && this.#echoes.has(bytes)) return "own";
    if (family === 6) return undefined;
    // A packet to the group is from the link whatever its source (RFC 6762 §11), if it is certain which
    // link that is. Otherwise its subnet decides, if no other interface is in that subnet.
    const isFar = this.#far.includes(source);
    if (isNear) return this.#isApart || !isFar ? undefined : "of another link";
    if (!this.#isApart || isFar) return "of another link";
    if (!this.#hasStrangers) {
      this.#hasStrangers = true;
      this.#log.info(
        { interface: this.name, source },
        "a host has an address outside the subnets of the link",
      );
    }
    return undefined;
  }

  /** Logs a failure once, when it recurs: a single one may be a passing state of the interface. */
  #complain(about: string, error: Error & { code?: string }): void {
    const times = (this.#failures.get(about) ?? 0) + 1;
    this.#failures.set(about, times);
    if (times !== 2) return;
    const fact =
      error.code === "EADDRINUSE"
        ? `UDP port ${MDNS_PORT} is held by a program that does not share it; trying again`
        : "multicast socket failed; trying again";
    this.#log.warn({ interface: this.name, socket: about, error: error.message }, fact);
  }

  #scoped(address: string, family: Family): string {
    return family === 4 ? address : `${address}%${this.name}`;
  }

  /** The interface, in the form that socket options take. */
  #interface(family: Family, address: string): string {
    return family === 4 ? address : `::%${this.name}`;
  }
}
