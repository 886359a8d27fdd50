/** A wall clock that steps forward or back, as by NTP or a dead battery. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Office, printers } from "../collector/office.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const YEAR = 365 * 24 * HOUR;

suite("a step of the wall clock", () => {
  for (const step of [-50 * YEAR, -HOUR, HOUR, 10 * YEAR]) {
    const what = `${step < 0 ? "back" : "forward"} ${Math.abs(step) / HOUR} hours`;

    test(`SEC-24: ${what}: takes away nothing that is there, and brings nothing back`, async () => {
      const office = new Office();
      const devices = printers(office.lans[0]!, 30, (i) => 20 + i);
      await office.until(() => office.browse("_ipp._tcp").length === 30, 10_000);
      const [gone, mute] = devices;
      gone!.goodbye();
      await office.until(() => office.browse("_ipp._tcp").length === 29, 10_000);
      const { serial } = office.zone.current;
      office.clock.steps = step;
      // Longer than any record lives without a refresh (RFC 6762 §10).
      await office.clock.elapse(80 * MINUTE);
      assert.equal(office.zone.current.serial, serial, "nothing was seen of it");
      // What ends still ends in its time.
      mute!.isMute = true;
      const time = await office.until(() => office.browse("_ipp._tcp").length === 28, 130_000);
      assert.ok(time > 10_000 && time < 121_000, `${time} ms`);
      office.clock.steps = 0;
      const { serial: later } = office.zone.current;
      await office.clock.elapse(3 * MINUTE);
      assert.equal(office.zone.current.serial, later);
      await office.end();
    });
  }
});
