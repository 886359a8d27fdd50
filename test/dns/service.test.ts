import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Name } from "../../src/dns/name.ts";
import {
  enumerationName,
  parseEnumeration,
  parseInstance,
  parseServiceType,
  serviceTypesName,
} from "../../src/dns/service.ts";

const name = (text: string) => Name.parse(text);

const isServiceType = (type: Name) => parseServiceType(type)?.type === type;

describe("parseInstance", () => {
  it("splits a service instance's name (RFC 6763 §4.1)", () => {
    const parts = parseInstance(
      name(String.raw`Mr\.\032Brown._IPP._Tcp.Building\0321.example.com.`),
    );
    assert.equal(Buffer.from(parts!.instance).toString(), "Mr. Brown");
    assert.equal(parts?.type.toString(), String.raw`_IPP._Tcp.Building\0321.example.com.`);
    assert.equal(parts?.domain.toString(), String.raw`Building\0321.example.com.`);
  });

  it("accepts any label as an instance, even with an underscore in front", () => {
    const parts = parseInstance(name("_x._http._udp."));
    assert.equal(Buffer.from(parts!.instance).toString(), "_x");
    assert.equal(parts?.domain, Name.root);
    assert.ok(parseInstance(name("_tcp._averyveryverylongname._tcp.local.")));
  });

  for (const text of [
    ".",
    "local.",
    "_ipp._tcp.local.",
    "a._ipp.local.",
    "a.b._tcp.local.",
    "a._ipp._sctp.local.",
    "a._._tcp.local.",
    "_services._dns-sd._udp.local.",
    "lb._DNS-SD._udp.example.com.",
    "_color._sub._ipp._tcp.local.",
  ]) {
    it(`finds none in ${text}`, () => assert.equal(parseInstance(name(text)), undefined));
  }
});

describe("parseServiceType", () => {
  it("splits a service type's name", () => {
    const parts = parseServiceType(name("_ipp._tcp.local."));
    assert.deepEqual([parts?.type, parts?.domain].map(String), ["_ipp._tcp.local.", "local."]);
    assert.equal(parts?.subtype, undefined);
  });

  it("splits a subtype's name, whose label may be anything (RFC 6763 §7.1)", () => {
    const parts = parseServiceType(name(String.raw`\255A._SUB._ipp._tcp.local.`));
    assert.deepEqual(Array.from(parts!.subtype!), [0xff, 0x41]);
    assert.deepEqual([parts?.type, parts?.domain].map(String), ["_ipp._tcp.local.", "local."]);
  });

  for (const text of [
    ".",
    "local.",
    "a._ipp._tcp.local.",
    "_sub._ipp._tcp.local.",
    "x._sub.local.",
  ]) {
    it(`finds none in ${text}`, () => assert.equal(parseServiceType(name(text)), undefined));
  }

  it("accepts service names of any length, with underscores, and no other octets", () => {
    for (const label of ["_averyveryverylongname", "_nvstream_dbd", "_7", "_IPP-2"]) {
      assert.ok(isServiceType(name(`${label}._tcp.local.`)), label);
    }
    for (const label of [String.raw`_i\.p`, String.raw`_i\032p`, String.raw`_i\000p`, "_é", "_*"]) {
      assert.ok(!isServiceType(name(`${label}._tcp.local.`)), label);
    }
  });

  it("distinguishes a type from other names", () => {
    assert.ok(isServiceType(name("_ipp._tcp.local.")));
    assert.ok(!isServiceType(name("_dns-sd._udp.local.")));
    assert.ok(!isServiceType(name("_tcp.local.")));
  });
});

describe("names beneath a domain", () => {
  const long = Name.of(
    Array.from({ length: 4 }, (_, i) => new Uint8Array(i < 3 ? 63 : 50).fill(97)),
  );

  it("list service types (RFC 6763 §9)", () => {
    assert.equal(
      serviceTypesName(name("example.com."))?.toString(),
      "_services._dns-sd._udp.example.com.",
    );
    assert.equal(serviceTypesName(long), undefined);
  });

  it("recommend domains (RFC 6763 §11)", () => {
    assert.equal(
      enumerationName("lb", name("example.com."))?.toString(),
      "lb._dns-sd._udp.example.com.",
    );
    assert.equal(enumerationName("b", long), undefined);
  });

  it("yield the domain that they are for", () => {
    const of = (text: string) => {
      const parts = parseEnumeration(name(text));
      return parts && `${parts.enumeration} ${parts.domain}`;
    };
    assert.equal(of("LB._DNS-SD._UDP.example.com."), "lb example.com.");
    assert.equal(of("dr._dns-sd._udp.0.2.0.192.in-addr.arpa."), "dr 0.2.0.192.in-addr.arpa.");
    assert.equal(of("b._dns-sd._udp."), "b .");
    const others = ["x._dns-sd._udp.example.com.", "b._dns-sd._tcp.example.com.", "b.example.com."];
    for (const text of [...others, "_dns-sd._udp.example.com.", "x.b._dns-sd._udp.", "b.", "."]) {
      assert.equal(of(text), undefined, text);
    }
  });
});
