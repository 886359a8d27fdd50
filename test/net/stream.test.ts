import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Duplex, duplexPair } from "node:stream";
import { suite, test } from "node:test";
import { type Clock, systemClock } from "../../src/clock.ts";
import { Class, OptionCode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message, makeMessage, makeResponse } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { Frames, frame } from "../../src/net/framing.ts";
import { MAX_PENDING } from "../../src/net/server/connection.ts";
import type { Handler, Request } from "../../src/net/server/handler.ts";
import { IDLE_TIMEOUT } from "../../src/net/server/idle.ts";
import { type PlaceLimits, Places } from "../../src/net/server/places.ts";
import { SIZE } from "../../src/net/server/rounds.ts";
import { Connections, listenTcp } from "../../src/net/server/stream.ts";
import { FakeClock } from "../support/clock.ts";
import { silentLog } from "../support/log.ts";
import { waitFor } from "../support/wait.ts";

const owner = Name.parse("example.");
const queryOf = (id: number) =>
  encode(makeMessage({ id, questions: [{ name: owner, type: Type.TXT, class: Class.IN }] }));
const echo: Handler = ({ message }) => [makeResponse(message, {})];

/** An id that no other query has. */
const SINGLE = 60_000;

/** Notes whom it answers; each answer has at least `octets` octets. */
function counting(octets = 0) {
  const handled: number[] = [];
  const text = rdata.txt(...Array.from({ length: octets / 250 }, () => "x".repeat(250)));
  const large = { name: owner, type: Type.TXT, class: Class.IN, ttl: 1, rdata: text };
  const handler: Handler = ({ message }) => {
    handled.push(message.id);
    return [makeResponse(message, { answers: octets === 0 ? [] : [large] })];
  };
  return { handled, handler };
}

interface Setting {
  handler?: Handler;
  clock?: FakeClock;
  limits?: PlaceLimits;
}

/** A client's end of a connection whose other end is served. */
function open({ handler = echo, clock = new FakeClock(), limits }: Setting = {}) {
  const connections = new Connections("tcp", {
    handler,
    clock,
    log: silentLog,
    ...(limits && { places: new Places(limits) }),
  });
  return { connections, clock, ...openOn(connections) };
}

function openOn(connections: Connections, address = "192.0.2.9") {
  const [client, server] = duplexPair({ allowHalfOpen: true } as object);
  connections.accept(server, { address, port: 9 });
  return { client, server, ...reader(client) };
}

function reader(client: Duplex) {
  const frames = new Frames();
  const responses: Message[] = [];
  const state = { hasEnded: false, isClosed: false };
  client.on("data", (piece: Buffer) => {
    frames.push(piece);
    for (let octets = frames.next(); octets; octets = frames.next()) responses.push(decode(octets));
  });
  client.on("end", () => {
    state.hasEnded = true;
  });
  client.on("close", () => {
    state.isClosed = true;
  });
  client.on("error", () => {});
  return { responses, state };
}

const ids = (responses: readonly Message[]) => responses.map(({ id }) => id);

suite("a stream connection", () => {
  test("finds messages wherever the stream is cut", async () => {
    const octets = Buffer.concat([frame(queryOf(1)), frame(queryOf(2))]);
    for (let at = 1; at < octets.length; at++) {
      const { client, responses } = open();
      client.write(octets.subarray(0, at));
      await new Promise(setImmediate);
      client.write(octets.subarray(at));
      await waitFor(`both responses, cut at ${at}`, () => responses.length === 2);
      assert.deepEqual(ids(responses), [1, 2]);
      client.destroy();
    }
  });

  test("reads a message octet by octet", async () => {
    const { client, responses } = open();
    for (const octet of frame(queryOf(3))) {
      client.write(Buffer.from([octet]));
      await new Promise(setImmediate);
    }
    await waitFor("the response", () => responses.length === 1);
    assert.deepEqual(ids(responses), [3]);
  });

  test("XPORT-03: writes each response and its length in one piece", async () => {
    const { client } = open();
    const pieces: Buffer[] = [];
    client.on("data", (piece) => pieces.push(piece));
    client.write(Buffer.concat([frame(queryOf(1)), frame(queryOf(2))]));
    await waitFor("two responses", () => pieces.length >= 2);
    for (const piece of pieces) assert.equal(piece.readUInt16BE(0), piece.length - 2);
  });

  test("writes answers that are ready together in one write", async () => {
    const requests: (() => void)[] = [];
    const handler: Handler = ({ message }) =>
      new Promise((resolve) => requests.push(() => resolve([makeResponse(message, {})])));
    const writes: number[] = [];
    const stream = new Duplex({
      read() {},
      write(_octets, _encoding, done) {
        writes.push(1);
        done();
      },
      writev(pieces, done) {
        writes.push(pieces.length);
        done();
      },
    });
    const connections = new Connections("tcp", { handler, clock: new FakeClock(), log: silentLog });
    connections.accept(stream, { address: "192.0.2.9", port: 9 });
    stream.push(Buffer.concat([1, 2, 3, 4].map((id) => frame(queryOf(id)))));
    await waitFor("all of them", () => requests.length === 4);
    for (const answer of requests.slice(0, 3)) answer();
    await waitFor("the three", () => writes.length > 0);
    requests[3]!();
    await waitFor("the last", () => writes.length > 1);
    assert.deepEqual(writes, [3, 1]);
    stream.destroy();
  });

  test("lets fast answers overtake slow ones", async () => {
    let release = () => {};
    const handler: Handler = (request) => {
      if (request.message.id !== 1) return echo(request);
      return (async function* () {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        yield* echo(request) as Message[];
      })();
    };
    const { client, responses } = open({ handler });
    client.write(Buffer.concat([1, 2, 3].map((id) => frame(queryOf(id)))));
    await waitFor("the fast ones", () => responses.length === 2);
    assert.deepEqual(ids(responses), [2, 3]);
    release();
    await waitFor("the slow one", () => responses.length === 3);
    assert.deepEqual(ids(responses), [2, 3, 1]);
  });

  test("XPORT-04: bounds the queries in flight, and answers the rest when there is room", async () => {
    const waiting: (() => void)[] = [];
    const handler: Handler = async function* (request) {
      await new Promise<void>((resolve) => waiting.push(resolve));
      yield* echo(request) as Message[];
    };
    const { client, responses, clock } = open({ handler });
    const total = MAX_PENDING * 3;
    const queries = Array.from({ length: total }, (_, id) => frame(queryOf(id)));
    client.write(Buffer.concat(queries.slice(0, 2 * MAX_PENDING)));
    await waitFor("as many as may be", () => waiting.length === MAX_PENDING);
    client.write(Buffer.concat(queries.slice(2 * MAX_PENDING)));
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    assert.equal(waiting.length, MAX_PENDING);
    for (let done = 0; done < total; done++) {
      clock.advance(0);
      await waitFor("the next one", () => waiting.length > 0);
      waiting.shift()!();
    }
    await waitFor("every response", () => responses.length === total);
    assert.deepEqual(
      ids(responses).sort((a, b) => a - b),
      Array.from({ length: total }, (_, id) => id),
    );
  });

  test("keeps nobody else waiting when it sends thousands of queries, or long ones", async () => {
    const padding = { code: OptionCode.PADDING, data: Buffer.alloc(60_000) };
    const edns = { udpSize: 1232, version: 0, dnssecOk: false, options: [padding] };
    const long = (id: number) => encode({ ...decode(queryOf(id)), edns });
    for (const { total, most, query } of [
      { total: 2000, most: 2 * SIZE, query: queryOf },
      { total: 20, most: 8, query: long },
    ]) {
      const { handled, handler } = counting();
      const { connections, client, clock, responses } = open({ handler });
      client.write(Buffer.concat(Array.from({ length: total }, (_, id) => frame(query(id)))));
      openOn(connections).client.write(frame(queryOf(SINGLE)));
      while (handled.length <= total) await clock.elapse(0);
      const place = handled.indexOf(SINGLE);
      assert.ok(place < most, `it came ${place}th of ${total}`);
      await waitFor("every response", () => responses.length === total);
    }
  });

  test("stops reading from a client that does not read, and closes in the end", async () => {
    const text = Array.from({ length: 200 }, () => "x".repeat(250));
    const large = {
      name: owner,
      type: Type.TXT,
      class: Class.IN,
      ttl: 1,
      rdata: rdata.txt(...text),
    };
    let handled = 0;
    const handler: Handler = ({ message }) => {
      handled++;
      return [makeResponse(message, { answers: [large] })];
    };
    const clock = new FakeClock();
    const connections = new Connections("tcp", { handler, clock, log: silentLog });
    const [client, server] = duplexPair();
    client.on("error", () => {});
    connections.accept(server, { address: "192.0.2.9", port: 9 });
    for (let id = 0; id < 2000; id++) client.write(frame(queryOf(id)));
    await waitFor("some answers", () => handled > 0);
    for (let i = 0; i < 50; i++) {
      await clock.elapse(0);
      await new Promise(setImmediate);
    }
    assert.ok(handled * 50_000 < 1_000_000, `${handled} answers of 50,000 octets are held`);
    await clock.elapse(IDLE_TIMEOUT * 2);
    await waitFor("its end", () => connections.size === 0);
  });

  test("makes a stream of many responses at the reader's pace", async () => {
    const text = Array.from({ length: 200 }, () => "x".repeat(250));
    const large = {
      name: owner,
      type: Type.TXT,
      class: Class.IN,
      ttl: 1,
      rdata: rdata.txt(...text),
    };
    let made = 0;
    const handler: Handler = async function* ({ message }) {
      while (made < 1000) {
        made++;
        yield makeResponse(message, { answers: [large] });
      }
    };
    const connections = new Connections("tcp", {
      handler,
      clock: new FakeClock(),
      log: silentLog,
    });
    const [client, server] = duplexPair();
    connections.accept(server, { address: "192.0.2.9", port: 9 });
    client.write(frame(queryOf(1)));
    await waitFor("the first", () => made > 0);
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    assert.ok(made < 10, `${made} made for nobody`);
    const { responses } = reader(client);
    await waitFor("all of them", () => responses.length === 1000);
  });

  test("stays open for a client that reads many responses slowly", async () => {
    const text = rdata.txt(...Array.from({ length: 200 }, () => "x".repeat(250)));
    const large = { name: owner, type: Type.TXT, class: Class.IN, ttl: 1, rdata: text };
    const handler: Handler = async function* ({ message }) {
      for (let made = 0; made < 20; made++) yield makeResponse(message, { answers: [large] });
    };
    const clock = new FakeClock();
    const connections = new Connections("tcp", { handler, clock, log: silentLog });
    const [client, server] = duplexPair();
    connections.accept(server, { address: "192.0.2.9", port: 9 });
    client.write(frame(queryOf(1)));
    const frames = new Frames();
    const next = () => {
      const piece: Buffer | null = client.read();
      if (piece !== null) frames.push(piece);
      return frames.next();
    };
    // So many that the last have not been sent yet, whatever the buffers in between hold.
    for (let taken = 0; taken < 10; taken++) {
      await clock.elapse(IDLE_TIMEOUT / 3);
      await waitFor(`response ${taken}`, next);
    }
    assert.equal(connections.size, 1);
    client.destroy();
  });

  test("does not keep a query in flight that gets no answer", async () => {
    const { client, server, connections, clock, state } = open({ handler: () => [] });
    for (let id = 0; id <= MAX_PENDING; id++) client.write(frame(queryOf(id)));
    await clock.elapse(1000);
    client.end();
    await waitFor("the end", () => state.hasEnded);
    server.destroy();
    await waitFor("its place", () => connections.size === 0);
  });

  test("ends ten seconds after the last whole message, whatever octets come", async () => {
    const { client, clock, responses, state } = open();
    await clock.elapse(IDLE_TIMEOUT - 1);
    client.write(frame(queryOf(1)));
    await waitFor("the response", () => responses.length === 1);
    const next = frame(queryOf(2));
    for (let at = 0; at < 9; at++) {
      await clock.elapse(1000);
      client.write(next.subarray(at, at + 1));
      await new Promise(setImmediate);
      assert.equal(state.hasEnded, false);
    }
    await clock.elapse(1001);
    await waitFor("the end", () => state.hasEnded);
  });

  test("XPORT-06: is not idle during a slow answer", async () => {
    let release = () => {};
    const handler: Handler = async function* (request) {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      yield* echo(request) as Message[];
    };
    const { client, clock, responses, state } = open({ handler });
    client.write(frame(queryOf(1)));
    await new Promise(setImmediate);
    await clock.elapse(IDLE_TIMEOUT * 3);
    assert.equal(state.hasEnded, false);
    release();
    await waitFor("the response", () => responses.length === 1);
  });

  test("XPORT-06: starts the idle time anew with each answer", async () => {
    const answers: (() => void)[] = [];
    const handler: Handler = (request) =>
      new Promise((resolve) => answers.push(() => resolve(echo(request) as Message[])));
    const { client, clock, responses } = open({ handler });
    for (const times of [1, 2]) {
      client.write(frame(queryOf(times)));
      await waitFor("the query", () => answers.length === times);
      await clock.elapse(IDLE_TIMEOUT - 1);
      answers.at(-1)!();
      await waitFor("the response", () => responses.length === times);
      await clock.elapse(IDLE_TIMEOUT - 1);
    }
    client.destroy();
  });

  test("tells the Handler when the peer has gone, and when it closes itself", async () => {
    let request: Request | undefined;
    const handler: Handler = async function* (each) {
      request = each;
      await once(each.signal, "abort");
      yield* echo(each) as Message[];
    };
    for (const isOurs of [false, true]) {
      const { client, server, connections, clock } = open({ handler });
      client.write(frame(queryOf(1)));
      const { signal } = await waitFor("the request", () => request);
      request = undefined;
      if (isOurs) {
        void connections.close();
        assert.equal(signal.aborted, true);
      }
      server.destroy();
      await waitFor("the end", () => connections.size === 0);
      assert.equal(signal.aborted, true);
      await clock.elapse(0);
      assert.equal(clock.next, undefined, "nothing more is to be done for it");
    }
  });

  test("XPORT-08: makes no more messages of a stream once the peer has gone", async () => {
    let made = 0;
    let isOver = false;
    const handler: Handler = async function* ({ message }) {
      try {
        for (; made < 1000; made++) {
          yield makeResponse(message, {});
          if (made === 10) server.destroy();
        }
      } finally {
        isOver = true;
      }
    };
    const { client, server } = open({ handler });
    client.write(frame(queryOf(1)));
    await waitFor("the end of the stream", () => isOver);
    assert.ok(made < 20, `${made} messages`);
  });

  test("ends at a length of less than a header", async () => {
    for (const length of [0, 1, 11]) {
      const { client, responses, state } = open();
      client.write(Buffer.concat([frame(queryOf(1)), frame(Buffer.alloc(length))]));
      client.write(frame(queryOf(2)));
      await waitFor("the end", () => state.hasEnded);
      assert.deepEqual(ids(responses), [1], "what came before was answered");
    }
  });
});

suite("connections", () => {
  test("XPORT-10: are limited by source, IPv6 by /64", () => {
    const connections = new Connections("tcp", {
      handler: echo,
      clock: new FakeClock(),
      log: silentLog,
      places: new Places({ total: 100, perSource: 2 }),
    });
    const accepted = (address: string) => !openOn(connections, address).server.destroyed;
    assert.deepEqual(["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"].map(accepted), [
      true,
      true,
      false,
      true,
    ]);
    assert.deepEqual(
      ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1", "fe80::1%eth0"].map(
        accepted,
      ),
      [true, true, false, true, true],
    );
    assert.equal(connections.size, 7);
  });

  test("XPORT-08: free the place of their source when they end", async () => {
    const clock = new FakeClock();
    const connections = new Connections("tcp", {
      handler: echo,
      clock,
      log: silentLog,
      places: new Places({ total: 100, perSource: 1 }),
    });
    for (let i = 0; i < 5; i++) {
      const { server } = openOn(connections);
      assert.equal(server.destroyed, false);
      server.destroy();
      await waitFor("its end", () => connections.size === 0);
      assert.equal(clock.next, undefined, "no timer is left");
    }
  });

  test("XPORT-06, XPORT-10: take the place of the one longest without a message when all places are taken", async () => {
    const places = new Places({ total: 3, perSource: 100 });
    const connections = new Connections("tcp", {
      ...{ handler: echo, clock: new FakeClock(), log: silentLog, places },
    });
    const [first, second, third] = [1, 2, 3].map(() => openOn(connections));
    first!.client.write(frame(queryOf(1)));
    await waitFor("a response", () => first!.responses.length === 1);
    const fourth = openOn(connections);
    assert.deepEqual(
      [first, second, third, fourth].map((each) => each!.server.destroyed),
      [false, true, false, false],
    );
    assert.equal(places.size, 3);
  });

  test("XPORT-06: keep their place while they wait for an answer", async () => {
    const handler: Handler = async function* ({ signal }) {
      await once(signal, "abort");
      yield* [];
    };
    const connections = new Connections("tcp", {
      handler,
      clock: new FakeClock(),
      log: silentLog,
      places: new Places({ total: 1, perSource: 100 }),
    });
    const first = openOn(connections);
    first.client.write(frame(queryOf(1)));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.equal(openOn(connections).server.destroyed, true);
    assert.equal(first.server.destroyed, false);
    first.server.destroy();
  });
});

suite("TCP listener", () => {
  interface Options {
    handler?: Handler;
    address?: string;
    places?: Places;
    clock?: Clock;
  }

  async function listen(options: Options = {}) {
    const { address = "127.0.0.1", handler = echo, ...rest } = options;
    const life = new AbortController();
    const endpoint = { address, port: 0 };
    const shared = { handler, clock: systemClock, log: silentLog, signal: life.signal, ...rest };
    const listener = await listenTcp({ endpoint, ...shared });
    const end = async () => {
      life.abort();
      await listener.closed;
    };
    return { ...listener, end, [Symbol.asyncDispose]: end };
  }

  async function dial(port: number, host = "127.0.0.1"): Promise<Socket> {
    const socket = connect({ port, host, allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
  }

  test("answers over IPv4 and IPv6", async () => {
    for (const address of ["127.0.0.1", "::1"]) {
      await using listener = await listen({ address });
      const socket = await dial(listener.endpoint.port, address);
      const { responses } = reader(socket);
      socket.write(frame(queryOf(1)));
      await waitFor("the response", () => responses.length === 1);
      socket.destroy();
    }
  });

  test("a busy port is a ListenError", async () => {
    await using listener = await listen();
    const { endpoint } = listener;
    const { signal } = new AbortController();
    await assert.rejects(
      listenTcp({ endpoint, handler: echo, clock: systemClock, log: silentLog, signal }),
      { name: "ListenError", code: "EADDRINUSE", transport: "tcp", endpoint },
    );
    const everywhere = { address: "0.0.0.0", port: endpoint.port };
    await assert.rejects(
      listenTcp({
        endpoint: everywhere,
        handler: echo,
        clock: systemClock,
        log: silentLog,
        signal,
      }),
      /: the port is in use at one of this host's addresses at least; those where it is free can be/,
    );
  });

  test("closes at once if its signal has ended before it is open", async () => {
    const endpoint = { address: "127.0.0.1", port: 0 };
    const life = new AbortController();
    const shared = { handler: echo, clock: systemClock, log: silentLog, signal: life.signal };
    const opening = listenTcp({ endpoint, ...shared });
    life.abort();
    await (await opening).closed;
  });

  test("lets a greedy client that takes its answers keep nobody waiting", async () => {
    const { handled, handler } = counting(50_000);
    await using listener = await listen({ handler });
    const { port } = listener.endpoint;
    const [greedy, modest] = [await dial(port), await dial(port)];
    const { responses } = reader(greedy);
    await new Promise(setImmediate);
    greedy.write(Buffer.concat(Array.from({ length: 30 }, (_, id) => frame(queryOf(id)))));
    modest.write(frame(queryOf(SINGLE)));
    await waitFor("every response", () => responses.length === 30);
    const place = handled.indexOf(SINGLE);
    assert.ok(place < 15, `it came ${place}th`);
    for (const socket of [greedy, modest]) socket.destroy();
  });

  test("answers nothing more to a client that is disconnected, whatever it had sent", async () => {
    let handled = 0;
    const text = rdata.txt(...Array.from({ length: 200 }, () => "x".repeat(250)));
    const handler: Handler = ({ message }) => {
      handled++;
      const large = { name: owner, type: Type.TXT, class: Class.IN, ttl: 1, rdata: text };
      return [makeResponse(message, { answers: [large] })];
    };
    const clock = new FakeClock();
    await using listener = await listen({ handler, clock });
    const socket = await dial(listener.endpoint.port);
    socket.pause();
    socket.write(Buffer.concat(Array.from({ length: 2000 }, (_, id) => frame(queryOf(id)))));
    const isStuck = async () => {
      const before = handled;
      await clock.elapse(1);
      for (let i = 0; i < 20; i++) await new Promise(setImmediate);
      return handled > 0 && handled === before;
    };
    while (!(await isStuck()));
    await clock.elapse(IDLE_TIMEOUT * 2);
    await isStuck();
    // The system may have taken some more in the meantime.
    assert.ok(handled < 1000, `${handled} of 2000`);
    socket.on("error", () => {}).destroy();
  });

  test("ends within a second, whatever is connected or in flight", async () => {
    let isAsked = false;
    const handler: Handler = async function* ({ signal }) {
      isAsked = true;
      await once(signal, "abort");
      yield* [];
    };
    const clock = new FakeClock();
    const places = new Places({ total: 10, perSource: 10 });
    const listener = await listen({ handler, clock, places });
    const idle = await dial(listener.endpoint.port);
    const waiting = await dial(listener.endpoint.port);
    const halfway = await dial(listener.endpoint.port);
    waiting.write(frame(queryOf(1)));
    halfway.write(frame(queryOf(2)).subarray(0, 5));
    for (const socket of [idle, waiting, halfway]) socket.on("error", () => {});
    await waitFor("all that are connected", () => places.size === 3 && isAsked);
    let hasEnded = false;
    void listener.end().then(() => {
      hasEnded = true;
    });
    await clock.elapse(1000);
    await waitFor("its end", () => hasEnded);
    for (const socket of [idle, waiting, halfway]) socket.destroy();
  });

  test("XPORT-08: leaves nothing of connections that come and go", async () => {
    await using listener = await listen({ places: new Places({ total: 10, perSource: 10 }) });
    for (let i = 0; i < 100; i++) {
      const socket = await dial(listener.endpoint.port);
      const { responses, state } = reader(socket);
      socket.write(frame(queryOf(i)));
      if (i % 3 === 0) socket.resetAndDestroy();
      else {
        await waitFor("the response", () => responses.length === 1, 5000, 1);
        socket.end();
        await waitFor("the end", () => state.hasEnded, 5000, 1);
      }
    }
  });
});
