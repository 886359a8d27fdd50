import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatAddress } from "../../src/dns/address.ts";
import { Type } from "../../src/dns/constants.ts";
import { FormatError } from "../../src/dns/format.ts";
import { Name } from "../../src/dns/name.ts";
import { Rdata } from "../../src/dns/rdata.ts";
import { addressHints, formatSvcParams, parseSvcParams } from "../../src/dns/svcparams.ts";

describe("SvcParams", () => {
  // The vectors of RFC 9460 Appendix D.2, without priority and target.
  for (const [words, wire, printed] of [
    [["port=53"], "0003 0002 0035", "port=53"],
    [["key667=hello"], "029b 0005 68656c6c6f", 'key667="hello"'],
    [
      [String.raw`key667="hello\210qoo"`],
      "029b 0009 68656c6c6fd2716f6f",
      String.raw`key667="hello\210qoo"`,
    ],
    [
      ['ipv6hint="2001:db8::1,2001:db8::53:1"'],
      "0006 0020 20010db8000000000000000000000001 20010db8000000000000000000530001",
      "ipv6hint=2001:db8::1,2001:db8::53:1",
    ],
    [
      ['ipv6hint="2001:db8:ffff:ffff:ffff:ffff:198.51.100.100"'],
      "0006 0010 20010db8ffffffffffffffffc6336464",
      "ipv6hint=2001:db8:ffff:ffff:ffff:ffff:c633:6464",
    ],
    [
      ["alpn=h2,h3-19", "mandatory=ipv4hint,alpn", "ipv4hint=192.0.2.1"],
      "0000 0004 00010004 0001 0009 02683205 68332d3139 0004 0004 c0000201",
      'mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1',
    ],
    [
      [String.raw`alpn="f\\\\oo\\,bar,h2"`],
      "0001 000c 08665c6f6f2c6261720268 32",
      String.raw`alpn="f\\\\oo\\,bar,h2"`,
    ],
    [
      [String.raw`alpn=f\\\092oo\092,bar,h2`],
      "0001 000c 08665c6f6f2c6261720268 32",
      String.raw`alpn="f\\\\oo\\,bar,h2"`,
    ],
  ] as const) {
    it(`reads ${words.join(" ")}`, () => {
      const bytes = parseSvcParams(words);
      assert.equal(Buffer.from(bytes).toString("hex"), wire.replaceAll(" ", ""));
      assert.equal(formatSvcParams(bytes), printed);
    });
  }

  // The failure cases of RFC 9460 Appendix D.3, and others.
  for (const words of [
    ["key123=abc", "key123=def"],
    ["mandatory"],
    ["alpn"],
    ["port"],
    ["ipv4hint"],
    ["ipv6hint"],
    ["ech"],
    ["no-default-alpn=abc"],
    ["mandatory=key123"],
    ["mandatory=mandatory"],
    ["mandatory=key123,key123", "key123=abc"],
    ["port=65536"],
    ["port=a"],
    ["key65536=a"],
    ["key01=a"],
    ["unknown=a"],
    ["=a"],
    ["alpn=,h2"],
    [`alpn=${"x".repeat(256)}`],
    ["ipv4hint=10.0.0"],
    ["ech=A"],
  ]) {
    it(`refuses ${words.join(" ").slice(0, 40)}`, () => {
      assert.throws(() => parseSvcParams(words), FormatError);
    });
  }

  for (const [wire, printed] of [
    ["0002 0000", "no-default-alpn"],
    ["0005 0003 000102", "ech=AAEC"],
    ["0007 0001 61", 'key7="a"'],
    ["0003 0003 010203", String.raw`key3="\001\002\003"`],
    ["0001 0002 0561", String.raw`key1="\005a"`],
    ["0001 0004 02683200", String.raw`key1="\002h2\000"`],
    ["0001 0000", "key1"],
    ["0004 0000", "key4"],
    ["0005 0000", "key5"],
    ["0002 0001 61", 'key2="a"'],
    ["0004 0003 616263", 'key4="abc"'],
    ["0000 0002 0003", String.raw`key0="\000\003"`],
  ] as const) {
    it(`prints ${printed}, and reads it back the same`, () => {
      const bytes = Buffer.from(wire.replaceAll(" ", ""), "hex");
      assert.equal(formatSvcParams(bytes), printed);
      assert.deepEqual(Buffer.from(parseSvcParams([printed])), bytes);
    });
  }

  it("have no text of their own if mandatory ends within a key", () => {
    const bytes = Buffer.from("00000003000300000300020035", "hex");
    assert.equal(formatSvcParams(bytes), String.raw`key0="\000\003\000" port=53`);
  });

  it("are no longer than rdata can be", () => {
    const long = "x".repeat(65_536);
    assert.throws(
      () => new Rdata(Type.SVCB, [1, Name.root, parseSvcParams([`key7=${long}`])]),
      FormatError,
    );
  });

  it("yield all whole addresses in their hints, whatever else they have", () => {
    const hints = (bytes: Uint8Array) => addressHints(bytes).map(formatAddress);
    const words = ["alpn=h2", "ipv4hint=10.0.0.1,10.0.0.2", "ech=AAEC", "ipv6hint=fd00::1"];
    assert.deepEqual(hints(parseSvcParams(words)), ["10.0.0.1", "10.0.0.2", "fd00::1"]);
    assert.deepEqual(hints(Buffer.from("000400060a0000010a00", "hex")), ["10.0.0.1"]);
  });
});
