/**
 * DNS over TCP (RFC 1035 §4.2.2, RFC 7766), and what it shares with other streams: the connections of
 * a listener and how they end.
 *
 * Invariant: a connection without a place in `Places` is not served, and none outlives its listener by
 * more than a second.
 */
import { createServer, isIPv4, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../../clock.ts";
import type { Endpoint } from "../../dns/endpoint.ts";
import type { Log } from "../../log.ts";
import { Connection, type Sessions } from "./connection.ts";
import { type Edge, makeEdge } from "./edge.ts";
import type { Handler, TlsParameters, Transport } from "./handler.ts";
import { ListenError, type Listener, type Protocol } from "./listener.ts";
import { type Place, Places } from "./places.ts";
import { Rounds } from "./rounds.ts";

export interface StreamOptions {
  readonly endpoint: Endpoint;
  readonly handler: Handler;
  readonly clock: Clock;
  readonly log: Log;
  /** When it ends, the listener ends within a second. */
  readonly signal: AbortSignal;
  /** Shared with other listeners; by default the listener has its own. */
  readonly places?: Places;
}

/** Rejects with a ListenError. */
export async function listenTcp(options: StreamOptions): Promise<Listener> {
  const connections = new Connections("tcp", options);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const source = endpointOf(socket);
    if (source === undefined) socket.destroy();
    else connections.accept(socket, source);
  });
  return listenStream(server, "tcp", options, () => connections.close());
}

/**
 * The peer's address and port; undefined if the peer has gone, or the interface of the connection's
 * link-local address has, in which case Node throws. Once read, a socket remembers them.
 */
export function endpointOf(socket: Socket): Endpoint | undefined {
  try {
    const { remoteAddress, remotePort, localAddress } = socket;
    if (remoteAddress === undefined || remotePort === undefined) return undefined;
    return localAddress === undefined ? undefined : { address: remoteAddress, port: remotePort };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== "uv_if_indextoiid") throw error;
    return undefined;
  }
}

/** The connections of one listener. */
export class Connections {
  readonly #transport: Transport;
  readonly #edge: Edge;
  readonly #clock: Clock;
  readonly #places: Places;
  readonly #rounds: Rounds;
  readonly #connections = new Set<Connection>();

  constructor(transport: Transport, options: Omit<StreamOptions, "endpoint" | "signal">) {
    this.#transport = transport;
    this.#edge = makeEdge(options);
    this.#clock = options.clock;
    this.#places = options.places ?? new Places();
    this.#rounds = new Rounds(options.clock);
  }

  get size(): number {
    return this.#connections.size;
  }

  accept(stream: Duplex, source: Endpoint): void {
    const place = this.#places.enter(stream, source.address);
    if (place !== undefined) this.serve(stream, source, place);
  }

  /** As `accept`, for a stream that already has a place. */
  serve(
    stream: Duplex,
    source: Endpoint,
    place: Place,
    tls?: TlsParameters,
    sessions?: Sessions,
  ): void {
    const connection = new Connection(stream, {
      edge: this.#edge,
      transport: this.#transport,
      source,
      place,
      rounds: this.#rounds,
      clock: this.#clock,
      tls,
      sessions,
    });
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
  }

  async close(): Promise<void> {
    const all = [...this.#connections];
    for (const connection of all) connection.retire();
    await Promise.all(all.map((connection) => connection.closed));
  }
}

/** Starts `server`; when the signal ends, `close` ends its connections. Rejects with a ListenError. */
export function listenStream(
  server: Server,
  transport: Protocol,
  { endpoint, signal, log }: Pick<StreamOptions, "endpoint" | "signal" | "log">,
  close: () => Promise<void>,
): Promise<Listener> {
  const { address, port } = endpoint;
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => {
      reject(new ListenError(transport, endpoint, cause));
    };
    server.once("error", fail);
    server.listen({ host: address, port, ipv6Only: !isIPv4(address), exclusive: true }, () => {
      server.off("error", fail);
      const chosen = server.address() as { port: number };
      // A connection could not be accepted, usually for want of file descriptors.
      server.on("error", (error) => log.warn({ err: error }, "a connection was not accepted"));
      const closed = new Promise<void>((done) => {
        const end = () => {
          server.close(() => done());
          void close();
        };
        if (signal.aborted) end();
        else signal.addEventListener("abort", end, { once: true });
      });
      resolve({ endpoint: { address, port: chosen.port }, closed });
    });
  });
}
