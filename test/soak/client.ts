/**
 * A client that never rests: it browses by UDP, asks by TCP, TLS and HTTPS on a new connection each
 * time, and leaves idle connections behind, some half closed, some after half a message. Its parameter
 * is a Clientele as JSON; it prints its progress once a second, until it is stopped.
 */
import { connect, type Socket } from "node:net";
import { systemClock } from "../../src/clock.ts";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { ask } from "../../src/net/client/exchange.ts";
import { standardPorts, unanswered } from "../support/honest.ts";
import { sleep } from "../support/wait.ts";

export interface Clientele {
  readonly host: string;
  /** The server's certificate, PEM. */
  readonly ca: string;
  readonly zone: string;
  /** The full name that is browsed. */
  readonly type: string;
}

export interface Asked {
  readonly datagrams: number;
  readonly rounds: number;
  readonly left: number;
  readonly unanswered: number;
}

/** Milliseconds between two datagrams, and between two rounds of connections. */
const BROWSE = 20;
const ROUND = 250;
/** Connections left behind at a time. */
const MAX_LEFT = 50;

const server = JSON.parse(process.argv[2] ?? "") as Clientele;
const endpoint = { address: server.host, port: standardPorts.tcp };
const browse = makeMessage({
  questions: [{ name: Name.parse(server.type), type: Type.PTR, class: Class.IN }],
});
const count = { datagrams: 0, rounds: 0, left: 0, unanswered: 0 };

async function datagrams(): Promise<never> {
  for (;;) {
    const answer = await ask(endpoint, browse, { clock: systemClock, timeout: 5000 }).catch(
      () => undefined,
    );
    const isAnswered = answer?.rcode === Rcode.NOERROR || answer?.rcode === Rcode.NXDOMAIN;
    if (isAnswered) count.datagrams++;
    else count.unanswered++;
    await sleep(BROWSE);
  }
}

async function connections(): Promise<never> {
  const left: Socket[] = [];
  for (let round = 0; ; round++) {
    count.unanswered += (await unanswered(server)).length;
    count.rounds++;
    const socket = connect({ host: server.host, port: Object.values(standardPorts)[round % 3]! });
    socket.on("error", () => {});
    if (round % 2 === 0) socket.write(Buffer.of(0, 40, 1, 2, 3));
    if (round % 4 === 0) socket.end();
    left.push(socket);
    count.left++;
    if (left.length > MAX_LEFT) left.shift()!.destroy();
    await sleep(ROUND);
  }
}

async function report(): Promise<never> {
  for (;;) {
    process.stdout.write(`${JSON.stringify({ event: "asked", ...count })}\n`);
    await sleep(1000);
  }
}

await Promise.race([datagrams(), connections(), report()]);
