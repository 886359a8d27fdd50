import assert from "node:assert/strict";
import { test } from "node:test";
import { Harvest } from "../../src/collector/link/harvest.ts";
import { makeMessage } from "../../src/dns/message.ts";
import { type ResourceRecord, setKey } from "../../src/dns/record.ts";
import { FakeClock, START } from "../support/clock.ts";
import { Lan } from "../support/lan.ts";
import { records, response } from "./fixture.ts";

/**
 * A harvest for which every change costs `cost` milliseconds, and every record heard `each`, and the times of
 * the changes.
 */
function stage(cost: number, each = 0) {
  const clock = new FakeClock();
  const lan = new Lan(clock);
  const link = lan.host("gateway", "10.0.0.1");
  const device = lan.host("device", "10.0.0.2");
  const changes: number[] = [];
  let lag = 0;
  const slow = {
    now: () => clock.now() + lag,
    wall: () => clock.wall() + lag,
    // Drawn whenever the refreshes of a record are planned.
    random: () => {
      lag += each;
      return 0.5;
    },
    at: (time: number, wake: () => void) => clock.at(time - lag, wake),
  };
  const changed = () => {
    changes.push(clock.passed + lag);
    lag += cost;
  };
  const harvest = new Harvest({
    ...{ link, clock: slow, types: [], refresh: "multicast", changed },
    disputed: () => {},
    unheard: () => {},
    gone: new AbortController().signal,
  });
  const say = (time: number, i: number) =>
    clock.at(START + time, () => device.say(response(`h${i} A 10.0.0.${i % 250}`)));
  return { clock, changes, say, harvest, device, time: () => clock.passed + lag };
}

test("a single packet is one change, a moment later", () => {
  const { clock, changes, say } = stage(0);
  say(1000, 1);
  clock.advance(5000);
  assert.deepEqual(changes, [1025]);
});

test("packets in quick succession are one change, and an endless series is some", () => {
  const { clock, changes, say } = stage(0);
  for (let i = 0; i < 5; i++) say(1000 + 10 * i, i);
  for (let i = 0; i < 100; i++) say(2000 + 10 * i, 10 + i);
  clock.advance(5000);
  assert.equal(changes[0], 1065);
  assert.ok(changes.length >= 9 && changes.length <= 12, `${changes}`);
  for (const [i, time] of changes.slice(2).entries()) assert.ok(time - changes[i + 1]! <= 111);
});

test("a storm takes a quarter of the time, whatever a change costs", () => {
  const { clock, changes, say } = stage(50);
  for (let i = 0; i < 1000; i++) say(1000 + 10 * i, i);
  clock.advance(12_000);
  assert.ok(changes.length >= 60 && changes.length <= 80, `${changes.length}`);
});

test("SEC-12: hearing a storm takes a quarter of the time, whatever a packet costs", () => {
  const { clock, harvest, device, time } = stage(0, 20);
  for (let i = 0; i < 10_000; i++) {
    device.say(response(`h 7200 A 10.0.${i >> 8}.${i & 255}`));
    clock.advance(1);
  }
  const { packets, unheard } = harvest.counters;
  // The first four seconds of work are free.
  assert.ok(20 * (packets - unheard) < 4500 + time() / 4, `${packets - unheard} in ${time()} ms`);
});

test("a few changes after a quiet time do not wait, and after a costly one none waits long", () => {
  const quiet = stage(20);
  for (let i = 0; i < 4; i++) quiet.say(1000 + 200 * i, i);
  quiet.clock.advance(5000);
  assert.equal(quiet.changes.length, 4);
  for (const [i, time] of quiet.changes.entries()) assert.ok(time <= 1000 + 200 * i + 25 + 20 * i);
  const dear = stage(3000);
  for (let i = 0; i < 3; i++) dear.say(1000 + 10 * i, i);
  dear.say(1100, 3);
  dear.clock.advance(20_000);
  assert.equal(dear.changes.length, 2);
  assert.ok(dear.changes[1]! <= dear.changes[0]! + 3000 + 1000, `${dear.changes}`);
});

test("MDNS-59: a packet is no larger than the interface allows at that time", () => {
  const clock = new FakeClock();
  const lan = new Lan(clock);
  const link = lan.host("gateway", "10.0.0.1");
  const device = lan.host("device", "10.0.0.2").record();
  link.payload = 8952;
  new Harvest({
    ...{ link, clock, types: [], refresh: "multicast", changed: () => {} },
    ...{ disputed: () => {}, unheard: () => {}, gone: new AbortController().signal },
  });
  const instances = Array.from({ length: 100 }, (_, i) => `_ipp._tcp 4500 PTR p${i}._ipp._tcp`);
  device.say(response(instances.join("\n")));
  const largest = (from: number) => {
    const packets = device.heard.filter(({ at, message }) => at >= from && !message.isResponse);
    return Math.max(...packets.map(({ bytes }) => bytes.length));
  };
  clock.advance(5000);
  assert.ok(largest(0) > 1232, `${largest(0)} octets`);
  link.payload = 1232;
  clock.advance(60_000);
  assert.ok(largest(5000) <= 1232, `${largest(5000)} octets`);
});

test("of thousands of devices none is lost after a sleep because there was no time to ask for it", () => {
  const clock = new FakeClock();
  const lan = new Lan(clock);
  const link = lan.host("gateway", "10.0.0.1");
  const crowd = lan.host("crowd", "10.0.0.2");
  const harvest = new Harvest({
    ...{ link, clock, types: [], refresh: "multicast", changed: () => {} },
    ...{ disputed: () => {}, unheard: () => {}, gone: new AbortController().signal },
  });
  const said = new Map<string, ResourceRecord[]>();
  const say = (answers: readonly ResourceRecord[]) =>
    crowd.say(makeMessage({ isResponse: true, answers }));
  for (let i = 0; i < 2200; i++) {
    const name = `${i}`.padEnd(60, "x");
    const own = records(`_ipp._tcp 4500 PTR ${name}._ipp._tcp
!${name}._ipp._tcp 4500 SRV 0 0 631 ${name}
!${name}._ipp._tcp 4500 TXT x
!${name} 4500 A 10.1.${i >> 8}.${i & 255}
!${name} 4500 AAAA fd00::${i.toString(16)}`);
    for (const record of own) {
      const key = setKey(record.name, record.rdata.type);
      said.set(key, [...(said.get(key) ?? []), record]);
    }
    say(own);
    clock.advance(1);
  }
  clock.advance(60_000);
  let isThere = true;
  // None adds to a list what belongs to it.
  crowd.react(({ isResponse, questions }) => {
    if (isResponse || !isThere) return;
    const answers = questions.flatMap(({ name, type }) => said.get(setKey(name, type)) ?? []);
    clock.at(clock.now() + 100, () => {
      for (const answer of answers) say([answer]);
    });
  });
  const { cache } = harvest;
  const learnt = cache.size;
  assert.equal(learnt, 5 * 2200);
  harvest.resume();
  clock.advance(60_000);
  assert.deepEqual([cache.size, cache.counters.expired], [learnt, 0]);
  isThere = false;
  harvest.resume();
  clock.advance(60_000);
  assert.equal(cache.size, 0);
});
