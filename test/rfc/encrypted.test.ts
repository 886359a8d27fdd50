/**
 * DNS over TLS and over HTTPS with real clients (RFC 7858, 8310, 8484), and the EDNS options that
 * belong to connections: keepalive (RFC 7828) and padding (RFC 7830, 8467).
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { suite, test } from "node:test";
import { connect as connectTls, type ConnectionOptions as TlsOptions } from "node:tls";
import { Class, Opcode, OptionCode, Rcode, rcodeName, Type } from "../../src/dns/constants.ts";
import type { EdnsOption } from "../../src/dns/edns.ts";
import { encode } from "../../src/dns/encode.ts";
import { FormatError } from "../../src/dns/format.ts";
import { decode, type Message, makeResponse } from "../../src/dns/message.ts";
import { type Rdata, rdata } from "../../src/dns/rdata.ts";
import { type ResourceRecord, recordsOf } from "../../src/dns/record.ts";
import { Frames, frame } from "../../src/net/framing.ts";
import { makeEdge } from "../../src/net/server/edge.ts";
import type { Handler } from "../../src/net/server/handler.ts";
import { Places } from "../../src/net/server/places.ts";
import { makeServer, opt, origin, question } from "../dnsserver/fixture.ts";
import { listenBoth } from "../dnsserver/listening.ts";
import { listenSecurely, type Secure } from "../dnsserver/secure.ts";
import { makeSecured, paris, stillServer } from "../dnsserver/secured.ts";
import { makeCertificate } from "../support/certificate.ts";
import { FakeClock } from "../support/clock.ts";
import { temporaryFolder } from "../support/gateway.ts";
import { silentLog } from "../support/log.ts";
import { Running, run, succeed } from "../support/process.ts";
import { skipWithout } from "../support/tool.ts";
import { hasTsig, sign } from "../support/tsig.ts";
import { sleep, waitFor } from "../support/wait.ts";

const PRINTER = "printer.paris.bonjour.example";
const BLOCK = 468;

const padding: EdnsOption = { code: OptionCode.PADDING, data: Buffer.alloc(0) };
const keepalive: EdnsOption = { code: OptionCode.TCP_KEEPALIVE, data: Buffer.alloc(0) };

/** kdig's command line up to the question, with the strict profile (RFC 8310 §5). */
function kdigTls({ tls, certificate }: Secure, host = "ns1.example.com"): string[] {
  const { address, port } = tls.endpoint;
  const trust = [`+tls-ca=${certificate.paths.certificate}`, `+tls-hostname=${host}`];
  return ["kdig", `@${address}`, "-p", `${port}`, "+tls", ...trust, "+retry=0"];
}

/** Frames over TLS. */
async function dial({ tls, certificate }: Secure, options: TlsOptions = {}) {
  const where = { host: "127.0.0.1", port: tls.endpoint.port, allowHalfOpen: true };
  const ca = certificate.certificate;
  const socket = connectTls({
    socket: connect(where),
    ca,
    host: where.host,
    ALPNProtocols: ["dot"],
    ...options,
  });
  await once(socket, "secureConnect");
  const frames = new Frames();
  const responses: Message[] = [];
  socket.on("data", (piece) => {
    frames.push(piece);
    for (let octets = frames.next(); octets; octets = frames.next()) responses.push(decode(octets));
  });
  return { socket, responses, [Symbol.dispose]: () => void socket.destroy() };
}

function optionOf({ edns }: Message, code: number): Uint8Array | undefined {
  return edns?.options.find((option) => option.code === code)?.data;
}

suite("DNS over TLS", { skip: skipWithout("openssl", "kdig") }, () => {
  test("XPORT-14: a client that does not speak TLS gets no DNS answer", async () => {
    await using server = await listenSecurely();
    const socket = connect({ host: "127.0.0.1", port: server.tls.endpoint.port });
    const pieces: Buffer[] = [];
    socket.on("data", (piece) => pieces.push(piece));
    socket.on("error", () => {});
    socket.end(frame(encode(question("printer.paris"))));
    await once(socket, "close");
    // At most an alert (RFC 8446 §6).
    const [type = 21] = Buffer.concat(pieces);
    assert.equal(type, 21);
  });

  test("XPORT-14: renegotiation is refused", async () => {
    await using server = await listenSecurely();
    using client = await dial(server, { maxVersion: "TLSv1.2" });
    const outcome = new Promise((resolve) => {
      client.socket.once("error", resolve);
      client.socket.renegotiate({}, resolve);
    });
    assert.match(`${await outcome}`, /no renegotiation/);
  });

  test("XPORT-14: kdig gets its answer from a server that it can authenticate, and from no other", async () => {
    await using server = await listenSecurely();
    assert.equal(await succeed([...kdigTls(server), "+short", PRINTER]), "10.1.0.10\n");
    const other = await run([...kdigTls(server, "ns2.example.com"), "+short", PRINTER]);
    assert.equal(other.stdout.length, 0);
  });

  /** What openssl's client prints about a connection. */
  async function handshake(server: Secure, ...options: string[]): Promise<string> {
    const where = `127.0.0.1:${server.tls.endpoint.port}`;
    const { stdout, stderr } = await run(["openssl", "s_client", "-connect", where, ...options]);
    return stdout + stderr;
  }

  test("XPORT-15, SEC-23: TLS 1.3 and 1.2 are accepted, nothing older; ALPN is dot or none", async () => {
    await using server = await listenSecurely();
    const modern = await handshake(server, "-alpn", "dot");
    assert.match(modern, /New, TLSv1\.3/);
    assert.match(modern, /ALPN protocol: dot/);
    assert.match(await handshake(server, "-tls1_2"), /New, TLSv1\.2, Cipher is ECDHE-ECDSA-\S+GCM/);
    const old = await handshake(server, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0");
    assert.match(old, /Cipher is \(NONE\)/);
    const weak = await handshake(server, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256");
    assert.match(weak, /Cipher is \(NONE\)/);
    assert.match(await handshake(server, "-alpn", "h2"), /alert no application protocol/);
    // Each may be the only one that a client has (RFC 8446 §9.1, RFC 9325 §4.2).
    for (const suite of ["AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256"]) {
      const one = await handshake(server, "-tls1_3", "-ciphersuites", `TLS_${suite}`);
      assert.ok(one.includes(`New, TLSv1.3, Cipher is TLS_${suite}`), one);
    }
    const chacha = await handshake(server, "-tls1_2", "-cipher", "ECDHE+CHACHA20");
    assert.match(chacha, /New, TLSv1\.2, Cipher is ECDHE-ECDSA-CHACHA20-POLY1305/);
  });

  test("XPORT-15: a client is answered with ALPN or without, and with a server's name or without", async () => {
    await using server = await listenSecurely();
    for (const options of [
      { ALPNProtocols: ["dot"] },
      { ALPNProtocols: [] },
      { ALPNProtocols: ["dot"], servername: "ns1.example.com" },
    ]) {
      using client = await dial(server, options);
      client.socket.write(frame(encode(question("printer.paris"))));
      await waitFor("the answer", () => client.responses.length === 1);
    }
  });

  /** What openssl's client prints about a second connection that offers the session of the first. */
  async function resume({ tls }: Secure, ...options: readonly string[]): Promise<string> {
    const file = join(temporaryFolder(), "session");
    const where = `127.0.0.1:${tls.endpoint.port}`;
    const client = ["openssl", "s_client", "-connect", where, "-alpn", "dot", ...options];
    const first = new Running([...client, "-sess_out", file]);
    // The file is written when the server sends the session, which may be after the handshake.
    const isGiven = () => existsSync(file) && readFileSync(file, "utf8").includes("-----END");
    await waitFor("the session", isGiven);
    first.child.stdin!.end();
    assert.equal(await first.ended, 0);
    return succeed([...client, "-sess_in", file]);
  }

  test("XPORT-15: a session is resumed, by TLS 1.3 and by 1.2", async () => {
    await using server = await listenSecurely();
    for (const version of ["-tls1_3", "-tls1_2"]) {
      assert.match(await resume(server, version), /^Reused, TLSv1/m, version);
    }
  });

  test("SEC-13: the server keeps no sessions: a client that takes no ticket starts anew", async () => {
    await using server = await listenSecurely();
    assert.match(await resume(server, "-tls1_2", "-no_ticket"), /^New, TLSv1\.2/m);
  });

  test("XPORT-16: a hundred queries in one write are answered, and a slow one delays no other", async () => {
    let release = () => {};
    const { handler } = makeServer();
    const slow: Handler = (request) => {
      if (request.message.id !== 0) return handler(request);
      return (async function* () {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        yield* handler(request) as Iterable<Message>;
      })();
    };
    await using server = await listenSecurely({ handler: slow });
    using client = await dial(server);
    const queries = Array.from({ length: 100 }, (_, id) => encode(question("@", Type.SOA, { id })));
    client.socket.write(Buffer.concat(queries.map(frame)));
    await waitFor("all but one", () => client.responses.length === 99);
    release();
    await waitFor("the slow one", () => client.responses.length === 100);
    assert.equal(client.responses[99]?.id, 0);
  });

  test("XPORT-09, 16: a client that closes its side still gets its answers, and then the end", async () => {
    const { handler } = makeServer();
    const later: Handler = async function* (request) {
      await sleep(50);
      yield* handler(request) as Iterable<Message>;
    };
    await using server = await listenSecurely({ handler: later });
    using client = await dial(server);
    const queries = [1, 2, 3].map((id) => frame(encode(question("@", Type.SOA, { id }))));
    client.socket.end(Buffer.concat(queries));
    await once(client.socket, "end");
    assert.equal(client.responses.length, 3);
    await waitFor("its place", () => server.places.size === 0);
  });

  test("XPORT-16: kdig reuses its connection", async () => {
    await using server = await listenSecurely();
    const text = await succeed([
      ...[...kdigTls(server), "+keepopen", PRINTER, "A", PRINTER, "AAAA", "nobody.bonjour.example"],
    ]);
    assert.equal(text.match(/status: NOERROR/g)?.length, 2);
    assert.equal(text.match(/status: NXDOMAIN/g)?.length, 1);
  });

  test("XPORT-18: a new certificate is presented at once, and no connection is lost", async () => {
    await using server = await listenSecurely();
    using client = await dial(server);
    const next = makeCertificate("ns2.example.com");
    server.tls.present(next);
    server.https.present(next);
    const { paths } = next;
    for (const [listener, protocol] of [
      [server.tls, "+tls"],
      [server.https, "+https"],
    ] as const) {
      const text = await succeed([
        ...["kdig", "@127.0.0.1", "-p", `${listener.endpoint.port}`, protocol, "+short"],
        ...[`+tls-ca=${paths.certificate}`, "+tls-hostname=ns2.example.com", PRINTER],
      ]);
      assert.equal(text, "10.1.0.10\n");
    }
    client.socket.write(frame(encode(question("printer.paris"))));
    await waitFor("the answer", () => client.responses.length === 1);
  });
});

suite("padding", { skip: skipWithout("openssl", "kdig") }, () => {
  test("XPORT-17, EDNS-21: kdig's padded queries are answered in whole blocks of 468 octets", async () => {
    await using server = await listenSecurely();
    const https = ["-p", `${server.https.endpoint.port}`, "+https"];
    for (const client of [
      [...kdigTls(server), "+padding"],
      ["kdig", "@127.0.0.1", ...https, "+padding", "+retry=0"],
    ]) {
      const questions = [PRINTER, "_presence._tcp.paris.bonjour.example", "nobody.bonjour.example"];
      for (const asked of questions) {
        const text = await succeed([...client, asked, "PTR"]);
        const octets = Number(/Received (\d+) B/.exec(text)?.[1]);
        assert.ok(octets > 0 && octets % BLOCK === 0, `${octets} octets for ${asked}`);
        assert.match(text, /PADDING: \d+ B/);
      }
    }
  });

  const padded = encode(question("printer.paris", Type.A, { edns: opt({ options: [padding] }) }));

  test("EDNS-21: errors and answers of many blocks are padded too", () => {
    const server = makeServer();
    for (const query of [
      question("@", 250),
      question("nobody"),
      question("_presence._tcp.paris"),
    ]) {
      const bytes = encode({ ...query, edns: opt({ options: [padding] }) });
      for (const transport of ["tls", "https"] as const) {
        const [response] = server.answers(bytes, transport);
        assert.equal(response!.length % BLOCK, 0);
      }
    }
  });

  test("EDNS-21: so are mistakes, and an answer that does not fit with its signature", () => {
    const large = rdata.opaque(65280, Buffer.alloc(65_000));
    const answer = { ...{ name: origin, type: 65280, class: Class.IN, ttl: 0 }, rdata: large };
    const seal = {
      length: 1000,
      close: (octets: Buffer) => Buffer.concat([octets, Buffer.alloc(1000)]),
    };
    const handlers: Record<string, Handler> = {
      SERVFAIL: () => {
        throw new Error("a mistake");
      },
      FORMERR: () => {
        throw new FormatError("not as it should be");
      },
      truncated: ({ message }) => [makeResponse(message, { answers: [answer], edns: opt(), seal })],
    };
    const { signal } = new AbortController();
    const source = { address: "192.0.2.9", port: 9 };
    for (const [what, handler] of Object.entries(handlers)) {
      const edge = makeEdge({ handler, clock: new FakeClock(), log: silentLog });
      const request = { bytes: padded, transport: "tls", source, signal } as const;
      const [octets] = edge(request) as Iterable<Buffer>;
      assert.equal(octets!.length, Math.ceil(octets!.length / BLOCK) * BLOCK, what);
      assert.equal(octets!.length > 1000, what === "truncated", what);
    }
  });

  test("EDNS-21: a signed answer is whole blocks, its signature included", async () => {
    const server = stillServer();
    const query = sign(decode(padded), paris, server.now());
    const [octets] = await server.ask(query.bytes, "tls");
    assert.ok(hasTsig(octets!));
    assert.equal(octets!.length % BLOCK, 0);
  });

  test("EDNS-22: no answer is padded if the query is not, or is in plain text", () => {
    const { answers } = makeServer();
    const plain = encode(question("printer.paris"));
    const bare = encode(question("printer.paris", Type.A, { edns: opt() }));
    for (const [query, transport] of [
      [plain, "tls"],
      [plain, "https"],
      [bare, "tls"],
      [padded, "tcp"],
      [padded, "udp"],
    ] as const) {
      const response = decode(answers(query, transport)[0]!);
      assert.equal(optionOf(response, OptionCode.PADDING), undefined, transport);
      if (query === plain) assert.equal(response.edns, undefined);
    }
  });

  test("EDNS-22: padding never exceeds the size of a message, with a signature after it or without", () => {
    for (const reserve of [0, 100]) {
      let last = 0;
      for (let length = 65_200; last <= 0xffff - 10; length += 10) {
        const data = rdata.opaque(65280, Buffer.alloc(length));
        const answer = { ...{ name: origin, type: 65280, class: Class.IN, ttl: 0 }, rdata: data };
        const response = makeResponse(question("@", 65280), { answers: [answer], edns: opt() });
        const octets = encode(response, { reserve, block: BLOCK });
        assert.equal(decode(octets).isTruncated, false);
        last = octets.length + reserve;
        assert.ok(last <= 0xffff, `${last} octets`);
      }
    }
  });
});

suite("keepalive", () => {
  test("EDNS-20: dig is told how long it may keep a connection", {
    skip: skipWithout("dig"),
  }, async () => {
    await using server = await listenBoth();
    const { address, port } = server.endpoint;
    const asked = [`@${address}`, "-p", `${port}`, "+keepalive", PRINTER];
    const told = /TCP[- ]KEEPALIVE: 10\.0 secs/i;
    assert.match(await succeed(["dig", "+tcp", ...asked]), told);
    assert.doesNotMatch(await succeed(["dig", "+notcp", ...asked]), told);
  });

  test("EDNS-20: without the option, without EDNS or without a connection, no timeout is sent", async () => {
    const { handler } = makeServer();
    const { signal } = new AbortController();
    const source = { address: "192.0.2.9", port: 9 };
    const ask = (message: Message, idleTimeout?: number) => {
      const about = idleTimeout === undefined ? {} : { idleTimeout };
      const request = {
        message,
        bytes: encode(message),
        transport: "tcp",
        source,
        signal,
      } as const;
      const [response] = handler({ ...request, ...about }) as Iterable<Message>;
      return optionOf(response!, OptionCode.TCP_KEEPALIVE);
    };
    const asking = question("printer.paris", Type.A, { edns: opt({ options: [keepalive] }) });
    assert.deepEqual(ask(asking, 10_000), Buffer.from([0, 100]));
    assert.equal(ask(asking), undefined);
    assert.equal(ask(question("printer.paris", Type.A, { edns: opt() }), 10_000), undefined);
    assert.equal(ask(question("printer.paris"), 10_000), undefined);
  });

  test("EDNS-20: it is sent over TLS too, as 0 where hardly any place is left", {
    skip: skipWithout("openssl"),
  }, async () => {
    const places = new Places({ total: 2, perSource: 2 });
    await using server = await listenSecurely({ places });
    const query = question("printer.paris", Type.A, { edns: opt({ options: [keepalive] }) });
    using first = await dial(server);
    first.socket.write(frame(encode(query)));
    await waitFor("the answer", () => first.responses.length === 1);
    using _second = await dial(server);
    first.socket.write(frame(encode(query)));
    await waitFor("the answer", () => first.responses.length === 2);
    assert.deepEqual(
      first.responses.map((each) => optionOf(each, OptionCode.TCP_KEEPALIVE)),
      [Uint8Array.of(0, 100), Uint8Array.of(0, 0)],
    );
  });
});

suite("DNS over HTTPS", { skip: skipWithout("openssl", "kdig", "curl") }, () => {
  /** Runs `curl`, and returns the status, the headers and the body. */
  async function curl({ https, certificate }: Secure, path: string, ...options: string[]) {
    const url = `https://127.0.0.1:${https.endpoint.port}${path}`;
    const { stdout, stderr, status } = await run([
      ...["curl", "-s", "-i", "--cacert", certificate.paths.certificate, ...options, url],
    ]);
    assert.equal(status, 0, stderr);
    // After "100 Continue", where there was one.
    const text = stdout.toString("latin1").replace(/^HTTP\/1\.1 100[^\n]*\r\n\r\n/, "");
    const end = text.indexOf("\r\n\r\n");
    const [first = "", ...lines] = text.slice(0, end).split("\r\n");
    const headers = new Map(
      lines.map((line) => {
        const [field = "", ...value] = line.split(": ");
        return [field.toLowerCase(), value.join(": ")];
      }),
    );
    const body = Buffer.from(text.slice(end + 4), "latin1");
    return { status: Number(first.split(" ")[1]), version: first.split(" ")[0], headers, body };
  }

  const versions = [
    ["--http2", "HTTP/2"],
    ["--http1.1", "HTTP/1.1"],
  ] as const;
  const pathOf = (message: Message) =>
    `/dns-query?dns=${Buffer.from(encode(message)).toString("base64url")}`;
  const MESSAGE = "content-type: application/dns-message";

  test("XPORT-19: kdig asks by GET and by POST, over HTTP/2", async () => {
    await using server = await listenSecurely();
    const { endpoint } = server.https;
    for (const [option, line] of [
      ["+https", "HTTP/2-POST"],
      ["+https-get", "HTTP/2-GET"],
    ] as const) {
      const text = await succeed([
        ...["kdig", `@${endpoint.address}`, "-p", `${endpoint.port}`, option, "+retry=0"],
        `+tls-ca=${server.certificate.paths.certificate}`,
        ...["+tls-hostname=ns1.example.com", PRINTER],
      ]);
      assert.ok(text.includes(`(${line})`), text);
      assert.match(text, /10\.1\.0\.10/);
    }
  });

  test("XPORT-19: curl asks by GET and by POST, over HTTP/2 and 1.1", async () => {
    await using server = await listenSecurely();
    // Its first octets are those in which base64url differs from base64.
    const message = question("printer.paris", Type.A, { id: 0xfbff });
    assert.match(pathOf(message), /=-_/);
    const file = join(temporaryFolder(), "query");
    writeFileSync(file, encode(message));
    for (const [option, version] of versions) {
      const got = await curl(server, pathOf(message), option);
      const posted = await curl(
        ...([server, "/dns-query", option, "-H", MESSAGE, "--data-binary", `@${file}`] as const),
      );
      for (const reply of [got, posted]) {
        assert.deepEqual([reply.status, reply.version], [200, version]);
        assert.equal(reply.headers.get("content-type"), "application/dns-message");
        assert.equal(reply.headers.get("content-length"), `${reply.body.length}`);
        assert.equal(decode(reply.body).answers.length, 1);
      }
    }
  });

  test("XPORT-20: every DNS response has status 200, whatever its response code", async () => {
    await using server = await listenSecurely();
    const asked: readonly [Message, number][] = [
      [question("nobody"), Rcode.NXDOMAIN],
      [{ ...question("@"), questions: [] }, Rcode.FORMERR],
      [{ ...question("@"), opcode: 3 }, Rcode.NOTIMP],
      [question("@", Type.AXFR), Rcode.REFUSED],
    ];
    for (const [message, rcode] of asked) {
      const reply = await curl(server, pathOf(message));
      assert.equal(reply.status, 200);
      assert.equal(decode(reply.body).rcode, rcode);
    }
  });

  test("XPORT-20: a bad request gets an error status, by every version of HTTP", async () => {
    await using server = await listenSecurely();
    const folder = temporaryFolder();
    const file = (octets: Uint8Array | number) => {
      const path = join(folder, `${typeof octets === "number" ? octets : "response"}`);
      writeFileSync(path, typeof octets === "number" ? Buffer.alloc(octets) : octets);
      return `@${path}`;
    };
    const post = (octets: Uint8Array | number, ...more: string[]) => [
      ...["-H", MESSAGE, "--data-binary", file(octets), ...more],
    ];
    const response = encode(makeResponse(question("printer.paris"), {}));
    const cases: readonly [status: number, path: string, ...options: string[]][] = [
      [400, "/dns-query"],
      [400, "/dns-query?dns="],
      [400, "/dns-query?dns=AAAB"],
      [400, `${pathOf(question("printer.paris"))}=`],
      [400, "/dns-query?dns=%00%01"],
      [400, "/dns-query", ...post(11)],
      [400, "/dns-query", ...post(response)],
      [404, "/"],
      [404, "/dns-query/"],
      [405, "/dns-query", "-X", "PUT"],
      [405, "/dns-query", "-X", "DELETE"],
      [406, pathOf(question("printer.paris")), "-H", "accept: application/dns-json"],
      [406, "/dns-query", ...post(12), "-H", "accept: application/dns-json"],
      [413, "/dns-query", ...post(65_536)],
      [413, "/dns-query", ...post(1_000_000, "-H", "transfer-encoding: chunked")],
      [414, `/dns-query?dns=${"A".repeat(9000)}`],
      [415, "/dns-query", "-d", "hello"],
      [415, "/dns-query", "-H", "content-type: application/json", "-d", "{}"],
      [415, "/dns-query", ...post(12, "-H", "content-encoding: gzip")],
      [200, pathOf(question("printer.paris")), "-H", "accept: text/html, */*;q=0.8"],
      [200, pathOf(question("printer.paris")), "-H", "accept: application/*"],
      [200, `${pathOf(question("printer.paris"))}&x=1`],
    ];
    for (const [option] of versions) {
      for (const [status, path, ...options] of cases) {
        const reply = await curl(server, path, option, ...options);
        const what = `${option} ${path.slice(0, 40)} ${options.join(" ")}`;
        assert.equal(reply.status, status, what);
        if (status !== 200) assert.equal(reply.body.length, 0, what);
        if (status === 405) assert.equal(reply.headers.get("allow"), "GET, HEAD, POST");
      }
    }
  });

  test("XPORT-20: an update is accepted by POST only, as reading changes nothing (RFC 9110 §9.2.1)", async () => {
    await using server = await listenSecurely();
    const update = { ...question("@", Type.SOA), opcode: Opcode.UPDATE };
    const file = join(temporaryFolder(), "update");
    writeFileSync(file, encode(update));
    for (const options of [[], ["--head"]]) {
      const reply = await curl(server, pathOf(update), ...options);
      assert.equal(reply.status, 400, options.join(" "));
    }
    const posted = await curl(server, "/dns-query", "-H", MESSAGE, "--data-binary", `@${file}`);
    assert.deepEqual([posted.status, decode(posted.body).opcode], [200, Opcode.UPDATE]);
  });

  test("XPORT-20: a request may have a target in absolute form", async () => {
    await using server = await listenSecurely();
    const target = `https://ns1.example.com${pathOf(question("printer.paris"))}`;
    const reply = await curl(server, "/", "--http1.1", "--request-target", target);
    assert.deepEqual([reply.status, decode(reply.body).answers.length], [200, 1]);
  });

  test("SEC-19: whatever is asked, and however, no response is HTML", async () => {
    await using server = await listenSecurely();
    const html = "\\<img\\032src=x\\032onerror=alert\\(1\\)\\>._http._tcp.paris";
    const paths = [
      pathOf(question(html, Type.SRV)),
      `${pathOf(question(html, Type.SRV))}&<script>alert(1)</script>`,
      "/dns-query?dns=<script>alert(1)</script>",
      "/<script>alert(1)</script>",
      "/dns-query/../<script>",
    ];
    for (const [option] of versions) {
      for (const path of paths) {
        const reply = await curl(server, path, option, "-g", "-H", "accept: text/html, */*;q=0.1");
        const type = reply.status === 200 ? "application/dns-message" : undefined;
        assert.equal(reply.headers.get("content-type"), type, path);
        assert.equal(reply.body.length > 0, reply.status === 200, path);
      }
    }
  });

  test("XPORT-21: an answer is fresh for its lowest TTL, a negative one as its SOA says", async () => {
    await using server = await listenSecurely();
    const fresh: readonly [Message, string][] = [
      [question("printer.paris"), "max-age=10"],
      [question("_ipp._tcp.paris", Type.PTR), "max-age=10"],
      // The minimum of the zone's SOA.
      [question("nobody"), "max-age=5"],
      [question("printer.paris", Type.TXT), "max-age=5"],
      [question("@", Type.AXFR), "max-age=0"],
    ];
    for (const [message, expected] of fresh) {
      for (const [option] of versions) {
        for (const head of [[], ["-I"]]) {
          const reply = await curl(server, pathOf(message), option, ...head);
          assert.equal(reply.headers.get("cache-control"), `private, ${expected}`);
          assert.equal(reply.body.length === 0, head.length > 0);
        }
      }
    }
  });

  test("XPORT-21: it is the lowest of several TTLs, and the SOA's wherever it is", async () => {
    const record = (ttl: number, data: Rdata): ResourceRecord => ({
      ...{ name: origin, type: data.type, class: Class.IN, ttl, rdata: data },
    });
    const answers = [10, 3, 7].map((ttl, i) => record(ttl, rdata.a(`192.0.2.${i}`)));
    const other = record(60, rdata.ns(origin));
    const soa = { ...recordsOf(makeServer().zone.current.soa)[0]!, ttl: 4 };
    const sections: Partial<Message>[] = [
      { answers, authorities: [record(1, rdata.ns(origin))] },
      { authorities: [other, soa] },
      { authorities: [other] },
    ];
    const handler: Handler = ({ message }) => [makeResponse(message, sections[message.id]!)];
    await using server = await listenSecurely({ handler });
    const said: (string | undefined)[] = [];
    for (const id of sections.keys()) {
      const { headers } = await curl(server, pathOf(question("@", Type.A, { id })));
      said.push(headers.get("cache-control"));
    }
    assert.deepEqual(
      said,
      [3, 4, 0].map((seconds) => `private, max-age=${seconds}`),
    );
  });

  test("XPORT-22: a response has the query's id and is never truncated, and no zone is transferred", async () => {
    const { handler } = makeSecured();
    await using server = await listenSecurely({ handler });
    for (const id of [0, 4711]) {
      const all = question("_presence._tcp.paris", Type.PTR, { id });
      const reply = decode((await curl(server, pathOf(all))).body);
      assert.equal(reply.id, id);
      assert.equal(reply.isTruncated, false);
      assert.equal(reply.answers.length, 200);
    }
    // By TLS a client with this signature gets it.
    const { bytes } = sign(question("@", Type.AXFR), paris, Math.floor(Date.now() / 1000));
    const transfer = await curl(server, `/dns-query?dns=${bytes.toString("base64url")}`);
    assert.equal(decode(transfer.body).rcode, Rcode.REFUSED);
  });
});

suite("transfers over TLS", { skip: skipWithout("openssl", "dig", "kdig") }, () => {
  test("SEC-23, XFR-29: a zone is transferred by TLS (RFC 9103) to a client with a key, and to no other", async () => {
    const { handler } = makeSecured();
    await using server = await listenSecurely({ handler });
    const { port } = server.tls.endpoint;
    const ca = server.certificate.paths.certificate;
    const secret = Buffer.from(paris.secret).toString("base64");
    const signed = ["-y", `hmac-sha256:paris:${secret}`];
    const ask = (program: string, ...options: string[]) =>
      succeed([
        ...[program, "@127.0.0.1", "-p", `${port}`, "+tls", `+tls-ca=${ca}`, ...options],
        ...["-t", "AXFR", "-q", "bonjour.example"],
      ]);
    const byDig = await ask("dig", ...signed, "+noall", "+answer");
    const byKdig = await ask(
      "kdig",
      ...signed,
      "+tls-hostname=ns1.example.com",
      "+noall",
      "+answer",
    );
    for (const text of [byDig, byKdig]) {
      const lines = text.split("\n").filter((line) => line.startsWith("bonjour.example"));
      assert.equal(lines.filter((line) => /\sSOA\s/.test(line)).length, 2);
      assert.equal(text.match(/\sPTR\s/g)?.length, 201);
    }
    assert.doesNotMatch(await ask("dig"), /\sSOA\s/);
  });

  test("XFR-29, EDNS-23: without TLS 1.3 or ALPN a transfer is REFUSED with the reason, a query answered", async () => {
    const { handler } = makeSecured();
    await using server = await listenSecurely({ handler });
    const now = Math.floor(Date.now() / 1000);
    const ask = async (options: TlsOptions, type: number) => {
      using client = await dial(server, options);
      const query = question("@", type, {
        edns: { udpSize: 1232, version: 0, dnssecOk: false, options: [] },
        ...(type === Type.IXFR && { authorities: soa }),
      });
      client.socket.write(frame(sign(query, paris, now).bytes));
      await waitFor("a response", () => client.responses.length > 0);
      const [response] = client.responses;
      const ede = optionOf(response!, OptionCode.EXTENDED_ERROR);
      return [
        client.socket.getProtocol(),
        rcodeName(response!.rcode),
        ede && `${Buffer.from(ede).readUInt16BE()} ${Buffer.from(ede.subarray(2))}`,
      ];
    };
    const { soa: set } = makeServer().zone.current;
    const soa = recordsOf(set);
    const why = "21 transfers need TLS 1.3 and ALPN dot";
    for (const type of [Type.AXFR, Type.IXFR]) {
      assert.deepEqual(await ask({}, type), ["TLSv1.3", "NOERROR", undefined]);
      assert.deepEqual(await ask({ maxVersion: "TLSv1.2" }, type), ["TLSv1.2", "REFUSED", why]);
      assert.deepEqual(await ask({ ALPNProtocols: [] }, type), ["TLSv1.3", "REFUSED", why]);
    }
    for (const options of [{ maxVersion: "TLSv1.2" } as const, { ALPNProtocols: [] }]) {
      assert.equal((await ask(options, Type.SOA))[1], "NOERROR");
    }
  });

  test("XFR-29: kdig limited to TLS 1.2 gets answers, but no zone", async () => {
    const { handler } = makeSecured();
    await using server = await listenSecurely({ handler });
    const file = join(temporaryFolder(), "gnutls.conf");
    writeFileSync(file, "[overrides]\ndisabled-version = tls1.3\n");
    const secret = Buffer.from(paris.secret).toString("base64");
    const ask = (type: string) =>
      run([
        ...["env", `GNUTLS_SYSTEM_PRIORITY_FILE=${file}`, ...kdigTls(server)],
        ...["-y", `hmac-sha256:paris:${secret}`, "-t", type, "-q", "bonjour.example"],
      ]);
    assert.match(`${(await ask("SOA")).stdout}`, /TLS1\.2[\s\S]*NOERROR[\s\S]*\sSOA\s/);
    assert.match((await ask("AXFR")).stderr, /replied with error 'REFUSED'/);
  });
});
