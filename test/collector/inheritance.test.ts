import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { inheritance } from "../../src/collector/publishing/inheritance.ts";
import { RecordSets } from "../../src/collector/recordsets.ts";
import { Rcode, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { apexRecords } from "../../src/zone/apex.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { Zone } from "../../src/zone/zone.ts";
import { publisher } from "../support/publisher.ts";
import { Device } from "./device.ts";
import { expected, lines, service, ZONE } from "./fixture.ts";
import { Office, type OfficeOptions, printers } from "./office.ts";

/** Seconds. */
const LEASE = 300;
const leased: OfficeOptions = { published: { lease: LEASE } };

test("a collector's sites tell what it may have put into a zone", () => {
  const sets = parseMasterFile(
    `$TTL 10
     @ NS ns.example.
     www A 192.0.2.1
     printer.paris A 10.1.0.10
     printer.lyon A 10.2.0.10
     x._ipp._tcp.paris SRV 0 0 1 printer.paris
     sub.paris NS ns.example.
     _ipp._tcp PTR x._ipp._tcp.paris
     _ipp._tcp PTR y._ipp._tcp.lyon
     _http._tcp PTR x._http._tcp.paris
     _services._dns-sd._udp PTR _ipp._tcp
     _services._dns-sd._udp PTR _http._tcp
     _services._dns-sd._udp PTR _gone._tcp
     lb._dns-sd._udp PTR @
     lb._dns-sd._udp PTR paris
     lb._dns-sd._udp PTR lyon
     r._dns-sd._udp PTR @
     dr._dns-sd._udp PTR paris
     r._dns-sd._udp.paris PTR paris
     lb._dns-sd._udp.lyon PTR @
     lb._dns-sd._udp.paris PTR paris`.replace(/^ +/gm, ""),
    { origin: ZONE, isPartial: true },
  );
  assert.deepEqual(
    lines(
      inheritance(RecordSets.of(sets), { zone: ZONE, sites: [ZONE.child("paris")!], subnets: [] }),
    ),
    expected(`
      printer.paris.z.example. 10 IN A 10.1.0.10
      x._ipp._tcp.paris.z.example. 10 IN SRV 0 0 1 printer.paris.z.example.
      _ipp._tcp.z.example. 10 IN PTR x._ipp._tcp.paris.z.example.
      _http._tcp.z.example. 10 IN PTR x._http._tcp.paris.z.example.
      _services._dns-sd._udp.z.example. 10 IN PTR _http._tcp.z.example.
      _services._dns-sd._udp.z.example. 10 IN PTR _gone._tcp.z.example.
      lb._dns-sd._udp.z.example. 10 IN PTR z.example.
      lb._dns-sd._udp.z.example. 10 IN PTR paris.z.example.
      lb._dns-sd._udp.paris.z.example. 10 IN PTR paris.z.example.`),
  );
});

test("records with a longer TTL than collectors give, and what lists them, were put there by hand", () => {
  const sets = parseMasterFile(
    `$TTL 3600
     paris TXT "of the office"
     wiki.paris A 10.1.0.77
     Wiki._http._tcp.paris SRV 0 0 80 wiki.paris
     lb._dns-sd._udp.paris 60 PTR paris
     pc.paris 5 A 10.1.0.10
     x._http._tcp.paris 10 SRV 0 0 80 pc.paris
     _http._tcp PTR x._http._tcp.paris
     _http._tcp PTR Wiki._http._tcp.paris
     _services._dns-sd._udp PTR _http._tcp`.replace(/^ +/gm, ""),
    { origin: ZONE, isPartial: true },
  );
  assert.deepEqual(
    lines(
      inheritance(RecordSets.of(sets), { zone: ZONE, sites: [ZONE.child("paris")!], subnets: [] }),
    ),
    expected(`
      lb._dns-sd._udp.paris.z.example. 60 IN PTR paris.z.example.
      pc.paris.z.example. 5 IN A 10.1.0.10
      x._http._tcp.paris.z.example. 10 IN SRV 0 0 80 pc.paris.z.example.
      _http._tcp.z.example. 3600 IN PTR x._http._tcp.paris.z.example.`),
  );
});

test("a collector's sites and subnets tell what it may have put into a reverse zone", () => {
  const origin = Name.parse("1.10.in-addr.arpa.");
  const sets = parseMasterFile(
    `$TTL 10
     lb._dns-sd._udp.0.0 PTR z.example.
     db._dns-sd._udp.0.0 PTR paris.z.example.
     db._dns-sd._udp.0.0 PTR other.example.
     r._dns-sd._udp.0.0 PTR z.example.
     dr._dns-sd._udp.0.0 PTR paris.z.example.
     lb._dns-sd._udp.0.128 PTR z.example.
     lb._dns-sd._udp.0.128 PTR paris.z.example.
     2.0 PTR pc.paris.z.example.
     3.0 PTR pc.lyon.z.example.
     4.0 PTR z.example.`.replace(/^ +/gm, ""),
    { origin, isPartial: true },
  );
  const subnets = [Name.parse("0.0", origin)];
  assert.deepEqual(
    lines(inheritance(RecordSets.of(sets), { zone: ZONE, sites: [ZONE.child("paris")!], subnets })),
    expected(`
      lb._dns-sd._udp.0.0.1.10.in-addr.arpa. 10 IN PTR z.example.
      db._dns-sd._udp.0.0.1.10.in-addr.arpa. 10 IN PTR paris.z.example.
      lb._dns-sd._udp.0.128.1.10.in-addr.arpa. 10 IN PTR paris.z.example.
      2.0.1.10.in-addr.arpa. 10 IN PTR pc.paris.z.example.`),
  );
});

suite("a collector that restarts", () => {
  test("within its lease changes nothing", async () => {
    const office = new Office(leased);
    printers(office.lans[0]!, 30, (i) => 20 + ((i * 37) % 100));
    await office.until(() => office.browse("_ipp._tcp").length === 30);
    await office.clock.elapse(20_000);
    await office.end();
    const { serial } = office.zone.current;
    await office.clock.elapse(250_000);
    const second = office.start(leased);
    await office.clock.elapse(700_000);
    assert.equal(office.zone.current.serial, serial);
    assert.equal(office.browse("_ipp._tcp").length, 30);
    await second.end();
  });

  test("asks for published types and subtypes that no device lists", async () => {
    const office = new Office({ ...leased, lans: 2 });
    const [lan, other] = office.lans;
    const text = `${service("a", "_ipp._tcp", "h", "10.1.0.2")}\n_x._sub._ipp._tcp PTR a._ipp._tcp`;
    new Device(lan!, "10.1.0.2", text).announce();
    const stranger = other!.host("stranger", "10.2.0.3").record();
    const lists = ["_ipp._tcp", "_x._sub._ipp._tcp"];
    const least = () => Math.min(...lists.map((list) => office.browse(list).length));
    await office.until(() => least() === 1);
    await office.end();
    const second = office.start(leased);
    for (let i = 0; i < 600; i++) {
      await office.clock.elapse(100);
      assert.equal(least(), 1, `${100 * i} ms later`);
    }
    const asked = stranger.heard.flatMap(({ message }) => message.questions);
    assert.ok(asked.every(({ name }) => String(name) === "_services._dns-sd._udp.local."));
    await second.end();
  });

  test("removes what left meanwhile, and nothing else, within 30 s", async () => {
    const office = new Office(leased);
    const devices = printers(office.lans[0]!, 10, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === 10);
    await office.clock.elapse(20_000);
    await office.end();
    for (const device of devices.slice(0, 3)) device.isMute = true;
    await office.clock.elapse(60_000);
    const counts = new Set([office.browse("_ipp._tcp").length]);
    const serials = new Set([office.zone.current.serial]);
    const second = office.start(leased);
    const time = await office.until(() => {
      counts.add(office.browse("_ipp._tcp").length);
      serials.add(office.zone.current.serial);
      return office.browse("_ipp._tcp").length === 7;
    }, 30_000);
    await office.clock.elapse(60_000);
    assert.ok(time > 10_000 && time < 30_000, `${time} ms`);
    assert.deepEqual([...counts], [10, 7]);
    assert.equal(serials.size, 2);
    assert.equal(office.zone.current.set(Name.parse("p0.site1.z.example."), Type.A), undefined);
    await second.end();
  });

  test("keeps what is at a site whose link comes later", async () => {
    const office = new Office(leased);
    printers(office.lans[0]!, 5, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === 5);
    await office.clock.elapse(20_000);
    await office.end();
    const { serial } = office.zone.current;
    const second = office.start({ ...leased, sites: ["site1"] });
    second.links.unplug(second.hosts[0]!);
    await office.clock.elapse(20_000);
    second.links.plug(second.hosts[0]!);
    await office.clock.elapse(60_000);
    assert.equal(office.zone.current.serial, serial);
    await second.end();
  });

  test("removes what is at a site without a link", async () => {
    const office = new Office(leased);
    printers(office.lans[0]!, 5, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === 5);
    await office.end();
    const second = office.start({ ...leased, sites: ["site1"] });
    second.links.unplug(second.hosts[0]!);
    await office.until(() => office.zone.current.size === 2, 30_000);
    await second.end();
  });

  test("removes nothing before it has read the zone from the server", async () => {
    const office = new Office(leased);
    const [gone] = printers(office.lans[0]!, 3, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === 3);
    await office.end();
    gone!.isMute = true;
    let isDown = true;
    const second: ReturnType<Office["start"]> = office.start({
      published: {
        lease: LEASE,
        readBack: async () => {
          if (isDown) throw new Error("no route");
          return office.zone.current;
        },
      },
    });
    await office.clock.elapse(60_000);
    assert.equal(office.browse("_ipp._tcp").length, 3);
    isDown = false;
    await office.until(() => office.browse("_ipp._tcp").length === 2, 6000);
    await second.end();
  });

  test("works without reading the zone if the server refuses that", async () => {
    const facts: string[] = [];
    const office = new Office({
      published: { lease: LEASE, readBack: async () => Rcode.REFUSED },
      log: {
        ...{ debug() {}, info() {}, error() {} },
        warn: (_, fact) => facts.push(fact),
      },
    });
    printers(office.lans[0]!, 3, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === 3);
    await office.clock.elapse(300_000);
    assert.equal(facts.length, 1);
    assert.match(facts[0]!, /allow-transfer/);
    await office.end();
  });
});

suite("a collector that stands still", () => {
  /** `count` printers; `least` gives the fewest listed until `elapse` has passed. */
  async function scene(count: number) {
    const office = new Office(leased);
    const devices = printers(office.lans[0]!, count, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === count);
    await office.clock.elapse(20_000);
    const least = async (elapse: number) => {
      let least = count;
      for (let i = 0; i < elapse; i += 50) {
        await office.clock.elapse(50);
        least = Math.min(least, office.browse("_ipp._tcp").length);
      }
      return least;
    };
    return { office, devices, least };
  }

  test("soon after its start listens on before it considers anything gone", async () => {
    const { office, devices, least } = await scene(10);
    await office.end();
    const second = office.start(leased);
    await office.clock.elapse(30);
    devices[0]!.isMute = true;
    office.clock.standStill(20_000);
    assert.equal(await least(14_000), 10);
    await office.until(() => office.browse("_ipp._tcp").length === 9, 16_000);
    await second.end();
  });

  test("for longer than records live withdraws nothing that is still there", async () => {
    const { office, devices, least } = await scene(10);
    office.clock.standStill(130_000);
    devices[0]!.isMute = true;
    assert.equal(await least(5000), 10);
    assert.equal(await least(25_000), 9, "what left meanwhile is out within 30 s");
    await office.clock.elapse(600_000);
    assert.equal(office.browse("_ipp._tcp").length, 9);
    await office.end();
  });

  test("more than once keeps all that is there, and ends as usual", async () => {
    const { office, least } = await scene(3);
    for (let i = 0; i < 5; i++) {
      office.clock.standStill(40_000);
      assert.equal(await least(100_000), 3);
    }
    await office.end();
    const { next = 0 } = office.clock;
    assert.ok(next > office.clock.now() + 1000, "nothing is left that beats");
  });
});

suite("a collector that ends", () => {
  test("for good leaves nothing after its lease", async () => {
    const office = new Office(leased);
    printers(office.lans[0]!, 3, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === 3);
    await office.clock.elapse(200_000);
    await office.end();
    const time = await office.until(() => office.zone.current.size === 2, LEASE * 1000);
    assert.ok(time > 100_000, `${time} ms`);
  });

  test("cleanly withdraws what it has published, if configured", async () => {
    const office = new Office({ published: { lease: LEASE, withdraw: true } });
    printers(office.lans[0]!, 30, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === 30);
    await office.end();
    assert.equal(office.zone.current.size, 2);
  });

  test("takes its time if the server takes one update after the other", async () => {
    let delay = 0;
    const office: Office = new Office({
      published: {
        lease: LEASE,
        granted: () => undefined,
        withdraw: true,
        publish: async (update) => {
          const { clock } = office;
          if (delay > 0) await new Promise<void>((go) => clock.at(clock.now() + delay, go));
          return office.zone.apply(update, publisher);
        },
      },
    });
    printers(office.lans[0]!, 3, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === 3);
    await office.clock.elapse(20_000);
    delay = 1500;
    let hasEnded = false;
    const ended = office.end().then(() => (hasEnded = true));
    const time = await office.until(() => hasEnded);
    await ended;
    assert.equal(office.zone.current.size, 2);
    assert.ok(time >= 3000, `${time} ms`);
  });

  test("does not wait long for a server that is away", async () => {
    let isDown = false;
    const office: Office = new Office({
      published: {
        lease: LEASE,
        withdraw: true,
        publish: (update) =>
          isDown ? new Promise(() => {}) : office.zone.apply(update, publisher),
      },
    });
    printers(office.lans[0]!, 3, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === 3);
    isDown = true;
    let hasEnded = false;
    const ended = office.end().then(() => (hasEnded = true));
    await office.clock.elapse(1990);
    assert.equal(hasEnded, false);
    await office.clock.elapse(20);
    assert.equal(hasEnded, true);
    await ended;
  });
});

suite("SEC-25: two collectors on one LAN", () => {
  test("publish as one, and the end of one, clean or not, changes nothing", async () => {
    for (const withdraw of [false, true]) {
      const office = new Office({ key: "a", published: { lease: LEASE, withdraw } });
      printers(office.lans[0]!, 10, (i) => 20 + i);
      const second = office.start({ key: "b", published: { lease: LEASE } });
      await office.clock.elapse(20_000);
      const { serial } = office.zone.current;
      assert.equal(office.browse("_ipp._tcp").length, 10);
      await office.end();
      await office.clock.elapse(700_000);
      const third = office.start({ key: "a", published: { lease: LEASE } });
      await office.clock.elapse(100_000);
      assert.equal(office.zone.current.serial, serial);
      assert.equal(office.browse("_ipp._tcp").length, 10);
      await Promise.all([second.end(), third.end()]);
    }
  });

  test("remove, when one returns, what left meanwhile, and do not bring it back", async () => {
    const office = new Office({ key: "a", published: { lease: LEASE } });
    const second = office.start({ key: "b", published: { lease: LEASE } });
    const devices = printers(office.lans[0]!, 4, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === 4);
    await office.clock.elapse(20_000);
    await office.end();
    devices[0]!.goodbye();
    // A record lives while anybody holds it: here the absent collector, until its lease expires.
    await office.clock.elapse(5000);
    const third = office.start({ key: "a", published: { lease: LEASE } });
    await office.until(() => office.browse("_ipp._tcp").length === 3, 30_000);
    const { serial } = office.zone.current;
    await office.clock.elapse(700_000);
    assert.equal(office.zone.current.serial, serial);
    await Promise.all([second.end(), third.end()]);
  });
});

suite("a collector for several zones", () => {
  const REVERSE = Name.parse("1.10.in-addr.arpa.");

  test("puts each name into its zone, and names of no zone nowhere", async () => {
    const office: Office = new Office();
    const zoneOf = (origin: Name) =>
      new Zone({
        origin,
        records: apexRecords({ origin, nameservers: [], serial: 1 }),
        clock: office.clock,
      });
    const reverse = zoneOf(REVERSE);
    const around = zoneOf(Name.parse("10.in-addr.arpa."));
    const within = zoneOf(Name.parse("7.1.10.in-addr.arpa."));
    await office.end();
    const publish = (zone: Zone) => ({
      origin: zone.origin,
      publish: (update: Parameters<Zone["apply"]>[0]) => zone.apply(update, publisher),
      readBack: async () => zone.current,
    });
    const ptr = (owner: string, ttl = 10) => ({
      ...{ name: Name.parse(owner), type: Type.PTR, ttl },
      rdatas: [rdata.ptr(Name.parse("h.site1.z.example."))],
    });
    const second = office.start({
      zones: [office.zone, around, within, reverse].map(publish),
      extra: (places, sets) =>
        places.length === 0 || sets.isEmpty
          ? []
          : [
              "2.0.1.10.in-addr.arpa.",
              "2.7.1.10.in-addr.arpa.",
              "2.0.11.in-addr.arpa.",
              "lb.z.example.",
            ].map((owner) => ptr(owner)),
    });
    printers(office.lans[0]!, 1, () => 20);
    await office.until(() => office.browse("_ipp._tcp").length === 1);
    await office.clock.elapse(1000);
    assert.ok(reverse.current.set(Name.parse("2.0.1.10.in-addr.arpa."), Type.PTR));
    assert.ok(within.current.set(Name.parse("2.7.1.10.in-addr.arpa."), Type.PTR));
    assert.deepEqual(
      [reverse, within, around].map(({ current }) => current.size),
      [3, 3, 2],
    );
    assert.ok(office.zone.current.set(Name.parse("lb.z.example."), Type.PTR));
    second.links.unplug(second.hosts[0]!);
    await office.clock.elapse(1000);
    assert.equal(reverse.current.size, 2);
    assert.equal(office.zone.current.size, 2);
    await second.end();
  });
});

test("a link that turns out to be at another site takes along what it has said", async () => {
  let label = "here";
  const office = new Office({ siteOf: () => label, ...leased });
  const text = service("a", "_ipp._tcp", "h", "10.1.0.2");
  const device = new Device(office.lans[0]!, "10.1.0.2", text);
  device.announce();
  await office.until(() => office.browse("_ipp._tcp", "here.z.example.").length === 1);
  device.isMute = true;
  label = "there";
  office.collector.relabel();
  await office.clock.elapse(100);
  assert.deepEqual(office.browse("_ipp._tcp", "here.z.example."), []);
  assert.deepEqual(office.browse("_ipp._tcp", "there.z.example."), [
    "a._ipp._tcp.there.z.example.",
  ]);
  assert.deepEqual(office.browse("_ipp._tcp", "z.example."), ["a._ipp._tcp.there.z.example."]);
  await office.end();
});

test("a site that a link moves to is rid of leftovers", async () => {
  let label = "here";
  const office: Office = new Office({
    siteOf: () => label,
    published: { publish: (update) => office.zone.apply(update, publisher) },
  });
  const left = { name: Name.parse("old.there.z.example."), type: Type.A, ttl: 10 };
  const updates = recordsOf({ ...left, rdatas: [rdata.a("10.1.0.9")] });
  await office.zone.apply({ zone: ZONE, prerequisites: [], updates }, publisher);
  // The reading at the start is over.
  await office.clock.elapse(200_000);
  assert.ok(office.zone.current.set(left.name, left.type));
  label = "there";
  office.collector.relabel();
  await office.clock.elapse(30_000);
  assert.equal(office.zone.current.set(left.name, left.type), undefined);
  await office.end();
});

test("a site that a link has left is up to those who are still there", async () => {
  let label = "here";
  // A server that does not track who wants what.
  const office: Office = new Office({
    siteOf: () => label,
    published: { publish: (update) => office.zone.apply(update, publisher) },
  });
  const text = service("a", "_ipp._tcp", "h", "10.1.0.2");
  new Device(office.lans[0]!, "10.1.0.2", text).announce();
  await office.until(() => office.browse("_ipp._tcp", "here.z.example.").length === 1);
  label = "there";
  office.collector.relabel();
  await office.until(() => office.browse("_ipp._tcp", "here.z.example.").length === 0);
  await office.clock.elapse(30_000);
  const [name, other] = ["_ipp._tcp.here.z.example.", "b._ipp._tcp.here.z.example."].map((owner) =>
    Name.parse(owner),
  );
  const updates = recordsOf({ name: name!, type: Type.PTR, ttl: 10, rdatas: [rdata.ptr(other!)] });
  await office.zone.apply({ zone: ZONE, prerequisites: [], updates }, publisher);
  // The zone is read again.
  office.collector.relabel();
  await office.clock.elapse(30_000);
  assert.deepEqual(office.browse("_ipp._tcp", "here.z.example."), [`${other}`]);
  await office.end();
});
