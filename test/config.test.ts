import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  ConfigError,
  defaultConfig,
  parseAddress,
  parseConfig,
  readConfig,
} from "../src/config.ts";
import { formatEndpoint } from "../src/net/listener.ts";

const parse = (text: string) => parseConfig(text, "gateway.yaml", "/etc/dnssd-gateway");

function mistakes(text: string): readonly string[] {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.lines;
  }
  assert.fail("no mistake was found");
}

describe("a configuration", () => {
  it("needs no line at all", () => {
    const config = defaultConfig();
    assert.equal(config.zone.toString(), "bonjour.home.arpa.");
    assert.equal(config.links, undefined);
    assert.deepEqual(config.listen.dns.map(formatEndpoint), ["127.0.0.1:5300", "[::1]:5300"]);
    assert.equal(config.enumerate, "merged");
  });

  it("reads every field", () => {
    const config = parse(`
zone: bonjour.example.com
nameservers: [ns1.example.com]
contact: hostmaster.example.com
links:
  - { interface: eth0, site: paris }
  - interface: eth1
listen:
  dns: ["0.0.0.0:53", "[::]:53"]
enumerate: sites
subtypes: { _ipp._tcp: [_universal] }
data: zones
`);
    assert.equal(config.zone.toString(), "bonjour.example.com.");
    assert.deepEqual(config.nameservers.map(String), ["ns1.example.com."]);
    assert.deepEqual(config.links, [{ interface: "eth0", site: "paris" }, { interface: "eth1" }]);
    assert.deepEqual(config.listen.dns, [
      { address: "0.0.0.0", port: 53 },
      { address: "::", port: 53 },
    ]);
    assert.equal(config.enumerate, "sites");
    assert.deepEqual(config.subtypes, { "_ipp._tcp": ["_universal"] });
    assert.equal(config.data, "/etc/dnssd-gateway/zones");
  });

  it("takes a zone with spaces and dots in its labels (RFC 6763 §4.1.3)", () => {
    assert.equal(parse(String.raw`zone: 'Building\0321.example.test'`).zone.labels.length, 3);
    assert.equal(
      parse("zone: Building 1.example.test").zone.toString(),
      "Building\\0321.example.test.",
    );
  });

  it("says what is wrong, where, and what was expected", () => {
    assert.deepEqual(mistakes("zone: bonjour.example.com\n\nlinkz: 3\n"), [
      "gateway.yaml:3: linkz: unknown field; expected one of zone, nameservers, contact, links, listen, enumerate, subtypes, data",
    ]);
    assert.deepEqual(mistakes("zone: a..b"), [
      'gateway.yaml:1: zone: empty label in "a..b"; expected a domain name such as bonjour.example.com',
    ]);
    assert.deepEqual(mistakes('listen:\n  dns: ["0.0.0.0:53", "localhost:53"]'), [
      'gateway.yaml:2: listen.dns[1]: "localhost:53" is not an address with a port; expected "0.0.0.0:53" or "[::]:53", quoted',
    ]);
    assert.deepEqual(mistakes("links:\n  - interface: eth0\n  - interface: eth0"), [
      "gateway.yaml:3: links[1].interface: eth0 is links[0] already; expected each interface once",
    ]);
    assert.match(mistakes("a: [")[0]!, /^gateway\.yaml:1: /);
    assert.deepEqual(mistakes("- 1"), ["gateway.yaml: expected fields such as zone: and links:"]);
  });

  it("names every mistake, not the first alone", () => {
    assert.equal(mistakes("zone: 5\nenumerate: all\nlinks: []").length, 3);
  });

  it("refuses a nameserver inside the zone (PROXY-36)", () => {
    assert.match(
      mistakes("zone: b.example.com\nnameservers: [ns.b.example.com]")[0]!,
      /^gateway\.yaml:2: nameservers\[0\]: ns\.b\.example\.com\. lies in the zone/,
    );
  });

  it("refuses a site that would be read as a service", () => {
    assert.match(mistakes("links: [{ interface: eth0, site: _tcp }]")[0]!, /links\[0\]\.site/);
  });

  it("says of a file that is not there that it is not there", () => {
    assert.throws(() => readConfig("/nonexistent/gateway.yaml"), {
      message: "/nonexistent/gateway.yaml: no such file; expected a configuration file (YAML)",
    });
  });
});

describe("an address", () => {
  it("is read with its port, or with the default one", () => {
    assert.deepEqual(parseAddress("192.0.2.1:53"), { address: "192.0.2.1", port: 53 });
    assert.deepEqual(parseAddress("[2001:db8::1]:853"), { address: "2001:db8::1", port: 853 });
    assert.deepEqual(parseAddress("2001:db8::1", 53), { address: "2001:db8::1", port: 53 });
    assert.deepEqual(parseAddress("192.0.2.1", 53), { address: "192.0.2.1", port: 53 });
  });

  it("is refused without a port where none is implied, or when it is no address", () => {
    for (const text of ["192.0.2.1", "example.com:53", "192.0.2.1:99999", "[::1", ""]) {
      assert.equal(parseAddress(text), undefined, text);
    }
  });
});
