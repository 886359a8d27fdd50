/** Master files (RFC 1035 §5, RFC 2308 §4, RFC 3597 §5), and what BIND, Knot and NSD make of ours. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { Type } from "../../src/dns/constants.ts";
import { FormatError } from "../../src/dns/format.ts";
import { Name, textOfLabel } from "../../src/dns/name.ts";
import { type Rdata, rdata } from "../../src/dns/rdata.ts";
import type { RecordSet } from "../../src/dns/record.ts";
import { parseMasterFile, readMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { formatMasterFile, usualTtl } from "../../src/zone/masterfile/masterformat.ts";
import * as arbitrary from "../support/arbitrary.ts";
import fc from "../support/fastcheck.ts";
import { run, succeed } from "../support/process.ts";
import { skipWithout } from "../support/tool.ts";
import { lines, origin, SOA } from "../zone/fixture.ts";

const HEAD = `${SOA}\n@ 60 NS ns.example.\n`;

function expectRecords(text: string, expected: readonly string[]): void {
  const sets = parseMasterFile(HEAD + text, { origin });
  const found = lines(sets).map((line) => line.replaceAll("\t", " "));
  assert.deepEqual(
    found.filter((line) => !/ (SOA|NS) /.test(line)),
    expected.toSorted(),
  );
}

function mistakesIn(text: string, options = {}): string[] {
  try {
    parseMasterFile(text, { origin, file: "z.zone", ...options });
  } catch (error) {
    assert.ok(error instanceof FormatError);
    return error.message.split("\n");
  }
  return [];
}

suite("reading", () => {
  test("MF-01: origins, TTLs, @, omitted owners, parentheses, comments and quotes are understood", () => {
    expectRecords(
      `$TTL 60 ; a minute
www A 10.0.0.1 ; one
    A 10.0.0.2;two
\tAAAA fd00::1

; nothing here
   ; nor here
@ MX ( 10
   mail ) ; in two lines
$Origin sub
@ A 10.0.0.3
www (
  ; inside
  TXT "a;b" "(c" )
$ORIGIN sub.example.
$ORIGIN z.example.
a TXT plain "" "with space" half"quoted string"end
a TXT ( one ( "two" ) three
four ) ; of the outer
(b.z.example. A 10.0.0.4)
"$TTL" A 10.0.0.5`,
      [
        "www.z.example. 60 IN A 10.0.0.1",
        "www.z.example. 60 IN A 10.0.0.2",
        "www.z.example. 60 IN AAAA fd00::1",
        "z.example. 60 IN MX 10 mail.z.example.",
        "sub.z.example. 60 IN A 10.0.0.3",
        'www.sub.z.example. 60 IN TXT "a;b" "(c"',
        'a.z.example. 60 IN TXT "plain" "" "with space" "half" "quoted string" "end"',
        'a.z.example. 60 IN TXT "one" "two" "three" "four"',
        "b.z.example. 60 IN A 10.0.0.4",
        "\\$TTL.z.example. 60 IN A 10.0.0.5",
      ],
    );
  });

  test("MF-01: included files have an origin and owners of their own", () => {
    const files: Readonly<Record<string, string>> = {
      "/zones/sub/hosts": "$ORIGIN deeper\na A 10.0.0.1\n$INCLUDE more far",
      "/zones/sub/more": "b A 10.0.0.2",
    };
    const include = (path: string) => {
      if (files[path] === undefined) throw Object.assign(new Error(), { code: "ENOENT" });
      return files[path];
    };
    const text = `${HEAD}$TTL 60\nwww A 10.0.0.9\n$INCLUDE sub/hosts lan\n AAAA fd00::1\nc A 10.0.0.3`;
    const found = lines(parseMasterFile(text, { origin, file: "/zones/z.zone", include }));
    for (const line of [
      "a.deeper.lan.z.example.\t60\tIN\tA\t10.0.0.1",
      "b.far.deeper.lan.z.example.\t60\tIN\tA\t10.0.0.2",
      "www.z.example.\t60\tIN\tAAAA\tfd00::1",
      "c.z.example.\t60\tIN\tA\t10.0.0.3",
    ]) {
      assert.ok(found.includes(line), line);
    }
  });

  test("MF-01: an include that cannot be read, or leads back to itself, is reported where it stands", () => {
    const include = (path: string) => {
      if (path === "/zones/gone") throw Object.assign(new Error(), { code: "ENOENT" });
      return path === "/zones/loop" ? "$INCLUDE loop" : "x A 10.0.0.256";
    };
    const mistakes = mistakesIn(`${HEAD}$INCLUDE gone\n$INCLUDE loop\n$TTL 1\n$INCLUDE bad`, {
      file: "/zones/z.zone",
      include,
    });
    assert.match(mistakes[0]!, /^\/zones\/z.zone:3: \/zones\/gone cannot be read \(ENOENT\)/);
    assert.match(mistakes[1]!, /^\/zones\/loop:1: \/zones\/loop includes itself/);
    assert.match(mistakes[2]!, /^\/zones\/bad:1: .*10\.0\.0\.256/);
    assert.equal(mistakes.length, 3);
    assert.match(mistakesIn(`${HEAD}$INCLUDE x`)[0]!, /INCLUDE is not read here/);
  });

  test("MF-01: includes nest ten deep, and no deeper", () => {
    const include = (path: string) => `$INCLUDE ${Number(path.slice(7)) + 1}`;
    for (const last of [10, 11]) {
      const upTo = (path: string) => (path === `/zones/${last}` ? "a 1 A 10.0.0.1" : include(path));
      const options = { file: "/zones/0", include: upTo, isPartial: true };
      const mistakes = mistakesIn("$INCLUDE 1", options);
      assert.equal(mistakes.length, last - 10);
      if (last > 10) assert.match(mistakes[0]!, /^\/zones\/10:1: .* or 10 files do in turn/);
    }
  });

  test("MF-02: \\DDD and \\X stand for any octet, in names and in strings", () => {
    const text =
      '$TTL 60\nMr\\.\\032Brown\\\'s\\ 2\\.5\\"\\;\\(1\\)\\\\._ipp._tcp TXT "\\195\\169\\"\\\\\\000"';
    const [set] = parseMasterFile(HEAD + text, { origin }).slice(-1);
    const [label] = set!.name.labels;
    assert.equal(Buffer.from(label!).toString(), "Mr. Brown's 2.5\";(1)\\");
    assert.deepEqual(set!.rdatas[0]!.values[0], Uint8Array.of(5, 0xc3, 0xa9, 0x22, 0x5c, 0));
    // An escaped octet has no meaning of its own: neither that of a dot nor that of the origin.
    const dotted = parseMasterFile(`${HEAD}a\\046b\\.c 60 A 10.0.0.1\n\\@ 60 A 10.0.0.1`, {
      origin,
    });
    const labels = dotted.slice(-2).map((set) => set.name.labelsUnder(origin).map(textOfLabel));
    assert.deepEqual(labels, [["a.b.c"], ["@"]]);
    // Only ASCII blanks separate words.
    const words = `${HEAD}a\u00a0b\u2028c 60 TXT \u00a0d\r\n`;
    const [blank] = parseMasterFile(words, { origin }).slice(-1);
    assert.equal(Buffer.from(blank!.name.labels[0]!).toString(), "a\u00a0b\u2028c");
    assert.ok(blank!.rdatas[0]!.equals(rdata.txt("\u00a0d")));
    const [utf8] = parseMasterFile(`${HEAD}$TTL 60\nÉtage\\ 2 TXT "Küche 🖨"`, { origin }).slice(-1);
    assert.equal(Buffer.from(utf8!.name.labels[0]!).toString(), "Étage 2");
    assert.ok(utf8!.rdatas[0]!.equals(rdata.txt("Küche 🖨")));
  });

  test("MF-03: TTL and class come in either order; a missing TTL is $TTL, the last, or MINIMUM", () => {
    expectRecords("a 5 IN A 10.0.0.1\nb IN 6 A 10.0.0.2\nc IN A 10.0.0.3\nd A 10.0.0.4", [
      "a.z.example. 5 IN A 10.0.0.1",
      "b.z.example. 6 IN A 10.0.0.2",
      "c.z.example. 6 IN A 10.0.0.3",
      "d.z.example. 6 IN A 10.0.0.4",
    ]);
    expectRecords("$TTL 7\na 5 A 10.0.0.1\nb A 10.0.0.2\n$TTL 8\nc A 10.0.0.3", [
      "a.z.example. 5 IN A 10.0.0.1",
      "b.z.example. 7 IN A 10.0.0.2",
      "c.z.example. 8 IN A 10.0.0.3",
    ]);
    const bare = parseMasterFile(`${SOA.replace("3600 ", "")}\n@ NS ns.example.`, { origin });
    assert.deepEqual(
      bare.map(({ ttl }) => ttl),
      [10, 10],
      "MINIMUM",
    );
    assert.match(mistakesIn("a A 10.0.0.1", { isPartial: true })[0]!, /^z.zone:1: no TTL/);
    // Owners that look like a TTL, a class or a type are owners.
    expectRecords("$TTL 1\n5 A 10.0.0.1\nIN A 10.0.0.2\nA A 10.0.0.3", [
      "5.z.example. 1 IN A 10.0.0.1",
      "IN.z.example. 1 IN A 10.0.0.2",
      "A.z.example. 1 IN A 10.0.0.3",
    ]);
  });

  test("MF-04: data outside the zone, conflicts with CNAME, and missing SOA and NS are reported", () => {
    assert.deepEqual(
      mistakesIn(`$TTL 60
@ SOA ns.example. h.example. 1 2 3 4 5
a CNAME b
a A 10.0.0.1
b TXT x
b CNAME c
c CNAME d
c CNAME e
www.example.org. A 10.0.0.1
@ SOA ns.example. h.example. 2 2 3 4 5
sub SOA ns.example. h.example. 1 2 3 4 5
old DNAME x
old DNAME y`),
      [
        "z.zone:9: www.example.org. is not in the zone, expected a name under z.example.",
        "z.zone:4: A beside CNAME of a.z.example., expected CNAME alone",
        "z.zone:6: CNAME beside TXT of b.z.example., expected CNAME alone",
        "z.zone:8: a second CNAME of c.z.example., expected one (z.zone:7)",
        "z.zone:10: a second SOA of z.example., expected one (z.zone:2)",
        "z.zone:11: SOA of sub.z.example., expected it at z.example. only",
        "z.zone:13: a second DNAME of old.z.example., expected one (z.zone:12)",
        "z.zone: no NS of z.example., expected one",
      ],
    );
    assert.deepEqual(
      mistakesIn("a 1 A 10.0.0.1").map((line) => line.slice(0, 14)),
      ["z.zone: no SOA", "z.zone: no NS "],
    );
    assert.deepEqual(mistakesIn("a 1 A 10.0.0.1", { isPartial: true }), []);
    // The types of RFC 4034 and RFC 3007 §3.1.1 may stand beside a CNAME, before or after it.
    const key = "KEY 256 3 13 AAAA";
    const beside = `$TTL 1\na ${key}\na CNAME b\nb CNAME c\nb ${key}`;
    assert.deepEqual(mistakesIn(beside, { isPartial: true }), []);
    // The origin has SOA and NS, even if another source provides them.
    assert.deepEqual(mistakesIn("$TTL 1\na CNAME b\n@ CNAME b", { isPartial: true }), [
      "z.zone:3: CNAME of z.example., expected none where a zone has its SOA and NS",
    ]);
  });

  test("MF-04, SEC-DNSSEC-19: a DS at the origin is reported", () => {
    const text = `$TTL 1\n@ DS 4711 13 2 ${"ab".repeat(32)}\nsub NS ns\nsub DS 4711 13 2 ${"ab".repeat(32)}`;
    assert.deepEqual(mistakesIn(text, { isPartial: true }), [
      "z.zone:2: DS of z.example., expected it in the zone above only",
    ]);
  });

  test("MF-04: mistakes are reported with their line, and all lines are checked", () => {
    const mistakes = mistakesIn(
      `${HEAD}a 60 A 1.2.3
 B 10.0.0.1
b 60 CH A 10.0.0.1
c 60
d 60 ANY x
$GENERATE 1-10 a A 10.0.0.$
$TTL
$ORIGIN a b
e 5000000000 A 10.0.0.1
f 60 TXT "open
g 60 A ) 10.0.0.1
h 1y A 10.0.0.1
i\\300 60 A 10.0.0.1
j 60 A ( 10.0.0.1`,
    );
    const placeOf = (mistake: string) => /^z.zone:(\d+): \S/.exec(mistake)?.[1];
    assert.deepEqual(mistakes.map(placeOf), [
      "3",
      "4",
      "5",
      "6",
      "7",
      "8",
      "9",
      "10",
      "11",
      "12",
      "13",
      "14",
      "15",
      "16",
    ]);
    assert.match(mistakes.at(-1)!, /the file ends inside parentheses/);
    const odd = mistakesIn(
      `)
"open
a 60 TXT end\\
b 60 TXT (
fine
) ; and
c 60 A x
d 5 6 A 10.0.0.1
e 5 IN IN A 10.0.0.1
 $TTL 5
$TTL 5 6
$ORIGIN
$INCLUDE a b c`,
      { isPartial: true },
    );
    assert.deepEqual(odd.map(placeOf), ["1", "2", "3", "7", "8", "9", "10", "11", "12", "13"]);
    assert.match(odd.at(-1)!, /\$INCLUDE with 3 words/);
    const many = (count: number) =>
      mistakesIn(Array(count).fill("x").join("\n"), { isPartial: true }).slice(19);
    assert.deepEqual(many(20).map(placeOf), ["20"]);
    assert.deepEqual(many(100).slice(1), ["z.zone: and 80 more"]);
    assert.match(mistakesIn(" 60 A 10.0.0.1")[0]!, /^z.zone:1: the first record has no owner/);
    for (const [type, called] of [
      [0, "TYPE0"],
      [41, "OPT"],
      [128, "NXNAME"],
      [255, "ANY"],
    ] as const) {
      const query = mistakesIn(`${HEAD}a 60 TYPE${type} \\# 0`);
      assert.deepEqual(query, [`z.zone:3: ${called} is not a type of data`]);
    }
    assert.deepEqual(mistakesIn(`${HEAD}f 60 TXT shut "open`), [
      "z.zone:3: a quoted string does not end on its line, expected '\"'",
    ]);
  });

  test("MF-05: TYPEnnn, CLASSnnn and \\# stand for any type, class and data", () => {
    expectRecords(
      '$TTL 60\na CLASS1 TYPE1 \\# 4 0a000001\nb TYPE65280 \\# 3 ab ( cd\n ef )\nc TYPE731 \\# 0\nd A \\# 4 0A000002\ne MX \\# 6 000a 02 6d7800\nf TXT "\\#"',
      [
        "a.z.example. 60 IN A 10.0.0.1",
        "b.z.example. 60 IN TYPE65280 \\# 3 ABCDEF",
        "c.z.example. 60 IN TYPE731 \\# 0",
        "d.z.example. 60 IN A 10.0.0.2",
        "e.z.example. 60 IN MX 10 mx.",
        'f.z.example. 60 IN TXT "#"',
      ],
    );
    assert.match(mistakesIn(`${HEAD}a 1 A \\# 3 0a0000`)[0]!, /^z.zone:3: /);
    assert.match(mistakesIn(`${HEAD}a 1 TYPE65280 \\# 3 abcd`)[0]!, /^z.zone:3: /);
    assert.match(mistakesIn(`${HEAD}a 1 CLASS2 TYPE65280 \\# 0`)[0]!, /class CLASS2, expected IN/);
  });

  test("MF-06: strings have 255 octets at most, and a TXT has several", () => {
    const full = "x".repeat(255);
    expectRecords(`a 60 TXT ${full} "\\255\\000" b`, [
      `a.z.example. 60 IN TXT "${full}" "\\255\\000" "b"`,
    ]);
    assert.match(mistakesIn(`${HEAD}a 60 TXT ${full}x`)[0]!, /^z.zone:3: .*256 octets/);
    const escaped = "\\255".repeat(255);
    expectRecords(`a 60 TXT ${escaped}`, [`a.z.example. 60 IN TXT "${escaped}"`]);
    assert.match(mistakesIn(`${HEAD}a 60 TXT ${escaped}x`)[0]!, /^z.zone:3: .*256 octets/);
  });

  test("MF-08: times have units as in BIND", () => {
    expectRecords("$TTL 1h30m\na A 10.0.0.1\nb 1W2D A 10.0.0.2", [
      "a.z.example. 5400 IN A 10.0.0.1",
      "b.z.example. 777600 IN A 10.0.0.2",
    ]);
    const soa = parseMasterFile("@ 1d SOA a b 1 2h 30m 1w 10s\n@ NS ns.example.", { origin })[0]!;
    assert.deepEqual(soa.rdatas[0]!.values.slice(2), [1, 7200, 1800, 604800, 10]);
    // RFC 2181 §8.
    assert.deepEqual(mistakesIn(`${HEAD}a 2147483647 A 10.0.0.1\nb 2147483648 A 10.0.0.2`), [
      "z.zone:4: TTL 2147483648, expected at most 2147483647",
    ]);
  });

  test("a space that is none gets a warning, and is named where its line is a mistake", () => {
    const warnings: string[] = [];
    const warn = (text: string) => warnings.push(text);
    const text = `${HEAD}wiki\u00a0 60 A 192.0.2.1\nMy\u00a0Mac 60 A 192.0.2.2\nx 60 TXT "a\u00a0"\n`;
    parseMasterFile(text, { origin, file: "z.zone", warn });
    const part = "is part of the word, neither a blank nor a tab";
    const line = HEAD.split("\n").length;
    assert.deepEqual(warnings, [`z.zone:${line}: the mark at each · of "wiki·" ${part}`]);
    const [mistake] = mistakesIn(`${HEAD}wiki\u00a0A 192.0.2.1`);
    assert.ok(mistake!.endsWith(`; the mark at each · of "wiki·A" ${part}`), mistake);
  });

  test("RFC 2181 §5.2: of two TTLs in a set the lower is taken, with a warning", () => {
    const warnings: string[] = [];
    const warn = (text: string) => warnings.push(text);
    const text = `${HEAD}a 60 A 10.0.0.1\na 30 A 10.0.0.2\na 90 A 10.0.0.2`;
    const sets = parseMasterFile(text, { origin, file: "z.zone", warn });
    assert.deepEqual([sets.at(-1)?.ttl, sets.at(-1)?.rdatas.length], [30, 2]);
    assert.deepEqual(warnings, [
      "z.zone:4: A of a.z.example. with TTL 30 and 60, the lower is taken",
      "z.zone:5: A of a.z.example. with TTL 90 and 30, the lower is taken",
    ]);
  });

  test("a record that no update may add is a mistake in a file too: it could not be merged", () => {
    const big = (octets: number) => `a 60 TYPE65280 \\# ${octets} ${"00".repeat(octets)}`;
    assert.deepEqual(mistakesIn(HEAD + big(64_000)), []);
    assert.deepEqual(mistakesIn(HEAD + big(64_001)), [
      "z.zone:3: TYPE65280 of a.z.example. with 64001 octets of data, expected at most 64000",
    ]);
    const signature = (type: number) =>
      mistakesIn(`${HEAD}a 60 SIG TYPE${type} 8 0 0 19700101000000 19700101000000 0 . AQID`);
    assert.deepEqual(signature(1), []);
    assert.deepEqual(signature(0), [
      "z.zone:3: a SIG of type 0 signs a message (RFC 2931), and is no data",
    ]);
  });

  test("SEC-13: a set that is too large for a message is a mistake, as it is to BIND", {
    skip: skipWithout("named-checkzone"),
  }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "dnssd-gateway-"));
    const path = join(folder, "z.zone");
    // An A record takes 16 octets, a PTR record 52 of data and 3 beside it.
    for (const [kind, most] of [
      ["A", 4000],
      ["PTR", 1163],
    ] as const) {
      const text = (count: number) =>
        `${HEAD}$TTL 60\n${Array.from({ length: count }, (_, i) =>
          kind === "A"
            ? `www A 10.0.${i >> 8}.${i & 255}`
            : `_x._tcp PTR ${String(i).padStart(32, "x")}._x._tcp`,
        ).join("\n")}\n`;
      assert.deepEqual(mistakesIn(text(most)), []);
      const [mistake, ...more] = mistakesIn(text(most + 1));
      assert.match(mistake!, new RegExp(`^z\\.zone:4: ${kind} of .* with ${most + 1} records`));
      assert.match(mistake!, /6\d{4} octets, expected at most 64000$/);
      assert.deepEqual(more, []);
      await writeFile(path, text(most));
      await succeed(["named-checkzone", "z.example", path]);
      await writeFile(path, text(3 * most));
      const refused = await run(["named-checkzone", "z.example", path]);
      assert.match(`${refused.stdout}`, /ran out of space/);
    }
    await rm(folder, { recursive: true });
  });

  test("AUTH-27: NS, MX and SRV that lead to an alias get a warning", () => {
    const warnings: string[] = [];
    const warn = (text: string) => warnings.push(text);
    const text = `${HEAD}$TTL 60\na CNAME b\nx MX 1 A\nx SRV 0 0 1 a\ny NS b\nz NS a\nx PTR a`;
    parseMasterFile(text, { origin, file: "z.zone", warn });
    assert.deepEqual(warnings, [
      "z.zone:5: MX leads to the alias A.z.example.",
      "z.zone:6: SRV leads to the alias a.z.example.",
      "z.zone:8: NS leads to the alias a.z.example.",
    ]);
  });

  test("NS at a wildcard, and NS whose target looks like an address, get a warning", () => {
    const warnings: string[] = [];
    const warn = (text: string) => warnings.push(text);
    const text = `${HEAD}$TTL 60\n*.x NS b\ny NS 192.0.2.1\ny NS 192.0.2.1.\ny NS 192.0.2
y NS 192.0.2.1.y.test.\n*.w MX 1 192.0.2.1`;
    parseMasterFile(text, { origin, file: "z.zone", warn });
    assert.deepEqual(warnings, [
      "z.zone:4: NS of *.x.z.example., which BIND does not load (RFC 4592 §4.2)",
      "z.zone:5: NS leads to the name 192.0.2.1.z.example., expected that of a server, not its address",
    ]);
  });

  test("records that a DNAME hides get a warning, as some secondaries load no zone with them", () => {
    const warnings: string[] = [];
    const warn = (text: string) => warnings.push(text);
    const text = `${HEAD}$TTL 60\nx.y.Old A 10.0.0.1\nx.y.Old TXT a\nold DNAME new\nnew A 10.0.0.2\nq DNAME new\nq NS ns.example.`;
    const sets = parseMasterFile(text, { origin, file: "z.zone", warn });
    assert.equal(sets.length, 8);
    assert.deepEqual(warnings, [
      "z.zone:4: x.y.Old.z.example., which the DNAME of Old.z.example. hides; Knot and NSD load no such zone",
      "z.zone:9: NS beside the DNAME of q.z.example.; Knot loads no such zone",
    ]);
    // At the origin, NS beside DNAME gets none.
    const whole = `${HEAD}@ 60 DNAME new.example.\nx.y 60 A 10.0.0.1`;
    parseMasterFile(whole, { origin, file: "z.zone", warn });
    assert.deepEqual(warnings.slice(2), [
      "z.zone:4: x.y.z.example., which the DNAME of z.example. hides; Knot and NSD load no such zone",
    ]);
  });
});

suite("a written file", () => {
  /** Everything that a LAN has been seen to advertise, and more. */
  const ODD = `
$TTL 10
@ TXT "of the zone"
lb._dns-sd._udp 60 PTR @
_ipp._tcp PTR Mr\\.\\032Brown's\\0322\\.5\\"\\032Printer\\.._ipp._tcp.paris
_ipp._tcp.paris PTR Mr\\.\\032Brown's\\0322\\.5\\"\\032Printer\\.._ipp._tcp.paris
Mr\\.\\032Brown's\\0322\\.5\\"\\032Printer\\.._ipp._tcp.paris SRV 0 0 631 printer.paris
 TXT "txtvers=1" "note=a;b \\"c\\" \\\\ (d)" "bin=\\000\\255\\010" ""
Étage\\0322\\032–\\032Küche\\032🖨._ipp._tcp.paris TXT "Küche 🖨"
back\\\\slash._ipp._tcp.paris TXT ""
\\@._ipp._tcp.paris TXT "at"
\\$TTL._ipp._tcp.paris TXT "dollar"
a\\;b\\(c\\)._ipp._tcp.paris TXT "special"
\\000\\009\\010\\013\\127\\255._ipp._tcp.paris TXT "octets"
${"x".repeat(63)}._ipp._tcp.paris TXT ${"x".repeat(255)} ${"y".repeat(255)}
user._presence._tcp.paris NULL \\# 6 89504e470d0a
user._presence._tcp.paris TYPE65280 \\# 0
printer.paris A 10.1.0.10
 A 10.1.0.11
 AAAA 2001:db8::10
 HINFO "MAC OS" X
 RP h.example. .
* MX 10 mail
@ CAA 0 issue "ca.example"
@ HTTPS 1 . alpn="h2,h3" port=8443
sub NS ns.sub
ns.sub A 10.0.0.53
sub DS 1 13 2 ${"ab".repeat(32)}
alias CNAME printer.paris
old DNAME new
n NAPTR 10 20 "u" "E2U+sip" "!^.*$!sip:a@example!" .
s SSHFP 4 2 ${"cd".repeat(32)}
t TLSA 3 1 1 ${"ef".repeat(32)}
`;
  const sets = parseMasterFile(HEAD + ODD, { origin });
  const text = formatMasterFile(sets, origin);

  test("MF-07: reads back as the same records, whatever they are", () => {
    assert.deepEqual(lines(parseMasterFile(text, { origin })), lines(sets));
    assert.match(text, /^\$ORIGIN z\.example\.\n\$TTL 10\n@ +3600 +IN SOA /);
    assert.match(text, /\nprinter\.paris +IN A +10\.1\.0\.10\n +IN A +10\.1\.0\.11\n +IN HINFO /);
  });

  test("MF-07: has each set's owner in its own case, and omits it where it repeats", () => {
    const text = "$TTL 60\na A 10.0.0.1\nA TXT x\nA PTR a";
    const sets = parseMasterFile(text, { origin, isPartial: true });
    assert.equal(
      formatMasterFile(sets, origin).replaceAll(/ +/g, " "),
      '$ORIGIN z.example.\n$TTL 60\na IN A 10.0.0.1\nA IN PTR a\n IN TXT "x"\n',
    );
  });

  test("has the most frequent TTL as $TTL, the lower of two equally frequent ones", () => {
    const usual = (...ttls: readonly number[]) =>
      usualTtl(ttls.map((ttl) => ({ ...sets[0]!, ttl })));
    assert.deepEqual([usual(60, 10, 60), usual(60, 10), usual()], [60, 10, 0]);
  });

  test("MF-07: is the same text for the same records in any order", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(sets, { minLength: sets.length }), (shuffled) => {
        const turned = shuffled.map((set) => ({ ...set, rdatas: set.rdatas.toReversed() }));
        assert.equal(formatMasterFile(turned, origin), text);
      }),
      { numRuns: 20 },
    );
  });

  test("MF-07: reads back the same for any names, types, TTLs and data", () => {
    const ttl = fc.integer({ min: 0, max: 2 ** 31 - 1 });
    const label = fc.uint8Array({ minLength: 1, maxLength: 63 });
    const owner = fc.array(label, { maxLength: 3 }).map((labels) => Name.join(labels, origin)!);
    const record = fc
      .record({ owner, ttl, data: arbitrary.rdata })
      .filter(({ data }) => !UNWRITTEN.has(data.type) && !(data.type >= 128 && data.type <= 255));
    fc.assert(
      fc.property(fc.array(record, { maxLength: 12 }), (records) => {
        const sets = new Map<string, RecordSet>();
        for (const { owner, ttl, data } of records) {
          const set = { name: owner, type: data.type, ttl, rdatas: [data] };
          // What is a mistake is not read.
          if (data.type === Type.DS && owner.equals(origin)) continue;
          sets.set(`${owner.key} ${data.type}`, set);
        }
        const read = parseMasterFile(formatMasterFile(sets.values(), origin), {
          origin,
          isPartial: true,
        });
        assert.deepEqual(lines(read), lines(sets.values()));
        assert.deepEqual(octets(read), octets(sets.values()));
      }),
    );
  });

  test("is read as UTF-8, and refused otherwise", async () => {
    const folder = await mkdtemp(join(tmpdir(), "zone-"));
    const path = join(folder, "z.example.zone");
    await writeFile(path, text);
    assert.deepEqual(lines(await readMasterFile(path, origin)), lines(sets));
    await writeFile(path, `\ufeff${text}`);
    assert.deepEqual(lines(await readMasterFile(path, origin)), lines(sets), "a mark in front");
    await writeFile(path, Buffer.from("a 1 TXT \xff", "latin1"));
    await assert.rejects(readMasterFile(path, origin), /not UTF-8/);
    await writeFile(join(folder, "whole"), "$INCLUDE z.example.zone");
    await assert.rejects(readMasterFile(join(folder, "whole"), origin), {
      message: /whole:1: .*z\.example\.zone cannot be read \(.*not UTF-8/,
    });
    await rm(folder, { recursive: true });
  });

  suite("in other servers", () => {
    const folder = mkdtemp(join(tmpdir(), "zone-"));
    after(async () => rm(await folder, { recursive: true }));
    const zoneFile = async () => {
      const path = join(await folder, "z.zone");
      await writeFile(path, text);
      return path;
    };

    test("MF-07: BIND loads it and has the same records", {
      skip: skipWithout("named-compilezone"),
    }, async () => {
      const copy = join(await folder, "bind.zone");
      await succeed(["named-compilezone", "-o", copy, "z.example", await zoneFile()]);
      assert.deepEqual(lines(await readMasterFile(copy, origin)), lines(sets));
    });

    test("MF-07: Knot loads it", { skip: skipWithout("kzonecheck") }, async () => {
      await succeed(["kzonecheck", "-o", "z.example", await zoneFile()]);
    });

    test("MF-07: NSD loads it and has the same records", {
      skip: skipWithout("nsd-checkzone"),
    }, async () => {
      const printed = await succeed(["nsd-checkzone", "-p", "z.example", await zoneFile()]);
      // NSD prints names in lower case.
      const read = parseMasterFile(printed, { origin });
      assert.deepEqual(octets(read, "key"), octets(sets, "key"));
    });
  });
});

/** Types that have no data in a zone, or one record only. */
const UNWRITTEN: ReadonlySet<number> = new Set([0, Type.OPT, Type.SOA, Type.CNAME]);

/** The names and data of all records, their case kept or not. */
function octets(sets: Iterable<RecordSet>, how: "wire" | "key" = "wire"): string[] {
  const dataOf = (rdata: Rdata) =>
    how === "key" ? rdata.key : Buffer.from(rdata.toWire()).toString("latin1");
  return [...sets]
    .flatMap(({ name, ttl, type, rdatas }) =>
      rdatas.map((rdata) => JSON.stringify([name[how], ttl, type, dataOf(rdata)])),
    )
    .sort();
}
