import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Type } from "../../src/dns/constants.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { decodeEntry, encodeEntry, type Step } from "../../src/zone/journal/entry.ts";
import { FOREVER } from "../../src/zone/update/hold.ts";
import type { StepTaken } from "../../src/zone/update/leases.ts";
import { name } from "./fixture.ts";

suite("a step in a journal", () => {
  const data = rdata.a("10.0.0.1");
  const [a, b, c] = [name("a"), name("b"), name("c")];
  const setOf = (owner: typeof a) => ({ name: owner, type: Type.A, ttl: 60, rdatas: [data] });
  const added = [setOf(a), setOf(b)];

  /** The owners of the records in `holds`, after the step was written and read. */
  function ownersOf(holds: readonly StepTaken[]): string[] {
    const step: Step = {
      ...{ at: 0, by: "paris", lease: FOREVER, keyLease: FOREVER, file: undefined },
      ...{ change: { to: 2, soa: undefined, removed: [], added }, holds, signedAt: undefined },
    };
    const known = { name: name("known"), rdata: data };
    const read = decodeEntry(encodeEntry({ is: "step", ...step }), (id) =>
      id === 7 ? known : undefined,
    );
    assert.equal(read.is, "step");
    return (read as Step).holds.map(({ record }) => `${record.name}`);
  }

  test("names records of equal data by their owners, in any order", () => {
    const take = (owner: typeof a, id?: number): StepTaken => ({
      ...{ does: "take", record: { name: owner, rdata: data }, id },
    });
    assert.deepEqual(ownersOf([take(a), take(b)]), ["a.z.example.", "b.z.example."]);
    assert.deepEqual(ownersOf([take(b), take(a)]), ["b.z.example.", "a.z.example."]);
    assert.deepEqual(ownersOf([take(c), take(a)]), ["c.z.example.", "a.z.example."]);
    assert.deepEqual(ownersOf([take(a), take(c)]), ["a.z.example.", "c.z.example."]);
    assert.deepEqual(ownersOf([take(c, 7), take(b)]), ["known.z.example.", "b.z.example."]);
  });
});
