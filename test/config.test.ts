import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { defaultConfig, parseConfig, readConfig } from "../src/config.ts";
import { formatEndpoint, parseEndpoint } from "../src/dns/endpoint.ts";
import { mistakes } from "./config/mistakes.ts";
import { temporaryFolder } from "./support/gateway.ts";

const parse = (text: string) => parseConfig(text, "gateway.yaml", "/etc/dnssd-gateway");

describe("a configuration", () => {
  it("needs no line at all", () => {
    const config = defaultConfig();
    assert.equal(config.zone.toString(), "bonjour.home.arpa.");
    assert.equal(config.links, undefined);
    assert.deepEqual(config.listen?.dns.map(formatEndpoint), ["127.0.0.1:5300", "[::1]:5300"]);
    assert.equal(config.enumerate, "merged");
    assert.equal(config.grace, 15);
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
    assert.deepEqual(config.listen?.dns, [
      { address: "0.0.0.0", port: 53 },
      { address: "::", port: 53 },
    ]);
    assert.equal(config.enumerate, "sites");
    assert.deepEqual(config.subtypes, { "_ipp._tcp": ["_universal"] });
    assert.equal(config.data, "/etc/dnssd-gateway/zones");
  });

  it("SD-37: takes a zone with spaces and dots in its labels (RFC 6763 §4.1.3)", () => {
    assert.equal(parse(String.raw`zone: 'Building\0321.example.test'`).zone.labels.length, 3);
    assert.equal(
      parse("zone: Building 1.example.test").zone.toString(),
      "Building\\0321.example.test.",
    );
  });

  it("says what is wrong, where, and what was expected", () => {
    assert.deepEqual(mistakes("zone: bonjour.example.com\n\nlinkz: 3\n"), [
      "gateway.yaml:3: linkz: unknown field; expected one of zone, nameservers, contact, links, listen, publish, registrar, keys, transfer, query, views, identity, catalog, dnssec, reverse, enumerate, grace, policy, refresh, subtypes, data, web",
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

  it("says what is missing, and which fields are expected where something else stands", () => {
    assert.equal(
      mistakes('listen:\n  tls: ["0.0.0.0:853"]')[0],
      'gateway.yaml:2: listen.dns: missing; expected a list such as ["0.0.0.0:53", "[::]:53"]',
    );
    assert.deepEqual(mistakes("links:\n  - site: paris"), [
      "gateway.yaml:2: links[0].interface: missing; expected the name of an interface such as eth0",
    ]);
    assert.deepEqual(mistakes("links: [eth0]\nviews: [5]\nkeys: { a: x }\nquery: any"), [
      "gateway.yaml:1: links[0]: expected fields such as interface: and site:",
      "gateway.yaml:3: keys.a: expected fields such as algorithm: and secret:",
      "gateway.yaml:4: query: expected fields such as allow: and limit:",
      "gateway.yaml:2: views[0]: expected fields such as networks: and sites:",
    ]);
  });

  it("takes name servers by name alone, and a mailbox as mail or DNS writes it (RFC 1035 §8)", () => {
    for (const server of ["192.0.2.53", "192.0.2.53:53", "2001:db8::53"]) {
      assert.deepEqual(mistakes(`nameservers: ["${server}"]`), [
        "gateway.yaml:1: nameservers[0]: an address is not a name; expected that of the server, such as ns1.example.com",
      ]);
    }
    const contact = (text: string) => String(parse(`contact: ${text}`).contact);
    assert.equal(contact("hostmaster@example.com"), "hostmaster.example.com.");
    assert.equal(contact("host.master@example.com"), "host\\.master.example.com.");
    assert.equal(contact("hostmaster.example.com"), "hostmaster.example.com.");
    assert.match(mistakes("contact: a@b..c")[0]!, /contact: empty label/);
  });

  it("names every mistake, not only the first", () => {
    assert.equal(mistakes("zone: 5\nenumerate: all\nlinks: 5").length, 3);
    const files =
      'listen: { dns: ["[::]:53"], tls: ["[::]:853"], certificate: none.pem, privateKey: none.pem }';
    assert.deepEqual(
      mistakes(`keys: { a: { secretFile: none } }\n${files}`).map((line) => line.split(" ")[1]),
      ["keys.a.secretFile:", "listen.certificate:"],
    );
  });

  it("PROXY-36: refuses a nameserver inside a zone that it is to serve", () => {
    for (const [zone, inside] of [
      ["b.example.com.", "ns.b.example.com."],
      ["b.example.com.", "b.example.com."],
      ["1.10.in-addr.arpa.", "ns.1.10.in-addr.arpa."],
    ]) {
      const text = `{ zone: b.example.com, reverse: [1.10.in-addr.arpa],\nnameservers: [ns.example.com, ${inside}] }`;
      assert.deepEqual(mistakes(text), [
        `gateway.yaml:2: nameservers[1]: ${inside} lies in the zone; expected a name outside ${zone}`,
      ]);
    }
  });

  it("PROXY-05: takes rich text as a site, and refuses what is no label", () => {
    const site = (label: string) => `links: [{ interface: eth0, site: "${label}" }]`;
    for (const label of ["x".repeat(63), "Building 1, 2. Étage"]) {
      assert.equal(parse(site(label)).links?.[0]?.site, label);
    }
    for (const label of ["", "x".repeat(64), "é".repeat(32)]) {
      assert.deepEqual(mistakes(site(label)), [
        "gateway.yaml:1: links[0].site: expected one label of 1 to 63 octets such as paris",
      ]);
    }
  });

  it("says that YAML treats text with a star in front as an alias", () => {
    const said = (text: string) =>
      `*${text} refers to nothing above; expected it in quotes, "*${text}"`;
    assert.deepEqual(mistakes("zone: z.example\npolicy: { rules: [{ deny: all, host: *test }] }"), [
      `gateway.yaml:2: ${said("test")}`,
    ]);
    assert.deepEqual(mistakes("listen: { dns: [*:53] }"), [`gateway.yaml:1: ${said(":53")}`]);
    assert.equal(
      parse("zone: &z z.example\ncatalog: catalog.example\nidentity: { server: *z }").identity
        .server,
      "z.example",
    );
  });

  it("says that YAML treats what word processors put for quotes and spaces as text", () => {
    const quotes = (text: string) => `${text}: to YAML such quotes are text; expected "…"`;
    const unseen = (text: string) =>
      `"${text}": to YAML the space or mark at each · is text; expected plain spaces, or "…" around it`;
    for (const [text, line, message] of [
      ["zone: “z.example”", 1, quotes("“z.example”")],
      ["zone: z.example\nlinks: [{ interface: ‘eth0’ }]", 2, quotes("‘eth0’")],
      ["zone: z.example\u00a0", 1, unseen("z.example·")],
      ["zone: z.example\u00a0# ours", 1, unseen("z.example·# ours")],
      ["zone: z.example\ngrace:\u00a010", 2, unseen("grace:·10")],
      ["zone: z.example\nlinks:\n\u00a0 - { interface: eth0 }", 3, unseen("· - { interface")],
      ["zone: z.example\n\ufeffgrace: 10", 2, unseen("·grace")],
    ] as const) {
      assert.deepEqual(mistakes(text), [`gateway.yaml:${line}: ${message}`]);
    }
    const meant = '["“Salon”", ’t Hof, MacBook\u00a0Pro, "Bureau\u00a0"]';
    assert.equal(
      parse(`keys: { a: { secret: AAAAAAAAAAAAAAAAAAAAAA==, site: ${meant} } }`).keys.get("a")!
        .sites![3],
      "Bureau\u00a0",
    );
  });

  it("may refer to one list as often as it likes", () => {
    const keys = Array.from(
      { length: 300 },
      (_, i) => `  k${i}: { secret: AAAAAAAAAAAAAAAAAAAAAA==, site: s${i}, networks: *all }\n`,
    );
    const text = `query: { unlimited: &all [10.0.0.0/8] }\nkeys:\n${keys.join("")}`;
    assert.equal(parse(text).keys.size, 300);
  });

  it("finds the line of a name that YAML does not take for text, and of what is referred to", () => {
    assert.deepEqual(mistakes("grace: 1\n2024: x").length, 1);
    assert.match(mistakes("grace: 1\n2024: x")[0]!, /^gateway\.yaml:2: 2024: unknown field/);
    assert.deepEqual(mistakes("keys:\n  2024: x"), [
      "gateway.yaml:2: keys.2024: expected fields such as algorithm: and secret:",
    ]);
    const [, second] = mistakes("keys:\n  a: &a { secret: AAAA, site: 5 }\n  b: *a").filter(
      (line) => line.includes(".site"),
    );
    assert.match(second!, /^gateway\.yaml:2: keys\.b\.site: expected one label/);
  });

  it("says what occurs twice, and what a list or a text lacks", () => {
    assert.deepEqual(mistakes("zone: a.example\nzone: b.example"), [
      "gateway.yaml:2: a duplicate field; expected each once",
    ]);
    assert.deepEqual(mistakes("zone: a.example\n---\nzone: b.example"), [
      "gateway.yaml:2: a second document; expected one in a file",
    ]);
    assert.deepEqual(mistakes("query: { cookieSecret: [] }"), [
      "gateway.yaml:1: query.cookieSecret: expected at least one secret",
    ]);
    assert.deepEqual(mistakes("subtypes: { _ipp._tcp: [''] }"), [
      "gateway.yaml:1: subtypes._ipp._tcp[0]: expected a subtype of 1 to 63 octets such as _universal",
    ]);
  });

  it("refuses a name that no interface can have, such as the label of an address", () => {
    assert.equal(parse("links: [{ interface: eth0.10 }, { interface: wg-1 }]").links?.length, 2);
    for (const name of ["eth0:1", "eth0 ", "a/b"]) {
      assert.deepEqual(mistakes(`links: [{ interface: "${name}" }]`), [
        `gateway.yaml:1: links[0].interface: "${name}" is not an interface; expected the name of one, such as eth0`,
      ]);
    }
  });

  it("is UTF-8, or says which line is not", () => {
    const file = join(temporaryFolder(), "gateway.yaml");
    const write = (text: string, encoding: "latin1" | "utf16le" | "utf8") =>
      writeFileSync(file, text, encoding);
    const message = (line: number) =>
      `${file}:${line}: not UTF-8; expected a configuration file (YAML) in it`;
    const text = "zone: z.example\r\nlinks: [{ interface: eth0, site: zürich }]\r\n";
    write(text, "latin1");
    assert.throws(() => readConfig(file), { message: message(2) });
    write(`\ufeff${text}`, "utf16le");
    assert.throws(() => readConfig(file), { message: message(1) });
    write(`\ufeff${text}`, "utf8");
    assert.equal(readConfig(file).links?.[0]?.site, "zürich");
  });

  it("refuses a site that would be read as a service", () => {
    for (const label of ["_tcp", "'*'"]) {
      const [line] = mistakes(`links: [{ interface: eth0, site: ${label} }]`);
      assert.match(line!, /links\[0\]\.site: a site is a place/);
    }
  });

  it("says that a file does not exist", () => {
    assert.throws(() => readConfig("/nonexistent/gateway.yaml"), {
      message: "/nonexistent/gateway.yaml: no such file; expected a configuration file (YAML)",
    });
  });
});

describe("an address", () => {
  it("is read with its port, or with the default one", () => {
    assert.deepEqual(parseEndpoint("192.0.2.1:53"), { address: "192.0.2.1", port: 53 });
    assert.deepEqual(parseEndpoint("[2001:db8::1]:853"), { address: "2001:db8::1", port: 853 });
    assert.deepEqual(parseEndpoint("2001:db8::1", 53), { address: "2001:db8::1", port: 53 });
    assert.deepEqual(parseEndpoint("192.0.2.1", 53), { address: "192.0.2.1", port: 53 });
  });

  it("has one text, however it is written (RFC 5952 §4)", () => {
    assert.deepEqual(parseEndpoint("[::0]:53"), { address: "::", port: 53 });
    assert.equal(parseEndpoint("2001:DB8:0::1", 53)?.address, "2001:db8::1");
    assert.equal(parseEndpoint("fe80:0::1%eth0", 53)?.address, "fe80::1%eth0");
  });

  it("is refused without a port where none is implied, or when it is no address", () => {
    for (const text of ["192.0.2.1", "example.com:53", "192.0.2.1:99999", "[::1", ""]) {
      assert.equal(parseEndpoint(text), undefined, text);
    }
  });
});

describe("a configuration of two offices", () => {
  const secret = Buffer.from("a secret of the two").toString("base64");

  it("has keys, bound to sites or not", () => {
    const { keys } = parse(`
keys:
  paris: { secret: ${secret}, site: paris }
  both: { secret: ${secret}, site: [paris, lyon], algorithm: hmac-sha512 }
  admin: { secret: ${secret} }
`);
    assert.deepEqual([...keys.keys()], ["paris", "both", "admin"]);
    assert.equal(keys.get("paris")!.name.toString(), "paris.");
    assert.equal(keys.get("paris")!.algorithm, "hmac-sha256");
    assert.equal(Buffer.from(keys.get("paris")!.secret).toString(), "a secret of the two");
    assert.deepEqual(keys.get("both")!.sites, ["paris", "lyon"]);
    assert.equal(keys.get("admin")!.sites, undefined);
  });

  it("refuses a key with the name under which a zone file holds its records", () => {
    const named = (name: string) => `keys: { ${name}: { secret: ${secret} } }`;
    assert.equal(parse(named("files")).keys.size, 1);
    assert.match(mistakes(named("file")).join(), /keys\.file: expected keys by name/);
  });

  it("refuses to publish a site with a key that is bound to others", () => {
    const text = (site: string, more = "") =>
      `keys: { k: { secret: ${secret}, site: ${site} } }
publish: { server: "192.0.2.1", key: k }
links: [{ interface: eth0, site: paris }, { interface: eth1 }${more}]`;
    assert.equal(parse(text("Paris")).links?.length, 2);
    assert.equal(parse(text("[lyon, paris]", ", { interface: e, site: LYON }")).links?.length, 3);
    assert.deepEqual(mistakes(text("parsi")), [
      "gateway.yaml:3: links[0].site: paris is not a site of the key k, which publishes; expected parsi",
    ]);
    assert.match(mistakes(text("[]"))[0]!, /links\[0\]\.site: .*expected none$/);
  });

  it("publishes elsewhere and then serves nothing unless told to", () => {
    const text = `keys: { paris: { secret: ${secret} } }\npublish: { server: "192.0.2.1", key: paris }\n`;
    const config = parse(text);
    assert.equal(config.listen, undefined);
    assert.deepEqual(config.publish, {
      server: { host: "192.0.2.1", port: 53 },
      transport: "tcp",
      key: "paris",
      lease: 300,
      withdraw: true,
    });
    assert.equal(parse(`${text}listen: { dns: ["127.0.0.1:53"] }`).listen?.dns.length, 1);
  });

  it("names servers by address or by name", () => {
    const server = (text: string) => parse(`publish: { server: "${text}" }`).publish?.server;
    assert.deepEqual(server("192.0.2.1:5300"), { host: "192.0.2.1", port: 5300 });
    assert.deepEqual(server("[2001:db8::1]:53"), { host: "2001:db8::1", port: 53 });
    assert.deepEqual(server("ns1.example.com"), { host: "ns1.example.com", port: 53 });
    assert.deepEqual(server("ns1.example.com:5353"), { host: "ns1.example.com", port: 5353 });
    for (const text of [
      "192.0.2.1.9",
      "192.0.2.1:0",
      "ns1.example.com:0",
      "ns1.example.com:65536",
      "[2001:db8::1]:65536",
    ]) {
      assert.match(
        mistakes(`publish: { server: "${text}" }`)[0]!,
        /is not a server; expected/,
        text,
      );
    }
  });

  it("lets only private and attached networks ask, private ones without limit (SEC-05)", () => {
    const { query, views, identity } = defaultConfig();
    const networks = query.allow.flatMap((who) => ("address" in who ? [who.address] : []));
    assert.ok(
      ["10.0.0.0", "172.16.0.0", "192.168.0.0", "fc00::", "fe80::"].every((each) =>
        networks.includes(each),
      ),
    );
    assert.ok(!networks.includes("0.0.0.0"));
    assert.ok(query.allow.some((who) => "isAttached" in who));
    assert.deepEqual([query.limit, query.slip, query.cookieSecret], [100, 2, undefined]);
    const own = query.allow.filter((who) => "address" in who);
    assert.deepEqual(query.unlimited, own);
    assert.deepEqual([views, identity], [[], {}]);
  });

  it("says why a file cannot be read, with the system's code if need be", () => {
    assert.throws(() => readConfig("x".repeat(300)), {
      message: `${"x".repeat(300)}: ENAMETOOLONG; expected a configuration file (YAML)`,
    });
  });

  it("reads who may ask and what each sees", () => {
    const { query, views } = parse(`
keys: { k: { secret: ${secret} } }
query:
  allow: [any, key:k, 192.0.2.0/24]
  cookieSecret: [445536bcd2513298075a5d379663c962, dd3bdf9344b678b185a6f5cb60fca715]
views: [{ networks: [10.1.0.0/16, "2001:db8::/32"], sites: [paris], addresses: [10.0.0.0/8] }, { networks: [any] }]
`);
    assert.deepEqual(query.allow.slice(2), [{ key: "k" }, { address: "192.0.2.0", length: 24 }]);
    assert.deepEqual(query.allow[0], { address: "0.0.0.0", length: 0 });
    assert.equal(query.cookieSecret?.length, 2);
    assert.equal(Buffer.from(query.cookieSecret[1]!).toString("hex").slice(0, 4), "dd3b");
    assert.deepEqual(
      views[0]?.networks.map(({ length }) => length),
      [16, 32],
    );
    assert.deepEqual(views[0]?.sites, ["paris"]);
    assert.deepEqual(views[1]?.sites, undefined);
  });

  it("grants transfers to keys and networks", () => {
    const { transfer } = parse(
      `keys: { xfr: { secret: ${secret} } }\ntransfer: { allow: [key:xfr, 192.0.2.0/24, "2001:db8::1"] }`,
    );
    assert.deepEqual(transfer.allow, [
      { key: "xfr" },
      { address: "192.0.2.0", length: 24 },
      { address: "2001:db8::1", length: 128 },
    ]);
  });

  it("finds its files beside it, wherever it is read from", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "gateway.yaml"), "zone: z.example");
    assert.equal(readConfig(join(folder, "gateway.yaml")).data, join(folder, "zones"));
  });

  it("takes the folder of the keys that sign zones, beside the file", () => {
    assert.equal(parse("dnssec: { keys: keys }").dnssec?.keys, "/etc/dnssd-gateway/keys");
    assert.equal(parse("").dnssec, undefined);
    assert.match(mistakes("dnssec: true")[0]!, /dnssec: expected \{ keys: FOLDER \}/);
    assert.match(
      mistakes("dnssec: { key: keys }").join(),
      /dnssec.keys: missing; expected the path/,
    );
  });

  it("names the secondaries that are notified of changes, with a key or without", () => {
    const { transfer, catalog } = parse(
      `keys: { xfr: { secret: ${secret} } }
transfer: { notify: ["192.0.2.2:5300", ns2.example.com, { server: "2001:db8::1", key: xfr }] }
catalog: catalog.example`,
    );
    assert.deepEqual(transfer.notify, [
      { server: { host: "192.0.2.2", port: 5300 }, key: undefined },
      { server: { host: "ns2.example.com", port: 53 }, key: undefined },
      { server: { host: "2001:db8::1", port: 53 }, key: "xfr" },
    ]);
    assert.equal(`${catalog}`, "catalog.example.");
  });

  it("says what is wrong, where, and what was expected", () => {
    const cases: [string, string][] = [
      [
        'transfer: { notify: [{ server: "192.0.2.2", key: x }] }',
        'gateway.yaml:1: transfer.notify[0].key: no key "x"; expected one of keys: none is given',
      ],
      [
        "transfer: { notify: [192.0.2.2/24] }",
        'gateway.yaml:1: transfer.notify[0]: expected "192.0.2.2:53" or { server: "192.0.2.2:53", key: NAME }',
      ],
      [
        "zone: a.example\ncatalog: a.example",
        "gateway.yaml:2: catalog: a.example. is a zone of its own already; expected another name",
      ],
      [
        "reverse: [1.10.in-addr.arpa]\ncatalog: 1.10.in-addr.arpa",
        "gateway.yaml:2: catalog: 1.10.in-addr.arpa. is a zone of its own already; expected another name",
      ],
      ...["paris", "constructor"].map((key): [string, string] => [
        `publish: { key: ${key} }`,
        `gateway.yaml:1: publish.key: no key "${key}"; expected one of keys: none is given`,
      ]),
      [
        "transfer: { allow: [key:x] }",
        'gateway.yaml:1: transfer.allow[0]: no key "x"; expected one of keys: none is given',
      ],
      [
        "transfer: { allow: [192.0.2.0/33] }",
        'gateway.yaml:1: transfer.allow[0]: "192.0.2.0/33" is neither a key nor a network; expected key:NAME, an address, or a network such as 192.0.2.0/24',
      ],
      [
        "keys: { a: { secret: 'ä' } }",
        "gateway.yaml:1: keys.a.secret: not base64; expected a secret such as `dnssd-gateway key NAME` prints",
      ],
      [
        "keys: { a: { site: paris } }",
        "gateway.yaml:1: keys.a: expected either secret or secretFile",
      ],
      [
        `keys: { a: { secret: ${secret}, secretFile: a } }`,
        "gateway.yaml:1: keys.a: expected either secret or secretFile",
      ],
      ["listen: { dns: [] }", "gateway.yaml:1: listen.dns: expected at least one address"],
      [
        `keys: { a: { secret: ${secret}, sites: x } }`,
        "gateway.yaml:1: keys.a.sites: unknown field; expected one of algorithm, secret, secretFile, site, networks",
      ],
      [
        "query: { allow: [key:x] }",
        'gateway.yaml:1: query.allow: no key "x"; expected one of keys: none is given',
      ],
      [
        "query: { allow: [public] }",
        'gateway.yaml:1: query.allow[0]: "public" is neither a key nor a network; expected key:NAME, an address, or a network such as 192.0.2.0/24, private, attached or any',
      ],
      [
        "query: { allow: [constructor] }",
        'gateway.yaml:1: query.allow[0]: "constructor" is neither a key nor a network; expected key:NAME, an address, or a network such as 192.0.2.0/24, private, attached or any',
      ],
      [
        `subtypes: { _ipp._tcp: [${"x".repeat(64)}] }`,
        "gateway.yaml:1: subtypes._ipp._tcp[0]: expected a subtype of 1 to 63 octets such as _universal",
      ],
      [
        "subtypes: { _ipp._tcp.local: [_universal] }",
        "gateway.yaml:1: subtypes._ipp._tcp.local: expected service types with their subtypes, such as _ipp._tcp: [_universal]",
      ],
      [
        `subtypes: { _${"é".repeat(32)}._tcp: [_universal] }`,
        `gateway.yaml:1: subtypes._${"é".repeat(32)}._tcp: expected service types with their subtypes, such as _ipp._tcp: [_universal]`,
      ],
      [
        `links: [{ interface: ${"x".repeat(64)}, onDemand: true }]`,
        "gateway.yaml:1: links[0].interface: expected the name of an interface such as eth0",
      ],
      [
        `query: { cookieSecret: ${"a".repeat(31)} }`,
        "gateway.yaml:1: query.cookieSecret: expected a secret of 32 hexadecimal digits, or a list of them, the newest first",
      ],
      [
        "views: [{ networks: [office] }]",
        'gateway.yaml:1: views[0].networks[0]: "office" is not a network; expected one such as 10.1.0.0/16, an address, private or any',
      ],
      [
        "views: [{ networks: [constructor] }]",
        'gateway.yaml:1: views[0].networks[0]: "constructor" is not a network; expected one such as 10.1.0.0/16, an address, private or any',
      ],
      [
        "views: [{ sites: [paris] }]",
        "gateway.yaml:1: views[0].networks: missing; expected a list such as [10.1.0.0/16]",
      ],
      [
        "views: [{ networks: [any], site: paris }]",
        "gateway.yaml:1: views[0].site: unknown field; expected one of networks, sites, addresses",
      ],
      [
        "reverse: [1.10.in-addr.arpa, 1.10.IN-ADDR.arpa.]",
        "gateway.yaml:1: reverse[1]: 1.10.IN-ADDR.arpa. is a zone of its own already; expected each zone once",
      ],
      ...[
        "example.com",
        "2001.ip6.arpa",
        "g.ip6.arpa",
        "300.in-addr.arpa",
        "256.in-addr.arpa",
        "010.in-addr.arpa",
        "1.2.3.4.5.in-addr.arpa",
      ].map((zone): [string, string] => [
        `reverse: [${zone}]`,
        "gateway.yaml:1: reverse[0]: expected a reverse zone such as 1.10.in-addr.arpa or 8.b.d.0.1.0.0.2.ip6.arpa",
      ]),
      [
        "zone: 1.10.in-addr.arpa\nreverse: [1.10.in-addr.arpa]",
        "gateway.yaml:2: reverse[0]: 1.10.in-addr.arpa. is a zone of its own already; expected each zone once",
      ],
      [
        "publish: { lease: 29 }",
        "gateway.yaml:1: publish.lease: expected 30 s at least (RFC 9664 §8)",
      ],
      [
        "publish: { lease: 86401 }",
        "gateway.yaml:1: publish.lease: expected a day at most (RFC 9664 §8)",
      ],
      ["query: { slip: 11 }", "gateway.yaml:1: query.slip: expected 0 to 10"],
      ...["", "x".repeat(256)].map((text): [string, string] => [
        `identity: { server: "${text}" }`,
        "gateway.yaml:1: identity.server: expected a text of 1 to 255 octets",
      ]),
      [
        "zone: .",
        "gateway.yaml:1: zone: the root is not allowed; expected a domain name such as bonjour.example.com",
      ],
      [
        "nameservers: [.]",
        "gateway.yaml:1: nameservers[0]: the root is not allowed; expected a domain name such as bonjour.example.com",
      ],
      ["grace: -1", "gateway.yaml:1: grace: expected 0 s at least"],
      ["grace: 3601", "gateway.yaml:1: grace: expected an hour at most"],
    ];
    for (const [text, line] of cases) assert.equal(mistakes(text)[0], line);
  });
});
