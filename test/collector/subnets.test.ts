import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOn, subnetsOf } from "../../src/collector/subnets.ts";
import { addressOctets, baseAddress, hexOf } from "../../src/dns/address.ts";
import fc from "../support/fastcheck.ts";

const bytes = addressOctets;

describe("the subnets of a link", () => {
  it("are those of its addresses, each once, in the same order everywhere", () => {
    const addresses = [
      { family: 6, address: "2001:db8::1", prefix: 64 },
      { family: 4, address: "10.2.0.9", prefix: 16 },
      { family: 4, address: "10.1.0.9", prefix: 24 },
      { family: 4, address: "10.1.0.9", prefix: 16 },
      { family: 4, address: "10.1.255.1", prefix: 16 },
    ] as const;
    const bases = (of: typeof addresses | readonly (typeof addresses)[number][]) =>
      subnetsOf(of).map(({ base, prefix }) => `${hexOf(base)}/${prefix}`);
    const expected = [
      "0a010000/16",
      "0a010000/24",
      "0a020000/16",
      "20010db8000000000000000000000000/64",
    ];
    assert.deepEqual(bases(addresses), expected);
    assert.deepEqual(bases(addresses.toReversed()), expected);
  });

  it("are never link-local, nor of a single address", () => {
    const pair = subnetsOf([{ family: 4, address: "10.1.0.1", prefix: 31 }]);
    assert.deepEqual(pair, [{ base: bytes("10.1.0.0"), prefix: 31 }]);
    assert.deepEqual(
      subnetsOf([
        { family: 4, address: "169.254.1.1", prefix: 16 },
        { family: 6, address: "fe80::1", prefix: 64 },
        { family: 4, address: "10.1.0.1", prefix: 32 },
        { family: 6, address: "fd00::1", prefix: 128 },
      ]),
      [],
    );
  });

  it("contain the addresses with their base, and no others", () => {
    const address = fc.uint8Array({ minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(address, address, fc.integer({ min: 0, max: 32 }), (a, b, prefix) => {
        const subnet = { base: baseAddress(a, prefix), prefix };
        assert.ok(isOn([subnet], a));
        const isSame = hexOf(baseAddress(b, prefix)) === hexOf(subnet.base);
        assert.equal(isOn([subnet], b), isSame);
      }),
    );
    const [subnet] = subnetsOf([{ family: 4, address: "10.1.4.1", prefix: 22 }]);
    assert.ok(isOn([subnet!], bytes("10.1.7.255")));
    assert.ok(!isOn([subnet!], bytes("10.1.8.0")));
    assert.ok(!isOn([subnet!], bytes("a01:400::")));
    assert.ok(!isOn([], bytes("10.1.4.1")));
  });
});
