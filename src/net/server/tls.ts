/**
 * DNS over TLS (RFC 7858, RFC 8310), transfers over it among them (RFC 9103): from its first octet
 * on a connection is TLS, and within it is DNS as over TCP. And what TLS listeners share: what they
 * show of themselves, and their connections until these are secure.
 *
 * Invariant: who does not finish the handshake in the time an idle connection has is let go, and has
 * a place like any other until then. Credentials are replaced without a connection being lost.
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

/** PEM: a certificate, followed by those that issued it, and its key. They fit each other. */
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
  /** What is shown from now on; connections that are open stay. */
  present(credentials: Credentials): void;
}

/** Rejects with a ListenError. */
export async function listenTls(options: SecureOptions): Promise<SecureListener> {
  const connections = new Connections("tls", options);
  const server = createServer({
    ...contextOf(options.credentials),
    // Who names protocols must name this one (RFC 7858 §3.2 with RFC 7301); none need be named.
    ALPNProtocols: ["dot"],
    allowHalfOpen: true,
    noDelay: true,
  });
  const { openSession } = options;
  const handshakes = acceptSecure(server, options, (socket, source, place, within) => {
    const tls = { version: socket.getProtocol(), application: socket.alpnProtocol };
    // A socket of TLS cannot be reset, only that which it goes over.
    const sessions = openSession && { openSession, reset: () => void within.resetAndDestroy() };
    connections.serve(socket, source, place, tls, sessions);
  });
  return listenSecure(server, "tls", options, () => {
    handshakes.end();
    return connections.close();
  });
}

/** Starts a server of whatever is within TLS. Rejects with a ListenError. */
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
 * Ciphers with authenticated encryption and forward secrecy alone (RFC 9325 §4.2, RFC 8310 §9): all
 * of TLS 1.3, and of TLS 1.2 these.
 */
const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE+AESGCM",
  "ECDHE+CHACHA20",
].join(":");

/** Sessions are resumed by tickets (RFC 7858 §3.4), whose keys go with the context. */
export function contextOf({ certificate, privateKey }: Credentials): SecureContextOptions {
  return {
    ...{ cert: certificate, key: privateKey, minVersion: "TLSv1.2", ciphers: CIPHERS },
    // A handshake costs us more than its asking costs, so there is one (RFC 9113 §9.2.1 asks for no more).
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
}

/** `within`: the socket that TLS goes over. */
type Serve = (socket: TLSSocket, source: Endpoint, place: Place, within: Socket) => void;

/**
 * Gives the connections of `server` their places, and those that have become secure to `serve`; `end`
 * ends the others.
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
  // First, for an HTTP server makes a session of the socket at once.
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
 * The same for a socket and for the secure one made of it, of which it is known where its peer is. Two
 * connections have it at once where a peer uses its port again before we are told that the first has
 * gone; then it is the second's.
 */
export function keyOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
