/** DNS over UDP and TCP with real sockets and real clients: RFC 1035 §4.2, 2181 §4, 7766. */
import assert from "node:assert/strict";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { Opcode, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message } from "../../src/dns/message.ts";
import { Frames, frame } from "../../src/net/framing.ts";
import { MAX_PENDING } from "../../src/net/server/connection.ts";
import type { Handler } from "../../src/net/server/handler.ts";
import { UdpCount } from "../../src/net/server/udp.ts";
import { MANY, question } from "../dnsserver/fixture.ts";
import { type Listening, listenBoth } from "../dnsserver/listening.ts";
import { FakeClock } from "../support/clock.ts";
import { Lab, needs } from "../support/lab.ts";
import { run, succeed } from "../support/process.ts";
import { skipWithout } from "../support/tool.ts";
import { sleep, waitFor } from "../support/wait.ts";

const query = encode(question("printer.paris"));

function queryOf(id: number, owner = "printer.paris", type: number = Type.A): Buffer {
  return encode(question(owner, type, { id }));
}

/** A TCP client that keeps what it receives. */
async function dial(port: number) {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  await once(socket, "connect");
  const frames = new Frames();
  const client = {
    socket,
    responses: [] as Message[],
    hasEnded: false,
    error: undefined as Error | undefined,
    [Symbol.dispose]: () => socket.destroy() as unknown as undefined,
  };
  socket.on("data", (piece) => {
    frames.push(piece);
    for (let octets = frames.next(); octets; octets = frames.next()) {
      client.responses.push(decode(octets));
    }
  });
  socket.on("end", () => {
    client.hasEnded = true;
  });
  socket.on("error", (error) => {
    client.error = error;
  });
  return client;
}

function write(socket: Socket, ...messages: Uint8Array[]): void {
  socket.write(Buffer.concat(messages.map(frame)));
}

function closing(socket: UdpSocket): UdpSocket & Disposable {
  return Object.assign(socket, { [Symbol.dispose]: () => void socket.close() });
}

suite("TCP", () => {
  const dig = { skip: skipWithout("dig") };
  const kdig = { skip: skipWithout("kdig") };

  test("XPORT-01: a query is answered by TCP without UDP first", dig, async () => {
    await using server = await listenBoth();
    const { address, port } = server.endpoint;
    const text = await succeed([
      ...["dig", `@${address}`, "-p", `${port}`, "+tcp", "+noall", "+answer"],
      "printer.paris.bonjour.example",
    ]);
    assert.match(text, /^printer\.paris\.bonjour\.example\.\s+10\s+IN\s+A\s+10\.1\.0\.10$/m);
    assert.equal(server.udp.counts[UdpCount.HANDLED], 0);
  });

  test("XPORT-02: a message may arrive octet by octet", async () => {
    await using server = await listenBoth();
    using client = await dial(server.endpoint.port);
    for (const octet of frame(query)) {
      client.socket.write(Buffer.from([octet]));
      await sleep(1);
    }
    await waitFor("the response", () => client.responses.length === 1);
  });

  test("XPORT-03: length and message are written at once", async () => {
    await using server = await listenBoth();
    using client = await dial(server.endpoint.port);
    const pieces: Buffer[] = [];
    client.socket.on("data", (piece) => pieces.push(piece));
    write(client.socket, query);
    await waitFor("the response", () => client.responses.length === 1);
    assert.equal(pieces.length, 1);
    assert.equal(pieces[0]?.readUInt16BE(0), pieces[0]!.length - 2);
  });

  test("XPORT-04: a hundred queries in one write get a hundred answers", async () => {
    await using server = await listenBoth();
    using client = await dial(server.endpoint.port);
    write(client.socket, ...Array.from({ length: 100 }, (_, id) => queryOf(id)));
    await waitFor("all answers", () => client.responses.length === 100);
    const ids = new Set(client.responses.map(({ id }) => id));
    assert.equal(ids.size, 100);
  });

  test("XPORT-04: one connection serves one query after the other", kdig, async () => {
    await using server = await listenBoth();
    const { address, port } = server.endpoint;
    const text = await succeed([
      ...["kdig", `@${address}`, "-p", `${port}`, "+tcp", "+keepopen"],
      ...["printer.paris.bonjour.example", "A", "printer.paris.bonjour.example", "AAAA"],
      ...["nobody.bonjour.example", "A"],
    ]);
    assert.equal(text.match(/status: NOERROR/g)?.length, 2);
    assert.equal(text.match(/status: NXDOMAIN/g)?.length, 1);
  });

  test("XPORT-05: a slow answer does not hold up the others", async () => {
    let release = () => {};
    const slow =
      (handler: Handler): Handler =>
      (request) => {
        if (request.message.id !== 1) return handler(request);
        return (async function* () {
          await new Promise<void>((resolve) => {
            release = resolve;
          });
          yield* handler(request) as Iterable<Message>;
        })();
      };
    await using server = await listenBoth({ wrap: slow });
    using client = await dial(server.endpoint.port);
    write(client.socket, queryOf(1), queryOf(2, "@", Type.SOA));
    await waitFor("the fast one", () => client.responses.length === 1);
    assert.equal(client.responses[0]?.id, 2);
    release();
    await waitFor("the slow one", () => client.responses.length === 2);
  });

  test("XPORT-06: a connection is closed ten seconds after its last message", async () => {
    const clock = new FakeClock();
    await using server = await listenBoth({ clock });
    using client = await dial(server.endpoint.port);
    for (let i = 1; i <= 3; i++) {
      write(client.socket, query);
      await waitFor("the response", () => client.responses.length === i);
      await clock.elapse(9_900);
      assert.equal(client.hasEnded, false);
    }
    await clock.elapse(200);
    await waitFor("the end", () => client.hasEnded);
    await clock.elapse(1_000);
  });

  test("XPORT-07: octets that never become a message do not keep a connection open", async () => {
    const clock = new FakeClock();
    await using server = await listenBoth({ clock });
    using client = await dial(server.endpoint.port);
    const octets = frame(query);
    for (const at of [0, 1]) {
      client.socket.write(octets.subarray(at, at + 1));
      await sleep(20);
      await clock.elapse(4_900);
      assert.equal(client.hasEnded, false);
    }
    client.socket.write(octets.subarray(2, 3));
    await sleep(20);
    await clock.elapse(300);
    await waitFor("the end", () => client.hasEnded);
    await clock.elapse(1_000);
  });

  test("XPORT-10: one source may have 500 connections, and no more", async () => {
    await using server = await listenBoth();
    const clients = await Promise.all(
      Array.from({ length: 500 }, () => dial(server.endpoint.port)),
    );
    try {
      using refused = await dial(server.endpoint.port);
      await waitFor("its end", () => refused.socket.destroyed || refused.hasEnded);
      const last = clients.at(-1)!;
      write(last.socket, query);
      await waitFor("the response", () => last.responses.length === 1);
    } finally {
      for (const each of clients) each.socket.destroy();
    }
  });

  test("XPORT-08: the request of a client that has gone is abandoned", async () => {
    const signals: AbortSignal[] = [];
    const waiting = (): Handler =>
      async function* ({ signal }) {
        signals.push(signal);
        await once(signal, "abort");
        yield* [];
      };
    await using server = await listenBoth({ wrap: waiting });
    for (let i = 1; i <= 20; i++) {
      using client = await dial(server.endpoint.port);
      write(client.socket, query);
      await waitFor("the request", () => signals.length === i);
      client.socket.resetAndDestroy();
      await waitFor("its end", () => signals[i - 1]?.aborted);
    }
  });

  test("XPORT-09: a client that closes its side still gets its answers, then the connection ends", async () => {
    const later = (handler: Handler): Handler =>
      async function* (request) {
        await sleep(50);
        yield* handler(request) as Iterable<Message>;
      };
    // No idle timeout ends it.
    await using server = await listenBoth({ wrap: later, clock: new FakeClock() });
    using client = await dial(server.endpoint.port);
    client.socket.end(Buffer.concat([1, 2, 3].map((id) => frame(queryOf(id)))));
    await waitFor("the end", () => client.hasEnded);
    assert.equal(client.responses.length, 3);
    assert.equal(client.error, undefined);
  });

  test("XPORT-11: a length of 0, or of less than a header, ends the connection", async () => {
    await using server = await listenBoth();
    for (const length of [0, 1, 11]) {
      using client = await dial(server.endpoint.port);
      write(client.socket, Buffer.alloc(length), query);
      await waitFor("the end", () => client.hasEnded);
      assert.equal(client.responses.length, 0);
    }
  });

  test("XPORT-11: a message of 65,535 octets is read to its end", async () => {
    await using server = await listenBoth();
    using client = await dial(server.endpoint.port);
    write(client.socket, Buffer.concat([query, Buffer.alloc(65_535 - query.length)]), queryOf(2));
    await waitFor("both responses", () => client.responses.length === 2);
    assert.deepEqual(
      client.responses.map(({ id, rcode }) => [id, rcode]),
      [
        [4711, Rcode.FORMERR],
        [2, Rcode.NOERROR],
      ],
    );
  });

  test("XPORT-12: dig gets by TCP what did not fit by UDP", dig, async () => {
    await using server = await listenBoth();
    const { address, port } = server.endpoint;
    const asked = ["_presence._tcp.paris.bonjour.example", "PTR"];
    const where = [`@${address}`, "-p", `${port}`];
    const cut = await succeed(["dig", ...where, "+ignore", ...asked]);
    assert.match(cut, /flags: [^;]*\btc\b/);
    const whole = await succeed(["dig", ...where, ...asked]);
    assert.match(whole, new RegExp(`ANSWER: ${MANY},`));
    assert.match(whole, /\(TCP\)/);
  });

  test("XPORT-13: a connection ends without a reset, so nothing that was sent is lost", async () => {
    await using server = await listenBoth();
    using client = await dial(server.endpoint.port);
    const queries = Array.from({ length: 30 }, (_, id) =>
      queryOf(id, "_presence._tcp.paris", Type.PTR),
    );
    // After the message that ends the connection come octets that nobody reads.
    write(client.socket, ...queries, Buffer.alloc(0), Buffer.alloc(60_000));
    await waitFor("the end", () => client.hasEnded);
    assert.equal(client.error, undefined);
    assert.equal(client.responses.length, 30);
  });

  test("XPORT-13: at the end, what still arrives is read, even if reading had stopped", async () => {
    let asked = 0;
    const silent = (): Handler => () => {
      asked++;
      return new Promise(() => {});
    };
    const server = await listenBoth({ wrap: silent, clock: new FakeClock() });
    using client = await dial(server.endpoint.port);
    write(client.socket, ...Array.from({ length: MAX_PENDING }, (_, id) => queryOf(id)));
    // More than the kernel buffers at both ends.
    let isTaken = false;
    const much = Buffer.concat(Array.from({ length: 400 }, () => frame(Buffer.alloc(60_000))));
    client.socket.write(much, () => {
      isTaken = true;
    });
    await waitFor("all that are answered at once", () => asked === MAX_PENDING);
    const closed = server[Symbol.asyncDispose]();
    await waitFor("the rest to be taken", () => isTaken);
    client.socket.end();
    await closed;
    assert.equal(client.error, undefined);
  });
});

suite("UDP", () => {
  const inLab = { skip: needs("dig"), timeout: 60_000 };
  const asRoot = { skip: needs("python3") };

  /** Starts the server on two addresses of a host, beside a client. */
  async function twoAddresses(lab: Lab) {
    const lan = lab.lan("lan");
    const host = lab.host("server").plug(lan, {
      name: "eth0",
      addresses: ["10.9.0.1/24", "10.9.0.2/24", "2001:db8:9::1/64"],
    });
    const client = lab.host("client").plug(lan, {
      name: "eth0",
      addresses: ["10.9.0.9/24", "2001:db8:9::9/64"],
    });
    const serve = join(import.meta.dirname, "../dnsserver/serve.js");
    for (const wildcard of ["0.0.0.0", "::"]) {
      await host.start([process.execPath, serve, wildcard, "53"]).line(/^listening/);
    }
    const ask = async (address: string, ...options: string[]) => {
      const command = ["dig", `@${address}`, "+tries=1", "+time=3", "+short", ...options];
      const { stdout } = await client.run([...command, "printer.paris.bonjour.example"]);
      return stdout.toString();
    };
    return { host, ask };
  }

  test("AUTH-43: the answer is sent from the address that was asked", inLab, async () => {
    await using lab = new Lab();
    const { ask } = await twoAddresses(lab);
    // If not, dig reports "reply from unexpected source".
    for (const address of ["10.9.0.1", "10.9.0.2", "2001:db8:9::1"]) {
      assert.equal(await ask(address), "10.1.0.10\n", address);
      assert.equal(await ask(address, "+tcp"), "10.1.0.10\n", `${address} by TCP`);
    }
  });

  test("AUTH-43: a link-local address is served too", inLab, async () => {
    await using lab = new Lab();
    const { host, ask } = await twoAddresses(lab);
    assert.equal(await ask(`${await host.linkLocal("eth0")}%eth0`), "10.1.0.10\n");
  });

  test("XPORT-27: a new address is served, and a removed one does no harm", inLab, async () => {
    await using lab = new Lab();
    const { host, ask } = await twoAddresses(lab);
    assert.equal(await ask("10.9.0.1"), "10.1.0.10\n");
    host.addAddress("eth0", "10.9.0.3/24");
    host.removeAddress("eth0", "10.9.0.2/24");
    await waitFor("its answer", async () => (await ask("10.9.0.3")) === "10.1.0.10\n");
    assert.equal(await ask("10.9.0.1"), "10.1.0.10\n");
  });

  test(
    "AUTH-44, SEC-04: any source port gets its answer, even below 1,024 or the server's own",
    asRoot,
    async () => {
      await using server = await listenBoth();
      // Ports 53 and 123 are left out: a server of this host may have them.
      for (const port of [1, 7, 52, 999, 65_535, server.endpoint.port]) {
        using socket = closing(createSocket("udp4"));
        socket.bind(port, "127.0.0.7");
        await once(socket, "listening");
        const received = once(socket, "message", { signal: AbortSignal.timeout(5000) });
        socket.send(query, server.endpoint.port, "127.0.0.1");
        assert.equal(decode((await received)[0]).id, 4711, `port ${port}`);
      }
    },
  );

  /** Sends `bytes` from any source port. */
  async function spoof(source: number, target: number, bytes: Buffer): Promise<void> {
    const script = `
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
data = bytes.fromhex(sys.argv[3])
s.bind(("127.0.0.1", 0))
s.sendto(struct.pack("!HHHH", int(sys.argv[1]), int(sys.argv[2]), 8 + len(data), 0) + data, ("127.0.0.1", 0))
`;
    await succeed(["python3", "-c", script, `${source}`, `${target}`, bytes.toString("hex")]);
  }

  test("SEC-04: nothing is sent to port 0, and nothing breaks", asRoot, async () => {
    await using server = await listenBoth();
    const { udp, endpoint } = server;
    await spoof(0, endpoint.port, query);
    await waitFor("the datagram", () => udp.counts[UdpCount.PORT_ZERO] === 1);
    assert.equal(udp.counts[UdpCount.HANDLED], 0);
    await exchange(endpoint.port, query);
    assert.equal(udp.counts[UdpCount.HANDLED], 1);
  });

  test("SEC-04: a query from our own address is not answered", asRoot, async () => {
    await using server = await listenBoth();
    const { udp, endpoint } = server;
    await spoof(endpoint.port, endpoint.port, query);
    await waitFor("the datagram", () => udp.counts[UdpCount.OWN] === 1);
    await exchange(endpoint.port, query);
    assert.equal(udp.counts[UdpCount.OWN], 1);
    assert.equal(udp.counts[UdpCount.HANDLED], 1);
  });

  test("SEC-04: a response is not answered", async () => {
    await using server = await listenBoth();
    const { udp, endpoint } = server;
    const response = Buffer.from(query);
    response[2]! |= 0x80;
    const answers = await exchange(endpoint.port, response, queryOf(1));
    assert.equal(udp.counts[UdpCount.HANDLED], 2);
    assert.deepEqual(
      answers.map(({ id }) => id),
      [1],
    );
  });

  /** The answers received until that to the last of these messages. */
  async function exchange(port: number, ...messages: Buffer[]): Promise<Message[]> {
    using socket = closing(createSocket("udp4"));
    const answers: Message[] = [];
    socket.on("message", (octets) => answers.push(decode(octets)));
    for (const octets of messages) socket.send(octets, port, "127.0.0.1");
    const last = messages.at(-1)!.readUInt16BE(0);
    await waitFor("an answer", () => answers.some(({ id }) => id === last));
    return answers;
  }
});

suite("probes of RFC 8906 §8, with dig", { skip: skipWithout("dig") }, () => {
  /** dig's options, and what its output must have, and must not. */
  const probes: Record<string, [string[], RegExp[], RegExp?]> = {
    "EDNS-02: plain DNS": [
      ["+noedns", "+noad"],
      [/status: NOERROR/, /flags: qr aa;/],
      /OPT PSEUDO/,
    ],
    "AUTH-07: an unknown type": [
      ["+noedns", "TYPE1000"],
      [/status: NOERROR/, /flags: qr aa/],
    ],
    "AUTH-10: CD set": [["+noedns", "+cdflag"], [/status: NOERROR/, /flags: qr aa/], /flags: .*cd/],
    "AUTH-10: AD set": [
      ["+noedns", "+adflag"],
      [/status: NOERROR/, /flags: qr aa/],
      /flags: .*ad;/,
    ],
    "AUTH-10: the reserved bit set": [["+noedns", "+zflag"], [/status: NOERROR/], /MBZ/],
    "AUTH-01: recursion desired": [["+noedns", "+rec"], [/flags: qr aa rd;/]],
    "AUTH-08: an unknown opcode": [
      ["+noedns", "+noad", "+opcode=15", "+header-only"],
      [/status: NOTIMP/, /opcode: RESERVED15/],
      /flags:[^;]* aa/,
    ],
    "XPORT-01: TCP": [
      ["+noedns", "+tcp"],
      [/status: NOERROR/, /flags: qr aa/],
    ],
    "EDNS-01: EDNS": [
      ["+edns=0", "+nocookie"],
      [/status: NOERROR/, /EDNS: version: 0/],
    ],
    "EDNS-05: an unknown version": [
      ["+edns=1", "+noednsneg", "+nocookie"],
      [/status: BADVERS/, /EDNS: version: 0/],
      /flags:[^;]* aa/,
    ],
    "EDNS-06: an unknown option": [
      ["+edns=0", "+nocookie", "+ednsopt=100"],
      [/status: NOERROR/, /EDNS: version: 0/],
      /OPT=100/,
    ],
    "EDNS-07: unknown flags": [
      ["+edns=0", "+nocookie", "+ednsflags=0x40"],
      [/status: NOERROR/, /EDNS: version: 0/],
      /MBZ/,
    ],
    "EDNS-05: an unknown version with an unknown option": [
      ["+edns=1", "+noednsneg", "+nocookie", "+ednsopt=100"],
      [/status: BADVERS/, /EDNS: version: 0/],
      /OPT=100/,
    ],
    "EDNS-08: DO": [["+edns=0", "+nocookie", "+dnssec"], [/EDNS: version: 0, flags: do;/]],
    "EDNS-10: a large size offered": [["+bufsize=4096"], [/EDNS: .*udp: 1232/]],
    "EDNS-18: no cookie": [["+edns=0", "+nocookie"], [/status: NOERROR/], /COOKIE/],
    "EDNS-24: a client's subnet": [["+subnet=1.2.3.0/24"], [/status: NOERROR/], /CLIENT-SUBNET/],
    "EDNS-25: several options": [
      ["+cookie", "+nsid", "+expire", "+subnet=0/0", "+ednsopt=100"],
      [/status: NOERROR/, /EDNS: version: 0/],
    ],
    "AUTH-12: a header alone": [["+noedns", "+header-only"], [/status: FORMERR/]],
    "AUTH-40: type OPT": [["+noedns", "TYPE41"], [/status: FORMERR/]],
    "AUTH-41: class HS": [["+noedns", "-c", "HS"], [/status: REFUSED/]],
  };

  let server: Listening;
  before(async () => {
    server = await listenBoth();
  });
  after(() => server[Symbol.asyncDispose]());

  for (const [title, [options, said, unsaid]] of Object.entries(probes)) {
    test(title, async () => {
      const { address, port } = server.endpoint;
      const name = options.includes("+header-only") ? [] : ["-q", "bonjour.example"];
      const type = options.some((option) => option.startsWith("TYPE")) ? [] : ["-t", "SOA"];
      const command = ["dig", `@${address}`, "-p", `${port}`, "+norec", "+tries=1", "+time=3"];
      const { stdout } = await run([...command, ...name, ...type, ...options]);
      const text = stdout.toString();
      for (const pattern of said) assert.match(text, pattern);
      if (unsaid !== undefined) assert.doesNotMatch(text, unsaid);
    });
  }
});

test("AUTH-08: an unknown opcode is NOTIMP by TCP", async () => {
  await using server = await listenBoth();
  using client = await dial(server.endpoint.port);
  const status = Buffer.alloc(12);
  status.writeUInt16BE(Opcode.STATUS << 11, 2);
  write(client.socket, status);
  await waitFor("the response", () => client.responses.length === 1);
  assert.equal(client.responses[0]?.rcode, Rcode.NOTIMP);
});
