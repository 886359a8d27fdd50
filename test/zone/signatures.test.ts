import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { SigningKey } from "../../src/dns/signingkey.ts";
import { Signatures, type SignaturesOptions } from "../../src/zone/dnssec/signatures.ts";
import { ZoneKeys } from "../../src/zone/dnssec/zonekeys.ts";
import { FakeClock } from "../support/clock.ts";

const origin = Name.parse("z.example.");
const keysOf = (count: number) =>
  new ZoneKeys(
    origin,
    Array.from({ length: count }, () => SigningKey.generate(origin, "ed25519", "csk", {})),
  );

function open(keys: ZoneKeys, options: Partial<SignaturesOptions> = {}) {
  const clock = new FakeClock();
  const signatures = new Signatures({ keys, clock, ...options });
  const sign = (label: string) => {
    const set = { name: Name.parse(label, origin), type: Type.TXT, ttl: 1, rdatas: [rdata.txt()] };
    return signatures.of(set)?.rdatas.length;
  };
  return { clock, signatures, sign };
}

describe("signatures", () => {
  it("are limited in each second, one counted for each key", () => {
    for (const maxPerSecond of [4, 5]) {
      const { clock, sign } = open(keysOf(2), { maxPerSecond });
      assert.deepEqual(["a", "b", "c"].map(sign), [2, 2, undefined]);
      clock.advance(999);
      assert.equal(sign("c"), undefined);
      clock.advance(1);
      assert.equal(sign("c"), 2);
    }
  });

  it("are made once for a name, in whatever case it comes", () => {
    const { signatures, sign } = open(keysOf(1), { maxPerSecond: 1 });
    assert.deepEqual(["a", "A"].map(sign), [1, 1]);
    assert.equal(signatures.size, 1);
  });

  it("are bounded by default", () => {
    const { sign } = open(keysOf(1));
    for (let i = 0; i < 2000; i++) sign(`${i}`);
    assert.deepEqual([sign("more"), sign("1999")], [undefined, 1]);
    // Without a key none are made, and the number kept is bounded too.
    const { signatures, sign: note } = open(keysOf(0));
    for (let i = 0; i < 6000; i++) note(`${i}`);
    assert.equal(signatures.size, 5000);
    for (let i = 0; i < 21_000; i++) for (let again = 0; again < 2; again++) note(`often-${i}`);
    assert.equal(signatures.size, 20_000 + 5000 - 1);
  });
});
