import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Class, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { Rdata, rdata, targetOf } from "../../src/dns/rdata.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import {
  collectorPrincipal,
  operatorPrincipal,
  requesterPrincipal,
  reversePrincipal,
} from "../../src/zone/update/principal.ts";
import fc from "../support/fastcheck.ts";

const origin = Name.parse("zone.test.");
const name = (text: string) => Name.parse(text, origin);
const paris = collectorPrincipal("paris", origin, (site) => site.equals(name("paris")));

function recordOf(owner: string, data: Rdata, klass: number = Class.IN): ResourceRecord {
  return { name: name(owner), type: data.type, class: klass, ttl: 0, rdata: data };
}

function may(owner: string, data: Rdata, klass?: number): boolean {
  return paris.permits(recordOf(owner, data, klass));
}

const ptr = (target: string) => rdata.ptr(name(target));

describe("a collector bound to a site", () => {
  it("may write beneath its site", () => {
    assert.ok(may("_ipp._tcp.paris", ptr("A\\.b._ipp._tcp.paris")));
    assert.ok(may("x._ipp._tcp.paris", rdata.srv(0, 0, 631, name("pc.paris"))));
    assert.ok(may("pc.PARIS", rdata.a("10.1.0.1")));
    assert.ok(may("_services._dns-sd._udp.paris", ptr("_ipp._tcp.paris")));
  });

  it("may not write names of many labels, each of which would be a node of the zone", () => {
    assert.ok(may(`${"a.".repeat(7)}pc.paris`, rdata.a("10.1.0.1")));
    assert.ok(!may(`${"a.".repeat(8)}pc.paris`, rdata.a("10.1.0.1")));
    assert.ok(!may(`${"a.".repeat(8)}_ipp._tcp.paris`, ptr("x._ipp._tcp.paris")));
  });

  it("may remove such names, which are in the zone since it could write them", () => {
    const owner = `${"a.".repeat(8)}pc.paris`;
    assert.ok(may(owner, rdata.a("10.1.0.1"), Class.NONE));
    assert.ok(may(owner, new Rdata(Type.A, []), Class.ANY));
  });

  it("may not write beneath another site, or at the apex", () => {
    assert.ok(!may("pc.lyon", rdata.a("10.1.0.1")));
    assert.ok(!may("notparis", rdata.a("10.1.0.1")));
    assert.ok(!may("@", rdata.a("10.1.0.1")));
    assert.ok(!may("@", rdata.txt("x")));
    assert.ok(!may("wpad", rdata.a("10.1.0.1")));
    assert.ok(!may("pc.other.example.", rdata.a("10.1.0.1")));
  });

  it("may list instances of its own site, and types, in the merged view", () => {
    assert.ok(may("_ipp._tcp", ptr("x._ipp._tcp.paris")));
    assert.ok(may("_color._sub._ipp._tcp", ptr("x._ipp._tcp.paris")));
    assert.ok(may("_services._dns-sd._udp", ptr("_ipp._tcp")));
    assert.ok(!may("_ipp._tcp", ptr("x._ipp._tcp.lyon")));
    assert.ok(!may("_ipp._tcp", ptr("x._ipp._tcp.example.")));
    assert.ok(!may("_services._dns-sd._udp", ptr("evil.example.")));
    assert.ok(!may("_ipp._tcp", rdata.txt("x")));
    assert.ok(!may("_ipp._tcp", ptr("x._ipp._tcp.paris.evil.example.")));
    assert.ok(!may("_services._dns-sd._udp", ptr("_ipp._tcp.evil.example.")));
    assert.ok(!may("_services._dns-sd._udp", ptr("_color._sub._ipp._tcp")));
    // Names that end like a type's or a subtype's.
    for (const owner of ["x._ipp._tcp", "x.y._ipp._tcp", "x._sub.y.z._ipp._tcp"]) {
      assert.ok(!may(owner, ptr("x._ipp._tcp.paris")), owner);
    }
  });

  it("SEC-09: may write nothing that steers clients, not even in its site", () => {
    assert.ok(!may("paris", rdata.ns(name("ns.paris"))));
    assert.ok(!may("sub.paris", rdata.ns(name("ns.lyon"))));
    assert.ok(!may("sub.paris", new Rdata(Type.DNAME, [name("lyon")])));
    assert.ok(!may("paris", rdata.opaque(Type.DS, new Uint8Array([0, 0, 0, 0, 0]))));
    assert.ok(!may("r._dns-sd._udp.paris", ptr("paris")));
    assert.ok(!may("dr._dns-sd._udp", ptr("paris")));
    assert.ok(!may("x._dns-sd._udp.paris", ptr("paris")));
    assert.ok(!may("_dns-push-tls._tcp.paris", rdata.srv(0, 0, 853, name("pc.paris"))));
    assert.ok(!may("_dns-update._udp.paris", rdata.srv(0, 0, 53, name("pc.paris"))));
    assert.ok(!may("_dns-update-tls._tcp", rdata.srv(0, 0, 853, name("pc.paris"))));
    assert.ok(!may("_DNS-LLQ._udp.paris", rdata.srv(0, 0, 53, name("pc.paris"))));
    assert.ok(!may("*.paris", rdata.a("10.1.0.1")));
    assert.ok(!may("*", ptr("x._ipp._tcp.paris")));
    assert.ok(!may("*._ipp._tcp.paris", ptr("x._ipp._tcp.paris")));
    assert.ok(!may("*._tcp", ptr("x._ipp._tcp.paris")));
  });

  it("SEC-09: may not remove what steers either, one record or a set", () => {
    const { SOA, NS, MD, MF, DNAME, DS, CDS, DNSKEY, CDNSKEY, KEY, SIG, RRSIG, NSEC } = Type;
    const named = [SOA, NS, MD, MF, DNAME, DS, CDS, DNSKEY, CDNSKEY, KEY, SIG, RRSIG, NSEC];
    // NXT, NSEC3, NSEC3PARAM, CSYNC, ZONEMD, DLV.
    for (const type of [...named, 30, 50, 51, 62, 63, 32769]) {
      assert.ok(!may("pc.paris", rdata.opaque(type, Uint8Array.of(1)), Class.NONE), `${type}`);
      assert.ok(!may("pc.paris", new Rdata(type, []), Class.ANY), `${type}`);
    }
  });

  it("SEC-09: may not add, but may remove, types that other servers may refuse to copy", () => {
    const garbage = Uint8Array.of(0xff);
    for (const type of [
      29,
      37,
      Type.SSHFP,
      Type.TLSA,
      Type.NAPTR,
      Type.HTTPS,
      Type.CAA,
      300,
      65402,
    ]) {
      assert.ok(!may("pc.paris", rdata.opaque(type, garbage)), `${type}`);
      assert.ok(may("pc.paris", rdata.opaque(type, garbage), Class.NONE), `${type}`);
      assert.ok(may("pc.paris", rdata.opaque(type, Buffer.of()), Class.ANY), `${type}`);
    }
    assert.ok(may("pc.paris", rdata.opaque(Type.NULL, garbage)));
    assert.ok(!may("pc.paris", rdata.opaque(Type.NULL, Buffer.of())));
  });

  it("SEC-09: may tell clients to browse its own site, there and at the apex", () => {
    for (const kind of ["b", "db", "LB"]) {
      assert.ok(may(`${kind}._dns-sd._udp.paris`, ptr("Paris")));
      assert.ok(!may(`${kind}._dns-sd._udp.paris`, ptr("lyon")));
      assert.ok(!may(`${kind}._dns-sd._udp.paris`, ptr("@")));
      assert.ok(!may(`${kind}._dns-sd._udp.paris`, ptr("evil.example.")));
      assert.ok(!may(`${kind}._dns-sd._udp.paris`, ptr("x.paris")));
      assert.ok(!may(`${kind}._dns-sd._udp.paris`, rdata.txt("x")));
      assert.ok(!may(`${kind}._dns-sd._udp.x.paris`, ptr("x.paris")));
      assert.ok(may(`${kind}._dns-sd._udp`, ptr("@")));
      // Which domain is the default of all is not for a site to choose.
      assert.equal(may(`${kind}._dns-sd._udp`, ptr("paris")), kind !== "db");
      assert.ok(!may(`${kind}._dns-sd._udp`, ptr("lyon")));
      assert.ok(!may(`${kind}._dns-sd._udp`, ptr("x._ipp._tcp.paris")));
      assert.ok(!may(`${kind}._dns-sd._udp`, ptr("evil.example.")));
      assert.ok(!may(`${kind}._dns-sd._udp.lyon`, ptr("lyon")));
      assert.ok(!may(`${kind}._dns-sd._udp.lyon`, ptr("paris")));
    }
  });

  it("removes by the same rules as it adds, and no whole set that sites have in common", () => {
    for (const klass of [Class.IN, Class.NONE]) {
      assert.ok(may("_ipp._tcp", ptr("x._ipp._tcp.paris"), klass));
      assert.ok(!may("_ipp._tcp", ptr("x._ipp._tcp.lyon"), klass));
    }
    const mayEmpty = (owner: string, type: number) => may(owner, new Rdata(type, []), Class.ANY);
    for (const owner of ["_ipp._tcp", "_services._dns-sd._udp", "lb._dns-sd._udp", "@"]) {
      assert.ok(!mayEmpty(owner, Type.PTR), owner);
      assert.ok(!mayEmpty(owner, Type.ANY), owner);
    }
    assert.ok(mayEmpty("pc.paris", Type.ANY));
    assert.ok(mayEmpty("_ipp._tcp.paris", Type.PTR));
    assert.ok(!mayEmpty("sub.paris", Type.NS));
  });

  it("SEC-16: may write nothing that another site's collector may, except what all have in common", () => {
    const lyon = collectorPrincipal("lyon", origin, (site) => site.equals(name("lyon")));
    const owners = ["@", "paris", "lyon", "pc.paris", "pc.lyon", "_ipp._tcp", "_x._sub._ipp._tcp"];
    const deep = ["_ipp._tcp.lyon", "b._dns-sd._udp", "lb._dns-sd._udp.lyon", "*.lyon", "www"];
    const targets = [
      "@",
      "paris",
      "lyon",
      "pc.paris",
      "x._ipp._tcp.lyon",
      "_ipp._tcp",
      "e.example.",
    ];
    const data = [
      ...targets.map((target) => ptr(target)),
      ...[rdata.a("10.1.0.1"), rdata.txt("x"), rdata.srv(0, 0, 1, name("pc.lyon"))],
      ...[Type.A, Type.PTR, Type.ANY].map((type) => new Rdata(type, [])),
    ];
    const common = new Set<string>();
    for (const owner of [...owners, ...deep, "_services._dns-sd._udp"]) {
      for (const each of data) {
        const record = recordOf(owner, each);
        if (!paris.permits(record) || !lyon.permits(record)) continue;
        common.add(`${owner} ${targetOf(each)}`);
      }
    }
    const expected = ["_services._dns-sd._udp _ipp._tcp.zone.test.", "b._dns-sd._udp zone.test."];
    assert.deepEqual([...common].sort(), expected);
  });
});

it("SEC-16: whatever a collector asks, it changes its site and pointers only, and nothing that steers", () => {
  const piece = fc.constantFrom(
    ...["paris", "PARIS", "lyon", "pc", "_ipp", "_tcp", "_udp", "_sub", "_services", "_dns-sd"],
    ...["_DNS-SD", "b", "db", "lb", "r", "dr", "*", "_dns-update", "_dns-push-tls", "par", "a.b"],
  );
  const owner = fc.array(piece, { maxLength: 5 }).map(
    (labels) =>
      Name.join(
        labels.map((label) => Buffer.from(label)),
        origin,
      )!,
  );
  const types = [Type.A, Type.NS, Type.SOA, Type.DS, Type.DNAME, Type.NSEC, Type.ANY, Type.KEY];
  const data = fc.oneof(
    owner.map((target) => rdata.ptr(target)),
    fc.constantFrom(...types, Type.PTR).map((type) => new Rdata(type, [])),
    fc.constant(rdata.a("10.1.0.1")),
  );
  const isParis = (place: Name) => place.isUnder(name("paris"));
  let permitted = 0;
  const property = fc.property(owner, data, (at, each) => {
    if (!paris.permits({ ...recordOf("@", each), name: at })) return;
    permitted++;
    const text = String(at).toLowerCase();
    assert.ok(!/\*|_dns-(update|push)|^d?r\._dns-sd/.test(text), text);
    assert.ok([Type.PTR, Type.A, Type.ANY].includes(each.type as 1), `${text} ${each.type}`);
    if (isParis(at) && !/^[dl]?b\._dns-sd\./.test(text)) return;
    const target = targetOf(each);
    assert.ok(target !== undefined, `${text} as a whole`);
    const isTypeList = text.startsWith("_services._dns-sd._udp.");
    assert.ok(isParis(target) || target.equals(origin) || isTypeList, `${text} → ${target}`);
  });
  fc.assert(property, { numRuns: 20_000 });
  assert.ok(permitted > 500, `${permitted}`);
});

describe("a collector in a reverse zone", () => {
  const reverse = reversePrincipal("paris", origin, (site) => site.equals(name("paris")));
  const mayReverse = (owner: string, data: Rdata) => reverse.permits(recordOf(owner, data));

  it("SEC-16: sets a TTL of an hour at most, as in the zone itself", () => {
    assert.deepEqual([paris.maxTtl, reverse.maxTtl], [3600, 3600]);
  });
  const IPV4 = "20.1.77.10.in-addr.arpa.";
  const IPV6 = `${"0.".repeat(31)}2.ip6.arpa.`;

  it("SEC-16: may name the host of an address, if that host is its own", () => {
    for (const owner of [IPV4, IPV6]) {
      assert.ok(mayReverse(owner, ptr("pc.paris")));
      assert.ok(!mayReverse(owner, ptr("pc.lyon")));
      assert.ok(!mayReverse(owner, ptr("paris")));
      assert.ok(!mayReverse(owner, ptr("@")));
      assert.ok(!mayReverse(owner, ptr("evil.example.")));
      assert.ok(!mayReverse(owner, rdata.txt("x")));
      assert.ok(!mayReverse(owner, rdata.a("10.1.0.1")));
    }
  });

  it("SEC-16: may tell a subnet to browse the zone or its own site", () => {
    for (const owner of [`b._dns-sd._udp.${IPV4}`, `lb._dns-sd._udp.${IPV6}`]) {
      assert.ok(mayReverse(owner, ptr("@")));
      assert.ok(mayReverse(owner, ptr("paris")));
      assert.ok(!mayReverse(owner, ptr("lyon")));
      assert.ok(!mayReverse(owner, ptr("pc.paris")));
      assert.ok(!mayReverse(owner, ptr("evil.example.")));
    }
    assert.ok(!mayReverse(`dr._dns-sd._udp.${IPV4}`, ptr("paris")));
  });

  it("SEC-16: may write about its own addresses alone, if these are given", () => {
    const narrow = reversePrincipal(
      "paris",
      origin,
      (site) => site.equals(name("paris")),
      ([first, second]) => first === 10 && second === 77,
    );
    const may = (owner: string, target: string) => narrow.permits(recordOf(owner, ptr(target)));
    assert.ok(may(IPV4, "pc.paris") && may(`b._dns-sd._udp.${IPV4}`, "paris"));
    const lyon = IPV4.replace("77", "78");
    assert.ok(!may(lyon, "pc.paris") && !may(`b._dns-sd._udp.${lyon}`, "paris"));
    assert.ok(!may(IPV6, "pc.paris"));
  });

  it("SEC-16: may write nothing else there", () => {
    const owners = ["77.10.in-addr.arpa.", "1.20.1.77.10.in-addr.arpa.", "*.1.77.10.in-addr.arpa."];
    const deep = [
      "b._dns-sd._udp.77.10.in-addr.arpa.",
      "_ipp._tcp.77.10.in-addr.arpa.",
      "pc.paris",
    ];
    for (const owner of [...owners, ...deep, `x.b._dns-sd._udp.${IPV4}`]) {
      for (const target of ["@", "paris", "pc.paris"]) assert.ok(!mayReverse(owner, ptr(target)));
    }
    assert.ok(!mayReverse(IPV4, new Rdata(Type.PTR, [])), "nor remove a set as a whole");
    assert.ok(!mayReverse(IPV4, new Rdata(Type.ANY, [])));
    assert.ok(!mayReverse("77.10.in-addr.arpa.", rdata.ns(name("pc.paris"))));
  });
});

it("An operator may write anything, and removes outright", () => {
  const operator = operatorPrincipal("admin");
  assert.ok(operator.isOperator);
  assert.ok(operator.permits(recordOf("@", rdata.ns(name("ns.example.")))));
});

it("SEC-16: a registered device may write what its site's collector may, and its KEY there", () => {
  const device = requesterPrincipal("1234", origin, name("paris"));
  const key = new Rdata(Type.KEY, [0, 3, 13, new Uint8Array(64)]);
  assert.ok(device.permits(recordOf("pc.paris", key)));
  assert.ok(!device.permits(recordOf("pc.lyon", key)));
  for (const flags of [0x4000, 0x8000, 0xbfff, 0xc000, 0xffff]) {
    const flagged = new Rdata(Type.KEY, [flags, 3, 13, new Uint8Array(64)]);
    assert.equal(device.permits(recordOf("pc.paris", flagged)), flags < 0xc000, `${flags}`);
  }
  assert.ok(!device.permits(recordOf("paris", key)), "the site's own name");
  const [most, more] = ["a.".repeat(7), "a.".repeat(8)];
  assert.ok(device.permits(recordOf(`${most}pc.paris`, key)));
  assert.ok(!device.permits(recordOf(`${more}pc.paris`, key)), "a name of many labels");
  assert.ok(device.permits({ ...recordOf(`${more}pc.paris`, key), class: Class.NONE }));
  for (const owner of ["pc.paris", "pc.lyon", "_ipp._tcp", "x._dns-sd._udp.paris", "*.paris"]) {
    for (const data of [rdata.a("10.1.0.1"), ptr("x._ipp._tcp.paris"), rdata.ns(name("ns"))]) {
      const record = recordOf(owner, data);
      assert.equal(device.permits(record), paris.permits(record), `${owner} ${data.type}`);
    }
  }
});
