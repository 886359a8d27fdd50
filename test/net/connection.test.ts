/** A connection whose stream and session are played by the test. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Duplex } from "node:stream";
import { suite, test } from "node:test";
import { frame } from "../../src/net/framing.ts";
import { Connection } from "../../src/net/server/connection.ts";
import type { Received } from "../../src/net/server/edge.ts";
import { Places } from "../../src/net/server/places.ts";
import { Rounds, SIZE } from "../../src/net/server/rounds.ts";
import type { Peer } from "../../src/net/server/session.ts";
import { FakeClock } from "../support/clock.ts";
import { keepalive } from "../support/pushclient.ts";
import { waitFor } from "../support/wait.ts";

const QUERY = Buffer.alloc(12);

class Peering {
  readonly clock = new FakeClock();
  readonly rounds = new Rounds(this.clock);
  readonly places = new Places();
  readonly received: Received[] = [];
  /** Calls to the session, in order. */
  readonly calls: string[] = [];
  readonly session = {
    ...{ isEstablished: true, isActive: true },
    receive: () => this.calls.push("receive"),
    touch: () => this.calls.push("touch"),
    retire: () => this.calls.push("retire"),
    abort: () => this.calls.push("abort"),
  };
  readonly stream: Duplex;
  readonly connection: Connection;
  readonly place;
  #peer: Peer | undefined;
  #written: (() => void)[] = [];

  constructor() {
    const { clock, places } = this;
    const source = { address: "192.0.2.1", port: 4000 };
    this.stream = new Duplex({
      read: () => {},
      write: (_octets, _encoding, done) => void this.#written.push(done),
    });
    this.place = places.enter(this.stream, source.address)!;
    this.connection = new Connection(this.stream, {
      ...{ transport: "tls", source, clock, place: this.place },
      edge: (received) => {
        this.received.push(received);
        return [Buffer.alloc(12)];
      },
      rounds: this.rounds,
      sessions: {
        openSession: (peer) => {
          this.#peer = peer;
          return this.session;
        },
        reset: () => void this.stream.destroy(),
      },
    });
  }

  say(message: Buffer): void {
    this.stream.push(frame(message));
  }

  /** Sends the first message of a session. */
  async begin(): Promise<Peer> {
    this.say(keepalive(1, 15_000, 15_000));
    return await waitFor("a session", () => this.calls.includes("receive") && this.#peer);
  }

  /** Lets the system take the oldest write. */
  take(): void {
    this.#written.shift()!();
  }
}

suite("a connection with a session", () => {
  test("never reports a message as taken before the peer has taken it", async () => {
    const peering = new Peering();
    const peer = await peering.begin();
    let taken = 0;
    for (let i = 0; i < 3; i++) peer.send(Buffer.alloc(12), () => taken++);
    peering.take();
    await waitFor("the first to be taken", () => taken === 1);
    peer.abort();
    peer.send(Buffer.alloc(12), () => taken++);
    await peering.connection.closed;
    peer.send(Buffer.alloc(12), () => taken++);
    assert.equal(taken, 1);
  });

  test("tells the session when another message comes, and when it was answered", async () => {
    const peering = new Peering();
    const peer = await peering.begin();
    peering.say(QUERY);
    await waitFor("a query", () => peering.received[0]);
    assert.deepEqual(peering.calls, ["receive", "touch"]);
    assert.equal(peer.isBusy, true);
    peering.take();
    await waitFor("the answer to be taken", () => peering.calls.length === 3);
    assert.deepEqual(peering.calls, ["receive", "touch", "touch"]);
    assert.equal(peer.isBusy, false);
    peering.stream.destroy();
  });

  test("passes the session to the Handler while it is established", async () => {
    const peering = new Peering();
    await peering.begin();
    for (const isEstablished of [true, false]) {
      peering.session.isEstablished = isEstablished;
      const count = peering.received.length;
      peering.say(QUERY);
      const { session } = await waitFor("a query", () => peering.received[count]);
      assert.equal(session, isEstablished ? peering.session : undefined);
    }
    peering.stream.destroy();
  });

  test("keeps its place while the session is active, and follows the session's own timeouts", async () => {
    const peering = new Peering();
    await peering.begin();
    assert.equal(peering.place.isIdle(), false);
    peering.session.isActive = false;
    assert.equal(peering.place.isIdle(), true);
    peering.clock.advance(3_600_000);
    assert.equal(peering.stream.writableEnded, false);
    peering.session.isEstablished = false;
    peering.clock.advance(20_000);
    assert.equal(peering.stream.writableEnded, true);
    peering.stream.destroy();
  });

  test("PUSH-33: is closed if the peer takes nothing that is pushed, but not while it takes some", async () => {
    const peering = new Peering();
    const peer = await peering.begin();
    let taken = 0;
    for (let i = 0; i < 3; i++) peer.send(Buffer.alloc(12), () => taken++);
    peering.clock.advance(9000);
    peering.take();
    await waitFor("the first to be taken", () => taken === 1);
    peering.clock.advance(9000);
    assert.equal(peering.stream.destroyed, false);
    peering.clock.advance(2000);
    assert.equal(peering.stream.destroyed, true);
  });

  test("resumes reading when the peer has taken what was pushed", async () => {
    const peering = new Peering();
    const peer = await peering.begin();
    let taken = 0;
    for (let i = 0; i < 20; i++) peer.send(Buffer.alloc(16_382), () => taken++);
    peering.say(QUERY);
    await waitFor("it to read no more", () => peering.stream.isPaused());
    // In the next round too much is still unread.
    peering.clock.advance(0);
    assert.deepEqual(peering.received, []);
    for (let i = 0; i < 5; i++) {
      peering.take();
      await waitFor("some to be taken", () => taken === i + 1);
    }
    await waitFor("the query to be read", () => peering.received[0]);
    peering.stream.destroy();
  });

  test("PUSH-30: ends its session, however it ends", async () => {
    const ways: Readonly<Record<string, (peering: Peering) => void>> = {
      "by a reset": ({ stream }) => void stream.destroy(new Error("reset")),
      "by the peer": ({ stream }) => void stream.push(null),
      "by the server": ({ connection }) => connection.close(),
    };
    for (const [way, end] of Object.entries(ways)) {
      const peering = new Peering();
      const { signal } = await peering.begin();
      assert.equal(signal.aborted, false);
      end(peering);
      await waitFor(`the session's end, ${way}`, () => signal.aborted);
      peering.stream.destroy();
    }
  });

  test("tells the session once that the server ends", async () => {
    const peering = new Peering();
    await peering.begin();
    peering.connection.retire();
    peering.connection.retire();
    assert.deepEqual(peering.calls, ["receive", "retire"]);
    peering.stream.destroy();
  });
});

suite("a connection that waits for its round", () => {
  test("goes on reading while it holds little, and stops when it holds more", async () => {
    const peering = new Peering();
    peering.rounds.spend(SIZE * 1024);
    const read = async (message: Buffer) => {
      const piece = once(peering.stream, "data");
      peering.say(message);
      await piece;
    };
    await read(QUERY);
    assert.equal(peering.stream.isPaused(), false);
    await read(Buffer.alloc(8000));
    assert.equal(peering.stream.isPaused(), true);
    assert.deepEqual(peering.received, []);
    peering.clock.advance(0);
    assert.equal(peering.received.length, 2);
    assert.equal(peering.stream.isPaused(), false);
    peering.stream.destroy();
  });
});
