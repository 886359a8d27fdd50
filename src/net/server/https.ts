/**
 * DNS over HTTPS (RFC 8484): HTTP/2, and HTTP/1.1 for clients that have nothing else, on a listener of
 * its own that serves one path.
 *
 * Invariant: what a peer can make us hold is bounded, as over TCP. A connection has at most
 * `MAX_REQUESTS` requests in flight, and `MAX_HELD` octets of incomplete requests and of answers not
 * taken; and the connection of a peer that for `IDLE_TIMEOUT` neither completes a request nor takes an
 * answer is closed. Over all connections the requests have places of their own: an open request takes
 * thousands of octets, and a source may have more of them than connections.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  constants,
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../../clock.ts";
import type { Endpoint } from "../../dns/endpoint.ts";
import { decode } from "../../dns/message.ts";
import { freshnessOf, MEDIA_TYPE, messageIn } from "./doh.ts";
import { type Edge, makeEdge } from "./edge.ts";
import { IdleWatch } from "./idle.ts";
import { type Place, Places } from "./places.ts";
import type { SecureListener, SecureOptions } from "./tls.ts";
import { acceptSecure, contextOf, keyOf, listenSecure } from "./tls.ts";

type Asked = IncomingMessage | Http2ServerRequest;
type Answer = ServerResponse | Http2ServerResponse;

/** Concurrent requests of one connection; RFC 9113 §6.5.2 recommends no less. */
export const MAX_REQUESTS = 100;

/** Made once: an error for each request, with its stack, would cost as much as a short answer. */
const OVER = new Error("the request is over");

/** Octets of one connection. */
const MAX_HELD = 256 * 1024;

/** Rejects with a ListenError. */
export async function listenHttps(options: SecureOptions): Promise<SecureListener> {
  const edge = makeEdge(options);
  const connections = new Map<string, HttpConnection>();
  const requests = new Places();
  const server = createSecureServer(
    {
      ...contextOf(options.credentials),
      allowHTTP1: true,
      noDelay: true,
      // Megabytes of a session, besides what is counted here.
      maxSessionMemory: 1,
      settings: { maxConcurrentStreams: MAX_REQUESTS, maxHeaderListSize: 16_384 },
    },
    (request: Asked, response: Answer) => {
      const connection = connections.get(keyOf(request.socket));
      if (connection === undefined) request.destroy();
      else void connection.serve(request, response);
    },
  );
  const handshakes = acceptSecure(server, options, (socket, source, place) => {
    const key = keyOf(socket);
    const { clock } = options;
    const connection = new HttpConnection(socket, { edge, source, place, requests, clock });
    connections.set(key, connection);
    socket.once("close", () => {
      if (connections.get(key) === connection) connections.delete(key);
    });
  });
  server.on("session", (session) => {
    connections.get(keyOf(session.socket))?.becomeSession(session);
  });
  return listenSecure(server, "https", options, async () => {
    handshakes.end();
    await Promise.all(Array.from(connections.values(), (connection) => connection.close()));
  });
}

interface HttpConnectionOptions {
  readonly edge: Edge;
  readonly source: Endpoint;
  readonly place: Place;
  /** For the requests of all connections. */
  readonly requests: Places;
  readonly clock: Clock;
}

/** The answer to a request: a message, or the status that says why there is none. */
interface Outcome {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: Buffer;
}

class HttpConnection {
  readonly #socket: Socket;
  readonly #options: HttpConnectionOptions;
  /** Undefined for HTTP/1.1. */
  #session: ServerHttp2Session | undefined;
  /** What its requests are answered by. */
  readonly #open = new Set<Answer>();
  /** Requests that were reset minus those that were not, never below 0. */
  #resets = 0;
  /** Complete requests whose answer is not ready yet. */
  #pending = 0;
  /** Answers that the peer has not taken. */
  #untaken = 0;
  #held = 0;
  readonly #idle: IdleWatch;

  constructor(socket: Socket, options: HttpConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#idle = new IdleWatch(options.clock, {
      hasUntaken: () => this.#untaken > 0,
      isBusy: () => this.#pending > 0,
      close: () => void this.close(),
      destroy: () => socket.destroy(),
    });
    options.place.isIdle = () => this.#pending + this.#untaken === 0;
    socket.once("close", () => {
      this.#idle.stop();
      // Over HTTP/1.1 Node tells only the one whose turn it is.
      if (this.#session === undefined) for (const response of this.#open) response.emit("close");
    });
    socket.on("error", () => {});
  }

  becomeSession(session: ServerHttp2Session): void {
    this.#session = session;
  }

  /** Ends when all that was answered has been sent. */
  async close(): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = new Promise((resolve) => this.#socket.once("close", resolve));
    if (this.#session === undefined) this.#socket.end();
    else this.#session.close();
    this.#idle.linger();
    await closed;
  }

  async serve(request: Asked, response: Answer): Promise<void> {
    const { requests } = this.#options;
    let isRefused = false;
    let isRead = false;
    response.once("close", () => this.#count(!isRefused && isReset(response)));
    const place = requests.enterFrom(response, this.#options.place.origin, () => {
      isRefused = true;
      refuseRoom(response, isRead);
    });
    if (place === undefined) return;
    let isAsked = false;
    // What is incomplete, or not taken, waits for the peer.
    place.isIdle = () => !isAsked;
    const ended = new AbortController();
    let held = 0;
    const hold = (octets: number): boolean => {
      held += octets;
      this.#held += octets;
      return this.#held <= MAX_HELD;
    };
    this.#open.add(response);
    response.once("close", () => {
      this.#open.delete(response);
      this.#held -= held;
      ended.abort(OVER);
    });
    const isTooMuch = this.#open.size > MAX_REQUESTS || this.#held > MAX_HELD;
    const message = isTooMuch ? 503 : await messageIn(request, hold);
    if (message === undefined) return;
    this.#idle.touch();
    this.#options.place.touch();
    isRead = isAsked = true;
    const outcome =
      typeof message === "number" ? refusal(message) : await this.#ask(message, ended.signal);
    isAsked = false;
    if (ended.signal.aborted) return;
    hold(outcome.body?.length ?? 0);
    this.#send(request, response, outcome);
  }

  /** A client that keeps resetting its requests costs more than one that only asks (RFC 9113 §10.5). */
  #count(isReset: boolean): void {
    this.#resets = Math.max(0, this.#resets + (isReset ? 1 : -1));
    if (this.#resets <= MAX_REQUESTS) return;
    this.#session?.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  async #ask(bytes: Buffer, signal: AbortSignal): Promise<Outcome> {
    const { edge, source } = this.#options;
    this.#pending++;
    try {
      const responses = edge({ bytes, transport: "https", source, signal });
      for await (const octets of await responses) return answer(octets);
      return refusal(503);
    } finally {
      this.#pending--;
    }
  }

  #send(request: Asked, response: Answer, { status, headers, body }: Outcome): void {
    this.#untaken++;
    response.once("close", () => {
      this.#untaken--;
      this.#idle.touch();
    });
    response.writeHead(status, { "content-length": body?.length ?? 0, ...headers });
    // The rest of the request is read and dropped: a client that is cut off may miss its answer.
    request.resume();
    if (body === undefined || request.method === "HEAD") response.end();
    else response.end(body);
  }
}

function isReset(response: Answer): boolean {
  return "stream" in response && response.stream.rstCode !== constants.NGHTTP2_NO_ERROR;
}

/** Has no place for a request: the client is told whether anything was done for it (RFC 9113 §8.7). */
function refuseRoom(response: Answer, isRead: boolean): void {
  const { NGHTTP2_CANCEL, NGHTTP2_REFUSED_STREAM } = constants;
  if ("stream" in response) response.stream.close(isRead ? NGHTTP2_CANCEL : NGHTTP2_REFUSED_STREAM);
  response.destroy();
}

/** Answers depend on who asks, so one cached for a client is for that client only (RFC 9111 §5.2.2.7). */
function answer(octets: Buffer): Outcome {
  const headers = {
    "content-type": MEDIA_TYPE,
    "cache-control": `private, max-age=${freshnessOf(decode(octets))}`,
  };
  return { status: 200, headers, body: octets };
}

const refusals: Readonly<Record<number, Outcome["headers"]>> = {
  405: { allow: "GET, HEAD, POST" },
  503: { "retry-after": 1 },
};

function refusal(status: number): Outcome {
  return { status, ...(refusals[status] && { headers: refusals[status] }) };
}
