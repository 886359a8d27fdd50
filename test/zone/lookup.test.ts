import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { type Answer, lookup } from "../../src/zone/lookup/lookup.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { Snapshot } from "../../src/zone/snapshot.ts";
import { type Change, movesCut } from "../../src/zone/update/change.ts";
import fc from "../support/fastcheck.ts";
import { ask, lines, name, operator, snapshotOf, zoneOf } from "./fixture.ts";
import { update } from "./model.ts";

const START = `
  a A 10.0.0.1
  c.b.a SRV 0 0 631 d.c.b.a
  d.c.b.a A 10.0.0.1
  b.a PTR c.b.a
  b.a PTR y.*.x
  alias CNAME d.c.b.a
  _dns-sd._udp PTR a
`;

const QUESTIONS = [
  ...["@", "a", "b.a", "c.b.a", "d.c.b.a", "e.d.c.b.a", "x", "z.x", "q.z.x", "*.x", "y.*.x"],
  ...["q", "alias", "_tcp", "lb._dns-sd._udp"],
].flatMap((owner) => ["A", "PTR", "SRV", "NS", "ANY", "DS"].map((type) => `${owner} ${type}`));

function told({ rcode, isAuthoritative, answers, authorities, additionals }: Answer) {
  const sections = [answers, authorities, additionals].map((sets) => lines(sets));
  return JSON.stringify({ rcode, isAuthoritative, sections });
}

function touches(change: Change, { names }: Answer): boolean {
  const owners = [...change.removed, ...change.added].map((set) => set.name);
  const isTouched = (owner: Name) => names.some((key) => owner.key.startsWith(key));
  const makesWildcard = owners.some((owner) => owner.toString().includes("*."));
  return movesCut(change) || makesWildcard || owners.some(isTouched);
}

suite("lookup", () => {
  test("gives the same answer until something changes at its names or beneath them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(update, { maxLength: 6 }), async (updates) => {
        const zone = zoneOf(START);
        for (const update of updates) {
          const before = zone.current;
          await zone.apply(update, operator);
          const changes = zone.since(before.serial);
          assert.ok(changes !== "resync");
          for (const question of QUESTIONS) {
            const old = ask(before, question);
            if (told(old) === told(ask(zone.current, question))) continue;
            assert.ok(
              changes.some((change) => touches(change, old)),
              question,
            );
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  test("names what an answer depends on, and no more", () => {
    const zone = snapshotOf(START);
    const names = (question: string) => ask(zone, question).names.map(String);
    const key = (owner: string) => name(owner).key;
    assert.deepEqual(names("a A"), [key("a")]);
    assert.deepEqual(names("b.a PTR"), [key("b.a"), key("y.*.x")]);
    assert.deepEqual(names("c.b.a SRV"), [key("c.b.a")], "the target lies beneath it");
    assert.deepEqual(names("alias A"), [key("alias"), key("d.c.b.a")]);
    assert.deepEqual(names("q A"), [key("@")]);
    assert.deepEqual(names("a PTR"), [key("a"), key("@")]);
  });

  test("refuses names outside the zone", () => {
    const answer = lookup(snapshotOf(""), { name: name("@").parent!, type: Type.A, class: 1 });
    assert.equal(answer.rcode, 5);
    assert.equal(answer.isAuthoritative, false);
    assert.deepEqual([answer.answers, answer.authorities, answer.additionals], [[], [], []]);
  });

  test("serves a zone at the root", () => {
    const sets = parseMasterFile(
      `$TTL 60
      @ SOA ns.example. h.example. 1 2 3 4 5
      @ NS ns.example.
      ns.example A 10.0.0.1
      com NS ns.example.`.replace(/^ +/gm, ""),
      { origin: Name.root },
    );
    const root = Snapshot.of(Name.root, sets);
    const found = (owner: string) =>
      lookup(root, { name: Name.parse(owner), type: Type.A, class: 1 });
    assert.deepEqual(lines(found("ns.example.").answers), ["ns.example.\t60\tIN\tA\t10.0.0.1"]);
    assert.deepEqual(lines(found("www.com.").additionals), ["ns.example.\t60\tIN\tA\t10.0.0.1"]);
    assert.equal(found("org.").rcode, 3);
    assert.equal(found("example.").rcode, 0);
  });
});
