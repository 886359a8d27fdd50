/** The changes that a zone keeps, filled several times over. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Type } from "../../src/dns/constants.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { History } from "../../src/zone/history.ts";
import type { Change } from "../../src/zone/update/change.ts";
import { inUse } from "../support/memory.ts";
import { name, operator, updateOf, zoneOf } from "./fixture.ts";

const MIB = 2 ** 20;

suite("the history of a zone", () => {
  test("SEC-13: fills memory up to its limit and no further, however long the zone changes", async () => {
    const zone = zoneOf(Array.from({ length: 12_000 }, (_, i) => `h${i} A 10.1.0.1`).join("\n"));
    let octet = 0;
    /** Makes more changes than are kept: those of as many records as the zone has, each of four with SOAs. */
    const fill = async (): Promise<number> => {
      octet++;
      for (let i = 0; i < 4000; i++) {
        const change = `- h${i} ANY\n+ h${i} A 10.2.${octet}.${i & 255}`;
        await zone.apply(updateOf(change), operator);
      }
      return inUse();
    };
    const empty = inUse();
    const full = await fill();
    const fuller = [await fill(), await fill(), await fill()];
    // 8 MiB as measured; without a limit each of the others would add as much.
    assert.ok(full - empty < 16 * MIB, `${(full - empty) / MIB} MiB`);
    for (const each of fuller) {
      assert.ok(each - full < 4 * MIB, `${(each - full) / MIB} MiB more`);
    }
    const { serial } = zone.current;
    const kept = [...Array(20_000).keys()].findIndex(
      (i) => zone.since(serial - i - 1) === "resync",
    );
    assert.equal(kept, 3000);
  });

  test("SEC-13: is also bounded by octets, if records are large", () => {
    const history = new History();
    const large = (i: number) => rdata.txt(...Array(200).fill(`${i} `.padEnd(250, "x")));
    for (let from = 0; from < 2000; from++) {
      const set = { name: name("t"), type: Type.TXT, ttl: 10 };
      const change: Change = {
        ...{ from, to: from + 1, by: "test" },
        removed: [{ ...set, rdatas: [large(from)] }],
        added: [{ ...set, rdatas: [large(from + 1)] }],
      };
      history.add(change, 100);
    }
    let kept = 0;
    while (history.after(2000 - kept - 1) !== undefined) kept++;
    assert.ok(kept > 100 && kept * 100_000 <= 16 * MIB, `${kept} changes`);
    assert.equal(history.after(2000 - kept - 2), undefined);
  });

  test("SEC-13: is bounded by number too, however large the zone is", () => {
    const history = new History();
    for (let from = 0; from < 12_000; from++) {
      history.add({ from, to: from + 1, by: "test", removed: [], added: [] }, 1_000_000);
    }
    assert.equal(history.after(1999), undefined);
    assert.notEqual(history.after(2000), undefined);
  });
});
