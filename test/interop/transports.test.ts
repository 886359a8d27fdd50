/**
 * One zone, asked everything by every transport: the answers are the same whichever way they come,
 * and clients of other makes agree.
 */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { Agent, request } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { suite, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { parseType, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message } from "../../src/dns/message.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import { Frames, frame } from "../../src/net/framing.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { makeServer, makeZone, opt, origin, question } from "../dnsserver/fixture.ts";
import { listenBoth } from "../dnsserver/listening.ts";
import { listenSecurely, type Secure } from "../dnsserver/secure.ts";
import { run, succeed } from "../support/process.ts";
import { skipWithout } from "../support/tool.ts";

const ZONE = `
$TTL 10
@            SOA    ns hostmaster 1 7200 3600 86400 5
@            NS     ns
@            MX     10 mail
@            TXT    "one" "two and three"
@            CAA    0 issue "ca.example.net"
@            TYPE65280 \\# 4 0a000001
ns           A      192.0.2.1
ns           AAAA   2001:db8::1
mail         A      192.0.2.2
mail         A      192.0.2.3
alias        CNAME  printer.paris
chain        CNAME  alias
away         CNAME  www.example.net.
moved        DNAME  paris
*.wild       TXT    "wild"
sub          NS     ns.sub
sub          NS     ns.example.net.
ns.sub       A      192.0.2.4
deep.in.ent  A      192.0.2.5
naptr        NAPTR  100 50 "s" "http" "" _http._tcp
svcb         SVCB   1 . alpn=h2 port=443
https        HTTPS  0 svcb
sshfp        SSHFP  1 1 0123456789abcdef0123456789abcdef01234567
tlsa         TLSA   3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
hinfo        HINFO  "printer" "none"
null         TYPE10 \\# 3 010203
_ipp._tcp.paris                     PTR Office\\032Printer._ipp._tcp.paris
Office\\032Printer._ipp._tcp.paris  SRV 0 0 631 printer.paris
Office\\032Printer._ipp._tcp.paris  TXT "txtvers=1" "rp=ipp/print"
printer.paris                       A   10.1.0.10
printer.paris                       AAAA fd00:1::10
${Array.from({ length: 300 }, (_, i) => `_presence._tcp PTR user${i}._presence._tcp.paris`).join("\n")}
`;

const OWNERS = [
  ...["@", "ns", "mail", "alias", "chain", "away", "moved", "printer.moved", "x.wild", "*.wild"],
  ...["sub", "host.sub", "ns.sub", "ent", "in.ent", "deep.in.ent", "naptr", "svcb", "https"],
  ...["sshfp", "tlsa", "hinfo", "null", "_ipp._tcp.paris", "Office\\032Printer._ipp._tcp.paris"],
  ...["printer.paris", "PRINTER.Paris", "_presence._tcp", "_tcp", "nobody", "www.example.net."],
];
const TYPES = [
  ...["A", "AAAA", "PTR", "SRV", "TXT", "SOA", "NS", "MX", "CNAME", "DNAME", "NAPTR", "SVCB"],
  ...["HTTPS", "CAA", "SSHFP", "TLSA", "HINFO", "NULL", "DS", "ANY", "TYPE65280", "TYPE4711"],
].map((text) => parseType(text)!);

/** Returns the response's octets. */
type Ask = (query: Buffer) => Promise<Buffer>;

/** Asks by a stream of frames, one after the other. */
function framed(stream: Duplex): Ask {
  const frames = new Frames();
  let take = (_: Buffer) => {};
  let fail = () => {};
  stream.on("data", (piece) => {
    frames.push(piece);
    for (let octets = frames.next(); octets; octets = frames.next()) take(Buffer.from(octets));
  });
  stream.once("close", () => fail());
  return (query) => {
    stream.write(frame(query));
    return new Promise((resolve, reject) => {
      take = resolve;
      fail = () => reject(new Error("the connection was closed"));
    });
  };
}

/** Every way to ask these two servers; closes them at the end of the scope. */
async function ways(port: number, { tls, https, certificate }: Secure) {
  const host = "127.0.0.1";
  const ca = certificate.certificate;
  const tcp = connect({ host, port, noDelay: true });
  const secure = connectTls({ host, port: tls.endpoint.port, ca });
  await once(secure, "secureConnect");
  const session = connectHttp2(`https://${host}:${https.endpoint.port}`, { ca });
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca });
  const socket = createSocket("udp4");
  const mediaType = { "content-type": "application/dns-message" };
  const read = async (from: AsyncIterable<Buffer>) => {
    const pieces: Buffer[] = [];
    for await (const piece of from) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  const streams: Record<string, Ask> = {
    tcp: framed(tcp),
    tls: framed(secure),
    "HTTP/2 GET": (query) => {
      const path = `/dns-query?dns=${query.toString("base64url")}`;
      return read(session.request({ ":path": path }));
    },
    "HTTP/2 POST": (query) => {
      const stream = session.request({ ":method": "POST", ":path": "/dns-query", ...mediaType });
      stream.end(query);
      return read(stream);
    },
    "HTTP/1.1 POST": async (query) => {
      const where = { host, port: https.endpoint.port, path: "/dns-query", agent };
      const posted = request({ ...where, method: "POST", headers: mediaType });
      posted.end(query);
      const [response] = await once(posted, "response");
      return read(response);
    },
  };
  const udp: Ask = async (query) => {
    const answered = once(socket, "message", { signal: AbortSignal.timeout(5000) });
    socket.send(query, port, host);
    return (await answered)[0];
  };
  const close = () => {
    tcp.destroy();
    secure.destroy();
    session.destroy();
    agent.destroy();
    socket.close();
  };
  return { udp, streams, [Symbol.dispose]: close };
}

const textOf = (records: readonly ResourceRecord[]) =>
  records.map(({ name, type, ttl, rdata }) => {
    return `${name} ${ttl} ${type} ${Buffer.from(rdata.toWire()).toString("hex")}`;
  });

suite("the same answer", { skip: skipWithout("openssl") }, () => {
  test("to everything, by UDP, TCP, TLS and HTTPS", async () => {
    const server = makeServer(makeZone(parseMasterFile(ZONE, { origin })));
    await using plain = await listenBoth({ server });
    await using secure = await listenSecurely({ handler: server.handler });
    using way = await ways(plain.endpoint.port, secure);
    let id = 0;
    let truncated = 0;
    for (const owner of OWNERS) {
      for (const type of TYPES) {
        for (const edns of [undefined, opt({ dnssecOk: true })]) {
          const message = question(owner, type, { id: ++id, edns });
          const query = encode(message);
          const expected = await way.streams.tcp!(query);
          const what = `${owner} ${type}`;
          const others = Object.entries(way.streams).map(async ([transport, ask]) => {
            assert.ok(expected.equals(await ask(query)), `${what} by ${transport}`);
          });
          await Promise.all(others);
          if (isLikeByStream(decode(await way.udp(query)), decode(expected), what)) truncated++;
        }
      }
    }
    assert.ok(truncated > 0, "nothing was too large for UDP");
    assert.ok(id > 1000);
  });

  /** True if it was truncated, and the client has to ask by TCP. */
  function isLikeByStream(udp: Message, whole: Message, what: string): boolean {
    assert.equal(udp.rcode, whole.rcode, what);
    // By UDP, one set of many (RFC 8482 §4.1).
    if (whole.questions[0]!.type === Type.ANY) return udp.isTruncated;
    if (!udp.isTruncated) {
      assert.deepEqual(textOf(udp.answers), textOf(whole.answers), what);
      assert.deepEqual(textOf(udp.authorities), textOf(whole.authorities), what);
    }
    const known = new Set(textOf([...whole.answers, ...whole.authorities, ...whole.additionals]));
    for (const text of textOf([...udp.answers, ...udp.authorities, ...udp.additionals])) {
      assert.ok(known.has(text), `${what}: ${text}`);
    }
    return udp.isTruncated;
  }

  const clients = { skip: skipWithout("openssl", "dig", "kdig"), timeout: 120_000 };

  test("to dig and kdig by each of their transports", clients, async () => {
    const server = makeServer(makeZone(parseMasterFile(ZONE, { origin })));
    await using plain = await listenBoth({ server });
    await using secure = await listenSecurely({ handler: server.handler });
    const ports = {
      dns: plain.endpoint.port,
      tls: secure.tls.endpoint.port,
      https: secure.https.endpoint.port,
    };
    const trust = [`+tls-ca=${secure.certificate.paths.certificate}`];
    const digs: [keyof typeof ports, string[]][] = [
      ["dns", []],
      ["dns", ["+tcp"]],
      ["tls", ["+tls", ...trust]],
      ["https", ["+https", ...trust]],
      ["https", ["+https-get", ...trust]],
    ];
    const kdigs = digs.map(([port, options]): [keyof typeof ports, string[]] => [
      port,
      options.length > 1 ? [...options, "+tls-hostname=ns1.example.com"] : options,
    ]);
    const asked = [
      ...["bonjour.example MX", "chain.bonjour.example A", "x.wild.bonjour.example TXT"],
      ...["host.sub.bonjour.example A", "nobody.bonjour.example A", "ent.bonjour.example A"],
      ...["_presence._tcp.bonjour.example PTR", "svcb.bonjour.example SVCB"],
      ...["bonjour.example TYPE65280", "printer.moved.bonjour.example A"],
    ];
    for (const [program, transports] of [
      ["dig", digs],
      ["kdig", kdigs],
    ] as const) {
      for (const each of asked) {
        const answers = new Set<string>();
        for (const [port, options] of transports) {
          const text = await succeed([
            ...[program, "@127.0.0.1", "-p", `${ports[port]}`, ...options],
            ...["+norec", "+noall", "+answer", "+authority", ...each.split(" ")],
          ]);
          const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith(";"));
          answers.add(lines.sort().join("\n"));
        }
        assert.equal(answers.size, 1, `${program} ${each}: ${[...answers].join("\n--\n")}`);
      }
    }
  });

  test("to dns2's clients", async () => {
    const server = makeServer(makeZone(parseMasterFile(ZONE, { origin })));
    await using plain = await listenBoth({ server });
    await using secure = await listenSecurely({ handler: server.handler });
    const { tls, https, certificate } = secure;
    const ports = [plain.endpoint.port, https.endpoint.port, tls.endpoint.port].map(String);
    const client = join(import.meta.dirname, "../support/dns2-client.js");
    const { stdout, stderr } = await run(
      [process.execPath, client, ...ports, "mail.bonjour.example", "A"],
      { env: { NODE_EXTRA_CA_CERTS: certificate.paths.certificate } },
    );
    const expected = ["udp", "tcp", "tls", "https", "h2"]
      .map((transport) => `${transport} 192.0.2.2 192.0.2.3\n`)
      .join("");
    assert.equal(stdout.toString(), expected, stderr);
  });
});
