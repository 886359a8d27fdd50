/** Short soaks; `npm run soak` runs long ones. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { needs } from "../support/lab.ts";
import { makes } from "../support/secondary.ts";
import { skipWithout } from "../support/tool.ts";
import { officeSoak, tools, troubleOf } from "./office.ts";
import { officesSoak, tools as officesTools, programs, servers } from "./offices.ts";
import { secondariesSoak } from "./secondaries.ts";

const needed = ["dig", ...makes.flatMap(({ needs }) => needs)];

suite("secondaries", { skip: skipWithout(...needed) }, () => {
  test("XFR-32: stay equal through twenty changes a second, by IXFR", async (t) => {
    const print = (line: string) => t.diagnostic(line);
    const outcome = await secondariesSoak({ seconds: 20, rate: 20, print });
    assert.equal(outcome.secondaries.length, makes.length);
    for (const { name, axfr, ixfr, behind, differences, stillServes } of outcome.secondaries) {
      t.diagnostic(`${name}: ${ixfr} IXFR, ${behind.median} ms behind, ${behind.most} ms at most`);
      assert.equal(axfr, 1, `${name} had the whole zone once`);
      // No more often than it is notified (RFC 1996 §4.3), and a while after the last.
      assert.ok(ixfr >= 2 && ixfr <= 30, `${name}: ${ixfr} transfers`);
      assert.equal(differences, 0, `${name} has what we have`);
      assert.ok(stillServes, `${name} goes on without us`);
    }
  });
});

suite("a LAN that never rests", { skip: needs(...tools) }, () => {
  test("is served as it is after two minutes, with flat memory and handles", async (t) => {
    const print = (line: string) => t.diagnostic(line);
    const figures = await officeSoak({ seconds: 120, rate: 20, print });
    assert.equal(troubleOf(figures), undefined, JSON.stringify(figures));
    assert.ok(figures.steps > 1000, `${figures.steps} things were done by devices`);
    assert.ok(figures.changes > 100, `${figures.changes} changes of the zone`);
    assert.ok(figures.asked.rounds > 50, `${figures.asked.rounds} rounds were answered`);
  });
});

// All at once: they wait more than they work.
suite("two offices in which things go wrong", { concurrency: true }, () => {
  for (const server of servers) {
    const skip = needs(...officesTools, ...programs[server]);
    test(`have a correct zone after each bout, served by ${server}`, { skip }, async (t) => {
      const print = (line: string) => t.diagnostic(line);
      const { mishaps } = await officesSoak({ server, seconds: 30, seed: 1, print });
      assert.ok(mishaps > 2, `${mishaps} things went wrong`);
    });
  }
});
