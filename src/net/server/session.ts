/**
 * The interface between a connection and the session on it (RFC 8490). The connection, seen as a Peer,
 * reads and writes; the session knows what messages mean and for how long the peer may be silent.
 */
import type { Endpoint } from "../../dns/endpoint.ts";

export interface Peer {
  readonly source: Endpoint;
  /** True while queries of the peer are in flight. */
  readonly isBusy: boolean;
  /** True when its place may be wanted for others. */
  readonly isCrowded: boolean;
  /** Calls `taken` when the system has taken the message, but not once the connection is over. */
  send(message: Buffer, taken: () => void): void;
  /** Tells the peer that its session ends, by `Session.retire`, and ends the connection. */
  retire(): void;
  /** Resets the connection, even if messages are unread (RFC 8490 §5.3). */
  abort(): void;
  /** Ends with the connection. */
  readonly signal: AbortSignal;
}

export interface Session {
  /** True once both ends know of it; from then on other idle timeouts apply (RFC 8490 §5.2). */
  readonly isEstablished: boolean;
  /** True while the peer has subscriptions. */
  readonly isActive: boolean;
  /** Takes a message of opcode 6 that has at least the 12 octets of a header. */
  receive(bytes: Uint8Array): void;
  /** To be called when another message has arrived or been answered. */
  touch(): void;
  /** Tells the peer of an established session that it ends, and when to return. Nothing is sent after that. */
  retire(): void;
  /** Resets the connection of a peer that has broken the rules. */
  abort(): void;
}

export type OpenSession = (peer: Peer) => Session;
