import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { SiteLabels } from "../../src/collector/sitelabels.ts";
import { parseConfig } from "../../src/config.ts";
import { Rcode, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { type Rdata, targetOf } from "../../src/dns/rdata.ts";
import { collectorPrincipal } from "../../src/zone/update/principal.ts";
import { removal } from "../../src/zone/update/update.ts";
import { Lan, LanWatch } from "../support/lan.ts";
import { silentLog } from "../support/log.ts";
import { Answers } from "./answers.ts";
import { Device } from "./device.ts";
import { response, service, ZONE } from "./fixture.ts";
import { Office, printers } from "./office.ts";

suite("a collector", () => {
  test("lists thirty devices that answer singly, soon after it starts and before anybody asks", async () => {
    const office = new Office();
    printers(office.lans[0]!, 30, (i) => 20 + ((i * 37) % 100));
    const time = await office.until(() => office.browse("_ipp._tcp").length === 30, 10_000);
    assert.ok(time < 2000, `${time} ms`);
    await office.end();
  });

  test("lists them in spite of loss, duplication and reordering", async () => {
    const office = new Office({ faults: { loss: 0.1, duplication: 0.2, delay: 5, jitter: 80 } });
    printers(office.lans[0]!, 30, (i) => 20 + ((i * 37) % 100));
    await office.until(() => office.browse("_ipp._tcp").length === 30, 60_000);
    await office.end();
  });

  test("lists a thousand services that are announced in bursts", async () => {
    const office = new Office();
    const lan = office.lans[0]!;
    const devices = Array.from({ length: 10 }, (_, d) => {
      const text = Array.from({ length: 100 }, (_, i) =>
        service(`service ${d} ${i}`, "_ipp._tcp", `h${d}`, `10.1.0.${d + 2}`),
      );
      return new Device(lan, `10.1.0.${d + 2}`, text.join("\n"));
    });
    for (const device of devices) device.announce();
    const time = await office.until(() => office.browse("_ipp._tcp").length === 1000, 5000);
    assert.ok(time < 500, `${time} ms`);
    assert.equal(office.browse("_ipp._tcp", "z.example.").length, 1000);
    await office.end();
  });

  const large = (office: Office, devices: number, each: number) => {
    for (let d = 0; d < devices; d++) {
      const text = Array.from({ length: each }, (_, i) =>
        service(`service ${d} ${i}`, `_t${d}._tcp`, `h${d}-${i}`, `10.1.${d}.${i}`),
      );
      new Device(office.lans[0]!, `10.1.0.${d + 2}`, text.join("\n")).announce();
    }
  };

  test("keeps five thousand records refreshed without changing the zone", async () => {
    const office = new Office();
    large(office, 12, 105);
    await office.clock.elapse(3000);
    assert.ok(office.collector.siteAt(ZONE.child("site1")!)!.harvests[0]!.cache.size > 5000);
    const { serial, size } = office.zone.current;
    assert.ok(size > 6000);
    await office.clock.elapse(400_000);
    assert.equal(office.zone.current.serial, serial);
    await office.end();
  });

  test("keeps records of every lifetime refreshed for hours without changing the zone", async () => {
    const office = new Office();
    large(office, 4, 5);
    await office.clock.elapse(3000);
    const { serial } = office.zone.current;
    await office.clock.elapse(4 * 3_600_000);
    assert.equal(office.zone.current.serial, serial);
    await office.end();
  });

  test("publishes a new service within 150 ms", async () => {
    const office = new Office();
    await office.clock.elapse(60_000);
    const text = service("new", "_ipp._tcp", "h", "10.1.0.2");
    new Device(office.lans[0]!, "10.1.0.2", text).announce();
    const time = await office.until(() => office.browse("_ipp._tcp").length === 1, 1000);
    assert.ok(time < 150, `${time} ms`);
    await office.end();
  });

  test("asks for what an announcement lacks", async () => {
    const office = new Office();
    await office.clock.elapse(60_000);
    const device = new Device(
      office.lans[0]!,
      "10.1.0.2",
      service("new", "_ipp._tcp", "h", "10.1.0.2"),
    );
    device.host.say(response("_ipp._tcp 4500 PTR new._ipp._tcp"));
    const time = await office.until(() => office.browse("_ipp._tcp").length === 1, 3000);
    assert.ok(time < 1000, `${time} ms`);
    await office.end();
  });

  test("withdraws a service and all its records 1.0 to 1.3 s after its goodbye", async () => {
    const office = new Office();
    const [device] = printers(office.lans[0]!, 1, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === 1);
    await office.clock.elapse(5000);
    device!.goodbye();
    const time = await office.until(() => office.browse("_ipp._tcp").length === 0);
    assert.ok(time >= 1000 && time <= 1300, `${time} ms`);
    await office.clock.elapse(100);
    assert.equal(office.zone.current.size, 2, "SOA and NS are left");
    await office.end();
  });

  test("ignores a goodbye that is taken back within the second", async () => {
    const office = new Office();
    const [device] = printers(office.lans[0]!, 1, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === 1);
    await office.clock.elapse(5000);
    const { serial } = office.zone.current;
    device!.goodbye();
    device!.isMute = false;
    await office.clock.elapse(500);
    device!.announce();
    await office.clock.elapse(10_000);
    assert.equal(office.zone.current.serial, serial);
    await office.end();
  });

  for (const [what, owner, type] of [
    ["an entry of its site's list", "_ipp._tcp.site1", Type.PTR],
    ["an entry of the list of all sites", "_ipp._tcp", Type.PTR],
    ["what it says", "printer\\0320._ipp._tcp.site1", Type.SRV],
  ] as const) {
    test(`MDNS-41: drops a silent device 10 s after ${what} was doubted, and no other`, async () => {
      const office = new Office();
      const [doubted, mute, there] = printers(office.lans[0]!, 3, () => 20);
      await office.until(() => office.browse("_ipp._tcp").length === 3);
      await office.clock.elapse(5000);
      doubted!.isMute = mute!.isMute = true;
      const name = Name.parse(owner, ZONE);
      const { rdatas } = office.zone.current.set(name, type)!;
      const isDoubted = (each: Rdata) => type === Type.SRV || `${targetOf(each)}`.includes("0320.");
      office.collector.reconfirm({ name, rdata: rdatas.find(isDoubted)! });
      const time = await office.until(() => office.browse("_ipp._tcp").length < 3);
      assert.ok(time >= 9900 && time <= 10_300, `${time} ms`);
      await office.clock.elapse(20_000);
      assert.equal(office.browse("_ipp._tcp").length, 2);
      assert.equal(there!.isMute, false);
      await office.end();
    });
  }

  test("drops a service that falls silent when the TTL of a record it needs expires", async () => {
    const office = new Office();
    const [device] = printers(office.lans[0]!, 1, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === 1);
    device!.isMute = true;
    const time = await office.until(() => office.browse("_ipp._tcp").length === 0, 130_000);
    assert.ok(time > 115_000 && time < 121_000, `${time} ms`);
    await office.end();
  });

  test("replaces an old address with a new one", async () => {
    const office = new Office();
    const device = new Device(
      office.lans[0]!,
      "10.1.0.2",
      service("a", "_ipp._tcp", "h", "10.1.0.2"),
    );
    device.announce();
    await office.clock.elapse(5000);
    device.host.say(response("!h A 10.1.0.3"));
    await office.clock.elapse(1200);
    const set = office.zone.current.set(Name.parse("h.site1.z.example."), Type.A);
    assert.deepEqual(
      set?.rdatas.map(({ values }) => String(values[0])),
      ["10,1,0,3"],
    );
    await office.end();
  });

  test("keeps two LANs with the same names apart, and lists both", async () => {
    const office = new Office({ lans: 2 });
    for (const [i, lan] of office.lans.entries()) {
      const text = service("Office Printer", "_ipp._tcp", "printer", `10.${i + 1}.0.2`);
      new Device(lan, `10.${i + 1}.0.2`, text).announce();
    }
    await office.until(() => office.browse("_ipp._tcp", "z.example.").length === 2);
    for (const i of [1, 2]) {
      const set = office.zone.current.set(Name.parse(`printer.site${i}.z.example.`), Type.A);
      assert.deepEqual(
        set?.rdatas.map(({ values }) => String(values[0])),
        [`10,${i},0,2`],
      );
    }
    await office.end();
  });

  test("withdraws what a link said when the link goes, and publishes it again when it is back", async () => {
    const office = new Office({ lans: 2 });
    for (const [i, lan] of office.lans.entries()) printers(lan, 1, () => 20 + i);
    await office.until(() => office.browse("_ipp._tcp", "z.example.").length === 2);
    const host = office.hosts[0]!;
    office.links.unplug(host);
    await office.until(() => office.browse("_ipp._tcp", "z.example.").length === 1, 200);
    office.links.plug(host);
    await office.until(() => office.browse("_ipp._tcp", "z.example.").length === 2);
    await office.end();
  });

  test("changes nothing for a link that is away for a moment", async () => {
    const office = new Office({ grace: 15_000 });
    printers(office.lans[0]!, 20, (i) => 20 + i);
    await office.until(() => office.browse("_ipp._tcp").length === 20);
    await office.clock.elapse(30_000);
    const { serial } = office.zone.current;
    const host = office.hosts[0]!;
    for (const away of [100, 5000, 14_900]) {
      office.links.unplug(host);
      await office.clock.elapse(away);
      office.links.plug(host);
      await office.clock.elapse(40_000);
    }
    assert.equal(office.zone.current.serial, serial);
    await office.end();
  });

  test("changes nothing for links that go away together and come back one by one", async () => {
    const office = new Office({ lans: 2, grace: 15_000 });
    for (const [i, lan] of office.lans.entries()) printers(lan, 2, () => 20 + i);
    await office.until(() => office.browse("_ipp._tcp", "z.example.").length === 4);
    await office.clock.elapse(30_000);
    const { serial } = office.zone.current;
    for (const host of office.hosts) office.links.unplug(host);
    for (const host of office.hosts.toReversed()) {
      await office.clock.elapse(5000);
      office.links.plug(host);
    }
    await office.clock.elapse(40_000);
    assert.equal(office.zone.current.serial, serial);
    await office.end();
  });

  test("leaves records of a link that is away at its site, but asks nobody there", async () => {
    const places = new Map<string, string>();
    const office = new Office({
      grace: 15_000,
      siteOf: ({ name }) => places.get(name) ?? name,
    });
    printers(office.lans[0]!, 2, () => 20);
    const found = () =>
      ["site1", "attic"].map((site) => office.browse("_ipp._tcp", `${site}.z.example.`).length);
    const asked = () => office.collector.siteAt(ZONE.child("site1")!)?.harvests.length;
    await office.until(() => found().join() === "2,0");
    assert.equal(asked(), 1);
    office.links.unplug(office.hosts[0]!);
    assert.equal(asked(), 0);
    // Nobody knows the new site of a link that has gone.
    places.set("site1", "attic");
    office.collector.relabel();
    await office.clock.elapse(5000);
    assert.deepEqual(found(), [2, 0]);
    office.links.plug(office.hosts[0]!);
    await office.until(() => found().join() === "0,2");
    await office.end();
  });

  test("changes nothing for a link that is away and whose network names its site", async () => {
    const office = new Office({ lans: 0 });
    const { clock } = office;
    const lan = new Lan(clock);
    const link = lan.host("eth0", "10.1.0.250", "fe80::1");
    const watch = new LanWatch(link);
    const answers = new Answers("dr._dns-sd._udp.0.0.1.10.in-addr.arpa. PTR site1.z.example.");
    const labels = new SiteLabels({
      ...{ zone: ZONE, resolve: answers.resolve, clock, log: silentLog },
      given: () => undefined,
      moved: () => running.collector.relabel(),
    });
    const links = labels.follow(watch);
    const running = office.start({ key: "roamer", links, siteOf: labels.of, grace: 15_000 });
    printers(lan, 3, (i) => 20 + i);
    await office.until(() => office.browse("_ipp._tcp").length === 3);
    await clock.elapse(30_000);
    const { serial } = office.zone.current;
    const { addresses } = link;
    const linkLocal = addresses.filter(({ family }) => family === 6);
    const slaac = { family: 6, address: "2001:db8:1::5", prefix: 64 } as const;
    for (const first of [addresses, linkLocal, [...linkLocal, slaac]]) {
      watch.unplug(link);
      await clock.elapse(9000);
      answers.isThere = first !== addresses;
      link.addresses = first;
      watch.plug(link);
      await clock.elapse(1500);
      link.addresses = addresses;
      await clock.elapse(10_000);
      answers.isThere = true;
      await clock.elapse(20 * 60_000);
      assert.equal(office.zone.current.serial, serial);
    }
    await running.end();
    await office.end();
  });

  test("keeps hosts of a link that lacks its addresses briefly, and withdraws them after that", async () => {
    const { policy } = parseConfig("", "none", ".");
    const office = new Office({ grace: 15_000, policy });
    printers(office.lans[0]!, 3, (i) => 20 + i);
    const [host] = office.hosts;
    const dhcp = { family: 4, address: "10.1.0.251", prefix: 16 } as const;
    const slaac = { family: 6, address: "2001:db8:1::5", prefix: 64 } as const;
    const linkLocal = { family: 6, address: "fe80::1", prefix: 64 } as const;
    host!.addresses = [dhcp, linkLocal];
    await office.until(() => office.browse("_ipp._tcp").length === 3);
    await office.clock.elapse(30_000);
    const { serial } = office.zone.current;
    for (const first of [[linkLocal], [linkLocal, slaac]]) {
      for (const away of [0, 3000]) {
        if (away > 0) office.links.unplug(host!);
        await office.clock.elapse(away);
        host!.addresses = first;
        if (away > 0) office.links.plug(host!);
        await office.clock.elapse(2500);
        host!.addresses = [dhcp, ...first];
        await office.clock.elapse(40_000);
        assert.equal(office.zone.current.serial, serial);
      }
    }
    // First without a subnet, and then away.
    host!.addresses = [linkLocal];
    await office.clock.elapse(10_000);
    office.links.unplug(host!);
    await office.clock.elapse(10_000);
    host!.addresses = [dhcp, linkLocal];
    office.links.plug(host!);
    await office.clock.elapse(40_000);
    assert.equal(office.zone.current.serial, serial);
    host!.addresses = [linkLocal];
    await office.clock.elapse(14_000);
    assert.equal(office.browse("_ipp._tcp").length, 3);
    await office.until(() => office.browse("_ipp._tcp").length === 0, 12_000);
    await office.end();
  });

  test("asks again, on a link that is back, the devices of the address family that comes last", async () => {
    const office = new Office({ grace: 15_000 });
    printers(office.lans[0]!, 3, (i) => 20 + i);
    const [host] = office.hosts;
    const { addresses } = host!;
    await office.until(() => office.browse("_ipp._tcp").length === 3);
    await office.clock.elapse(30_000);
    const { serial } = office.zone.current;
    for (const late of [1000, 4000, 8000]) {
      office.links.unplug(host!);
      await office.clock.elapse(3000);
      host!.addresses = addresses.filter(({ family }) => family === 6);
      office.links.plug(host!);
      await office.clock.elapse(late);
      host!.addresses = addresses;
      await office.clock.elapse(60_000);
      assert.equal(office.zone.current.serial, serial, `after ${late} ms`);
    }
    await office.end();
  });

  test("SEC-11: shows at a site nothing that a link said before it came there", async () => {
    let site = "paris";
    const office = new Office({ grace: 15_000, siteOf: () => site });
    const [host] = office.hosts;
    const devices = printers(office.lans[0]!, 3, () => 20);
    await office.until(() => office.browse("_ipp._tcp", "paris.z.example.").length === 3);
    office.links.unplug(host!);
    for (const device of devices) device.isMute = true;
    site = "lyon";
    office.links.plug(host!);
    for (let i = 0; i < 200; i++) {
      await office.clock.elapse(100);
      assert.deepEqual(office.browse("_ipp._tcp", "lyon.z.example."), [], `after ${100 * i} ms`);
    }
    assert.deepEqual(office.browse("_ipp._tcp", "paris.z.example."), []);
    await office.end();
  });

  test("withdraws what a link said after it has been away for its grace", async () => {
    const office = new Office({ grace: 15_000 });
    printers(office.lans[0]!, 3, (i) => 20 + i);
    await office.until(() => office.browse("_ipp._tcp").length === 3);
    office.links.unplug(office.hosts[0]!);
    await office.clock.elapse(14_900);
    assert.equal(office.browse("_ipp._tcp").length, 3);
    await office.until(() => office.browse("_ipp._tcp").length === 0, 300);
    await office.end();
  });

  test("shows only what is still there ten seconds after a link is back", async () => {
    const office = new Office({ grace: 15_000 });
    const [, second] = printers(office.lans[0]!, 2, (i) => 20 + i);
    await office.until(() => office.browse("_ipp._tcp").length === 2);
    await office.clock.elapse(60_000);
    office.links.unplug(office.hosts[0]!);
    second!.isMute = true;
    await office.clock.elapse(5000);
    office.links.plug(office.hosts[0]!);
    await office.until(() => office.browse("_ipp._tcp").length === 1, 16_000);
    assert.match(office.browse("_ipp._tcp")[0]!, /^printer\\0320/);
    await office.end();
  });

  test("retries what could not be published", async () => {
    let isDown = true;
    const office: Office = new Office({
      published: {
        publish: async (update) => {
          if (isDown) throw new Error("no route");
          return office.zone.apply(
            update,
            collectorPrincipal("c", ZONE, () => true),
          );
        },
      },
    });
    printers(office.lans[0]!, 1, () => 20);
    await office.clock.elapse(10_000);
    assert.equal(office.browse("_ipp._tcp").length, 0);
    isDown = false;
    await office.until(() => office.browse("_ipp._tcp").length === 1, 10_000);
    await office.end();
  });

  test("publishes everything again at once after a sleep, and then only what is still there", async () => {
    const office = new Office();
    const [, second] = printers(office.lans[0]!, 2, (i) => 20 + i);
    await office.until(() => office.browse("_ipp._tcp").length === 2);
    await office.clock.elapse(60_000);
    // For others an hour has passed, and leases have expired.
    office.clock.steps += 3_600_000;
    second!.isMute = true;
    const updates = [...office.zone.current.nodes()]
      .flatMap(({ sets }) => sets)
      .filter(({ name }) => !name.equals(ZONE))
      .flatMap(removal);
    const principal = collectorPrincipal("collector", ZONE, () => true);
    await office.zone.apply({ zone: ZONE, prerequisites: [], updates }, principal);
    assert.deepEqual(office.browse("_ipp._tcp"), []);
    await office.until(() => office.browse("_ipp._tcp").length === 2, 1100);
    await office.until(() => office.browse("_ipp._tcp").length === 1, 11_000);
    assert.match(office.browse("_ipp._tcp")[0]!, /^printer\\0320/);
    await office.end();
  });

  test("finds at once after a standstill who has come, where there was nobody before", async () => {
    const office = new Office();
    await office.clock.elapse(2 * 3_600_000);
    printers(office.lans[0]!, 1, () => 20);
    office.clock.standStill(40_000);
    await office.until(() => office.browse("_ipp._tcp").length === 1, 3000);
    await office.end();
  });

  test("logs who came, left and returned, and after how long", async () => {
    const office = new Office();
    const [device] = printers(office.lans[0]!, 1, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === 1);
    device!.goodbye();
    await office.until(() => office.browse("_ipp._tcp").length === 0);
    const name = "printer 0._ipp._tcp.site1.z.example.";
    await office.clock.elapse(40_000);
    device!.isMute = false;
    device!.announce();
    await office.until(() => office.browse("_ipp._tcp").length === 1);
    assert.deepEqual(
      office.log.map(({ fact, service }) => `${fact}: ${service}`),
      [`service came: ${name}`, `service left: ${name}`, `service returned: ${name}`],
    );
    assert.ok(office.log[2]!.after! >= 40_000 && office.log[2]!.after! < 41_000);
    await office.end();
  });

  test("logs what is odd in what it publishes, and what it may never publish", async () => {
    const office = new Office({ extra: () => [] });
    const text = service("a", "_no_name._tcp", "h", "10.1.0.2");
    const more = "!wpad 4500 A 10.1.0.2\n!h 4500 NSEC h.local. A";
    new Device(office.lans[0]!, "10.1.0.2", `${text}\n${more}`).announce();
    await office.clock.elapse(200_000);
    const facts = office.log.map(({ fact }) => fact);
    for (const fact of [
      "its type is not a valid service name",
      "records were heard that may never be published",
    ]) {
      assert.equal(facts.filter((each) => each === fact).length, 1, fact);
    }
    // Every host denies types that it does not have.
    const counts = office.log.flatMap((line) => ("records" in line ? [line.records] : []));
    assert.deepEqual(counts, [{ "its host's name steers clients": 1 }]);
    await office.end();
  });

  test("does without a link whose site has no name in the zone, with a warning", async () => {
    const long = "x".repeat(20);
    const warnings: string[] = [];
    const warn = (fields: object, fact: string) =>
      void warnings.push(`${fact} ${JSON.stringify(fields)}`);
    const office = new Office({
      lans: 2,
      // 240 octets, where a name has 255.
      zone: Name.parse(`${["a", "b", "c"].map((c) => c.repeat(63)).join(".")}.${"d".repeat(46)}.`),
      log: { ...silentLog, warn },
      sites: [long, "site2"],
      siteOf: ({ name }) => (name === "site1" ? long : name),
    });
    await office.clock.elapse(1000);
    assert.deepEqual(warnings, [
      'link is not used: its site name is too long for the zone {"link":"site1"}',
    ]);
    await office.end();
  });

  test("leaves other links where they are when it finds one elsewhere", async () => {
    const places = new Map<string, string>();
    const office = new Office({
      lans: 2,
      siteOf: ({ name }) => places.get(name) ?? name,
    });
    for (const [i, lan] of office.lans.entries()) printers(lan, 2, () => 20 + i);
    const found = () =>
      ["site1", "site2", "attic"].map(
        (site) => office.browse("_ipp._tcp", `${site}.z.example.`).length,
      );
    await office.until(() => found().join() === "2,2,0");
    places.set("site1", "attic");
    office.collector.relabel();
    await office.until(() => found().join() === "0,2,2");
    await office.clock.elapse(30_000);
    assert.deepEqual(found(), [0, 2, 2]);
    await office.end();
  });

  test("asks for configured subtypes", async () => {
    const office = new Office({ subtypes: { "_ipp._tcp": ["_universal"] } });
    const text = service("a", "_ipp._tcp", "h", "10.1.0.2");
    new Device(office.lans[0]!, "10.1.0.2", `${text}\n_universal._sub._ipp._tcp PTR a._ipp._tcp`);
    await office.until(() => office.browse("_universal._sub._ipp._tcp").length === 1, 3000);
    await office.end();
  });

  test("ends when told to, leaving what is published, and no timer", async () => {
    const office = new Office();
    printers(office.lans[0]!, 3, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === 3);
    await office.end();
    await office.clock.elapse(1000);
    assert.equal(office.browse("_ipp._tcp").length, 3);
    assert.equal(office.clock.next, undefined);
  });

  test("waits for an update in flight when it ends", async () => {
    let answer = (_: Rcode) => {};
    const office = new Office({
      published: { publish: () => new Promise((resolve) => (answer = resolve)) },
    });
    printers(office.lans[0]!, 1, () => 20);
    await office.clock.elapse(1000);
    let hasEnded = false;
    const ended = office.end().then(() => (hasEnded = true));
    await office.clock.elapse(500);
    assert.equal(hasEnded, false);
    answer(Rcode.NOERROR);
    await ended;
  });
});
