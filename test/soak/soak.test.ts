/** The soak in short: `npm run soak` has it long. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { makes } from "../support/secondary.ts";
import { skipWithout } from "../support/tool.ts";
import { soak } from "./soak.ts";

const needed = ["dig", ...makes.flatMap(({ needs }) => needs)];

suite("secondaries", { skip: skipWithout(...needed) }, () => {
  test("XFR-32: stay equal through twenty changes a second, by IXFR", async (t) => {
    const outcome = await soak({ seconds: 20, rate: 20, print: (line) => t.diagnostic(line) });
    assert.equal(outcome.secondaries.length, makes.length);
    for (const { name, axfr, ixfr, behind, differences, stillServes } of outcome.secondaries) {
      t.diagnostic(`${name}: ${ixfr} IXFR, ${behind.median} ms behind, ${behind.most} ms at most`);
      assert.equal(axfr, 1, `${name} had the whole zone once`);
      // No more often than it is told (RFC 1996 §4.3), and a while after the last.
      assert.ok(ixfr >= 2 && ixfr <= 30, `${name}: ${ixfr} transfers`);
      assert.equal(differences, 0, `${name} has what we have`);
      assert.ok(stillServes, `${name} goes on without us`);
    }
  });
});
