/** DNSSEC, signed online (RFC 4033 to 4035, 6840, 7344, 8078, 9077, 9824). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bitmapTypes } from "../../src/dns/bitmap.ts";
import { Class, Rcode, Type, typeName } from "../../src/dns/constants.ts";
import { digestOf, signedOctets } from "../../src/dns/dnssec.ts";
import { encode } from "../../src/dns/encode.ts";
import { type Message, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { type Rdata, rdata, soaOf } from "../../src/dns/rdata.ts";
import { type ResourceRecord, recordsOf } from "../../src/dns/record.ts";
import { formatRdata } from "../../src/dns/text.ts";
import { SigningAuthority } from "../../src/zone/dnssec/signing.ts";
import { ZoneAuthority } from "../../src/zone/lookup/authority.ts";
import { ZoneView } from "../../src/zone/lookup/zoneview.ts";
import { removal } from "../../src/zone/update/update.ts";
import { makeServer, opt, question } from "../dnsserver/fixture.ts";
import { keysOf, makeSigned, name, origin, signedRecords } from "../dnsserver/signed.ts";
import { FakeClock } from "../support/clock.ts";
import { assertSigned, rrsigOf, rrsigsOver, setsOf } from "../support/validation.ts";

const DAY = 86_400;

/** A signed zone at a time that the test sets, and a validator's check of its answers. */
function open({
  clock = new FakeClock(),
  ...options
}: Parameters<typeof makeSigned>[0] & { clock?: FakeClock } = {}) {
  const server = makeSigned({ clock, ...options });
  const now = () => clock.wall() / 1000;
  const keys = (): Rdata[] => server.keys.all.map(({ dnskey }) => dnskey);
  const check = ({ answers, authorities, additionals }: Message, ...unsigned: string[]): void => {
    for (const section of [answers, authorities, additionals]) {
      assertSigned(section, keys(), now(), unsigned);
    }
  };
  return { ...server, clock, now, check };
}

/** The one NSEC of a section, as "next | types". */
function nsecOf(section: readonly ResourceRecord[]): { owner: Name; text: string } {
  const [nsec, ...more] = section.filter(({ type }) => type === Type.NSEC);
  assert.ok(nsec && more.length === 0, "one NSEC");
  const [next, bitmap] = nsec.rdata.values as [Name, Uint8Array];
  return { owner: nsec.name, text: `${next} | ${bitmapTypes(bitmap).map(typeName).join(" ")}` };
}

function isOf(type: number) {
  return (record: ResourceRecord) => record.type === type;
}

/** Every kind of answer there is. */
const KINDS = [
  "@ SOA",
  "@ NS",
  "@ DNSKEY",
  "@ CDS",
  "@ CDNSKEY",
  "@ ANY",
  "@ TXT",
  "@ DS",
  "_ipp._tcp PTR",
  "_many._tcp PTR",
  "Office\\032Printer._ipp._tcp.paris SRV",
  "printer.paris ANY",
  "printer.paris TXT",
  "paris A",
  "nobody A",
  "a.b.nobody A",
  "_xyz._tcp PTR",
  "x.wild A",
  "x.wild AAAA",
  "*.wild A",
  "alias A",
  "alias CNAME",
  "alias2 AAAA",
  "alias2 TXT",
  "dangling A",
  "away A",
  "printer.moved A",
  "nobody.moved A",
  "moved A",
  "moved DNAME",
  "secure DS",
  "unsigned DS",
  "opaque TYPE65280",
  "svc SVCB",
] as const;

describe("a zone signed online", () => {
  for (const [algorithm, roles] of [
    ["ecdsap256sha256", ["csk"]],
    ["ed25519", ["csk"]],
    ["ecdsap256sha256", ["ksk", "zsk"]],
  ] as const) {
    it(`SEC-DNSSEC-02, 07: every set of every answer is signed: ${algorithm}, ${roles}`, () => {
      const { ask, check, keys } = open({ keys: keysOf(roles, algorithm) });
      // What the answers are checked against: RFC 6605 §5, RFC 8080 §5.
      const number = algorithm === "ed25519" ? 15 : 13;
      assert.ok(keys.all.every(({ dnskey }) => dnskey.values[2] === number));
      for (const kind of KINDS) {
        // A CNAME synthesized from a DNAME is proven by the DNAME (RFC 6672 §5.3.1).
        const made = [`printer.moved.${origin} CNAME`, `nobody.moved.${origin} CNAME`];
        const answer = ask(kind);
        assert.ok([0, 3].includes(answer.rcode), kind);
        assert.ok(answer.answers.length + answer.authorities.length > 0, kind);
        check(answer, ...made);
      }
    });
  }

  it("AUTH-37: ANY by UDP gets one set of the name, and its signature", () => {
    const { ask, check } = open();
    for (const [asked, types] of [
      ["printer.paris ANY", [Type.A, Type.RRSIG]],
      ["alias ANY", [Type.CNAME, Type.RRSIG]],
    ] as const) {
      const answer = ask(asked, { transport: "udp" });
      assert.deepEqual(
        answer.answers.map(({ type }) => type),
        types,
      );
      check(answer);
    }
    const plain = ask("printer.paris ANY", { transport: "udp", dnssecOk: false });
    assert.deepEqual(
      plain.answers.map(({ type }) => type),
      [Type.A],
    );
  });

  it("SEC-DNSSEC-02: the KSK signs the sets about keys, the ZSK all else (RFC 7344 §4.1)", () => {
    const elsewhere = "_dsboot.z.test._signal.ns CDS 0 0 0 00";
    const { ask, keys } = open({ keys: keysOf(["ksk", "zsk"]), text: elsewhere });
    const [ksk, zsk] = keys.all;
    const signers = (asked: string) =>
      ask(asked)
        .answers.filter(isOf(Type.RRSIG))
        .map(({ rdata }) => rrsigOf(rdata).tag);
    for (const type of ["DNSKEY", "CDS", "CDNSKEY"]) {
      assert.deepEqual(signers(`@ ${type}`), [ksk!.tag], type);
    }
    assert.deepEqual(signers("@ SOA"), [zsk!.tag]);
    // About the keys of another zone (RFC 9615 §4.1).
    assert.deepEqual(signers("_dsboot.z.test._signal.ns CDS"), [zsk!.tag]);
  });

  it("SEC-DNSSEC-02: an alias that leads beneath a DNAME is signed, the synthesized one is not", () => {
    const { ask, check } = open({ text: "into CNAME printer.moved" });
    const answer = ask("into A");
    check(answer, `printer.moved.${origin} CNAME`);
    assert.equal(answer.answers.filter(isOf(Type.RRSIG)).length, 3);
  });

  it("SEC-DNSSEC-02: with two algorithms, each signs everything (RFC 4035 §2.2)", () => {
    for (const roles of [["csk"], ["ksk", "zsk"]] as const) {
      const keys = [...keysOf(["csk"]), ...keysOf(roles, "ed25519")];
      const { ask, check } = open({ keys });
      for (const kind of KINDS.slice(0, 16)) check(ask(kind));
    }
  });

  it("SEC-DNSSEC-03, EDNS-08: without DO an answer has no DNSSEC records but those asked for", () => {
    const signed = open();
    const isSigning = ({ type }: ResourceRecord) => [Type.RRSIG, Type.NSEC].includes(type as 46);
    for (const kind of KINDS.filter((each) => !/ANY|KEY|CDS/.test(each))) {
      const { answers, authorities, additionals, rcode } = signed.ask(kind, { dnssecOk: false });
      assert.ok(![...answers, ...authorities, ...additionals].some(isSigning), kind);
      assert.equal(rcode, /nobody|dangling/.test(kind) ? Rcode.NXDOMAIN : Rcode.NOERROR, kind);
    }
    for (const [asked, types] of [
      ["@ DNSKEY", [Type.DNSKEY]],
      ["printer.paris NSEC", [Type.NSEC]],
      ["printer.paris RRSIG", [Type.RRSIG]],
      ["paris NSEC", [Type.NSEC]],
      ["nobody NSEC", []],
      ["nobody RRSIG", []],
      ["paris RRSIG", []],
    ] as const) {
      const { answers, authorities } = signed.ask(asked, { dnssecOk: false });
      assert.ok(!authorities.some(isSigning), asked);
      assert.deepEqual(
        answers.map(({ type }) => type),
        types,
        asked,
      );
    }
  });

  it("SEC-DNSSEC-01: an unsigned zone answers a query with DO as one without, and AD is off", () => {
    const server = makeServer();
    for (const [owner, type] of [
      ["printer.paris", Type.A],
      ["nobody", Type.A],
      ["@", Type.DNSKEY],
    ] as const) {
      const plain = server.ask(question(owner, type, { edns: opt() }));
      const wish = { authenticData: true, edns: opt({ dnssecOk: true }) };
      const asked = server.ask(question(owner, type, wish));
      assert.equal(asked.authenticData, false);
      assert.equal(asked.edns?.dnssecOk, true);
      assert.deepEqual({ ...asked, edns: undefined }, { ...plain, edns: undefined });
    }
  });

  it("SEC-DNSSEC-20: AD and CD are off, whatever the query has (RFC 4035 §3.1.6)", () => {
    const { ask } = open();
    const fields = { authenticData: true, checkingDisabled: true };
    const { authenticData, checkingDisabled } = ask("printer.paris A", { fields });
    assert.deepEqual([authenticData, checkingDisabled], [false, false]);
  });

  it("SEC-DNSSEC-04: TTL, original TTL and labels of a signature are those of the served set", () => {
    const { ask } = open();
    for (const kind of KINDS) {
      const message = ask(kind);
      for (const section of [message.answers, message.authorities]) {
        for (const { ttl, rdata } of section.filter(isOf(Type.RRSIG))) {
          assert.equal(ttl, rrsigOf(rdata).originalTtl, kind);
        }
        for (const set of setsOf(section)) {
          for (const { originalTtl, labels, signer } of rrsigsOver(section, set)) {
            const count = set.name.labels.length - (`${set.name}`.startsWith("*.") ? 1 : 0);
            assert.deepEqual([originalTtl, labels], [set.ttl, count], kind);
            assert.ok(signer.equals(origin));
          }
        }
      }
    }
  });

  it("SEC-DNSSEC-05: a changed TTL is the one signed from then on", async () => {
    const { ask, check, zone } = open();
    check(ask("printer.paris A"));
    const by = { name: "test", permits: () => true };
    const add = { name: name("printer.paris"), type: Type.A, class: Class.IN };
    const updates = [{ ...add, ttl: 10, rdata: rdata.a("10.1.0.10") }];
    assert.equal(await zone.apply({ zone: origin, prerequisites: [], updates }, by), 0);
    const answer = ask("printer.paris A");
    assert.equal(answer.answers[0]!.ttl, 10);
    check(answer);
  });

  it("SEC-DNSSEC-06: an answer is valid in whatever case the name is asked for", () => {
    const { ask, check } = open();
    for (const kind of ["PRINTER.Paris A", "NoBody.PARIS A", "X.Wild A", "UNSIGNED DS"]) {
      check(ask(kind));
      check(ask(kind.toLowerCase().replace(/\w+$/, (type) => type.toUpperCase())));
    }
  });

  it("SEC-DNSSEC-06: signed data is in canonical order, with names in lower case except in later types", () => {
    const fields = { algorithm: 13, tag: 0x1267, inception: 1, expiration: 2 };
    const u16 = (value: number) => String.fromCharCode(value >> 8, value & 0xff);
    const wire = (text: string) => Name.parse(text).wire;
    for (const [text, type, ...datas] of [
      [
        "Host PTR alpha\nHost PTR Beta",
        Type.PTR,
        ...["beta.signed.example.", "alpha.signed.example."].map(wire),
      ],
      // Octet by octet from the left, whichever is longer.
      ["Host TYPE65280 \\# 1 80\nHost TYPE65280 \\# 2 7fff", 65280, "\x7f\xff", "\x80"],
      ["Host SVCB 1 Target", Type.SVCB, `\0\x01${wire("Target.signed.example.")}`],
    ] as const) {
      const set = signedRecords(text).find((each) => each.name.equals(name("host")))!;
      const octets = signedOctets(set, { ...fields, signer: Name.parse("Signed.EXAMPLE.") });
      const head = `${u16(type)}\x0d\x03\0\0\0<\0\0\0\x02\0\0\0\x01\x12\x67`;
      const own = `${wire("host.signed.example.")}${u16(type)}\0\x01\0\0\0<`;
      const records = datas.map((data) => own + u16(data.length) + data);
      const expected = head + wire("signed.example.") + records.join("");
      assert.equal(Buffer.from(octets).toString("latin1"), expected, text);
    }
  });

  it("SEC-DNSSEC-03: except for the DNSSEC records, all clients get the same answer", () => {
    const { ask, zone } = open();
    const isAdded = ({ type }: ResourceRecord) => type === Type.RRSIG || type === Type.NSEC;
    const owners = new Set([...zone.current].map((set) => `${set.name}`.toLowerCase()));
    const made = [...owners].flatMap((owner) => [owner, `x.${owner}`, `_x._tcp.${owner}`]);
    for (const owner of made) {
      for (const type of ["A", "PTR", "SRV", "CNAME", "NS", "DS", "DNAME", "TYPE65280", "ANY"]) {
        const [plain, signed] = [false, true].map((dnssecOk) =>
          ask(`${owner} ${type}`, { dnssecOk, compactOk: true }),
        );
        assert.deepEqual(
          signed!.answers.filter((record) => !isAdded(record)),
          plain!.answers,
          `${owner} ${type}`,
        );
        const isOfReferral = ({ type }: ResourceRecord) => type === Type.DS;
        assert.deepEqual(
          signed!.authorities.filter((record) => !isAdded(record) && !isOfReferral(record)),
          plain!.authorities,
        );
        assert.deepEqual(
          [signed!.rcode, signed!.isAuthoritative],
          [plain!.rcode, plain!.isAuthoritative],
          `${owner} ${type}`,
        );
      }
    }
  });

  it("SEC-DNSSEC-03: an additional set comes with its signatures, glue has none", () => {
    const { ask, check } = open();
    const { additionals } = ask("_ipp._tcp PTR");
    const types = additionals.map(({ type }) => typeName(type));
    assert.deepEqual(
      ["SRV", "TXT", "A", "AAAA"].filter((type) => !types.includes(type)),
      [],
    );
    assert.equal(types.filter((type) => type === "RRSIG").length, 4);
    const referral = ask("host.unsigned A");
    assert.deepEqual(
      referral.additionals.map(({ type }) => type),
      [Type.A],
    );
    check(referral, `unsigned.${origin} NS`, `ns.unsigned.${origin} A`);
  });

  it("SEC-DNSSEC-03: a referral has all its addresses (RFC 9471 §3), those of the zone itself signed", () => {
    const hosts = Array.from({ length: 9 }, (_, i) => `ns${i}`);
    const text = hosts.map((ns) => `big NS ${ns}.big\n${ns}.big A 10.0.0.1\n AAAA fd00::1`);
    const { ask, check } = open({ text: [...text, "third NS ns"].join("\n") });
    const { additionals } = ask("host.big A");
    assert.equal(additionals.length, 18);
    assert.deepEqual(additionals.filter(isOf(Type.RRSIG)), []);
    const third = ask("host.third A");
    check(third, `third.${origin} NS`);
    assert.deepEqual(
      third.additionals.map(({ type }) => type),
      [Type.A, Type.RRSIG],
    );
  });

  it("SEC-DNSSEC-03: a signed answer has 16 additional sets at most, each signed", () => {
    const text = Array.from(
      { length: 9 },
      (_, i) => `_nine._tcp PTR ${i}._nine._tcp\n${i}._nine._tcp SRV 0 0 1 away.test.\n TXT "${i}"`,
    );
    const { ask, check } = open({ text: text.join("\n") });
    const answer = ask("_nine._tcp PTR");
    check(answer);
    assert.equal(setsOf(answer.additionals).filter(({ type }) => type !== Type.RRSIG).length, 16);
  });

  it("SEC-DNSSEC-03: a set that does not fit sets TC; by TCP it is whole, with its signature", () => {
    const { ask, check } = open();
    const cut = ask("_many._tcp PTR", { transport: "udp" });
    assert.ok(cut.isTruncated);
    const whole = ask("_many._tcp PTR");
    assert.ok(!whole.isTruncated);
    check(whole);
  });
});

describe("compact denial", () => {
  it("SEC-DNSSEC-08, 09, PROXY-48: a name that does not exist has an NSEC of its own with NXNAME", () => {
    const { ask, check } = open();
    for (const owner of ["nobody", "a.b.nobody", "x.printer.paris"]) {
      const answer = ask(`${owner} A`);
      check(answer);
      assert.deepEqual([answer.rcode, answer.answers.length], [Rcode.NOERROR, 0]);
      const nsec = nsecOf(answer.authorities);
      assert.ok(nsec.owner.equals(name(owner)));
      assert.equal(nsec.text, `\\000.${name(owner)} | RRSIG NSEC NXNAME`);
    }
  });

  it("SEC-DNSSEC-09: a query without DO gets NXDOMAIN, and one with CO gets NXDOMAIN and CO", () => {
    const { ask, check } = open();
    assert.equal(ask("nobody A", { dnssecOk: false }).rcode, Rcode.NXDOMAIN);
    assert.equal(ask("nobody A", { fields: { edns: undefined } }).rcode, Rcode.NXDOMAIN);
    const answer = ask("nobody A", { compactOk: true });
    assert.equal(answer.rcode, Rcode.NXDOMAIN);
    assert.equal(answer.edns?.compactOk, true);
    check(answer);
    assert.equal(ask("dangling A", { compactOk: true }).rcode, Rcode.NXDOMAIN);
    assert.equal(ask("dangling A").rcode, Rcode.NOERROR);
    assert.equal(ask("nobody A").edns?.compactOk, undefined);
    // CO without DO has no effect.
    for (const asked of ["nobody A", "@ DNSKEY"]) {
      const { edns } = ask(asked, { compactOk: true, dnssecOk: false });
      assert.equal(edns?.compactOk, undefined, asked);
    }
    const unsigned = makeServer().ask(
      question("nobody", Type.A, { edns: opt({ dnssecOk: true, compactOk: true }) }),
    );
    assert.deepEqual([unsigned.rcode, unsigned.edns?.compactOk], [Rcode.NXDOMAIN, undefined]);
  });

  it("SEC-DNSSEC-10: the NSEC of an existing name lists all its types, that of an empty one none", () => {
    const { ask, check } = open();
    for (const [asked, types] of [
      ["printer.paris TXT", "A AAAA RRSIG NSEC"],
      ["paris A", "RRSIG NSEC"],
      ["wild A", "RRSIG NSEC"],
      ["_xyz._tcp PTR", "RRSIG NSEC"],
      ["@ TXT", "NS SOA RRSIG NSEC DNSKEY CDS CDNSKEY"],
      ["x.wild AAAA", "A TXT RRSIG NSEC"],
      ["alias2 TXT", "A AAAA RRSIG NSEC"],
      ["moved A", "DNAME RRSIG NSEC"],
      ["opaque A", "RRSIG NSEC TYPE65280"],
    ] as const) {
      const answer = ask(asked);
      check(answer);
      assert.equal(answer.rcode, Rcode.NOERROR, asked);
      assert.equal(nsecOf(answer.authorities).text.split(" | ")[1], types, asked);
    }
  });

  it("SEC-DNSSEC-10: the NSEC of a name in a view lists the types that the view shows", () => {
    const { zone, keys, clock, now } = open();
    const isAddressShown = (address: string) => address.startsWith("2001:db8:");
    const view = new ZoneView(zone, { zone: origin, isAddressShown });
    const inner = new ZoneAuthority(view);
    const authority = new SigningAuthority({ inner, keys, clock });
    const asked = { name: name("printer.paris"), type: Type.A, class: Class.IN };
    const records = authority.answer(asked, true).authorities.flatMap(recordsOf);
    assert.match(nsecOf(records).text, /\| AAAA RRSIG NSEC$/);
    assertSigned(
      records,
      keys.all.map(({ dnskey }) => dnskey),
      now(),
    );
  });

  it("SEC-DNSSEC-11: a query for NXNAME is FORMERR, with Invalid Query Type as extended error", () => {
    for (const dnssecOk of [true, false]) {
      const answer = open().ask("printer.paris TYPE128", { dnssecOk });
      assert.equal(answer.rcode, Rcode.FORMERR);
      const [option] = answer.edns!.options;
      assert.deepEqual([option?.code, [...option!.data]], [15, [0, 30]]);
    }
  });

  it("SEC-DNSSEC-12: a delegation has a signed DS, or an NSEC whose next name is not beneath it", () => {
    const { ask, check } = open();
    const insecure = ask("host.unsigned A");
    assert.equal(insecure.isAuthoritative, false);
    assert.equal(nsecOf(insecure.authorities).text, `unsigned\\000.${origin} | NS RRSIG NSEC`);
    check(insecure, `unsigned.${origin} NS`, `ns.unsigned.${origin} A`);
    const secure = ask("host.secure A");
    assert.equal(setsOf(secure.authorities).filter(({ type }) => type === Type.DS).length, 1);
    assert.equal(secure.authorities.filter(isOf(Type.NSEC)).length, 0);
    check(secure, `secure.${origin} NS`, `ns.secure.${origin} A`);
    assert.equal(
      nsecOf(ask("unsigned DS").authorities).text,
      `unsigned\\000.${origin} | NS RRSIG NSEC`,
    );
  });

  it("SEC-DNSSEC-14: the TTL of an NSEC is that of the negative answer (RFC 9077 §3)", async () => {
    const { ask, zone } = open();
    for (const asked of ["nobody A", "printer.paris TXT", "host.unsigned A", "paris NSEC"]) {
      const { answers, authorities } = ask(asked);
      const [nsec] = [...answers, ...authorities].filter(isOf(Type.NSEC));
      assert.equal(nsec?.ttl, 30, asked);
    }
    // The minimum of the SOA, or the SOA's own TTL, whichever is less.
    const soa = rdata.soa({ ...soaOf(zone.current.soa.rdatas[0]!), serial: 7 });
    const record = { name: origin, type: Type.SOA, class: Class.IN, ttl: 20, rdata: soa };
    const by = { name: "test", permits: () => true };
    await zone.apply({ zone: origin, prerequisites: [], updates: [record] }, by);
    assert.equal(ask("nobody A").authorities.find(isOf(Type.NSEC))?.ttl, 20);
  });

  it("SEC-DNSSEC-19: the zone has no DS of its own origin", () => {
    const { ask, check } = open();
    const answer = ask("@ DS");
    check(answer);
    assert.deepEqual([answer.rcode, answer.answers.length], [Rcode.NOERROR, 0]);
    assert.match(nsecOf(answer.authorities).text, /\bSOA\b/);
    assert.doesNotMatch(nsecOf(answer.authorities).text, /\bDS\b/);
  });

  it("SEC-DNSSEC-19: the zone above a cut answers for the DS there, with authority", () => {
    const { ask } = open();
    for (const [asked, type] of [
      ["secure DS", Type.DS],
      ["unsigned DS", Type.SOA],
    ] as const) {
      const { isAuthoritative, answers, authorities } = ask(asked);
      assert.deepEqual([isAuthoritative, [...answers, ...authorities][0]?.type], [true, type]);
    }
  });

  it("SEC-DNSSEC-08, PROXY-20: a query for NSEC is answered with the NSEC of that name alone", () => {
    const { ask, check } = open();
    for (const [asked, types] of [
      ["printer.paris NSEC", "A AAAA RRSIG NSEC"],
      ["paris NSEC", "RRSIG NSEC"],
      ["x.wild NSEC", "A TXT RRSIG NSEC"],
      ["nobody NSEC", "RRSIG NSEC NXNAME"],
      ["alias NSEC", "CNAME RRSIG NSEC"],
      ["moved NSEC", "DNAME RRSIG NSEC"],
    ] as const) {
      const answer = ask(asked);
      check(answer);
      assert.equal(nsecOf(answer.answers).text, `\\000.${name(asked.split(" ")[0]!)} | ${types}`);
    }
    for (const type of ["NSEC", "RRSIG"]) {
      const answer = ask(`x.moved ${type}`);
      check(answer, `x.moved.${origin} CNAME`);
      assert.deepEqual(
        answer.answers.map((record) => record.type),
        [Type.DNAME, Type.RRSIG, Type.CNAME],
      );
      assert.equal(ask(`host.unsigned ${type}`).isAuthoritative, false);
    }
  });
});

describe("signatures through time", () => {
  const window = (message: Message) => rrsigOf(message.answers.find(isOf(Type.RRSIG))!.rdata);

  it("SEC-DNSSEC-15: are kept, valid from an hour ago, and replaced two days before they expire", () => {
    const { ask, check, clock, now } = open();
    const first = window(ask("printer.paris A"));
    assert.equal(first.inception, now() - 3600);
    assert.equal(first.expiration, now() + 4.5 * DAY);
    for (let day = 0; day < 30; day += 0.25) {
      const answer = ask("printer.paris A");
      check(answer);
      assert.ok(window(answer).expiration >= now() + 2 * DAY);
      clock.advance((DAY / 4) * 1000);
    }
    const { size } = open().signatures;
    assert.equal(size, 0);
  });

  it("SEC-DNSSEC-15: are made once for the same set", () => {
    const { ask, clock } = open();
    const one = ask("printer.paris A");
    clock.steps = -30 * 60_000;
    assert.deepEqual(window(one).signature, window(ask("printer.paris A")).signature);
  });

  it("SEC-DNSSEC-15: do not all expire at one time", () => {
    const clock = new FakeClock({ chance: [0.1, 0.9] });
    const { ask } = open({ clock });
    const ends = ["printer.paris A", "printer.paris AAAA"].map((each) => window(ask(each)));
    assert.notEqual(ends[0]!.expiration, ends[1]!.expiration);
  });

  it("SEC-DNSSEC-15: are valid in every answer, though the clock is set forward or back", () => {
    let step = 0;
    const clock = new FakeClock();
    const wall = clock.wall.bind(clock);
    clock.wall = () => wall() + step;
    const { ask, check } = open({ clock });
    for (const days of [0, 400, -400, 0.01, 3, 0, -0.03, 2.5]) {
      step = days * DAY * 1000;
      for (const kind of ["printer.paris A", "nobody A", "@ DNSKEY"]) check(ask(kind));
    }
  });

  it("SEC-DNSSEC-15: of made-up names are bounded, and push out none that is in use", () => {
    const { ask, signatures } = open({ limits: { once: 100, often: 50 } });
    for (let i = 0; i < 3; i++) ask("printer.paris A");
    const before = window(ask("printer.paris A")).signature;
    for (let i = 0; i < 500; i++) ask(`made-up-${i} A`);
    assert.ok(signatures.size <= 150, `${signatures.size}`);
    assert.deepEqual(window(ask("printer.paris A")).signature, before);
  });

  it("SEC-DNSSEC-15: are rate limited, with SERVFAIL beyond the limit except for those kept", () => {
    const { ask, clock } = open({ maxPerSecond: 20 });
    assert.equal(ask("printer.paris A").rcode, Rcode.NOERROR);
    const rcodes = Array.from({ length: 30 }, (_, i) => ask(`made-up-${i} A`).rcode);
    assert.equal(rcodes[0], Rcode.NOERROR);
    assert.equal(rcodes.at(-1), Rcode.SERVFAIL);
    for (const kind of ["alias A", "alias NSEC", "alias RRSIG"]) {
      const { rcode, isAuthoritative } = ask(kind);
      assert.deepEqual([rcode, isAuthoritative], [Rcode.SERVFAIL, false], kind);
    }
    assert.equal(ask("printer.paris A").rcode, Rcode.NOERROR);
    assert.equal(ask("made-up-29 A", { dnssecOk: false }).rcode, Rcode.NXDOMAIN);
    clock.advance(1000);
    assert.equal(ask("made-up-29 A").rcode, Rcode.NOERROR);
  });

  it("SEC-DNSSEC-04: are made again for a changed set, and not for the others", async () => {
    const { ask, check, zone } = open();
    const [a, aaaa] = ["printer.paris A", "printer.paris AAAA"];
    const before = [window(ask(a)).signature, window(ask(aaaa)).signature];
    const by = { name: "test", permits: () => true };
    const record = { name: name("printer.paris"), type: Type.A, class: Class.IN, ttl: 60 };
    const updates = [{ ...record, rdata: rdata.a("10.1.0.11") }];
    await zone.apply({ zone: origin, prerequisites: [], updates }, by);
    const after = [ask(a), ask(aaaa), ask("nobody A")];
    for (const each of after) check(each);
    assert.notDeepEqual(window(after[0]!).signature, before[0]);
    assert.deepEqual(window(after[1]!).signature, before[1]);
  });

  it("SEC-DNSSEC-06: are made again for a name in data that comes back in another case", async () => {
    const { ask, check, zone } = open();
    const by = { name: "test", permits: () => true };
    for (const target of ["Target.Svc", "target.svc"]) {
      const [set] = signedRecords(`late SVCB 1 ${target}`).slice(-1);
      const updates = recordsOf(set!);
      await zone.apply({ zone: origin, prerequisites: [], updates }, by);
      const answer = ask("late SVCB");
      assert.match(formatRdata(answer.answers[0]!.rdata), new RegExp(` ${target}`));
      check(answer);
      await zone.apply({ zone: origin, prerequisites: [], updates: removal(set!) }, by);
    }
  });

  it("SEC-DNSSEC-15: no answer with signatures or keys is kept ready", () => {
    const { ask, ready } = open();
    for (const kind of KINDS) ask(kind, { transport: "udp" });
    ask("@ DNSKEY", { dnssecOk: false });
    assert.equal(ready.size, 0);
    ask("printer.paris A", { dnssecOk: false });
    assert.equal(ready.size, 1);
    const query = makeMessage({
      questions: [{ name: name("printer.paris"), type: Type.A, class: Class.IN }],
      edns: { udpSize: 1232, version: 0, dnssecOk: true, options: [] },
    });
    assert.equal(ready.answer(encode(query)), undefined);
  });

  it("SEC-DNSSEC-15: with no keys yet, no answer about keys or to a query with DO is kept ready", () => {
    const { ask, ready, keys } = open({ keys: [] });
    for (const dnssecOk of [true, false]) ask("@ DNSKEY", { dnssecOk });
    ask("printer.paris A");
    assert.equal(ready.size, 0);
    ask("printer.paris A", { dnssecOk: false });
    assert.equal(ready.size, 1);
    keys.replace(keysOf());
    assert.ok(ask("printer.paris A").answers.some(isOf(Type.RRSIG)));
  });
});

describe("keys through time", () => {
  const [first, second] = keysOf(["csk", "csk"]);
  const start = new FakeClock().wall() / 1000;
  const tagsOf = (message: Message, type: number) =>
    message.answers.filter(isOf(type)).map(({ rdata }) => formatRdata(rdata));

  it("SEC-DNSSEC-16: CDS and CDNSKEY are those of the keys for the parent (RFC 7344 §4)", () => {
    const { ask, check, keys } = open({ keys: keysOf(["ksk", "zsk"]) });
    const [ksk] = keys.all;
    const cds = ask("@ CDS");
    check(cds);
    assert.deepEqual(tagsOf(cds, Type.CDS), [formatRdata(digestOf(origin, ksk!.dnskey))]);
    assert.deepEqual(tagsOf(ask("@ CDNSKEY"), Type.CDNSKEY), [formatRdata(ksk!.dnskey)]);
  });

  it("SEC-DNSSEC-16: a zone may ask its parent to remove the DS (RFC 8078 §4)", () => {
    const { ask, check } = open({ text: "@ CDS 0 0 0 00\n@ CDNSKEY 0 3 0 AA==" });
    const [cds, cdnskey] = [ask("@ CDS"), ask("@ CDNSKEY")];
    check(cds);
    check(cdnskey);
    assert.deepEqual(tagsOf(cds, Type.CDS), ["0 0 0 00"]);
    assert.deepEqual(tagsOf(cdnskey, Type.CDNSKEY), ["0 3 0 AA=="]);
  });

  it("SEC-DNSSEC-16: a roll-over keeps every answer validly signed", () => {
    const at = (days: number) => start + days * DAY;
    const old = first!.at({ Publish: 0, Activate: 0, SyncPublish: 0, SyncDelete: at(4) });
    const next = { Publish: at(1), Activate: at(2), SyncPublish: at(3) };
    const keys = [old.at({ ...old.times, Inactive: at(5), Delete: at(6) }), second!.at(next)];
    const { ask, clock, check } = open({ keys });
    const seen = Array.from({ length: 7 }, (_, day) => {
      clock.advance(start * 1000 + day * DAY * 1000 - clock.wall());
      const dnskeys = ask("@ DNSKEY");
      const answer = ask("printer.paris A");
      check(dnskeys);
      check(answer);
      check(ask("nobody A"));
      const signers = answer.answers.filter(isOf(Type.RRSIG)).length;
      const told = ask("@ CDS").answers.filter(isOf(Type.CDS)).length;
      return [dnskeys.answers.filter(isOf(Type.DNSKEY)).length, signers, told];
    });
    assert.deepEqual(seen, [
      [1, 1, 1],
      [2, 1, 1],
      [2, 2, 1],
      [2, 2, 2],
      [2, 2, 1],
      [2, 1, 1],
      [1, 1, 1],
    ]);
  });

  it("SEC-DNSSEC-16: a deleted key signs nothing, even if nobody said when it ends", () => {
    const keys = [first!.at({ Activate: 0, Delete: 1 }), second!.at({ Activate: 0 })];
    const answer = open({ keys }).ask("printer.paris A");
    const tags = answer.answers.filter(isOf(Type.RRSIG)).map(({ rdata }) => rrsigOf(rdata).tag);
    assert.deepEqual(tags, [second!.tag]);
  });

  it("SEC-DNSSEC-16: another signer's key in the zone is published with ours (RFC 8901)", () => {
    const { ask } = open({ keys: [first!], text: `@ DNSKEY ${formatRdata(second!.dnskey)}` });
    assert.deepEqual(
      tagsOf(ask("@ DNSKEY"), Type.DNSKEY).sort(),
      [first!, second!].map(({ dnskey }) => formatRdata(dnskey)).sort(),
    );
  });

  it("SEC-DNSSEC-01: a zone whose keys do not sign yet is unsigned, and publishes them", () => {
    const { ask } = open({ keys: [first!.at({ Publish: 0 })] });
    for (const kind of ["printer.paris A", "@ DNSKEY", "nobody A"]) {
      const { answers, authorities } = ask(kind);
      assert.deepEqual([...answers, ...authorities].filter(isOf(Type.RRSIG)), [], kind);
    }
    for (const kind of ["printer.paris NSEC", "printer.paris RRSIG", "@ CDS"]) {
      const { answers, authorities } = ask(kind);
      assert.deepEqual(
        [...answers, ...authorities].map(({ type }) => type),
        [Type.SOA],
        kind,
      );
    }
    assert.equal(ask("nobody A").rcode, Rcode.NXDOMAIN);
    assert.equal(ask("@ DNSKEY").answers.length, 1);
  });
});
