/** A device that registers itself (RFC 9665), honest or not: its key, and the updates it signs. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { Class, Opcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { type Lease, leaseOption } from "../../src/dns/lease.ts";
import { type Message, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { Rdata, rdata, writeRdata } from "../../src/dns/rdata.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import { Writer } from "../../src/dns/writer.ts";

/** By their numbers in RFC 8624 §3.1. */
const algorithms = {
  13: { make: () => generateKeyPairSync("ec", { namedCurve: "P-256" }), hash: "sha256" },
  14: { make: () => generateKeyPairSync("ec", { namedCurve: "P-384" }), hash: "sha384" },
  15: { make: () => generateKeyPairSync("ed25519"), hash: null },
  16: { make: () => generateKeyPairSync("ed448"), hash: null },
} as const;

export interface Times {
  /** Seconds since 1970; 0 for a device without a clock. */
  readonly inception: number;
  readonly expiration: number;
}

export interface Signing extends Partial<Times> {
  /** The signer's name, as the device claims it. */
  readonly signer?: string;
  /** Other fields than an honest device has: where the SIG record is, and what it says that it is. */
  readonly owner?: Name;
  readonly covered?: number;
  readonly algorithm?: number;
}

const ANYBODY = "anybody.example.";

export class Requester {
  readonly algorithm: keyof typeof algorithms;
  /** The data of its KEY record. */
  readonly key: Rdata;
  readonly #secret: KeyObject;

  constructor(algorithm: keyof typeof algorithms = 13, flags = 0) {
    this.algorithm = algorithm;
    const { privateKey } = algorithms[algorithm].make();
    // Node 20 hangs if it exports a key as JWK while it collects the object that generated it.
    const der = { format: "der", type: "pkcs8" } as const;
    this.#secret = createPrivateKey({ key: privateKey.export(der), ...der });
    const { x = "", y = "" } = this.#secret.export({ format: "jwk" });
    const point = Buffer.concat([Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
    this.key = new Rdata(Type.KEY, [flags, 3, algorithm, new Uint8Array(point)]);
  }

  /** The octets with a SIG(0) appended (RFC 2931 §3.1). */
  sign(message: Message | Uint8Array, signing: Signing = {}): Buffer {
    const { signer = ANYBODY, inception = 0, expiration = 0 } = signing;
    const { owner, covered = 0, algorithm = this.algorithm } = signing;
    const body = Buffer.from(message instanceof Uint8Array ? message : encode(message));
    const of = (signature: Uint8Array) =>
      new Rdata(Type.SIG, [
        ...[covered, algorithm, 0, 0, expiration, inception, 0],
        ...[Name.parse(signer), signature],
      ]);
    const signed = Buffer.concat([of(new Uint8Array()).toWire(), body]);
    const key = { key: this.#secret, dsaEncoding: "ieee-p1363" } as const;
    const signature = sign(algorithms[this.algorithm].hash, signed, key);
    return appendSig0(body, of(new Uint8Array(signature)), owner);
  }
}

export function appendSig0(message: Uint8Array, sig: Rdata, owner = Name.root): Buffer {
  const writer = new Writer(undefined, { isCompressing: false });
  writer.bytes(message);
  writer.setU16(10, Buffer.from(message).readUInt16BE(10) + 1);
  writer.name(owner);
  writer.u16(Type.SIG);
  writer.u16(Class.ANY);
  writer.u32(0);
  writer.withLength(() => writeRdata(writer, sig, "none"));
  return writer.done();
}

/** An SRP Update for the domain. */
export function registering(
  domain: string,
  authorities: readonly ResourceRecord[],
  lease: Lease | undefined,
  fields: Partial<Message> = {},
): Message {
  const options = lease === undefined ? [] : [leaseOption(lease)];
  return makeMessage({
    ...{ id: 0x5352, opcode: Opcode.UPDATE, authorities },
    questions: [{ name: Name.parse(domain), type: Type.SOA, class: Class.IN }],
    edns: { udpSize: 1232, version: 0, dnssecOk: false, options },
    ...fields,
  });
}

//---- Instructions (RFC 9665 §3.3.1) ----

export const add = (name: string, data: Rdata, ttl = 10): ResourceRecord => ({
  ...{ name: Name.parse(name), type: data.type, class: Class.IN, ttl },
  rdata: data,
});

export const clear = (name: string): ResourceRecord => ({
  ...{ name: Name.parse(name), type: Type.ANY, class: Class.ANY, ttl: 0 },
  rdata: new Rdata(Type.ANY, ""),
});

export const remove = (name: string, data: Rdata): ResourceRecord => ({
  ...add(name, data, 0),
  class: Class.NONE,
});

export const pointer = (owner: string, target: string, ttl?: number) =>
  add(owner, rdata.ptr(Name.parse(target)), ttl);

export function host(name: string, key: Rdata, ...addresses: readonly string[]) {
  const records = addresses.map((address) =>
    add(name, address.includes(":") ? rdata.aaaa(address) : rdata.a(address)),
  );
  return [clear(name), add(name, key), ...records];
}

/** `instance` with escapes as DNS writes it: `Office\032Printer._ipp._tcp.z.example.` */
export function service(instance: string, target: string, port = 631, ...texts: readonly string[]) {
  const type = instance.replace(/^(\\.|[^.\\])+\./, "");
  return [
    pointer(type, instance),
    clear(instance),
    add(instance, rdata.srv(0, 0, port, Name.parse(target))),
    add(instance, rdata.txt(...texts)),
  ];
}
