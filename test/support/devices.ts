/**
 * Many small devices in one program, each with its own address: they answer questions as they are told to,
 * and the times of all questions are printed. The first parameter is a Fleet as JSON; a line of JSON on
 * standard input is a FleetOrder.
 */
import { createSocket, type Socket } from "node:dgram";
import { createInterface } from "node:readline";
import { Class, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import { sleep } from "./wait.ts";

export interface Fleet {
  /** One device for each. */
  readonly addresses: readonly string[];
  readonly type: string;
  /** Instances are "NAME 1", "NAME 2", …, hosts "NAME-1.local". */
  readonly name: string;
  /** Instances of each device; 1 if not given. */
  readonly each?: number;
  /** Seconds; 120 if not given. */
  readonly ttl?: number;
  /** Least and most milliseconds from a question to its answer; 20 and 120 if not given (RFC 6762 §6). */
  readonly delay?: readonly [number, number];
}

export interface FleetOrder {
  /** Stops answering, or starts again. */
  readonly isMute?: boolean;
  /** Announces everything: instances per packet, packets in a burst, milliseconds between bursts. */
  readonly announce?: { readonly packet: number; readonly burst: number; readonly pause: number };
  /** Puts this into all TXT records, and announces them. */
  readonly text?: string;
  /** Sends a goodbye for everything. */
  readonly goodbye?: boolean;
  /**
   * Every so many milliseconds the next device changes its text, goes, or comes back. 0 ends that; then all
   * are present, with the text "settled".
   */
  readonly churn?: number;
}

/** What is printed for each question. */
export interface Asked {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly name: string;
  readonly type: number;
  readonly isUnicastWanted: boolean;
  readonly knownAnswers: number;
  readonly source: string;
}

interface Device {
  readonly socket: Socket;
  records: readonly ResourceRecord[];
  isGone?: boolean;
}

const GROUP = "224.0.0.251";
const PORT = 5353;
/** RFC 6762 §10.2 and §5.4: the top bit of the class. */
const FLUSH = 0x8000;
const MAX_ANSWERS = 10;
/** Milliseconds. */
const ANNOUNCED_AGAIN = 1050;

const fleet = JSON.parse(process.argv[2] ?? "") as Fleet;
const { each = 1, ttl = 120, delay = [20, 120] } = fleet;
const service = Name.parse(`${fleet.type}.local.`);
const enumeration = Name.parse("_services._dns-sd._udp.local.");
let isMute = false;
let churning: NodeJS.Timeout | undefined;
let steps = 0;

const print = (event: string, fields: object = {}) =>
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);

function recordsOf(device: number, address: string): ResourceRecord[] {
  const host = Name.parse(`${fleet.name.replaceAll(" ", "-")}-${device + 1}.local.`);
  const record = (name: Name, type: number, data: ResourceRecord["rdata"], isUnique = true) => ({
    ...{ name, type, class: isUnique ? Class.IN | FLUSH : Class.IN, ttl, rdata: data },
  });
  const instances = Array.from({ length: each }, (_, i) =>
    service.child(`${fleet.name} ${device * each + i + 1}`),
  );
  return [
    record(enumeration, Type.PTR, rdata.ptr(service), false),
    record(host, Type.A, rdata.a(address)),
    ...instances.flatMap((instance, i) => [
      record(service, Type.PTR, rdata.ptr(instance!), false),
      record(instance!, Type.SRV, rdata.srv(0, 0, 1_000 + device * each + i, host)),
      record(instance!, Type.TXT, rdata.txt(`number=${device * each + i + 1}`)),
    ]),
  ];
}

const devices: Device[] = fleet.addresses.map((address, number) => {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  socket.bind({ port: PORT, address }, () => {
    socket.setMulticastInterface(address);
    socket.setMulticastTTL(255);
  });
  return { socket, records: recordsOf(number, address) };
});

const respond = ({ socket }: Device, answers: readonly ResourceRecord[]) => {
  const message = makeMessage({ isResponse: true, isAuthoritative: true, answers });
  socket.send(encode(message, { compression: "multicast" }), PORT, GROUP);
};

function hear(bytes: Uint8Array, source: string, port: number): void {
  const query = decode(bytes, { isLenient: true });
  if (query.isResponse) return;
  const knownAnswers = query.answers.length;
  for (const { name, type, class: klass } of query.questions) {
    const isUnicastWanted = (klass & FLUSH) !== 0;
    const asked = { at: Date.now(), name: name.toString(), type, isUnicastWanted, knownAnswers };
    print("asked", { ...asked, source, port });
  }
  if (isMute) return;
  for (const device of devices) {
    if (device.isGone) continue;
    const answers = device.records.filter(
      (record) =>
        query.questions.some(
          ({ name, type }) =>
            name.equals(record.name) && (type === record.type || type === Type.ANY),
        ) &&
        !query.answers.some(
          (known) =>
            known.name.equals(record.name) &&
            known.ttl * 2 >= record.ttl &&
            known.rdata.equals(record.rdata),
        ),
    );
    if (answers.length === 0) continue;
    const wait = delay[0] + Math.random() * (delay[1] - delay[0]);
    setTimeout(() => {
      for (let at = 0; at < answers.length; at += MAX_ANSWERS) {
        respond(device, answers.slice(at, at + MAX_ANSWERS));
      }
    }, wait);
  }
}

async function obey(order: FleetOrder): Promise<void> {
  const { isMute: mute, announce: all, text, goodbye, churn } = order;
  if (mute !== undefined) isMute = mute;
  if (all !== undefined) {
    // An instance has three records; the two of the device itself go with its first packet.
    const size = all.packet * 3;
    let sent = 0;
    for (const device of devices) {
      for (let at = 0; at < device.records.length; at += size) {
        respond(device, device.records.slice(at, at + size));
        if (++sent % all.burst === 0) await sleep(all.pause);
      }
    }
    print("announced", { at: Date.now(), packets: sent });
  }
  if (text !== undefined) for (const device of devices) say(device, text);
  if (goodbye) {
    print("goodbye", { at: Date.now() });
    for (const device of devices) sayGoodbye(device);
  }
  if (churn !== undefined) {
    clearInterval(churning);
    if (churn > 0) churning = setInterval(step, churn);
    else for (const device of devices) comeBack(device, "settled");
    print("churning", { steps });
  }
}

/** The next device's turn; in each round a third of the devices does each of three things. */
function step(): void {
  const number = steps % devices.length;
  const device = devices[number]!;
  const round = Math.floor(steps++ / devices.length);
  if ((round + number) % 3 === 0) say(device, `step=${steps}`);
  else if ((round + number) % 3 === 1) sayGoodbye(device);
  else comeBack(device, `step=${steps}`);
}

function comeBack(device: Device, text: string): void {
  device.isGone = false;
  device.records = withText(device, text);
  announce(device, device.records);
}

function say(device: Device, text: string): void {
  device.records = withText(device, text);
  const texts = device.records.filter(({ type }) => type === Type.TXT);
  announce(device, texts);
}

/**
 * Announces twice (RFC 6762 §8.3): records announced within a second before the first are not flushed by it.
 */
function announce(device: Device, answers: readonly ResourceRecord[]): void {
  const { records } = device;
  respond(device, answers);
  setTimeout(() => {
    if (!device.isGone && device.records === records) respond(device, answers);
  }, ANNOUNCED_AGAIN);
}

function withText({ records }: Device, text: string): readonly ResourceRecord[] {
  const said = rdata.txt(text);
  return records.map((record) => (record.type === Type.TXT ? { ...record, rdata: said } : record));
}

function sayGoodbye(device: Device): void {
  device.isGone = true;
  respond(
    device,
    device.records.map((record) => ({ ...record, ttl: 0 })),
  );
}

const ear = createSocket({ type: "udp4", reuseAddr: true });
ear.on("message", (bytes, { address, port }) => hear(bytes, address, port));
ear.bind({ port: PORT, address: GROUP }, () => {
  ear.addMembership(GROUP, fleet.addresses[0]);
  print("ready");
});
createInterface(process.stdin).on("line", (line) => void obey(JSON.parse(line) as FleetOrder));
