/**
 * Many small devices in one program, each with an address of its own: they answer what they are
 * asked as they are told to, and the times of all questions are printed. The first parameter is a
 * Fleet as JSON; a line of JSON on standard input changes it.
 */
import { createSocket, type Socket } from "node:dgram";
import { createInterface } from "node:readline";
import { Class, Type } from "../../src/dns/constants.ts";
import { decode, encode, makeMessage } from "../../src/dns/message.ts";
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
  /** Instances of each device: 1. */
  readonly each?: number;
  /** Seconds: 120. */
  readonly ttl?: number;
  /** Milliseconds from a question to its answer, least and most: 20 and 120 (RFC 6762 §6). */
  readonly delay?: readonly [number, number];
}

export interface FleetOrder {
  /** Answers nothing any more, or again. */
  readonly isMute?: boolean;
  /** Says everything unasked: instances a packet, packets at once, milliseconds between bursts. */
  readonly announce?: { readonly packet: number; readonly burst: number; readonly pause: number };
  /** Says so in all TXT records from now on, and at once. */
  readonly text?: string;
  /** Says that everything is gone. */
  readonly goodbye?: boolean;
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
}

const GROUP = "224.0.0.251";
const PORT = 5353;
/** RFC 6762 §10.2 and §5.4: the top bit of the class. */
const FLUSH = 0x8000;
const MAX_ANSWERS = 10;

const fleet = JSON.parse(process.argv[2] ?? "") as Fleet;
const { each = 1, ttl = 120, delay = [20, 120] } = fleet;
const service = Name.parse(`${fleet.type}.local.`);
const enumeration = Name.parse("_services._dns-sd._udp.local.");
let isMute = false;

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

async function obey({ isMute: mute, announce, text, goodbye }: FleetOrder): Promise<void> {
  if (mute !== undefined) isMute = mute;
  if (announce !== undefined) {
    // An instance has three records; the device's own two go with its first packet.
    const size = announce.packet * 3;
    let sent = 0;
    for (const device of devices) {
      for (let at = 0; at < device.records.length; at += size) {
        respond(device, device.records.slice(at, at + size));
        if (++sent % announce.burst === 0) await sleep(announce.pause);
      }
    }
    print("announced", { at: Date.now(), packets: sent });
  }
  if (text !== undefined) {
    const said = rdata.txt(text);
    for (const device of devices) {
      device.records = device.records.map((record) =>
        record.type === Type.TXT ? { ...record, rdata: said } : record,
      );
      respond(
        device,
        device.records.filter(({ type }) => type === Type.TXT),
      );
    }
  }
  if (goodbye) {
    print("goodbye", { at: Date.now() });
    for (const device of devices) {
      respond(
        device,
        device.records.map((record) => ({ ...record, ttl: 0 })),
      );
    }
  }
}

const ear = createSocket({ type: "udp4", reuseAddr: true });
ear.on("message", (bytes, { address, port }) => hear(bytes, address, port));
ear.bind({ port: PORT, address: GROUP }, () => {
  ear.addMembership(GROUP, fleet.addresses[0]);
  print("ready");
});
createInterface(process.stdin).on("line", (line) => void obey(JSON.parse(line) as FleetOrder));
