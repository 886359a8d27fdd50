import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseType, Type } from "../../src/dns/constants.ts";
import { digestOf, keyTag, rrsigRdata, signedOctets } from "../../src/dns/dnssec.ts";
import { FormatError } from "../../src/dns/format.ts";
import { Name } from "../../src/dns/name.ts";
import { Rdata, rdata } from "../../src/dns/rdata.ts";
import type { RecordSet } from "../../src/dns/record.ts";
import { keyEvents, keyRoles, SigningKey, signingAlgorithms } from "../../src/dns/signingkey.ts";
import { formatRdata, parseRdataText } from "../../src/dns/text.ts";
import fc from "../support/fastcheck.ts";
import { isSignature } from "../support/validation.ts";
import { wordsOf } from "../support/words.ts";

/** The examples of RFC 8080 §6.1 and RFC 6605 §6.1: keys, their DS, a set and its signature. */
const examples = [
  {
    source: "RFC 8080 §6.1",
    key: "example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
    secret:
      "Private-key-format: v1.2\nAlgorithm: 15 (ED25519)\n" +
      "PrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\n",
    tag: 3613,
    ds: "3613 15 2 3AA5AB37EFCE57F737FC1627013FEE07BDF241BD10F3B1964AB55C78E79A304B",
    set: {
      name: Name.parse("example.com."),
      type: Type.MX,
      ttl: 3600,
      rdatas: [new Rdata(Type.MX, [10, Name.parse("mail.example.com.")])],
    },
    times: { expiration: 1440021600, inception: 1438207200 },
    signature:
      "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
  },
  {
    source: "RFC 6605 §6.1",
    key:
      "example.net. 3600 IN DNSKEY 257 3 13 " +
      "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
    secret:
      "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\n" +
      "PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\n",
    tag: 55648,
    ds: "55648 13 2 B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17",
    set: {
      name: Name.parse("www.example.net."),
      type: Type.A,
      ttl: 3600,
      rdatas: [rdata.a("192.0.2.1")],
    },
    times: { expiration: 1284026679, inception: 1281607479 },
    signature:
      "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
  },
] as const;

describe("SigningKey", () => {
  for (const { source, key, secret, tag, ds, set, times, signature } of examples) {
    it(`reads, digests and signs as in ${source}`, () => {
      const read = SigningKey.parse(key, secret);
      assert.equal(read.tag, tag);
      assert.equal(keyTag(read.dnskey), tag);
      assert.equal(formatRdata(digestOf(read.owner, read.dnskey)), ds);
      const upper = Name.parse(`${read.owner}`.toUpperCase());
      assert.equal(formatRdata(digestOf(upper, read.dnskey)), ds);
      const fields = { algorithm: read.number, tag, signer: read.owner, ...times };
      const octets = signedOctets(set, fields);
      assert.ok(isSignature(read.dnskey, octets, Buffer.from(signature, "base64")));
      assert.ok(isSignature(read.dnskey, octets, read.sign(octets)));
    });
  }

  it("reads what other tools write: split data, no TTL or class, other case, comments and blanks", () => {
    const { key, secret } = examples[1];
    const read = SigningKey.parse(key, secret);
    for (const [from, to] of [
      ["3600 IN ", ""],
      ["3600 ", ""],
      ["IN DNSKEY", "in dnskey"],
      ["edbkr", "edb kr"],
      ["example.net", "; a comment\nexample.net"],
    ] as const) {
      assert.ok(key.includes(from));
      const other = SigningKey.parse(key.replace(from, to), `${secret}Publish: 20250101000000 \n`);
      assert.ok(other.dnskey.equals(read.dnskey), to);
      assert.equal(other.times.Publish, Date.UTC(2025, 0, 1) / 1000);
    }
  });

  it("reads a number without the zeros that it begins with, as dnssec-keygen writes it", () => {
    const key =
      "example. IN DNSKEY 256 3 13 " +
      "jV3Fi0qo4iDnlWpvQAihUvzphrsjxpvMWIGFb9e1LkQ61NjYqx9lYyZP6UybrJ2tjYb7konAwSn4T0skp8hgMA==";
    const number = "RRYuJxb/cJ6CH/mCTlkFoIAY9C/lZQjvm1xgodzFDg==";
    const secretWith = (text: string) => `Algorithm: 13 (ECDSAP256SHA256)\nPrivateKey: ${text}\n`;
    assert.equal(Buffer.from(number, "base64").length, 31);
    const read = SigningKey.parse(key, secretWith(number));
    const octets = Buffer.from("octets");
    assert.ok(isSignature(read.dnskey, octets, read.sign(octets)));
    const again = SigningKey.parse(read.formatKey(), read.formatPrivateKey());
    assert.ok(again.dnskey.equals(read.dnskey));
  });

  it("names its files as BIND does, with no slash in them (RFC 2317)", () => {
    const { key, secret } = examples[0];
    const nameOf = (owner: string) =>
      SigningKey.parse(key.replace("example.com.", owner), secret).fileName;
    assert.equal(nameOf("Example.com."), "Kexample.com.+015+03613");
    assert.equal(nameOf("0/25.2.0.192.in-addr.arpa."), "K0\\04725.2.0.192.in-addr.arpa.+015+03613");
  });

  it("makes the signature of RFC 8080 §6.1, octet for octet", () => {
    const { key, secret, set, tag, times, signature } = examples[0];
    const read = SigningKey.parse(key, secret);
    const fields = { algorithm: 15, tag, signer: read.owner, ...times };
    const made = rrsigRdata(set, fields, read.sign(signedOctets(set, fields)));
    assert.equal(
      formatRdata(made),
      `MX 15 2 3600 20150819220000 20150729220000 3613 example.com. ${signature}`,
    );
  });

  it("is the same after writing and reading, with its times", () => {
    for (const algorithm of signingAlgorithms) {
      for (const role of keyRoles) {
        const times = Object.fromEntries(keyEvents.map((event, i) => [event, 100_000_000 * i]));
        const made = SigningKey.generate(Name.parse("Zone.example."), algorithm, role, times);
        const read = SigningKey.parse(made.formatKey(), made.formatPrivateKey());
        assert.ok(read.dnskey.equals(made.dnskey));
        assert.ok(read.owner.equals(made.owner));
        assert.deepEqual(read.times, times);
        assert.equal(read.isEntryPoint, role !== "zsk");
        const octets = Buffer.from("octets");
        assert.ok(isSignature(made.dnskey, octets, read.sign(octets)));
      }
    }
  });

  it("SEC-DNSSEC-17: reveals its secret only in its file", () => {
    const key = SigningKey.generate(Name.parse("zone.example."), "ed25519", "csk", {});
    const secret = /PrivateKey: (.*)/.exec(key.formatPrivateKey())![1]!;
    const shown = `${JSON.stringify(key)}${key.formatKey()}`;
    const octets = Buffer.from(secret, "base64");
    const forms = (["base64", "base64url", "hex"] as const).map((each) => octets.toString(each));
    assert.ok(![...forms, "#secret"].some((text) => shown.includes(text)));
  });

  it("refuses files that are not of one key, and keys that it cannot use", () => {
    const [a, b] = examples;
    const refused: readonly [string, string, RegExp][] = [
      [a.key, b.secret, /not of one key/],
      ["; nothing", a.secret, /no DNSKEY/],
      [a.key.replace("257 3", "257 4"), a.secret, /no DNSKEY/],
      [a.key, a.secret.replace("15", "8"), /expected 13/],
      [a.key, a.secret.replace(/PrivateKey.*/, "PrivateKey: AAAA"), /32 octets/],
      [a.key, a.secret.replace(/PrivateKey.*/, `PrivateKey: ${"A".repeat(48)}`), /32 octets/],
      [b.key, b.secret.replace(/PrivateKey.*/, `PrivateKey: ${"A".repeat(48)}`), /32 octets/],
      [b.key, b.secret.replace(/PrivateKey.*/, `PrivateKey: ${"A".repeat(43)}=`), /P-256/],
      [b.key, b.secret.replace(/PrivateKey.*/, "PrivateKey: AAAA"), /P-256/],
      [b.key, b.secret.replace(/PrivateKey.*/, ""), /32 octets/],
      [a.key, `${a.secret}Publish: soon\n`, /soon/],
    ];
    for (const [key, secret, why] of refused) {
      assert.throws(
        () => SigningKey.parse(key, secret),
        (error) => error instanceof FormatError && why.test(error.message),
      );
    }
  });
});

describe("signed data", () => {
  const fields = {
    ...{ algorithm: 13, tag: 1, inception: 0, expiration: 1 },
    signer: Name.parse("example."),
  };
  const srv = (target: string) => rdata.srv(0, 0, 1, Name.parse(target));
  const octets = (owner: string, type: number, rdatas: readonly Rdata[]) => {
    const set: RecordSet = { name: Name.parse(owner), type, ttl: 10, rdatas };
    return Buffer.from(signedOctets(set, fields)).toString("hex");
  };

  it("does not depend on the order of the records, or on the case of names", () => {
    const hosts = fc.array(fc.stringMatching(/^[a-zA-Z]{1,5}$/), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(hosts, (labels) => {
        const targets = [...new Set(labels.map((label) => label.toLowerCase()))];
        const upper = targets.map((label) => srv(`${label.toUpperCase()}.example.`)).reverse();
        assert.equal(
          octets(
            "a.example.",
            Type.SRV,
            targets.map((label) => srv(`${label}.example.`)),
          ),
          octets("A.EXAMPLE.", Type.SRV, upper),
        );
      }),
    );
  });

  it("is in the order of its octets, a prefix first (RFC 4034 §6.3)", () => {
    const data = (hex: string) => rdata.opaque(65280, Buffer.from(hex, "hex"));
    const made = octets("a.", 65280, ["02", "0102", "01"].map(data));
    const own = "016100ff0000010000000a";
    assert.ok(made.endsWith(`${own}000101${own}00020102${own}000102`), made);
  });

  it("has names in lower case in those types of RFC 4034 §6.2 that are in use", () => {
    for (const [type, line] of [
      ...["NS", "CNAME", "PTR", "DNAME"].map((type) => [type, "A."] as const),
      ...["MX", "AFSDB", "RT", "KX"].map((type) => [type, "1 A."] as const),
      ["SOA", "A. B. 1 1 1 1 1"],
      ["MINFO", "A. B."],
      ["RP", "A. B."],
      ["PX", "1 A. B."],
      ["SRV", "0 0 1 A."],
      ["NAPTR", '1 1 "" "" "" A.'],
    ] as const) {
      const [upper, lower] = [line, line.toLowerCase()].map((text) => {
        const data = parseRdataText(parseType(type)!, wordsOf(text), Name.root);
        return octets("a.", data.type, [data]);
      });
      assert.equal(upper, lower, type);
    }
  });

  it("keeps the case in types that RFC 4034 §6.2 does not name (RFC 6840 §5.1)", () => {
    const nsec = (next: string) => new Rdata(Type.NSEC, [Name.parse(next), Buffer.of(0, 1, 64)]);
    assert.notEqual(octets("a.", Type.NSEC, [nsec("b.")]), octets("a.", Type.NSEC, [nsec("B.")]));
  });

  it("has times modulo 2^32 (RFC 4034 §3.1.5)", () => {
    const set = { name: Name.root, type: Type.A, ttl: 1, rdatas: [rdata.a("10.0.0.1")] };
    const times = { expiration: 2 ** 32 + 5, inception: 2 ** 32 + 4 };
    const made = rrsigRdata(set, { ...fields, ...times });
    for (const { values } of [made, new Rdata(Type.RRSIG, made.wire)]) {
      assert.deepEqual(values.slice(4, 6), [5, 4]);
    }
  });

  it("does not count an asterisk in front as a label (RFC 4034 §3.1.3)", () => {
    const labels = (owner: string) =>
      rrsigRdata(
        { name: Name.parse(owner), type: Type.A, ttl: 1, rdatas: [rdata.a("10.0.0.1")] },
        fields,
      ).values[2];
    assert.deepEqual([".", "a.", "*.a.", "b.*.a.", "**.a."].map(labels), [0, 1, 1, 3, 2]);
  });
});
