/**
 * DNS over TCP (RFC 1035 §4.2.2, RFC 7766), and what it shares with other streams: how many
 * connections there may be, in all and from one source, and their end.
 *
 * Invariant: at most `total` connections. When they are all taken the one longest without a message
 * makes room, so that idle peers never keep a new one out (RFC 7766 §6.2.3: no idle time under load).
 */
import { createServer, isIPv4, type Server } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../clock.ts";
import { addressBytes } from "../dns/address.ts";
import type { Log } from "../log.ts";
import { Connection } from "./connection.ts";
import { type Edge, makeEdge } from "./edge.ts";
import type { Endpoint, Handler, Transport } from "./handler.ts";
import { ListenError, type Listener } from "./listener.ts";

export interface StreamLimits {
  readonly total: number;
  /** Of one IPv4 address or one IPv6 /64. Many clients may share a translated address. */
  readonly perSource: number;
}

export interface StreamOptions {
  readonly endpoint: Endpoint;
  readonly handler: Handler;
  readonly clock: Clock;
  readonly log: Log;
  /** When it ends, so does the listener, within a second. */
  readonly signal: AbortSignal;
  readonly limits?: StreamLimits;
}

const LIMITS: StreamLimits = { total: 2000, perSource: 500 };

/** Rejects with a ListenError. */
export async function listenTcp(options: StreamOptions): Promise<Listener> {
  const connections = new Connections("tcp", options);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const { remoteAddress: address, remotePort: port } = socket;
    // No address: the peer has gone already.
    if (address === undefined || port === undefined) socket.destroy();
    else connections.accept(socket, { address, port });
  });
  return listenStream(server, connections, options);
}

/** Connections of one listener. */
export class Connections {
  readonly #transport: Transport;
  readonly #edge: Edge;
  readonly #clock: Clock;
  readonly #limits: StreamLimits;
  /** The longest without a message first. */
  readonly #connections = new Set<Connection>();
  readonly #perSource = new Map<string, number>();

  constructor(transport: Transport, options: Omit<StreamOptions, "endpoint" | "signal">) {
    this.#transport = transport;
    this.#edge = makeEdge(options);
    this.#clock = options.clock;
    this.#limits = options.limits ?? LIMITS;
  }

  get size(): number {
    return this.#connections.size;
  }

  accept(stream: Duplex, source: Endpoint): void {
    const key = sourceKey(source.address);
    const count = this.#perSource.get(key) ?? 0;
    if (count >= this.#limits.perSource || !this.#makeRoom()) {
      stream.on("error", () => {});
      stream.destroy();
      return;
    }
    this.#perSource.set(key, count + 1);
    const connection = new Connection(stream, {
      edge: this.#edge,
      transport: this.#transport,
      source,
      clock: this.#clock,
      onMessage: () => {
        this.#connections.delete(connection);
        this.#connections.add(connection);
      },
    });
    this.#connections.add(connection);
    void connection.closed.then(() => {
      this.#connections.delete(connection);
      const left = this.#perSource.get(key)! - 1;
      if (left === 0) this.#perSource.delete(key);
      else this.#perSource.set(key, left);
    });
  }

  async close(): Promise<void> {
    const all = [...this.#connections];
    for (const connection of all) connection.close();
    await Promise.all(all.map((connection) => connection.closed));
  }

  /** False when there is none. */
  #makeRoom(): boolean {
    if (this.#connections.size < this.#limits.total) return true;
    for (const connection of this.#connections) {
      if (!connection.isIdle) continue;
      this.#connections.delete(connection);
      connection.destroy();
      return true;
    }
    return false;
  }
}

/** Starts `server`, whose connections go to `connections`. Rejects with a ListenError. */
export function listenStream(
  server: Server,
  connections: Connections,
  { endpoint, signal, log }: StreamOptions,
): Promise<Listener> {
  const { address, port } = endpoint;
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      reject(new ListenError("tcp", endpoint, cause));
    });
    server.listen({ host: address, port, ipv6Only: !isIPv4(address), exclusive: true }, () => {
      server.removeAllListeners("error");
      // A connection that could not be accepted, for want of file descriptors as a rule.
      server.on("error", (error) => log.warn({ err: error }, "a connection was not accepted"));
      const closed = new Promise<void>((done) => {
        const end = () => {
          server.close(() => done());
          void connections.close();
        };
        if (signal.aborted) end();
        else signal.addEventListener("abort", end, { once: true });
      });
      const chosen = server.address() as { port: number };
      resolve({ endpoint: { address, port: chosen.port }, closed });
    });
  });
}

/** IPv4 addresses each for itself, IPv6 by the /64 that one host can have all of. */
function sourceKey(address: string): string {
  if (isIPv4(address)) return address;
  const [plain = ""] = address.split("%");
  return Buffer.from(addressBytes(plain, 6).subarray(0, 8)).toString("hex");
}
