import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Type } from "../../src/dns/constants.ts";
import { compareNames, Name } from "../../src/dns/name.ts";
import { type RecordSet, recordsOf } from "../../src/dns/record.ts";
import { Snapshot } from "../../src/zone/snapshot.ts";
import { replay } from "../../src/zone/update/change.ts";
import * as arbitrary from "../support/arbitrary.ts";
import fc from "../support/fastcheck.ts";
import { lines, name, operator, origin, setsOf, snapshotOf, zoneOf } from "./fixture.ts";
import { facts, Model, nodesOf, update } from "./model.ts";

const START = "a A 10.0.0.1\nc.b.a TXT x\nx CNAME a";

/** The zone, and its snapshot and model after each update. */
async function run(updates: readonly Parameters<Model["apply"]>[0][]) {
  const zone = zoneOf(START);
  const steps: { snapshot: Snapshot; model: string[] }[] = [];
  const model = new Model([...zone.current].flatMap(recordsOf).filter((r) => r.type !== Type.SOA));
  for (const update of updates) {
    assert.equal(await zone.apply(update, operator), 0);
    model.apply(update);
    steps.push({ snapshot: zone.current, model: facts(model.records) });
  }
  return { zone, steps };
}

suite("Snapshot", () => {
  test("equals a plain list of records after any updates, including its nodes and counts", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(update, { maxLength: 10 }), async (updates) => {
        const { steps } = await run(updates);
        for (const { snapshot, model } of steps) {
          const sets = [...snapshot];
          const records = sets.flatMap(recordsOf);
          assert.deepEqual(facts(records.filter((record) => record.type !== Type.SOA)), model);
          assert.equal(snapshot.size, records.length);
          const expected = nodesOf(sets);
          for (const [key, children] of expected) {
            assert.equal(snapshot.node(key as typeof origin.key)?.children, children);
          }
          for (const gone of ["a", "b.a", "c.b.a", "d.c.b.a", "x", "z.x", "*.x", "y.*.x"]) {
            const { key } = name(gone);
            assert.equal(snapshot.node(key) !== undefined, expected.has(key), gone);
          }
          const cuts = sets.filter(
            ({ name, type }) => type === Type.DNAME || (type === Type.NS && !name.equals(origin)),
          );
          assert.equal(snapshot.cuts, cuts.length);
        }
      }),
    );
  });

  test("has one SOA, whatever updates do, and it comes first", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(update, { maxLength: 10 }), async (updates) => {
        const { steps } = await run(updates);
        for (const { snapshot } of steps) {
          const soas = [...snapshot].filter(({ type }) => type === Type.SOA);
          assert.deepEqual(soas, [snapshot.soa]);
          assert.equal(snapshot.soa.rdatas.length, 1);
          assert.equal([...snapshot][0], snapshot.soa);
        }
      }),
    );
  });

  test("can be rebuilt from its changes, one after the other", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(update, { maxLength: 10 }), async (updates) => {
        const { zone, steps } = await run(updates);
        const start = snapshotOf(START);
        for (const at of [start, ...steps.map(({ snapshot }) => snapshot)]) {
          const changes = zone.since(at.serial);
          assert.ok(changes !== "resync");
          const end = changes.reduce(replay, at);
          assert.deepEqual(lines(end), lines(zone.current));
          assert.equal(end.serial, zone.current.serial);
          assert.equal(end.size, zone.current.size);
        }
      }),
    );
  });

  test("is iterated in canonical order of names and ascending type, each set once", () => {
    fc.assert(
      fc.property(fc.array(arbitrary.name, { maxLength: 30 }), (names) => {
        const [address] = setsOf("x A 10.0.0.1").slice(-1);
        const sets: RecordSet[] = [];
        for (const each of names) {
          const owner = each.isRoot ? undefined : Name.join(each.labels, origin);
          if (owner !== undefined) sets.push({ ...address!, name: owner });
        }
        const unique = [...new Map(sets.map((set) => [set.name.key, set])).values()];
        const snapshot = Snapshot.of(origin, [...setsOf(""), ...unique]);
        const [soa, ...rest] = [...snapshot];
        assert.equal(soa, snapshot.soa);
        assert.equal(rest.length, unique.length + 1);
        assert.deepEqual(new Set(snapshot.sets()), new Set(snapshot));
        for (let i = 1; i < rest.length; i++) {
          const order = compareNames(rest[i - 1]!.name, rest[i]!.name);
          assert.ok(order < 0 || (order === 0 && rest[i - 1]!.type < rest[i]!.type));
        }
      }),
    );
  });

  test("is iterated in that order even if it is large", () => {
    const [address] = setsOf("x A 10.0.0.1").slice(-1);
    const sites = Array.from({ length: 5000 }, (_, i) => `h${(i * 7919) % 5000}.s${i % 7}`);
    const sets = sites.map((text) => ({ ...address!, name: name(text) }));
    const [, ...rest] = [...Snapshot.of(origin, [...setsOf(""), ...sets])];
    assert.equal(rest.length, sets.length + 1);
    for (let i = 1; i < rest.length; i++) {
      assert.ok(compareNames(rest[i - 1]!.name, rest[i]!.name) < 0, `${rest[i]!.name}`);
    }
  });

  test("requires one SOA at its origin, and nothing outside", () => {
    const [soa, ns] = setsOf("");
    assert.throws(() => Snapshot.of(origin, [ns!]), /one SOA is expected/);
    assert.throws(() => Snapshot.of(origin, [{ ...soa!, name: name("a") }]), /one SOA/);
    assert.throws(() => Snapshot.of(origin, [soa!, { ...ns!, name: origin.parent! }]), /not under/);
  });

  test("shares what has not changed with its predecessor", async () => {
    const zone = zoneOf(START);
    const before = zone.current;
    await zone.apply({ zone: origin, prerequisites: [], updates: [] }, operator);
    assert.equal(zone.current, before);
    const [set] = setsOf("other A 10.0.0.7").slice(-1);
    await zone.apply({ zone: origin, prerequisites: [], updates: recordsOf(set!) }, operator);
    for (const owner of ["a", "c.b.a", "x"]) {
      assert.equal(zone.current.node(name(owner).key), before.node(name(owner).key));
    }
  });
});
