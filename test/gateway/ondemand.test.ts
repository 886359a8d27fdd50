import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { parseConfig } from "../../src/config.ts";
import { openOnDemand } from "../../src/gateway/ondemand.ts";
import { type Log, silentLog } from "../../src/log.ts";
import { FakeClock } from "../support/clock.ts";
import { zoneOf } from "../zone/fixture.ts";

const ASKED = "zone: z.example\nlinks: [{ interface: eth0, site: paris, onDemand: true }]\n";

/** Are there links to be asked, and what is said of it? */
function open(text: string) {
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (_, fact) => warnings.push(fact) };
  const config = parseConfig(text, "gateway.yaml", "/");
  const parts = { config, log, zone: zoneOf(""), clock: new FakeClock(), siteAt: () => undefined };
  return { isOpen: openOnDemand(parts) !== undefined, warnings };
}

suite("asking links on demand", () => {
  test("is off unless a link says so", () => {
    for (const text of [
      "",
      ASKED.replace("true", "false"),
      ASKED.replace(", onDemand: true", ""),
    ]) {
      assert.deepEqual(open(text), { isOpen: false, warnings: [] });
    }
    assert.deepEqual(open(ASKED), { isOpen: true, warnings: [] });
  });

  test("PROXY-34: is off where the zone is copied, signed or published elsewhere, and says so", () => {
    for (const field of [
      "transfer: { allow: [192.0.2.0/24] }",
      'transfer: { notify: ["192.0.2.2:53"] }',
      "catalog: catalog.example",
      "dnssec: { keys: ./keys }",
      'publish: { server: "192.0.2.1:53" }',
    ]) {
      const { isOpen, warnings } = open(ASKED + field);
      assert.equal(isOpen, false, field);
      assert.match(warnings.join(), /^no link is asked on demand/, field);
    }
  });
});
