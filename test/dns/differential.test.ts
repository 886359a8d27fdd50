/**
 * The codec beside two others. They read what we write, we read what they write of it again, and what
 * comes out is what went in. Types and names are those that all sides know: letters, digits and
 * hyphens, as neither of them keeps a label with a dot.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import dnsPacket from "dns-packet";
import dns2 from "dns2";
import { Class, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message, makeMessage } from "../../src/dns/message.ts";
import type { Name } from "../../src/dns/name.ts";
import { addressOf, rdata, soaOf, srvOf, stringsOf, targetOf } from "../../src/dns/rdata.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import * as arbitrary from "../support/arbitrary.ts";
import fc from "../support/fastcheck.ts";

const compressions = fc.constantFrom("unicast" as const, "multicast" as const, "none" as const);

/** Responses of records of these types, with names that every library reads alike. */
function messagesOf(
  types: readonly number[],
  isPlain: (record: ResourceRecord) => boolean = () => true,
): fc.Arbitrary<Message> {
  const record = fc
    .constantFrom(...types)
    .chain((type) =>
      arbitrary.recordOf(arbitrary.rdataOf(type, arbitrary.plainName), arbitrary.plainName),
    )
    .map((each) => ({ ...each, class: Class.IN }))
    .filter(isPlain);
  const records = fc.array(record, { maxLength: 6 });
  return fc
    .record({
      id: arbitrary.u16,
      isAuthoritative: fc.boolean(),
      isTruncated: fc.boolean(),
      recursionDesired: fc.boolean(),
      rcode: fc.integer({ min: 0, max: 10 }),
      name: arbitrary.plainName,
      type: fc.constantFrom(...types),
      answers: records,
      authorities: records,
      additionals: records,
    })
    .map(({ name, type, ...fields }) =>
      makeMessage({
        ...fields,
        isResponse: true,
        questions: [{ name, type, class: Class.IN }],
      }),
    );
}

describe("dns-packet", () => {
  const types = [
    Type.A,
    Type.NS,
    Type.CNAME,
    Type.SOA,
    Type.NULL,
    Type.PTR,
    Type.HINFO,
    Type.MX,
    Type.TXT,
    Type.RP,
    Type.AAAA,
    Type.SRV,
    Type.NAPTR,
    Type.DNAME,
    Type.DS,
    Type.RRSIG,
    Type.NSEC,
    Type.TLSA,
    Type.CAA,
  ];

  it("reads what we write, and what it writes of that we read as the same message", () => {
    fc.assert(
      fc.property(messagesOf(types, isKnownToDnsPacket), compressions, (message, compression) => {
        const theirs = dnsPacket.decode(encode(message, { compression }));
        assert.deepEqual(decode(dnsPacket.encode(theirs)), message);
      }),
      { numRuns: 1000 },
    );
  });

  it("reads in each field what we put there", () => {
    fc.assert(
      fc.property(
        messagesOf([Type.A, Type.AAAA, Type.PTR, Type.SRV, Type.TXT, Type.SOA]),
        (message) => {
          const theirs = dnsPacket.decode(encode(message));
          assert.equal(theirs.id, message.id);
          assert.equal(theirs.flag_aa, message.isAuthoritative);
          assert.equal(theirs.flag_tc, message.isTruncated);
          assert.equal(theirs.questions?.[0]?.name, textOf(message.questions[0]!.name));
          for (const [i, record] of message.answers.entries()) {
            const answer = theirs.answers?.[i] as { name: string; ttl: number; data: unknown };
            assert.equal(answer.name, textOf(record.name));
            assert.equal(answer.ttl, record.ttl);
            // Of equally long runs of zeros it may shorten another than RFC 5952 §4.2.3 specifies.
            const data = record.type === Type.AAAA ? canonical(answer.data) : answer.data;
            assert.deepEqual(data, dataFor(record));
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("dns2", () => {
  const types = [Type.A, Type.NS, Type.CNAME, Type.SOA, Type.PTR, Type.MX, Type.TXT, Type.AAAA];
  const known = [...types, Type.SRV, Type.CAA, Type.NULL];

  it("reads what we write, and what it writes of that we read as the same message but for case", () => {
    fc.assert(
      fc.property(messagesOf(known, isKnownToDns2), compressions, (message, compression) => {
        const theirs = dns2.Packet.parse(encode(message, { compression }));
        assert.deepEqual(foldedOf(decode(theirs.toBuffer())), foldedOf(message));
      }),
      { numRuns: 200 },
    );
  });
});

/** A name as dns-packet prints it. */
function textOf(name: Name): string {
  return name.isRoot ? "." : name.toString().slice(0, -1);
}

function canonical(address: unknown): string | undefined {
  return addressOf(rdata.aaaa(String(address)));
}

/** A record's data as dns-packet gives it. */
function dataFor({ rdata: data }: ResourceRecord): unknown {
  switch (data.type) {
    case Type.A:
    case Type.AAAA:
      return addressOf(data);
    case Type.SRV: {
      const { target, ...numbers } = srvOf(data);
      return { ...numbers, target: textOf(target) };
    }
    case Type.TXT:
      return stringsOf(data).map((string) => Buffer.from(string));
    case Type.SOA: {
      const { mname, rname, ...numbers } = soaOf(data);
      return { mname: textOf(mname), rname: textOf(rname), ...numbers };
    }
    default:
      return textOf(targetOf(data)!);
  }
}

/** True for data that dns-packet neither changes nor refuses. */
function isKnownToDnsPacket({ rdata: data }: ResourceRecord): boolean {
  const text = (value: unknown) => Buffer.from(value as Uint8Array).toString("latin1");
  const isPrintable = (value: unknown) => /^[\x20-\x7e]+$/.test(text(value));
  switch (data.type) {
    // dns-packet reads these strings as UTF-8.
    case Type.HINFO:
      return data.values.every(isPrintable);
    case Type.NAPTR:
      return data.values.slice(2, 5).every(isPrintable);
    case Type.CAA:
      return isPrintable(data.values[2]) && ["issue", "iodef"].includes(text(data.values[1]));
    default:
      return true;
  }
}

/** True for data that dns2 neither changes nor refuses. */
function isKnownToDns2({ rdata: data }: ResourceRecord): boolean {
  const isPrintable = (value: Uint8Array) =>
    /^[\x20-\x7e]*$/.test(Buffer.from(value).toString("latin1"));
  switch (data.type) {
    case Type.TXT:
      return stringsOf(data).every(isPrintable);
    case Type.CAA:
      return isPrintable(data.values[2] as Uint8Array);
    case Type.SOA:
      return soaOf(data).minimum <= 0x7fffffff;
    default:
      return true;
  }
}

/** The message with every name in lower case, as dns2 compresses names regardless of case. */
function foldedOf(message: Message): Message {
  const fold = (name: Name) => name.toLowerCase();
  const foldAll = (records: readonly ResourceRecord[]) =>
    records.map((record) => ({
      ...record,
      name: fold(record.name),
      rdata: record.rdata.mapNames(fold) ?? rdata.txt(),
    }));
  return {
    ...message,
    questions: message.questions.map((question) => ({ ...question, name: fold(question.name) })),
    answers: foldAll(message.answers),
    authorities: foldAll(message.authorities),
    additionals: foldAll(message.additionals),
  };
}
