import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, it } from "node:test";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { FormatError } from "../../src/dns/format.ts";
import { makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import {
  refuseTsig,
  signTsig,
  splitTsig,
  type TsigKey,
  tsigAlgorithms,
  tsigLength,
  type VerifyOptions,
  verifyTsig,
} from "../../src/dns/tsig.ts";

const NOW = 1_700_000_000;
const key: TsigKey = {
  name: Name.parse("Paris.key."),
  algorithm: "hmac-sha256",
  secret: Buffer.from("0123456789abcdef0123456789abcdef"),
};
const query = encode(
  makeMessage({
    id: 0x1234,
    questions: [{ name: Name.parse("zone.test."), type: Type.SOA, class: Class.IN }],
  }),
);
const find = (name: Name) => (name.equals(key.name) ? key : undefined);

function verify(bytes: Uint8Array, options: Partial<VerifyOptions> = {}) {
  const signed = splitTsig(bytes);
  assert.ok(signed);
  return verifyTsig(signed, { find, now: NOW, ...options });
}

function errorOf(bytes: Uint8Array, options: Partial<VerifyOptions> = {}): Rcode | undefined {
  const verdict = verify(bytes, options);
  return verdict.isValid ? undefined : verdict.error;
}

describe("a TSIG", () => {
  it("TSIG-01: is made and verified with every algorithm of RFC 8945 §6 but MD5", () => {
    const sizes = ["1", "224", "256", "384", "512"];
    assert.deepEqual(
      tsigAlgorithms,
      sizes.map((size) => `hmac-sha${size}`),
    );
    for (const algorithm of tsigAlgorithms) {
      const own = { ...key, algorithm };
      const { bytes } = signTsig(query, own, { now: NOW });
      assert.equal(bytes.length, query.length + tsigLength(own));
      assert.ok(verify(bytes, { find: () => own }).isValid, algorithm);
    }
  });

  it("TSIG-02: is last in the additional section, once, or a format error", () => {
    const once = signTsig(query, key, { now: NOW }).bytes;
    const twice = signTsig(once, key, { now: NOW }).bytes;
    assert.throws(() => splitTsig(twice), FormatError);
    const asAnswer = Buffer.from(once);
    asAnswer.writeUInt16BE(1, 6);
    asAnswer.writeUInt16BE(0, 10);
    assert.throws(() => splitTsig(asAnswer), FormatError);
    assert.equal(splitTsig(query), undefined);
  });

  it("TSIG-03: is checked by key, then MAC, then time", () => {
    const bytes = Buffer.from(signTsig(query, key, { now: NOW - 1000 }).bytes);
    assert.equal(errorOf(bytes), Rcode.BADTIME);
    bytes[query.length + 60]! ^= 1;
    assert.equal(errorOf(bytes), Rcode.BADSIG);
    assert.equal(errorOf(bytes, { find: () => undefined }), Rcode.BADKEY);
  });

  it("TSIG-04: of an unknown key or algorithm is BADKEY", () => {
    const { bytes } = signTsig(query, key, { now: NOW });
    assert.equal(errorOf(bytes, { find: () => undefined }), Rcode.BADKEY);
    assert.equal(
      errorOf(bytes, { find: () => ({ ...key, algorithm: "hmac-sha1" }) }),
      Rcode.BADKEY,
    );
  });

  it("TSIG-05: is BADSIG after a change of the message or the MAC", () => {
    const { bytes } = signTsig(query, key, { now: NOW });
    for (const at of [2, 5, 13, 20]) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 0x20;
      // Only what still parses as a message can be verified at all.
      try {
        assert.equal(errorOf(changed), Rcode.BADSIG, `octet ${at}`);
      } catch (error) {
        assert.ok(error instanceof FormatError, `octet ${at}`);
      }
    }
    const secret = Buffer.from("another secret");
    assert.equal(errorOf(bytes, { find: () => ({ ...key, secret }) }), Rcode.BADSIG);
  });

  it("TSIG-06: outside its fudge is BADTIME, which is signed and has the server's time", () => {
    assert.equal(errorOf(signTsig(query, key, { now: NOW + 301 }).bytes), Rcode.BADTIME);
    assert.equal(errorOf(signTsig(query, key, { now: NOW + 300 }).bytes), undefined);
    const { bytes } = signTsig(query, key, {
      now: NOW,
      error: Rcode.BADTIME,
      client: { time: NOW - 900, fudge: 42 },
    });
    const tsig = splitTsig(bytes)!.tsig;
    assert.equal(tsig.time, NOW - 900);
    assert.equal(tsig.fudge, 42);
    assert.equal(Buffer.from(tsig.other).readUIntBE(0, 6), NOW);
    assert.ok(tsig.mac.length > 0);
  });

  it("TSIG-08: with a MAC that is too short or too long is a format error", () => {
    assert.equal(errorOf(withMac((mac) => mac.subarray(0, 15))), Rcode.FORMERR);
    assert.equal(errorOf(withMac((mac) => Buffer.concat([mac, mac]))), Rcode.FORMERR);
  });

  it("TSIG-08, TSIG-09: may have a MAC of ten octets and of half the digest, and no shorter", () => {
    const least = { "hmac-sha1": 10, "hmac-sha224": 14, "hmac-sha256": 16 };
    const longer = { "hmac-sha384": 24, "hmac-sha512": 32 };
    const lengths: Readonly<Record<string, number>> = { ...least, ...longer };
    for (const algorithm of tsigAlgorithms) {
      const own = { ...key, algorithm };
      const errorAt = (length: number) =>
        errorOf(
          withMac((mac) => mac.subarray(0, length), own),
          { find: () => own },
        );
      const length = lengths[algorithm]!;
      assert.equal(errorAt(length), Rcode.BADTRUNC, algorithm);
      assert.equal(errorAt(length - 1), Rcode.FORMERR, algorithm);
    }
  });

  it("TSIG-09: with a truncated MAC is BADTRUNC if that is right, and BADSIG if not", () => {
    assert.equal(errorOf(withMac((mac) => mac.subarray(0, 16))), Rcode.BADTRUNC);
    assert.equal(errorOf(withMac((mac) => mac.subarray(16, 32))), Rcode.BADSIG);
  });

  it("TSIG-11: does not depend on the case of the key's name", () => {
    const { bytes } = signTsig(query, { ...key, name: Name.parse("pArIs.KEY.") }, { now: NOW });
    assert.ok(verify(bytes).isValid);
    // Nor on the case that it was signed in.
    bytes.write("PARIS", query.length + 1);
    assert.equal(`${splitTsig(bytes)!.tsig.key}`, "PARIS.KEY.");
    assert.ok(verify(bytes).isValid);
  });

  it("TSIG-12: is valid after a relay has changed the id", () => {
    const relayed = Buffer.from(signTsig(query, key, { now: NOW }).bytes);
    relayed.writeUInt16BE(0x9999, 0);
    assert.ok(verify(relayed).isValid);
  });

  it("TSIG-13: of a response covers the MAC of its request", () => {
    const request = signTsig(query, key, { now: NOW });
    const response = signTsig(query, key, { now: NOW, priorMac: request.mac });
    assert.ok(verify(response.bytes, { priorMac: request.mac }).isValid);
    assert.equal(errorOf(response.bytes), Rcode.BADSIG);
  });

  it("TSIG-06, TSIG-11, TSIG-13: covers what RFC 8945 §4.3 lists, in that order", () => {
    // A name that ends like the algorithm's is not compressed either.
    const own = { ...key, name: Name.parse("Paris.HMAC-SHA256.") };
    const request = signTsig(query, own, { now: NOW });
    const client = { time: NOW - 900, fudge: 42 };
    const prior = { priorMac: request.mac };
    const late = signTsig(query, own, { now: NOW, error: Rcode.BADTIME, client, ...prior });
    const time = (seconds: number) => seconds.toString(16).padStart(12, "0");
    const algorithm = `0b${Buffer.from("hmac-sha256").toString("hex")}00`;
    const before = ["0020", Buffer.from(request.mac).toString("hex"), query.toString("hex")];
    const variables = [
      ...[`05${Buffer.from("paris").toString("hex")}${algorithm}`, "00ff", "00000000", algorithm],
      ...[time(NOW - 900), "002a", "0012", "0006", time(NOW)],
    ];
    const digest = (parts: readonly string[]) =>
      createHmac("sha256", key.secret).update(parts.join(""), "hex").digest("hex");
    assert.equal(Buffer.from(late.mac).toString("hex"), digest([...before, ...variables]));
  });

  it("TSIG-14: of a later message in a stream covers the unsigned ones before it", () => {
    const first = signTsig(query, key, { now: NOW });
    const context = { priorMac: first.mac, unsigned: [query, query], isContinuation: true };
    const later = signTsig(query, key, { now: NOW, ...context });
    assert.ok(verify(later.bytes, context).isValid);
    assert.equal(errorOf(later.bytes, { ...context, unsigned: [query] }), Rcode.BADSIG);
  });

  it("reports BADKEY unsigned", () => {
    const request = splitTsig(signTsig(query, key, { now: NOW }).bytes)!;
    const refusal = splitTsig(refuseTsig(query, request, Rcode.BADKEY))!;
    assert.equal(refusal.tsig.error, Rcode.BADKEY);
    assert.equal(refusal.tsig.mac.length, 0);
  });
});

/** The signed query, its MAC changed by `change`. */
function withMac(change: (mac: Uint8Array) => Uint8Array, own = key): Uint8Array {
  const { tsig } = splitTsig(signTsig(query, own, { now: NOW }).bytes)!;
  const algorithm = [own.algorithm.length, ...Buffer.from(own.algorithm), 0];
  const mac = change(tsig.mac);
  const name = [...Buffer.from("\x05Paris\x03key\x00", "latin1")];
  const time = Buffer.alloc(10);
  time.writeUIntBE(tsig.time, 0, 6);
  time.writeUInt16BE(tsig.fudge, 6);
  time.writeUInt16BE(mac.length, 8);
  const rdata = Buffer.from([...algorithm, ...time, ...mac, 0x12, 0x34, 0, 0, 0, 0]);
  const bytes = Buffer.from([
    ...query,
    ...name,
    0,
    250,
    0,
    255,
    0,
    0,
    0,
    0,
    rdata.length >> 8,
    rdata.length & 0xff,
    ...rdata,
  ]);
  bytes.writeUInt16BE(1, 10);
  return bytes;
}
