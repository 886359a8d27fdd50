/**
 * The server's end of one stream of messages, over TCP or TLS (RFC 7766): queries are read as they
 * arrive, answered concurrently and written as their answers become ready, in any order (§6.2.1.1).
 * Where sessions are allowed (RFC 8490), messages of opcode 6 go to the connection's session.
 *
 * Invariant: what a peer can make us hold is bounded. While `MAX_PENDING` queries are in flight, or
 * `MAX_UNREAD` octets of answers are unread, nothing more is read. The connection of a peer that for
 * `IDLE_TIMEOUT` neither completes a message nor reads one is closed; single octets do not count
 * (§6.2.3).
 */
import { setMaxListeners } from "node:events";
import type { Duplex } from "node:stream";
import type { Clock } from "../../clock.ts";
import { isStateful } from "../../dns/dso.ts";
import type { Endpoint } from "../../dns/endpoint.ts";
import { HEADER_LENGTH } from "../../dns/message.ts";
import { Frames, frame } from "../framing.ts";
import type { Edge } from "./edge.ts";
import type { TlsParameters, Transport } from "./handler.ts";
import { IDLE_TIMEOUT, IdleWatch } from "./idle.ts";
import type { Place } from "./places.ts";
import type { Rounds } from "./rounds.ts";
import type { OpenSession, Peer, Session } from "./session.ts";

export interface ConnectionOptions {
  readonly edge: Edge;
  readonly transport: Transport;
  readonly source: Endpoint;
  readonly place: Place;
  /** Shared with the other connections of its listener. */
  readonly rounds: Rounds;
  readonly clock: Clock;
  readonly tls?: TlsParameters | undefined;
  /** Undefined where sessions are not allowed. */
  readonly sessions?: Sessions | undefined;
}

/** What a connection needs to have a session. */
export interface Sessions {
  readonly openSession: OpenSession;
  /** Ends the connection by a reset. */
  readonly reset: () => void;
}

/** Queries of one connection in flight at once. */
export const MAX_PENDING = 64;

/** Octets that may wait for the next round while the stream flows: a message or a few, as most peers send. */
const LITTLE = 4096;

/** Octets of answers that the peer has not taken. */
const MAX_UNREAD = 256 * 1024;

export class Connection {
  readonly closed: Promise<void>;
  readonly #stream: Duplex;
  readonly #options: ConnectionOptions;
  readonly #frames = new Frames();
  readonly #ended = new AbortController();
  #pending = 0;
  #hasPeerEnded = false;
  #isClosing = false;
  #session: Session | undefined;
  readonly #idle: IdleWatch;

  constructor(stream: Duplex, options: ConnectionOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#idle = new IdleWatch(options.clock, {
      hasUntaken: () => stream.writableLength > 0,
      isBusy: () => this.#pending > 0 || this.#session?.isEstablished === true,
      close: () => this.close(),
      destroy: () => stream.destroy(),
    });
    options.place.isIdle = () => this.#pending === 0 && this.#session?.isActive !== true;
    // Every request has this signal, and a Handler that waits listens to it.
    setMaxListeners(0, this.#ended.signal);
    this.closed = new Promise((resolve) => {
      stream.once("close", () => {
        this.#isClosing = true;
        this.#idle.stop();
        this.#ended.abort();
        resolve();
      });
    });
    // A peer may reset the connection at any time; "close" follows.
    stream.on("error", () => {});
    stream.on("data", (piece: Buffer) => {
      if (this.#isClosing) return;
      this.#frames.push(piece);
      this.#read();
    });
    stream.on("end", () => {
      this.#hasPeerEnded = true;
      this.#read();
    });
  }

  /**
   * Ends once what was written is sent. The peer's octets are read and dropped until it ends too:
   * closing with octets unread would reset the connection and lose the last answer.
   */
  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#ended.abort();
    this.#stream.end();
    this.#stream.resume();
    this.#idle.linger();
  }

  /** As `close`, but first tells a peer with a session that it ends. */
  retire(): void {
    if (!this.#isClosing) this.#session?.retire();
    this.close();
  }

  readonly #read = (): void => {
    const { rounds, place } = this.#options;
    while (!this.#isOver) {
      if (this.#pending >= MAX_PENDING || this.#stream.writableLength >= MAX_UNREAD) {
        this.#stream.pause();
        return;
      }
      if (rounds.isOver) {
        if (this.#frames.length > LITTLE) this.#stream.pause();
        rounds.wait(place.origin.source, this.#read);
        return;
      }
      const bytes = this.#frames.next();
      if (bytes === undefined) break;
      // Not a message, so it is unknown where the next one starts.
      if (bytes.length < HEADER_LENGTH) {
        this.close();
        return;
      }
      this.#idle.touch();
      place.touch();
      rounds.spend(bytes.length);
      this.#take(bytes);
    }
    if (this.#isOver) return;
    // A peer that has only ended its sending side still gets its answers (RFC 7766 §6.2.4).
    if (this.#hasPeerEnded && this.#pending === 0) this.close();
    else if (this.#stream.isPaused()) this.#stream.resume();
  };

  /** True when nobody reads answers any more, even if queries are still held. */
  get #isOver(): boolean {
    return this.#isClosing || this.#stream.destroyed;
  }

  #take(bytes: Uint8Array): void {
    const { sessions } = this.#options;
    if (sessions !== undefined && isStateful(bytes)) {
      this.#session ??= sessions.openSession(this.#peerOf(sessions));
      this.#session.receive(bytes);
    } else {
      this.#session?.touch();
      this.#answer(bytes);
    }
  }

  #peerOf({ reset }: Sessions): Peer {
    const { source, place } = this.#options;
    const isBusy = () => this.#pending > 0;
    return {
      source,
      get isBusy() {
        return isBusy();
      },
      get isCrowded() {
        return place.isCrowded;
      },
      send: (message, taken) =>
        this.#write(message, () => {
          if (this.#isOver) return;
          this.#idle.touch();
          taken();
          this.#read();
        }),
      retire: () => this.retire(),
      abort: () => {
        if (this.#isOver) return;
        this.#isClosing = true;
        this.#ended.abort();
        reset();
      },
      signal: this.#ended.signal,
    };
  }

  #answer(bytes: Uint8Array): void {
    const { edge, transport, source, place, tls } = this.#options;
    const { signal } = this.#ended;
    const idleTimeout = place.isCrowded ? 0 : IDLE_TIMEOUT;
    const session = this.#session?.isEstablished ? this.#session : undefined;
    this.#pending++;
    const responses = edge({ bytes, transport, source, idleTimeout, session, tls, signal });
    if (Symbol.iterator in responses) this.#writeAll(responses);
    else if (responses instanceof Promise) void responses.then(this.#writeLater);
    else void this.#writeEach(responses);
  }

  /** A query is in flight until its answers have been taken. */
  #writeAll(all: readonly Buffer[]): void {
    this.#pending += all.length - 1;
    for (const octets of all) this.#write(octets, this.#taken);
  }

  readonly #writeLater = (all: readonly Buffer[]): void => {
    this.#writeAll(all);
    this.#read();
  };

  /** Writes each only when the previous one has been taken: a transfer goes at the peer's pace. */
  async #writeEach(responses: AsyncIterable<Buffer>): Promise<void> {
    for await (const octets of responses) {
      await new Promise<void>((resolve) => this.#write(octets, () => resolve()));
      if (this.#isOver) break;
      this.#idle.touch();
    }
    this.#taken();
  }

  #write(octets: Buffer, taken: () => void): void {
    if (this.#isOver) {
      taken();
      return;
    }
    this.#options.rounds.spend(octets.length);
    if (this.#pending > 1) this.#gather();
    this.#stream.write(frame(octets), taken);
  }

  /** Called when the system has taken an answer, or the stream has failed. */
  readonly #taken = (): void => {
    this.#pending--;
    this.#session?.touch();
    this.#idle.touch();
    this.#read();
  };

  /** Puts answers that become ready together, as after one sync, into one write (RFC 7766 §8). */
  #gather(): void {
    if (this.#stream.writableCorked > 0) return;
    this.#stream.cork();
    process.nextTick(() => this.#stream.uncork());
  }
}
