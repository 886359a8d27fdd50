import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  addressOctets,
  addressOfReverseName,
  baseAddress,
  formatAddress,
  isLinkLocal,
  parsePrefix,
  reverseName,
} from "../../src/dns/address.ts";
import { Name } from "../../src/dns/name.ts";
import * as arbitrary from "../support/arbitrary.ts";
import fc from "../support/fastcheck.ts";

const bytes = addressOctets;
const address = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);

describe("a reverse name", () => {
  it("has the octets or nibbles of its address in reverse", () => {
    assert.equal(String(reverseName(bytes("192.0.2.20"))), "20.2.0.192.in-addr.arpa.");
    // RFC 3596 §2.5.
    assert.equal(
      String(reverseName(bytes("4321:0:1:2:3:4:567:89ab"))),
      "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa.",
    );
  });

  it("yields its address again, in whatever case", () => {
    const upper = (name: Name) => Name.parse(String(name).toUpperCase());
    fc.assert(
      fc.property(address, (octets) => {
        assert.deepEqual(addressOfReverseName(reverseName(octets)), octets);
        assert.deepEqual(addressOfReverseName(upper(reverseName(octets))), octets);
      }),
    );
  });

  it("has no other form", () => {
    const none = [
      ...["in-addr.arpa.", "ip6.arpa.", "2.0.192.in-addr.arpa.", "1.20.2.0.192.in-addr.arpa."],
      ...["020.2.0.192.in-addr.arpa.", "256.2.0.192.in-addr.arpa.", "x.2.0.192.in-addr.arpa."],
      ...["0-63.2.0.192.in-addr.arpa.", "20.2.0.192.in-addr.example.", "*.2.0.192.in-addr.arpa."],
      ...[`${"0.".repeat(31)}ip6.arpa.`, `${"0.".repeat(33)}ip6.arpa.`],
      ...[`${"0.".repeat(31)}g.ip6.arpa.`, `${"0.".repeat(31)}00.ip6.arpa.`],
    ];
    for (const text of none) assert.equal(addressOfReverseName(Name.parse(text)), undefined, text);
    const suffix = fc.constantFrom(
      ...["in-addr.arpa.", "ip6.arpa."].map((text) => Name.parse(text)),
    );
    fc.assert(
      fc.property(arbitrary.name, suffix, (name, below) => {
        const whole = Name.join(name.labels, below);
        const octets = whole && addressOfReverseName(whole);
        if (octets !== undefined) assert.ok(reverseName(octets).equals(whole!));
      }),
    );
  });
});

describe("the base address of a subnet", () => {
  it("has all host bits zero, at any prefix length", () => {
    const base = (text: string, prefix: number) => baseAddress(bytes(text), prefix);
    assert.deepEqual(base("192.168.12.34", 16), bytes("192.168.0.0"));
    assert.deepEqual(base("10.77.6.9", 22), bytes("10.77.4.0"));
    assert.deepEqual(base("10.77.6.9", 0), bytes("0.0.0.0"));
    assert.deepEqual(base("10.77.6.9", 32), bytes("10.77.6.9"));
    assert.equal(formatAddress(base("2001:db8:1:2345::1", 60)), "2001:db8:1:2340::");
  });

  it("is the same for every address of the subnet, and for none outside it", () => {
    const whole = (octets: Uint8Array) =>
      [...octets].map((octet) => octet.toString(2).padStart(8, "0")).join("");
    fc.assert(
      fc.property(address, fc.nat(128), (octets, bits) => {
        const prefix = Math.min(bits, octets.length * 8);
        const expected = whole(octets)
          .slice(0, prefix)
          .padEnd(octets.length * 8, "0");
        assert.equal(whole(baseAddress(octets, prefix)), expected);
      }),
    );
  });
});

it("A prefix is an address with as many bits as its family allows, or with all", () => {
  for (const [text, length] of [
    ["192.0.2.0/24", 24],
    ["192.0.2.1/32", 32],
    ["192.0.2.1", 32],
    ["::/0", 0],
    ["fd00::1/128", 128],
    ["fd00::1", 128],
  ] as const) {
    assert.deepEqual(parsePrefix(text), { address: text.split("/")[0], length });
  }
  for (const text of ["192.0.2.0/33", "::/129", "10.0.0.0/8/8", "10.0.0.0/", "::/ 8", "x/8", ""]) {
    assert.equal(parsePrefix(text), undefined, text);
  }
});

it("An address with a scope has the octets of the address (RFC 4007 §11)", () => {
  assert.deepEqual(bytes("fe80::1%eth0"), bytes("fe80::1"));
});

it("Link-local is 169.254/16 and fe80::/10", () => {
  for (const text of ["169.254.0.0", "169.254.255.255", "fe80::1", "febf::1"]) {
    assert.ok(isLinkLocal(bytes(text)), text);
  }
  for (const text of [
    "169.253.0.1",
    "169.255.0.1",
    "10.254.0.1",
    "fec0::1",
    "fd00::1",
    "::1",
    "2001:db8::fe80",
  ]) {
    assert.ok(!isLinkLocal(bytes(text)), text);
  }
});
