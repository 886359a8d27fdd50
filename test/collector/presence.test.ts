import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Presence } from "../../src/collector/report/presence.ts";
import type { Name, NameKey } from "../../src/dns/name.ts";
import type { Log } from "../../src/log.ts";
import { FakeClock } from "../support/clock.ts";
import { silentLog } from "../support/log.ts";
import { local } from "./fixture.ts";

function watch() {
  const told: string[] = [];
  const info: Log["info"] = (fields, fact) => told.push(`${fact} ${JSON.stringify(fields)}`);
  const clock = new FakeClock();
  const presence = new Presence(clock, { ...silentLog, info });
  const update = (...services: readonly Name[]) =>
    presence.update(new Map(services.map((name): [NameKey, Name] => [name.key, name])));
  return { told, clock, presence, update };
}

const services = (count: number) =>
  Array.from({ length: count }, (_, i) => local(`s${i}._ipp._tcp`));

suite("presence", () => {
  test("is reported one by one up to a limit, and beyond it by number", () => {
    const { told, presence, update } = watch();
    update(...services(20));
    assert.equal(told.length, 20);
    update();
    update(...services(25));
    assert.deepEqual(told.slice(60), ['more services came {"count":5}']);
    update();
    assert.deepEqual(told.slice(81), ['more services left {"count":5}']);
    presence.close();
  });

  test("is reported on a return with the time away", () => {
    const { told, clock, presence, update } = watch();
    const [a, b] = services(2);
    update(a!, b!);
    update(b!);
    clock.advance(1000);
    update(a!, b!);
    assert.equal(told.at(-1), `service returned {"service":"${a}","after":1000}`);
    presence.close();
  });

  test("SEC-13: is remembered for no more than a thousand that left", () => {
    const { told, presence, update } = watch();
    const all = services(1200);
    update(...all);
    update();
    update(all[999]!);
    assert.match(told.at(-1)!, /^service returned /);
    update(all[999]!, all[1000]!);
    assert.match(told.at(-1)!, /^service came /);
    presence.close();
  });
});
