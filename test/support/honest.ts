/** Honest questions by every connection-based transport: for the zone's SOA, each on a new connection. */
import { once } from "node:events";
import { request } from "node:https";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { Frames, frame } from "../../src/net/framing.ts";

export interface Ports {
  readonly tcp: number;
  readonly tls: number;
  readonly https: number;
}

export const standardPorts: Ports = { tcp: 53, tls: 853, https: 443 };

/** Milliseconds to wait for an answer, and how often to ask. */
const PATIENCE = 5000;
const MAX_ASKED = 3;

export interface Server {
  readonly host: string;
  /** Its certificate, PEM. */
  readonly ca: string;
  readonly zone: string;
  /** The standard ones if not given. */
  readonly ports?: Ports;
}

/** The transports by which no answer came, or a wrong one. */
export async function unanswered({ host, ca, zone, ports = standardPorts }: Server) {
  const ways: Record<keyof Ports, (query: Buffer, signal: AbortSignal) => Promise<Buffer>> = {
    tcp: (query, signal) => byStream(connect({ host, port: ports.tcp }), query, signal),
    tls: (query, signal) =>
      byStream(connectTls({ host, port: ports.tls, ca, ALPNProtocols: ["dot"] }), query, signal),
    https: (query, signal) => byHttps({ host, port: ports.https, ca, signal }, query),
  };
  const failed: string[] = [];
  for (const [way, ask] of Object.entries(ways))
    if (!(await isAnswered(zone, ask))) failed.push(way);
  return failed;
}

async function isAnswered(
  zone: string,
  ask: (query: Buffer, signal: AbortSignal) => Promise<Buffer>,
): Promise<boolean> {
  const question = { name: Name.parse(zone), type: Type.SOA, class: Class.IN };
  const query = encode(makeMessage({ id: 4711, questions: [question] }));
  for (let asked = 0; asked < MAX_ASKED; asked++) {
    try {
      const answer = decode(await ask(query, AbortSignal.timeout(PATIENCE)));
      return answer.isAuthoritative && answer.rcode === Rcode.NOERROR && answer.answers.length > 0;
    } catch {
      // It was cut off or took too long; the next one may succeed.
    }
  }
  return false;
}

async function byStream(stream: Duplex, query: Buffer, signal: AbortSignal): Promise<Buffer> {
  const frames = new Frames();
  try {
    stream.write(frame(query));
    for (;;) {
      const [piece] = await once(stream, "data", { signal });
      frames.push(piece);
      const octets = frames.next();
      if (octets !== undefined) return Buffer.from(octets);
    }
  } finally {
    stream.on("error", () => {});
    stream.destroy();
  }
}

async function byHttps(
  where: { host: string; port: number; ca: string; signal: AbortSignal },
  query: Buffer,
): Promise<Buffer> {
  const headers = { "content-type": "application/dns-message", "content-length": query.length };
  const posted = request({ ...where, path: "/dns-query", method: "POST", headers, agent: false });
  posted.on("error", () => {});
  posted.end(query);
  const [response] = await once(posted, "response", { signal: where.signal });
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece);
  return Buffer.concat(pieces);
}
