/** What a collector publishes of where its links are, whatever is heard on them. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { CollectorOptions } from "../../src/collector/collector.ts";
import { enumerationRecords } from "../../src/collector/enumeration.ts";
import { reverseRecords } from "../../src/collector/reverse.ts";
import { parseConfig } from "../../src/config.ts";
import { Rcode, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { apexRecords, type Browsed } from "../../src/zone/apex.ts";
import { reversePrincipal } from "../../src/zone/update/principal.ts";
import type { Update } from "../../src/zone/update/update.ts";
import { Zone } from "../../src/zone/zone.ts";
import { FakeClock } from "../support/clock.ts";
import { publisher } from "../support/publisher.ts";
import { Device } from "./device.ts";
import { service, ZONE } from "./fixture.ts";
import { Office, printers } from "./office.ts";

const REVERSE = Name.parse("10.in-addr.arpa.");

const extraOf =
  (browsed: Browsed): NonNullable<CollectorOptions["extra"]> =>
  (places, sets) => {
    const sites = new Map(places.map(({ site }) => [site.key, site]));
    const shared = { zone: ZONE, browsed };
    return [
      ...enumerationRecords({ ...shared, sites: [...sites.values()] }),
      ...reverseRecords({ ...shared, reverse: [REVERSE], places, sets }),
    ];
  };
const extra = extraOf("merged");

function reverseZone(): Zone {
  const records = apexRecords({ origin: REVERSE, nameservers: [], serial: 1 });
  return new Zone({ origin: REVERSE, records, clock: new FakeClock() });
}

/** The targets of the PTR records at `owner`. */
function pointers(zone: Zone, owner: string): string[] {
  const set = zone.current.set(Name.parse(owner), Type.PTR);
  return set?.rdatas.map(({ values }) => String(values[0])) ?? [];
}

suite("the places of a collector", () => {
  test("are listed though nothing is heard there, until the link goes", async () => {
    const office = new Office({ extra, lans: 2 });
    await office.clock.elapse(1000);
    const list = (label: string) => pointers(office.zone, `lb._dns-sd._udp.${label}.z.example.`);
    assert.deepEqual(list("site1"), ["site1.z.example."]);
    assert.deepEqual(list("site2"), ["site2.z.example."]);
    office.links.unplug(office.hosts[0]!);
    await office.clock.elapse(1000);
    assert.deepEqual(list("site1"), []);
    assert.deepEqual(list("site2"), ["site2.z.example."]);
    assert.deepEqual(pointers(office.zone, "lb._dns-sd._udp.z.example."), ["z.example."]);
    await office.end();
  });

  test("have their names and their hosts' in reverse zones, and follow a renumbering", async () => {
    const reverse = reverseZone();
    const by = reversePrincipal("collector", ZONE, () => true);
    const written: Update["updates"][number][] = [];
    const publish = (update: Update) => {
      written.push(...update.updates);
      return reverse.apply(update, by);
    };
    const office = new Office({
      extra,
      zones: [
        { origin: ZONE, publish: async () => Rcode.NOERROR, readBack: async () => Rcode.REFUSED },
        {
          origin: REVERSE,
          publish,
          readBack: async () => reverse.current,
        },
      ],
    });
    const text = service("x", "_ipp._tcp", "pc", "10.1.0.2");
    new Device(office.lans[0]!, "10.1.0.2", text).announce();
    const itself = service("Hub", "_hub._tcp", "Hub._hub._tcp", "10.1.0.3");
    new Device(office.lans[0]!, "10.1.0.3", itself).announce();
    await office.clock.elapse(5000);
    assert.ok(written.length > 0 && written.every(({ name }) => name.isUnder(REVERSE)));
    assert.deepEqual(pointers(reverse, "2.0.1.10.in-addr.arpa."), ["pc.site1.z.example."]);
    assert.deepEqual(
      pointers(reverse, "3.0.1.10.in-addr.arpa."),
      [],
      "a service is no host's name",
    );
    const lb = (network: string) =>
      pointers(reverse, `lb._dns-sd._udp.${network}.10.in-addr.arpa.`);
    assert.deepEqual(lb("0.0.1"), ["z.example."]);
    office.hosts[0]!.addresses = [{ family: 4, address: "10.9.6.1", prefix: 22 }];
    await office.clock.elapse(15_000);
    assert.deepEqual(lb("0.0.1"), []);
    assert.deepEqual(lb("0.4.9"), ["z.example."]);
    assert.deepEqual(pointers(reverse, "2.0.1.10.in-addr.arpa."), [], "of another network now");
    await office.end();
  });

  test("have mapped hosts in reverse zones at the new addresses, and no host that claims one", async () => {
    const reverse = reverseZone();
    const by = reversePrincipal("collector", ZONE, () => true);
    const map = "policy: { addresses: [{ from: 10.1.0.0/24, to: 10.200.0.0/24 }] }";
    const office = new Office({
      extra,
      policy: parseConfig(map, "p", ".").policy,
      zones: [
        { origin: ZONE, publish: async () => Rcode.NOERROR, readBack: async () => Rcode.REFUSED },
        {
          origin: REVERSE,
          publish: (update) => reverse.apply(update, by),
          readBack: async () => reverse.current,
        },
      ],
    });
    const [lan] = office.lans;
    new Device(lan!, "10.1.0.2", service("x", "_ipp._tcp", "pc", "10.1.0.2")).announce();
    new Device(lan!, "10.1.0.3", service("y", "_ipp._tcp", "liar", "10.200.0.3")).announce();
    await office.clock.elapse(5000);
    assert.deepEqual(pointers(reverse, "2.0.200.10.in-addr.arpa."), ["pc.site1.z.example."]);
    assert.deepEqual(pointers(reverse, "3.0.200.10.in-addr.arpa."), []);
    assert.deepEqual(pointers(reverse, "2.0.1.10.in-addr.arpa."), []);
    await office.end();
  });

  test("are the current ones when a link comes back in another network", async () => {
    const reverse = reverseZone();
    const by = reversePrincipal("collector", ZONE, () => true);
    const office: Office = new Office({
      extra,
      grace: 15_000,
      zones: [
        { origin: ZONE, publish: async () => Rcode.NOERROR, readBack: async () => Rcode.REFUSED },
        {
          origin: REVERSE,
          publish: (update) => reverse.apply(update, by),
          readBack: async () => reverse.current,
        },
      ],
    });
    await office.clock.elapse(20_000);
    const lb = (network: string) =>
      pointers(reverse, `lb._dns-sd._udp.${network}.10.in-addr.arpa.`);
    assert.deepEqual(lb("0.0.1"), ["z.example."]);
    const [host] = office.hosts;
    office.links.unplug(host!);
    host!.addresses = [{ family: 4, address: "10.9.6.1", prefix: 22 }];
    office.links.plug(host!);
    await office.clock.elapse(1000);
    assert.deepEqual([lb("0.0.1"), lb("0.4.9")], [[], ["z.example."]]);
    await office.end();
  });

  test("are found again after a restart that recommends others, on servers without leases", async () => {
    const reverse = reverseZone();
    const office: Office = new Office();
    await office.end();
    const zones = [office.zone, reverse].map((zone) => ({
      origin: zone.origin,
      publish: ({ zone: origin, prerequisites, updates }: Update) =>
        zone.apply({ zone: origin, prerequisites, updates }, publisher),
      readBack: async () => zone.current,
      granted: () => undefined,
      lease: 300,
    }));
    printers(office.lans[0]!, 1, () => 20);
    const first = office.start({ extra, zones });
    await office.clock.elapse(20_000);
    await first.end();
    const elsewhere = "lb._dns-sd._udp.0.0.2.10.in-addr.arpa.";
    const others = {
      name: Name.parse(elsewhere),
      type: Type.PTR,
      ttl: 60,
      rdatas: [rdata.ptr(ZONE)],
    };
    const update = { zone: REVERSE, prerequisites: [], updates: recordsOf(others) };
    assert.equal(await reverse.apply(update, publisher), Rcode.NOERROR);
    const recommended = () =>
      ["b", "db", "lb"].map((kind) => [
        pointers(office.zone, `${kind}._dns-sd._udp.${ZONE}`),
        pointers(reverse, `${kind}._dns-sd._udp.0.0.1.10.in-addr.arpa.`),
      ]);
    const [zone, site] = ["z.example.", "site1.z.example."];
    assert.deepEqual(recommended(), Array(3).fill([[zone], [zone]]));

    const second = office.start({ extra: extraOf("sites"), browsed: "sites", zones });
    await office.clock.elapse(30_000);
    assert.deepEqual(recommended(), [
      [[zone, site], [site]],
      [[], [site]],
      [[site], [site]],
    ]);
    assert.deepEqual(pointers(reverse, elsewhere), [zone], "of a network that is not its own");
    assert.equal(office.browse("_ipp._tcp").length, 1);
    await second.end();
  });
});
