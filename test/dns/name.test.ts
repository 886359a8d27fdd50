import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FormatError } from "../../src/dns/format.ts";
import { compareNames, labelToUnicode, Name } from "../../src/dns/name.ts";
import * as arbitrary from "../support/arbitrary.ts";
import fc from "../support/fastcheck.ts";

describe("Name", () => {
  it("reads text with escapes and prints it again", () => {
    const name = Name.parse(String.raw`Mr\.\032Brown's\0322\.5\"\032Printer.local.`);
    assert.equal(Buffer.from(name.labels[0]!).toString(), `Mr. Brown's 2.5" Printer`);
    assert.equal(name.toString(), String.raw`Mr\.\032Brown's\0322\.5\"\032Printer.local.`);
    assert.equal(Name.parse("$TTL.").toString(), String.raw`\$TTL.`);
  });

  it("takes a name without a final dot as beneath the origin", () => {
    const origin = Name.parse("example.com.");
    assert.equal(Name.parse("www", origin).toString(), "www.example.com.");
    assert.equal(Name.parse("www.", origin).toString(), "www.");
    assert.equal(Name.parse("@", origin), origin);
    assert.equal(Name.parse(String.raw`\@`, origin).toString(), String.raw`\@.example.com.`);
    assert.equal(Name.parse(String.raw`a\.`, origin).toString(), String.raw`a\..example.com.`);
    assert.equal(Name.parse(String.raw`a\046`, origin).toString(), String.raw`a\..example.com.`);
    assert.equal(Name.parse(".", origin), Name.root);
  });

  it("reads UTF-8 text as its octets", () => {
    const name = Name.parse("Küche.local.");
    assert.equal(name.toString(), String.raw`K\195\188che.local.`);
    assert.equal(name.toUnicode(), "Küche.local.");
  });

  for (const text of ["", "a..b", ".a", "..", String.raw`\256`, String.raw`\25`, "\\", `a\\`]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => Name.parse(text), FormatError);
    });
  }

  it("holds up to 63 octets a label and 255 in all (RFC 1035 §2.3.4)", () => {
    const long = new Uint8Array(63).fill(0x61);
    assert.equal(Name.of([long]).wireLength, 65);
    assert.throws(() => Name.of([new Uint8Array(64)]), FormatError);
    assert.throws(() => Name.of([new Uint8Array()]), FormatError);
    const most = Name.of([long, long, long, new Uint8Array(61)]);
    assert.equal(most.wireLength, 255);
    assert.throws(() => Name.of([long, long, long, new Uint8Array(62)]), FormatError);
    assert.equal(most.child("a"), undefined);
    assert.equal(Name.parse("a.b.").replaceSuffix(Name.parse("b."), most), undefined);
  });

  it("is equal to a name that differs only in the case of ASCII letters (RFC 4343 §3)", () => {
    assert.ok(Name.parse("PRINTER.Local.").equals(Name.parse("printer.LOCAL.")));
    assert.ok(!Name.parse("Ü.local.").equals(Name.parse("ü.local.")));
    assert.ok(!Name.parse(String.raw`\192.`).equals(Name.parse(String.raw`\224.`)));
    assert.ok(!Name.parse("[.").equals(Name.parse("{.")));
    assert.ok(!Name.parse(String.raw`\@.`).equals(Name.parse("`.")));
    assert.equal(Name.parse("PRINTER.Local.").toLowerCase().toString(), "printer.local.");
    assert.equal(Name.parse("PRINTER.Local.").toString(), "PRINTER.Local.");
  });

  it("knows what it is beneath, by whole labels", () => {
    const zone = Name.parse("example.com.");
    assert.ok(zone.isUnder(zone));
    assert.ok(zone.isUnder(Name.root));
    assert.ok(Name.parse("a.EXAMPLE.com.").isUnder(zone));
    assert.ok(!Name.parse("myexample.com.").isUnder(zone));
    assert.ok(!Name.parse("com.").isUnder(zone));
    assert.ok(!Name.parse(String.raw`a\.example.com.`).isUnder(zone));
  });

  it("keeps its case when it is moved from one domain to another", () => {
    const moved = Name.parse("Office.LOCAL.").replaceSuffix(
      Name.parse("local."),
      Name.parse("x.y."),
    );
    assert.equal(moved?.toString(), "Office.x.y.");
    const other = Name.parse("a.b.");
    assert.equal(other.replaceSuffix(Name.parse("local."), Name.root), other);
  });

  it("has a parent, except for the root", () => {
    assert.equal(Name.parse("a.b.").parent?.toString(), "b.");
    assert.equal(Name.parse("a.").parent, Name.root);
    assert.equal(Name.root.parent, undefined);
  });

  it("never prints a control character for people", () => {
    assert.equal(
      labelToUnicode(Buffer.from("a\u001b[2J\u202eb.c\\d")),
      String.raw`a\027[2J\226\128\174b\.c\\d`,
    );
    assert.equal(labelToUnicode(Buffer.from("a\u0085\u2067b")), String.raw`a\194\133\226\129\167b`);
    assert.equal(labelToUnicode(Uint8Array.of(0xff, 0x41)), String.raw`\255A`);
    assert.equal(labelToUnicode(Buffer.from("\ufeffx")), "\ufeffx");
  });

  it("sorts like the example of RFC 4034 §6.1", () => {
    const sorted = [
      "example.",
      "a.example.",
      "yljkjljk.a.example.",
      "Z.a.example.",
      "zABC.a.EXAMPLE.",
      "z.example.",
      String.raw`\001.z.example.`,
      "*.z.example.",
      String.raw`\200.z.example.`,
    ];
    const names = sorted.map((text) => Name.parse(text));
    assert.deepEqual([...names].reverse().sort(compareNames), names);
  });

  it("prints text that reads back as the same octets, whatever these are", () => {
    fc.assert(
      fc.property(arbitrary.name, (name) => {
        assert.equal(Name.parse(name.toString()).wire, name.wire);
      }),
      { numRuns: 2000 },
    );
  });

  it("consists of its labels", () => {
    fc.assert(
      fc.property(arbitrary.name, (name) => {
        assert.equal(Name.of(name.labels).wire, name.wire);
        assert.equal(
          name.wireLength,
          name.labels.reduce((sum, label) => sum + 1 + label.length, 1),
        );
      }),
    );
  });

  it("is beneath another exactly if its last labels are the other's", () => {
    const folded = (name: Name) =>
      name.labels.map((label) => Buffer.from(label).toString("latin1").replace(/[A-Z]/g, lower));
    const lower = (letter: string) => letter.toLowerCase();
    fc.assert(
      fc.property(arbitrary.name, arbitrary.name, fc.boolean(), (a, b, isBeneath) => {
        const beneath = isBeneath ? (Name.join(a.labels, b) ?? a) : a;
        const [long, short] = [folded(beneath), folded(b)];
        const expected =
          short.length <= long.length &&
          short.every((label, i) => label === long.at(i - short.length));
        assert.equal(beneath.isUnder(b), expected);
        assert.equal(beneath.equals(b), expected && long.length === short.length);
        if (!expected) return;
        assert.equal(Name.join(beneath.labelsUnder(b), b)?.key, beneath.key);
      }),
      { numRuns: 1000 },
    );
  });

  it("keeps each subtree together when keys are sorted", () => {
    fc.assert(
      fc.property(fc.array(arbitrary.name, { maxLength: 12 }), arbitrary.name, (names, top) => {
        const keys = [...names, ...names.map((name) => Name.join(name.labels, top) ?? top)]
          .map((name) => name.key)
          .sort();
        const beneath = keys.map((key) => key.startsWith(top.key));
        const first = beneath.indexOf(true);
        if (first < 0) return;
        assert.ok(beneath.slice(first, beneath.lastIndexOf(true) + 1).every(Boolean));
      }),
    );
  });

  it("has one order, regardless of case", () => {
    fc.assert(
      fc.property(arbitrary.name, arbitrary.name, arbitrary.name, (a, b, c) => {
        assert.equal(Math.sign(compareNames(a, b)), -Math.sign(compareNames(b, a)) || 0);
        assert.equal(compareNames(a, b) === 0, a.equals(b));
        if (compareNames(a, b) <= 0 && compareNames(b, c) <= 0) assert.ok(compareNames(a, c) <= 0);
        assert.equal(compareNames(a, a.toLowerCase()), 0);
      }),
    );
  });
});
