/**
 * A hostile host that does, at a moderate rate, what takes more than a datagram: it sends messages
 * signed with a key that the gateway knows, and opens connections to every listener, on which it sends
 * damaged frames, TLS, HTTP/1.1 and HTTP/2. It leaves them as it likes: half closed, reset, silent.
 * Once a second it asks honest questions by each of those transports. First of all it sends the files
 * of the corpus as they are.
 *
 * Its parameter is an Intrusion as JSON; it prints its progress once a second, one JSON object a line,
 * and ends when an honest question goes unanswered, or when it is stopped.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { Opcode } from "../../src/dns/constants.ts";
import { HEADER_LENGTH } from "../../src/dns/message.ts";
import { Frames, frame } from "../../src/net/framing.ts";
import { standardPorts, unanswered } from "../support/honest.ts";
import { sleep } from "../support/wait.ts";
import { statefulCorpus, unicastCorpus, ZONE } from "./corpus.ts";
import { octetsIn } from "./corpusfile.ts";
import { Mutator } from "./mutation.ts";
import { RegistrationMutator } from "./registering.ts";
import { SignedMutator } from "./signing.ts";

export interface Intrusion {
  readonly seed: number;
  /** The gateway's address. */
  readonly server: string;
  /** The gateway's certificate, PEM. */
  readonly ca: string;
  /** Our own address. */
  readonly address: string;
}

export interface Intruded {
  readonly connections: number;
  /** How many of those had TLS. */
  readonly secured: number;
  /** Octets that came back on connections. */
  readonly octets: number;
  /** Messages that pushed something, in sessions. */
  readonly pushed: number;
  /** Signed messages by UDP, and how many of them were granted updates. */
  readonly signed: number;
  readonly granted: number;
  /** Devices that registered themselves, by connections. */
  readonly registered: number;
  /** Rounds of honest questions answered. */
  readonly answered: number;
}

/** Milliseconds between two attacks. */
const PAUSE = 20;
/** Connections left open: fewer than one source may have, for the honest ones come from here too. */
const MAX_OPEN = 200;
/** Milliseconds between two honest rounds. */
const ROUND = 1000;

const { seed, server, ca, address } = JSON.parse(process.argv[2] ?? "") as Intrusion;
const unicast = new Mutator(seed, unicastCorpus());
const sessions = statefulCorpus();
const signed = new SignedMutator(seed + 1);
const registrations = new RegistrationMutator(seed + 8, ZONE, address);
const corpora = {
  session: new Mutator(seed + 7, sessions),
  stream: new Mutator(seed + 3, octetsIn("stream")),
  tls: new Mutator(seed + 4, octetsIn("tls")),
  http: new Mutator(seed + 5, octetsIn("http")),
  http2: new Mutator(seed + 6, octetsIn("http2")),
};
const { chance } = unicast;
const now = () => Math.floor(Date.now() / 1000);
const count = {
  connections: 0,
  secured: 0,
  octets: 0,
  pushed: 0,
  signed: 0,
  granted: 0,
  registered: 0,
  answered: 0,
};

const print = (event: string, fields: object = {}) =>
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);

const datagrams = createSocket("udp4");
datagrams.on("error", () => {});
datagrams.on("message", (octets) => {
  if (octets.length < HEADER_LENGTH) return;
  if (isGranted(octets)) count.granted++;
});
datagrams.connect(standardPorts.tcp, server);
await once(datagrams, "connect");

//---- Connections ----

interface Way {
  readonly stream: Socket;
  /** The TCP connection: beneath TLS, where there is TLS. */
  readonly connection: Socket;
}

const open = new Set<Socket>();

function tcp(port: number): Way {
  const connection = connect({ host: server, port, noDelay: true, allowHalfOpen: true });
  return kept({ stream: connection, connection });
}

function secured(port: number, protocol: "dot" | "http/1.1" | "h2"): Way {
  const connection = connect({ host: server, port, noDelay: true });
  const stream = connectTls({ socket: connection, ca, host: server, ALPNProtocols: [protocol] });
  stream.once("secureConnect", () => count.secured++);
  connection.on("error", () => {});
  return kept({ stream, connection });
}

function kept(way: Way): Way {
  const { stream } = way;
  count.connections++;
  open.add(stream);
  stream.on("error", () => {});
  stream.on("data", (piece: Buffer) => {
    count.octets += piece.length;
  });
  stream.once("close", () => open.delete(stream));
  // Those left open longest make room.
  for (const other of open) if (open.size > MAX_OPEN) leave(other);
  return way;
}

function leave(stream: Socket): void {
  open.delete(stream);
  stream.destroy();
}

/** Sends octets in a few pieces, and then ends, resets, or waits to be dropped. */
async function say({ stream, connection }: Way, octets: Buffer): Promise<void> {
  const pieces = 1 + chance.below(4);
  for (let i = 0, from = 0; i < pieces && !stream.destroyed; i++) {
    const to = i === pieces - 1 ? octets.length : from + chance.below(octets.length - from + 1);
    stream.write(octets.subarray(from, to));
    from = to;
    await sleep(chance.below(PAUSE));
  }
  if (chance.below(4) === 0) await sleep(500);
  switch (chance.below(5)) {
    case 0:
      return leave(stream);
    case 1:
      return void connection.resetAndDestroy();
    case 2:
      return;
    default:
      stream.end();
  }
}

//---- What is said ----

function frames(): Buffer {
  if (chance.below(4) === 0) return corpora.stream.nextOfAnyLength();
  const framed = Array.from({ length: 1 + chance.below(8) }, () =>
    frame(chance.below(2) === 0 ? signed.next(now()) : unicast.next()),
  );
  const whole = Buffer.concat(framed);
  return chance.below(4) === 0 ? corpora.stream.damaged(whole) : whole;
}

/** Begins a session properly, so that there is something to push; the rest keeps to the rules or not. */
function sessionFrames(): Buffer {
  const said = sessions.slice(0, 1 + chance.below(3));
  for (let times = chance.below(12); times > 0; times--) {
    const others = [sessions[chance.below(sessions.length)]!, unicast.next(), signed.next(now())];
    said.push(chance.below(2) === 0 ? corpora.session.next() : chance.one(others));
  }
  return Buffer.concat(said.map(frame));
}

function registrationFrames(): Buffer {
  const some = Array.from({ length: 1 + chance.below(8) }, () => frame(registrations.next()));
  return Buffer.concat(some);
}

/** Calls `hear` with each message that comes back. */
function listening(way: Way, hear: (message: Uint8Array) => void): Way {
  const frames = new Frames();
  way.stream.on("data", (piece: Buffer) => {
    frames.push(piece);
    for (let next = frames.next(); next !== undefined; next = frames.next()) hear(next);
  });
  return way;
}

function countPush(message: Uint8Array): void {
  const isPush = message.length > 14 && message[2] === Opcode.DSO << 3 && message[13] === 0x41;
  if (isPush) count.pushed++;
}

function countRegistered(message: Uint8Array): void {
  if (isGranted(message)) count.registered++;
}

function isGranted(response: Uint8Array): boolean {
  const isUpdate = ((response[2]! >> 3) & 0xf) === Opcode.UPDATE;
  return isUpdate && (response[3]! & 0xf) === 0;
}

function httpRequest(): Buffer {
  if (chance.below(2) === 0) return corpora.http.nextOfAnyLength();
  const kinds = [() => signed.next(now()), () => unicast.next(), () => registrations.next()];
  const message = chance.one(kinds)();
  if (chance.below(2) === 0) {
    return Buffer.from(
      `GET /dns-query?dns=${message.toString("base64url")} HTTP/1.1\r\n${HOST}\r\n`,
    );
  }
  const head = `POST /dns-query HTTP/1.1\r\n${HOST}Content-Type: application/dns-message\r\n`;
  const request = [`${head}Content-Length: ${message.length}\r\n\r\n`].map((text) =>
    Buffer.from(text),
  );
  return Buffer.concat([...request, message]);
}

const HOST = "Host: ns1.example.com\r\n";

const { tcp: dns, tls, https } = standardPorts;

const attacks: readonly (() => Promise<void>)[] = [
  async function bySignedDatagrams() {
    for (let i = 0; i < 4; i++) {
      const octets = signed.next(now());
      // Now and then sent again, as a replay.
      for (let times = chance.below(8) === 0 ? 2 : 1; times > 0; times--) {
        count.signed++;
        datagrams.send(octets);
      }
    }
  },
  () => say(tcp(dns), frames()),
  () => say(secured(tls, "dot"), frames()),
  () => say(listening(secured(tls, "dot"), countPush), sessionFrames()),
  () => say(listening(tcp(dns), countRegistered), registrationFrames()),
  () => say(listening(secured(tls, "dot"), countRegistered), registrationFrames()),
  () => say(tcp(chance.one([tls, https])), corpora.tls.nextOfAnyLength()),
  () => say(secured(https, "http/1.1"), httpRequest()),
  () => say(secured(https, "h2"), corpora.http2.nextOfAnyLength()),
];

async function replay(): Promise<void> {
  for (const octets of octetsIn("dns")) datagrams.send(octets);
  for (const octets of octetsIn("stream")) {
    await Promise.all([say(tcp(dns), octets), say(secured(tls, "dot"), octets)]);
  }
  for (const octets of octetsIn("tls")) {
    await Promise.all([say(tcp(tls), octets), say(tcp(https), octets)]);
  }
  for (const octets of octetsIn("http")) await say(secured(https, "http/1.1"), octets);
  for (const octets of octetsIn("http2")) await say(secured(https, "h2"), octets);
}

async function ask(): Promise<void> {
  const failed = await unanswered({ host: server, ca, zone: ZONE });
  if (failed.length > 0) {
    print("unanswered", { by: failed });
    process.exit(1);
  }
  count.answered++;
  print("intruded", count satisfies Intruded);
}

await ask();
await replay();
for (let last = 0; ; ) {
  void chance.one(attacks)();
  await sleep(PAUSE);
  if (performance.now() - last < ROUND) continue;
  await ask();
  last = performance.now();
}
