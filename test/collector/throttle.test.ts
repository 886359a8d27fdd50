import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Throttle } from "../../src/collector/link/throttle.ts";

const PACKET = 1000;

/** Each of the sources sends a thousand packets a second; `heard` counts those admitted each second. */
function storm(sources: number, seconds: number) {
  const throttle = new Throttle();
  const heard: number[] = [];
  for (let second = 0; second < seconds; second++) {
    let count = 0;
    for (let i = 0; i < 1000; i++) {
      for (let source = 0; source < sources; source++) {
        if (throttle.admits(`10.0.0.${source}`, PACKET, second * 1000 + i)) count++;
      }
    }
    heard.push(count);
  }
  return { throttle, heard, now: seconds * 1000 };
}

suite("a throttle", () => {
  test("SEC-12: admits everything up to the rate of a link", () => {
    const throttle = new Throttle();
    // One host may speak for a thousand others.
    for (let i = 0; i < 3000; i++) assert.ok(throttle.admits("10.0.0.1", PACKET, 0));
    for (let now = 0; now < 3_600_000; now += 10) {
      assert.ok(throttle.admits("10.0.0.1", PACKET, 60_000 + now));
    }
  });

  test("SEC-12: does not hold past use of spare room against a host for long", () => {
    const throttle = new Throttle();
    let now = 0;
    for (; now < 3_600_000; now += 10) throttle.admits("10.0.0.1", PACKET, now);
    const storm = () => {
      for (let i = 0; i < 5000; i++) throttle.admits("10.0.0.66", PACKET, now);
    };
    storm();
    assert.ok(!throttle.admits("10.0.0.1", PACKET, now));
    now += 1000;
    storm();
    assert.ok(throttle.admits("10.0.0.1", PACKET, now));
    assert.ok(!throttle.admits("10.0.0.66", PACKET, now));
  });

  for (const sources of [1, 20]) {
    test(`SEC-12: in a storm of ${sources} host(s) admits little of it, and all that others say`, () => {
      const { throttle, heard, now } = storm(sources, 30);
      assert.ok(heard.at(-1)! <= 256 + 8 * sources + 1, `${heard}`);
      for (let i = 0; i < 50; i++) assert.ok(throttle.admits("10.0.0.99", PACKET, now), `${i}`);
      assert.ok(!throttle.admits("10.0.0.0", PACKET, now));
    });
  }

  test("SEC-12: in a storm that takes long to hear admits a quarter of the time, and all that others say", () => {
    const throttle = new Throttle();
    let heard = 0;
    // Ten packets in each ten milliseconds, each of which takes ten if it is heard.
    for (let now = 0; now < 60_000; now += 10) {
      for (let i = 0; i < 10; i++) {
        if (!throttle.admits("10.0.0.66", 50, now)) continue;
        throttle.heard("10.0.0.66", 50, now, now + 10);
        if (now >= 30_000) heard++;
      }
      assert.ok(now % 1000 > 0 || throttle.admits("10.0.0.99", PACKET, now), `${now}`);
    }
    assert.ok(heard > 700 && heard < 800, `${heard}`);
  });

  test("SEC-12: admits as much of what is heard in no time as if it took a quarter of it", () => {
    const admitted = [0, 0.5].map((time) => {
      const throttle = new Throttle();
      let now = 0;
      while (throttle.admits("10.0.0.66", PACKET, 0)) {
        throttle.heard("10.0.0.66", PACKET, 0, time);
        now++;
      }
      return now;
    });
    assert.equal(admitted[0], admitted[1]);
  });

  test("SEC-12: admits a host again that has fallen silent", () => {
    const { throttle, now } = storm(1, 30);
    assert.ok(throttle.admits("10.0.0.0", PACKET, now + 1000));
  });

  test("SEC-12, SEC-13: treats excess hosts as one, and takes nothing from those there before", () => {
    const throttle = new Throttle();
    throttle.admits("10.0.0.99", PACKET, 0);
    let heard = 0;
    for (let i = 0; i < 100_000; i++) {
      if (throttle.admits(`fe80::${i.toString(16)}`, PACKET, i / 100)) heard++;
      if (i % 5000 === 0) assert.ok(throttle.admits("10.0.0.99", PACKET, i / 100));
    }
    // The link's limit, and the first packets of 1024 hosts.
    assert.ok(heard < 4195 + 256 + 1024 + 80, `${heard}`);
    assert.ok(!throttle.admits("fe80::1:0:0", PACKET, 1000));
    // After they have gone there is room again for separate hosts.
    for (let i = 0; i < 5000; i++) throttle.admits("fe80::66", PACKET, 60_000);
    for (let i = 0; i < 500; i++) {
      assert.ok(throttle.admits(`fe80::2:0:${i.toString(16)}`, PACKET, 60_000), `${i}`);
    }
  });
});
