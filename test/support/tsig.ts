/** The client's side of TSIG, honest or not. */
import assert from "node:assert/strict";
import { Class, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message } from "../../src/dns/message.ts";
import type { Name } from "../../src/dns/name.ts";
import { Rdata, writeRdata } from "../../src/dns/rdata.ts";
import {
  type SignedMessage,
  signTsig,
  splitTsig,
  type TsigKey,
  verifyTsig,
} from "../../src/dns/tsig.ts";
import { Writer } from "../../src/dns/writer.ts";

export type Tsig = SignedMessage["tsig"];

/** A signed request: its octets, and the MAC that its response must cover. */
export interface SignedRequest {
  readonly bytes: Buffer;
  readonly mac: Uint8Array;
}

/** Signs as an honest client would at `now`, in seconds since 1970. */
export function sign(message: Message, key: TsigKey, now: number): SignedRequest {
  return signTsig(encode(message), key, { now });
}

/** The same, with these fields in its TSIG, whatever the result. */
export function changed(
  { bytes, mac }: SignedRequest,
  fields: Partial<Tsig>,
  record: { class?: number; ttl?: number } = {},
): SignedRequest {
  const { body, tsig } = splitTsig(bytes)!;
  const all = { ...tsig, ...fields };
  return { bytes: append(body, all, record), mac: fields.mac ?? mac };
}

/** The octets with a TSIG record appended. */
export function append(
  message: Uint8Array,
  { key, algorithm, time, fudge, mac, originalId, error, other }: Tsig,
  record: { class?: number; ttl?: number } = {},
): Buffer {
  const writer = new Writer();
  writer.bytes(message);
  writer.setU16(10, Buffer.from(message).readUInt16BE(10) + 1);
  writer.name(key, false);
  writer.u16(Type.TSIG);
  writer.u16(record.class ?? Class.ANY);
  writer.u32(record.ttl ?? 0);
  const rdata = new Rdata(Type.TSIG, [algorithm, time, fudge, mac, originalId, error, other]);
  writer.withLength(() => writeRdata(writer, rdata, "none"));
  return writer.done();
}

/** The contents of a TSIG; fails if there is none. */
export function tsigOf(octets: Uint8Array): Tsig {
  const signed = splitTsig(octets);
  assert.ok(signed, "no TSIG");
  return signed.tsig;
}

export function hasTsig(octets: Uint8Array): boolean {
  return splitTsig(octets) !== undefined;
}

/** The response, which must be signed by this key for that request. */
export function verified(
  octets: Uint8Array,
  key: TsigKey,
  { mac, now, isContinuation = false }: { mac: Uint8Array; now: number; isContinuation?: boolean },
): Message {
  const signed = splitTsig(octets);
  assert.ok(signed, "no TSIG");
  const find = (name: Name) => (name.equals(key.name) ? key : undefined);
  const verdict = verifyTsig(signed, { find, now, priorMac: mac, isContinuation });
  assert.ok(verdict.isValid, `TSIG error ${verdict.isValid ? "" : verdict.error}`);
  return decode(octets);
}
