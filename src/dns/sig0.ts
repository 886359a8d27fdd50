/**
 * SIG(0), RFC 2931: a message signed with its sender's key. Works on octets, because the signature covers
 * the message as it was before the SIG record was appended, and that record's own fields (§3.1). Of the
 * DNSSEC algorithms, it supports those that RFC 9665 §6.6 asks for: ECDSA (RFC 6605) and EdDSA (RFC
 * 8080).
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { promisify } from "node:util";
import { Type } from "./constants.ts";
import type { Message } from "./message.ts";
import type { Rdata } from "./rdata.ts";
import { Reader } from "./reader.ts";
import type { ResourceRecord } from "./record.ts";
import { compareSerials } from "./serial.ts";

/** A message separated from its SIG(0). */
export interface Sig0Message {
  /** The octets that the signature is made over. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  readonly algorithm: number;
  /** Seconds since 1970 modulo 2^32, between which it is valid; 0 and 0 from a sender without a clock. */
  readonly inception: number;
  readonly expiration: number;
}

export function hasSig0({ additionals }: Message): boolean {
  return additionals.some(isSig0);
}

/** True for a SIG that signs the message it travels with, and is not data (§3). */
export function isSig0({ type, rdata }: Pick<ResourceRecord, "type" | "rdata">): boolean {
  return type === Type.SIG && rdata.wire.startsWith("\0\0");
}

/**
 * Undefined if the SIG record is not the last one, or not at the root (§3), or one of several (§3.2). The
 * signer's name in it may be compressed, as Thread's and Apple's devices send it; the signature covers it
 * spelled out.
 */
export function splitSig0(message: Message, bytes: Uint8Array): Sig0Message | undefined {
  const last = message.additionals.at(-1);
  if (last === undefined || !isSig0(last) || !last.name.isRoot) return undefined;
  if (message.additionals.filter(isSig0).length > 1) return undefined;
  const start = startOfLast(bytes);
  const head = bytes.subarray(start, start + 3);
  // An OPT record may follow it, which is not among the additionals.
  if (head[0] !== 0 || head[1] !== 0 || head[2] !== Type.SIG) return undefined;
  const { values, wire } = last.rdata;
  const { 1: algorithm, 4: expiration, 5: inception, 8: signature } = values;
  const body = Buffer.from(bytes.subarray(0, start));
  body.writeUInt16BE(body.readUInt16BE(ARCOUNT) - 1, ARCOUNT);
  const fields = wire.slice(0, wire.length - (signature as Uint8Array).length);
  return {
    signed: Buffer.concat([Buffer.from(fields, "latin1"), body]),
    ...{ signature, algorithm, inception, expiration },
  } as Sig0Message;
}

/** Its place in the header. */
const ARCOUNT = 10;

/** Where the last record of a message begins, which must have one. */
function startOfLast(bytes: Uint8Array): number {
  const reader = new Reader(bytes, 4);
  const questions = reader.u16();
  const records = reader.u16() + reader.u16() + reader.u16();
  for (let i = 0; i < questions; i++) {
    reader.skipName();
    reader.skip(4);
  }
  for (let i = 1; i < records; i++) {
    reader.skipName();
    reader.skip(8);
    reader.skip(reader.u16());
  }
  return reader.offset;
}

/** True if it was signed with this KEY and is valid at `now`, in seconds since 1970. */
export async function verifySig0(part: Sig0Message, key: Rdata, now: number): Promise<boolean> {
  const { signed, signature, algorithm, inception, expiration } = part;
  const isTimed = inception !== 0 || expiration !== 0;
  if (isTimed && (compareSerials(now, inception) < 0 || compareSerials(now, expiration) > 0)) {
    return false;
  }
  if (key.values[2] !== algorithm) return false;
  const known = publicKeyOf(key);
  if (known === undefined) return false;
  // Not on this thread: senders decide how often.
  return verifyElsewhere(known.hash, signed, known.key, signature);
}

const verifyElsewhere = promisify(
  (
    hash: string | null,
    data: Uint8Array,
    key: KeyObject,
    signature: Uint8Array,
    done: (error: Error | null, isValid: boolean) => void,
  ) => verify(hash, data, { key, dsaEncoding: "ieee-p1363" }, signature, done),
);

interface PublicKey {
  readonly key: KeyObject;
  /** Null if the algorithm has its own. */
  readonly hash: string | null;
}

/** By algorithm number (RFC 8624 §3.1). */
const curves: Readonly<
  Record<number, { kty: string; crv: string; octets: number; hash?: string }>
> = {
  13: { kty: "EC", crv: "P-256", octets: 64, hash: "sha256" },
  14: { kty: "EC", crv: "P-384", octets: 96, hash: "sha384" },
  15: { kty: "OKP", crv: "Ed25519", octets: 32 },
  16: { kty: "OKP", crv: "Ed448", octets: 57 },
};

/** Undefined if it is no valid key, or of another algorithm. */
function publicKeyOf({ values }: Rdata): PublicKey | undefined {
  const [, , algorithm, octets] = values as readonly [number, number, number, Uint8Array];
  const curve = curves[algorithm];
  if (curve === undefined || octets.length !== curve.octets) return undefined;
  const { kty, crv, hash = null } = curve;
  const text = (part: Uint8Array) => Buffer.from(part).toString("base64url");
  const half = octets.length / 2;
  const point =
    kty === "EC"
      ? { x: text(octets.subarray(0, half)), y: text(octets.subarray(half)) }
      : { x: text(octets) };
  try {
    return { hash, key: createPublicKey({ key: { kty, crv, ...point }, format: "jwk" }) };
  } catch {
    // Not a point of the curve.
    return undefined;
  }
}
