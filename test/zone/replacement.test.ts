import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Type } from "../../src/dns/constants.ts";
import { collectorPrincipal, operatorPrincipal } from "../../src/zone/update/principal.ts";
import type { Zone } from "../../src/zone/zone.ts";
import { FakeClock } from "../support/clock.ts";
import { lines, name, origin, updateOf, zoneOf } from "./fixture.ts";

const isParis = (site: { equals(other: unknown): boolean }) => site.equals(name("paris"));
const first = collectorPrincipal("first", origin, isParis);
const second = collectorPrincipal("second", origin, isParis);

const OLD = '+ x.paris TXT "note=old"';
const NEW = '- x.paris TXT\n+ x.paris TXT "note=new"';

function texts(zone: Zone): string[] {
  return lines(zone.current).filter((line) => line.includes("TXT"));
}

function holders(zone: Zone, owner = "x.paris"): string[] {
  const { rdatas } = zone.current.set(name(owner), Type.TXT)!;
  return rdatas.flatMap((rdata) => zone.holders({ name: name(owner), rdata })).sort();
}

suite("a set that a collector replaces (RFC 2136 §2.5.2)", () => {
  const lease = { lease: 300 };

  test("has the new data alone, whoever else leased the old", async () => {
    const zone = zoneOf("", { clock: new FakeClock() });
    for (const by of [first, second]) await zone.apply(updateOf(OLD, lease), by);
    const { serial } = zone.current;
    await zone.apply(updateOf(NEW, lease), second);
    assert.deepEqual(texts(zone), ['x.paris.z.example.\t60\tIN\tTXT\t"note=new"']);
    assert.equal(zone.current.serial, serial + 1);
    assert.deepEqual(holders(zone), ["second"]);
    // One who still hears the old data adds it again.
    await zone.apply(updateOf(OLD, lease), first);
    assert.equal(texts(zone).length, 2);
  });

  test("by the same data keeps its serial and its holders", async () => {
    const clock = new FakeClock();
    const zone = zoneOf("", { clock });
    for (const by of [first, second]) await zone.apply(updateOf(OLD, lease), by);
    await zone.apply(updateOf(NEW, lease), first);
    const { serial } = zone.current;
    await zone.apply(updateOf(NEW, lease), second);
    assert.deepEqual(holders(zone), ["first", "second"]);
    clock.advance(200_000);
    await zone.apply(updateOf(NEW, lease), second);
    assert.equal(zone.current.serial, serial);
    await zone.apply(updateOf('- x.paris TXT "note=new"'), second);
    assert.deepEqual(holders(zone), ["first"]);
    clock.advance(100_000);
    assert.deepEqual(texts(zone), []);
  });

  test("keeps what the zone's file or an operator holds", async () => {
    const clock = new FakeClock();
    const zone = zoneOf('x.paris TXT "file"\nx.paris TXT "both"', { clock });
    await zone.apply(updateOf('+ x.paris TXT "hand"'), operatorPrincipal("operator"));
    await zone.apply(updateOf(`${OLD}\n+ x.paris TXT "both"`, lease), first);
    await zone.apply(updateOf(NEW, lease), second);
    const after = texts(zone);
    assert.deepEqual(
      after.map((line) => /"(.*)"/.exec(line)![1]),
      ["both", "file", "hand", "note=new"],
    );
    clock.advance(300_000);
    assert.equal(texts(zone).length, 3);
  });

  test("is not its name, whose removal releases only one's own hold", async () => {
    const zone = zoneOf("", { clock: new FakeClock() });
    for (const by of [first, second]) await zone.apply(updateOf(OLD, lease), by);
    await zone.apply(updateOf("- x.paris ANY"), second);
    assert.deepEqual(holders(zone), ["first"]);
  });

  test("several times in one update has the last data", async () => {
    const zone = zoneOf("", { clock: new FakeClock() });
    for (const by of [first, second]) await zone.apply(updateOf(OLD, lease), by);
    const { serial } = zone.current;
    await zone.apply(updateOf(`${NEW}\n- x.paris TXT\n${OLD}`, lease), second);
    assert.equal(zone.current.serial, serial);
    assert.deepEqual(holders(zone), ["first", "second"]);
    await zone.apply(updateOf(`${NEW}\n- x.paris TXT`, lease), second);
    assert.deepEqual(texts(zone), []);
    await zone.apply(updateOf(OLD, lease), first);
    assert.deepEqual(holders(zone), ["first"]);
  });
});
