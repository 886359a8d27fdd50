import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { suite, test } from "node:test";
import { encode } from "../../src/dns/encode.ts";
import { decode } from "../../src/dns/message.ts";
import { frame } from "../../src/net/framing.ts";
import { IDLE_TIMEOUT } from "../../src/net/server/idle.ts";
import { Places } from "../../src/net/server/places.ts";
import { listenTcp } from "../../src/net/server/stream.ts";
import { listenUdp } from "../../src/net/server/udp.ts";
import { makeServer, question } from "../dnsserver/fixture.ts";
import { listenSecurely } from "../dnsserver/secure.ts";
import { FakeClock } from "../support/clock.ts";
import { silentLog } from "../support/log.ts";
import { skipWithout } from "../support/tool.ts";
import { waitFor } from "../support/wait.ts";

function stream(): Duplex {
  return new Duplex({ read() {}, write: (_piece, _encoding, done) => done() });
}

suite("places", () => {
  test("SEC-13: are limited in number, whatever the sources", async () => {
    const places = new Places({ total: 50, perSource: 10 });
    const streams: Duplex[] = [];
    for (let i = 0; i < 10_000; i++) {
      const each = stream();
      streams.push(each);
      places.enter(each, `10.${i >> 8}.${i & 255}.1`);
      assert.ok(places.size <= 50);
    }
    for (const each of streams) each.destroy();
    await waitFor("all to be free", () => places.size === 0);
  });

  test("are crowded when hardly any is left", () => {
    const places = new Places({ total: 10, perSource: 10 });
    const taken = Array.from({ length: 9 }, () => places.enter(stream(), "192.0.2.1")!);
    assert.equal(taken[0]?.isCrowded, true);
    const few = new Places({ total: 10, perSource: 10 });
    assert.equal(few.enter(stream(), "192.0.2.1")?.isCrowded, false);
  });

  /** A stream with a place that is not idle. */
  function busy(places: Places, address: string): Duplex {
    const each = stream();
    places.enter(each, address)!.isIdle = () => false;
    return each;
  }

  test("SEC-13: are not all for one network: it gives one up for another that has fewer", () => {
    const places = new Places({ total: 6, perSource: 3 });
    const first = [1, 2, 3].map((host) => busy(places, `192.0.2.${host}`));
    const second = [1, 2].map((host) => busy(places, `2001:db8:0:${host}::1`));
    const idle = stream();
    places.enter(idle, "203.0.113.1");
    assert.equal(places.enter(stream(), "192.0.2.4"), undefined, "it has most already");
    assert.ok(!idle.destroyed);
    assert.ok(places.enter(stream(), "198.51.100.1"));
    assert.ok(idle.destroyed, "it waited for nothing");
    busy(places, "198.51.100.2");
    assert.ok(places.enter(stream(), "10.0.0.1"));
    assert.deepEqual(
      [...first, ...second].map((each) => each.destroyed),
      [true, false, false, false, false],
    );
    assert.equal(places.size, 6);
  });

  test("SEC-13: are not all for one source, even within its network", () => {
    const places = new Places({ total: 4, perSource: 3 });
    const [first, ...more] = [1, 1, 1, 2].map((host) => busy(places, `192.0.2.${host}`));
    assert.ok(places.enter(stream(), "192.0.2.3"));
    assert.ok(first?.destroyed);
    assert.ok(more.every((each) => !each.destroyed));
  });

  test("SEC-13: of a network with few are not for one with more, however many hosts that has", () => {
    const places = new Places({ total: 6, perSource: 3 });
    const many = [1, 2, 3, 4].map((host) => busy(places, `192.0.2.${host}`));
    const few = [1, 1].map((host) => busy(places, `203.0.113.${host}`));
    assert.equal(places.enter(stream(), "192.0.2.5"), undefined);
    assert.ok([...many, ...few].every((each) => !each.destroyed));
  });

  test("are taken from those that wait for nothing while there are such, of the largest network", () => {
    const places = new Places({ total: 6, perSource: 3 });
    const working = [1, 2, 3].map((host) => busy(places, `192.0.2.${host}`));
    const idle = ["198.51.100.1", "203.0.113.1", "203.0.113.2"].map((address) => {
      const each = stream();
      places.enter(each, address);
      return each;
    });
    busy(places, "10.0.0.1");
    assert.deepEqual(
      idle.map((each) => each.destroyed),
      [false, true, false],
    );
    assert.ok(working.every((each) => !each.destroyed));
  });

  test("that are left no longer count for their source", async () => {
    const places = new Places({ total: 10, perSource: 1 });
    for (let i = 0; i < 5; i++) {
      const each = stream();
      assert.ok(places.enter(each, "2001:db8::1"));
      assert.equal(places.enter(stream(), "2001:db8::2"), undefined, "of the same /64");
      each.destroy();
      await once(each, "close");
    }
  });

  test("stay free when touched by a connection that has gone", async () => {
    const places = new Places({ total: 10, perSource: 10 });
    const each = stream();
    const place = places.enter(each, "192.0.2.1")!;
    each.destroy();
    await once(each, "close");
    place.touch();
    assert.equal(places.size, 0);
  });
});

suite("a thousand idle connections", { skip: skipWithout("openssl") }, () => {
  test("do not disturb UDP or one more connection, and are closed in time", async () => {
    const clock = new FakeClock();
    const places = new Places();
    const { handler } = makeServer();
    await using secure = await listenSecurely({ clock, places, handler });
    const life = new AbortController();
    const shared = { handler, clock, log: silentLog, signal: life.signal };
    const endpoint = { address: "127.0.0.1", port: 0 };
    const udp = await listenUdp({ ...shared, endpoint });
    const tcp = await listenTcp({ ...shared, endpoint, places });
    const ports = [tcp.endpoint.port, secure.tls.endpoint.port, secure.https.endpoint.port];
    // As many from each source as are allowed; those to TLS never complete a handshake.
    const idle = await Promise.all(
      Array.from({ length: 1000 }, async (_, i) => {
        const localAddress = `127.0.0.${1 + (i % 4)}`;
        const socket = connect({ host: "127.0.0.1", port: ports[i % 3]!, localAddress });
        socket.on("error", () => {});
        await once(socket, "connect");
        return socket;
      }),
    );
    await waitFor("their places", () => places.size === 1000);

    const socket = createSocket("udp4");
    const answered = new Set<number>();
    socket.on("message", (octets) => answered.add(decode(octets).id));
    for (let id = 0; id < 1000; id++) {
      socket.send(encode(question("printer.paris", 1, { id })), udp.endpoint.port, "127.0.0.1");
      await waitFor("the answer", () => answered.has(id), 30_000, 0);
    }
    socket.close();
    const own = { port: tcp.endpoint.port, host: "127.0.0.1", localAddress: "127.0.0.9" };
    const client = connect(own);
    client.write(frame(encode(question("printer.paris"))));
    assert.equal(decode((await once(client, "data"))[0].subarray(2)).answers.length, 1);
    client.destroy();

    await clock.elapse(IDLE_TIMEOUT + 1);
    await clock.elapse(1000);
    await waitFor("all to be free", () => places.size === 0);
    for (const each of idle) each.destroy();
    life.abort();
    await Promise.all([udp.closed, tcp.closed]);
  });
});
