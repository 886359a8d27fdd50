import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Throttle } from "../../src/collector/link/throttle.ts";

const PACKET = 1000;

/** How many of a thousand packets a second each source says are listened to, each second. */
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
  test("SEC-12: listens to whatever is said, up to the rate of a link", () => {
    const throttle = new Throttle();
    // One host that speaks for a thousand others.
    for (let i = 0; i < 3000; i++) assert.ok(throttle.admits("10.0.0.1", PACKET, 0));
    for (let now = 0; now < 3_600_000; now += 10) {
      assert.ok(throttle.admits("10.0.0.1", PACKET, 60_000 + now));
    }
  });

  test("SEC-12: holds it against nobody for long that the link had room for him", () => {
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
    test(`SEC-12: in a storm of ${sources} host(s) listens to little of it, and to all that others say`, () => {
      const { throttle, heard, now } = storm(sources, 30);
      assert.ok(heard.at(-1)! <= 256 + 8 * sources + 1, `${heard}`);
      for (let i = 0; i < 50; i++) assert.ok(throttle.admits("10.0.0.99", PACKET, now), `${i}`);
      assert.ok(!throttle.admits("10.0.0.0", PACKET, now));
    });
  }

  test("SEC-12: listens to a host again that has fallen silent", () => {
    const { throttle, now } = storm(1, 30);
    assert.ok(throttle.admits("10.0.0.0", PACKET, now + 1000));
  });

  test("SEC-12, SEC-13: takes those for one who are more than a link has, and nothing from who was there", () => {
    const throttle = new Throttle();
    throttle.admits("10.0.0.99", PACKET, 0);
    let heard = 0;
    for (let i = 0; i < 100_000; i++) {
      if (throttle.admits(`fe80::${i.toString(16)}`, PACKET, i / 100)) heard++;
      if (i % 5000 === 0) assert.ok(throttle.admits("10.0.0.99", PACKET, i / 100));
    }
    // The link's measure, and 1024 first words.
    assert.ok(heard < 4195 + 256 + 1024 + 80, `${heard}`);
    assert.ok(!throttle.admits("fe80::1:0:0", PACKET, 1000));
    // When they have gone, there is room again, for each apart.
    for (let i = 0; i < 5000; i++) throttle.admits("fe80::66", PACKET, 60_000);
    for (let i = 0; i < 500; i++) {
      assert.ok(throttle.admits(`fe80::2:0:${i.toString(16)}`, PACKET, 60_000), `${i}`);
    }
  });
});
