import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fits, type Policy, SitePolicy } from "../../src/collector/projection/policy.ts";
import { project, projectOne } from "../../src/collector/projection/project.ts";
import { Site } from "../../src/collector/projection/site.ts";
import type { Subnet } from "../../src/collector/subnets.ts";
import { parseConfig } from "../../src/config.ts";
import { addressOctets } from "../../src/dns/address.ts";
import { Type } from "../../src/dns/constants.ts";
import { rdata, stringsOf } from "../../src/dns/rdata.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import fc from "../support/fastcheck.ts";
import { cacheOf, from, lines, local, OPEN, response, service, ZONE } from "./fixture.ts";

const LATER = 5000;
const policyOf = (text: string): Policy => parseConfig(`policy: ${text}`, "p", ".").policy;
const subnet = (address: string, prefix: number): Subnet => ({
  base: addressOctets(address),
  prefix,
});
const LAN = [subnet("10.1.0.0", 16), subnet("fd00::", 64)];

function siteOf(policy: Policy, text: string, label = "paris"): Site {
  const site = new Site(ZONE.child(label)!, policy);
  const cache = cacheOf(text);
  site.caches.add(cache);
  site.locate(cache, LAN);
  return site;
}

/** The reasons why a policy withholds what was heard, or the names that it publishes. */
function judge(policy: string, text: string, label?: string) {
  const { services, withheld } = project([siteOf(policyOf(policy), text, label)], ZONE, LATER);
  return withheld.length > 0
    ? withheld.map(({ reason }) => reason)
    : [...services.values()].map((name) => Buffer.from(name.labels[0]!).toString());
}

const PRINTER = service("Office Printer", "_ipp._tcp", "printer", "10.1.0.10");
const DENIED = ["policy.rules[0] denies it"];
const LISTED = ["Office Printer"];

test("SEC-08: an address is accepted once its link is in a wider network with the same base", () => {
  const site = new Site(ZONE.child("paris")!, policyOf("{}"));
  const cache = cacheOf(service("a", "_ipp._tcp", "h", "10.1.7.10"));
  site.caches.add(cache);
  const listed = (prefix: number) => {
    site.locate(cache, [subnet("10.1.0.0", prefix)]);
    return project([site], ZONE, LATER).services.size;
  };
  assert.deepEqual([24, 16, 24].map(listed), [0, 1, 0]);
});

test("the reason for withholding one host is given, as far as anything is known of it", () => {
  const text = `
    !open A 10.1.0.20
    !secret A 10.1.0.21
    !near A 169.254.0.22
    !far A 8.8.8.8
    !wpad A 10.1.0.23
    !via CNAME far
    !old HINFO c o`;
  const reasonOf = (host: string) => {
    const policy = policyOf("{ rules: [{ deny: chat }, { deny: all, host: secret }] }");
    const { sets, withheld } = projectOne(siteOf(policy, text), ZONE, local(host), LATER);
    const [reason, ...more] = withheld.map(({ name, reason }) => {
      assert.ok(name.equals(local(host)));
      return reason;
    });
    assert.deepEqual(more, []);
    return reason ?? [...sets].map(({ type }) => type);
  };
  assert.deepEqual(reasonOf("open"), [Type.A]);
  assert.deepEqual(reasonOf("secret"), "policy.rules[1] denies it");
  assert.deepEqual(reasonOf("near"), "no address of its host can be reached from elsewhere");
  assert.deepEqual(reasonOf("far"), "no address of its host belongs to its link");
  assert.deepEqual(reasonOf("wpad"), "its host's name steers clients");
  assert.deepEqual(reasonOf("via"), "no address of its host belongs to its link");
  assert.deepEqual(reasonOf("old"), [Type.HINFO]);
  assert.deepEqual(reasonOf("nobody"), []);
});

suite("a rule", () => {
  const cases: readonly (readonly [rule: string, doesFit: boolean])[] = [
    ["{ deny: printers }", true],
    ["{ deny: [chat, printers] }", true],
    ["{ deny: chat }", false],
    ["{ deny: _IPP._tcp }", true],
    ["{ deny: _ipps._tcp }", false],
    ["{ deny: all }", true],
    ['{ deny: all, instance: "office printer" }', true],
    ["{ deny: all, instance: Office }", false],
    ['{ deny: all, instance: "*PRINT*" }', true],
    ["{ deny: all, host: PRINTER }", true],
    ['{ deny: all, host: "print*" }', true],
    ["{ deny: all, host: printer.loc }", false],
    ["{ deny: all, address: 10.1.0.0/24 }", true],
    ["{ deny: all, address: [192.0.2.0/24, 10.1.0.10] }", true],
    ["{ deny: all, address: 10.1.0.11 }", false],
    ["{ deny: all, address: private }", true],
    ["{ deny: all, site: Paris }", true],
    ["{ deny: all, site: [lyon, paris] }", true],
    ["{ deny: all, site: lyon }", false],
    ["{ deny: printers, host: printer, site: paris, address: 10.0.0.0/8 }", true],
    ["{ deny: printers, host: other, site: paris, address: 10.0.0.0/8 }", false],
  ];
  for (const [rule, doesFit] of cases) {
    test(`${rule} ${doesFit ? "fits" : "does not fit"}`, () => {
      assert.deepEqual(judge(`{ rules: [${rule}] }`, PRINTER), doesFit ? DENIED : LISTED);
    });
  }

  test("decides if it is the first that fits", () => {
    assert.deepEqual(judge("{ rules: [{ allow: printers }, { deny: all }] }", PRINTER), LISTED);
    assert.deepEqual(judge("{ rules: [{ deny: all }, { allow: printers }] }", PRINTER), DENIED);
    assert.deepEqual(
      judge("{ rules: [{ allow: chat }, { allow: all, site: lyon }, { deny: all }] }", PRINTER),
      ["policy.rules[2] denies it"],
    );
  });

  test("about addresses goes through those of a host once, however many services and aliases lead there", () => {
    const aliased = Array.from({ length: 20 }, (_, i) => {
      const lines = service(`s${i}`, "_ipp._tcp", `a${i}`, "10.1.0.10");
      return lines.replace(/!a\d+ A.*/, `!a${i} CNAME printer`);
    });
    const text = `${aliased.join("\n")}\n!printer A 10.1.0.10`;
    const site = siteOf(policyOf("{ rules: [{ deny: all, address: 10.9.0.0/16 }] }"), text);
    const looks: string[] = [];
    const addressesOf = site.addressesOf.bind(site);
    site.addressesOf = (host) => {
      if (host === local("printer").key) looks.push(host);
      return addressesOf(host);
    };
    assert.equal(project([site], ZONE, LATER).services.size, 20);
    assert.equal(looks.length, 1);
  });

  test("about addresses sees those of the host behind an alias", () => {
    const text = `${PRINTER.replace("631 printer", "631 alias")}\nalias CNAME printer`;
    assert.deepEqual(judge("{ rules: [{ deny: all, address: 10.1.0.10 }] }", text), DENIED);
  });

  test("about hosts fits an alias of one, too", () => {
    const text = `${PRINTER.replace("631 printer", "631 alias")}\nalias CNAME printer`;
    assert.deepEqual(judge("{ rules: [{ deny: all, host: printer }] }", text), DENIED);
    assert.deepEqual(judge("{ rules: [{ deny: all, host: alias }] }", text), DENIED);
    const allowed = "{ rules: [{ allow: all, host: alias }, { deny: all }] }";
    assert.deepEqual(judge(allowed, text), LISTED);
  });

  test("about a host takes only that host away from a service with two", () => {
    const text = `${PRINTER}
      Office\\032Printer._ipp._tcp SRV 1 0 631 spare
      !spare A 10.1.0.11`;
    const site = siteOf(policyOf("{ rules: [{ deny: all, host: spare }] }"), text);
    const { sets, services } = project([site], ZONE, LATER);
    assert.equal(services.size, 1);
    assert.equal([...sets].filter(({ type }) => type === Type.A).length, 1);
  });

  test("that denies a service leaves nothing of it, not even its type", () => {
    const site = siteOf(policyOf("{ rules: [{ deny: printers }] }"), PRINTER);
    assert.deepEqual(lines(project([site], ZONE, LATER).sets), []);
  });

  test("applies to services elsewhere, by what the link says of them", () => {
    const text = "_ipp._tcp PTR Far\\032Printer._ipp._tcp.elsewhere.example.";
    const count = (policy: string) =>
      lines(project([siteOf(policyOf(policy), text)], ZONE, LATER).sets);
    assert.equal(count("{}").length, 1);
    assert.equal(count("{ rules: [{ deny: printers }] }").length, 0);
    assert.equal(count('{ rules: [{ deny: all, instance: "far *" }] }').length, 0);
    assert.equal(count("{ rules: [{ deny: chat }] }").length, 1);
  });

  test("applies to services that are listed under a type not their own", () => {
    const text = `${service("Page", "_http._tcp", "h", "10.1.0.2")}
      _ipp._tcp PTR Page._http._tcp
      _color._sub._ipp._tcp PTR Page._http._tcp
      _kerberos._udp PTR Page._http._tcp`;
    const listed = (policy: string) =>
      lines(project([siteOf(policyOf(policy), text)], ZONE, LATER).sets)
        .filter((line) => line.includes(" PTR "))
        .map((line) => line.replace(/ .* /, " "))
        .filter((line) => !/^_http\S+ Page\.|PTR _http/.test(line));
    const sites = ["paris.z.example.", "z.example."];
    const all = listed("{}");
    assert.ok(all.every((line) => !/kerberos/.test(line)) && all.length === 8, `${all}`);
    assert.deepEqual(
      listed("{ rules: [{ deny: printers }] }"),
      sites.map((domain) => `_services._dns-sd._udp.${domain} _http._tcp.${domain}`),
    );
  });

  test("allows what is off by default, where it fits", () => {
    const phone = service("Phone", "_companion-link._tcp", "phone", "10.1.0.3");
    assert.deepEqual(judge("{}", phone), ["its type reveals personal data, and no rule allows it"]);
    assert.deepEqual(judge("{ rules: [{ allow: personal }] }", phone), ["Phone"]);
    assert.deepEqual(judge("{ rules: [{ allow: _companion-link._tcp }] }", phone), ["Phone"]);
    assert.deepEqual(judge("{ rules: [{ allow: personal, site: lyon }] }", phone), [
      "its type reveals personal data, and no rule allows it",
    ]);
  });

  test("has a pattern that matches like a regular expression, and quickly", () => {
    const letters = (...all: string[]) =>
      fc.array(fc.constantFrom(...all), { maxLength: 10 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(letters("a", "b", "*"), letters("a", "b"), (pattern, text) => {
        const expression = new RegExp(`^${pattern.replaceAll("*", ".*")}$`);
        assert.equal(fits(pattern, text), expression.test(text));
      }),
    );
    assert.ok(!fits(`${"*a".repeat(60)}b`, "a".repeat(4000)));
  });
});

suite("addresses", () => {
  const addressesOf = (policy: string, ...addresses: readonly string[]) => {
    const text = [PRINTER, ...addresses.map((each) => `!printer ${each}`)].join("\n");
    const { sets } = project([siteOf(policyOf(policy), text)], ZONE, LATER);
    return lines(sets)
      .filter((line) => /^printer\..* (A|AAAA) /.test(line))
      .map((line) => line.split(" ")[4]);
  };

  test("SEC-08: outside the link's own networks are not published", () => {
    const foreign = ["A 8.8.8.8", "A 10.2.0.1", "A 100.64.0.1", "AAAA fd01::1", "AAAA 2001:db8::1"];
    assert.deepEqual(addressesOf("{}", ...foreign, "AAAA fd00::10"), ["10.1.0.10", "fd00::10"]);
    assert.deepEqual(addressesOf("{}", "A 10.1.255.255", "A 10.1.0.0"), ["10.1.0.10"]);
  });

  test("SEC-08: outside them are published if allowed", () => {
    assert.deepEqual(addressesOf("{ networks: 10.2.0.0/16 }", "A 10.2.0.1", "A 8.8.8.8"), [
      ...["10.1.0.10", "10.2.0.1"],
    ]);
    assert.deepEqual(addressesOf("{ networks: any }", "A 8.8.8.8", "A 127.0.0.1", "AAAA ::1"), [
      ...["10.1.0.10", "8.8.8.8"],
    ]);
  });

  test("SEC-08: that stand for the whole link are not published, whatever is allowed", () => {
    const broadcast = ["A 10.1.255.255", "A 10.1.0.0", "A 10.2.255.255", "AAAA fd00::"];
    assert.deepEqual(addressesOf("{ networks: private }", ...broadcast), [
      ...["10.1.0.10", "10.2.255.255"],
    ]);
  });

  test("SEC-08: in a network of two addresses both are hosts (RFC 3021, RFC 6164)", () => {
    for (const [base, prefix, record] of [
      ["10.1.0.0", 31, "A 10.1.0.0"],
      ["10.1.0.0", 31, "A 10.1.0.1"],
      ["fd00::", 127, "AAAA fd00::"],
    ] as const) {
      const site = new Site(ZONE.child("paris")!, policyOf("{}"));
      const cache = cacheOf(PRINTER.replace("A 10.1.0.10", record));
      site.caches.add(cache);
      site.locate(cache, [subnet(base, prefix)]);
      assert.equal(project([site], ZONE, LATER).services.size, 1, record);
    }
  });

  test("SEC-08: are the reason to withhold a service if its host has no others", () => {
    const text = PRINTER.replace("10.1.0.10", "8.8.8.8");
    assert.deepEqual(judge("{}", text), ["no address of its host belongs to its link"]);
    const nowhere = PRINTER.replace("10.1.0.10", "169.254.1.1");
    assert.deepEqual(judge("{ networks: any }", nowhere), [
      "no address of its host can be reached from elsewhere",
    ]);
  });

  test("are judged again when the link's networks change", () => {
    const site = siteOf(policyOf("{}"), PRINTER.replace("10.1.0.10", "10.2.0.10"));
    const count = () => project([site], ZONE, LATER).services.size;
    assert.equal(count(), 0);
    const [cache] = site.caches;
    site.locate(cache!, [subnet("10.2.0.0", 16)]);
    assert.equal(count(), 1);
    site.locate(cache!, LAN);
    assert.equal(count(), 0);
  });

  test("are mapped host by host, only in their site, by the first map that fits", () => {
    const map =
      "{ addresses: [{ site: paris, from: 10.1.0.0/25, to: 172.16.9.128/25 }, " +
      "{ site: lyon, from: 10.1.0.0/24, to: 10.9.9.0/24 }, " +
      "{ from: 'fd00::/64', to: '2001:db8:1:2::/64' }, { from: 192.0.2.7, to: 198.51.100.9 }] }";
    assert.deepEqual(addressesOf(map, "A 10.1.0.200", "A 192.0.2.7", "AAAA fd00::a:b"), [
      ...["10.1.0.200", "172.16.9.138", "198.51.100.9", "2001:db8:1:2::a:b"],
    ]);
  });
});

suite("TXT records", () => {
  const edit = (rule: string, ...strings: readonly string[]) => {
    const policy = policyOf(`{ text: [${rule}] }`);
    const before = rdata.txt(...strings);
    const cache = cacheOf(PRINTER.replace(/!.*TXT.*/, ""));
    const owner = response(PRINTER).answers[1]!.name;
    const record = { name: owner, type: Type.TXT, class: 1, ttl: 120, rdata: before };
    cache.receive({ ...response(PRINTER), answers: [record] }, from(), 0);
    const site = new Site(ZONE.child("paris")!, policy);
    site.caches.add(cache);
    const text = [...project([site], ZONE, LATER).sets].find(({ type }) => type === Type.TXT)!;
    const after = text.rdatas[0]!;
    if (after.equals(before)) assert.equal(after, before);
    return stringsOf(after).map((string) => Buffer.from(string).toString());
  };

  test("lose keys, whatever their case, with a value or without", () => {
    const drop = "{ type: printers, drop: [UUID, flag, x] }";
    assert.deepEqual(edit(drop, "a=1", "uuid=7", "FLAG", "flags=1", "UUID=8"), ["a=1", "flags=1"]);
    assert.deepEqual(edit(drop, "uuid=7"), [""]);
  });

  test("are set in place of the key, or at the end", () => {
    const set = "{ type: all, set: { note: lyon, b: '2' } }";
    assert.deepEqual(edit(set, "a=1", "NOTE=x", "c"), ["a=1", "note=lyon", "c", "b=2"]);
    assert.deepEqual(edit(set, ""), ["note=lyon", "b=2"]);
  });

  test("are rewritten if a URL names a host of the link", () => {
    const rewrite = "{ type: _ipp._tcp, rewrite: [adminurl] }";
    const url = (before: string) => edit(rewrite, `adminurl=${before}`, "other=http://p.local/")[0];
    const cases: readonly (readonly [string, string])[] = [
      ["http://p.local/x?y#z", "http://p.paris.z.example/x?y#z"],
      ["https://u:v@P.LOCAL.:631", "https://u:v@P.paris.z.example:631"],
      ["http://p.example.com/", "http://p.example.com/"],
      ["http://p.localhost/", "http://p.localhost/"],
      ["http://10.1.0.10/", "http://10.1.0.10/"],
      ["http://[fe80::1]/", "http://[fe80::1]/"],
      ["http://[nonsense]/", "http://[nonsense]/"],
      ["http://a..local/", "http://a..local/"],
      ["http://local/", "http://local/"],
      ["http://Küche.local/", "http://Küche.paris.z.example/"],
      ["http://K%C3%BCche.local/", "http://K%C3%BCche.paris.z.example/"],
      ["p.local", "p.local"],
      ["http://", "http://"],
      [`http://p.local/${"x".repeat(230)}`, `http://p.local/${"x".repeat(230)}`],
    ];
    for (const [before, after] of cases) assert.equal(url(before), `adminurl=${after}`, before);
    assert.deepEqual(edit(rewrite, "adminurl", "other=http://p.local/"), [
      ...["adminurl", "other=http://p.local/"],
    ]);
  });

  test("are rewritten with escapes if the site's name has more than letters", () => {
    const [{ name }] = response("a._ipp._tcp A 10.1.0.1").answers as [ResourceRecord];
    const policy = policyOf("{ text: [{ type: all, rewrite: [u] }] }");
    const site = new SitePolicy(policy, ZONE.child("2. Étage, Süd")!);
    assert.deepEqual(
      site.text(name, rdata.txt("u=http://p.local/")),
      rdata.txt("u=http://p.2%2E%20%C3%89tage%2C%20S%C3%BCd.z.example/"),
    );
  });

  test("of other types and sites stay octet for octet, empty strings and all", () => {
    for (const scope of ["type: chat", "type: all, site: lyon"]) {
      assert.deepEqual(edit(`{ ${scope}, drop: [a] }`, "a=1", "", "b"), ["a=1", "", "b"]);
    }
  });

  test("SD-11: are read as in RFC 6763 §6.4: keys are ASCII, and = only precedes a value", () => {
    const edits = "{ type: all, drop: [k], set: { b: '1' }, rewrite: [u] }";
    const odd = [
      "\u212a=1",
      "=k",
      "=",
      "x=k",
      "B",
      "b=2",
      "u",
      "=u=http://p.local/",
      "u=U=http://p.local/",
    ];
    assert.deepEqual(edit(edits, ...odd, "K=a=b", "k"), odd.with(4, "b=1"));
  });

  test("SD-12: keep keys that no rule names unchanged", () => {
    const said = ["x-foo=1", "", "Made Up", "=", "x-foo=2"];
    assert.deepEqual(edit("{ type: all, drop: [y], rewrite: [z] }", ...said), said);
    assert.deepEqual(edit("{ type: all, drop: [y], set: { n: '1' } }", ...said, "Y=7"), [
      ...said,
      "n=1",
    ]);
  });

  test("are set if the device has none, and stay the same object", () => {
    const text = PRINTER.replace(/!.*TXT.*/, "");
    const site = siteOf(policyOf("{ text: [{ type: printers, set: { note: lyon } }] }"), text);
    const find = () => [...project([site], ZONE, LATER).sets].find(({ type }) => type === Type.TXT);
    const [found] = find()!.rdatas;
    assert.deepEqual(found, rdata.txt("note=lyon"));
    assert.equal(find()!.rdatas[0], found);
  });

  test("of the largest size lose what no longer fits, as no zone would take them", () => {
    const set = [..."abcdef"].map((key) => `${key}: ${"y".repeat(253)}`).join(", ");
    const policy = new SitePolicy(policyOf(`{ text: [{ type: all, set: { ${set} } }] }`), ZONE);
    const large = rdata.txt(...Array.from({ length: 33 }, () => `x=${"x".repeat(249)}`));
    const [{ name }] = response("a._ipp._tcp A 10.1.0.1").answers as [ResourceRecord];
    const edited = policy.text(name, large);
    // 9000 octets have room for two keys beside 33 strings of 251 octets and their lengths.
    assert.equal(stringsOf(edited).length, 33 + 2);
  });
});

suite("a policy without rules that believes everything", () => {
  const device = fc.record({
    instance: fc.constantFrom("a", "b", "Test *", "wpad", "<img src=x>"),
    type: fc.constantFrom("_ipp._tcp", "_presence._tcp", "_companion-link._tcp", "_x._udp"),
    host: fc.constantFrom("h", "H", "i", "j.k"),
    address: fc.constantFrom("10.1.0.1", "10.1.0.2", "8.8.8.8", "169.254.0.1"),
  });
  const said = fc
    .array(device, { maxLength: 8 })
    .map((all) => all.map((d) => service(d.instance, d.type, d.host, d.address)).join("\n"));

  test("shows all that any policy shows, except what that rewrites", () => {
    const rule = fc.constantFrom(
      ...["{ deny: printers }", "{ allow: chat }", "{ deny: all, address: 10.1.0.2 }"],
      ...['{ allow: all, instance: "*a*" }', "{ deny: all, host: h }", "{ allow: personal }"],
    );
    fc.assert(
      fc.property(said, fc.array(rule, { maxLength: 4 }), (text, rules) => {
        const policy = policyOf(`{ rules: [${rules.join(", ")}] }`);
        const all = new Set(lines(project([siteOf(OPEN, text)], ZONE, LATER).sets));
        for (const line of lines(project([siteOf(policy, text)], ZONE, LATER).sets)) {
          assert.ok(all.has(line), line);
        }
      }),
    );
  });
});
