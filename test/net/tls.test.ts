import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { Server } from "node:tls";
import { acceptSecure } from "../../src/net/server/tls.ts";
import { FakeClock } from "../support/clock.ts";

/** All that is looked at of one. */
const socketOf = (remotePort: number) =>
  Object.assign(new PassThrough(), {
    ...{ remoteAddress: "192.0.2.1", remotePort, localAddress: "192.0.2.2" },
  });

test("a connection from a port that is used again is served, though the first goes after it came", async () => {
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

test("a connection by an interface that has gone in this moment is let go, before TLS and after it", async () => {
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

test("a connection that is secure does not end with those that are not", async () => {
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

/** Its addresses are link-local ones, and Node finds no interface for them. */
function goneAt(remotePort: number): PassThrough {
  return Object.defineProperty(socketOf(remotePort), "remoteAddress", {
    get() {
      throw Object.assign(new Error("ENXIO: no such device or address, uv_if_indextoiid"), {
        ...{ errno: -6, code: "ENXIO", syscall: "uv_if_indextoiid" },
      });
    },
  });
}
