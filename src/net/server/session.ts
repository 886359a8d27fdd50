/**
 * What a connection is to whoever keeps a session on it (RFC 8490), and a session to its connection. The
 * one reads and writes, the other knows what messages mean and for how long the peer may be silent.
 */
import type { Endpoint } from "../../dns/endpoint.ts";

export interface Peer {
  readonly source: Endpoint;
  /** Are queries of it under way? */
  readonly isBusy: boolean;
  /** Would its place be wanted for others? */
  readonly isCrowded: boolean;
  /** `taken` is called when the peer's system has the message; never when the connection is over. */
  send(message: Buffer, taken: () => void): void;
  /** Ends the connection at once, unread or not (RFC 8490 §5.3). */
  abort(): void;
  /** Ends with the connection. */
  readonly signal: AbortSignal;
}

export interface Session {
  /** Both ends know of it; idle connections are let go by other rules from then on (RFC 8490 §5.2). */
  readonly isEstablished: boolean;
  /** Is there something that the peer has asked to be told of? */
  readonly isActive: boolean;
  /** A message of opcode 6, of the 12 octets of a header at least. */
  receive(bytes: Uint8Array): void;
  /** Another message has come, or was answered. */
  touch(): void;
  /** The server ends, and says so if the peer knows what that means. Nothing is sent any more. */
  retire(): void;
  /** The peer has broken the rules. */
  abort(): void;
}

export type OpenSession = (peer: Peer) => Session;
