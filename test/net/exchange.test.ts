import assert from "node:assert/strict";
import { createSocket, type RemoteInfo } from "node:dgram";
import { getEventListeners, once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { Class, Opcode, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import {
  decode,
  type Message,
  makeMessage,
  makeResponse,
  type Question,
} from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { refuseTsig, signTsig, splitTsig, type TsigKey } from "../../src/dns/tsig.ts";
import { ask, ExchangeError } from "../../src/net/client/exchange.ts";
import { Frames, frame } from "../../src/net/framing.ts";
import { FakeClock } from "../support/clock.ts";
import { waitFor } from "../support/wait.ts";

const query = makeMessage({
  questions: [{ name: Name.parse("Example."), type: Type.A, class: Class.IN }],
});
const options = { clock: systemClock, timeout: 5000 };
const key: TsigKey = {
  name: Name.parse("k."),
  algorithm: "hmac-sha256",
  secret: Buffer.alloc(32, 7),
};

interface Fake {
  /** Called for each query; answers with `send`. */
  readonly udp?: (
    query: Message,
    send: (octets: Uint8Array) => void,
    from: RemoteInfo,
    octets: Uint8Array,
  ) => void;
  readonly tcp?: (query: Message, socket: Socket) => void;
}

/** A server on one port for both transports, which behaves as configured. */
async function serve({ udp, tcp }: Fake) {
  const server = createServer((socket) => {
    const frames = new Frames();
    socket.on("error", () => {});
    socket.on("data", (piece) => {
      frames.push(piece);
      for (let octets = frames.next(); octets; octets = frames.next())
        tcp?.(decode(octets), socket);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = createSocket("udp4");
  socket.on("message", (octets, from) => {
    udp?.(decode(octets), (answer) => socket.send(answer, from.port, from.address), from, octets);
  });
  socket.bind(port, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: "127.0.0.1",
    port,
    closeUdp: () => socket.close(),
    closeTcp: () => once(server.close(), "close"),
    [Symbol.dispose]() {
      socket.close();
      server.close();
    },
  };
}

const answer = (asked: Message, fields: Partial<Message> = {}) =>
  encode(makeResponse(asked, { recursionAvailable: true, ...fields }));

const truncate: Fake["udp"] = (asked, send) => send(answer(asked, { isTruncated: true }));

suite("exchange", () => {
  test("rejects with an ExchangeError if the server cannot be reached", async () => {
    // The kernel permits broadcasts only on request (socket(7), SO_BROADCAST).
    const everybody = { address: "255.255.255.255", port: 53 };
    await assert.rejects(ask(everybody, query, options), { name: "ExchangeError" });
  });

  test("returns the answer to a question asked over UDP", async () => {
    using server = await serve({ udp: (asked, send) => send(answer(asked)) });
    const response = await ask(server, query, options);
    assert.equal(response.recursionAvailable, true);
    assert.ok(response.questions[0]?.name.equals(query.questions[0]!.name));
  });

  test("leaves nothing on a signal that outlives it", async () => {
    using server = await serve({ udp: (asked, send) => send(answer(asked)) });
    const { signal } = new AbortController();
    for (let i = 0; i < 3; i++) await ask(server, query, { ...options, signal });
    assert.equal(getEventListeners(signal, "abort").length, 0);
    // Node keeps signals derived from it in sets of the signal.
    const fields = Object.getOwnPropertySymbols(signal).map((field) => Reflect.get(signal, field));
    const kept = fields.filter((value) => value?.constructor?.name.endsWith("Set"));
    assert.ok(kept.every((set: Set<unknown>) => set.size === 0));
  });

  test("asks from a new port with a new id each time", async () => {
    const seen: [number, number][] = [];
    using server = await serve({
      udp(asked, send, from) {
        seen.push([asked.id, from.port]);
        send(answer(asked));
      },
    });
    for (let i = 0; i < 8; i++) await ask(server, query, options);
    assert.ok(new Set(seen.map(([id]) => id)).size >= 7, "ids");
    assert.ok(new Set(seen.map(([, port]) => port)).size >= 7, "ports");
  });

  test("retries when a datagram is lost", async () => {
    const clock = new FakeClock();
    let asked = 0;
    using server = await serve({
      udp(message, send) {
        asked++;
        if (asked === 3) send(answer(message));
      },
    });
    const response = ask(server, query, { clock, timeout: 3000 });
    for (const tries of [1, 2]) {
      await waitFor(`try ${tries}`, () => asked === tries && clock.next);
      await clock.elapse(1000);
    }
    assert.equal((await response).rcode, Rcode.NOERROR);
  });

  test("ignores whatever is not the answer to its question", async () => {
    const name = Name.parse("example.org.");
    using server = await serve({
      udp(asked, send) {
        const [own] = asked.questions;
        for (const wrong of [
          answer({ ...asked, id: asked.id ^ 1 }),
          answer({ ...asked, opcode: Opcode.NOTIFY }),
          answer(asked, { isResponse: false }),
          answer(asked, { questions: [] }),
          answer(asked, { questions: [{ ...own!, name }] }),
          answer(asked, { questions: [{ ...own!, type: Type.AAAA }] }),
          answer(asked, { questions: [{ ...own!, class: Class.CH }] }),
          answer(asked).subarray(0, 20),
          Buffer.alloc(3),
        ]) {
          send(wrong);
        }
        send(answer(asked, { rcode: Rcode.NXDOMAIN }));
      },
    });
    assert.equal((await ask(server, query, options)).rcode, Rcode.NXDOMAIN);
  });

  test("takes an answer whose question has other letter case, as AdGuard Home sends it", async () => {
    using server = await serve({
      udp(asked, send) {
        const questions = asked.questions.map((own) => ({ ...own, name: own.name.toLowerCase() }));
        send(answer(asked, { questions, rcode: Rcode.NXDOMAIN }));
      },
    });
    const [question] = query.questions;
    const questions = [{ ...question!, name: Name.parse("Office\\032Printer._ipp._tcp.Example.") }];
    const response = await ask(server, { ...query, questions }, options);
    assert.equal(response.rcode, Rcode.NXDOMAIN);
  });

  test("ignores responses that are not properly signed, those with a misplaced TSIG too", async () => {
    using server = await serve({
      udp(asked, send, _from, octets) {
        const [tsig] = asked.additionals;
        send(answer(asked));
        send(answer(asked, { answers: [tsig!] }));
        send(answer(asked, { additionals: [{ ...tsig!, class: Class.IN }] }));
        const priorMac = splitTsig(octets)!.tsig.mac;
        const now = Math.floor(systemClock.wall() / 1000);
        send(signTsig(answer(asked, { rcode: Rcode.NXDOMAIN }), key, { now, priorMac }).bytes);
      },
    });
    assert.equal((await ask(server, query, { ...options, key })).rcode, Rcode.NXDOMAIN);
  });

  test("reports that a server does not know the key, or has another secret for it", async () => {
    const said: [error: Rcode, reason: RegExp][] = [
      [Rcode.BADKEY, /does not know the key/],
      [Rcode.BADSIG, /has a different secret for the key/],
    ];
    for (const [error, message] of said) {
      using server = await serve({
        udp(asked, send, _from, octets) {
          const refused = answer(asked, { rcode: Rcode.NOTAUTH, additionals: [] });
          send(refuseTsig(refused, splitTsig(octets)!, error));
        },
      });
      const asked = ask(server, query, { ...options, timeout: 100, key });
      await assert.rejects(asked, { name: "ExchangeError", message });
    }
  });

  test("accepts an error that has no question", async () => {
    using server = await serve({
      udp: (asked, send) => send(answer(asked, { questions: [], rcode: Rcode.FORMERR })),
    });
    assert.equal((await ask(server, query, options)).rcode, Rcode.FORMERR);
  });

  test("asks over TCP when the answer is truncated", async () => {
    using server = await serve({
      udp: (asked, send) => send(answer(asked, { isTruncated: true })),
      tcp: (asked, socket) => socket.write(frame(answer(asked, { isAuthoritative: true }))),
    });
    const response = await ask(server, query, options);
    assert.equal(response.isTruncated, false);
    assert.equal(response.isAuthoritative, true);
  });

  test("asks over TCP when the answer is cut off within a record, as home routers do it", async () => {
    const [{ name }] = query.questions as [Question];
    const record = { name, type: Type.A, class: Class.IN, ttl: 1, rdata: rdata.a("192.0.2.1") };
    for (const isTruncated of [true, false]) {
      using server = await serve({
        udp(asked, send) {
          send(answer({ ...asked, id: asked.id ^ 1 }, { answers: [record] }).subarray(0, -1));
          send(answer(asked, { isTruncated, answers: [record] }).subarray(0, -1));
        },
        tcp(asked, socket) {
          socket.write(frame(answer(asked, { answers: [record] }).subarray(0, -1)));
          socket.write(frame(answer(asked, { answers: [record] })));
        },
      });
      assert.equal((await ask(server, query, options)).answers.length, 1);
      const cut = await ask(server, query, { ...options, transport: "udp" });
      assert.deepEqual([cut.isTruncated, cut.answers], [true, []]);
    }
  });

  test("reads an answer over TCP in whatever pieces", async () => {
    using server = await serve({
      udp: truncate,
      async tcp(asked, socket) {
        for (const octet of frame(answer(asked))) {
          socket.write(Buffer.from([octet]));
          await new Promise(setImmediate);
        }
      },
    });
    assert.equal((await ask(server, query, options)).isTruncated, false);
  });

  test("reports that nobody answers within the timeout", async () => {
    const clock = new FakeClock();
    using server = await serve({});
    const response = ask(server, query, { clock, timeout: 5000 });
    const refused = assert.rejects(response, {
      name: "ExchangeError",
      code: "timeout",
      message: "no answer in time",
      server: { address: server.address, port: server.port },
    });
    await clock.elapse(5000);
    await refused;
  });

  test("reports that nobody listens", async () => {
    const refused = {
      name: "ExchangeError",
      code: "ECONNREFUSED",
      message: "nothing is listening there",
    };
    const server = await serve({ udp: truncate });
    await server.closeTcp();
    await assert.rejects(ask(server, query, options), refused);
    server.closeUdp();
    await assert.rejects(ask(server, query, options), refused);
  });

  test("reports what this host lacks", () => {
    const server = { address: "2001:db8::1", port: 53 };
    const said = ["EAFNOSUPPORT", "EMFILE", "EINVAL"].map(
      (code) => new ExchangeError(server, code).message,
    );
    assert.deepEqual(said, [
      "this host does not support IPv6",
      "no file descriptor is left here (ulimit -n)",
      "this host has no such interface, or the address is link-local and names none (fe80::1%eth0)",
    ]);
  });

  test("says of a link-local address what it lacks", () => {
    const { message } = new ExchangeError({ address: "fe80::1", port: 53 }, "EINVAL");
    assert.match(message, /the address is link-local and names none \(fe80::1%eth0\)$/);
  });

  test("reports that the connection was closed without an answer", async () => {
    using server = await serve({ udp: truncate, tcp: (_asked, socket) => void socket.end() });
    await assert.rejects(ask(server, query, options), { code: "closed" });
  });

  test("ends on its signal, with the signal's reason", async () => {
    for (const transport of ["udp", "tcp"]) {
      const life = new AbortController();
      const end = () => life.abort(new Error("enough"));
      using server = await serve(transport === "udp" ? { udp: end } : { udp: truncate, tcp: end });
      const asked = () => ask(server, query, { ...options, signal: life.signal });
      await assert.rejects(asked(), { message: "enough" });
      await assert.rejects(asked(), { message: "enough" });
    }
  });
});
