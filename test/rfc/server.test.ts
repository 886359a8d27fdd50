/** What an authoritative server answers, octets in and octets out: RFC 1034, 1035, 8906 and others. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { Class, Opcode, OptionCode, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { apexRecords } from "../../src/zone/apex.ts";
import { Zone } from "../../src/zone/zone.ts";
import {
  MANY,
  makeServer,
  makeZone,
  name,
  opt,
  origin,
  question,
  zoneRecords,
} from "../dnsserver/fixture.ts";
import fc from "../support/fastcheck.ts";

const server = makeServer();
const { ask, answers } = server;

/** The header's bits AA, TC, RD, RA, Z, AD, CD. */
const BITS = 0x07f0;
const AA = 0x0400;
const RD = 0x0100;

function flagsOf(octets: Buffer | undefined): number {
  assert.ok(octets !== undefined, "no answer");
  return octets.readUInt16BE(2);
}

function withFlags(bytes: Buffer, flags: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt16BE(flags, 2);
  return changed;
}

suite("authoritative answers", () => {
  test("AUTH-01, SEC-01: names of the zone are answered with AA, without RA, and RD copied", () => {
    for (const recursionDesired of [true, false]) {
      const response = ask(question("printer.paris", Type.A, { recursionDesired }));
      assert.equal(response.isAuthoritative, true);
      assert.equal(response.recursionAvailable, false);
      assert.equal(response.recursionDesired, recursionDesired);
      assert.equal(response.isResponse, true);
      assert.equal(response.id, 4711);
      assert.equal(response.answers.length, 1);
    }
  });

  test("AUTH-02: a name outside every zone is REFUSED, without SOA, referral or AA", () => {
    for (const [owner, type] of [
      [".", Type.NS],
      ["com.", Type.SOA],
      ["www.example.org.", Type.A],
      ["example.", Type.A],
      ["notbonjour.example.", Type.A],
    ] as const) {
      const response = ask(question(owner, type));
      assert.equal(response.rcode, Rcode.REFUSED, owner);
      assert.equal(response.isAuthoritative, false);
      assert.equal(response.recursionAvailable, false);
      assert.deepEqual(response.answers, []);
      assert.deepEqual(response.authorities, []);
      assert.deepEqual(response.additionals, []);
    }
  });

  test("AUTH-47: names of a link are NXDOMAIN at once, if no zone of ours has them", () => {
    const names = ["printer.local.", "LOCAL.", "1.0.254.169.in-addr.arpa."];
    const reverse = [..."89aB"].map((digit) => `0.${digit}.e.f.ip6.arpa.`);
    for (const owner of [...names, ...reverse]) {
      const response = ask(question(owner, Type.PTR));
      assert.equal(response.rcode, Rcode.NXDOMAIN, owner);
      assert.equal(response.isAuthoritative, false);
      assert.deepEqual([response.answers, response.authorities], [[], []]);
    }
    const others = [
      "notlocal.",
      "1.0.253.169.in-addr.arpa.",
      "0.7.e.f.ip6.arpa.",
      "0.c.e.f.ip6.arpa.",
    ];
    for (const owner of others) {
      assert.equal(ask(question(owner, Type.PTR)).rcode, Rcode.REFUSED, owner);
    }
    const local = Name.parse("local.");
    const records = apexRecords({ origin: local, nameservers: [], serial: 1 });
    const having = makeServer(new Zone({ origin: local, records, clock: systemClock }));
    const denial = having.ask(question("printer.local."));
    assert.equal(denial.isAuthoritative, true);
    assert.equal(denial.authorities[0]?.type, Type.SOA);
  });

  test("EDNS-23: for a name outside every zone, a client with EDNS is told why", () => {
    const response = ask(question("www.example.org.", Type.A, { edns: opt() }));
    const [option, ...more] = response.edns!.options;
    assert.equal(option?.code, OptionCode.EXTENDED_ERROR);
    assert.deepEqual([...option.data], [0, 20]);
    assert.deepEqual(more, []);
  });

  test("AUTH-07: an unknown type is NODATA where the name exists, NXDOMAIN where it does not", () => {
    for (const type of [0, 1000, 666, 65280, 65535, 129, 200, Type.RRSIG]) {
      const there = ask(question("printer.paris", type));
      assert.equal(there.rcode, Rcode.NOERROR, `TYPE${type}`);
      assert.deepEqual(there.answers, []);
      assert.equal(there.authorities[0]?.type, Type.SOA);
      assert.equal(ask(question("nobody.paris", type)).rcode, Rcode.NXDOMAIN);
    }
  });

  test("AUTH-08: an unknown opcode is NOTIMP, whatever follows the header", () => {
    for (const opcode of [1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]) {
      const header = encode(makeMessage({ id: 99, opcode }));
      for (const bytes of [header, Buffer.concat([header, Buffer.from("no DNS at all")])]) {
        const [octets] = answers(bytes);
        assert.equal(octets?.length, 12);
        const response = decode(octets);
        assert.equal(response.rcode, Rcode.NOTIMP);
        assert.equal(response.opcode, opcode);
        assert.equal(response.isAuthoritative, false);
      }
    }
  });

  test("AUTH-08: NOTIFY and UPDATE are NOTIMP where no Handler takes them", () => {
    for (const opcode of [Opcode.NOTIFY, Opcode.UPDATE]) {
      assert.equal(ask(question("@", Type.SOA, { opcode })).rcode, Rcode.NOTIMP);
    }
  });

  test("AUTH-09: any header of twelve octets gets an answer, shorter messages and responses none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const isQuery = bytes.length >= 12 && (bytes[2]! & 0x80) === 0;
        assert.equal(answers(bytes).length, isQuery ? 1 : 0);
      }),
      { numRuns: 1000 },
    );
    const query = encode(question("printer.paris"));
    for (let opcode = 0; opcode < 16; opcode++) {
      const header = withFlags(Buffer.alloc(12), opcode << 11);
      assert.equal(answers(header).length, 1);
      assert.deepEqual(answers(header.subarray(0, 11)), []);
      assert.deepEqual(answers(withFlags(query, 0x8000 | (opcode << 11))), []);
    }
  });

  test("AUTH-10: header bits without meaning in a query are ignored and not returned", () => {
    const query = encode(question("printer.paris"));
    const plain = flagsOf(answers(query)[0]);
    for (let bits = 0; bits <= BITS; bits += 0x10) {
      const flags = bits & BITS;
      const response = flagsOf(answers(withFlags(query, flags))[0]);
      assert.equal(response & BITS, AA | (flags & RD), `bits ${flags.toString(16)}`);
      assert.equal(response & ~BITS, plain & ~BITS);
      // A response code means nothing in a query either.
      assert.equal(flagsOf(answers(withFlags(query, flags | 0xf))[0]), response);
    }
  });

  test("AUTH-11: two questions are FORMERR", () => {
    const one = question("printer.paris").questions[0]!;
    const response = ask(question("@", Type.A, { questions: [one, one] }));
    assert.equal(response.rcode, Rcode.FORMERR);
    assert.deepEqual(response.answers, []);
  });

  test("AUTH-12: no question is FORMERR", () => {
    assert.equal(ask(question("@", Type.A, { questions: [] })).rcode, Rcode.FORMERR);
    const cookie = opt({ options: [{ code: OptionCode.COOKIE, data: Buffer.alloc(8) }] });
    const response = ask(question("@", Type.A, { questions: [], edns: cookie }));
    assert.equal(response.rcode, Rcode.FORMERR);
    assert.notEqual(response.edns, undefined);
  });

  test("AUTH-13: the question comes back octet for octet, its case included", () => {
    for (const text of ["pRiNtEr.PaRiS", "Nobody.Paris", "OFFICE\\032pRINTER._IPP._tcp.paris"]) {
      const query = encode(question(text, Type.SRV));
      const [octets] = answers(query);
      assert.deepEqual(octets?.subarray(12, query.length), query.subarray(12), text);
    }
    const elsewhere = encode(question("wWw.eXaMpLe.OrG."));
    assert.deepEqual(answers(elsewhere)[0]?.subarray(12), elsewhere.subarray(12));
  });

  test("AUTH-37, SEC-03: ANY by UDP gets one whole set of the name, by TCP all, and always the same", () => {
    const query = encode(question("@", Type.ANY));
    const [first] = answers(query);
    assert.deepEqual(answers(query)[0], first);
    const small = decode(first!);
    assert.equal(new Set(small.answers.map((record) => record.type)).size, 1);
    const types = ask(query, "tcp").answers.map((record) => record.type);
    assert.deepEqual(new Set(types), new Set([Type.SOA, Type.NS]));
  });

  test("AUTH-38: signatures and denials of an unsigned zone are NODATA, and not treated as ANY", () => {
    for (const type of [Type.RRSIG, Type.SIG, Type.NSEC]) {
      for (const transport of ["udp", "tcp"] as const) {
        const response = ask(question("@", type), transport);
        assert.equal(response.rcode, Rcode.NOERROR);
        assert.deepEqual([response.answers, response.additionals], [[], []]);
        assert.deepEqual(
          response.authorities.map((record) => record.type),
          [Type.SOA],
        );
      }
    }
  });

  test("AUTH-39: transfers by UDP are refused", () => {
    for (const type of [Type.AXFR, Type.IXFR]) {
      const response = ask(question("@", type));
      assert.equal(response.rcode, Rcode.REFUSED);
      assert.deepEqual(response.answers, []);
    }
  });

  test("AUTH-40: a query for a type that is not data gets an error, never silence", () => {
    for (const [type, rcode] of [
      [Type.OPT, Rcode.FORMERR],
      [Type.TSIG, Rcode.FORMERR],
      [Type.TKEY, Rcode.FORMERR],
      [Type.MAILA, Rcode.NOTIMP],
      [Type.MAILB, Rcode.NOTIMP],
    ] as const) {
      assert.equal(ask(question("@", type)).rcode, rcode, `TYPE${type}`);
    }
  });

  test("AUTH-41: a class other than IN and ANY is REFUSED", () => {
    const asked = (klass: number) =>
      ask(question("@", Type.SOA, { questions: [{ name: origin, type: Type.SOA, class: klass }] }));
    for (const klass of [0, 2, Class.CH, Class.HS, Class.NONE, 0x8001, 65535]) {
      assert.equal(asked(klass).rcode, Rcode.REFUSED, `CLASS${klass}`);
    }
    const any = asked(Class.ANY);
    assert.equal(any.answers[0]?.type, Type.SOA);
    assert.equal(any.isAuthoritative, false, "never authoritative for all classes (RFC 1035 §6.2)");
  });

  test("AUTH-42: a query in class CH is REFUSED", () => {
    const name = Name.parse("version.bind.");
    const query = question("@", Type.TXT, {
      questions: [{ name, type: Type.TXT, class: Class.CH }],
    });
    const response = ask(query);
    assert.equal(response.rcode, Rcode.REFUSED);
    assert.deepEqual(response.answers, []);
  });

  test("SEC-01: recursion is neither offered nor done", () => {
    const response = ask(question("www.example.org.", Type.A, { recursionDesired: true }));
    assert.equal(response.recursionAvailable, false);
    assert.equal(response.rcode, Rcode.REFUSED);
  });
});

suite("the size of answers", () => {
  const many = "_presence._tcp.paris";

  test("AUTH-34: TC is set only if a requested record is missing, and whole records are sent", () => {
    const cut = ask(question(many, Type.PTR));
    assert.equal(cut.isTruncated, true);
    assert.ok(cut.answers.length > 0 && cut.answers.length < MANY);
    assert.ok(cut.answers.every(({ type }) => type === Type.PTR));
    assert.deepEqual(cut.additionals, []);
    const whole = ask(question("_ipp._tcp.paris", Type.PTR));
    assert.equal(whole.isTruncated, false);
    assert.equal(whole.answers.length, 1);
  });

  test("AUTH-35: without EDNS an answer by UDP has at most 512 octets", () => {
    const [octets] = answers(encode(question(many, Type.PTR)));
    assert.ok(octets!.length <= 512 && octets!.length > 400, `${octets?.length} octets`);
    const records = apexRecords({ origin, nameservers: [], serial: 1 });
    for (const [length, isTruncated] of [
      [512, false],
      [513, true],
    ] as const) {
      // The header, the question, and a record whose owner is a pointer.
      const data = length - (12 + 17 + 4) - 12;
      const set = { name: origin, type: 65280, ttl: 10 };
      const rdatas = [rdata.opaque(set.type, Buffer.alloc(data))];
      const filled = makeServer(makeZone([...records, { ...set, rdatas }]));
      const query = encode(question("@", set.type));
      assert.equal(filled.answers(query, "tcp")[0]?.length, length);
      assert.equal(filled.ask(query).isTruncated, isTruncated, `${length} octets`);
    }
  });

  test("AUTH-36: a truncated answer keeps header, question and OPT", () => {
    const response = ask(question(many, Type.PTR, { edns: opt() }));
    assert.equal(response.isTruncated, true);
    assert.equal(response.questions.length, 1);
    assert.notEqual(response.edns, undefined);
  });

  test("XPORT-12: by TCP an answer may have 65,535 octets, and no more", () => {
    const shown = [65_535, 65_536].map((length) => {
      // The header, the question, and what a record has before its data.
      const data = rdata.opaque(65_280, Buffer.alloc(length - 12 - 33 - 12));
      const zone = makeZone([
        ...zoneRecords(),
        { name: name("large.paris"), type: 65_280, ttl: 10, rdatas: [data] },
      ]);
      const [octets] = makeServer(zone).answers(encode(question("large.paris", 65_280)), "tcp");
      const { isTruncated, answers } = decode(octets!);
      return [octets!.length, isTruncated, answers.length];
    });
    assert.deepEqual(shown, [
      [65_535, false, 1],
      [12 + 33, true, 0],
    ]);
  });

  test("AUTH-50: what fits is the same over every transport", () => {
    const owners = ["@", "_ipp._tcp.paris", "printer.paris", "_tcp.paris", "nobody", "alias"];
    for (const owner of owners) {
      for (const type of [Type.A, Type.SOA, Type.PTR, Type.MX]) {
        const query = encode(question(owner, type, { edns: opt() }));
        const [byUdp] = answers(query, "udp");
        for (const transport of ["tcp", "tls", "https"] as const) {
          assert.deepEqual(answers(query, transport)[0], byUdp, `${owner} ${type} ${transport}`);
        }
      }
    }
    // And what does not fit into a datagram is the same over all others.
    const query = encode(question(many, Type.PTR, { edns: opt() }));
    const [byTcp] = answers(query, "tcp");
    for (const transport of ["tls", "https"] as const) {
      assert.deepEqual(answers(query, transport)[0], byTcp, transport);
    }
  });

  test("SEC-03: no answer by UDP is much larger than its question", () => {
    const owners = ["@", many, "_ipp._tcp.paris", "Office\\032Printer._ipp._tcp.paris"];
    for (const owner of owners) {
      for (const type of [Type.ANY, Type.PTR, Type.TXT, Type.SOA]) {
        const query = encode(question(owner, type, { edns: opt({ udpSize: 65535 }) }));
        const ratio = answers(query)[0]!.length / query.length;
        assert.ok(ratio <= 22, `${owner} TYPE${type}: ${ratio}`);
      }
    }
  });
});

suite("malformed queries", () => {
  const query = encode(question("printer.paris", Type.A, { edns: opt() }));

  test("AUTH-49: a query that is cut off after its header is FORMERR, at whichever octet", () => {
    for (let length = 12; length < query.length; length++) {
      const response = ask(query.subarray(0, length));
      assert.equal(response.rcode, Rcode.FORMERR, `${length} octets`);
      assert.equal(response.id, 4711);
    }
    for (let length = 0; length < 12; length++) {
      assert.deepEqual(answers(query.subarray(0, length)), []);
    }
  });

  test("AUTH-49: octets after the end, wrong counts and bad pointers are FORMERR", () => {
    const bad: Record<string, Buffer> = {
      "octets after the end": Buffer.concat([query, Buffer.from([0])]),
      "more questions than there are": changed(query, 5, 2),
      "more answers than there are": changed(query, 7, 1),
      "65,535 records": changed(query, 8, 0xff, 0xff),
      "a name that points at itself": changed(query, 12, 0xc0, 12),
      "a name that points ahead": changed(query, 12, 0xc0, 30),
      "a label of an unknown kind": changed(query, 12, 0x80),
    };
    for (const [what, bytes] of Object.entries(bad)) {
      assert.equal(ask(bytes).rcode, Rcode.FORMERR, what);
    }
  });

  test("AUTH-49, AUTH-13: FORMERR repeats the question if it could be read", () => {
    const response = ask(Buffer.concat([query, Buffer.from([0])]));
    assert.ok(response.questions[0]?.name.equals(name("printer.paris")));
    const asked = encode(question("pRiNtEr.PaRiS"));
    const [octets] = answers(Buffer.concat([asked, Buffer.from([0])]));
    assert.deepEqual(octets?.subarray(12), asked.subarray(12), "in its case");
    const one = question("printer.paris").questions[0]!;
    const two = encode(question("@", Type.A, { questions: [one, one] }));
    assert.deepEqual(ask(Buffer.concat([two, Buffer.from([0])])).questions, []);
  });
});

function changed(bytes: Buffer, at: number, ...octets: number[]): Buffer {
  const copy = Buffer.from(bytes);
  copy.set(octets, at);
  return copy;
}
