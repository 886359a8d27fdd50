/** Which octets the codec must write, and how it must read them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bitmapHas } from "../../src/dns/bitmap.ts";
import { Class, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import type { Compression } from "../../src/dns/fields.ts";
import { FormatError } from "../../src/dns/format.ts";
import { decode, type Message, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { parseRdata, Rdata, rdata, srvOf, targetOf } from "../../src/dns/rdata.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import { formatRdata } from "../../src/dns/text.ts";
import { formatRecord } from "../support/formatrecord.ts";

const NAME = "c0de-1.example.com.";
/** Every type that the rules on compression name, with NAME as the name in its rdata. */
const withNames = [
  Type.NS,
  Type.CNAME,
  Type.SOA,
  Type.PTR,
  Type.MINFO,
  Type.MX,
  Type.RP,
  Type.AFSDB,
  Type.RT,
  Type.SIG,
  Type.PX,
  Type.SRV,
  Type.NAPTR,
  Type.KX,
  Type.DNAME,
  Type.RRSIG,
  Type.NSEC,
  Type.SVCB,
  Type.HTTPS,
  Type.TSIG,
] as const;

/** Hexadecimal lines; what follows a bar is a comment. */
function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\|.*$/gm, "").replace(/\s/g, ""), "hex");
}

function record(owner: string, data: Rdata): ResourceRecord {
  return { name: Name.parse(owner), type: data.type, class: Class.IN, ttl: 10, rdata: data };
}

function respond(...answers: ResourceRecord[]): Message {
  return makeMessage({ isResponse: true, answers });
}

/** Data of `type` whose names are all NAME. */
function dataOf(type: number): Rdata {
  const hexName = "06633064652d31 076578616d706c65 03636f6d 00";
  const before: Readonly<Record<number, string>> = {
    [Type.MX]: "000a",
    [Type.AFSDB]: "0001",
    [Type.RT]: "0001",
    [Type.KX]: "0001",
    [Type.PX]: "0001",
    [Type.SRV]: "0000 0000 0277",
    [Type.NAPTR]: "0001 0001 0175 0161 00",
    [Type.SVCB]: "0001",
    [Type.HTTPS]: "0001",
    [Type.SIG]: "0001 08 02 0000000a 00000001 00000000 0001",
    [Type.RRSIG]: "0001 08 02 0000000a 00000001 00000000 0001",
  };
  const after: Readonly<Record<number, string>> = {
    [Type.SOA]: `${hexName} 00000001 00000002 00000003 00000004 00000005`,
    [Type.MINFO]: hexName,
    [Type.RP]: hexName,
    [Type.PX]: hexName,
    [Type.SIG]: "00",
    [Type.RRSIG]: "00",
    [Type.NSEC]: "0001 40",
    [Type.SVCB]: "0003 0002 0277",
    [Type.TSIG]: "000000000001 012c 0000 0001 0000 0000",
  };
  return parseRdata(type, hex(`${before[type] ?? ""}${hexName}${after[type] ?? ""}`));
}

/** True if a name in rdata of `type` is written as a pointer where it can be. */
function isCompressed(type: number, compression: Compression): boolean {
  const data = dataOf(type);
  const plain = encode(respond(record("x.", data)), { compression: "none" });
  const once = encode(respond(record(NAME, new Rdata(65280, [Uint8Array.of(1)]))), { compression });
  const both = encode(
    respond(record(NAME, new Rdata(65280, [Uint8Array.of(1)])), record("x.", data)),
    { compression },
  );
  const length = both.length - once.length;
  assert.deepEqual(decode(both).answers[1]?.rdata, data);
  return length < plain.length - 12;
}

describe("unicast", () => {
  test("AUTH-15: all 256 octet values are legal in labels", () => {
    for (let octet = 0; octet < 256; octet++) {
      const name = Name.of([Uint8Array.of(octet), Uint8Array.of(0x61, octet, 0x62)]);
      const bytes = encode(respond({ ...record(NAME, rdata.ptr(name)), name }));
      assert.deepEqual([...bytes.subarray(12, 19)], [1, octet, 3, 0x61, octet, 0x62, 0]);
      assert.equal(decode(bytes).answers[0]?.name.wire, name.wire);
      assert.equal(Name.parse(name.toString()).wire, name.wire);
    }
  });

  test("AUTH-16: a TTL whose top bit is set is 0 (RFC 2181 §8)", () => {
    const bytes = hex("0001 8400 0000 0001 0000 0000  00 0001 0001 ffffffff 0004 0a000001");
    assert.equal(decode(bytes).answers[0]?.ttl, 0);
  });

  test("AUTH-28: an SRV target is not compressed, and may be the root", () => {
    assert.equal(isCompressed(Type.SRV, "unicast"), false);
    const bytes = encode(respond(record(NAME, rdata.srv(0, 0, 0, Name.root))));
    assert.equal(bytes.toString("hex").slice(-18), "0007" + "000000000000" + "00");
    assert.ok(srvOf(decode(bytes).answers[0]!.rdata).target.isRoot);
  });

  test("AUTH-29: names in rdata are compressed for the types of RFC 1035 only", () => {
    const compressed = withNames.filter((type) => isCompressed(type, "unicast"));
    assert.deepEqual(compressed, [Type.NS, Type.CNAME, Type.SOA, Type.PTR, Type.MINFO, Type.MX]);
  });

  test("AUTH-29: owner names are compressed for every type", () => {
    for (const type of [...withNames, 65280]) {
      const data = type === 65280 ? new Rdata(type, [Uint8Array.of(1)]) : dataOf(type);
      const one = encode(respond(record("y.", data)));
      const two = encode(respond(record("y.", data), record("y.", data)));
      assert.equal(two.readUInt16BE(one.length), 0xc00c);
    }
  });

  test("AUTH-30: every pointer leads backward, to an offset below 16384", () => {
    const answers = Array.from({ length: 1500 }, (_, i) =>
      record(
        `host${i % 300}.example.com.`,
        rdata.ptr(Name.parse(`Instance\\032${i}._ipp._tcp.site${i % 7}.example.com.`)),
      ),
    );
    const bytes = encode(respond(...answers));
    assert.ok(bytes.length > 40_000);
    assert.deepEqual(decode(bytes).answers, answers);
    for (const { at, target } of pointersIn(bytes)) {
      assert.ok(target < at && target < 0x4000, `${at} leads to ${target}`);
    }
  });

  test("AUTH-30: a name that 14 bits do not reach is written again, and any other never", () => {
    for (const [place, isReached] of [
      [0x3fff, true],
      [0x4000, false],
    ] as const) {
      const name = Name.parse("host.");
      const filler = new Rdata(65280, [new Uint8Array(place - 12 - 11)]);
      const answers = [record(".", filler), record("host.", rdata.ptr(name))];
      const bytes = encode(respond(...answers));
      assert.equal(bytes.toString("latin1", place + 1, place + 5), "host");
      assert.equal(bytes.length, place + 6 + 10 + (isReached ? 2 : 6));
      assert.deepEqual(decode(bytes).answers, answers);
    }
  });

  test("AUTH-31: compression leaves the case of every name as it was", () => {
    const answers = ["Foo.Example.com.", "foo.example.COM.", "FOO.example.com."].map((name) =>
      record(name, rdata.ptr(Name.parse(`bar.${name}`))),
    );
    const back = decode(encode(respond(...answers))).answers;
    assert.deepEqual(
      back.flatMap(({ name, rdata: data }) => [String(name), String(targetOf(data))]),
      answers.flatMap(({ name, rdata: data }) => [String(name), String(targetOf(data))]),
    );
  });

  test("AUTH-32, MDNS-55: compressed names are read in the rdata of every type that has names", () => {
    for (const type of withNames) {
      const data = dataOf(type);
      const names = data.values.filter((value) => value instanceof Name).length;
      const wire = Buffer.from(data.toWire()).toString("hex");
      const full = "06633064652d31" + "076578616d706c65" + "03636f6d" + "00";
      const squeezed = hex(wire.replaceAll(full, "c00c"));
      assert.equal(squeezed.length, wire.length / 2 - names * (full.length / 2 - 2));
      const bytes = Buffer.concat([
        hex("0001 8400 0001 0001 0000 0000"),
        hex(full),
        hex("00ff 0001 0161 00"),
        hex(type.toString(16).padStart(4, "0")),
        hex("0001 0000000a"),
        hex(squeezed.length.toString(16).padStart(4, "0")),
        squeezed,
      ]);
      assert.deepEqual(decode(bytes).answers[0]?.rdata, data, formatRdata(data));
    }
  });

  test("AUTH-33: an unknown type is opaque, on the wire and as text", () => {
    const octets = hex("c00c 00ff 2200");
    const bytes = encode(respond(record(NAME, new Rdata(65280, [octets]))));
    assert.equal(bytes.subarray(-6).toString("hex"), octets.toString("hex"));
    const [answer] = decode(bytes).answers;
    assert.equal(formatRecord(answer!), `${NAME}\t10\tIN\tTYPE65280\t\\# 6 C00C00FF2200`);
    const [empty] = decode(encode(respond(record(NAME, new Rdata(65280, []))))).answers;
    assert.equal(formatRecord(empty!), `${NAME}\t10\tIN\tTYPE65280\t\\# 0`);
  });

  test("AUTH-49: counts above what is there, and octets left over, are malformed", () => {
    const message = encode(respond(record(NAME, rdata.a("10.0.0.1"))));
    for (const at of [4, 6, 8, 10]) {
      const more = Buffer.from(message);
      more.writeUInt16BE(0xffff, at);
      assert.throws(() => decode(more), FormatError);
    }
    message.writeUInt16BE(0, 6);
    assert.throws(() => decode(message), FormatError);
  });

  test("AUTH-49: the two kinds of label that RFC 1035 reserves are malformed", () => {
    const asked = (label: string) =>
      hex(
        `0001 0000 0001 0001 0000 0000  0161 00 0001 0001  ${label} 0001 0001 0000000a 0004 0a000001`,
      );
    assert.equal(String(decode(asked("c00c")).answers[0]?.name), "a.");
    for (const label of ["400c", "800c"]) assert.throws(() => decode(asked(label)), FormatError);
  });

  test("EDNS-03, EDNS-04: two OPT records, one with a name and one with a broken option are malformed", () => {
    const header = (count: number) => `0001 0000 0000 0000 0000 000${count}`;
    const opt = "00 0029 04d0 00000000 0000";
    assert.equal(decode(hex(`${header(1)} ${opt}`)).edns?.udpSize, 1232);
    assert.throws(() => decode(hex(`${header(2)} ${opt} ${opt}`)), FormatError);
    assert.throws(() => decode(hex(`${header(1)} 0161 ${opt}`)), FormatError);
    const broken = "00 0029 04d0 00000000 0005 000a 0008 01";
    assert.throws(() => decode(hex(`${header(1)} ${broken}`)), FormatError);
    assert.throws(() => decode(hex(`0001 0000 0000 0001 0000 0000 ${opt}`)), FormatError);
  });

  test("EDNS-06, EDNS-07: a message with unknown options and flags can be read", () => {
    const bytes = hex("0001 0000 0000 0000 0000 0001  00 0029 04d0 0000ffff 0007 ff01 0003 010203");
    assert.deepEqual(decode(bytes).edns, {
      udpSize: 1232,
      version: 0,
      dnssecOk: true,
      compactOk: true,
      options: [{ code: 0xff01, data: Uint8Array.of(1, 2, 3) }],
    });
  });
});

describe("multicast", () => {
  const phone = hex(`
    0000 8400 0000 0002 0000 0004                 | response, authoritative
    0f5f636f6d70616e696f6e2d6c696e6b 045f746370 056c6f63616c 00  | 12 _companion-link 28 _tcp 33 local
    000c 0001 00001194 0012                       | PTR
    0f416e6e61e2809973206950686f6e65 c00c         | 50 Anna’s iPhone
    c032 0010 8001 00001194 002b                  | TXT
    0772704d61633d30 0b727056723d3434302e3130
    16727042413d33443a37463a32313a30303a41413a3031
    c032 0021 8001 00000078 0015                  | SRV
    0000 0000 c0a3 0c416e6e61732d6950686f6e65 c021 | 141 Annas-iPhone
    c08d 001c 8001 00000078 0010 fe80000000000000 1c2d3e4f5a6b7c8d
    c08d 002f 8001 00000078 0008 c08d 0004 40000008 | NSEC: A, AAAA
    00 0029 05a0 00001194 0012 0004 000e 00341a2b3c4d5e6f6a7b8c9d0e1f`);

  test("MDNS-55: a phone's announcement is read, every name in it compressed", () => {
    const message = decode(phone);
    assert.deepEqual([...message.answers, ...message.additionals].map(formatRecord), [
      String.raw`_companion-link._tcp.local.	4500	IN	PTR	Anna\226\128\153s\032iPhone._companion-link._tcp.local.`,
      String.raw`Anna\226\128\153s\032iPhone._companion-link._tcp.local.	4500	CLASS32769	TXT	"rpMac=0" "rpVr=440.10" "rpBA=3D:7F:21:00:AA:01"`,
      String.raw`Anna\226\128\153s\032iPhone._companion-link._tcp.local.	120	CLASS32769	SRV	0 0 49315 Annas-iPhone.local.`,
      "Annas-iPhone.local.\t120\tCLASS32769\tAAAA\tfe80::1c2d:3e4f:5a6b:7c8d",
      "Annas-iPhone.local.\t120\tCLASS32769\tNSEC\tAnnas-iPhone.local. A AAAA",
    ]);
    assert.equal(message.edns?.udpSize, 1440);
    assert.equal(message.edns?.options[0]?.code, 4);
  });

  test("MDNS-55: a media player's answer is read, its SRV target compressed", () => {
    const message = decode(
      hex(`
      0000 8400 0000 0001 0000 0003
      0b5f676f6f676c6563617374 045f746370 056c6f63616c 00   | 12 _googlecast 24 _tcp 29 local
      000c 0001 00000078 002e                               | PTR
      2b4368726f6d65636173742d3031323334353637383961626364656630313233343536373839616263646566 c00c
      c02e 0010 8001 00001194 0041                          | TXT
      2369643d3031323334353637383961626364656630313233343536373839616263646566
      0d6d643d4368726f6d6563617374 0e666e3d4c6976696e6720526f6f6d
      c02e 0021 8001 00000078 002d 0000 0000 1f49           | SRV
      2430313233343536372d383961622d636465662d303132332d343536373839616263646566 c01d
      c0bb 0001 8001 00000078 0004 c0a80117`),
    );
    const srv = srvOf(message.additionals[1]!.rdata);
    assert.equal(srv.port, 8009);
    assert.equal(srv.target.toString(), "01234567-89ab-cdef-0123-456789abcdef.local.");
    assert.equal(message.additionals[2]?.name.wire, srv.target.wire);
  });

  test("MDNS-57, MDNS-58: rdata names are compressed for the types of RFC 6762 §18.14 only", () => {
    const compressed = withNames.filter((type) => isCompressed(type, "multicast"));
    assert.deepEqual(compressed, [
      Type.NS,
      Type.CNAME,
      Type.SOA,
      Type.PTR,
      Type.MX,
      Type.RP,
      Type.AFSDB,
      Type.RT,
      Type.PX,
      Type.SRV,
      Type.KX,
      Type.DNAME,
      Type.NSEC,
    ]);
  });

  test("MDNS-55, MDNS-57: the names of several questions are compressed, and read again", () => {
    const questions = ["_ipp._tcp.local.", "_ipps._tcp.local.", "_ssh._tcp.local."].map((name) => ({
      name: Name.parse(name),
      type: Type.PTR,
      class: Class.IN,
    }));
    const bytes = encode(makeMessage({ questions }), { compression: "multicast" });
    assert.equal(
      bytes.toString("hex", 12),
      "045f697070045f746370056c6f63616c00000c0001" +
        "055f69707073c011000c0001" +
        "045f737368c011000c0001",
    );
    assert.deepEqual(decode(bytes).questions, questions);
  });

  test("MDNS-50: the restricted NSEC is read, whatever its next name is", () => {
    const bytes = hex(`0000 8400 0000 0001 0000 0000
      0161 056c6f63616c 00  002f 8001 00000078 000b  056f74686572 00 0002 4000`);
    const [nsec] = decode(bytes, { isLenient: true }).answers;
    assert.equal(targetOf(nsec!.rdata)?.toString(), "other.");
    assert.ok(nsec?.rdata.toWire().length === 11);
  });

  test("MDNS-50: the bitmap of an NSEC may have 1 to 32 octets", () => {
    for (let length = 1; length <= 32; length++) {
      const count = (number: number) => number.toString(16).padStart(2, "0");
      const bytes = hex(`0000 8400 0000 0001 0000 0000
        0161 00  002f 8001 00000078 00${count(4 + length)}
        c00c 00 ${count(length)} ${"00".repeat(length - 1)} 01`);
      const [nsec] = decode(bytes, { isLenient: true }).answers;
      assert.equal(bitmapHas(nsec!.rdata.values[1] as Uint8Array, 8 * length - 1), true);
    }
  });

  test("MDNS-51: a broken NSEC does not cost the message", () => {
    for (const broken of ["000021", "000000", "0001", "00014001", "0040", "c0ff"]) {
      const data = `c00c ${broken}`;
      const length = hex(data).length.toString(16).padStart(4, "0");
      const bytes = hex(`0000 8400 0000 0003 0000 0000
        0161 00  0001 8001 00000078 0004 0a000001
        c00c     002f 8001 00000078 ${length} ${data}
        c00c     001c 8001 00000078 0010 20010db8000000000000000000000001`);
      const { answers } = decode(bytes, { isLenient: true });
      assert.deepEqual(
        answers.map(({ type }) => type),
        [Type.A, Type.AAAA],
        broken,
      );
    }
  });

  test("MDNS-56: loops, forward pointers, overlong names and truncated rdata are FormatErrors", () => {
    const label = `3f${"61".repeat(63)}`;
    const announcement = (name: string, length = "0004") =>
      hex(`0000 8400 0000 0001 0000 0000 ${name} 0001 8001 00000078 ${length} 0a000001`);
    assert.equal(decode(announcement("0161 00")).answers.length, 1);
    for (const bytes of [
      announcement("c00c"),
      announcement("0161 c00c"),
      announcement("c00e c00c"),
      announcement("c0ff"),
      // To the first octets of the data, which are a name.
      hex("0000 8400 0000 0001 0000 0000 c018 0001 8001 00000078 0004 01610001"),
      announcement("ffff"),
      announcement(`${label.repeat(4)} 00`),
      announcement("4161 00"),
      announcement("0161 00", "0005"),
      announcement("0161 00", "ffff"),
    ]) {
      assert.throws(() => decode(bytes, { isLenient: true }), FormatError);
    }
  });

  test("MDNS-56: a message cut off anywhere is a FormatError", () => {
    for (let length = 0; length < phone.length; length++) {
      assert.throws(() => decode(phone.subarray(0, length)), FormatError, `${length} octets`);
    }
  });
});

/** Where names in a message of PTR records have pointers, and where they lead. */
function pointersIn(bytes: Buffer): { at: number; target: number }[] {
  const pointers: { at: number; target: number }[] = [];
  let at = 12;
  const skipName = () => {
    while (bytes[at]! > 0 && bytes[at]! < 0xc0) at += 1 + bytes[at]!;
    if (bytes[at] === 0) {
      at += 1;
    } else {
      pointers.push({ at, target: bytes.readUInt16BE(at) & 0x3fff });
      at += 2;
    }
  };
  while (at < bytes.length) {
    skipName();
    at += 10;
    skipName();
  }
  return pointers;
}
