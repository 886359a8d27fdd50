/** Where clients learn what to browse: RFC 6763 §11, RFC 8766 §5.2, §5.4. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { enumerationRecords } from "../../src/collector/enumeration.ts";
import { type LinkPlace, reverseRecords } from "../../src/collector/reverse.ts";
import { type Subnet, subnetsOf } from "../../src/collector/subnets.ts";
import { Rcode, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { type RecordSet, recordsOf } from "../../src/dns/record.ts";
import { BROWSING, type Enumeration, enumerationName } from "../../src/dns/service.ts";
import type { LinkAddress } from "../../src/net/links/link.ts";
import { apexEnumeration, apexRecords, type Browsed } from "../../src/zone/apex.ts";
import { lookup } from "../../src/zone/lookup/lookup.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import {
  collectorPrincipal,
  type Principal,
  reversePrincipal,
} from "../../src/zone/update/principal.ts";
import { removal } from "../../src/zone/update/update.ts";
import { Zone } from "../../src/zone/zone.ts";
import { expected, lines } from "../collector/fixture.ts";

const ZONE = Name.parse("z.example.");
const REVERSE = ["77.10.in-addr.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa."].map((text) =>
  Name.parse(text),
);
const site = (label: string) => ZONE.child(label)!;

/** The shared zone, as a gateway keeps it. */
function sharedZone(browsed: Browsed): Zone {
  const apex = apexRecords({ origin: ZONE, nameservers: [], serial: 1 });
  const records = [...apex, ...apexEnumeration(ZONE, browsed)];
  return new Zone({ origin: ZONE, records, clock: systemClock });
}

/** Starts or ends a collector of these sites, with a key of its own. */
async function collect(zone: Zone, labels: string, browsed: Browsed, change = recordsOf) {
  const sites = labels.split(" ").map(site);
  const sets = enumerationRecords({ zone: ZONE, browsed, sites });
  const update = { zone: ZONE, prerequisites: [], updates: sets.flatMap(change) };
  const by = collectorPrincipal(labels, ZONE, (name) => sites.some((each) => each.equals(name)));
  assert.equal(await zone.apply(update, by), Rcode.NOERROR);
}

function answer(zone: Zone, domain: Name, kind: Enumeration): string[] {
  const name = enumerationName(kind, domain)!;
  const { rcode, answers } = lookup(zone.current, { name, type: 12, class: 1 });
  assert.equal(rcode, Rcode.NOERROR, `${name} is there, or may come`);
  return answers.flatMap(({ rdatas }) => rdatas.map(({ values }) => String(values[0]))).sort();
}

for (const browsed of ["merged", "sites"] as const) {
  test(`SD-22, 25: with ${browsed}, b, db and lb are as configured, and the rest is NODATA`, async () => {
    const zone = sharedZone(browsed);
    for (const label of ["paris", "lyon"]) await collect(zone, label, browsed);
    const sites = ["lyon.z.example.", "paris.z.example."];
    const apex = (kind: Enumeration) => answer(zone, ZONE, kind);
    if (browsed === "merged") {
      for (const kind of BROWSING) assert.deepEqual(apex(kind), ["z.example."]);
    } else {
      assert.deepEqual(apex("lb"), sites);
      assert.deepEqual(apex("b"), [...sites, "z.example."]);
      assert.deepEqual(apex("db"), []);
    }
    for (const kind of BROWSING) {
      assert.deepEqual(answer(zone, site("paris"), kind), ["paris.z.example."]);
    }
    for (const kind of ["r", "dr"] as const) {
      assert.deepEqual(apex(kind), []);
      assert.deepEqual(answer(zone, site("paris"), kind), []);
    }
  });

  test(`SD-22: with ${browsed}, a site's entries are withdrawn with its collector`, async () => {
    const zone = sharedZone(browsed);
    const before = lines(zone.current).filter((line) => !line.includes("SOA"));
    await collect(zone, "paris", browsed);
    await collect(zone, "lyon", browsed);
    await collect(zone, "paris", browsed, removal);
    assert.deepEqual(answer(zone, site("lyon"), "b"), ["lyon.z.example."]);
    assert.ok(!lines(zone.current).some((line) => line.includes("paris")));
    await collect(zone, "lyon", browsed, removal);
    assert.deepEqual(
      lines(zone.current).filter((line) => !line.includes("SOA")),
      before,
    );
    for (const kind of BROWSING) answer(zone, ZONE, kind);
  });

  test(`SD-23, 24: with ${browsed}, db has one of b at most, however many sites there are`, async () => {
    for (const collectors of [["paris", "lyon", "nice"], ["paris lyon nice"]]) {
      const zone = sharedZone(browsed);
      for (const labels of collectors) await collect(zone, labels, browsed);
      for (const domain of [ZONE, site("paris"), site("nice")]) {
        const [db, ...more] = answer(zone, domain, "db");
        assert.equal(more.length, 0);
        if (db !== undefined) assert.ok(answer(zone, domain, "b").includes(db));
      }
    }
  });
}

test("SD-22: a collector without sites lists nothing, not even the zone", () => {
  for (const browsed of ["merged", "sites"] as const) {
    assert.deepEqual(enumerationRecords({ zone: ZONE, browsed, sites: [] }), []);
  }
});

test("SD-26: the zone's file may recommend domains in rich text and outside the zone", () => {
  const records = parseMasterFile(
    `@ SOA ns.example. hostmaster.example. 1 7200 3600 86400 10
     $TTL 60
     @ NS ns.example.
     b._dns-sd._udp PTR Building\\0321
     b._dns-sd._udp PTR campus.example.net.
     dr._dns-sd._udp PTR Building\\0321`.replace(/^ +/gm, ""),
    { origin: ZONE },
  );
  const zone = new Zone({ origin: ZONE, records, clock: systemClock });
  assert.deepEqual(answer(zone, ZONE, "b"), ["Building\\0321.z.example.", "campus.example.net."]);
  assert.deepEqual(answer(zone, ZONE, "dr"), ["Building\\0321.z.example."]);
});

test("SD-23: a default in a file that is not among what is to be browsed is warned of", () => {
  const warnings = (text: string, isPartial = true, origin = ZONE) => {
    const found: string[] = [];
    const warn = (warning: string) => void found.push(warning.replace(/^.*?: /, ""));
    parseMasterFile(`$TTL 60\n${text}`, { origin, isPartial, warn });
    return found;
  };
  const db = (target: string) => `db._dns-sd._udp PTR ${target}\n`;
  const b = (target: string) => `b._DNS-SD._udp PTR ${target}\n`;
  const warning =
    "PTR of db._dns-sd._udp.z.example. to other.example., expected one of those of b._dns-sd._udp.z.example.";
  assert.deepEqual(warnings(db("other.example.")), [warning]);
  assert.deepEqual(warnings(db("other.example.") + b("another.example.")), [warning]);
  assert.deepEqual(warnings(db("other.example.") + b("Other.example.")), []);
  assert.deepEqual(warnings(b("other.example.")), []);
  assert.deepEqual(warnings(db("other.example.").replace("db", "lb")), [], "no default");
  const alias = "b._dns-sd._udp CNAME b._dns-sd._udp.other.example.\n";
  assert.deepEqual(warnings(db("other.example.") + alias), [], "nobody knows what is there");
  // The gateway adds the zone and its sites to be browsed, but only to a zone that collectors fill.
  const own = db("@") + db("paris");
  assert.deepEqual(warnings(own), []);
  const subnet = "db._dns-sd._udp.0.1 PTR paris.z.example.";
  assert.deepEqual(warnings(subnet, true, REVERSE[0]), []);
  const apex = "@ SOA ns.example. h.example. 1 7200 3600 86400 10\n@ NS ns.example.\n";
  assert.equal(warnings(apex + own, false).length, 2);
  assert.deepEqual(warnings(apex + own + b("@") + b("paris"), false), []);
  assert.equal(warnings(apex + subnet, false, REVERSE[0]).length, 1);
});

//---- Reverse zones ----

/** The subnets of a link with addresses such as "10.77.1.1/24". */
function on(...addresses: readonly string[]): Subnet[] {
  const linkAddresses = addresses.map((text): LinkAddress => {
    const [address = "", prefix] = text.split("/");
    return { family: address.includes(":") ? 6 : 4, address, prefix: Number(prefix) };
  });
  return subnetsOf(linkAddresses);
}

function reversed(
  places: readonly LinkPlace[],
  published = "",
  options: { browsed?: Browsed; reverse?: readonly Name[] } = {},
): RecordSet[] {
  const text = `$TTL 10\n${published.replace(/^ +/gm, "")}`;
  const sets = parseMasterFile(text, { origin: ZONE, isPartial: true });
  const { browsed = "merged", reverse = REVERSE } = options;
  return reverseRecords({ zone: ZONE, browsed, reverse, places, sets });
}

const paris = (...addresses: readonly string[]): LinkPlace => ({
  site: site("paris"),
  subnets: on(...addresses),
  mapped: [],
});

test("SD-27: a subnet's names have all octets of its base address, whatever its prefix length", () => {
  assert.deepEqual(
    lines(reversed([paris("10.77.1.34/24")])),
    expected(`
      b._dns-sd._udp.0.1.77.10.in-addr.arpa. 60 IN PTR z.example.
      db._dns-sd._udp.0.1.77.10.in-addr.arpa. 60 IN PTR z.example.
      lb._dns-sd._udp.0.1.77.10.in-addr.arpa. 60 IN PTR z.example.`),
  );
  const owners = (address: string) =>
    reversed([paris(address)]).map(({ name }) => String(name.parent!.parent!.parent));
  assert.equal(owners("10.77.6.9/22")[0], "0.4.77.10.in-addr.arpa.");
  assert.equal(owners("10.77.6.9/16")[0], "0.0.77.10.in-addr.arpa.");
  assert.equal(owners("10.77.6.9/29")[0], "8.6.77.10.in-addr.arpa.");
  assert.deepEqual(owners("10.77.6.9/8"), [], "its base is in a zone of somebody else");
  assert.deepEqual(owners("10.77.6.9/32"), [], "nobody else is in it");
});

test("SD-27: with sites, the hosts of a subnet are directed to their own site", () => {
  const places = [
    paris("10.77.1.1/24"),
    { site: site("lyon"), subnets: on("10.77.2.1/24"), mapped: [] },
  ];
  const sets = reversed(places, "", { browsed: "sites" });
  assert.equal(sets.length, 6);
  for (const { name, rdatas } of sets) {
    const domain = String(name).includes(".0.1.77.10.") ? "paris" : "lyon";
    assert.deepEqual(
      rdatas.map(({ values }) => String(values[0])),
      [`${domain}.z.example.`],
    );
  }
});

suite("SD-24: the default domain in the zone's file", () => {
  const records = apexRecords({ origin: ZONE, nameservers: [], serial: 1 });
  const db = enumerationName("db", ZONE)!;
  const said = (...targets: readonly string[]): RecordSet => ({
    ...{
      name: db,
      type: Type.PTR,
      ttl: 60,
      rdatas: targets.map((each) => rdata.ptr(Name.parse(each))),
    },
  });
  const zoneOf = (...file: readonly RecordSet[]) =>
    new Zone({ origin: ZONE, records: [...records, ...file], clock: systemClock });
  const add = async (zone: Zone, set: RecordSet, by: Partial<Principal> = {}) => {
    const update = { zone: ZONE, prerequisites: [], updates: recordsOf(set) };
    const principal = { name: "somebody", permits: () => true, ...by };
    assert.equal(await zone.apply(update, principal), Rcode.NOERROR);
  };
  const apex = (zone: Zone) => answer(zone, ZONE, "db");

  test("keeps out the collectors' own, until it is removed", async () => {
    const zone = zoneOf(said("other.example."));
    await collect(zone, "paris", "merged");
    assert.deepEqual(apex(zone), ["other.example."]);
    assert.deepEqual(answer(zone, ZONE, "b"), ["z.example."]);
    await zone.merge(records);
    await collect(zone, "paris", "merged");
    assert.deepEqual(apex(zone), ["z.example."]);
  });

  test("to register in keeps out another one as well", async () => {
    const kind = { name: enumerationName("dr", ZONE)! };
    const zone = zoneOf({ ...said("other.example."), ...kind });
    await add(zone, { ...said("z.example."), ...kind });
    assert.deepEqual(answer(zone, ZONE, "dr"), ["other.example."]);
  });

  test("may be a collector's too, and stays when the file drops it", async () => {
    const zone = zoneOf(said("z.example."));
    await collect(zone, "paris", "merged");
    await zone.merge(records);
    assert.deepEqual(apex(zone), ["z.example."]);
  });

  test("is added beside those that others hold without a lease", async () => {
    const zone = zoneOf();
    await add(zone, said("first.example."));
    await add(zone, said("second.example."), { name: "another" });
    assert.deepEqual(apex(zone), ["first.example.", "second.example."]);
    await zone.merge([...records, said("other.example.")]);
    assert.deepEqual(apex(zone), ["first.example.", "other.example.", "second.example."]);
  });

  test("does not keep out an operator's, or a record of another type", async () => {
    const zone = zoneOf(said("other.example."));
    await add(zone, said("z.example."), { isOperator: true });
    assert.deepEqual(apex(zone), ["other.example.", "z.example."]);
    await add(zone, { name: db, type: Type.TXT, ttl: 60, rdatas: [rdata.txt("x")] });
    assert.ok(zone.current.set(db, Type.TXT));
  });
});

test("SD-24: two sites on one subnet share one default", () => {
  const places = [
    paris("10.77.1.1/24"),
    { site: site("lyon"), subnets: on("10.77.1.2/24"), mapped: [] },
  ];
  for (const each of [places, places.toReversed()]) {
    const counts = reversed(each, "", { browsed: "sites" }).map(({ name, rdatas }) => [
      String(name).split(".")[0],
      rdatas.map(({ values }) => String(values[0])),
    ]);
    const both = ["lyon.z.example.", "paris.z.example."];
    assert.deepEqual(Object.fromEntries(counts), { b: both, db: both.slice(0, 1), lb: both });
  }
});

test("SD-28: an IPv6 prefix's names have all 32 nibbles of its base address", () => {
  const owners = (address: string) => reversed([paris(address)]).map(({ name }) => String(name));
  const nibbles = "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.5.4.3.2.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.";
  assert.equal(owners("2001:db8:1:2345::77/64")[2], `lb._dns-sd._udp.${nibbles}`);
  const shorter = nibbles.replace(".5.4.", ".0.4.");
  assert.equal(owners("2001:db8:1:2345::77/60")[2], `lb._dns-sd._udp.${shorter}`);
});

test("SD-28: another address in a subnet changes nothing", () => {
  const two = reversed([paris("2001:db8::1/64", "2001:db8::2/64"), paris("2001:db8::3/64")]);
  assert.deepEqual(lines(two), lines(reversed([paris("2001:db8::1/64")])));
});

test("SD-29: link-local prefixes have no names, and link-local addresses no PTR", () => {
  const reverse = ["in-addr.arpa.", "ip6.arpa."].map((text) => Name.parse(text));
  const places = [paris("169.254.7.7/16", "fe80::1/64")];
  const published = "pc.paris A 169.254.7.8\npc.paris AAAA fe80::2";
  assert.deepEqual(reversed(places, published, { reverse }), []);
});

test("PROXY-45, 46: a published address has a PTR to its host, at its reverse name", () => {
  const sets = reversed(
    [paris("10.77.1.1/24", "2001:db8::1/64")],
    `pc.paris A 10.77.1.20
     pc.paris 5 AAAA 2001:db8::20
     x._ipp._tcp.paris SRV 0 0 631 pc.paris`,
  );
  const hosts = sets.filter(({ name }) => !String(name).includes("_dns-sd"));
  assert.deepEqual(
    lines(hosts),
    expected(`
      20.1.77.10.in-addr.arpa. 10 IN PTR pc.paris.z.example.
      0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 5 IN PTR pc.paris.z.example.`),
  );
});

test("PROXY-45: a host has a PTR even if the zone's name has an underscore; a service has none", () => {
  const zone = Name.parse("_dnssd.example.");
  const text = "$TTL 10\npc.paris A 10.77.1.20\nHub._hub._tcp.paris A 10.77.1.21";
  const sets = parseMasterFile(text, { origin: zone, isPartial: true });
  const places = [{ ...paris("10.77.1.1/24"), site: zone.child("paris")! }];
  const all = reverseRecords({ zone, browsed: "merged", reverse: REVERSE, places, sets });
  assert.deepEqual(
    lines(all.filter(({ name }) => !String(name).includes("_dns-sd"))),
    expected("20.1.77.10.in-addr.arpa. 10 IN PTR pc.paris._dnssd.example."),
  );
});

test("PROXY-47: an address outside the link's subnets, or outside the zones, has no PTR", () => {
  const hosts = (published: string) =>
    reversed(
      [paris("10.77.1.1/24"), { site: site("lyon"), subnets: on("10.77.2.1/24"), mapped: [] }],
      published,
    )
      .filter(({ name }) => !String(name).includes("_dns-sd"))
      .map(({ name }) => String(name));
  assert.deepEqual(hosts("pc.paris A 10.77.3.20"), [], "of no link");
  assert.deepEqual(hosts("pc.paris A 10.77.2.20"), [], "of another site's link");
  assert.deepEqual(hosts("pc.paris A 198.51.100.1"), [], "of nobody here");
  assert.deepEqual(hosts("pc.paris AAAA 2001:db8::1"), [], "of the other family");
  assert.deepEqual(hosts("pc.nice A 10.77.1.20"), [], "of no site here");
  assert.deepEqual(hosts("pc.lyon A 10.77.2.20"), ["20.2.77.10.in-addr.arpa."]);
  assert.deepEqual(reversed([paris("192.0.2.1/24")], "pc.paris A 192.0.2.20"), []);
});

test("PROXY-45: a host with several names has a PTR for each, up to a bound", () => {
  const names = Array.from({ length: 300 }, (_, i) => `pc${String(i).padStart(3, "0")}`);
  const published = names.map((name) => `${name}.paris A 10.77.1.20`);
  const of = (text: readonly string[]) =>
    reversed([paris("10.77.1.1/24")], text.join("\n")).find(({ name }) =>
      String(name).startsWith("20."),
    );
  assert.equal(of(published.slice(0, 3))?.rdatas.length, 3);
  assert.equal(of(published)?.rdatas.length, 8);
  assert.deepEqual(lines([of(published)!]), lines([of(published.toReversed())!]));
  // Their TTL is that of the first to expire.
  const two = ["a.paris 10 A 10.77.1.20", "b.paris 5 A 10.77.1.20"];
  for (const each of [two, two.toReversed()]) assert.equal(of(each)?.ttl, 5);
});

test("PROXY-45: a collector may write all the records that it wants in a reverse zone", () => {
  const sets = reversed([paris("10.77.1.1/24")], "pc.paris A 10.77.1.20");
  const sited = reversed([paris("10.77.1.1/24")], "", { browsed: "sites" });
  const by = reversePrincipal("paris", ZONE, (name) => name.equals(site("paris")));
  for (const record of [...sets, ...sited].flatMap(recordsOf)) {
    assert.ok(by.permits(record), String(record.name));
  }
});
