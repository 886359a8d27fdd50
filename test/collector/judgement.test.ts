/** What a policy leaves of what is already published, compared with what it makes of what is heard. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Judgement } from "../../src/collector/projection/judgement.ts";
import type { Policy } from "../../src/collector/projection/policy.ts";
import { project } from "../../src/collector/projection/project.ts";
import { Site } from "../../src/collector/projection/site.ts";
import { RecordSets } from "../../src/collector/recordsets.ts";
import { reverseRecords } from "../../src/collector/reverse.ts";
import { parseConfig } from "../../src/config.ts";
import { Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import fc from "../support/fastcheck.ts";
import { cacheOf, lines, OPEN, service, setsOf, ZONE } from "./fixture.ts";

const policyOf = (text: string): Policy => {
  const { policy } = parseConfig(`policy: ${text}`, "p", ".");
  return { ...policy, networks: OPEN.networks };
};

const HEARD = [
  service("Laser", "_ipp._tcp", "printer", "10.1.0.10").replace(
    '"txtvers=1"',
    '"txtvers=1" "UUID=4509" "adminurl=http://printer.local./setup" "url=http://192.168.1.9/"',
  ),
  "_color._sub._ipp._tcp 4500 PTR Laser._ipp._tcp",
  service("Juliet", "_presence._tcp", "pc", "192.168.1.20"),
  service("Shell", "_ssh._tcp", "pc", "192.168.1.20"),
  service("Bench", "_http._tcp", "lab", "10.1.7.2").replace("!lab A", "!bench CNAME lab\n!lab A"),
  service("Alias", "_http._tcp", "bench", "10.1.7.2").replace("!bench A", "!lab A"),
  service("Own", "_http._tcp", "Own._http._tcp", "192.168.1.40"),
  "_http._tcp 4500 PTR Laser._ipp._tcp",
  "_ipp._tcp 4500 PTR Far._ipp._tcp.elsewhere.example.",
  "!lab AAAA fd00::7",
].join("\n");

/** Sets of the zone, one line for each record. */
const zoneOf = (text: string) => setsOf(text.replaceAll(/^ +/gm, "").trim());

function projected(policy: Policy): RecordSets {
  const sites = ["paris", "lyon"].map((label) => {
    const site = new Site(ZONE.child(label)!, policy);
    site.caches.add(cacheOf(HEARD));
    return site;
  });
  return project(sites, ZONE, 5000).sets;
}

function reversed(sets: RecordSets): RecordSets {
  const names = reverseRecords({
    ...{ zone: ZONE, browsed: "merged", sets },
    reverse: [Name.parse("in-addr.arpa."), Name.parse("ip6.arpa.")],
    places: ["paris", "lyon"].map((label) => ({
      ...{ site: ZONE.child(label)!, subnets: OPEN.networks, mapped: [] },
    })),
  });
  return RecordSets.of(names);
}

function judgementOf(policy: Policy, published: RecordSets): Judgement {
  const judgement = new Judgement(policy, ZONE);
  judgement.look(published);
  return judgement;
}

const some = <T>(...values: readonly T[]) =>
  fc.option(fc.constantFrom(...values), { nil: undefined });
const sites = some<string | string[]>("paris", "lyon", ["paris", "lyon"]);
const types = fc.constantFrom("all", "printers", "chat", "_ssh._tcp", ["web", "chat"]);
const rules = fc.array(
  fc
    .record({
      isAllowed: fc.boolean(),
      types,
      instance: some("l*", "Juliet", "*e*"),
      host: some("lab", "b*", "pc", "own*"),
      address: some("10.1.7.0/24", "192.168.1.0/24", "192.168.1.16/28", "fd00::/8"),
      site: sites,
    })
    .map(({ isAllowed, types, ...rest }) => ({ [isAllowed ? "allow" : "deny"]: types, ...rest })),
  { maxLength: 4 },
);
const text = fc.array(
  fc.record({
    type: fc.constantFrom("all", "printers", "chat"),
    site: sites,
    drop: fc.constantFrom([], ["uuid"], ["uuid", "txtvers"]),
    set: fc.constantFrom({}, { note: "lyon" }, { note: "a", ty: "b" }),
    rewrite: fc.constantFrom([], ["adminurl", "url"]),
  }),
  { maxLength: 2 },
);
const addresses = fc.array(
  fc.constantFrom(
    { from: "192.168.1.0/24", to: "172.20.1.0/24" },
    { from: "192.168.1.16/28", to: "172.20.2.16/28", site: "lyon" },
    { from: "10.1.0.0/16", to: "172.21.0.0/16" },
  ),
  { maxLength: 2 },
);
const policies = fc
  .record({ rules, text, addresses })
  .map((fields) => ({ json: JSON.stringify(fields), hasMaps: fields.addresses.length > 0 }));

suite("what a policy leaves of what is published", () => {
  test("is everything that the same policy published, so that a restart changes nothing", () => {
    fc.assert(
      fc.property(policies, ({ json }) => {
        const policy = policyOf(json);
        const sets = projected(policy);
        const judgement = judgementOf(policy, sets);
        assert.equal(judgement.left(sets), sets);
        const names = reversed(sets);
        assert.equal(judgement.left(names), names);
      }),
      { numRuns: 50 },
    );
  });

  test("is what the policy makes of what is heard, whatever policy published it", () => {
    fc.assert(
      fc.property(policies, ({ json, hasMaps }) => {
        const policy = policyOf(json);
        const before = projected(OPEN);
        const after = projected(policy);
        const judgement = judgementOf(policy, before);
        assert.deepEqual(lines(judgement.left(before)), lines(after));
        const names = lines(judgement.left(reversed(before)));
        const wanted = lines(reversed(after));
        // Names of mapped addresses are published only when the link is heard.
        if (hasMaps)
          assert.deepEqual(
            names,
            names.filter((name) => wanted.includes(name)),
          );
        else assert.deepEqual(names, wanted);
      }),
      { numRuns: 50 },
    );
  });

  const LEFT = zoneOf(`
    _ssh._tcp.paris PTR a._ssh._tcp.paris
    _ssh._tcp PTR a._ssh._tcp.paris
    a._ssh._tcp.paris SRV 0 0 22 h.paris
    a._ssh._tcp.paris TXT "note=x" "k=1" "id=2"
    h.paris A 198.51.100.7
    old.paris A 198.51.100.8
    static.paris MX 10 mail.example.com.
    _services._dns-sd._udp PTR _ssh._tcp
    lb._dns-sd._udp PTR @`);
  const leaves = (policy: string) => lines(judgementOf(policyOf(policy), LEFT).left(LEFT));

  test("includes what may have been heard otherwise: in another order, or with more addresses", () => {
    const all = lines(LEFT);
    // Keys that are dropped and set again come last, the second time in another order.
    assert.deepEqual(
      leaves('{ text: [{ type: all, drop: [k, id], set: { k: "1", id: "2" } }] }'),
      all,
    );
    // Nearly every host has a link-local address.
    assert.deepEqual(leaves("{ rules: [{ allow: all, address: private }, { deny: all }] }"), all);
    assert.deepEqual(leaves("{ rules: [{ deny: all, address: private }] }"), all);
  });

  test("includes an address that a map may have made, in a URL too, even if another map takes it on", () => {
    const sets = zoneOf(`
      a._http._tcp.paris SRV 0 0 80 h.paris
      a._http._tcp.paris TXT "url=http://172.20.1.9/"
      h.paris A 172.20.1.9`);
    const on = "{ from: 172.20.1.0/24, to: 172.22.1.0/24 }";
    const left = (maps: string) => {
      const policy = policyOf(`{ text: [{ type: all, rewrite: url }], addresses: [${maps}] }`);
      return lines(judgementOf(policy, sets).left(sets));
    };
    assert.deepEqual(left(`{ from: 192.168.1.0/24, to: 172.20.1.0/24 }, ${on}`), lines(sets));
    assert.deepEqual(
      left(on),
      lines(sets).map((line) => line.replace("172.20", "172.22")),
    );
  });

  test("includes what nothing is known about, but nothing of a hidden host", () => {
    assert.deepEqual(leaves("{ rules: [{ deny: _ssh._tcp }] }"), [
      "lb._dns-sd._udp.z.example. 10 IN PTR z.example.",
      "old.paris.z.example. 10 IN A 198.51.100.8",
      "static.paris.z.example. 10 IN MX 10 mail.example.com.",
    ]);
  });

  test("includes what leads elsewhere, even if a hidden service does too", () => {
    const list = "_ipp._tcp.paris PTR h.elsewhere.example.";
    const sets = zoneOf(`b._ssh._tcp.paris SRV 0 0 22 h.elsewhere.example.\n${list}`);
    const judgement = judgementOf(policyOf("{ rules: [{ deny: _ssh._tcp }] }"), sets);
    assert.deepEqual(lines(judgement.left(sets)), lines(zoneOf(list)));
  });

  test("excludes a host that steers clients, unless the policy names it", () => {
    const sets = zoneOf(`
      _http._tcp.paris PTR p._http._tcp.paris
      p._http._tcp.paris SRV 0 0 80 wpad.paris
      wpad.paris A 10.1.0.30`);
    const left = (policy: string) => judgementOf(policyOf(policy), sets).left(sets);
    assert.deepEqual(lines(left("{}")), []);
    assert.deepEqual(lines(left("{ hosts: [wpad] }")), lines(sets));
  });

  test("is found by going through a host's addresses once, however many services name it", () => {
    const services = Array.from({ length: 20 }, (_, i) => `s${i}._x._tcp.paris SRV 0 0 80 h.paris`);
    const sets = zoneOf(`${services.join("\n")}\nh.paris A 10.1.0.30`);
    let looks = 0;
    const get = sets.get.bind(sets);
    sets.get = (name, type) => {
      if (type === Type.A) looks++;
      return get(name, type);
    };
    const policy = policyOf("{ rules: [{ deny: all, address: 10.9.0.0/16 }] }");
    assert.equal(judgementOf(policy, sets).left(sets), sets);
    assert.equal(looks, 1);
  });
});
