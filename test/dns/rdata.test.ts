import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatAddress, parseAddress } from "../../src/dns/address.ts";
import { bitmapHas, bitmapTypes, typeBitmap } from "../../src/dns/bitmap.ts";
import { Type } from "../../src/dns/constants.ts";
import { FormatError } from "../../src/dns/format.ts";
import { Name } from "../../src/dns/name.ts";
import {
  addressOf,
  parseRdata,
  Rdata,
  rdata,
  soaOf,
  srvOf,
  stringsOf,
  targetOf,
} from "../../src/dns/rdata.ts";
import * as arbitrary from "../support/arbitrary.ts";
import fc from "../support/fastcheck.ts";

const host = Name.parse("Host.example.com.");

function parse(type: number, hex: string): Rdata {
  return parseRdata(type, Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

describe("Rdata", () => {
  it("is equal to data that differs only in the case of names", () => {
    const lower = Name.parse("host.example.com.");
    assert.ok(rdata.ptr(host).equals(rdata.ptr(lower)));
    assert.ok(rdata.srv(0, 0, 1, host).equals(rdata.srv(0, 0, 1, lower)));
    assert.ok(!rdata.ptr(host).equals(rdata.ns(host)));
    assert.ok(!rdata.txt("A").equals(rdata.txt("a")));
    assert.ok(!rdata.srv(0, 0, 1, host).equals(rdata.srv(0, 0, 2, host)));
  });

  it("lists its names in order, and has a key that ignores their case", () => {
    const [a, b] = [Name.parse("A.example."), Name.parse("b.EXAMPLE.")];
    const folded = (name: Name) => name.toLowerCase();
    for (const [type, values, names] of [
      [Type.MINFO, [a, b], [a, b]],
      [Type.PX, [10, b, a], [b, a]],
      [Type.SOA, [a, b, 1, 2, 3, 4, 5], [a, b]],
      [Type.NSEC, [a, Uint8Array.of(0, 1, 64)], [a]],
      [Type.SVCB, [1, b, Uint8Array.of()], [b]],
      [Type.SRV, [0, 0, 1, a], [a]],
      [Type.TXT, [Uint8Array.of(1, 0x41)], []],
    ] as const) {
      const made = new Rdata(type, values);
      const read = new Rdata(type, made.wire);
      for (const data of [made, read]) {
        assert.deepEqual(data.names, names);
        assert.equal(data.key, data.mapNames(folded)!.wire);
        assert.equal(data.key === data.wire, names.length === 0);
      }
    }
  });

  it("has no more octets than its length field can hold", () => {
    const octets = new Uint8Array(65_536);
    assert.equal(rdata.opaque(65280, octets.subarray(1)).wire.length, 65_535);
    assert.throws(() => rdata.opaque(65280, octets), FormatError);
  });

  it("differs from other data when tests compare it", () => {
    assert.notDeepEqual(rdata.a("192.0.2.1"), rdata.a("192.0.2.2"));
    assert.notDeepEqual(rdata.ptr(Name.parse("A.example.")), rdata.ptr(Name.parse("a.example.")));
  });

  it("reads back from its own octets as the same", () => {
    fc.assert(
      fc.property(arbitrary.rdata, (data) => {
        const back = parseRdata(data.type, data.toWire());
        assert.deepEqual(back, data);
        assert.equal(back.key, data.key);
        assert.deepEqual(back.values, data.values);
        assert.deepEqual(back.names, data.names);
      }),
      { numRuns: 1000 },
    );
  });

  it("has its names mapped, and is undefined if one cannot be", () => {
    const [from, to] = [Name.parse("example.com."), Name.parse("example.net.")];
    const moved = rdata.srv(1, 2, 3, host).mapNames((name) => name.replaceSuffix(from, to));
    assert.equal(srvOf(moved!).target.toString(), "Host.example.net.");
    assert.equal(
      rdata.ptr(host).mapNames(() => undefined),
      undefined,
    );
    const text = rdata.txt("a");
    assert.equal(
      text.mapNames(() => undefined),
      text,
    );
  });

  it("keeps unknown types as they are", () => {
    const data = parse(65280, "c000 ff");
    assert.deepEqual(data.values, [Uint8Array.of(0xc0, 0, 0xff)]);
    assert.deepEqual(parse(Type.NULL, "").values, []);
  });

  it("yields its parts", () => {
    const soa = {
      mname: host,
      rname: Name.root,
      serial: 1,
      refresh: 2,
      retry: 3,
      expire: 4,
      minimum: 5,
    };
    assert.deepEqual(soaOf(rdata.soa(soa)), soa);
    assert.deepEqual(srvOf(rdata.srv(1, 2, 3, host)), {
      priority: 1,
      weight: 2,
      port: 3,
      target: host,
    });
    assert.throws(() => soaOf(rdata.ns(host)), FormatError);
    assert.throws(() => srvOf(new Rdata(Type.SRV, [])), FormatError);
    assert.equal(targetOf(rdata.srv(1, 2, 3, host)), host);
    assert.equal(targetOf(rdata.a("10.0.0.1")), undefined);
    assert.equal(addressOf(rdata.a("10.0.0.1")), "10.0.0.1");
    assert.equal(addressOf(rdata.aaaa("FE80::0:1")), "fe80::1");
    assert.equal(addressOf(rdata.txt("a")), undefined);
    assert.equal(addressOf(new Rdata(Type.A, [])), undefined);
    assert.deepEqual(stringsOf(rdata.txt("a=1", "")).map(String), ["97,61,49", ""]);
    assert.deepEqual(stringsOf(rdata.txt()).length, 1);
    assert.deepEqual(stringsOf(rdata.a("10.0.0.1")), []);
    assert.throws(() => rdata.txt("x".repeat(256)), FormatError);
  });

  for (const [what, type, hex] of [
    ["an A of 3 octets", Type.A, "0a0000"],
    ["an A of 5 octets", Type.A, "0a00000100"],
    ["a TXT whose string is cut off", Type.TXT, "0161 0561"],
    ["an SRV without a target", Type.SRV, "000000000277"],
    ["an SRV with octets behind the target", Type.SRV, "000000000277 0000"],
    ["a bitmap window of no octets", Type.NSEC, "00 0000"],
    ["a bitmap window of 33 octets", Type.NSEC, `00 0021 ${"01".repeat(33)}`],
    ["a bitmap window that is cut off", Type.NSEC, "00 0002 40"],
    ["a bitmap with a window twice", Type.NSEC, "00 000140 000120"],
    ["a bitmap whose windows fall", Type.NSEC, "00 010140 000140"],
    ["SvcParams that do not rise", Type.HTTPS, "0001 00 0003 0002 0050 0001 0003 026832"],
    ["a SvcParam twice", Type.HTTPS, "0001 00 0003 0002 0050 0003 0002 0050"],
    ["a SvcParam that is cut off", Type.HTTPS, "0001 00 0003 0004 0050"],
    ["a CAA tag of no octets", Type.CAA, "00 00"],
    ["a CAA tag with other octets", Type.CAA, "00 02 612d"],
    ["a name by pointer, where there is nothing to point at", Type.MX, "000a 00 c002"],
    ["two names by pointer", Type.MINFO, "016100 c000"],
    ["two pointers of which one makes up for the other", Type.PX, "0001 c000 c001"],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => parse(type, hex), FormatError));
  }
});

describe("type bitmaps", () => {
  it("match the example of RFC 4034 §4.3", () => {
    const types = [Type.A, Type.MX, Type.RRSIG, Type.NSEC, 1234];
    const hex = "0006400100000003041b000000000000000000000000000000000000000000000000000020";
    assert.equal(Buffer.from(typeBitmap(types)).toString("hex"), hex);
    assert.deepEqual(bitmapTypes(Buffer.from(hex, "hex")), types);
    assert.equal(typeBitmap([]).length, 0);
  });

  it("have the types they were made of, and no others", () => {
    for (const types of [[], [Type.A, Type.MX, Type.NSEC, 1234], [257, 0xffff]]) {
      const bitmap = typeBitmap(types);
      const had = Array.from({ length: 0x10000 }, (_, i) => i).filter((i) => bitmapHas(bitmap, i));
      assert.deepEqual(had, types);
    }
  });
});

describe("addresses", () => {
  for (const [text, canonical = text] of [
    ["::"],
    ["::1"],
    ["1::"],
    ["2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1::1", "2001:0:0:1::1"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["::ffff:1.2.3.4", "::ffff:102:304"],
    ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
  ] as const) {
    it(`reads ${text} and prints it as RFC 5952 requires`, () => {
      assert.equal(formatAddress(parseAddress(text, 6)), canonical);
    });
  }

  it("reads what it prints, for every address", () => {
    fc.assert(
      fc.property(arbitrary.rdataOf(Type.AAAA), (data) => {
        assert.ok(rdata.aaaa(addressOf(data)!).equals(data));
      }),
      { numRuns: 500 },
    );
  });

  for (const text of ["", "1.2.3", "::1", "1.2.3.256", "01.2.3.4", "1.2.3.4 "]) {
    it(`refuses "${text}" as IPv4`, () => assert.throws(() => parseAddress(text, 4), FormatError));
  }
  for (const text of ["", "1.2.3.4", ":::", "fe80::1%lo", "1:2:3:4:5:6:7:8:9", "g::"]) {
    it(`refuses "${text}" as IPv6`, () => assert.throws(() => parseAddress(text, 6), FormatError));
  }
});
