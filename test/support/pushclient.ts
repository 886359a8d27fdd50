/**
 * A client of DNS Push (RFC 8490, RFC 8765), written from the octets up so that it does not share the
 * server's mistakes: it records what it has asked for and received, and how its connection ended.
 */
import { connect, type TLSSocket } from "node:tls";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import { Name } from "../../src/dns/name.ts";
import { readRdata } from "../../src/dns/rdata.ts";
import { Reader } from "../../src/dns/reader.ts";
import { formatRdata } from "../../src/dns/text.ts";
import { Frames, frame } from "../../src/net/framing.ts";
import { waitFor } from "./wait.ts";

/** A message as it was received. */
export interface Received {
  readonly octets: Buffer;
  readonly id: number;
  readonly isResponse: boolean;
  readonly opcode: number;
  readonly rcode: number;
  readonly counts: readonly number[];
  /** The types and data of a stateful message. */
  readonly tlvs: readonly (readonly [type: number, data: Buffer])[];
}

/** One notice of a PUSH, readable. */
export interface Told {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  /** "" where there is none. */
  readonly data: string;
}

export interface ConnectOptions {
  readonly ca?: string;
  readonly servername?: string;
  /** A TLS session to resume. */
  readonly session?: Buffer;
  readonly localAddress?: string;
}

const PUSH = 0x41;

export class PushClient {
  readonly received: Received[] = [];
  /** All notices, in order. */
  readonly told: Told[] = [];
  /** How the connection ended: "end" for a FIN, else the error's code. */
  ended: string | undefined;
  /** Lets a later connection resume the TLS session; undefined until the server has sent it. */
  ticket: Buffer | undefined;
  readonly #socket: TLSSocket;
  readonly #frames = new Frames();
  readonly #onMessage: (message: Received) => void;

  private constructor(socket: TLSSocket, onMessage: (message: Received) => void) {
    this.#socket = socket;
    this.#onMessage = onMessage;
    socket.on("data", (piece: Buffer) => {
      this.#frames.push(piece);
      for (let next = this.#frames.next(); next !== undefined; next = this.#frames.next()) {
        this.#receive(Buffer.from(next));
      }
    });
    socket.on("session", (ticket: Buffer) => {
      this.ticket = ticket;
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.ended ??= error.code;
    });
    socket.on("end", () => {
      this.ended ??= "end";
      socket.end();
    });
    socket.on("close", () => {
      this.ended ??= "close";
    });
  }

  static async connect(
    { address, port }: Endpoint,
    options: ConnectOptions = {},
    /** Called with each message, once its notices are recorded. */
    onMessage: (message: Received) => void = () => {},
  ): Promise<PushClient> {
    const rejectUnauthorized = options.ca !== undefined;
    const socket = connect({ host: address, port, rejectUnauthorized, ...options });
    const client = new PushClient(socket, onMessage);
    await waitFor("a handshake", () => {
      if (client.ended !== undefined) throw new Error(`the connection ended: ${client.ended}`);
      return socket.getProtocol() !== null && !socket.connecting && socket.getCipher()?.name;
    });
    return client;
  }

  /** Octets of messages, each with its length in front, in one write. */
  send(...messages: readonly Uint8Array[]): void {
    this.#socket.write(Buffer.concat(messages.map(frame)));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Closes as a client does that has finished. */
  close(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The response with this message id. */
  async response(id: number): Promise<Received> {
    return await waitFor(`a response to ${id}`, () => {
      if (this.ended !== undefined) throw new Error(`the connection ended: ${this.ended}`);
      return this.received.find((each) => each.isResponse && each.id === id);
    });
  }

  /** Subscribes, and returns the RCODE. */
  async subscribe(id: number, name: string, type: number, klass = 1): Promise<number> {
    this.send(subscribe(id, name, type, klass));
    return (await this.response(id)).rcode;
  }

  /** True if it has resumed the TLS session of its ticket. */
  get isResumed(): boolean {
    return this.#socket.isSessionReused();
  }

  get pushes(): Received[] {
    return this.received.filter(({ tlvs }) => tlvs[0]?.[0] === PUSH);
  }

  /** What a client that applies all notices knows: "type name data", sorted. */
  known(): string[] {
    const known = new Map<string, Told>();
    for (const each of this.told) apply(known, each);
    return [...known.values()].map(({ type, name, data }) => `${type} ${name} ${data}`).sort();
  }

  #receive(octets: Buffer): void {
    const message = received(octets);
    this.received.push(message);
    if (message.tlvs[0]?.[0] === PUSH) this.told.push(...toldIn(octets));
    this.#onMessage(message);
  }
}

export function received(octets: Buffer): Received {
  const flags = octets.readUInt16BE(2);
  const opcode = (flags >> 11) & 0xf;
  const tlvs: [number, Buffer][] = [];
  for (let at = 12; opcode === 6 && at < octets.length; ) {
    const length = octets.readUInt16BE(at + 2);
    tlvs.push([octets.readUInt16BE(at), octets.subarray(at + 4, at + 4 + length)]);
    at += 4 + length;
  }
  return {
    ...{ octets, opcode, tlvs },
    id: octets.readUInt16BE(0),
    isResponse: flags >= 0x8000,
    rcode: flags & 0xf,
    counts: [4, 6, 8, 10].map((at) => octets.readUInt16BE(at)),
  };
}

/** The notices of a PUSH. */
export function toldIn(octets: Uint8Array): Told[] {
  const told: Told[] = [];
  const reader = new Reader(octets, 16);
  while (reader.left > 0) {
    const name = reader.name();
    const [type, klass, ttl, length] = [reader.u16(), reader.u16(), reader.u32(), reader.u16()];
    const rdata = readRdata(reader, type, length);
    const data = rdata.isEmpty ? "" : formatRdata(rdata);
    told.push({ name: `${name}`, type, class: klass, ttl, data });
  }
  return told;
}

/** Applies a notice to `known`, whose keys are "type name data", folded. Returns the keys concerned. */
export function apply(known: Map<string, Told>, notice: Told): string[] {
  const { name, type, ttl, data } = notice;
  const at = name.toLowerCase();
  if (ttl === 0xfffffffe) {
    const gone = [...known.keys()].filter((key) => {
      const [of, owner] = key.split(" ");
      return owner === at && (type === 255 || Number(of) === type);
    });
    for (const key of gone) known.delete(key);
    return gone;
  }
  const key = `${type} ${at} ${data.toLowerCase()}`;
  if (ttl === 0xffffffff) return known.delete(key) ? [key] : [];
  known.set(key, notice);
  return [key];
}

//---- What clients send ----

/** A message of opcode 6 with these octets behind its header. */
export function stateful(id: number, body: Uint8Array, flags = 0): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id);
  header.writeUInt16BE((6 << 11) | flags, 2);
  return Buffer.concat([header, body]);
}

export function tlv(type: number, data: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type);
  head.writeUInt16BE(data.length, 2);
  return Buffer.concat([head, data]);
}

/** Name, type and class, as in a SUBSCRIBE and at the beginning of a RECONFIRM. */
export function what(name: string, type: number, klass = 1): Buffer {
  const numbers = Buffer.alloc(4);
  numbers.writeUInt16BE(type);
  numbers.writeUInt16BE(klass, 2);
  return Buffer.concat([Buffer.from(Name.parse(name).wire, "latin1"), numbers]);
}

export function subscribe(id: number, name: string, type: number, klass = 1): Buffer {
  return stateful(id, tlv(0x40, what(name, type, klass)));
}

/** Reports a record that could not be reached. */
export function reconfirm(name: string, type: number, data: Uint8Array, klass = 1): Buffer {
  return stateful(0, tlv(0x43, Buffer.concat([what(name, type, klass), data])));
}

export function unsubscribe(id: number): Buffer {
  const data = Buffer.alloc(2);
  data.writeUInt16BE(id);
  return stateful(0, tlv(0x42, data));
}

/** Both in milliseconds. */
export function keepalive(id: number, inactivity: number, interval: number): Buffer {
  return stateful(id, tlv(1, timeouts(inactivity, interval)));
}

export function timeouts(inactivity: number, interval: number): Buffer {
  const data = Buffer.alloc(8);
  data.writeUInt32BE(inactivity);
  data.writeUInt32BE(interval, 4);
  return data;
}
