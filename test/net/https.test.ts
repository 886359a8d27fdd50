/** Clients that speak HTTP badly, slowly or not at all: what they cost, and for how long. */
import assert from "node:assert/strict";
import { once, setMaxListeners } from "node:events";
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  constants,
  type Settings,
} from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { suite, test } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { Class, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, makeResponse } from "../../src/dns/message.ts";
import { rdata } from "../../src/dns/rdata.ts";
import type { Handler } from "../../src/net/server/handler.ts";
import { MAX_REQUESTS } from "../../src/net/server/https.ts";
import { IDLE_TIMEOUT } from "../../src/net/server/idle.ts";
import { Places } from "../../src/net/server/places.ts";
import { name, question } from "../dnsserver/fixture.ts";
import { listenSecurely, type Secure } from "../dnsserver/secure.ts";
import { FakeClock } from "../support/clock.ts";
import { inUse } from "../support/memory.ts";
import { skipWithout } from "../support/tool.ts";
import { sleep, waitFor } from "../support/wait.ts";

const query = encode(question("printer.paris"));
const MEDIA_TYPE = "application/dns-message";

/** A response over HTTP/2. */
interface Reply {
  readonly status: number;
  readonly body: Buffer;
}

async function openHttp2(
  { https, certificate }: Secure,
  settings: Settings = {},
  localAddress = "127.0.0.1",
): Promise<ClientHttp2Session & Disposable> {
  const session = connectHttp2(`https://127.0.0.1:${https.endpoint.port}`, {
    ...{ ca: certificate.certificate, settings, localAddress },
  });
  session.on("error", () => {});
  await once(session, "remoteSettings");
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
}

const GET = { ":path": `/dns-query?dns=${query.toString("base64url")}` };
const POST = { ":method": "POST", ":path": "/dns-query", "content-type": MEDIA_TYPE };

/** A Handler that holds all requests until they are released. */
function holding() {
  const released = new AbortController();
  setMaxListeners(0, released.signal);
  const handler: Handler = async function* ({ message }) {
    held.most = Math.max(held.most, ++held.waiting);
    if (!released.signal.aborted) await once(released.signal, "abort");
    held.waiting--;
    yield makeResponse(message, {});
  };
  const held = { handler, waiting: 0, most: 0, release: () => released.abort() };
  return held;
}

async function post(session: ClientHttp2Session, body: Uint8Array): Promise<Reply> {
  const stream = session.request(POST);
  // If its connection ends, the stream reports nothing.
  const life = new AbortController();
  stream.once("close", () => life.abort());
  stream.end(body);
  const [headers] = await once(stream, "response", { signal: life.signal });
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return { status: headers[":status"], body: Buffer.concat(pieces) };
}

/** A connection over which a test writes whatever it likes. */
async function openTls(
  { https, certificate }: Secure,
  protocol = "http/1.1",
): Promise<TLSSocket & Disposable> {
  const socket = connectTls({
    ...{ host: "127.0.0.1", port: https.endpoint.port, ca: certificate.certificate },
    ALPNProtocols: [protocol],
  });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  return Object.assign(socket, { [Symbol.dispose]: () => void socket.destroy() });
}

/** Types of frames (RFC 9113 §6). */
const [DATA, HEADERS, RST_STREAM, SETTINGS, PING] = [0x00, 0x01, 0x03, 0x04, 0x06];
/** Flags. */
const [END_STREAM, END_HEADERS] = [0x01, 0x04];

function http2Frame(type: number, stream: number, payload: string): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = type === HEADERS ? END_STREAM | END_HEADERS : 0;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, Buffer.from(payload, "latin1")]);
}

const sized = (text: string) => String.fromCharCode(text.length) + text;

async function openTcp(port: number): Promise<Socket & Disposable> {
  const socket = connectTcp({ host: "127.0.0.1", port, allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return Object.assign(socket, { [Symbol.dispose]: () => void socket.destroy() });
}

/** Lets the idle timeout pass, and the time a peer has to take what was sent. */
async function outwait(clock: FakeClock): Promise<void> {
  await clock.elapse(IDLE_TIMEOUT + 1);
  await clock.elapse(1000);
}

const headOf = (length: number) =>
  `POST /dns-query HTTP/1.1\r\nhost: a\r\ncontent-type: ${MEDIA_TYPE}\r\ncontent-length: ${length}\r\n\r\n`;

suite("an HTTPS connection", { skip: skipWithout("openssl") }, () => {
  test("serves many requests, over HTTP/2 at once and over HTTP/1.1 in turn", async () => {
    await using server = await listenSecurely();
    using session = await openHttp2(server);
    const { maxConcurrentStreams, maxHeaderListSize } = session.remoteSettings;
    assert.deepEqual([maxConcurrentStreams, maxHeaderListSize], [100, 16_384]);
    const replies = await Promise.all(Array.from({ length: 200 }, () => post(session, query)));
    assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200]));
    using plain = await openTls(server);
    let text = "";
    plain.on("data", (piece: Buffer) => {
      text += piece.toString("latin1");
    });
    for (let i = 0; i < 3; i++)
      plain.write(Buffer.concat([Buffer.from(headOf(query.length)), query]));
    await waitFor("three answers", () => text.match(/^HTTP\/1\.1 200 OK/gm)?.length === 3);
    assert.equal(server.places.size, 2);
  });

  for (const transport of ["tls", "https"] as const) {
    test(`that never completes a handshake is closed, over ${transport}`, async () => {
      const clock = new FakeClock();
      await using server = await listenSecurely({ clock });
      using socket = await openTcp(server[transport].endpoint.port);
      // The start of a record that never ends.
      socket.write(Buffer.from([0x16, 3, 1, 2, 0]));
      await waitFor("its place", () => server.places.size === 1);
      await clock.elapse(IDLE_TIMEOUT - 1);
      assert.equal(server.places.size, 1);
      await clock.elapse(2);
      await waitFor("its end", () => server.places.size === 0);
    });
  }

  test("that asks nothing is closed, over HTTP/2 with GOAWAY", async () => {
    const clock = new FakeClock();
    await using server = await listenSecurely({ clock });
    using session = await openHttp2(server);
    let isTold = false;
    session.on("goaway", () => {
      isTold = true;
    });
    assert.equal((await post(session, query)).status, 200);
    await clock.elapse(IDLE_TIMEOUT - 1);
    assert.equal(isTold, false);
    await clock.elapse(2);
    await waitFor("the word", () => isTold);
    await clock.elapse(1000);
    await waitFor("its end", () => server.places.size === 0);
  });

  const slow: readonly [what: string, octets: string][] = [
    ["sends half a request's head", "GET /dns-query?dns=AAAB HTTP/1.1\r\nhost: a\r\nx: "],
    ["sends half a message", `${headOf(query.length)}abc`],
    ["says nothing", ""],
  ];
  for (const [what, octets] of slow) {
    test(`that ${what} is closed`, async () => {
      const clock = new FakeClock();
      await using server = await listenSecurely({ clock });
      using socket = await openTls(server);
      socket.write(octets);
      await waitFor("its place", () => server.places.size === 1);
      await sleep(50);
      await outwait(clock);
      await waitFor("its end", () => server.places.size === 0);
    });
  }

  /** An answer of some 50,000 octets. */
  const large: Handler = ({ message }) => {
    const text = Array.from({ length: 200 }, () => "x".repeat(250));
    const fields = { name: name("large"), type: Type.TXT, class: Class.IN, ttl: 1 };
    return [makeResponse(message, { answers: [{ ...fields, rdata: rdata.txt(...text) }] })];
  };

  test("that does not take its answers gets only a few, and is closed", async () => {
    const clock = new FakeClock();
    let handled = 0;
    const handler: Handler = (request) => {
      handled++;
      return large(request);
    };
    await using server = await listenSecurely({ clock, handler });
    using session = await openHttp2(server);
    const streams = Array.from({ length: MAX_REQUESTS }, () => {
      const stream = session.request(GET);
      stream.on("error", () => {});
      // Nothing is read, so the windows close.
      stream.pause();
      return stream;
    });
    const statuses: number[] = [];
    for (const stream of streams) stream.on("response", (h) => statuses.push(h[":status"]!));
    await waitFor("all heads", () => statuses.length === MAX_REQUESTS);
    assert.ok(handled < 10, `${handled} answers of 50,000 octets are held`);
    assert.ok(statuses.includes(503));
    await outwait(clock);
    await waitFor("its end", () => server.places.size === 0);
  });

  test("that waits for an answer is kept open", async () => {
    const clock = new FakeClock();
    const release = new AbortController();
    let isAsked = false;
    const handler: Handler = async function* ({ message }) {
      isAsked = true;
      await once(release.signal, "abort");
      yield makeResponse(message, {});
    };
    await using server = await listenSecurely({ clock, handler });
    using session = await openHttp2(server);
    const reply = post(session, query);
    await waitFor("the question", () => isAsked);
    await outwait(clock);
    release.abort();
    assert.equal((await reply).status, 200);
  });

  test("has a limited number of requests in flight", async () => {
    const held = holding();
    await using server = await listenSecurely({ handler: held.handler });
    using session = await openHttp2(server);
    const replies = Array.from({ length: MAX_REQUESTS * 2 }, () => post(session, query));
    await waitFor("as many as may be", () => held.waiting === MAX_REQUESTS);
    held.release();
    await Promise.all(replies);
    assert.equal(held.most, MAX_REQUESTS);
  });

  test("has no more requests in flight if they are pipelined over HTTP/1.1", async () => {
    const held = holding();
    await using server = await listenSecurely({ handler: held.handler });
    using socket = await openTls(server);
    let text = "";
    socket.on("data", (piece: Buffer) => {
      text += piece.toString("latin1");
    });
    socket.write(`GET ${GET[":path"]} HTTP/1.1\r\nhost: a\r\n\r\n`.repeat(MAX_REQUESTS + 10));
    await waitFor("as many as may be", () => held.waiting === MAX_REQUESTS);
    held.release();
    const isAnswered = () => text.match(/HTTP\/1\.1 (200|503) /g)?.length === MAX_REQUESTS + 10;
    await waitFor("all answers", isAnswered);
    assert.equal(held.most, MAX_REQUESTS);
  });

  test("may cancel one request after another, if it takes answers too", async () => {
    await using server = await listenSecurely();
    using session = await openHttp2(server);
    for (let i = 0; i < MAX_REQUESTS + 10; i++) {
      const stream = session.request(POST);
      stream.on("error", () => {});
      stream.close(constants.NGHTTP2_CANCEL);
      assert.equal((await post(session, query)).status, 200);
    }
  });

  test("holds no more of incomplete requests than of answers", async () => {
    await using server = await listenSecurely();
    using session = await openHttp2(server);
    const statuses: number[] = [];
    const streams = Array.from({ length: 10 }, () => {
      const stream = session.request(POST);
      stream.on("error", () => {});
      stream.on("response", (headers) => statuses.push(headers[":status"]!));
      stream.write(Buffer.alloc(60_000));
      return stream;
    });
    await waitFor("a refusal", () => statuses.length >= 5);
    assert.deepEqual(new Set(statuses), new Set([503]));
    for (const stream of streams) stream.close();
    const isFree = async () => (await post(session, query)).status === 200;
    await waitFor("room", isFree);
  });

  test("SEC-13: shares room for requests with the others of its source, but not with other sources", async () => {
    const held = holding();
    await using server = await listenSecurely({ handler: held.handler, clock: new FakeClock() });
    const sessions = await Promise.all(Array.from({ length: 8 }, () => openHttp2(server)));
    const codes: (number | undefined)[] = [];
    for (const session of sessions) {
      for (let i = 0; i < MAX_REQUESTS - 2; i++) {
        const stream = session.request(POST);
        stream.on("error", () => {});
        stream.once("close", () => codes.push(stream.rstCode));
        stream.write(Buffer.alloc(1));
      }
    }
    // Each connection by itself has room for more.
    await waitFor("as many as may be", () => codes.length === 8 * (MAX_REQUESTS - 2) - 500);
    // The client may ask again, and its connections stay (RFC 9113 §8.7).
    assert.deepEqual(new Set(codes), new Set([constants.NGHTTP2_REFUSED_STREAM]));
    assert.ok(sessions.every((session) => !session.closed));
    held.release();
    using other = await openHttp2(server, {}, "127.0.0.2");
    assert.equal((await post(other, query)).status, 200);
    for (const session of sessions) session.destroy();
  });

  test("SEC-13: that ends takes its requests along, those too whose turn over HTTP/1.1 had not come", async () => {
    const held = holding();
    await using server = await listenSecurely({ handler: held.handler, clock: new FakeClock() });
    const ask = async () => {
      using socket = await openTls(server);
      const before = held.waiting;
      const request = Buffer.concat([Buffer.from(headOf(query.length)), query]);
      for (let i = 0; i < 50; i++) socket.write(request);
      await waitFor("all to be asked", () => held.waiting === before + 50);
    };
    // Their Handler does not look at signals: what it still holds has no place any more.
    for (let i = 0; i < 12; i++) {
      await ask();
      await waitFor("it to be gone", () => server.places.size === 0);
    }
    held.release();
    using session = await openHttp2(server);
    assert.equal((await post(session, query)).status, 200);
  });

  test("SEC-13: holds of incomplete requests only their octets, not what else came with them", async () => {
    await using server = await listenSecurely({ clock: new FakeClock() });
    using socket = await openTls(server, "h2");
    const acknowledged = once(socket.resume(), "data");
    // POST, https, :authority, :path, content-type (RFC 7541 §6.1, §6.2.2, Appendix A).
    const head = `\x83\x87\x01${sized("a")}\x04${sized("/dns-query")}\x0f\x10${sized(MEDIA_TYPE)}`;
    const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    const request = http2Frame(HEADERS, 1, head);
    request[4] = END_HEADERS;
    socket.write(Buffer.concat([preface, http2Frame(SETTINGS, 0, ""), request]));
    await acknowledged;
    const before = inUse();
    // One octet of the request, and a frame of a type that nobody knows and everybody skips (RFC 9113 §5.5).
    const piece = Buffer.concat([
      http2Frame(DATA, 1, "x"),
      http2Frame(0xff, 0, " ".repeat(16_000)),
    ]);
    for (let i = 0; i < 1000; i++) if (!socket.write(piece)) await once(socket, "drain");
    const answered = once(socket, "data");
    socket.write(http2Frame(PING, 0, "12345678"));
    await answered;
    const kept = inUse() - before;
    assert.ok(kept < 4 * 2 ** 20, `${kept} octets`);
  });

  test("that ends while its answer is made has the request aborted", async () => {
    const signals: AbortSignal[] = [];
    const handler: Handler = async function* ({ signal }) {
      signals.push(signal);
      await once(signal, "abort");
      yield* [];
    };
    await using server = await listenSecurely({ handler });
    using session = await openHttp2(server);
    const stream = session.request(POST);
    stream.on("error", () => {});
    stream.end(query);
    await waitFor("the request", () => signals.length === 1);
    stream.close();
    await waitFor("its end", () => signals[0]!.aborted);
    using plain = await openTls(server);
    plain.write(Buffer.concat([Buffer.from(headOf(query.length)), query]));
    await waitFor("the request", () => signals.length === 2);
    plain.destroy();
    await waitFor("its end", () => signals[1]!.aborted);
    await waitFor("its place", () => server.places.size === 1);
  });

  test("that asks and cancels without end is closed", { timeout: 60_000 }, async () => {
    let asked = 0;
    const handler: Handler = ({ message }) => {
      asked++;
      return [makeResponse(message, {})];
    };
    await using server = await listenSecurely({ handler, clock: new FakeClock() });
    using socket = await openTls(server, "h2");
    socket.resume();
    const path = `/dns-query?dns=${query.toString("base64url")}`;
    // GET, https, :authority, :path (RFC 7541 §6.1, §6.2.2, Appendix A).
    const asks = `\x82\x87\x01${sized("a")}\x04${sized(path)}`;
    const requests = Array.from({ length: 10 * MAX_REQUESTS }, (_, i) => [
      http2Frame(HEADERS, 2 * i + 1, asks),
      http2Frame(RST_STREAM, 2 * i + 1, "\0\0\0\x08"),
    ]);
    const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    socket.write(Buffer.concat([preface, http2Frame(SETTINGS, 0, ""), ...requests.flat()]));
    await once(socket, "close");
    assert.ok(asked > 0 && asked <= MAX_REQUESTS + 1, `${asked} of them were answered`);
  });

  test("takes one of the places that all listeners share, even before its handshake", async () => {
    const places = new Places({ total: 100, perSource: 2 });
    await using server = await listenSecurely({ places });
    using _first = await openTcp(server.https.endpoint.port);
    using _second = await openTcp(server.tls.endpoint.port);
    await waitFor("their places", () => places.size === 2);
    using third = await openTcp(server.https.endpoint.port);
    third.resume();
    await once(third, "end");
    assert.equal(places.size, 2);
  });

  test("gives up its place when idle, but not while it waits for an answer", async () => {
    const places = new Places({ total: 1, perSource: 100 });
    const release = new AbortController();
    let isAsked = false;
    const handler: Handler = async function* ({ message }) {
      isAsked ||= message.id === 1;
      if (message.id === 1) await once(release.signal, "abort");
      yield makeResponse(message, {});
    };
    await using server = await listenSecurely({ handler, places });
    using idle = await openHttp2(server);
    assert.equal((await post(idle, query)).status, 200);
    using busy = await openHttp2(server);
    await waitFor("the end of the idle one", () => idle.destroyed);
    const asked = post(busy, encode(question("printer.paris", Type.A, { id: 1 })));
    await waitFor("the question", () => isAsked);
    using refused = await openTcp(server.https.endpoint.port);
    refused.resume();
    await once(refused, "end");
    release.abort();
    assert.equal(decode((await asked).body).id, 1);
  });

  test("gives up its place if it asked longest ago", async () => {
    const places = new Places({ total: 2, perSource: 100 });
    await using server = await listenSecurely({ places });
    using first = await openHttp2(server);
    using second = await openHttp2(server);
    assert.equal((await post(first, query)).status, 200);
    using _third = await openTcp(server.https.endpoint.port);
    await waitFor("the end of the second", () => second.destroyed);
    assert.ok(!first.destroyed);
  });

  test("that asks just before the idle timeout has as much time again to take the answer", async () => {
    const clock = new FakeClock();
    await using server = await listenSecurely({ clock, handler: large });
    using session = await openHttp2(server, { initialWindowSize: 1000 });
    await clock.elapse(IDLE_TIMEOUT - 1);
    const stream = session.request(GET);
    stream.pause();
    await once(stream, "response");
    await clock.elapse(2);
    let octets = 0;
    for await (const piece of stream) octets += piece.length;
    assert.ok(octets > 50_000);
  });

  test("keeps its place while its answers are not taken", async () => {
    const places = new Places({ total: 1, perSource: 100 });
    await using server = await listenSecurely({ handler: large, places });
    using session = await openHttp2(server, { initialWindowSize: 1000 });
    const stream = session.request(POST);
    stream.on("error", () => {});
    stream.end(query);
    // Nothing is read, so the window closes.
    stream.pause();
    await once(stream, "response");
    using refused = await openTcp(server.https.endpoint.port);
    refused.resume();
    await once(refused, "end");
    assert.ok(!session.destroyed);
  });

  test("ends with its listener in the middle of a request", async () => {
    const clock = new FakeClock();
    const server = await listenSecurely({ clock });
    using session = await openHttp2(server);
    const stream = session.request(POST);
    stream.on("error", () => {});
    stream.write(query.subarray(1));
    // Once this is answered, the server has the start of the request above.
    await post(session, query);
    const ended = server[Symbol.asyncDispose]();
    await clock.elapse(500);
    await waitFor("its end", () => server.places.size === 0);
    await ended;
  });

  test("ends with its listener, whether it asks something or not", async () => {
    const clock = new FakeClock();
    const server = await listenSecurely({ clock });
    using session = await openHttp2(server);
    using plain = await openTls(server);
    using _raw = await openTcp(server.https.endpoint.port);
    await post(session, query);
    await waitFor("their places", () => server.places.size === 3);
    plain.resume();
    const ended = server[Symbol.asyncDispose]();
    // By then nobody is waited for any longer.
    await clock.elapse(500);
    await waitFor("their end", () => server.places.size === 0);
    await ended;
  });
});
