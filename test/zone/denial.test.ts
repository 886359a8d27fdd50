import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bitmapTypes } from "../../src/dns/bitmap.ts";
import { Type } from "../../src/dns/constants.ts";
import { compareNames, Name } from "../../src/dns/name.ts";
import { nsecSet } from "../../src/zone/dnssec/denial.ts";
import { name as anyName, label } from "../support/arbitrary.ts";
import fc from "../support/fastcheck.ts";

const origin = Name.parse("z.example.");
const nextOf = (name: Name, isCut = false): Name =>
  nsecSet({ name, isCut, origin, types: [], ttl: 1 }).rdatas[0]!.values[0] as Name;

/** Names beneath the origin, often as long as a name can be. */
const inZone = fc.array(label, { minLength: 1, maxLength: 8 }).map((labels) => {
  for (let from = 0; ; from++) {
    const name = Name.join(labels.slice(from), origin);
    if (name !== undefined) return name;
  }
});

describe("an NSEC made for one name", () => {
  it("SEC-DNSSEC-08: is owned by it and covers no other possible name of the zone", () => {
    fc.assert(
      fc.property(inZone, anyName, (name, other) => {
        const next = nextOf(name);
        const isLast = next.equals(origin);
        assert.ok(isLast || compareNames(name, next) < 0);
        const isBetween =
          compareNames(name, other) < 0 && (isLast || compareNames(other, next) < 0);
        // No name of the zone follows its last one.
        assert.ok(!isBetween || !other.isUnder(origin));
      }),
      { numRuns: 2000 },
    );
  });

  it("SEC-DNSSEC-12: for a delegation has a next name after all that is beneath it", () => {
    fc.assert(
      fc.property(inZone, label, (name, below) => {
        const next = nextOf(name, true);
        const child = name.child(below);
        assert.ok(!next.isUnder(name) || next.equals(origin));
        if (child !== undefined && !next.equals(origin)) {
          assert.ok(compareNames(name, child) < 0 && compareNames(child, next) < 0);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("SEC-DNSSEC-08, 12: has the next name that fits, if the name has no room for a label or an octet", () => {
    const long = (last: string) =>
      Name.parse(`${last}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(52)}`, origin);
    for (const [owner, next] of [
      ["a".repeat(60), `\\000.${"a".repeat(60)}`],
      ["a".repeat(61), `${"a".repeat(61)}\\000`],
      ["a".repeat(62), `${"a".repeat(61)}b`],
      [`${"a".repeat(61)}\\255`, `${"a".repeat(60)}b`],
      [`${"a".repeat(61)}\\254`, `${"a".repeat(61)}\\255`],
      [`${"a".repeat(61)}@`, `${"a".repeat(61)}[`],
    ] as const) {
      assert.equal(`${nextOf(long(owner))}`, `${long(next)}`, owner);
    }
    const highest = long("\\255".repeat(62));
    assert.equal(nextOf(highest).labels.length, highest.labels.length - 1);
    // The next name after a delegation is the first that is not beneath it.
    const cut = (label: string) => `${nextOf(Name.parse(label, origin), true)}`;
    assert.equal(cut("a".repeat(62)), `${"a".repeat(62)}\\000.${origin}`);
    assert.equal(cut("a".repeat(63)), `${"a".repeat(62)}b.${origin}`);
    assert.equal(cut("\\255".repeat(63)), `${origin}`);
  });

  it("lists the types it is given, RRSIG and NSEC", () => {
    const [data] = nsecSet({ name: origin, origin, types: [Type.A, 65280], ttl: 1 }).rdatas;
    const types = bitmapTypes(data!.values[1] as Uint8Array);
    assert.deepEqual(types, [Type.A, Type.RRSIG, Type.NSEC, 65280]);
  });
});
