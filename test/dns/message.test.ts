import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Class, Opcode, Rcode, Type } from "../../src/dns/constants.ts";
import { ednsLength } from "../../src/dns/edns.ts";
import { encode } from "../../src/dns/encode.ts";
import { FormatError } from "../../src/dns/format.ts";
import {
  decode,
  decodeHeader,
  HEADER_LENGTH,
  type Message,
  makeMessage,
  makeResponse,
} from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { type Rdata, rdata } from "../../src/dns/rdata.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import * as arbitrary from "../support/arbitrary.ts";
import fc from "../support/fastcheck.ts";

const BROWSE = Name.parse("_ipp._tcp.example.com.");
const plainEdns = { udpSize: 1232, version: 0, dnssecOk: false, options: [] };

function record(owner: string, data: Rdata, klass: number = Class.IN): ResourceRecord {
  return { name: Name.parse(owner), type: data.type, class: klass, ttl: 10, rdata: data };
}

function pointers(count: number): ResourceRecord[] {
  return Array.from({ length: count }, (_, i) =>
    record(
      "_ipp._tcp.example.com.",
      rdata.ptr(Name.parse(`printer${String(i).padStart(3, "0")}._ipp._tcp.example.com.`)),
    ),
  );
}

function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s|\|.*$/gm, ""), "hex");
}

describe("decode", () => {
  it("returns what encode was given, in every compression", () => {
    fc.assert(
      fc.property(
        arbitrary.message,
        fc.constantFrom("unicast" as const, "multicast" as const, "none" as const),
        (message, compression) => {
          assert.deepEqual(decode(encode(message, { compression })), message);
          assert.deepEqual(decode(encode(message, { compression }), { isLenient: true }), message);
        },
      ),
      { numRuns: 1500 },
    );
  });

  it("throws nothing but FormatError, whatever the octets", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, isLenient) => {
        expectMessageOrFormatError(bytes, isLenient);
      }),
      { numRuns: 3000 },
    );
  });

  it("throws nothing but FormatError for damaged messages", () => {
    const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(
        arbitrary.message,
        fc.array(change, { minLength: 1, maxLength: 6 }),
        fc.nat(),
        fc.boolean(),
        (message, changes, cut, isLenient) => {
          const bytes = encode(message, { compression: "multicast" });
          for (const { at, value } of changes) bytes[at % bytes.length] = value;
          expectMessageOrFormatError(bytes, isLenient);
          expectMessageOrFormatError(bytes.subarray(0, cut % bytes.length), isLenient);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("reads what it has read as the same again, when that is written", () => {
    const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(arbitrary.message, change, (message, { at, value }) => {
        const bytes = encode(message);
        bytes[at % bytes.length] = value;
        let read: Message;
        try {
          read = decode(bytes);
        } catch {
          return;
        }
        assert.deepEqual(decode(encode(read)), read);
      }),
      { numRuns: 2000 },
    );
  });

  it("copies, so that a message does not change with the buffer it was read from", () => {
    const bytes = encode(
      makeMessage({
        questions: [{ name: BROWSE, type: Type.PTR, class: Class.IN }],
        answers: [
          record("a.example.com.", rdata.txt("x=1", Buffer.alloc(200, 1))),
          record("a.example.com.", rdata.a("10.0.0.1")),
          record("a.example.com.", rdata.opaque(65280, Buffer.alloc(100, 1))),
        ],
        edns: { ...plainEdns, options: [{ code: 10, data: Buffer.alloc(8, 1) }] },
      }),
    );
    const before = decode(Buffer.from(bytes));
    const read = decode(bytes);
    bytes.fill(0xff);
    assert.deepEqual(read, before);
  });

  it("reads a TTL with its top bit set as 0 (RFC 2181 §8), and an OPT record's unchanged", () => {
    const a = hex("0001 8400 0000 0001 0000 0000  00 0001 0001 80000000 0004 0a000001");
    assert.equal(decode(a).answers[0]?.ttl, 0);
    a.writeUInt32BE(0x7fffffff, 17);
    assert.equal(decode(a).answers[0]?.ttl, 0x7fffffff);
    const opt = hex("0001 0000 0000 0000 0000 0001  00 0029 04d0 01038000 0000");
    assert.deepEqual(decode(opt).edns, { ...plainEdns, version: 3, dnssecOk: true });
    assert.equal(decode(opt).rcode, 16);
  });

  it("refuses octets after the end, unless lenient", () => {
    const bytes = Buffer.concat([encode(makeMessage({ id: 1 })), Buffer.of(0)]);
    assert.throws(() => decode(bytes), FormatError);
    assert.equal(decode(bytes, { isLenient: true }).id, 1);
  });

  it("refuses rdata that is shorter or longer than its length", () => {
    const header = "0001 8400 0000 0001 0000 0000 00 0001 0001 0000000a ";
    assert.throws(() => decode(hex(`${header} 0003 0a0000`)), FormatError);
    assert.throws(() => decode(hex(`${header} 0005 0a00000100`)), FormatError);
    assert.throws(() => decode(hex(`${header} 0004 0a0000`)), FormatError);
  });

  it("leaves out a malformed record and keeps the others, if lenient (RFC 6762 §6.1)", () => {
    const bytes = hex(`0000 8400 0000 0003 0000 0000
      01 61 00  0001 8001 00000078 0004 0a000001   | A
      01 61 00  002f 8001 00000078 0004 c00c 0021  | NSEC whose bitmap has 33 octets, they say
      01 61 00  0010 8001 00000078 0002 0161       | TXT`);
    assert.throws(() => decode(bytes), FormatError);
    const { answers } = decode(bytes, { isLenient: true });
    assert.deepEqual(
      answers.map(({ type }) => type),
      [Type.A, Type.TXT],
    );
  });

  it("gives a section up if all its records are malformed", () => {
    const bad = hex("00 0001 0001 00000001 0001 00");
    const bytes = Buffer.concat([
      hex("0000 8400 0000 03e8 0000 0000"),
      ...Array.from({ length: 1000 }, () => bad),
    ]);
    assert.throws(() => decode(bytes, { isLenient: true }), FormatError);
  });

  it("reads empty rdata as UPDATE means it, as one empty string in TXT, and else as an error", () => {
    const bytes = (type: string, klass: string) =>
      hex(`0001 2800 0000 0000 0001 0000  01 61 00 ${type} ${klass} 00000000 0000`);
    for (const klass of ["00ff", "00fe"]) {
      assert.ok(decode(bytes("0001", klass)).authorities[0]?.rdata.isEmpty);
      assert.ok(decode(bytes("0010", klass)).authorities[0]?.rdata.isEmpty);
    }
    assert.ok(decode(bytes("00ff", "00ff")).authorities[0]?.rdata.isEmpty);
    assert.ok(decode(bytes("000a", "0001")).authorities[0]?.rdata.isEmpty);
    assert.ok(decode(bytes("0010", "0001")).authorities[0]?.rdata.equals(rdata.txt()));
    assert.ok(decode(bytes("0010", "8001")).authorities[0]?.rdata.equals(rdata.txt()));
    assert.throws(() => decode(bytes("0001", "0001")), FormatError);
    assert.throws(() => decode(bytes("0021", "8001")), FormatError);
  });

  it("returns the header without the rest", () => {
    const header = decodeHeader(hex("1234 ffff 0001 0000 0000 0000"));
    assert.deepEqual(header, {
      id: 0x1234,
      isResponse: true,
      opcode: 15,
      isAuthoritative: true,
      isTruncated: true,
      recursionDesired: true,
      recursionAvailable: true,
      authenticData: true,
      checkingDisabled: true,
      rcode: 15,
    });
    assert.throws(() => decodeHeader(Buffer.alloc(11)), FormatError);
  });
});

describe("encode", () => {
  it("never exceeds its limit, and writes what can be read", () => {
    fc.assert(
      fc.property(
        arbitrary.message,
        fc.integer({ min: 512, max: 1400 }),
        fc.nat(),
        (m, limit, first) => {
          const bytes = encode(m, { limit, first });
          assert.ok(bytes.length <= limit);
          const read = decode(bytes);
          const whole = decode(encode(m));
          assert.deepEqual(read.edns, m.edns);
          if (bytes.length === encode(m).length) assert.deepEqual(read, whole);
          for (const section of ["answers", "authorities", "additionals"] as const) {
            for (const each of read[section]) {
              assert.ok(whole[section].some((other) => other.rdata.equals(each.rdata)));
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("sets TC if an answer set does not fit, and keeps as many of its records as fit", () => {
    const message = makeMessage({ isResponse: true, answers: pointers(60), edns: plainEdns });
    const bytes = encode(message, { limit: 512 });
    const read = decode(bytes);
    assert.ok(read.isTruncated);
    assert.ok(read.answers.length > 10);
    const oneMore = 12 + 13 + pointers(1)[0]!.rdata.toWire().length;
    assert.ok(bytes.length > 512 - oneMore, "another record would have fitted");
    assert.deepEqual(read.answers, message.answers.slice(0, read.answers.length));
    assert.deepEqual(read.edns, plainEdns);
  });

  it("starts a set that does not fit at `first`, and wraps around, so that all are seen in turn", () => {
    const message = makeMessage({ isResponse: true, answers: pointers(60) });
    const seen = new Set<string>();
    for (let first = 0; first < 120; ) {
      const { answers } = decode(encode(message, { limit: 512, first }));
      assert.ok(answers[0]!.rdata.equals(message.answers[first % 60]!.rdata));
      for (const { rdata: data } of answers) seen.add(data.key);
      first += answers.length;
    }
    assert.equal(seen.size, 60);
  });

  it("does not rotate a set that fits", () => {
    const message = makeMessage({ isResponse: true, answers: pointers(5) });
    assert.deepEqual(decode(encode(message, { limit: 512, first: 3 })), message);
  });

  it("skips a record that could never fit", () => {
    const answers = [
      record("a.", rdata.opaque(Type.NULL, new Uint8Array(2000))),
      record("a.", rdata.opaque(Type.NULL, new Uint8Array(20))),
    ];
    const read = decode(encode(makeMessage({ isResponse: true, answers }), { limit: 512 }));
    assert.ok(read.isTruncated);
    assert.deepEqual(read.answers, answers.slice(1));
  });

  it("AUTH-34: writes no further section after a cut", () => {
    const message = makeMessage({
      isResponse: true,
      isAuthoritative: true,
      answers: pointers(60),
      authorities: [record("example.com.", rdata.ns(Name.parse("ns.example.com.")))],
      additionals: [record("ns.example.com.", rdata.a("10.0.0.1"))],
    });
    // Whatever room is left after the last record that fits.
    for (let limit = 512; limit < 552; limit++) {
      const read = decode(encode(message, { limit }));
      assert.deepEqual([read.authorities.length, read.additionals.length], [0, 0]);
    }
  });

  it("AUTH-34: sets TC if a set of the authority section does not fit, and leaves it out whole", () => {
    const message = makeMessage({
      isResponse: true,
      isAuthoritative: true,
      authorities: pointers(60),
    });
    const read = decode(encode(message, { limit: 512 }));
    assert.ok(read.isTruncated);
    assert.equal(read.authorities.length, 0);
  });

  it("AUTH-34: silently leaves out additional sets that do not fit, and takes smaller ones", () => {
    const message = makeMessage({
      isResponse: true,
      isAuthoritative: true,
      answers: pointers(1),
      additionals: [
        record("big.example.com.", rdata.txt(Buffer.alloc(255), Buffer.alloc(255))),
        record("small.example.com.", rdata.a("10.0.0.1")),
      ],
    });
    const read = decode(encode(message, { limit: 512 }));
    assert.ok(!read.isTruncated);
    assert.deepEqual(read.additionals, message.additionals.slice(1));
  });

  it("AUTH-34: keeps a set of the additional section whole, or leaves it out", () => {
    const addresses = Array.from({ length: 40 }, (_, i) => record("h.", rdata.a(`10.0.0.${i}`)));
    const message = makeMessage({
      isResponse: true,
      isAuthoritative: true,
      additionals: addresses,
    });
    assert.equal(decode(encode(message, { limit: 512 })).additionals.length, 0);
    assert.equal(decode(encode(message, { limit: 1232 })).additionals.length, 40);
  });

  it("sets TC if a referral's glue does not fit (RFC 9471 §3)", () => {
    const referral = makeMessage({
      isResponse: true,
      authorities: [record("sub.example.com.", rdata.ns(Name.parse("ns.sub.example.com.")))],
      additionals: Array.from({ length: 40 }, (_, i) =>
        record("ns.sub.example.com.", rdata.a(`10.0.0.${i}`)),
      ),
    });
    assert.ok(decode(encode(referral, { limit: 512 })).isTruncated);
    assert.ok(!decode(encode(referral, { limit: 1232 })).isTruncated);
    const query = makeMessage({ ...referral, isResponse: false });
    assert.ok(!decode(encode(query, { limit: 512 })).isTruncated);
  });

  it("keeps the sender's own TC, and all that fits", () => {
    const message = makeMessage({
      isTruncated: true,
      answers: pointers(3),
      authorities: pointers(1),
      additionals: pointers(2),
    });
    assert.deepEqual(decode(encode(message)), message);
  });

  it("cuts off questions that do not fit, so that no query can make a response throw", () => {
    const questions = Array.from({ length: 300 }, (_, i) => ({
      name: Name.parse(`q${i}.example.com.`),
      type: 1,
      class: 1,
    }));
    const bytes = encode(makeMessage({ isResponse: true, questions, edns: plainEdns }), {
      limit: 512,
    });
    assert.ok(bytes.length <= 512);
    const read = decode(bytes);
    assert.ok(read.isTruncated && read.questions.length > 10);
    assert.deepEqual(read.questions, questions.slice(0, read.questions.length));
  });

  it("reserves octets for a signature", () => {
    const message = makeMessage({ isResponse: true, answers: pointers(60) });
    const bytes = encode(message, { limit: 512, reserve: 100 });
    assert.ok(bytes.length <= 412);
    assert.ok(bytes.length > 412 - 60);
  });

  it("writes a response code above 15 with EDNS, and SERVFAIL without it", () => {
    const bad = makeMessage({ isResponse: true, rcode: Rcode.BADVERS });
    assert.equal(decode(encode({ ...bad, edns: plainEdns })).rcode, Rcode.BADVERS);
    assert.equal(decode(encode(bad)).rcode, Rcode.SERVFAIL);
  });

  it("predicts the length of an OPT record", () => {
    const edns = { ...plainEdns, options: [{ code: 10, data: Buffer.alloc(8) }] };
    assert.equal(encode(makeMessage({ edns })).length, HEADER_LENGTH + ednsLength(edns));
  });
});

describe("makeResponse", () => {
  it("copies id, opcode, RD and the question, and nothing else", () => {
    const query = makeMessage({
      id: 7,
      opcode: Opcode.NOTIFY,
      recursionDesired: true,
      checkingDisabled: true,
      authenticData: true,
      questions: [{ name: BROWSE, type: Type.PTR, class: Class.IN }],
      answers: pointers(1),
      edns: plainEdns,
    });
    assert.deepEqual(
      makeResponse(query, { isAuthoritative: true }),
      makeMessage({
        id: 7,
        opcode: Opcode.NOTIFY,
        recursionDesired: true,
        isResponse: true,
        isAuthoritative: true,
        questions: query.questions,
      }),
    );
  });
});

function expectMessageOrFormatError(bytes: Uint8Array, isLenient: boolean): void {
  try {
    decode(bytes, { isLenient });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
}
