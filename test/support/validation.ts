/** Checks, as a validator does (RFC 4035 §5.3), that these keys have signed the record sets of an answer. */
import assert from "node:assert/strict";
import { verify } from "node:crypto";
import { Type, typeName } from "../../src/dns/constants.ts";
import { keyTag, signedOctets } from "../../src/dns/dnssec.ts";
import type { Name } from "../../src/dns/name.ts";
import type { Rdata } from "../../src/dns/rdata.ts";
import type { RecordSet, ResourceRecord } from "../../src/dns/record.ts";

export interface Rrsig {
  readonly covered: number;
  readonly algorithm: number;
  readonly labels: number;
  readonly originalTtl: number;
  readonly expiration: number;
  readonly inception: number;
  readonly tag: number;
  readonly signer: Name;
  readonly signature: Uint8Array;
}

export function rrsigOf({ values }: Rdata): Rrsig {
  const [covered, algorithm, labels, originalTtl, expiration, inception, tag, signer, signature] =
    values;
  const fields = { covered, algorithm, labels, originalTtl, expiration, inception, tag };
  return { ...fields, signer, signature } as Rrsig;
}

/** The RRSIGs over a set in a section. */
export function rrsigsOver(
  section: readonly ResourceRecord[],
  { name, type }: Pick<RecordSet, "name" | "type">,
): Rrsig[] {
  return section
    .filter((record) => record.type === Type.RRSIG && record.name.equals(name))
    .map(({ rdata }) => rrsigOf(rdata))
    .filter(({ covered }) => covered === type);
}

/** The sets of a section, without the RRSIGs. */
export function setsOf(section: readonly ResourceRecord[]): RecordSet[] {
  const sets = new Map<string, ResourceRecord[]>();
  for (const record of section) {
    if (record.type === Type.RRSIG) continue;
    const key = `${record.type} ${record.name.key}`;
    sets.set(key, [...(sets.get(key) ?? []), record]);
  }
  return [...sets.values()].map((records) => {
    const { name, type, ttl } = records[0]!;
    return { name, type, ttl, rdatas: records.map((record) => record.rdata) };
  });
}

/**
 * Asserts that each set of the section has a signature, by one of the keys, for every algorithm among them,
 * valid at `time` (seconds); `unsigned` are sets without any, as "name TYPE".
 */
export function assertSigned(
  section: readonly ResourceRecord[],
  keys: readonly Rdata[],
  time: number,
  unsigned: readonly string[] = [],
): void {
  for (const set of setsOf(section)) {
    const what = `${set.name} ${typeName(set.type)}`;
    const rrsigs = rrsigsOver(section, set);
    if (unsigned.includes(what)) {
      assert.equal(rrsigs.length, 0, what);
      continue;
    }
    for (const algorithm of new Set(keys.map(({ values }) => values[2]))) {
      assert.ok(
        rrsigs.some((rrsig) => rrsig.algorithm === algorithm && isValid(set, rrsig, keys, time)),
        `${what} is signed with algorithm ${algorithm}`,
      );
    }
    assert.ok(
      rrsigs.every((rrsig) => isValid(set, rrsig, keys, time)),
      what,
    );
  }
}

export function isValid(
  set: RecordSet,
  rrsig: Rrsig,
  keys: readonly Rdata[],
  time: number,
): boolean {
  const { algorithm, tag, signer, inception, expiration, signature, originalTtl } = rrsig;
  if (time < inception || time > expiration || originalTtl !== set.ttl) return false;
  const octets = signedOctets(set, { algorithm, tag, signer, inception, expiration });
  return keys.some(
    (key) =>
      key.values[2] === algorithm && keyTag(key) === tag && isSignature(key, octets, signature),
  );
}

/** Whether the secret of this DNSKEY made the signature. */
export function isSignature(dnskey: Rdata, octets: Uint8Array, signature: Uint8Array): boolean {
  const [, , algorithm, point] = dnskey.values as [number, number, number, Uint8Array];
  const text = (part: Uint8Array) => Buffer.from(part).toString("base64url");
  const jwk =
    algorithm === 15
      ? { kty: "OKP", crv: "Ed25519", x: text(point) }
      : { kty: "EC", crv: "P-256", x: text(point.subarray(0, 32)), y: text(point.subarray(32)) };
  const publicKey = { key: jwk, format: "jwk", dsaEncoding: "ieee-p1363" } as const;
  return verify(algorithm === 15 ? null : "sha256", octets, publicKey, signature);
}
