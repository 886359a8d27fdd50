/** The figures of a link: what its collector counts, and what never reaches it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Collector } from "../../src/collector/collector.ts";
import { Name } from "../../src/dns/name.ts";
import { figuresOf } from "../../src/gateway/web.ts";

test("figures of a link include what was heard and what was dropped", () => {
  const harvest = {
    cache: { size: 3, counters: { learnt: 4 } },
    counters: { packets: 7, malformed: 1 },
    querier: { counters: { questions: 2 } },
  };
  const dropped = new Map([["foreign port", 5]]);
  const site = Name.parse("caf\\195\\169.z.example.");
  const of = (link: object) =>
    figuresOf({ link, site, harvest } as unknown as Collector["heard"][number]);
  assert.deepEqual(of({ name: "eth0", dropped }), {
    ...{ link: "eth0", site: "café", records: 3 },
    heard: { packets: 7, malformed: 1, "foreign port": 5 },
    ...{ cache: { learnt: 4 }, asked: { questions: 2 } },
  });
  assert.deepEqual(of({ name: "lan" }).heard, { packets: 7, malformed: 1 });
});
