import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseType, Type } from "../../src/dns/constants.ts";
import { FormatError } from "../../src/dns/format.ts";
import { Name } from "../../src/dns/name.ts";
import { Rdata, rdata } from "../../src/dns/rdata.ts";
import { formatRdata, parseRdataText, parseSeconds } from "../../src/dns/text.ts";
import * as arbitrary from "../support/arbitrary.ts";
import fc from "../support/fastcheck.ts";
import { wordsOf } from "../support/words.ts";

const ORIGIN = Name.parse("example.com.");

function parse(type: string, line: string, origin = ORIGIN): Rdata {
  return parseRdataText(parseType(type)!, wordsOf(line), origin);
}

function hexOf(data: Rdata): string {
  return Buffer.from(data.toWire()).toString("hex");
}

describe("formatRdata and parseRdataText", () => {
  for (const [type, line, printed = line] of [
    ["A", "10.0.0.1"],
    ["AAAA", "2001:DB8:0::1", "2001:db8::1"],
    ["AAAA", "::ffff:198.51.100.100", "::ffff:c633:6464"],
    ["NS", "ns", "ns.example.com."],
    ["PTR", String.raw`Mr\.\032B@x._ipp._tcp`, String.raw`Mr\.\032B\@x._ipp._tcp.example.com.`],
    ["CNAME", "@", "example.com."],
    ["MX", "10 ."],
    [
      "SOA",
      "ns admin 2026010100 1h 15M 1w2d 10",
      "ns.example.com. admin.example.com. 2026010100 3600 900 777600 10",
    ],
    ["SRV", "0 0 631 printer", "0 0 631 printer.example.com."],
    ["TXT", String.raw`a=1 "b c" "\"\\\000\255;" ""`, String.raw`"a=1" "b c" "\"\\\000\255;" ""`],
    ["HINFO", "PC LINUX", '"PC" "LINUX"'],
    ["NAPTR", '100 50 "s" "http+N2L" "" www.example.net.'],
    ["RP", "admin.example.com. ."],
    ["DS", "60485 5 1 2BB183AF 5F22588179", "60485 5 1 2BB183AF5F22588179"],
    ["SSHFP", "2 1 123456789ABCDEF67890"],
    ["TLSA", "0 0 1 D2ABDE240D7CD3EE"],
    ["DNSKEY", "256 3 5 AQPSKmynfz W4kyBv015MUA==", "256 3 5 AQPSKmynfzW4kyBv015MUA=="],
    ["RRSIG", "A 5 3 86400 20030322173103 20030220173103 2642 example.com. oJB1W6WNGv+l"],
    ["NSEC", "host.example.com. A MX RRSIG NSEC TYPE1234"],
    ["CAA", '0 issue "ca.example.net; account=230123"'],
    ["CAA", "128 tbs Unknown", '128 tbs "Unknown"'],
    ["SVCB", '1 a.example.net. alpn="dot"'],
    ["HTTPS", '1 . "port=8443" alpn="h2"', '1 . alpn="h2" port=8443'],
    ["HTTPS", '1 . alpn="h2,h3" port=8443 ipv4hint=10.0.0.1,10.0.0.2'],
    ["TSIG", "hmac-sha256. 853804800 300 3 AAEC 1234 16 6 AAAAAAAB"],
    ["TSIG", "hmac-sha256. 853804800 300 0 1234 17 0"],
    ["NULL", String.raw`\# 3 0A0b0C`, String.raw`\# 3 0A0B0C`],
    ["TYPE65280", String.raw`\# 0`],
    ["TYPE65280", String.raw`\# 4 ABCD EF01`, String.raw`\# 4 ABCDEF01`],
    ["A", String.raw`\# 4 0A000001`, "10.0.0.1"],
    ["SRV", String.raw`\# 9 0000 0000 0277 016100`, "0 0 631 a."],
  ] as const) {
    it(`reads and prints ${type} ${line}`, () => {
      const data = parse(type, line);
      assert.equal(formatRdata(data), printed);
      assert.ok(parse(type, printed, Name.root).equals(data));
    });
  }

  for (const [type, line] of [
    ["A", "10.0.0"],
    ["A", "10.0.0.1 10.0.0.2"],
    ["A", ""],
    ["AAAA", "fe80::1%eth0"],
    ["MX", "65536 a"],
    ["MX", "-1 a"],
    ["MX", "1e3 a"],
    ["SRV", "0 0 631"],
    ["TXT", ""],
    ["TXT", `"${"x".repeat(256)}"`],
    ["TXT", String.raw`\256`],
    ["NSEC", "a. A NOTATYPE"],
    ["HINFO", `${"x".repeat(256)} LINUX`],
    ["DS", "1 256 2 AB"],
    ["DS", "1 8 2 ABC"],
    ["DS", "1 8 2 XX"],
    ["DNSKEY", "256 3 5 AQP"],
    ["DNSKEY", "256 3 5 ===="],
    ["RRSIG", "A 5 3 86400 20031322173103 20030220173103 2642 example.com. oJB1"],
    ["RRSIG", "A 5 3 86400 20030230173103 20030220173103 2642 example.com. oJB1"],
    ["RRSIG", "A 5 3 86400 21060207062816 20030220173103 2642 example.com. oJB1"],
    ["SOA", "ns admin 1 1x 1 1 1"],
    ["SOA", "ns admin 4294967296 1 1 1 1"],
    ["CAA", '0 is-sue "x"'],
    ["CAA", `0 ${"x".repeat(256)} "x"`],
    ["TSIG", "hmac-sha256. 853804800 300 4 AAEC 1234 16 0"],
    ["NULL", "abc"],
    ["TYPE65280", String.raw`\# 3 0102`],
    ["TYPE65280", String.raw`\#`],
    ["A", String.raw`\# 0`],
    ["A", String.raw`\# 3 0A0000`],
    ["MX", String.raw`\# 5 000A 00C0 02`],
    ["TXT", String.raw`\# 3 056162`],
  ] as const) {
    it(`refuses ${type} ${line.slice(0, 60)}`, () => {
      assert.throws(() => parse(type, line), FormatError);
    });
  }

  it("takes a quoted \\# as a string", () => {
    assert.ok(parse("TXT", String.raw`"\#" 0`).equals(rdata.txt("#", "0")));
  });

  it("reads back all record data that can be received as the same octets", () => {
    fc.assert(
      fc.property(arbitrary.rdata, (data) => {
        const text = formatRdata(data);
        assert.match(text, /^[\x20-\x7e]*$/);
        const back = parseRdataText(data.type, wordsOf(text), ORIGIN);
        assert.equal(hexOf(back), hexOf(data), text);
      }),
      { numRuns: 5000 },
    );
  });

  it("reads every type in the form of RFC 3597 §5", () => {
    fc.assert(
      fc.property(arbitrary.rdata, (data) => {
        const wire = data.toWire();
        const text = `\\# ${wire.length} ${Buffer.from(wire).toString("hex")}`;
        assert.equal(hexOf(parseRdataText(data.type, wordsOf(text), ORIGIN)), hexOf(data));
      }),
      { numRuns: 1000 },
    );
  });

  it("throws nothing but FormatError for any text", () => {
    const word = fc.oneof(
      fc.string({ unit: "binary", maxLength: 12 }),
      fc.constantFrom("\\#", "4", "a.b.", "alpn=", "port=1", "key9", "A", "AAEC", "20300101000000"),
    );
    const tokens = fc.array(fc.record({ text: word, isQuoted: fc.boolean() }), { maxLength: 9 });
    fc.assert(
      fc.property(arbitrary.type, tokens, (type, words) => {
        try {
          parseRdataText(type, words, ORIGIN);
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
        }
      }),
      { numRuns: 5000 },
    );
  });

  it("prints a bitmap with spare octets so that these are not lost", () => {
    const odd = new Rdata(Type.NSEC, [Name.root, Uint8Array.of(0, 2, 0x40, 0)]);
    assert.equal(formatRdata(odd), String.raw`\# 5 0000024000`);
  });

  it("prints a deletion of UPDATE as no data", () => {
    assert.equal(formatRdata(new Rdata(Type.A, [])), String.raw`\# 0`);
  });

  it("reads RRSIG times as seconds too, up to the last that 32 bits hold", () => {
    const data = parse("RRSIG", "A 5 3 0 4294967295 0 1 . AAEC");
    assert.match(formatRdata(data), / 21060207062815 19700101000000 /);
    assert.ok(parse("RRSIG", formatRdata(data)).equals(data));
  });
});

describe("parseSeconds", () => {
  it("accepts numbers and BIND's units", () => {
    assert.equal(parseSeconds("0"), 0);
    assert.equal(parseSeconds("1h30m"), 5400);
    assert.equal(parseSeconds("1W2D3H4M5S"), 788645);
  });

  for (const text of ["", "h", "1x", "1h2", "-1", "4294967296", "9999w", "1.5h"]) {
    it(`refuses "${text}"`, () => assert.throws(() => parseSeconds(text), FormatError));
  }
});
