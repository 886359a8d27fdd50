/** Plain HTTP: how requests are read, what is sent back, and how little anybody can make it hold. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { suite, test } from "node:test";
import { ListenError } from "../../src/net/server/listener.ts";
import { listenWeb, type WebAnswer, type WebRequest } from "../../src/net/server/web.ts";
import { FakeClock } from "../support/clock.ts";
import { silentLog } from "../support/log.ts";
import { waitFor } from "../support/wait.ts";

const ENDPOINT = { address: "127.0.0.1", port: 0 };

/** A listener that notes requests, and answers as configured. */
class Listening {
  readonly requests: WebRequest[] = [];
  readonly clock = new FakeClock();
  readonly over = new AbortController();
  readonly #answer: (request: WebRequest) => WebAnswer;
  port = 0;
  closed = Promise.resolve();

  private constructor(answer: (request: WebRequest) => WebAnswer) {
    this.#answer = answer;
  }

  static async start(answer: (request: WebRequest) => WebAnswer): Promise<Listening> {
    const listening = new Listening(answer);
    const { endpoint, closed } = await listenWeb({
      endpoint: ENDPOINT,
      handler: (request) => {
        listening.requests.push(request);
        return listening.#answer(request);
      },
      clock: listening.clock,
      log: silentLog,
      signal: listening.over.signal,
    });
    listening.port = endpoint.port;
    listening.closed = closed;
    return listening;
  }

  async get(path: string, { method = "GET", headers = {} } = {}) {
    const request = httpRequest({ port: this.port, path, method, headers, agent: false }).end();
    const [response] = await once(request, "response");
    let body = "";
    for await (const piece of response) body += piece;
    const { statusCode, headers: said } = response;
    return { status: statusCode as number, headers: said as Record<string, string>, body };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.over.abort();
    await this.closed;
  }
}

suite("the web listener", () => {
  test("passes on the request, and sends the answer", async () => {
    await using web = await Listening.start(() => ({ status: 418, type: "text/x", body: "short" }));
    const headers = { host: "[::1]:8053" };
    const { status, body, headers: said } = await web.get("/a/b?c=d", { headers });
    assert.deepEqual([status, body, said["content-type"]], [418, "short", "text/x"]);
    const [{ path, host, source }] = web.requests as [WebRequest];
    assert.deepEqual([path, host, source.address], ["/a/b", "[::1]", "127.0.0.1"]);
    const head = await web.get("/", { method: "HEAD" });
    assert.deepEqual([head.status, head.body], [418, ""]);
  });

  test("forbids in each answer running its content, or reading it from other sites", async () => {
    await using web = await Listening.start(() => ({ status: 200, body: "" }));
    const { headers } = await web.get("/");
    assert.match(headers["content-security-policy"]!, /^default-src 'none'; script-src 'self';/);
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["cross-origin-resource-policy"], "same-origin");
    assert.equal(headers["access-control-allow-origin"], undefined);
  });

  test("sends a client nothing again that it has", async () => {
    await using web = await Listening.start(() => ({ status: 200, body: "long", tag: "7" }));
    const { headers } = await web.get("/");
    assert.equal(headers.etag, '"7"');
    const again = await web.get("/", { headers: { "if-none-match": '"7"' } });
    assert.deepEqual([again.status, again.body], [304, ""]);
    assert.equal((await web.get("/", { headers: { "if-none-match": '"6"' } })).body, "long");
  });

  test("refuses all methods that change something", async () => {
    await using web = await Listening.start(() => ({ status: 200, body: "" }));
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      assert.equal((await web.get("/", { method })).status, 405, method);
    }
    assert.equal(web.requests.length, 0);
  });

  test("makes a stream at the client's pace, and ends it with the client", async () => {
    let made = 0;
    let isOver = false;
    async function* pieces() {
      try {
        for (;;) {
          made++;
          yield "x".repeat(65_536);
        }
      } finally {
        isOver = true;
      }
    }
    await using web = await Listening.start(() => ({ status: 200, body: pieces() }));
    const socket = connect(web.port, "127.0.0.1");
    socket.pause();
    socket.write(GET);
    let before = -1;
    await waitFor("it to be full", () => {
      const isFull = made > 0 && made === before;
      before = made;
      return isFull;
    });
    assert.ok(made < 1000, `${made} pieces`);
    socket.destroy();
    await waitFor("the end", () => isOver);
  });

  test("serves one request of a connection at a time, and closes if more come", async () => {
    await using web = await Listening.start(({ signal }) => ({ status: 200, body: never(signal) }));
    const socket = connect(web.port, "127.0.0.1").on("error", () => {});
    socket.write(GET.repeat(100));
    socket.resume();
    await waitFor("it to be let go", () => socket.closed);
    assert.equal(web.requests.length, 1);
    await waitFor("it to end", () => web.requests[0]!.signal.aborted);
  });

  test("closes on a client that does not take a page, but not on one that waits for a stream", async () => {
    const more = new AbortController();
    async function* stream() {
      yield "first";
      await once(more.signal, "abort");
      yield "second";
    }
    const answers = [stream(), "x".repeat(1 << 26)];
    const answer = () => ({ status: 200, body: answers.shift()! });
    await using web = await Listening.start(answer);
    const request = httpRequest({ port: web.port, agent: false }).end();
    const [response] = await once(request, "response");
    assert.equal(response.headers["x-accel-buffering"], "no", "nor does a proxy keep it");
    let text = "";
    response.on("data", (piece: Buffer) => {
      text += piece;
    });
    const slow = connect(web.port, "127.0.0.1").on("error", () => {});
    slow.write(GET);
    await once(slow, "data");
    slow.pause();
    await web.clock.elapse(60_000);
    await waitFor("the slow one to be let go", () => web.requests[1]?.signal.aborted);
    slow.destroy();
    more.abort();
    await once(response, "end");
    assert.equal(text, "firstsecond");
  });

  test("has room for other hosts, however many connections one opens", async () => {
    await using web = await Listening.start(({ signal }) => ({ status: 200, body: never(signal) }));
    const sockets = Array.from({ length: 70 }, () => {
      const socket = connect(web.port, "127.0.0.1").on("error", () => {});
      socket.write(GET);
      return socket.resume();
    });
    const isLeft = ({ closed }: (typeof sockets)[number]) => !closed;
    await waitFor("all but some to be let go", () => sockets.filter(isLeft).length === 24);
    const other = connect({ port: web.port, host: "127.0.0.1", localAddress: "127.0.0.2" });
    other.write(GET);
    const [answer] = await once(other, "data");
    assert.match(`${answer}`, /^HTTP\/1\.1 200 /);
    for (const socket of [...sockets, other]) socket.destroy();
  });

  test("ends with its signal, whoever is connected", async () => {
    const web = await Listening.start(({ signal }) => ({ status: 200, body: never(signal) }));
    const request = httpRequest({ port: web.port, agent: false }).end();
    const [response] = await once(request, "response");
    response.on("error", () => {});
    await once(response, "data");
    web.over.abort();
    await web.closed;
  });

  test("loses one request if a page cannot be made, and goes on", async () => {
    let isBroken = true;
    await using web = await Listening.start(() => {
      if (isBroken) throw new Error("broken");
      return { status: 200, body: "whole" };
    });
    await assert.rejects(web.get("/"), { code: "ECONNRESET" });
    isBroken = false;
    assert.equal((await web.get("/")).body, "whole");
  });

  test("reports in one line that its port is in use", async () => {
    await using web = await Listening.start(() => ({ status: 200, body: "" }));
    const endpoint = { ...ENDPOINT, port: web.port };
    const handler = () => ({ status: 200, body: "" });
    const { clock, over } = web;
    const again = listenWeb({ endpoint, handler, clock, log: silentLog, signal: over.signal });
    await assert.rejects(again, (error) => {
      assert.ok(error instanceof ListenError);
      assert.match(error.message, /^cannot listen on WEB 127\.0\.0\.1:\d+: the port is in use$/);
      return true;
    });
  });
});

const GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

async function* never(signal: AbortSignal) {
  yield "first";
  await once(signal, "abort");
}
