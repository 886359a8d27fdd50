import assert from "node:assert/strict";
import { test } from "node:test";
import { Disturbances } from "../../src/collector/report/disturbances.ts";
import type { Log } from "../../src/log.ts";
import { FakeClock } from "../support/clock.ts";
import { silentLog } from "../support/log.ts";
import { local } from "./fixture.ts";

test("disputes and storms are logged once a minute each, and neither hides the other", () => {
  const told: string[] = [];
  const warn: Log["warn"] = (fields, fact) => told.push(`${fact} ${JSON.stringify(fields)}`);
  const clock = new FakeClock();
  const disturbances = new Disturbances(clock, { ...silentLog, warn });
  const disturb = () => {
    for (const host of ["10.1.0.8", "10.1.0.9"]) {
      disturbances.unheard("eth0", host);
      disturbances.disputed("eth0", local("pc"), host);
    }
  };
  disturb();
  clock.advance(59_999);
  disturb();
  assert.deepEqual(told, [
    'a host is rate-limited: packets above its share are dropped {"link":"eth0","host":"10.1.0.8"}',
    'hosts contradict each other about a name: what each says is published {"link":"eth0","name":"pc.local.","host":"10.1.0.8"}',
  ]);
  clock.advance(1);
  disturb();
  assert.equal(told.length, 4);
});
