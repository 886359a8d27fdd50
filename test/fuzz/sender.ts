/**
 * A hostile host: a program that sends mutated datagrams to both ports of a gateway, 53 and 5353, as
 * fast as the gateway reads them. After each batch it asks an honest question and waits for the
 * answer; that keeps pace, and shows that the gateway lives. Its parameter is an Attack as JSON; it
 * prints its progress once a second, one JSON object a line.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { FormatError } from "../../src/dns/format.ts";
import { decode, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { multicastCorpus, unicastCorpus, ZONE } from "./corpus.ts";
import { Mutator } from "./mutation.ts";

export interface Attack {
  readonly seed: number;
  readonly count: number;
  /** Milliseconds after which it ends, whatever the count. */
  readonly time?: number;
  /** The gateway's address. */
  readonly server: string;
  /** Our own address and interface. */
  readonly address: string;
  readonly interface: string;
}

export interface Progress {
  readonly sent: number;
  /** Datagrams that came back. */
  readonly responses: number;
  /** Honest questions answered. */
  readonly answered: number;
  /** Honest questions that had to be asked again. */
  readonly repeated: number;
  /** Milliseconds the slowest answer since the last line took. */
  readonly slowest: number;
  /** How many of the datagrams examined are malformed. */
  readonly malformed: number;
  readonly examined: number;
}

/** Datagrams between two honest questions: fewer than a socket's buffer holds. */
const BATCH = 192;
const GROUP = "224.0.0.251";
const GROUP6 = "ff02::fb";
const MDNS = 5353;
/** Milliseconds to wait for an answer, and how many times to ask. */
const PATIENCE = 2000;
const MAX_ASKED = 5;
/** Decoding costs more than sending, so one datagram in so many is examined. */
const EXAMINED = 64;

const attack = JSON.parse(process.argv[2] ?? "") as Attack;
const dns = new Mutator(attack.seed, unicastCorpus());
const multicast = new Mutator(attack.seed + 1, multicastCorpus());

let sent = 0;
let responses = 0;
let answered = 0;
let repeated = 0;
let slowest = 0;
let malformed = 0;
let examined = 0;

const print = (event: string, fields: object = {}) =>
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);

const report = (event: string) => {
  const progress: Progress = { sent, responses, answered, repeated, slowest, malformed, examined };
  print(event, progress);
  slowest = 0;
};

async function open(type: "udp4" | "udp6", bound: { port?: number; address?: string }) {
  const family = type === "udp4" ? 4 : 6;
  const socket = createSocket({
    type,
    reuseAddr: true,
    // Addresses only, so there is nothing to look up.
    lookup: (host, _options, done) => done(null, host, family),
  });
  // A refusal by ICMP, or a buffer that is full for a moment: the datagram is lost, no more.
  socket.on("error", () => {});
  // With nothing to look up it may be ready at once.
  const ready = once(socket, "listening");
  socket.bind(bound);
  await ready;
  return socket;
}

async function connected(address: string): Promise<Socket> {
  const socket = await open("udp4", {});
  const ready = once(socket, "connect");
  socket.connect(53, address);
  await ready;
  return socket;
}

const plain = await connected(attack.server);
plain.on("message", () => responses++);
const honest = await connected(attack.server);
const link4 = await open("udp4", { port: MDNS, address: attack.address });
link4.setMulticastInterface(attack.address);
link4.setMulticastTTL(255);
const link6 = await open("udp6", { port: MDNS, address: "::" });
link6.setMulticastInterface(`::%${attack.interface}`);
link6.setMulticastTTL(255);

/** The next datagram, to the port whose turn it is: by UDP, by both groups, to 5353 directly. */
function sendNext(): void {
  const turn = sent++ % 8;
  const datagram = (turn < 4 ? dns : multicast).next();
  if (sent % EXAMINED === 0) examine(datagram);
  if (turn < 4) plain.send(datagram);
  else if (turn < 6) link4.send(datagram, MDNS, GROUP);
  else if (turn < 7) link4.send(datagram, MDNS, attack.server);
  else link6.send(datagram, MDNS, `${GROUP6}%${attack.interface}`);
}

function examine(datagram: Buffer): void {
  examined++;
  try {
    decode(datagram, { isLenient: true });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    malformed++;
  }
}

const question = { name: Name.parse(ZONE), type: Type.SOA, class: Class.IN };
let id = 0;

/** Asks for the zone's SOA; false when there is no answer, or a wrong one. */
async function ask(): Promise<boolean> {
  const started = performance.now();
  for (let asked = 0; asked < MAX_ASKED; asked++) {
    if (asked > 0) repeated++;
    id = (id + 1) & 0xffff;
    const own = id;
    const octets = await new Promise<Buffer | undefined>((resolve) => {
      const timer = setTimeout(end, PATIENCE);
      function end(answer?: Buffer) {
        // An answer to an earlier question that was given up.
        if (answer !== undefined && answer.readUInt16BE(0) !== own) return;
        clearTimeout(timer);
        honest.off("message", end);
        resolve(answer);
      }
      honest.on("message", end);
      honest.send(encode(makeMessage({ id: own, questions: [question] })));
    });
    if (octets === undefined) continue;
    const answer = decode(octets);
    slowest = Math.max(slowest, performance.now() - started);
    answered++;
    return answer.isAuthoritative && answer.rcode === Rcode.NOERROR && answer.answers.length === 1;
  }
  return false;
}

const end = performance.now() + (attack.time ?? Number.POSITIVE_INFINITY);
const timer = setInterval(() => report("progress"), 1000);
let isAlive = await ask();
while (isAlive && sent < attack.count && performance.now() < end) {
  for (let i = 0; i < BATCH; i++) sendNext();
  isAlive = await ask();
}
clearInterval(timer);
report(isAlive ? "done" : "unanswered");
for (const socket of [plain, honest, link4, link6]) socket.close();
