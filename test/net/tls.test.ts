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
