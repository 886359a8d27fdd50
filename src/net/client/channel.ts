/**
 * The way to a server over which messages go one after the other: TCP, or TLS within it (RFC 7858 §3),
 * where the server has to prove who it is.
 */
import { once } from "node:events";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../../clock.ts";
import type { Endpoint } from "../../dns/endpoint.ts";
import { ExchangeError } from "./exchange.ts";

export interface Server extends Endpoint {
  /** TLS, and what the server is to prove that it is. */
  readonly tls?: TlsIdentity | undefined;
}

export interface TlsIdentity {
  /** Of the certificate. */
  readonly serverName: string;
  /** Certificates in PEM that may have issued it; the system's if not given. */
  readonly authorities?: string;
}

/** What messages go through, and what is beneath it: the same but for TLS, which cannot be reset. */
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
    // An address is no server name (RFC 6066 §3); the certificate is to be for the one dialled.
    ...(isIP(serverName) === 0 && { servername: serverName }),
    ...(authorities !== undefined && { ca: authorities }),
  });
}

/** What has gone wrong, as an ExchangeError. */
export function explain(server: Endpoint, error: unknown): Error {
  if (error instanceof ExchangeError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new ExchangeError(server, code ?? message, { cause: error });
}

/**
 * Milliseconds for TCP and TLS to be there: the SYN is sent twice (RFC 6298 §2.1), and a try that
 * began before a path healed does not stand in the way of the next one for long.
 */
const CONNECT_TIMEOUT = 2000;
