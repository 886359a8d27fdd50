import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { connect as connectTls, Server } from "node:tls";
import { encode } from "../../src/dns/encode.ts";
import { frame } from "../../src/net/framing.ts";
import { Places } from "../../src/net/server/places.ts";
import { acceptSecure } from "../../src/net/server/tls.ts";
import { question } from "../dnsserver/fixture.ts";
import { listenSecurely } from "../dnsserver/secure.ts";
import { FakeClock } from "../support/clock.ts";
import { skipWithout } from "../support/tool.ts";
import { waitFor } from "../support/wait.ts";

const CONNECTIONS = "/proc/net/tcp";

/** Everything that is looked at in a socket. */
const socketOf = (remotePort: number) =>
  Object.assign(new PassThrough(), {
    ...{ remoteAddress: "192.0.2.1", remotePort, localAddress: "192.0.2.2" },
  });

test("a connection from a reused port is served, even if the first ends only after it", async () => {
  const server = new Server();
  const served: unknown[] = [];
  acceptSecure(server, { clock: new FakeClock() }, (socket) => served.push(socket));
  const [first, second, secure] = [socketOf(4000), socketOf(4000), socketOf(4000)];
  server.emit("connection", first);
  server.emit("connection", second);
  first.destroy();
  await once(first, "close");
  server.emit("secureConnection", secure);
  assert.deepEqual(served, [secure]);
  assert.ok(!secure.destroyed);
});

test("a connection through an interface that has just gone is closed, before TLS and after it", async () => {
  const server = new Server();
  const served: unknown[] = [];
  acceptSecure(server, { clock: new FakeClock() }, (socket) => served.push(socket));
  const [before, first, secure] = [goneAt(4000), socketOf(4001), goneAt(4001)];
  server.emit("connection", before);
  server.emit("connection", first);
  server.emit("secureConnection", secure);
  assert.deepEqual([before.destroyed, first.destroyed, secure.destroyed], [true, false, true]);
  assert.deepEqual(served, []);
  first.destroy();
  await once(first, "close");
});

test("a secure connection does not end with those that are not secure yet", async () => {
  const server = new Server();
  const { end } = acceptSecure(server, { clock: new FakeClock() }, () => {});
  const [first, second] = [socketOf(4000), socketOf(4001)];
  server.emit("connection", first);
  server.emit("connection", second);
  server.emit("secureConnection", socketOf(4000));
  end();
  assert.deepEqual([first.destroyed, second.destroyed], [false, true]);
  first.destroy();
  await once(first, "close");
});

test("a peer may use one port for connections to two addresses of this host", () => {
  const server = new Server();
  const served: unknown[] = [];
  acceptSecure(server, { clock: new FakeClock() }, (socket) => served.push(socket));
  const connections = ["192.0.2.2", "192.0.2.3"].map((localAddress) => {
    return [socketOf(4000), socketOf(4000)].map((socket) =>
      Object.assign(socket, { localAddress }),
    );
  });
  for (const [socket] of connections) server.emit("connection", socket);
  for (const [, secure] of connections) server.emit("secureConnection", secure);
  assert.deepEqual(
    served,
    connections.map(([, secure]) => secure),
  );
});

test("connections end with their listener, secure or not yet", {
  skip: skipWithout("openssl"),
  timeout: 60_000,
}, async () => {
  const places = new Places();
  const server = await listenSecurely({ clock: new FakeClock(), places });
  const { port } = server.tls.endpoint;
  const early = connectTcp(port, "127.0.0.1");
  const secure = connectTls({ host: "127.0.0.1", port, ca: server.certificate.certificate });
  const ends = [early, secure].map((socket) => {
    socket.on("error", () => {}).resume();
    return once(socket, "close");
  });
  secure.write(frame(encode(question("printer.paris"))));
  await once(secure, "data");
  await waitFor("both to be accepted", () => places.size === 2);
  await server[Symbol.asyncDispose]();
  await Promise.all(ends);
});

test("TCP probes a client that is silent: one that has vanished does not keep its place", {
  skip: existsSync(CONNECTIONS) ? skipWithout("openssl") : `needs ${CONNECTIONS}`,
  timeout: 60_000,
}, async () => {
  await using server = await listenSecurely();
  const { port } = server.tls.endpoint;
  const { certificate } = server.certificate;
  const client = connectTls({ host: "127.0.0.1", port, ca: certificate });
  client.on("error", () => {});
  client.write(frame(encode(question("printer.paris"))));
  await once(client, "data");
  // The kernel sends a probe when this timer has run down: 15 minutes, in hundredths of a second.
  await waitFor("the timer of probes to run alone", () => timerOf(port).startsWith("02:"));
  const left = Number.parseInt(timerOf(port).slice(3), 16);
  assert.ok(left > 30_000 && left <= 90_000, `${left}`);
  client.destroy();
});

test("a connection that ends before it is secure leaves nothing behind", async () => {
  const server = new Server();
  const clock = new FakeClock();
  const served: unknown[] = [];
  acceptSecure(server, { clock }, (socket) => served.push(socket));
  const [first, late] = [socketOf(4000), socketOf(4000)];
  server.emit("connection", first);
  first.destroy();
  await once(first, "close");
  server.emit("secureConnection", late);
  assert.ok(late.destroyed);
  assert.deepEqual([served, clock.next], [[], undefined]);
});

/** The timer of the connection to this port: its kind, and what is left of it (Linux, proc_net_tcp). */
function timerOf(port: number): string {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = readFileSync(CONNECTIONS, "utf8").split("\n");
  const fields = rows.map((row) => row.trim().split(/\s+/));
  const ESTABLISHED = "01";
  return fields.find((row) => row[1]?.endsWith(local) && row[3] === ESTABLISHED)?.[5] ?? "";
}

/** A socket with link-local addresses whose interface Node cannot find. */
function goneAt(remotePort: number): PassThrough {
  return Object.defineProperty(socketOf(remotePort), "remoteAddress", {
    get() {
      throw Object.assign(new Error("ENXIO: no such device or address, uv_if_indextoiid"), {
        ...{ errno: -6, code: "ENXIO", syscall: "uv_if_indextoiid" },
      });
    },
  });
}
