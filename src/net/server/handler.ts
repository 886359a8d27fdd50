/**
 * What stands between sockets and answers. The edge decodes a request, calls one Handler and encodes
 * what it yields; a Layer is a Handler round another. Listeners carry the octets, and only they write.
 */
import type { Endpoint } from "../../dns/endpoint.ts";
import type { Message } from "../../dns/message.ts";
import type { Session } from "./session.ts";

export type Transport = "udp" | "tcp" | "tls" | "https";

export interface TlsParameters {
  /** "TLSv1.3". */
  readonly version: string | null;
  /** By ALPN (RFC 7301): "dot"; false where the client named none. */
  readonly application: string | false | null;
}

export interface Request {
  readonly message: Message;
  /** The octets the message was decoded from. */
  readonly bytes: Uint8Array;
  readonly transport: Transport;
  readonly source: Endpoint;
  /** Milliseconds that its connection may be idle; undefined where there is none that is DNS's own. */
  readonly idleTimeout?: number | undefined;
  /** That of its connection, where there is one (RFC 8490). */
  readonly session?: Pick<Session, "abort"> | undefined;
  /** What its handshake came to; only of transport "tls". */
  readonly tls?: TlsParameters | undefined;
  /** What the configuration calls the key that signed it; only a layer that has verified sets it. */
  readonly key?: string | undefined;
  /** When that was, by its sender's clock: seconds since 1970. */
  readonly signedAt?: number | undefined;
  /** It came with a cookie of ours, so from where it says; only the layer that has looked sets it. */
  readonly hasCookie?: boolean | undefined;
  /** Ends when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/**
 * The responses to a request, in order: one as a rule, several for a transfer, none for silence. A
 * Promise is of what has to be waited for once; an AsyncIterable makes each when it is asked for it.
 */
export type Responses = readonly Message[] | Promise<readonly Message[]> | AsyncIterable<Message>;
export type Handler = (request: Request) => Responses;
export type Layer = (next: Handler) => Handler;

/** Answers made before, asked in front of a Handler: each is what the Handler would answer now. */
export interface Ready {
  /**
   * The response to these octets, the caller's to keep; of no octets where there is to be none, and
   * undefined where none is at hand.
   */
  answer(query: Buffer, source: Endpoint): Buffer | undefined;
  /** A response made this moment, without waiting; its octets stay the caller's. */
  offer(request: Request, response: Uint8Array): void;
}
