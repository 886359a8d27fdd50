/**
 * One connection to one server over TCP or TLS (RFC 7858 §3), opened when there is something to ask
 * and kept for as long as the server keeps it (RFC 7766 §6.2.1). Queries are pipelined and answered in
 * any order; a response goes to the caller that asked with its id.
 *
 * Invariant: one query that times out ends the connection for all. A slow peer cannot be told from a
 * broken path, and the retransmissions of a dead connection can outlast the break by a minute, while a
 * new connection works at once. What has been given up must not arrive after later messages, so the
 * connection is reset, which discards what is unsent (RST, RFC 9293 §3.5.2).
 */
import { randomInt } from "node:crypto";
import type { Socket } from "node:net";
import type { Clock } from "../../clock.ts";
import type { Endpoint } from "../../dns/endpoint.ts";
import { HEADER_LENGTH } from "../../dns/message.ts";
import { Frames, frame } from "../framing.ts";
import { type Channel, connect, explain, type Server } from "./channel.ts";
import { ExchangeError } from "./exchange.ts";

export interface PersistentOptions {
  /** Where the server is now, the best address first; called before each new connection. */
  readonly locate: (signal: AbortSignal) => Promise<readonly Server[]>;
  readonly clock: Clock;
  /** Milliseconds for each response; 5 s if not given. */
  readonly timeout?: number;
}

/** Encodes a message with this id, anew for each attempt, so that no signature is sent twice. */
export type Compose = (id: number) => Uint8Array;

export class PersistentConnection {
  readonly #options: PersistentOptions;
  #session: Promise<Session> | undefined;
  #server: Server | undefined;
  /** Ended by `close`, which stops attempts to connect and retries. */
  #life = new AbortController();

  constructor(options: PersistentOptions) {
    this.#options = options;
  }

  /** The server of the latest connection, open or not; undefined before the first. */
  get server(): Server | undefined {
    return this.#server;
  }

  /** The response. Rejects with an ExchangeError, or with an error of `locate`. */
  async ask(compose: Compose): Promise<Uint8Array> {
    for await (const response of this.askAll(compose)) return response;
    throw new Error("a question without a response is an error before");
  }

  /** Every response until the caller stops; a transfer has many. */
  async *askAll(compose: Compose): AsyncGenerator<Uint8Array> {
    const { signal } = this.#life;
    for (;;) {
      const isKept = this.#session !== undefined;
      const session = await this.#open();
      const inbox = session.ask(compose);
      let isAnswered = false;
      try {
        for (;;) {
          const response = await inbox.next();
          isAnswered = true;
          yield response;
        }
      } catch (error) {
        // The server may close an idle connection just as it is used again.
        const isGone = session.isClosed && (error as ExchangeError).code !== "timeout";
        if (isAnswered || !isKept || !isGone || signal.aborted) throw error;
      } finally {
        inbox.close();
      }
    }
  }

  /** Queries in flight fail; the next query opens a new connection. */
  close(): void {
    const session = this.#session;
    this.#session = undefined;
    this.#life.abort();
    this.#life = new AbortController();
    void session?.then(
      (open) => open.end("closed"),
      () => {},
    );
  }

  #open(): Promise<Session> {
    if (this.#session !== undefined) return this.#session;
    const forget = () => {
      if (this.#session === session) this.#session = undefined;
    };
    const session: Promise<Session> = this.#connect(forget);
    this.#session = session;
    session.catch(forget);
    return session;
  }

  async #connect(onClose: () => void): Promise<Session> {
    const { signal } = this.#life;
    let failure: unknown;
    for (const server of await this.#options.locate(signal)) {
      try {
        const channel = await connect(server, this.#options.clock, signal);
        this.#server = server;
        return new Session(channel, server, this.#options, onClose);
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure ?? new Error("the server has no address");
  }
}

/** Milliseconds. */
const TIMEOUT = 5000;
/** Octets of responses that nobody waits for. */
const MAX_UNWANTED = 2 ** 20;

/** A connection while it lasts. */
class Session {
  isClosed = false;
  readonly #socket: Socket;
  readonly #tcp: Socket;
  readonly #server: Endpoint;
  readonly #options: PersistentOptions;
  readonly #inboxes = new Map<number, Inbox>();
  readonly #onClose: () => void;

  constructor(
    { socket, tcp }: Channel,
    server: Endpoint,
    options: PersistentOptions,
    onClose: () => void,
  ) {
    this.#socket = socket;
    this.#tcp = tcp;
    this.#server = server;
    this.#options = options;
    this.#onClose = onClose;
    const frames = new Frames();
    let unwanted = 0;
    socket.on("data", (piece) => {
      frames.push(piece);
      for (let bytes = frames.next(); bytes !== undefined; bytes = frames.next()) {
        if (bytes.length < HEADER_LENGTH) return this.end("closed");
        const inbox = this.#inboxes.get((bytes[0]! << 8) | bytes[1]!);
        // An id that nobody waits for belongs to an abandoned transfer, which may be endless.
        if (inbox === undefined) unwanted += bytes.length;
        else inbox.put(bytes);
        if (unwanted > MAX_UNWANTED) return this.end("closed");
      }
    });
    socket.on("error", (error) => this.#fail(explain(server, error)));
    socket.on("end", () => this.end("closed"));
    socket.on("close", () => this.end("closed"));
  }

  ask(compose: Compose): Inbox {
    const { clock, timeout = TIMEOUT } = this.#options;
    let id = randomInt(0x10000);
    while (this.#inboxes.has(id)) id = randomInt(0x10000);
    const inbox = new Inbox(
      (expire) => clock.at(clock.now() + timeout, expire),
      () => this.end("timeout"),
      () => this.#inboxes.delete(id),
    );
    if (this.isClosed) {
      inbox.fail(new ExchangeError(this.#server, "closed"));
      return inbox;
    }
    // Nobody waits for a response to what cannot be composed.
    const octets = compose(id);
    this.#inboxes.set(id, inbox);
    this.#socket.write(frame(octets));
    return inbox;
  }

  end(code: string): void {
    this.#fail(new ExchangeError(this.#server, code));
  }

  #fail(error: Error): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#onClose();
    if (this.#inboxes.size > 0) this.#tcp.resetAndDestroy();
    // Takes effect at once; a reset alone would wait for all that was written.
    this.#socket.destroy();
    for (const inbox of this.#inboxes.values()) inbox.fail(error);
  }
}

/** Responses to one query, taken one by one. */
class Inbox {
  readonly close: () => void;
  readonly #watch: (expire: () => void) => () => void;
  readonly #expire: () => void;
  readonly #responses: Uint8Array[] = [];
  #failure: Error | undefined;
  #wake: () => void = () => {};

  constructor(watch: (expire: () => void) => () => void, expire: () => void, close: () => void) {
    this.#watch = watch;
    this.#expire = expire;
    this.close = close;
  }

  put(response: Uint8Array): void {
    this.#responses.push(response);
    this.#wake();
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  async next(): Promise<Uint8Array> {
    const response = this.#responses.shift();
    if (response !== undefined) return response;
    if (this.#failure !== undefined) throw this.#failure;
    const cancel = this.#watch(this.#expire);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    cancel();
    return this.next();
  }
}
