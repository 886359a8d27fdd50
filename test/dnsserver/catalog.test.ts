import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Class, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { Catalog } from "../../src/dnsserver/catalog.ts";
import type { Authority } from "../../src/zone/lookup/authority.ts";
import fc from "../support/fastcheck.ts";

const authority = (origin: Name): Authority => ({
  origin,
  answer: () => assert.fail("nobody is asked"),
});
const catalogOf = (...origins: readonly string[]) =>
  new Catalog(origins.map((origin) => authority(Name.parse(origin))));
const found = (catalog: Catalog, name: string) => catalog.find(Name.parse(name))?.origin.toString();

suite("catalog", () => {
  test("a name belongs to the zone with the longest suffix of it", () => {
    const catalog = catalogOf("example.", "a.example.", "b.a.example.");
    for (const [name, origin] of [
      ["example.", "example."],
      ["x.example.", "example."],
      ["a.example.", "a.example."],
      ["x.y.a.example.", "a.example."],
      ["x.B.A.EXAMPLE.", "b.a.example."],
      ["ba.example.", "example."],
      ["a.example.org.", undefined],
      ["xexample.", undefined],
      [".", undefined],
    ] as const) {
      assert.equal(found(catalog, name), origin, name);
    }
  });

  test("the root may be a zone, and a catalog may be empty", () => {
    assert.equal(found(catalogOf(".", "example."), "other."), ".");
    assert.equal(found(catalogOf(".", "example."), "x.example."), "example.");
    assert.equal(found(catalogOf(), "example."), undefined);
  });

  test("finds what a search through all zones finds", () => {
    const label = fc.constantFrom("a", "B", "\\001a", "aa", "\\000");
    const name = fc
      .array(label, { maxLength: 4 })
      .map((labels) => Name.parse(labels.map((each) => `${each}.`).join("") || "."));
    fc.assert(
      fc.property(fc.array(name, { maxLength: 6 }), name, (origins, asked) => {
        const [longest] = origins
          .filter((origin) => asked.isUnder(origin))
          .sort((a, b) => b.wireLength - a.wireLength);
        const answering = new Catalog(origins.map(authority)).find(asked);
        assert.equal(answering?.origin.key, longest?.key);
      }),
      { numRuns: 1000 },
    );
  });

  test("AUTH-24, SEC-DNSSEC-19: a DS query goes to the zone above the cut, if that is served here (RFC 4035 §3.1.4.1)", () => {
    const catalog = catalogOf("example.", "a.example.", "other.");
    const asked = (text: string, type: number) =>
      catalog.findFor({ name: Name.parse(text), type, class: Class.IN })?.origin.toString();
    assert.equal(asked("a.example.", Type.DS), "example.");
    assert.equal(asked("a.example.", Type.SOA), "a.example.");
    assert.equal(asked("x.a.example.", Type.DS), "a.example.");
    assert.equal(asked("other.", Type.DS), "other.");
    assert.equal(asked(".", Type.DS), undefined);
  });
});
