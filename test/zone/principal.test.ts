import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Class, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { type Rdata, rdata } from "../../src/dns/rdata.ts";
import { collectorPrincipal } from "../../src/zone/principal.ts";

const origin = Name.parse("zone.test.");
const name = (text: string) => Name.parse(text, origin);
const paris = collectorPrincipal("paris", origin, (site) => site.equals(name("paris")));

function may(owner: string, data: Rdata): boolean {
  return paris.permits({
    name: name(owner),
    type: data.type,
    class: Class.IN,
    ttl: 10,
    rdata: data,
  });
}

const ptr = (target: string) => rdata.ptr(name(target));

describe("a collector bound to a site", () => {
  it("may write beneath its site", () => {
    assert.ok(may("_ipp._tcp.paris", ptr("A\\.b._ipp._tcp.paris")));
    assert.ok(may("x._ipp._tcp.paris", rdata.srv(0, 0, 631, name("pc.paris"))));
    assert.ok(may("pc.PARIS", rdata.a("10.1.0.1")));
    assert.ok(may("_services._dns-sd._udp.paris", ptr("_ipp._tcp.paris")));
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
  });

  it("SEC-09: may write nothing that steers clients, not even in its site", () => {
    assert.ok(!may("paris", rdata.ns(name("ns.paris"))));
    assert.ok(!may("b._dns-sd._udp.paris", ptr("evil.example.")));
    assert.ok(!may("lb._dns-sd._udp", ptr("x._ipp._tcp.paris")));
    assert.ok(!may("_dns-push-tls._tcp.paris", rdata.srv(0, 0, 853, name("pc.paris"))));
    assert.ok(!may("_dns-update._udp.paris", rdata.srv(0, 0, 53, name("pc.paris"))));
    assert.ok(!may("_DNS-LLQ._udp.paris", rdata.srv(0, 0, 53, name("pc.paris"))));
    assert.ok(!may("*.paris", rdata.a("10.1.0.1")));
    assert.ok(!may("*._ipp._tcp.paris", ptr("x._ipp._tcp.paris")));
    assert.ok(!may("paris", rdata.opaque(Type.DS, new Uint8Array([0, 0, 0, 0, 0]))));
  });
});
