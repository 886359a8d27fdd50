/** What every listener provides to its owner: where it listens, and when its last socket has closed. */
import { type Endpoint, formatEndpoint } from "../../dns/endpoint.ts";
import type { Transport } from "./handler.ts";

/** The transports of DNS, and "web" for pages. */
export type Protocol = Transport | "web";

export interface Listener {
  /** With the port that the system chose, if port 0 was asked for. */
  readonly endpoint: Endpoint;
  /** Resolves when the signal has ended and the last socket has closed. */
  readonly closed: Promise<void>;
}

/** A listener could not be opened; the message is one line for the administrator. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly transport: Protocol;
  readonly endpoint: Endpoint;
  /** The system's code: "EADDRINUSE", "EACCES". */
  readonly code: string;

  constructor(transport: Protocol, endpoint: Endpoint, cause: NodeJS.ErrnoException) {
    const code = cause.code ?? cause.message;
    const where = `${transport.toUpperCase()} ${formatEndpoint(endpoint)}`;
    super(`cannot listen on ${where}: ${reasons[code] ?? code}`, { cause });
    this.transport = transport;
    this.endpoint = endpoint;
    this.code = code;
  }
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  EACCES: "no permission to use the port",
  EAFNOSUPPORT: "this host does not support IPv6",
  EMFILE: "no file descriptor is left (ulimit -n)",
  EADDRNOTAVAIL: "this host does not have the address",
  EINVAL: "this host has no such interface, or the address is link-local and names no interface",
};
