import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Type } from "../../src/dns/constants.ts";
import { makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { endpointsOf } from "../../src/net/client/hosts.ts";
import type { Resolve } from "../../src/net/client/resolver.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";

const ZONE = `$TTL 60
ns1.example. A 192.0.2.53
ns1.example. AAAA 2001:db8::53
www.example. CNAME ns1.example.
`;
const records = parseMasterFile(ZONE, { origin: Name.root, isPartial: true }).flatMap(recordsOf);

/** A DNS that knows ZONE, and the questions it was asked. */
function dns() {
  const asked: string[] = [];
  const resolve: Resolve = async (name, type) => {
    asked.push(`${name} ${type === Type.A ? "A" : "AAAA"}`);
    const alias = records.find((each) => each.name.equals(name) && each.type === Type.CNAME);
    const target = alias === undefined ? name : (alias.rdata.values[0] as Name);
    const found = records.filter((each) => each.name.equals(target) && each.type === type);
    const answers = alias === undefined ? found : [alias, ...found];
    return makeMessage({ isResponse: true, answers });
  };
  return { asked, resolve };
}

const hosts = () => `127.0.0.1 localhost
# 192.0.2.9 gone.example
192.0.2.10\tNS2.example ns2  # at home
2001:db8::10 ns2.example
nonsense ns2.example
`;
const addresses = async (host: string, resolve: Resolve) =>
  (await endpointsOf(host, 53, { resolve, hosts })).map(
    ({ address, port }) => `${address} ${port}`,
  );

suite("a host given by name", () => {
  test("has the addresses in the hosts file, by any of its names there", async () => {
    const { asked, resolve } = dns();
    const both = ["192.0.2.10 53", "2001:db8::10 53"];
    for (const host of ["ns2.example", "NS2.EXAMPLE", "ns2.example."]) {
      assert.deepEqual(await addresses(host, resolve), both, host);
    }
    assert.deepEqual(await addresses("ns2", resolve), ["192.0.2.10 53"]);
    assert.deepEqual(asked, []);
  });

  test("otherwise has those in DNS, through an alias too, or else none", async () => {
    const { asked, resolve } = dns();
    const both = ["2001:db8::53 53", "192.0.2.53 53"];
    assert.deepEqual(await addresses("ns1.example", resolve), both);
    assert.deepEqual(asked, ["ns1.example. AAAA", "ns1.example. A"]);
    assert.deepEqual(await addresses("www.example.", resolve), both);
    for (const host of ["gone.example", "a..example", `${"x".repeat(64)}.example`]) {
      assert.deepEqual(await addresses(host, resolve), [], host);
    }
  });

  test("may be an address, and what only the system knows is not asked of DNS", async () => {
    const { asked, resolve } = dns();
    assert.deepEqual(await addresses("192.0.2.1", resolve), ["192.0.2.1 53"]);
    assert.deepEqual(await addresses("2001:db8::1", resolve), ["2001:db8::1 53"]);
    const found = await endpointsOf("localhost", 53, { resolve, hosts: () => "" });
    assert.ok(found.some(({ address }) => address === "127.0.0.1" || address === "::1"));
    assert.deepEqual(asked, []);
  });
});
