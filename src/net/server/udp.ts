/**
 * DNS over UDP (RFC 1035 §4.2.1). Node does not tell which of our addresses a datagram was sent to, but
 * its response must leave from that one (RFC 2181 §4.1); so a wildcard is served by one socket for each
 * local address, and addresses that come and go are followed.
 *
 * Invariant: nothing that arrives ends the process. Datagrams from port 0, to which nothing can be sent,
 * and from our own sockets are dropped before anything is examined; what cannot be sent is lost.
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { setMaxListeners } from "node:events";
import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import type { Cancel, Clock } from "../../clock.ts";
import type { Endpoint } from "../../dns/endpoint.ts";
import type { Log } from "../../log.ts";
import { ifTold } from "../links/interfaces.ts";
import type { Family } from "../links/link.ts";
import { type Edge, makeEdge, type Octets } from "./edge.ts";
import type { Handler, Ready } from "./handler.ts";
import { ListenError, type Listener } from "./listener.ts";

export interface UdpOptions {
  /** `0.0.0.0` or `::` for every address of that family. */
  readonly endpoint: Endpoint;
  readonly handler: Handler;
  readonly ready?: Ready | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** When it ends, so does the listener. */
  readonly signal: AbortSignal;
  /** The addresses of this host. */
  readonly addresses?: (family: Family) => Iterable<string>;
}

/** Places in `UdpListener.counts`. */
export const UdpCount = {
  /** Answered by `ready`. */
  READY: 0,
  /** Passed to the Handler. */
  HANDLED: 1,
  /** From port 0. */
  PORT_ZERO: 2,
  /** From one of our own sockets. */
  OWN: 3,
  /** Not answered because too many others were waiting. */
  OVERLOAD: 4,
} as const;

export interface UdpListener extends Listener {
  /** Datagrams, by `UdpCount`. */
  readonly counts: Float64Array;
}

/** Rejects with a ListenError. */
export async function listenUdp(options: UdpOptions): Promise<UdpListener> {
  const sockets = new Sockets(options);
  try {
    return await sockets.open();
  } catch (error) {
    await sockets.close();
    throw error;
  }
}

/** Milliseconds between scans of this host's addresses. */
const RESCAN_INTERVAL = 3000;

/** Octets of receive buffer, to absorb bursts; the kernel may grant less. */
const RECEIVE_BUFFER = 2 ** 20;

/**
 * Requests whose Handler is waiting; any more are dropped, and their clients retry. Twice as many as strangers
 * can keep waiting, so that updates and questions to links find room beside their registrations.
 */
export const MAX_WAITING = 5000;

class Sockets {
  readonly #options: UdpOptions;
  readonly #family: Family;
  readonly #isWildcard: boolean;
  readonly #edge: Edge;
  readonly #counts = new Float64Array(Object.keys(UdpCount).length);
  readonly #byAddress = new Map<string, Socket>();
  readonly #closing = new Set<Promise<void>>();
  /** Addresses that could not be opened, so that each is logged only once. */
  readonly #refused = new Set<string>();
  #port: number;
  #waiting = 0;
  #isClosed = false;
  #cancelRescan: Cancel = () => {};

  constructor(options: UdpOptions) {
    const { address, port } = options.endpoint;
    this.#options = options;
    this.#family = isIPv4(address) ? 4 : 6;
    this.#isWildcard = address === "0.0.0.0" || address === "::";
    this.#port = port;
    this.#edge = makeEdge(options);
  }

  async open(): Promise<UdpListener> {
    const { endpoint, signal } = this.#options;
    signal.throwIfAborted();
    // Every request has this signal, and a Handler that waits listens to it.
    setMaxListeners(0, signal);
    for (const address of this.#wanted()) await this.#openOne(address);
    if (this.#isWildcard) this.#scheduleRescan();
    const closed = new Promise<void>((resolve) => {
      const end = () => resolve(this.close());
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { once: true });
    });
    return { endpoint: { ...endpoint, port: this.#port }, counts: this.#counts, closed };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRescan();
    for (const address of this.#byAddress.keys()) this.#closeOne(address);
    await Promise.all(this.#closing);
  }

  #wanted(): Set<string> {
    const { endpoint, addresses = localAddresses } = this.#options;
    return new Set(this.#isWildcard ? addresses(this.#family) : [endpoint.address]);
  }

  #scheduleRescan(): void {
    const { clock } = this.#options;
    this.#cancelRescan = clock.at(clock.now() + RESCAN_INTERVAL, () => void this.#rescan());
  }

  async #rescan(): Promise<void> {
    const wanted = ifTold(() => this.#wanted()) ?? new Set(this.#byAddress.keys());
    for (const address of this.#byAddress.keys()) {
      if (!wanted.has(address)) this.#closeOne(address);
    }
    for (const address of this.#refused) if (!wanted.has(address)) this.#refused.delete(address);
    for (const address of wanted) {
      if (this.#isClosed) return;
      if (!this.#byAddress.has(address)) await this.#openLater(address);
    }
    if (!this.#isClosed) this.#scheduleRescan();
  }

  /** Opens an address that appeared later; its failure must not affect the others. */
  async #openLater(address: string): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#openOne(address);
      if (this.#byAddress.has(address)) log.info({ address, port: this.#port }, "listening");
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      if (this.#refused.has(address)) return;
      this.#refused.add(address);
      log.warn({ address, code: error.code }, error.message);
    }
  }

  #openOne(address: string): Promise<void> {
    const family = this.#family;
    const socket = createSocket({
      type: family === 4 ? "udp4" : "udp6",
      ipv6Only: family === 6,
      recvBufferSize: RECEIVE_BUFFER,
      // Destinations are always addresses: there is no need to ask a resolver, or to wait a tick.
      lookup: (host, _options, done) => done(null, host, family),
    });
    return new Promise((resolve, reject) => {
      socket.once("error", (cause: NodeJS.ErrnoException) => {
        socket.close();
        // An address that has just gone, or is not yet usable (RFC 4862 §5.4), is left to the rescan.
        if (this.#isWildcard && cause.code === "EADDRNOTAVAIL") resolve();
        else reject(new ListenError("udp", { address, port: this.#port }, cause));
      });
      socket.bind({ address, port: this.#port }, () => {
        socket.removeAllListeners("error");
        this.#serve(address, socket);
        if (this.#isClosed) this.#closeOne(address);
        resolve();
      });
    });
  }

  #serve(address: string, socket: Socket): void {
    const { ready } = this.#options;
    const counts = this.#counts;
    const own = this.#byAddress;
    const port = socket.address().port;
    this.#port = port;
    own.set(address, socket);
    socket.on("error", () => {});
    socket.on("message", (query, source) => {
      if (source.port === 0) {
        counts[UdpCount.PORT_ZERO]!++;
        return;
      }
      if (source.port === port && own.has(source.address)) {
        counts[UdpCount.OWN]!++;
        return;
      }
      const made = ready?.answer(query, source);
      if (made !== undefined) {
        if (made.length === 0) return;
        counts[UdpCount.READY]!++;
        socket.send(made, source.port, source.address);
        return;
      }
      counts[UdpCount.HANDLED]!++;
      this.#handle(address, query, source);
    });
  }

  #handle(address: string, bytes: Buffer, { address: from, port }: RemoteInfo): void {
    const source = { address: from, port };
    const { signal } = this.#options;
    const responses = this.#edge({ bytes, transport: "udp", source, signal });
    if (Symbol.iterator in responses) {
      for (const octets of responses) this.#send(address, octets, source);
    } else if (this.#waiting < MAX_WAITING) {
      void this.#sendLater(address, responses, source);
    } else {
      this.#counts[UdpCount.OVERLOAD]!++;
    }
  }

  async #sendLater(address: string, responses: Octets, to: Endpoint) {
    this.#waiting++;
    try {
      for await (const octets of await responses) this.#send(address, octets, to);
    } finally {
      this.#waiting--;
    }
  }

  /** Sends from the address that was asked; if that has gone, sends nothing. */
  #send(address: string, octets: Buffer, to: Endpoint): void {
    this.#byAddress.get(address)?.send(octets, to.port, to.address);
  }

  #closeOne(address: string): void {
    const socket = this.#byAddress.get(address);
    if (socket === undefined) return;
    this.#byAddress.delete(address);
    const closed = new Promise<void>((resolve) => socket.close(resolve));
    this.#closing.add(closed);
    void closed.then(() => this.#closing.delete(closed));
  }
}

/** The addresses of interfaces that are up; link-local ones with the interface's name (RFC 4007 §11). */
function* localAddresses(family: Family): Generator<string> {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const { family: itsFamily, address } of addresses ?? []) {
      if (itsFamily !== `IPv${family}`) continue;
      yield address.startsWith("fe80:") ? `${address}%${name}` : address;
    }
  }
}
