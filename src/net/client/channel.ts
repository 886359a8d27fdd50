/**
 * Connects to a server over a stream: TCP, or TLS over TCP (RFC 7858 §3), where the server must prove its
 * identity.
 */
import { once } from "node:events";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../../clock.ts";
import type { Endpoint } from "../../dns/endpoint.ts";
import { ExchangeError } from "./exchange.ts";

export interface Server extends Endpoint {
  /** The identity that the server must prove by TLS; undefined for plain TCP. */
  readonly tls?: TlsIdentity | undefined;
}

export interface TlsIdentity {
  /** The name or address that the certificate must be for. */
  readonly serverName: string;
  /** PEM certificates of accepted issuers; the system's if not given. */
  readonly authorities?: string;
}

/** The socket for messages and the TCP socket beneath: two only with TLS, whose socket cannot be reset. */
export interface Channel {
  readonly socket: Socket;
  readonly tcp: Socket;
}

/** Rejects with an ExchangeError. */
export async function connect(server: Server, clock: Clock, signal: AbortSignal): Promise<Channel> {
  if (signal.aborted) throw new ExchangeError(server, "closed");
  const { address: host, port, tls } = server;
  const tcp = connectTcp({ host, port, noDelay: true });
  const socket = tls === undefined ? tcp : secured(tcp, host, tls);
  const cancel = clock.at(clock.now() + CONNECT_TIMEOUT, () => {
    socket.destroy(new ExchangeError(server, "unreachable"));
  });
  try {
    await once(socket, tls === undefined ? "connect" : "secureConnect", { signal });
    return { socket, tcp };
  } catch (error) {
    socket.destroy();
    tcp.destroy();
    throw signal.aborted ? new ExchangeError(server, "closed") : explain(server, error);
  } finally {
    cancel();
  }
}

function secured(tcp: Socket, host: string, { serverName, authorities }: TlsIdentity): Socket {
  return connectTls({
    ...{ socket: tcp, host, ALPNProtocols: ["dot"] },
    // An address may not be sent as a server name (RFC 6066 §3); then the one dialled is verified.
    ...(isIP(serverName) === 0 && { servername: serverName }),
    ...(authorities !== undefined && { ca: authorities }),
  });
}

/** The failure as an ExchangeError. */
export function explain(server: Endpoint, error: unknown): Error {
  if (error instanceof ExchangeError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new ExchangeError(server, code ?? message, { cause: error });
}

/**
 * Milliseconds to establish TCP and TLS: enough to send the SYN twice (RFC 6298 §2.1), and an attempt
 * made before a path healed does not hold up the next one for long.
 */
const CONNECT_TIMEOUT = 2000;
