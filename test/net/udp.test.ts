import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once, setMaxListeners } from "node:events";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message, makeMessage, makeResponse } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import type { Handler, Ready } from "../../src/net/server/handler.ts";
import { ListenError } from "../../src/net/server/listener.ts";
import { listenUdp, MAX_WAITING, UdpCount, type UdpOptions } from "../../src/net/server/udp.ts";
import { FakeClock } from "../support/clock.ts";
import { silentLog } from "../support/log.ts";
import { waitFor } from "../support/wait.ts";

const query = encode(
  makeMessage({
    id: 7,
    questions: [{ name: Name.parse("example."), type: Type.A, class: Class.IN }],
  }),
);
const echo: Handler = ({ message }) => [makeResponse(message, {})];

async function listen(options: Partial<UdpOptions> = {}) {
  const life = new AbortController();
  const listener = await listenUdp({
    endpoint: { address: "127.0.0.1", port: 0 },
    handler: echo,
    clock: systemClock,
    log: silentLog,
    signal: life.signal,
    ...options,
  });
  return {
    ...listener,
    async [Symbol.asyncDispose]() {
      life.abort();
      await listener.closed;
    },
  };
}

async function client(address = "127.0.0.1", port = 0) {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  socket.bind(port, address);
  await once(socket, "listening");
  return Object.assign(socket, { [Symbol.dispose]: () => socket.close() });
}

/** Sockets of this process, if the system lists its files. */
function openSockets(): number {
  const folder = "/proc/self/fd";
  if (!existsSync(folder)) return 0;
  const isSocket = (file: string) => {
    try {
      return readlinkSync(`${folder}/${file}`).startsWith("socket:");
    } catch {
      // The descriptor of the folder itself.
      return false;
    }
  };
  return readdirSync(folder).filter(isSocket).length;
}

async function exchange(socket: Socket, port: number, address: string, bytes = query) {
  const received = once(socket, "message", { signal: AbortSignal.timeout(5000) });
  socket.send(bytes, port, address);
  const [octets, source] = await received;
  return { response: decode(octets), octets: octets as Buffer, source };
}

suite("UDP listener", () => {
  test("answers, and reports the port it was given", async () => {
    await using listener = await listen();
    using socket = await client();
    const { response } = await exchange(socket, listener.endpoint.port, "127.0.0.1");
    assert.equal(response.id, 7);
    assert.equal(listener.endpoint.address, "127.0.0.1");
    assert.equal(listener.counts[UdpCount.HANDLED], 1);
  });

  test("answers over IPv6", async () => {
    await using listener = await listen({ endpoint: { address: "::1", port: 0 } });
    using socket = await client("::1");
    const { response } = await exchange(socket, listener.endpoint.port, "::1");
    assert.equal(response.id, 7);
  });

  test("opens a wildcard as one socket for each address of its family", async () => {
    for (const [address, own, family] of [
      ["0.0.0.0", "127.0.0.1", 4],
      ["::", "::1", 6],
    ] as const) {
      const asked: number[] = [];
      const addresses = (which: number) => {
        asked.push(which);
        return [own];
      };
      // On a clock that stands still, since the addresses are looked up again and again.
      const clock = new FakeClock();
      await using listener = await listen({ endpoint: { address, port: 0 }, addresses, clock });
      using socket = await client(own);
      await exchange(socket, listener.endpoint.port, own);
      assert.deepEqual(asked, [family]);
    }
  });

  test("sends a ready-made answer without asking the Handler", async () => {
    const made = Buffer.from([0, 7, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    const asked: Buffer[] = [];
    const ready: Ready = {
      answer(octets) {
        asked.push(Buffer.from(octets));
        return made;
      },
      offer: () => assert.fail("nothing was made"),
    };
    const handler = () => assert.fail("the Handler was asked");
    await using listener = await listen({ ready, handler });
    using socket = await client();
    const { octets } = await exchange(socket, listener.endpoint.port, "127.0.0.1");
    assert.deepEqual(octets, made);
    assert.deepEqual(asked, [query]);
    assert.equal(listener.counts[UdpCount.READY], 1);
  });

  test("makes an answer that is not ready, and offers it", async () => {
    const offered: Uint8Array[] = [];
    const ready: Ready = { answer: () => undefined, offer: (_, made) => void offered.push(made) };
    await using listener = await listen({ ready });
    using socket = await client();
    const { octets } = await exchange(socket, listener.endpoint.port, "127.0.0.1");
    assert.deepEqual(offered.map(Buffer.from), [octets]);
  });

  test("sends several responses in order, even if the Handler waits for them", async () => {
    async function* later(request: Parameters<Handler>[0]) {
      for (const rcode of [Rcode.NXDOMAIN, Rcode.REFUSED]) {
        await new Promise(setImmediate);
        yield makeResponse(request.message, { rcode });
      }
    }
    await using listener = await listen({ handler: later });
    using socket = await client();
    const rcodes: number[] = [];
    socket.on("message", (octets) => rcodes.push(decode(octets).rcode));
    socket.send(query, listener.endpoint.port, "127.0.0.1");
    await waitFor("two responses", () => rcodes.length === 2);
    assert.deepEqual(rcodes, [Rcode.NXDOMAIN, Rcode.REFUSED]);
  });

  test("bounds the requests that wait, answers others, and takes more when those are done", async () => {
    let waiting = 0;
    const patience = new AbortController();
    setMaxListeners(0, patience.signal);
    const handler: Handler = (request) => {
      if (request.message.id === 7) return echo(request);
      return (async function* () {
        waiting++;
        if (!patience.signal.aborted) await once(patience.signal, "abort");
        yield* echo(request) as Message[];
      })();
    };
    await using listener = await listen({ handler });
    using socket = await client();
    const slow = Buffer.from(query);
    slow.writeUInt16BE(8, 0);
    // In portions: a socket buffers some hundreds of datagrams.
    for (let sent = 0; sent < MAX_WAITING + 200; ) {
      for (let i = 0; i < 100; i++, sent++) socket.send(slow, listener.endpoint.port, "127.0.0.1");
      await waitFor("the portion to arrive", () => listener.counts[UdpCount.HANDLED] === sent);
    }
    assert.equal(waiting, MAX_WAITING);
    assert.equal(listener.counts[UdpCount.OVERLOAD], 200);
    const { response } = await exchange(socket, listener.endpoint.port, "127.0.0.1");
    assert.equal(response.id, 7);
    // Completed requests make room.
    patience.abort();
    using another = await client();
    const late = await exchange(another, listener.endpoint.port, "127.0.0.1", slow);
    assert.equal(late.response.id, 8);
    assert.equal(listener.counts[UdpCount.OVERLOAD], 200);
  });

  test("loses nothing but an answer that cannot be sent", async () => {
    // Larger than an IP packet: the kernel returns EMSGSIZE.
    const ready: Ready = {
      answer: (octets) => (octets[1] === 7 ? undefined : Buffer.alloc(70_000)),
      offer: () => {},
    };
    await using listener = await listen({ ready });
    using socket = await client();
    const large = Buffer.from(query);
    large.writeUInt16BE(8, 0);
    socket.send(large, listener.endpoint.port, "127.0.0.1");
    const { response } = await exchange(socket, listener.endpoint.port, "127.0.0.1");
    assert.equal(response.id, 7);
  });

  test("reports a busy port as a ListenError with place and reason", async () => {
    await using listener = await listen();
    const { endpoint } = listener;
    await assert.rejects(listen({ endpoint }), (error) => {
      assert.ok(error instanceof ListenError);
      assert.equal(error.code, "EADDRINUSE");
      assert.deepEqual(error.endpoint, endpoint);
      assert.equal(
        error.message,
        `cannot listen on UDP 127.0.0.1:${endpoint.port}: the port is in use`,
      );
      return true;
    });
  });

  test("reports an address that is not this host's as a ListenError", async () => {
    const endpoint = { address: "192.0.2.1", port: 0 };
    await assert.rejects(listen({ endpoint }), { name: "ListenError", code: "EADDRNOTAVAIL" });
  });

  test("reports a link-local address of an unknown or missing interface as a ListenError", async () => {
    for (const address of ["fe80::1%nonesuch", "fe80::1"]) {
      const message = `cannot listen on UDP [${address}]:53: this host has no such interface, or the address is link-local and names no interface`;
      await assert.rejects(listen({ endpoint: { address, port: 53 } }), { message });
    }
  });

  test("reports in words what this host lacks", () => {
    const endpoint = { address: "::", port: 53 };
    const said = ["EAFNOSUPPORT", "EMFILE"].map((code) => {
      return new ListenError("tcp", endpoint, Object.assign(new Error(code), { code })).message;
    });
    assert.deepEqual(said, [
      "cannot listen on TCP [::]:53: this host does not support IPv6",
      "cannot listen on TCP [::]:53: no file descriptor is left (ulimit -n)",
    ]);
  });

  test("waits silently for an address of the wildcard that cannot be used yet", async () => {
    const clock = new FakeClock();
    const said: object[] = [];
    const say = (fields: object) => void said.push(fields);
    await using listener = await listen({
      endpoint: { address: "0.0.0.0", port: 0 },
      addresses: () => ["192.0.2.1", "127.0.0.1"],
      clock,
      log: { ...silentLog, info: say, warn: say },
    });
    await clock.elapse(3000);
    using socket = await client();
    await exchange(socket, listener.endpoint.port, "127.0.0.1");
    assert.deepEqual(said, []);
  });

  test("opens a wildcard everywhere or not at all", async () => {
    await using taken = await listen({ endpoint: { address: "127.0.0.2", port: 0 } });
    const { port } = taken.endpoint;
    const wildcard = {
      endpoint: { address: "0.0.0.0", port },
      addresses: () => ["127.0.0.1", "127.0.0.2"],
    };
    await assert.rejects(listen(wildcard), { name: "ListenError", code: "EADDRINUSE" });
    await using again = await listen({ endpoint: { address: "127.0.0.1", port } });
    assert.equal(again.endpoint.port, port, "what was opened was closed again");
  });

  test("XPORT-27: opens addresses that come, and closes those that go", async () => {
    const clock = new FakeClock();
    let addresses = ["127.0.0.1"];
    await using listener = await listen({
      endpoint: { address: "0.0.0.0", port: 0 },
      addresses: () => addresses,
      clock,
    });
    const { port } = listener.endpoint;
    using socket = await client();
    assert.equal((await exchange(socket, port, "127.0.0.1")).source.address, "127.0.0.1");

    for (addresses of [["127.0.0.3", "127.0.0.4"], ["127.0.0.5"]]) {
      await clock.elapse(3000);
      for (const address of addresses) {
        assert.equal((await exchange(socket, port, address)).source.address, address);
      }
    }
    using freed = await client("127.0.0.1", port);
    assert.equal(freed.address().port, port);
  });

  test("keeps addresses open while the kernel cannot list them", async () => {
    const clock = new FakeClock();
    let error: Error | undefined;
    await using listener = await listen({
      endpoint: { address: "0.0.0.0", port: 0 },
      addresses: () => {
        if (error !== undefined) throw error;
        return ["127.0.0.1"];
      },
      clock,
    });
    error = Object.assign(new Error("too many open files"), { code: "ERR_SYSTEM_ERROR" });
    await clock.elapse(10_000);
    using socket = await client();
    const { port } = listener.endpoint;
    assert.equal((await exchange(socket, port, "127.0.0.1")).response.id, 7);
  });

  test("retries an address that is in use when it comes, with one warning", async () => {
    const clock = new FakeClock();
    let addresses = ["127.0.0.1"];
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (_fields: object, fact: string) => void warnings.push(fact) };
    await using listener = await listen({
      endpoint: { address: "0.0.0.0", port: 0 },
      addresses: () => addresses,
      clock,
      log,
    });
    const { port } = listener.endpoint;
    const warning = `cannot listen on UDP 127.0.0.3:${port}: the port is in use`;
    {
      using _holder = await client("127.0.0.3", port);
      addresses = ["127.0.0.1", "127.0.0.3"];
      await clock.elapse(10_000);
      assert.deepEqual(warnings, [warning]);
      const before = openSockets();
      await clock.elapse(10_000);
      assert.equal(openSockets(), before, "each time that it was tried");
      // A new warning after the address was away.
      addresses = ["127.0.0.1"];
      await clock.elapse(3000);
      addresses = ["127.0.0.1", "127.0.0.3"];
      await clock.elapse(10_000);
      assert.deepEqual(warnings, [warning, warning]);
    }
    await clock.elapse(3000);
    using socket = await client();
    assert.equal((await exchange(socket, port, "127.0.0.3")).response.id, 7);
  });

  test("ends with its signal, and sends nothing that becomes ready later", async () => {
    const life = new AbortController();
    let respond = () => {};
    const handler: Handler = async function* ({ message }) {
      await new Promise<void>((resolve) => {
        respond = resolve;
      });
      yield makeResponse(message, {});
    };
    const listener = await listen({ handler, signal: life.signal });
    using socket = await client();
    socket.send(query, listener.endpoint.port, "127.0.0.1");
    await waitFor("the request", () => listener.counts[UdpCount.HANDLED] === 1);
    life.abort();
    await listener.closed;
    respond();
    using again = await client("127.0.0.1", listener.endpoint.port);
    assert.equal(again.address().port, listener.endpoint.port, "the port is free");
  });

  test("ends with a signal that is aborted while it opens", { timeout: 60_000 }, async () => {
    const life = new AbortController();
    const opening = listen({ signal: life.signal });
    life.abort();
    const { closed, endpoint } = await opening;
    await closed;
    using again = await client("127.0.0.1", endpoint.port);
    assert.equal(again.address().port, endpoint.port, "the port is free");
  });

  test("neither opens nor looks for addresses once its signal has ended", async () => {
    for (const coming of [[], ["127.0.0.3"], ["127.0.0.3", "127.0.0.4"]]) {
      const clock = new FakeClock();
      const life = new AbortController();
      const addresses = ["127.0.0.1"];
      const listener = await listen({
        endpoint: { address: "0.0.0.0", port: 0 },
        ...{ clock, signal: life.signal, addresses: () => addresses },
      });
      addresses.push(...coming);
      // It opens the first of them, and would go on.
      if (coming.length > 0) clock.advance(3000);
      life.abort();
      await listener.closed;
      if (coming.length > 0) await clock.elapse(0);
      assert.equal(clock.next, undefined);
      for (const address of addresses) {
        using again = await client(address, listener.endpoint.port);
        assert.equal(again.address().address, address, "it is free");
      }
    }
  });

  test("does not open if its signal has already ended", async () => {
    await assert.rejects(listen({ signal: AbortSignal.abort() }), { name: "AbortError" });
  });
});
