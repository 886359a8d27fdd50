import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareSerials, nextSerial } from "../../src/dns/serial.ts";
import { u32 } from "../support/arbitrary.ts";
import fc from "../support/fastcheck.ts";

describe("serial numbers", () => {
  for (const [older, newer] of [
    [0, 1],
    [1, 0x7fffffff],
    [0xffffffff, 0],
    [0xfffffff0, 5],
    [0x80000000, 0xffffffff],
    [44, 44 + 0x7fffffff],
  ] as const) {
    it(`order ${newer} after ${older} (RFC 1982 §3.2)`, () => {
      assert.ok(compareSerials(newer, older) > 0);
      assert.ok(compareSerials(older, newer) < 0);
    });
  }

  it("order neither of two that are 2^31 apart after the other", () => {
    assert.ok(compareSerials(0, 0x80000000) < 0);
    assert.ok(compareSerials(0x80000000, 0) < 0);
  });

  it("continue with a newer one that is never 0 (RFC 2136 §4.2, §7.11)", () => {
    assert.equal(nextSerial(0xffffffff), 1);
    assert.equal(nextSerial(0x7fffffff), 0x80000000);
    fc.assert(
      fc.property(u32, (serial) => {
        const next = nextSerial(serial);
        assert.ok(next > 0 && next <= 0xffffffff);
        assert.ok(compareSerials(next, serial) > 0);
        assert.equal(compareSerials(serial, serial), 0);
      }),
    );
  });
});
