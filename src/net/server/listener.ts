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
    const isShared = code === "EADDRINUSE" && isEverywhere(endpoint);
    const reason = isShared ? TAKEN_SOMEWHERE : (reasons[code] ?? code);
    super(`cannot listen on ${where}: ${reason}`, { cause });
    this.transport = transport;
    this.endpoint = endpoint;
    this.code = code;
  }
}

function isEverywhere({ address }: Endpoint): boolean {
  return address === "0.0.0.0" || address === "::";
}

/** systemd-resolved has 127.0.0.53:53. */
const TAKEN_SOMEWHERE =
  "the port is in use at one of this host's addresses at least; those where it is free can be listed instead";

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  EACCES: "no permission to use the port",
  EAFNOSUPPORT: "this host does not support IPv6",
  EMFILE: "no file descriptor is left (ulimit -n)",
  EADDRNOTAVAIL: "this host does not have the address",
  EINVAL: "this host has no such interface, or the address is link-local and names no interface",
};
