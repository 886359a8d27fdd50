import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { className, parseClass, parseType, rcodeName, typeName } from "../../src/dns/constants.ts";

describe("names of numbers", () => {
  it("reads types by name in any case, and by number (RFC 3597 §5)", () => {
    assert.equal(parseType("srv"), 33);
    assert.equal(parseType("Type65280"), 65280);
    assert.equal(parseType("TYPE1"), 1);
    assert.equal(parseType("TYPE65535"), 65535);
    for (const text of ["", "TYPE", "TYPE65536", "TYPE-1", "TYPE1x", "constructor", "NOTATYPE"]) {
      assert.equal(parseType(text), undefined, text);
    }
    assert.deepEqual([typeName(33), typeName(65280), typeName(0)], ["SRV", "TYPE65280", "TYPE0"]);
  });

  it("reads classes by name and by number", () => {
    assert.deepEqual(
      [parseClass("in"), parseClass("CLASS42"), parseClass("x")],
      [1, 42, undefined],
    );
    assert.deepEqual([className(1), className(0x8001)], ["IN", "CLASS32769"]);
  });

  it("prints response codes", () => {
    assert.deepEqual(
      [rcodeName(3), rcodeName(16), rcodeName(4000)],
      ["NXDOMAIN", "BADVERS", "RCODE4000"],
    );
  });
});
