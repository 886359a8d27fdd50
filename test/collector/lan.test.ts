/** A collector on a realistic LAN: datagrams get lost, duplicated and reordered. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Type } from "../../src/dns/constants.ts";
import { START } from "../support/clock.ts";
import { Device } from "./device.ts";
import { lines, local, records, service } from "./fixture.ts";
import { Office, type OfficeOptions, printers } from "./office.ts";

const META = "_services._dns-sd._udp";
const HOUR = 3_600_000;

/** The records of the zone, without TTLs and the apex. */
function held({ zone }: Office): string[] {
  const sets = [...zone.current].filter(({ name }) => !name.equals(zone.origin));
  return lines(sets).map((line) => line.replace(/ \d+ IN /, " "));
}

const PLACES = Array.from({ length: 12 }, (_, i) => i);
const textOf = (i: number, version: number) =>
  `${META} 4500 PTR _t${i % 3}._tcp\n${service(`s${i}`, `_t${i % 3}._tcp`, `h${i}`, `10.1.${version}.${i + 10}`)}`
    .replace('"txtvers=1"', `"version=${version}"`)
    .replaceAll(" 4500 ", " 600 ");

/** Announces twice, a second apart (RFC 6762 §8.3). */
function announce(office: Office, device: Device): void {
  device.announce();
  office.clock.at(office.clock.now() + 1000, () => device.announce());
}

/** Devices come, change and leave at random by `seed`; gives the versions that remain. */
async function bustle(office: Office, seed: number): Promise<(number | undefined)[]> {
  let state = seed;
  const draw = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const devices = PLACES.map((i) => {
    const device = new Device(office.lans[0]!, `10.1.0.${i + 10}`, textOf(i, 0), { delay: 20 + i });
    device.isMute = true;
    return device;
  });
  const there: (number | undefined)[] = PLACES.map(() => undefined);
  for (let step = 1; step <= 40; step++) {
    const i = draw(PLACES.length);
    const device = devices[i]!;
    if (there[i] !== undefined && draw(3) === 0) {
      // Some leave without a goodbye, as when a battery is empty.
      if (draw(2) === 0) device.goodbye();
      device.isMute = true;
      there[i] = undefined;
    } else {
      device.records = records(textOf(i, step));
      device.isMute = false;
      announce(office, device);
      there[i] = step;
    }
    await office.clock.elapse(2000 + draw(20_000));
  }
  return there;
}

suite("a random LAN", () => {
  for (const seed of [1, 2, 3, 4]) {
    test(`in the end the zone holds exactly what is there (${seed})`, async () => {
      const faults = { loss: 0.2, duplication: 0.3, delay: 5, jitter: 300 };
      const office = new Office({ faults });
      const there = await bustle(office, seed);
      office.lans[0]!.faults.loss = 0;
      // By now records without a goodbye have expired, and lost ones have been asked for again.
      await office.clock.elapse(1.1 * HOUR);
      const quiet = new Office();
      for (const [i, version] of there.entries()) {
        if (version === undefined) continue;
        new Device(quiet.lans[0]!, `10.1.0.${i + 10}`, textOf(i, version)).announce();
      }
      await quiet.clock.elapse(20_000);
      assert.deepEqual(held(office), held(quiet));
      assert.ok(held(quiet).length > 10);
      await Promise.all([office.end(), quiet.end()]);
    });
  }

  test("a thousand services announced in bursts are all found at a loss of a tenth", async () => {
    const office = new Office({ faults: { loss: 0.1, duplication: 0.1, delay: 2, jitter: 50 } });
    const devices = Array.from({ length: 10 }, (_, d) => {
      const text = Array.from({ length: 100 }, (_, i) =>
        service(`service ${d} ${i}`, "_ipp._tcp", `h${d}`, `10.1.0.${d + 2}`),
      );
      return new Device(office.lans[0]!, `10.1.0.${d + 2}`, text.join("\n"));
    });
    for (const device of devices) device.announce();
    const time = await office.until(() => office.browse("_ipp._tcp").length === 1000, 30_000);
    assert.ok(time < 15_000, `${time} ms`);
    await office.end();
  });

  test("a list too long for a packet is not repeated to a querier that knows it", async () => {
    const office = new Office();
    const [lan] = office.lans;
    const text = Array.from({ length: 200 }, (_, i) =>
      service(`a service with a rather long name ${i}`, "_ipp._tcp", "h", "10.1.0.2"),
    );
    new Device(lan!, "10.1.0.2", text.join("\n")).announce();
    const ear = lan!.host("ear", "10.1.0.99").record();
    await office.until(() => office.browse("_ipp._tcp").length === 200);
    await office.clock.elapse(3000);
    ear.heard.length = 0;
    await office.clock.elapse(HOUR / 2);
    const list = local("_ipp._tcp");
    const [asked, said] = [false, true].map((isResponse) =>
      ear.heard.filter(
        ({ message }) =>
          message.isResponse === isResponse &&
          message.answers.some(({ name, type }) => type === Type.PTR && name.equals(list)),
      ),
    );
    // Each time the known answers take several packets, and nobody has anything to add.
    assert.ok(asked!.filter(({ message }) => message.isTruncated).length > 20);
    assert.deepEqual(said!.length, 0);
    await office.end();
  });
});

suite("MDNS-68: two hosts that dispute a name", () => {
  const dispute = async (options: OfficeOptions = {}, name = "pc") => {
    const told: object[] = [];
    const note = (fields: object, fact: string) => {
      if (/contradict each other/.test(fact)) told.push(fields);
    };
    const log = { debug: () => {}, info: () => {}, warn: note, error: note };
    const office = new Office({ ...options, log });
    const hosts = [2, 3].map((last) => {
      const text = service("x", "_ipp._tcp", name, `10.1.0.${last}`);
      return new Device(office.lans[0]!, `10.1.0.${last}`, text);
    });
    const serials: number[] = [];
    const run = async (minutes: number) => {
      for (let second = 0; second < minutes * 60; second += 5) {
        hosts[(second / 5) % 2]!.announce();
        await office.clock.elapse(5000);
        serials.push(office.zone.current.serial);
      }
    };
    return { office, told, serials, run };
  };

  test("are both published, without flapping, and reported once a minute at most", async () => {
    const { office, told, serials, run } = await dispute();
    await run(10);
    const addresses = held(office).filter((line) => line.startsWith("pc.site1.z.example. A"));
    assert.deepEqual(addresses, [
      "pc.site1.z.example. A 10.1.0.2",
      "pc.site1.z.example. A 10.1.0.3",
    ]);
    assert.deepEqual([...new Set(serials.slice(24))].length, 1, "after two minutes");
    assert.ok(told.length >= 1 && told.length <= 10, `${told.length}`);
    assert.deepEqual(Object.keys(told[0]!), ["link", "name", "host"]);
    assert.match(JSON.stringify(told[0]), /"link":"site1","name":"pc.local.","host":"10.1.0.[23]"/);
    await office.end();
  });

  test("with many names are reported in one line a minute, without control characters", async () => {
    const { office, told, run } = await dispute({}, "\\027[31m\\007pc");
    for (let i = 0; i < 20; i++) {
      const [one, other] = [4, 5].map(
        (last) => new Device(office.lans[0]!, `10.1.0.${last}`, `!h${i} A 10.1.0.${last}`),
      );
      for (let turn = 0; turn < 8; turn++) {
        office.clock.at(START + turn * 10_000 + i, () => one!.announce());
        office.clock.at(START + turn * 10_000 + 5000 + i, () => other!.announce());
      }
    }
    await run(3);
    assert.ok(told.length >= 1 && told.length <= 3, `${told.length}`);
    const text = JSON.stringify(told);
    assert.ok(!/\\u00|[\u0000-\u001f]/.test(text), text);
    await office.end();
  });
});

test("Thirty devices that answer out of order are listed once each, despite duplicates", async () => {
  const office = new Office({ faults: { duplication: 1, delay: 1, jitter: 400 } });
  printers(office.lans[0]!, 30, (i) => 20 + ((i * 37) % 100));
  await office.until(() => office.browse("_ipp._tcp").length === 30, 10_000);
  await office.clock.elapse(10_000);
  const { serial } = office.zone.current;
  await office.clock.elapse(HOUR);
  assert.equal(office.zone.current.serial, serial);
  assert.equal(new Set(office.browse("_ipp._tcp")).size, 30);
  await office.end();
});
