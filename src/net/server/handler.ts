/**
 * The types between sockets and answers. The edge decodes a request, calls one Handler and encodes what
 * it yields; a Layer wraps one Handler in another. Listeners carry the octets, and only they write.
 */
import type { Endpoint } from "../../dns/endpoint.ts";
import type { Message } from "../../dns/message.ts";
import type { Session } from "./session.ts";

export type Transport = "udp" | "tcp" | "tls" | "https";

export interface TlsParameters {
  /** "TLSv1.3". */
  readonly version: string | null;
  /** The protocol chosen by ALPN (RFC 7301): "dot"; false if the client offered none. */
  readonly application: string | false | null;
}

export interface Request {
  readonly message: Message;
  /** The octets the message was decoded from. */
  readonly bytes: Uint8Array;
  readonly transport: Transport;
  readonly source: Endpoint;
  /** Milliseconds that its connection may be idle; undefined by UDP and HTTPS. */
  readonly idleTimeout?: number | undefined;
  /** The session of its connection, if there is one (RFC 8490). */
  readonly session?: Pick<Session, "abort"> | undefined;
  /** The result of its handshake; only for transport "tls". */
  readonly tls?: TlsParameters | undefined;
  /** The configured name of the key that signed it; set only by the layer that has verified it. */
  readonly key?: string | undefined;
  /** When it was signed, by its sender's clock: seconds since 1970. */
  readonly signedAt?: number | undefined;
  /** True if it has a cookie of ours, so its source is genuine; set only by the layer that checks. */
  readonly hasCookie?: boolean | undefined;
  /** Ends when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/**
 * The responses to a request, in order: usually one, several for a transfer, none for silence. A
 * Promise is for what needs a single wait; an AsyncIterable makes each response on demand.
 */
export type Responses = readonly Message[] | Promise<readonly Message[]> | AsyncIterable<Message>;
export type Handler = (request: Request) => Responses;
export type Layer = (next: Handler) => Handler;

/** A cache of answers in front of a Handler: each is what the Handler would answer now. */
export interface Ready {
  /**
   * The response to these octets, the caller's to keep; empty if there is to be no response, and
   * undefined if none is cached.
   */
  answer(query: Buffer, source: Endpoint): Buffer | undefined;
  /** Offers a response made just now, without waiting; its octets stay the caller's. */
  offer(request: Request, response: Uint8Array): void;
}
