/**
 * The load of `updates.ts`: a number of clients, each with one persistent connection and a number of updates
 * in flight on it, for a number of seconds. An update adds three records at new names. All are signed before
 * the first is sent, so that this process is not what is measured; it prints its counts as JSON.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Class, Opcode, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decodeHeader, makeMessage } from "../../src/dns/message.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { signTsig } from "../../src/dns/tsig.ts";
import { Frames, frame } from "../../src/net/framing.ts";
import { key, ORIGIN, serviceSets, type UpdaterOptions, type UpdaterResult } from "../updates.ts";

const { port, clients, underWay, seconds, prefix, most } = JSON.parse(
  process.argv[2]!,
) as UpdaterOptions;

/** An update that adds a service. */
function update(number: number): Buffer {
  const message = makeMessage({
    id: number & 0xffff,
    opcode: Opcode.UPDATE,
    questions: [{ name: ORIGIN, type: Type.SOA, class: Class.IN }],
    authorities: serviceSets(prefix, number).flatMap(recordsOf),
  });
  return frame(signTsig(encode(message), key, { now }).bytes);
}

const now = Math.floor(Date.now() / 1000);
const updates = Array.from({ length: most }, (_, number) => update(number));
const latencies: number[] = [];
let sent = 0;
let refused = 0;
let isOver = false;

const sockets = await Promise.all(
  Array.from({ length: clients }, async () => {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    await once(socket, "connect");
    return socket;
  }),
);
const start = performance.now();
const done = Promise.all(sockets.map(run));
setTimeout(() => {
  isOver = true;
}, seconds * 1000).unref();
await done;
const took = (performance.now() - start) / 1000;
latencies.sort((a, b) => a - b);
const quantile = (share: number) => latencies[Math.floor(share * (latencies.length - 1))] ?? 0;
const result: UpdaterResult = {
  rate: latencies.length / took,
  refused,
  median: quantile(0.5),
  late: quantile(0.99),
};
process.stdout.write(`${JSON.stringify(result)}\n`);

/** Sends the next update when one is answered, until the time is up or none is left. */
function run(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const frames = new Frames();
    const sentAt = new Map<number, number>();
    const next = () => {
      if (isOver || sent === most) return;
      sentAt.set(sent & 0xffff, performance.now());
      socket.write(updates[sent++]!);
    };
    const answered = (octets: Uint8Array) => {
      const { id, rcode } = decodeHeader(octets);
      if (rcode === Rcode.NOERROR) latencies.push(performance.now() - sentAt.get(id)!);
      else refused++;
      sentAt.delete(id);
      next();
    };
    const together = (send: () => void) => {
      socket.cork();
      send();
      socket.uncork();
      if (sentAt.size > 0) return;
      socket.destroy();
      resolve();
    };
    socket.on("data", (piece: Buffer) => {
      frames.push(piece);
      together(() => {
        for (let octets = frames.next(); octets; octets = frames.next()) answered(octets);
      });
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`port ${port} closed the connection`)));
    together(() => {
      for (let i = 0; i < underWay; i++) next();
    });
  });
}
