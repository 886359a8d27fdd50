/**
 * The way of a record: from the arrival of a device's announcement until the first unicast answer with it.
 * The gateway is a process of its own; the way to it and back is part of the figure.
 */
import { fork } from "node:child_process";
import { createSocket } from "node:dgram";
import { join } from "node:path";
import { Class, Rcode, Type } from "../src/dns/constants.ts";
import { encode } from "../src/dns/encode.ts";
import { decodeHeader, makeMessage } from "../src/dns/message.ts";
import { Name } from "../src/dns/name.ts";
import { rdata } from "../src/dns/rdata.ts";
import { LOCAL } from "../src/dns/service.ts";
import { freePort } from "../test/support/freeport.ts";
import { temporaryFolder } from "../test/support/gateway.ts";
import { sleep } from "../test/support/wait.ts";
import { answering, quantile } from "./contest.ts";
import { ORIGIN } from "./office.ts";

export interface WayOptions {
  /** Services present before the first is measured. */
  readonly present: number;
  readonly samples: number;
  /** Milliseconds between one service and the next. */
  readonly spacing: number;
}

/** Milliseconds until the gateway has asked for all that it heard at once. */
const SETTLING = 5000;

const FLUSH = Class.IN | 0x8000;

function announcement(number: number): { hex: string; source: string } {
  const type = Name.parse(`_type${number % 20}._tcp`, LOCAL);
  const instance = type.child(`Office Printer ${number}`)!;
  const host = Name.parse(`printer-${number}`, LOCAL);
  const source = `10.1.${(number >> 8) + 1}.${number & 255}`;
  const record = (name: Name, klass: number, data: ReturnType<typeof rdata.ptr>) => ({
    ...{ name, type: data.type, class: klass, ttl: 4500, rdata: data },
  });
  const answers = [
    record(type, Class.IN, rdata.ptr(instance)),
    record(instance, FLUSH, rdata.srv(0, 0, 631, host)),
    record(instance, FLUSH, rdata.txt("txtvers=1")),
    record(host, FLUSH, rdata.a(source)),
  ];
  const message = makeMessage({ isResponse: true, isAuthoritative: true, answers });
  return { hex: encode(message, { compression: "multicast" }).toString("hex"), source };
}

function question(number: number): Buffer {
  const name = Name.parse(`Office\\032Printer\\032${number}._type${number % 20}._tcp.site`, ORIGIN);
  return encode(makeMessage({ questions: [{ name, type: Type.SRV, class: Class.IN }] }));
}

export async function way(
  { present, samples, spacing }: WayOptions,
  print: (line: string) => void,
) {
  const port = await freePort();
  const program = join(import.meta.dirname, "programs", "gateway.js");
  const child = fork(program, [`${port}`, temporaryFolder()]);
  const socket = createSocket("udp4");
  /** Asks over and over until the answer has it. */
  const seen = (number: number) =>
    new Promise<void>((resolve) => {
      const query = question(number);
      const ask = () => socket.send(query, port, "127.0.0.1");
      socket.removeAllListeners("message").on("message", (octets) => {
        if (decodeHeader(octets).rcode === Rcode.NOERROR) resolve();
        else ask();
      });
      ask();
    });
  try {
    await answering(port, child);
    for (let number = 0; number < present; number++) child.send(announcement(number));
    await seen(present - 1);
    // The burst at the start is another matter.
    await sleep(SETTLING);
    const times: number[] = [];
    for (let number = present; number < present + samples; number++) {
      const start = performance.now();
      child.send(announcement(number));
      await seen(number);
      times.push(performance.now() - start);
      // Out of step with whatever the gateway does at intervals.
      await sleep(spacing + ((number * 37) % 100));
    }
    print(
      `from packet to answer, beside ${present.toLocaleString("en")} services: ` +
        `p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms`,
    );
  } finally {
    socket.close();
    child.kill("SIGKILL");
  }
}
