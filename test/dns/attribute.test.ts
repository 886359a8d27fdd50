import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { attributesOf, parseAttribute } from "../../src/dns/attribute.ts";
import { Type } from "../../src/dns/constants.ts";
import { Rdata, rdata } from "../../src/dns/rdata.ts";

/** Key and value of each attribute; true stands for the value of one without a value. */
function read(...strings: readonly (string | Uint8Array)[]) {
  return attributesOf(rdata.txt(...strings)).map(({ key, value }) => [
    key,
    value === undefined ? true : Buffer.from(value).toString("latin1"),
  ]);
}

suite("the strings of a TXT record", () => {
  test("SD-11: are attributes by key, regardless of case, and the first of a key counts", () => {
    assert.deepEqual(read("a=1", "A=2", "b", "B=3", "c=", "=x", "", "a"), [
      ["a", "1"],
      ["b", true],
      ["c", ""],
    ]);
  });

  test("SD-11: are split at the first =, and values are octets", () => {
    assert.deepEqual(read("url=http://h/?a=b", "==", Buffer.from("x=\xff\0=", "latin1")), [
      ["url", "http://h/?a=b"],
      ["x", "\xff\0="],
    ]);
  });

  test("SD-11: have keys in which spaces count, and only ASCII letters match in either case", () => {
    assert.deepEqual(read("a=1", " a=2", "a =3", "k=1", "\u212a=2", "é=1", "É=2"), [
      ["a", "1"],
      [" a", "2"],
      ["a ", "3"],
      ["k", "1"],
      ["\xe2\x84\xaa", "2"],
      ["\xc3\xa9", "1"],
      ["\xc3\x89", "2"],
    ]);
  });

  test("SD-11: are none if the record is empty, in either form", () => {
    assert.deepEqual(read(""), []);
    assert.deepEqual(attributesOf(new Rdata(Type.TXT, [])), []);
    assert.equal(parseAttribute(Buffer.of()), undefined);
  });
});
