/** What the composition root passes on from a configuration, seen from outside. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { parseConfig } from "../../src/config.ts";
import { Class, Opcode, OptionCode, Type } from "../../src/dns/constants.ts";
import { optionOf } from "../../src/dns/edns.ts";
import { encode } from "../../src/dns/encode.ts";
import { formatEndpoint } from "../../src/dns/endpoint.ts";
import { decode, decodeHeader, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { type GatewayOptions, openGateway } from "../../src/gateway.ts";
import { PersistentConnection } from "../../src/net/client/persistent.ts";
import { Frames, frame } from "../../src/net/framing.ts";
import type { Link } from "../../src/net/links/link.ts";
import { makeCertificate } from "../support/certificate.ts";
import { FakeClock } from "../support/clock.ts";
import { freePort } from "../support/freeport.ts";
import { temporaryFolder } from "../support/gateway.ts";
import { silentLog } from "../support/log.ts";
import { skipWithout } from "../support/tool.ts";
import { waitFor } from "../support/wait.ts";

const zone = "bonjour.example";
const soa = { name: Name.parse(zone), type: Type.SOA, class: Class.IN };

/** With one link; `sent` is all that was sent on it. */
async function open(settings: object, options: Partial<GatewayOptions> = {}) {
  const folder = temporaryFolder();
  const stop = new AbortController();
  const sent: Uint8Array[] = [];
  const link: Link = {
    name: "eth0",
    addresses: [{ family: 4, address: "10.1.0.1", prefix: 24 }],
    payload: 1440,
    isShared: false,
    send: (bytes) => void sent.push(bytes),
    listen: () => {},
  };
  const links = [{ interface: "eth0", site: "paris" }];
  const config = parseConfig(
    JSON.stringify({ zone, links, data: folder, ...settings }),
    "g",
    folder,
  );
  const gateway = await openGateway(config, {
    ...{ clock: systemClock, log: silentLog, signal: stop.signal },
    links: { follow: (found) => found(link, stop.signal) },
    ...options,
  });
  const close = () => {
    stop.abort();
    return gateway.closed;
  };
  return { sent, close, [Symbol.asyncDispose]: close };
}

async function openServing(settings: object = {}) {
  const server = { address: "127.0.0.1", port: await freePort() };
  const gateway = await open({ listen: { dns: [formatEndpoint(server)] }, ...settings });
  return Object.assign(gateway, { server });
}

suite("a gateway", () => {
  test("announces its idle timeout over TCP", async () => {
    await using gateway = await openServing();
    const locate = async () => [gateway.server];
    const connection = new PersistentConnection({ locate, clock: systemClock });
    const options = [{ code: OptionCode.TCP_KEEPALIVE, data: Buffer.alloc(0) }];
    const edns = { udpSize: 1232, version: 0, dnssecOk: false, options };
    try {
      const octets = await connection.ask((id) =>
        encode(makeMessage({ id, questions: [soa], edns })),
      );
      const told = optionOf(decode(octets).edns, OptionCode.TCP_KEEPALIVE);
      assert.deepEqual(told && Buffer.from(told), Buffer.from([0, 100]));
    } finally {
      connection.close();
    }
  });

  test("notifies the configured servers of its zone", async () => {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    const opcodes: number[] = [];
    socket.on("message", (bytes) => opcodes.push(decodeHeader(bytes).opcode));
    try {
      await once(socket, "listening");
      const notify = [`127.0.0.1:${socket.address().port}`];
      await using _ = await openServing({ transfer: { notify } });
      await waitFor("the notice", () => opcodes.includes(Opcode.NOTIFY));
    } finally {
      socket.close();
    }
  });

  test("SEC-13: counts the connections of all its listeners together", {
    skip: skipWithout("openssl"),
  }, async () => {
    const { paths } = makeCertificate();
    const ports = [await freePort(), await freePort(), await freePort(), await freePort()];
    const [first, second, tls, https] = ports.map((port) => `127.0.0.1:${port}`);
    const listen = { dns: [first, second], tls: [tls], https: [https], ...paths };
    let reloads = 0;
    await using _ = await open({ listen }, { clock: new FakeClock(), onReload: () => reloads++ });
    assert.equal(reloads, 1, "and looks at its certificate when it is told to");
    // One source may have five hundred.
    const sockets = Array.from({ length: 501 }, (_, i) => connect(ports[i % 4]!, "127.0.0.1"));
    for (const socket of sockets) socket.on("error", () => {});
    try {
      await waitFor("the end of one", () => sockets.some(({ closed }) => closed));
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  test("asks its links for the configured subtypes", async () => {
    await using gateway = await openServing({ subtypes: { "_x._tcp": ["_y"] } });
    await waitFor("the question", () =>
      gateway.sent
        .flatMap((bytes) => decode(bytes).questions)
        .some(({ name }) => name.equals(Name.parse("_y._sub._x._tcp.local."))),
    );
  });

  test("that publishes elsewhere leaves no connection behind", async () => {
    const connections = new Set<Socket>();
    let answers = 0;
    const server = createServer((socket) => {
      connections.add(socket.on("error", () => {}));
      const frames = new Frames();
      // Without answers the connection would be closed anyway.
      socket.on("data", (bytes) => {
        frames.push(bytes);
        for (let query = frames.next(); query !== undefined; query = frames.next()) {
          const { id, opcode } = decodeHeader(query);
          socket.write(
            frame(encode(makeMessage({ id, opcode, isResponse: true }))),
            () => answers++,
          );
        }
      });
    });
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    const publish = { server: `127.0.0.1:${port}`, withdraw: false };
    const gateway = await open({ publish });
    try {
      await waitFor("an answer", () => answers > 0);
    } finally {
      await gateway.close();
    }
    try {
      await waitFor("its end", () => [...connections].every(({ closed }) => closed));
    } finally {
      for (const socket of connections) socket.destroy();
      server.close();
    }
  });
});
