import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeldSubnets } from "../../src/collector/heldsubnets.ts";
import { hexOf } from "../../src/dns/address.ts";
import type { LinkAddress } from "../../src/net/links/link.ts";

const [OLD, NEW, GLOBAL] = ["0a010000", "0a020000", "20010db8000000000000000000000000"];

describe("the subnets that a link is in", () => {
  const four = (address: string): LinkAddress => ({ family: 4, address, prefix: 24 });
  const [old, other] = [four("10.1.0.1"), four("10.2.0.1")];
  const linkLocal: LinkAddress = { family: 6, address: "fe80::1", prefix: 64 };
  const global: LinkAddress = { family: 6, address: "2001:db8::1", prefix: 64 };
  const bases = (subnets: HeldSubnets) => subnets.all.map(({ base }) => hexOf(base));

  it("keep, for the grace, those of a family that has no address now", () => {
    const subnets = new HeldSubnets(15);
    subnets.look([old, global, linkLocal], 0);
    subnets.look([global, linkLocal], 10);
    assert.deepEqual(bases(subnets), [OLD, GLOBAL]);
    subnets.look([linkLocal], 24);
    assert.deepEqual(bases(subnets), [OLD, GLOBAL]);
    subnets.look([global, linkLocal], 25);
    assert.deepEqual(bases(subnets), [GLOBAL]);
    subnets.look([old, global, linkLocal], 30);
    subnets.look([global, linkLocal], 40);
    assert.deepEqual(bases(subnets), [OLD, GLOBAL], "another grace for another loss");
  });

  it("have a separate grace for each family", () => {
    const subnets = new HeldSubnets(15);
    subnets.look([old, global, linkLocal], 0);
    subnets.look([global, linkLocal], 5);
    subnets.look([linkLocal], 15);
    subnets.look([linkLocal], 20);
    assert.deepEqual(bases(subnets), [GLOBAL]);
    subnets.look([linkLocal], 29);
    assert.deepEqual(bases(subnets), [GLOBAL]);
    subnets.look([linkLocal], 30);
    assert.deepEqual(bases(subnets), []);
  });

  it("are the current ones if the family has another, or if there is no grace", () => {
    const subnets = new HeldSubnets(15);
    subnets.look([old, global], 0);
    subnets.look([other, global], 1);
    assert.deepEqual(bases(subnets), [NEW, GLOBAL]);
    const hasty = new HeldSubnets(0, subnets.all);
    hasty.look([linkLocal], 2);
    assert.deepEqual(bases(hasty), []);
  });

  it("end without a change of addresses, and are computed only when necessary", () => {
    const subnets = new HeldSubnets(15);
    const before = [old];
    assert.ok(subnets.look(before, 0));
    assert.ok(!subnets.look(before, 1));
    const after = [linkLocal];
    assert.ok(subnets.look(after, 2));
    assert.ok(!subnets.look(after, 16));
    assert.deepEqual(bases(subnets), [OLD]);
    assert.ok(subnets.look(after, 17));
    assert.deepEqual(bases(subnets), []);
    assert.ok(!subnets.look(after, 18));
  });

  it("start with those of a link that went a moment ago", () => {
    const before = new HeldSubnets(15);
    before.look([old], 0);
    const subnets = new HeldSubnets(15, before.all);
    subnets.look([linkLocal], 3);
    assert.deepEqual(bases(subnets), [OLD]);
    subnets.look([linkLocal], 18);
    assert.deepEqual(bases(subnets), []);
  });
});
