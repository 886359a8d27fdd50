/**
 * DNSSEC as octets (RFC 4034): keys and their tags, digests of keys, and the canonical form of a record
 * set, over which a signature is made. Nothing here signs; `signingkey.ts` does.
 *
 * Invariant: what is signed does not depend on the case of names, on the order of the records, or on
 * how a message compresses them (RFC 4034 §6).
 */
import { createHash } from "node:crypto";
import { Class, Type } from "./constants.ts";
import { isFolded } from "./fields.ts";
import type { Name } from "./name.ts";
import { Rdata } from "./rdata.ts";
import type { RecordSet } from "./record.ts";
import { Writer } from "./writer.ts";

/** Flags of a DNSKEY (RFC 4034 §2.1.1): the key signs a zone; a DS points to the key. */
export const ZONE_KEY = 0x0100;
export const SECURE_ENTRY_POINT = 0x0001;

/** RFC 4034 §2.1.2. */
const PROTOCOL = 3;
/** SHA-256 (RFC 4509): the only digest type that all must support and may create (RFC 8624 §3.3). */
const SHA_256 = 2;

export function dnskeyRdata(flags: number, algorithm: number, publicKey: Uint8Array): Rdata {
  return new Rdata(Type.DNSKEY, [flags, PROTOCOL, algorithm, publicKey]);
}

/** The sum by which a signature names its key (RFC 4034 appendix B). */
export function keyTag(dnskey: Rdata): number {
  let sum = 0;
  dnskey.toWire().forEach((octet, i) => {
    sum += i & 1 ? octet : octet << 8;
  });
  return (sum + (sum >> 16)) & 0xffff;
}

/** A key's digest: the parent's DS (RFC 4034 §5.1.4), or the child's CDS for the parent (RFC 7344 §3.1). */
export function digestOf(
  owner: Name,
  dnskey: Rdata,
  type: typeof Type.DS | typeof Type.CDS = Type.DS,
): Rdata {
  const digest = createHash("sha256")
    .update(owner.toLowerCase().wire, "latin1")
    .update(dnskey.toWire())
    .digest();
  return new Rdata(type, [keyTag(dnskey), dnskey.values[2]!, SHA_256, digest]);
}

/** An RRSIG without the signature (RFC 4034 §3.1). */
export interface SignatureFields {
  readonly algorithm: number;
  readonly tag: number;
  /** The origin of the zone. */
  readonly signer: Name;
  /** Seconds since 1970, modulo 2^32 as they are sent (RFC 4034 §3.1.5). */
  readonly inception: number;
  readonly expiration: number;
}

/** The RRSIG of a set; without a signature, it is what precedes the set in the octets to be signed. */
export function rrsigRdata(
  set: RecordSet,
  fields: SignatureFields,
  signature: Uint8Array = NONE,
): Rdata {
  return new Rdata(Type.RRSIG, [
    set.type,
    fields.algorithm,
    labelCount(set.name),
    set.ttl,
    fields.expiration >>> 0,
    fields.inception >>> 0,
    fields.tag,
    fields.signer.toLowerCase(),
    signature,
  ]);
}

/** The octets a signature is made over (RFC 4034 §3.1.8.1). */
export function signedOctets(set: RecordSet, fields: SignatureFields): Uint8Array {
  const writer = new Writer(512, { isCompressing: false });
  writer.text(rrsigRdata(set, fields).wire);
  const owner = set.name.toLowerCase();
  for (const data of set.rdatas.map(canonicalRdata).sort(compareText)) {
    writer.name(owner);
    writer.u16(set.type);
    writer.u16(Class.IN);
    writer.u32(set.ttl);
    writer.u16(data.length);
    writer.text(data);
  }
  return writer.done();
}

/** One UTF-16 unit an octet, so that the order of strings is the order of RFC 4034 §6.3. */
function canonicalRdata(data: Rdata): string {
  return isFolded(data.type) ? data.key : data.wire;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Without the root and without a leading asterisk (RFC 4034 §3.1.3). */
function labelCount(name: Name): number {
  return name.labels.length - (name.isWildcard ? 1 : 0);
}

const NONE = new Uint8Array();
