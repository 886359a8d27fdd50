import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { systemClock } from "../../src/clock.ts";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import type { Server as DnsServer, TlsIdentity } from "../../src/net/client/channel.ts";
import { ExchangeError } from "../../src/net/client/exchange.ts";
import { PersistentConnection, type PersistentOptions } from "../../src/net/client/persistent.ts";
import { Frames, frame } from "../../src/net/framing.ts";
import { FakeClock } from "../support/clock.ts";
import { freePort } from "../support/freeport.ts";
import { temporaryFolder } from "../support/gateway.ts";
import { succeed } from "../support/process.ts";
import { skipWithout } from "../support/tool.ts";
import { waitFor } from "../support/wait.ts";

type Behave = (query: Uint8Array, socket: Socket) => void;

/** A server that counts messages and behaves as configured with each. */
class Fake {
  readonly server: Server;
  readonly sockets: Socket[] = [];
  readonly queries: Uint8Array[] = [];

  constructor(behave: Behave, make: (serve: (socket: Socket) => void) => Server = createServer) {
    this.server = make((socket) => {
      this.sockets.push(socket);
      const frames = new Frames();
      socket.on("error", () => {});
      socket.on("data", (piece) => {
        frames.push(piece);
        for (let octets = frames.next(); octets; octets = frames.next()) {
          this.queries.push(octets);
          behave(octets, socket);
        }
      });
    });
  }

  async listen(port = 0): Promise<Endpoint> {
    this.server.listen(port, "127.0.0.1");
    await once(this.server, "listening");
    return { address: "127.0.0.1", port: (this.server.address() as AddressInfo).port };
  }

  [Symbol.dispose](): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

/** A header with this id, and an octet to tell messages apart. */
const message = (id: number, mark: number) =>
  Uint8Array.from([id >> 8, id & 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, mark]);
const idOf = (octets: Uint8Array) => (octets[0]! << 8) | octets[1]!;
const markOf = (octets: Uint8Array) => octets[12]!;
const echo: Behave = (query, socket) => socket.write(frame(query));
const silent: Behave = () => {};
/** Also adds the errors of its connections to `errors`. */
function echoNoting(errors: unknown[]): Behave {
  return (query, socket) => {
    socket.on("error", (error) => errors.push(error));
    echo(query, socket);
  };
}

function connectionTo(
  endpoint: DnsServer,
  options: Partial<PersistentOptions> = {},
): PersistentConnection & Disposable {
  const connection = new PersistentConnection({
    ...{ locate: async () => [endpoint], clock: systemClock },
    ...options,
  });
  return Object.assign(connection, { [Symbol.dispose]: () => connection.close() });
}

const ask = async (connection: PersistentConnection, mark: number) =>
  markOf(await connection.ask((id) => message(id, mark)));

/**
 * Octets read by a server that reads nothing until the client has given up. The client sends more than
 * the systems of both ends buffer for it: some megabytes at one end, a tenth of that at the other.
 */
async function readAfterGivenUp(
  t: TestContext,
  make: (serve: (socket: Socket) => void) => Server,
  tls?: TlsIdentity,
): Promise<number> {
  const clock = new FakeClock();
  const sockets: Socket[] = [];
  const server = make((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const endpoint = { address: "127.0.0.1", port, tls };
  using connection = connectionTo(endpoint, { clock });
  const large = Array.from({ length: 300 }, () =>
    connection.ask((id) => Buffer.concat([message(id, 0), Buffer.alloc(60_000)])),
  );
  const given = Promise.allSettled(large);
  await waitFor("the connection", () => sockets.length === 1);
  const socket = sockets[0]!;
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await waitFor("the questions", () => clock.next !== undefined);
  await clock.elapse(5000);
  await given;
  socket.resume();
  await closed;
  return socket.bytesRead;
}

suite("a persistent connection", () => {
  test("opens with the first question, and is kept", async () => {
    using server = new Fake(echo);
    using connection = connectionTo(await server.listen());
    assert.equal(server.sockets.length, 0);
    for (const mark of [1, 2, 3]) assert.equal(await ask(connection, mark), mark);
    assert.equal(server.sockets.length, 1);
    assert.equal(new Set(server.queries.map(idOf)).size, 3);
  });

  test("that is still opening can be closed, and opened again", async () => {
    using server = new Fake(echo);
    const endpoint = await server.listen();
    // A documentation address (RFC 5737): the connection never opens, with or without a route.
    const nobody = { address: "192.0.2.1", port: 53 };
    let servers = [nobody, nobody];
    const clock = new FakeClock();
    using connection = connectionTo(endpoint, { clock, locate: async () => servers });
    const asked = ask(connection, 1);
    await new Promise(setImmediate);
    connection.close();
    await assert.rejects(asked, ExchangeError);
    assert.equal(clock.next, undefined);
    servers = [endpoint];
    assert.equal(await ask(connection, 2), 2);
  });

  test("is not opened again for those that were waiting when it was closed", async () => {
    using server = new Fake((query, socket) => {
      if (markOf(query) === 1) echo(query, socket);
    });
    using connection = connectionTo(await server.listen());
    assert.equal(await ask(connection, 1), 1);
    const asked = ask(connection, 2);
    await waitFor("the question", () => server.queries.length === 2);
    connection.close();
    await assert.rejects(asked, ExchangeError);
    assert.equal(server.sockets.length, 1);
  });

  test("is shared by concurrent questions, whose answers may come in any order", async () => {
    const held: Uint8Array[] = [];
    using server = new Fake((query, socket) => {
      held.push(query);
      if (held.length === 3) for (const each of held.reverse()) echo(each, socket);
    });
    using connection = connectionTo(await server.listen());
    const answers = await Promise.all([1, 2, 3].map((mark) => ask(connection, mark)));
    assert.deepEqual(answers, [1, 2, 3]);
    assert.equal(server.sockets.length, 1);
  });

  test("yields every message of a transfer, and ignores those no longer wanted", async () => {
    using server = new Fake((query, socket) => {
      for (let i = 0; i < 10; i++) socket.write(frame(message(idOf(query), i)));
    });
    using connection = connectionTo(await server.listen());
    const marks: number[] = [];
    for await (const octets of connection.askAll((id) => message(id, 0))) {
      if (marks.push(markOf(octets)) === 7) break;
    }
    assert.deepEqual(marks, [0, 1, 2, 3, 4, 5, 6]);
    assert.equal(await ask(connection, 0), 0);
    assert.equal(server.sockets.length, 1);
  });

  test("ends if an abandoned transfer does not", async () => {
    using server = new Fake((query, socket) => {
      const one = frame(query);
      const piece = Buffer.alloc(4000 * one.length, one);
      const more = () => {
        if (!socket.destroyed) socket.write(piece, () => setImmediate(more));
      };
      more();
    });
    using connection = connectionTo(await server.listen());
    for await (const octets of connection.askAll((id) => message(id, 7))) {
      assert.equal(markOf(octets), 7);
      break;
    }
    await waitFor("the connection to end", () => server.sockets[0]!.destroyed);
  });

  test("works with a server that closes after each answer", async () => {
    using server = new Fake((query, socket) => socket.end(frame(query)));
    using connection = connectionTo(await server.listen());
    for (const mark of [1, 2, 3]) assert.equal(await ask(connection, mark), mark);
    assert.equal(server.sockets.length, 3);
  });

  test("that the server closes as it is used again is reopened, and the question repeated", async () => {
    using server = new Fake((query, socket) => {
      if (server.queries.length === 2) socket.destroy();
      else echo(query, socket);
    });
    using connection = connectionTo(await server.listen());
    assert.equal(await ask(connection, 1), 1);
    assert.equal(await ask(connection, 2), 2);
    assert.equal(server.sockets.length, 2);
    const [, second, third] = server.queries.map(idOf);
    assert.notEqual(second, third, "a message is not sent twice");
  });

  test("that the server closes in the middle of a transfer does not repeat the transfer", async () => {
    using fake = new Fake((query, socket) => {
      if (markOf(query) === 1) echo(query, socket);
      else socket.end(frame(query));
    });
    using connection = connectionTo(await fake.listen());
    assert.equal(await ask(connection, 1), 1);
    const marks: number[] = [];
    const transfer = async () => {
      for await (const octets of connection.askAll((id) => message(id, 2))) {
        marks.push(markOf(octets));
        assert.ok(marks.length < 5);
      }
    };
    await assert.rejects(transfer(), { name: "ExchangeError", code: "closed" });
    assert.deepEqual([marks, fake.queries.length], [[2], 2]);
  });

  test("that is new and closed without an answer is an error", async () => {
    using server = new Fake((_, socket) => socket.destroy());
    using connection = connectionTo(await server.listen());
    await assert.rejects(ask(connection, 1), { name: "ExchangeError", code: "closed" });
    assert.equal(server.sockets.length, 1);
  });

  test("reports that nobody listens, and works once somebody does", async () => {
    const endpoint = await (async () => {
      using server = new Fake(echo);
      return await server.listen();
    })();
    using connection = connectionTo(endpoint);
    await assert.rejects(ask(connection, 1), (error) => {
      assert.ok(error instanceof ExchangeError);
      assert.deepEqual([error.message, error.server], ["nothing is listening there", endpoint]);
      return true;
    });
    using server = new Fake(echo);
    await server.listen(endpoint.port);
    assert.equal(await ask(connection, 1), 1);
  });

  test("tries the addresses of the server in turn, and looks them up each time", async () => {
    using server = new Fake((query, socket) => socket.end(frame(query)));
    const endpoint = await server.listen();
    let times = 0;
    using connection = connectionTo(endpoint, {
      locate: async () => {
        times++;
        return [{ address: "127.0.0.1", port: 1 }, endpoint];
      },
    });
    assert.equal(await ask(connection, 1), 1);
    assert.equal(await ask(connection, 2), 2);
    assert.equal(times, 2);
    assert.equal(connection.server, endpoint);
  });

  test("fails all questions after five seconds without an answer, and opens anew", async () => {
    const clock = new FakeClock();
    using server = new Fake(silent);
    using connection = connectionTo(await server.listen(), { clock });
    const both = Promise.allSettled([ask(connection, 1), ask(connection, 2)]);
    await waitFor("the questions", () => server.queries.length === 2);
    await clock.elapse(4999);
    assert.equal(server.sockets[0]!.destroyed, false);
    await clock.elapse(1);
    assert.deepEqual(
      (await both).map((each) => each.status === "rejected" && each.reason.code),
      ["timeout", "timeout"],
    );
    const third = ask(connection, 3);
    await waitFor("the question", () => server.queries.length === 3);
    assert.equal(server.sockets.length, 2);
    echo(server.queries[2]!, server.sockets[1]!);
    assert.equal(await third, 3);
    assert.equal(clock.next, undefined);
  });

  test("that timed out is reset: the server never gets what it has not received by then", async (t) => {
    const read = await readAfterGivenUp(t, (serve) =>
      createServer({ pauseOnConnect: true }, serve),
    );
    assert.ok(read < 1_000_000, `${read} octets`);
  });

  test("that nobody waits for ends without a reset", async () => {
    const errors: unknown[] = [];
    using server = new Fake(echoNoting(errors));
    const connection = connectionTo(await server.listen());
    assert.equal(await ask(connection, 1), 1);
    connection.close();
    await waitFor("the end", () => server.sockets[0]!.destroyed);
    assert.deepEqual(errors, []);
  });

  test("forgets a question that cannot be composed", async () => {
    const errors: unknown[] = [];
    using server = new Fake(echoNoting(errors));
    const connection = connectionTo(await server.listen());
    assert.equal(await ask(connection, 1), 1);
    const failing = connection.ask(() => {
      throw new Error("too long");
    });
    await assert.rejects(failing, /too long/);
    assert.equal(await ask(connection, 2), 2);
    connection.close();
    await waitFor("the end", () => server.sockets[0]!.destroyed);
    assert.deepEqual(errors, []);
  });

  test("waits longer for an answer while others come before it", async () => {
    const clock = new FakeClock();
    using server = new Fake(silent);
    using connection = connectionTo(await server.listen(), { clock });
    const answers = connection.askAll((id) => message(id, 0));
    for (let i = 0; i < 3; i++) {
      const next = answers.next();
      await waitFor("the question", () => server.queries.length === 1);
      await clock.elapse(4000);
      server.sockets[0]!.write(frame(message(idOf(server.queries[0]!), i)));
      assert.equal(markOf((await next).value!), i);
    }
    await answers.return(undefined);
  });

  test("ends at octets that are not a message", async () => {
    using server = new Fake((_, socket) => socket.write(frame(Uint8Array.of(1, 2, 3))));
    using connection = connectionTo(await server.listen());
    await assert.rejects(ask(connection, 1), { code: "closed" });
  });

  test("closes at once, whatever waits", async () => {
    using server = new Fake(silent);
    const connection = connectionTo(await server.listen());
    const asked = ask(connection, 1);
    await waitFor("the question", () => server.queries.length === 1);
    connection.close();
    await assert.rejects(asked, { code: "closed" });
    await waitFor(
      "the end",
      () => server.sockets[0]!.readableEnded || server.sockets[0]!.destroyed,
    );
  });
});

suite("a persistent connection over TLS", { skip: skipWithout("openssl") }, () => {
  const certificate = async () => {
    const folder = temporaryFolder();
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    await succeed([
      ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
      ...["-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=ns1.example.com"],
      ...["-addext", "subjectAltName=DNS:ns1.example.com"],
    ]);
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  };

  test("is kept like any other, if the server proves its name", async () => {
    const { key, cert } = await certificate();
    using server = new Fake(echo, (serve) =>
      createTlsServer({ key, cert, ALPNProtocols: ["dot"] }, serve),
    );
    const endpoint = await server.listen();
    const locate = (serverName: string, authorities?: string) => async () => [
      { ...endpoint, tls: { serverName, ...(authorities !== undefined && { authorities }) } },
    ];
    using connection = connectionTo(endpoint, { locate: locate("ns1.example.com", cert) });
    for (const mark of [1, 2]) assert.equal(await ask(connection, mark), mark);
    assert.equal(server.sockets.length, 1);
    using other = connectionTo(endpoint, { locate: locate("ns2.example.com", cert) });
    await assert.rejects(ask(other, 1), {
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
      message:
        "the server's certificate is not valid for ns2.example.com (ERR_TLS_CERT_ALTNAME_INVALID)",
    });
    using dialled = connectionTo(endpoint, { locate: locate("127.0.0.1", cert) });
    await assert.rejects(ask(dialled, 1), /not valid for 127\.0\.0\.1 \(ERR_/);
    using untrusting = connectionTo(endpoint, { locate: locate("ns1.example.com") });
    await assert.rejects(ask(untrusting, 1), {
      code: "DEPTH_ZERO_SELF_SIGNED_CERT",
      message:
        "the server's certificate is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT); is the authority named in NODE_EXTRA_CA_CERTS?",
    });
  });

  test("that timed out is reset too", async (t) => {
    const { key, cert } = await certificate();
    const make = (serve: (socket: Socket) => void) => createTlsServer({ key, cert }, serve);
    const identity = { serverName: "ns1.example.com", authorities: cert };
    const read = await readAfterGivenUp(t, make, identity);
    assert.ok(read < 1_000_000, `${read} octets`);
  });

  test("reports what prevents TLS", async () => {
    const tls = { serverName: "ns1.example.com" };
    const nobody = { address: "127.0.0.1", port: await freePort() };
    using closed = connectionTo({ ...nobody, tls });
    await assert.rejects(ask(closed, 1), { code: "ECONNREFUSED" });
    using plain = new Fake(silent);
    plain.server.on("connection", (socket) => socket.end("no TLS"));
    const server = await plain.listen();
    using other = connectionTo({ ...server, tls });
    await assert.rejects(ask(other, 1), {
      message: "the server does not speak TLS on this port",
      server,
    });
  });
});
