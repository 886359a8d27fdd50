/**
 * DNS over TLS (RFC 7858, RFC 8310), including zone transfers (RFC 9103): a connection is TLS from its
 * first octet, and carries DNS as TCP does. Also what TLS listeners share: the credentials that they
 * present, and their connections until the handshake is complete.
 *
 * Invariant: a connection whose handshake takes longer than the idle timeout is closed, and has a place
 * like any other until then. Credentials are replaced without losing a connection.
 */
import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from "node:tls";
import type { Cancel, Clock } from "../../clock.ts";
import type { Endpoint } from "../../dns/endpoint.ts";
import { IDLE_TIMEOUT } from "./idle.ts";
import type { Listener } from "./listener.ts";
import { type Place, Places } from "./places.ts";
import type { OpenSession } from "./session.ts";
import { Connections, endpointOf, listenStream, type StreamOptions } from "./stream.ts";

/** In PEM: a certificate, followed by its issuers' certificates, and the matching private key. */
export interface Credentials {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface SecureOptions extends StreamOptions {
  readonly credentials: Credentials;
  /** Undefined where connections have no sessions (RFC 8490). */
  readonly openSession?: OpenSession | undefined;
}

export interface SecureListener extends Listener {
  /** Sets the credentials for new connections; open ones are kept. */
  present(credentials: Credentials): void;
}

/** Rejects with a ListenError. */
export async function listenTls(options: SecureOptions): Promise<SecureListener> {
  const connections = new Connections("tls", options);
  const server = createServer({
    ...contextOf(options.credentials),
    // A client that offers protocols must offer this one (RFC 7858 §3.2 with RFC 7301); it may offer none.
    ALPNProtocols: ["dot"],
    allowHalfOpen: true,
    noDelay: true,
    // A client with a session may be silent for two hours (RFC 8490 §6.5), and vanish without a sign.
    keepAlive: true,
    keepAliveInitialDelay: PROBED_AFTER,
  });
  const { openSession } = options;
  const handshakes = acceptSecure(server, options, (socket, source, place, within) => {
    const tls = { version: socket.getProtocol(), application: socket.alpnProtocol };
    // A TLS socket cannot be reset, only the TCP socket beneath it.
    const sessions = openSession && { openSession, reset: () => void within.resetAndDestroy() };
    connections.serve(socket, source, place, tls, sessions);
  });
  return listenSecure(server, "tls", options, () => {
    handshakes.end();
    return connections.close();
  });
}

/**
 * Milliseconds of silence until TCP probes a client; if it is gone, its connection ends soon after. As long
 * as TCP tries to send what nobody acknowledges, and too seldom for a battery to notice.
 */
const PROBED_AFTER = 900_000;

/** Starts a server of any protocol over TLS. Rejects with a ListenError. */
export async function listenSecure(
  server: Server,
  transport: "tls" | "https",
  options: SecureOptions,
  close: () => Promise<void>,
): Promise<SecureListener> {
  const listener = await listenStream(server, transport, options, close);
  return {
    ...listener,
    present: (credentials) => server.setSecureContext(contextOf(credentials)),
  };
}

/**
 * Only ciphers with authenticated encryption and forward secrecy (RFC 9325 §4.2, RFC 8310 §9): those of
 * TLS 1.3, and these of TLS 1.2.
 */
const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE+AESGCM",
  "ECDHE+CHACHA20",
].join(":");

/** Sessions are resumed by tickets (RFC 7858 §3.4), whose keys are replaced with the context. */
export function contextOf({ certificate, privateKey }: Credentials): SecureContextOptions {
  return {
    ...{ cert: certificate, key: privateKey, minVersion: "TLSv1.2", ciphers: CIPHERS },
    // A handshake costs us more than the client, so there is only one (as RFC 9113 §9.2.1 requires).
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
}

/** `within` is the TCP socket beneath TLS. */
type Serve = (socket: TLSSocket, source: Endpoint, place: Place, within: Socket) => void;

/**
 * Gives each connection of `server` a place, and passes it to `serve` when its handshake is complete;
 * `end` destroys those whose handshake is not.
 */
export function acceptSecure(
  server: Server,
  { clock, places = new Places() }: { readonly clock: Clock; readonly places?: Places },
  serve: Serve,
): { end(): void } {
  const handshakes = new Map<string, Handshake>();
  server.on("connection", (socket: Socket) => {
    const source = endpointOf(socket);
    if (source === undefined) return void socket.destroy();
    const place = places.enter(socket, source.address);
    if (place === undefined) return;
    const key = keyOf(socket);
    const cancel = clock.at(clock.now() + IDLE_TIMEOUT, () => socket.destroy());
    handshakes.set(key, { socket, place, cancel });
    socket.once("close", () => {
      cancel();
      if (handshakes.get(key)?.socket === socket) handshakes.delete(key);
    });
  });
  // Before others, because an HTTP server makes a session of the socket at once.
  server.prependListener("secureConnection", (socket) => {
    const source = endpointOf(socket);
    if (source === undefined) return void socket.destroy();
    const key = keyOf(socket);
    const handshake = handshakes.get(key);
    if (handshake === undefined) return void socket.destroy();
    handshake.cancel();
    handshakes.delete(key);
    serve(socket, source, handshake.place, handshake.socket);
  });
  return {
    end: () => {
      for (const { socket } of handshakes.values()) socket.destroy();
    },
  };
}

interface Handshake {
  readonly socket: Socket;
  readonly place: Place;
  readonly cancel: Cancel;
}

/**
 * A key that a TCP socket and the TLS socket on top of it have in common; the address of the peer must be
 * known. Two connections have the same key if a peer reuses its port before we learn that the first has
 * gone; then it belongs to the second.
 */
export function keyOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
