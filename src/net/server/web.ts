/**
 * Pages over plain HTTP/1.1, for people and programs on this host's side of a firewall: a listener that
 * passes each GET to one function, and can stream an endless body (server-sent events, HTML §9.2).
 *
 * Invariant: what a peer can make us hold is bounded. The number of connections is limited, in total and
 * per source. Each has one request at a time, without a body: a peer that sends a second request before
 * the answer (RFC 9112 §9.3.2), or does not take a page in time, is disconnected. The next piece of a
 * stream is made only when the peer has taken the one before.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../../clock.ts";
import type { Endpoint } from "../../dns/endpoint.ts";
import type { Log } from "../../log.ts";
import type { Listener } from "./listener.ts";
import { type Place, Places } from "./places.ts";
import { endpointOf, listenStream } from "./stream.ts";

export interface WebRequest {
  /** Without a query: "/metrics". */
  readonly path: string;
  readonly source: Endpoint;
  /** The Host header without its port; undefined if there was none. */
  readonly host: string | undefined;
  /** Ends when the response is closed. */
  readonly signal: AbortSignal;
}

export interface WebAnswer {
  readonly status: number;
  readonly type?: string;
  /** A piece is made when the one before it has been taken. */
  readonly body: string | AsyncIterable<string>;
  /** Identifies this body (ETag): a client that has it already gets 304 instead. */
  readonly tag?: string;
}

export type WebHandler = (request: WebRequest) => WebAnswer | Promise<WebAnswer>;

export interface WebOptions {
  readonly endpoint: Endpoint;
  readonly handler: WebHandler;
  readonly clock: Clock;
  readonly log: Log;
  /** When it ends, the listener ends, with all that it streams. */
  readonly signal: AbortSignal;
}

/** Rejects with a ListenError. */
export function listenWeb(options: WebOptions): Promise<Listener> {
  const places = new Places(LIMITS);
  const connections = new WeakMap<Socket, Place>();
  const server = createServer(
    {
      ...{ maxHeaderSize: 8192, keepAliveTimeout: 5000, requestTimeout: 10_000, noDelay: true },
      // Detects a viewer that vanishes without a sign.
      ...{ keepAlive: true, keepAliveInitialDelay: 30_000 },
    },
    (request, response) => {
      const place = connections.get(request.socket);
      if (!place?.isIdle()) return request.destroy();
      place.touch();
      place.isIdle = () => response.closed;
      serve(request, response, options).catch((error: unknown) => {
        options.log.error({ err: error }, "a page could not be generated");
        response.destroy();
      });
    },
  );
  server.on("connection", (socket) => {
    const source = endpointOf(socket);
    const place = source && places.enter(socket, source.address);
    if (place === undefined) socket.destroy();
    else connections.set(socket, place);
  });
  return listenStream(server, "web", options, async () => server.closeAllConnections());
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { handler, clock }: Pick<WebOptions, "handler" | "clock">,
) {
  const source = endpointOf(request.socket);
  if (source === undefined) return request.destroy();
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  response.on("error", () => {});
  const { method = "", headers, url = "" } = request;
  if (method !== "GET" && method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD", connection: "close" }).end();
    return;
  }
  const answer = await handler({
    path: url.replace(/\?.*$/s, ""),
    source,
    host: headers.host?.replace(/:\d*$/, ""),
    signal: gone.signal,
  });
  if (gone.signal.aborted) return;
  const { status, type = "text/plain; charset=utf-8", tag, body } = answer;
  const isKnown = tag !== undefined && headers["if-none-match"] === `"${tag}"`;
  response.writeHead(isKnown ? 304 : status, {
    ...PRECAUTIONS,
    ...(!isKnown && { "content-type": type }),
    // nginx would buffer the stream.
    ...(typeof body !== "string" && { "x-accel-buffering": "no" }),
    ...(tag !== undefined && { etag: `"${tag}"` }),
  });
  if (isKnown || method === "HEAD") response.end();
  else if (typeof body !== "string") await stream(body, response, gone.signal);
  else {
    const cancel = clock.at(clock.now() + PATIENCE, () => response.destroy());
    response.on("close", cancel).end(body);
  }
}

async function stream(pieces: AsyncIterable<string>, response: ServerResponse, gone: AbortSignal) {
  try {
    for await (const piece of pieces) {
      if (!response.write(piece)) await once(response, "drain", { signal: gone });
    }
    response.end();
  } catch (error) {
    if (!gone.aborted) throw error;
  }
}

/** Pages show strangers' text: none of it may run, and no other site's pages may read it. */
const PRECAUTIONS = {
  "cache-control": "no-cache",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;
/** A browser opens six at most, and keeps one for an open page; behind a proxy there are several. */
const LIMITS = { total: 64, perSource: 24 };
/** Milliseconds for a whole page. */
const PATIENCE = 60_000;
