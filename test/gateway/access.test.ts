import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { parseConfig } from "../../src/config.ts";
import { Class, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { Access } from "../../src/gateway/access.ts";
import type { Request } from "../../src/net/server/handler.ts";
import { temporaryFolder } from "../support/gateway.ts";

const isNever = () => false;

const secret = Buffer.alloc(32, 7).toString("base64");

suite("access for queries", () => {
  const accessOf = (allow: string) => {
    const config = parseConfig(`query: { allow: [${allow}] }`, "gateway.yaml", temporaryFolder());
    const isAttached = (address: string) => address === "203.0.113.7";
    return new Access(config, { isOwn: isNever, isAttached }, isNever);
  };

  test("SEC-05: is given to named networks, and to attached ones if `attached` is configured", () => {
    const addresses = ["192.0.2.1", "203.0.113.7", "203.0.113.8"];
    const may = (allow: string) => addresses.map((address) => accessOf(allow).mayAsk(address));
    assert.deepEqual(may("192.0.2.0/24, attached"), [true, true, false]);
    assert.deepEqual(may("192.0.2.0/24"), [true, false, false]);
    assert.deepEqual(may("attached"), [false, true, false]);
  });

  test("SEC-05: is given by `private` to private and link-local addresses, and to no others", () => {
    const access = accessOf("private");
    const mayAsk = (address: string) => access.mayAsk(address);
    for (const [first, last] of [
      ["10.0.0.0", "10.255.255.255"],
      ["172.16.0.0", "172.31.255.255"],
      ["192.168.0.0", "192.168.255.255"],
      ["169.254.0.0", "169.254.255.255"],
      ["fc00::", "fdff::1"],
      ["fe80::1", "febf::1"],
    ] as const) {
      assert.ok(mayAsk(first) && mayAsk(last), first);
    }
    for (const stranger of ["11.0.0.0", "100.64.0.1", "172.32.0.0", "192.169.0.0", "fe00::1"]) {
      assert.ok(!mayAsk(stranger), stranger);
    }
  });
});

test("SEC-06: a key sees everything if it may write, or if query or transfer allows it", () => {
  const names = ["asker", "reader", "paris", "operator", "nowhere"];
  const text = `
query: { allow: [key:asker] }
transfer: { allow: [key:reader] }
keys:
  asker: { secret: "${secret}", site: [] }
  reader: { secret: "${secret}", site: [] }
  paris: { secret: "${secret}", site: paris }
  operator: { secret: "${secret}" }
  nowhere: { secret: "${secret}", site: [] }
`;
  const config = parseConfig(text, "g", temporaryFolder());
  const access = new Access(config, { isOwn: isNever, isAttached: isNever }, isNever);
  const sees = (key?: string) => access.seesAll({ key } as Request);
  assert.deepEqual(names.map(sees), [true, true, true, true, false]);
  assert.equal(sees(), false);
});

test("A zone signed here is transferred only to this host and to keys that publish into it", () => {
  const text = `
zone: bonjour.example.com
reverse: [10.in-addr.arpa]
transfer: { allow: [key:reader, 192.0.2.0/24] }
keys:
  reader: { secret: "${secret}", site: [] }
  paris: { secret: "${secret}", site: paris }
`;
  const config = parseConfig(text, "gateway.yaml", temporaryFolder());
  const isOwn = (address: string) => address === "203.0.113.7";
  const access = new Access(config, { isOwn, isAttached: isNever }, (origin) =>
    origin.equals(config.zone),
  );
  const may = (address: string, origin: Name, key?: string) =>
    access.mayTransfer({ source: { address }, key } as Request, origin);
  for (const [address, key, isCopied] of [
    ["203.0.113.7", undefined, true],
    ["203.0.113.8", "paris", true],
    ["203.0.113.8", "reader", false],
    ["192.0.2.1", undefined, false],
  ] as const) {
    assert.equal(may(address, config.zone, key), isCopied, `${address} ${key}`);
    assert.ok(may(address, config.reverse[0]!, key), `${address} ${key}`);
  }
});

test("A key may transfer the zones it publishes into, or every zone if transfer allows it", () => {
  const text = `
zone: bonjour.example.com
reverse: [10.in-addr.arpa]
transfer: { allow: [key:reader] }
keys:
  reader: { secret: "${secret}", site: [] }
  paris: { secret: "${secret}", site: paris }
  nowhere: { secret: "${secret}", site: [] }
`;
  const config = parseConfig(text, "gateway.yaml", temporaryFolder());
  const access = new Access(config, { isOwn: isNever, isAttached: isNever }, isNever);
  const zones = [config.zone, ...config.reverse, Name.parse("other.example.")];
  const may = (key: string) =>
    zones.map((zone) =>
      access.mayTransfer({ source: { address: "192.0.2.9" }, key } as Request, zone),
    );
  assert.deepEqual(may("reader"), [true, true, true]);
  assert.deepEqual(may("paris"), [true, true, false]);
  assert.deepEqual(may("nowhere"), [false, false, false]);
});

suite("the key of a site", () => {
  test("is one principal in all reverse zones, however many there are", () => {
    const text = `
reverse: [1.10.in-addr.arpa, 2.10.in-addr.arpa]
keys:
  paris: { secret: "${secret}", site: paris, networks: [10.2.0.0/16] }
`;
    const config = parseConfig(text, "gateway.yaml", temporaryFolder());
    const access = new Access(config, { isOwn: isNever, isAttached: isNever }, isNever);
    const [first, second] = config.reverse.map((zone) => access.principalOf("paris", zone));
    assert.ok(first !== undefined && first === second);
    assert.notEqual(access.principalOf("paris", config.zone), first);
    assert.equal(access.principalOf("paris", Name.parse("3.10.in-addr.arpa")), undefined);
  });

  test("SEC-16: writes only beneath its site, and at most a quarter of each zone", () => {
    const text = `
zone: bonjour.example.com
reverse: [10.in-addr.arpa]
keys:
  paris: { secret: "${secret}", site: paris }
  both: { secret: "${secret}", site: [paris, lyon] }
  nowhere: { secret: "${secret}", site: [] }
  operator: { secret: "${secret}" }
`;
    const config = parseConfig(text, "gateway.yaml", temporaryFolder());
    const access = new Access(config, { isOwn: isNever, isAttached: isNever }, isNever);
    for (const zone of [config.zone, ...config.reverse]) {
      assert.equal(access.principalOf("paris", zone)!.share, 1 / 4, `${zone}`);
      assert.equal(access.principalOf("operator", zone)!.share, undefined);
      // A key with `site: []` may write nothing; only a key without the field is an operator's.
      assert.equal(access.principalOf("nowhere", zone), undefined);
    }
    const may = (key: string) => (owner: string) => {
      const name = Name.parse(owner, config.zone);
      const record = { name, type: Type.A, class: Class.IN, ttl: 10, rdata: rdata.a("10.1.0.7") };
      return access.principalOf(key, config.zone)!.permits(record);
    };
    const strange = { name: config.reverse[0]!, type: Type.TXT, class: Class.IN, ttl: 10 };
    const record = { ...strange, rdata: rdata.txt("a") };
    assert.ok(access.principalOf("operator", config.reverse[0]!)!.permits(record));
    const owners = ["pc.paris", "pc.lyon", "pc.rome", "pc", "@"];
    assert.deepEqual(owners.map(may("paris")), [true, false, false, false, false]);
    assert.deepEqual(owners.map(may("both")), [true, true, false, false, false]);
  });

  test("SEC-16: writes only reverse names of its networks, if it has any", () => {
    const text = `
zone: bonjour.example.com
reverse: [10.in-addr.arpa, 8.b.d.0.1.0.0.2.ip6.arpa]
keys:
  narrow: { secret: "${secret}", site: paris, networks: [10.1.0.0/16, "2001:db8:1::/48"] }
  wide: { secret: "${secret}", site: paris }
`;
    const config = parseConfig(text, "gateway.yaml", temporaryFolder());
    const access = new Access(config, { isOwn: isNever, isAttached: isNever }, isNever);
    const may = (key: string, owner: string, target: string) => {
      const name = Name.parse(owner);
      const zone = config.reverse.find((each) => name.isUnder(each))!;
      const data = rdata.ptr(Name.parse(target, config.zone));
      const record = { name, type: Type.PTR, class: Class.IN, ttl: 10, rdata: data };
      return access.principalOf(key, zone)!.permits(record);
    };
    const nibbles = (site: string) =>
      `${"0.".repeat(16)}0.0.0.0.${site}.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.`;
    for (const [owner, target] of [
      ["7.0.1.10.in-addr.arpa.", "pc.paris"],
      ["lb._dns-sd._udp.0.0.1.10.in-addr.arpa.", "paris"],
      [nibbles("1"), "pc.paris"],
    ] as const) {
      assert.ok(may("narrow", owner, target) && may("wide", owner, target), owner);
    }
    for (const [owner, target] of [
      ["7.0.2.10.in-addr.arpa.", "pc.paris"],
      ["lb._dns-sd._udp.0.0.2.10.in-addr.arpa.", "paris"],
      [nibbles("2"), "pc.paris"],
    ] as const) {
      assert.ok(!may("narrow", owner, target) && may("wide", owner, target), owner);
    }
  });
});
