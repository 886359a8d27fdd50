/** What a link's records become in the zone: RFC 6763 §4 to §9, RFC 8766 §5.5 and §6. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Projection, project } from "../../src/collector/projection/project.ts";
import { Site } from "../../src/collector/projection/site.ts";
import { Class, Type } from "../../src/dns/constants.ts";
import { makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { Rdata, rdata } from "../../src/dns/rdata.ts";
import {
  cacheOf,
  expected,
  from,
  lines,
  local,
  OPEN,
  response,
  service,
  ZONE,
} from "../collector/fixture.ts";

const PARIS = ZONE.child("paris")!;
const LYON = ZONE.child("lyon")!;
/** Long enough after time 0 for nothing to be awaited any more. */
const LATER = 5000;

function siteOf(domain: Name, ...texts: readonly string[]): Site {
  const site = new Site(domain, OPEN);
  for (const text of texts) site.caches.add(cacheOf(text));
  return site;
}

function projectionOf(text: string, now = LATER): Projection {
  return project([siteOf(PARIS, text)], ZONE, now);
}

function reasons(text: string, now = LATER): string[] {
  return projectionOf(text, now).withheld.map(({ name, reason }) => `${name} ${reason}`);
}

/** The lines of one name. */
function at(projection: Projection, owner: string, type?: string): string[] {
  const start = `${owner} `;
  return lines(projection.sets).filter(
    (line) => line.startsWith(start) && (type === undefined || line.split(" ")[3] === type),
  );
}

const OFFICE_PRINTER = String.raw`Office\032Printer._ipp._tcp.paris.z.example.`;
const PRINTER = service("Office Printer", "_ipp._tcp", "printer", "10.1.0.10");

suite("a service", () => {
  test("SD-01, PROXY-07, PROXY-08, SD-19: is published beneath its site, and listed there and at the top", () => {
    assert.deepEqual(
      lines(projectionOf(PRINTER).sets),
      expected(String.raw`
        _ipp._tcp.paris.z.example. 10 IN PTR Office\032Printer._ipp._tcp.paris.z.example.
        _ipp._tcp.z.example. 10 IN PTR Office\032Printer._ipp._tcp.paris.z.example.
        Office\032Printer._ipp._tcp.paris.z.example. 10 IN SRV 0 0 631 printer.paris.z.example.
        Office\032Printer._ipp._tcp.paris.z.example. 10 IN TXT "txtvers=1"
        printer.paris.z.example. 10 IN A 10.1.0.10
        _services._dns-sd._udp.paris.z.example. 10 IN PTR _ipp._tcp.paris.z.example.
        _services._dns-sd._udp.z.example. 10 IN PTR _ipp._tcp.z.example.
      `),
    );
  });

  test("SD-01: that names itself as its host is published with its addresses", () => {
    const text = `
      _http._tcp PTR Hub._http._tcp
      Hub._http._tcp SRV 0 0 8123 Hub._http._tcp
      Hub._http._tcp TXT "a=1"
      Hub._http._tcp A 10.1.0.10
      Hub._http._tcp A 169.254.0.1`;
    assert.deepEqual(
      lines(projectionOf(text).sets),
      expected(`
        _http._tcp.paris.z.example. 10 IN PTR Hub._http._tcp.paris.z.example.
        _http._tcp.z.example. 10 IN PTR Hub._http._tcp.paris.z.example.
        Hub._http._tcp.paris.z.example. 10 IN SRV 0 0 8123 Hub._http._tcp.paris.z.example.
        Hub._http._tcp.paris.z.example. 10 IN TXT "a=1"
        Hub._http._tcp.paris.z.example. 10 IN A 10.1.0.10
        _services._dns-sd._udp.paris.z.example. 10 IN PTR _http._tcp.paris.z.example.
        _services._dns-sd._udp.z.example. 10 IN PTR _http._tcp.z.example.
      `),
    );
    const unreachable = text.replace("A 10.1.0.10", "A 127.0.0.1");
    assert.deepEqual(reasons(unreachable), [
      "Hub._http._tcp.local. no address of its host can be reached from elsewhere",
    ]);
    assert.deepEqual(lines(projectionOf(unreachable).sets), []);
  });

  test("SEC-10: that has another host gets no addresses, and is no other service's host", () => {
    const text = `
      ${PRINTER}
      Office\\032Printer._ipp._tcp A 10.1.0.66
      _http._tcp PTR Web._http._tcp
      Web._http._tcp SRV 0 0 80 Office\\032Printer._ipp._tcp
      Web._http._tcp TXT ""
      _http._tcp PTR _evil._http._tcp
      _evil._http._tcp SRV 0 0 80 _evil._http._tcp
      _evil._http._tcp TXT ""
      _evil._http._tcp A 10.1.0.66`;
    assert.deepEqual(lines(projectionOf(text).sets), lines(projectionOf(PRINTER).sets));
    assert.deepEqual(reasons(text), [
      "Web._http._tcp.local. its host's name is reserved",
      "_evil._http._tcp.local. its host's name is reserved",
    ]);
  });

  test("SD-06: whose protocol is not TCP is published beneath _udp alone", () => {
    const text = service("a", "_x._udp", "h", "10.1.0.2");
    const owners = [...projectionOf(text).sets].map(({ name }) => name.toString());
    assert.ok(owners.includes("a._x._udp.paris.z.example."));
    assert.ok(owners.every((owner) => !owner.includes("_tcp")));
    // SCTP has no label of its own.
    assert.deepEqual(lines(projectionOf(service("a", "_x._sctp", "h", "10.1.0.2")).sets), []);
  });

  test("SD-07: whose type is too long, or has underscores, is published like any other", () => {
    for (const type of ["_averyveryverylongname._tcp", "_nvstream_dbd._tcp"]) {
      const projection = projectionOf(service("a", type, "h", "10.1.0.2"));
      assert.equal(at(projection, `${type}.z.example.`).length, 1);
      assert.equal(at(projection, `a.${type}.paris.z.example.`, "SRV").length, 1);
    }
  });

  test("SD-08: without a TXT record gets an empty one, after a query in vain", () => {
    const bare = PRINTER.replace(/!.*TXT.*/, "");
    assert.deepEqual(reasons(bare, 0), [
      "Office\\032Printer._ipp._tcp.local. its TXT record is awaited",
    ]);
    const { due } = projectionOf(bare, 0);
    assert.deepEqual(
      at(projectionOf(bare, due), "Office\\032Printer._ipp._tcp.paris.z.example.", "TXT"),
      ['Office\\032Printer._ipp._tcp.paris.z.example. 10 IN TXT ""'],
    );
  });

  test("SD-09: with an empty TXT record is published with one empty string", () => {
    const cache = cacheOf(PRINTER.replace(/!.*TXT.*/, ""));
    const name = local("Office\\032Printer._ipp._tcp");
    const txt = { name, type: Type.TXT, class: Class.IN, ttl: 120, rdata: new Rdata(Type.TXT, []) };
    const empty = makeMessage({ isResponse: true, answers: [txt] });
    cache.receive(empty, from(), 0);
    const site = new Site(PARIS, OPEN);
    site.caches.add(cache);
    assert.deepEqual(
      at(project([site], ZONE, 0), "Office\\032Printer._ipp._tcp.paris.z.example.", "TXT"),
      ['Office\\032Printer._ipp._tcp.paris.z.example. 10 IN TXT ""'],
    );
  });

  test("SD-10, SD-14: has its TXT records published octet for octet, several as several", () => {
    const odd = String.raw`"a=1" "A=2" "b" "c=" "=x" "\255\000\254"`;
    const text = PRINTER.replace(
      '"txtvers=1"',
      `${odd}
      !Office\\032Printer._ipp._tcp TXT "rp=lp2"`,
    );
    assert.deepEqual(
      at(projectionOf(text), "Office\\032Printer._ipp._tcp.paris.z.example.", "TXT"),
      expected(`
        Office\\032Printer._ipp._tcp.paris.z.example. 10 IN TXT ${odd}
        Office\\032Printer._ipp._tcp.paris.z.example. 10 IN TXT "rp=lp2"`),
    );
  });

  test("MDNS-36: that changes is published with its new records alone, at once", () => {
    const text = `${PRINTER}\n!Office\\032Printer._ipp._tcp TYPE10 \\# 1 00`;
    const cache = cacheOf(text);
    const site = new Site(PARIS, OPEN);
    site.caches.add(cache);
    assert.equal(at(project([site], ZONE, 9000), OFFICE_PRINTER).length, 3);
    const anew = response(`
      !Office\\032Printer._ipp._tcp SRV 0 0 632 printer
      !Office\\032Printer._ipp._tcp 4500 TXT "txtvers=2"
      !Office\\032Printer._ipp._tcp TYPE10 \\# 1 01
      !printer A 10.1.0.11`);
    cache.receive(anew, from(), 10_000);
    const projection = project([site], ZONE, 10_000);
    assert.deepEqual(
      at(projection, OFFICE_PRINTER),
      expected(`
        ${OFFICE_PRINTER} 10 IN NULL \\# 1 01
        ${OFFICE_PRINTER} 10 IN SRV 0 0 632 printer.paris.z.example.
        ${OFFICE_PRINTER} 10 IN TXT "txtvers=2"`),
    );
    // Addresses are gathered: the old one stays for its last second.
    assert.equal(at(projection, "printer.paris.z.example.").length, 2);
  });

  test("MDNS-36: that another host contradicts has both records, while the first may object", () => {
    const cache = cacheOf(PRINTER);
    const site = new Site(PARIS, OPEN);
    site.caches.add(cache);
    const anew = '!Office\\032Printer._ipp._tcp 4500 TXT "txtvers=2"';
    cache.receive(response(anew), from("10.0.0.8"), 10_000);
    assert.equal(at(project([site], ZONE, 10_000), OFFICE_PRINTER, "TXT").length, 2);
  });

  test("SD-15: keeps priority and weight, and several SRV records", () => {
    const text = `${PRINTER}\n!Office\\032Printer._ipp._tcp SRV 2 5 632 printer`;
    assert.deepEqual(
      at(projectionOf(text), "Office\\032Printer._ipp._tcp.paris.z.example.", "SRV"),
      expected(`
        Office\\032Printer._ipp._tcp.paris.z.example. 10 IN SRV 0 0 631 printer.paris.z.example.
        Office\\032Printer._ipp._tcp.paris.z.example. 10 IN SRV 2 5 632 printer.paris.z.example.`),
    );
  });

  test("is published with the buddy picture at its name", () => {
    const text = `${service("juliet@pronto", "_presence._tcp", "pronto", "10.1.0.3")}
      !juliet@pronto._presence._tcp NULL \\# 4 ffd8ffe0`;
    const name = "juliet\\@pronto._presence._tcp.paris.z.example.";
    assert.deepEqual(at(projectionOf(text), name, "NULL"), [`${name} 10 IN NULL \\# 4 FFD8FFE0`]);
  });

  test("lists nothing itself, and is no alias", () => {
    const owner = "Office\\032Printer._ipp._tcp";
    const text = `${PRINTER}\n${owner} PTR x._ipp._tcp\n!${owner} CNAME x._ipp._tcp`;
    assert.deepEqual(lines(projectionOf(text).sets), lines(projectionOf(PRINTER).sets));
  });

  test("SD-16, SD-17, SD-19: is listed under subtypes of any octets, at both levels, not as types", () => {
    const text = `${PRINTER}
      _universal._sub._ipp._tcp PTR Office\\032Printer._ipp._tcp
      \\255A._sub._ipp._tcp PTR Office\\032Printer._ipp._tcp`;
    const projection = projectionOf(text);
    for (const domain of ["paris.z.example.", "z.example."]) {
      for (const subtype of ["_universal", "\\255A"]) {
        assert.deepEqual(at(projection, `${subtype}._sub._ipp._tcp.${domain}`), [
          `${subtype}._sub._ipp._tcp.${domain} 10 IN PTR Office\\032Printer._ipp._tcp.paris.z.example.`,
        ]);
      }
      assert.equal(at(projection, `_services._dns-sd._udp.${domain}`).length, 1);
    }
  });

  test("SD-17: has subtypes in which only ASCII letters match in either case", () => {
    const cache = cacheOf(
      `${PRINTER}\n\\255A\\195\\137._SUB._IPP._tcp PTR Office\\032Printer._ipp._tcp`,
    );
    const more = `${PRINTER.replaceAll("Office", "Other")}
      \\255a\\195\\137._sub._ipp._tcp PTR Other\\032Printer._ipp._tcp
      \\255a\\195\\169._sub._ipp._tcp PTR Other\\032Printer._ipp._tcp`;
    cache.receive(response(more), from(), 0);
    const site = new Site(PARIS, OPEN);
    site.caches.add(cache);
    const { sets } = project([site], ZONE, LATER);
    const listed = (subtype: string) =>
      sets.set(Name.parse(`${subtype}._sub._ipp._tcp`, ZONE), Type.PTR)?.rdatas.length;
    assert.equal(listed("\\255a\\195\\137"), 2);
    assert.equal(listed("\\255A\\195\\169"), 1);
  });

  test("SD-20: has its type listed as long as the type has an instance", () => {
    const [site, cache] = [new Site(PARIS, OPEN), cacheOf(PRINTER)];
    site.caches.add(cache);
    cache.receive(response(service("b", "_http._tcp", "h", "10.1.0.2")), from(), 0);
    // A withheld one does not count.
    cache.receive(response("_x._tcp PTR y._x._tcp\n!y._x._tcp SRV 0 0 1 nowhere"), from(), 0);
    assert.equal(at(project([site], ZONE, LATER), "_services._dns-sd._udp.z.example.").length, 2);
    cache.receive(response("_http._tcp 0 PTR b._http._tcp"), from(), LATER);
    cache.poll(LATER + 1000);
    assert.deepEqual(at(project([site], ZONE, LATER + 1000), "_services._dns-sd._udp.z.example."), [
      "_services._dns-sd._udp.z.example. 10 IN PTR _ipp._tcp.z.example.",
    ]);
  });

  test("SD-34: that is a flagship's placeholder is published but not listed", () => {
    const projection = projectionOf(`
      _printer._tcp PTR Office\\032Printer._printer._tcp
      !Office\\032Printer._printer._tcp SRV 0 0 0 printer
      !printer A 10.1.0.10`);
    assert.deepEqual(
      at(projection, "Office\\032Printer._printer._tcp.paris.z.example.", "SRV").length,
      1,
    );
    assert.deepEqual(
      lines(projection.sets).filter((line) => line.includes(" PTR ")),
      [],
    );
    assert.equal(projection.services.size, 0);
  });

  test("SD-02: has a name of one label, whatever is in it", () => {
    for (const instance of [
      "Mr. Brown's 2.5\" Printer.",
      "Étage 2 – Küche 🖨",
      "back\\slash",
      "x".repeat(63),
    ]) {
      const label = Buffer.from(instance);
      const name = Name.join([label], local("_ipp._tcp"))!;
      const text = `_ipp._tcp PTR ${name}\n!${name} SRV 0 0 1 h\n!${name} TXT ""\n!h A 10.1.0.2`;
      const [listed] = projectionOf(text).services.values();
      assert.deepEqual(Buffer.from(listed!.labels[0]!), label);
    }
  });
});

suite("what is withheld", () => {
  const NAME = "Office\\032Printer._ipp._tcp.local.";

  test("SD-40: a service without SRV", () => {
    const text = "_ipp._tcp PTR Office\\032Printer._ipp._tcp";
    assert.deepEqual(lines(projectionOf(text).sets), []);
    assert.deepEqual(reasons(text), [`${NAME} no SRV record is known`]);
  });

  test("SD-41, PROXY-19: a service whose host has no address, or none that others can reach", () => {
    assert.deepEqual(reasons(PRINTER.replace(/!printer A.*/, "")), [
      `${NAME} no address of its host is known`,
    ]);
    for (const address of ["AAAA fe80::10", "A 169.254.3.4"]) {
      const text = PRINTER.replace("A 10.1.0.10", address);
      assert.deepEqual(lines(projectionOf(text).sets), []);
      assert.deepEqual(reasons(text), [
        `${NAME} no address of its host can be reached from elsewhere`,
      ]);
    }
  });

  test("SEC-08: addresses that are only hints", () => {
    const text = `${PRINTER}\nprinter HTTPS 1 . ipv4hint=8.8.8.8\nprinter SVCB 1 . ipv6hint=fe80::1`;
    assert.deepEqual(lines(projectionOf(text).sets), lines(projectionOf(PRINTER).sets));
  });

  test("PROXY-16, PROXY-17, SEC-08: addresses with no meaning, or another, elsewhere", () => {
    const useless = [
      "A 169.254.3.4",
      "A 127.0.0.1",
      "A 0.0.0.0",
      "A 224.0.0.251",
      "A 255.255.255.255",
    ];
    useless.push(
      "AAAA fe80::1",
      "AAAA febf::1",
      "AAAA ::",
      "AAAA ::1",
      "AAAA ::ffff:10.0.0.1",
      "AAAA ff02::fb",
      // 169.254.1.1 and 127.0.0.1, by 6to4 and by NAT64.
      "AAAA 2002:a9fe:101::1",
      "AAAA 64:ff9b::7f00:1",
    );
    const text = [
      PRINTER,
      ...useless.map((address) => `!printer ${address}`),
      "!printer AAAA fd00::10",
      "!printer AAAA 2002:c000:201::1",
      "!printer AAAA 64:ff9b::c000:201",
    ];
    assert.deepEqual(
      at(projectionOf(text.join("\n")), "printer.paris.z.example."),
      expected(`
        printer.paris.z.example. 10 IN A 10.1.0.10
        printer.paris.z.example. 10 IN AAAA 2002:c000:201::1
        printer.paris.z.example. 10 IN AAAA 64:ff9b::c000:201
        printer.paris.z.example. 10 IN AAAA fd00::10`),
    );
  });

  test("SD-36: an SRV record whose target is too long, beside one whose target is not", () => {
    const long = `${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}.${"d".repeat(60)}`;
    const text = `${PRINTER}\n!Office\\032Printer._ipp._tcp SRV 9 0 631 ${long}`;
    const owner = "Office\\032Printer._ipp._tcp.paris.z.example.";
    assert.equal(at(projectionOf(text), owner, "SRV").length, 1);
  });

  test("an SRV record that leads nowhere, beside one that leads somewhere", () => {
    const text = `${PRINTER}\n!Office\\032Printer._ipp._tcp SRV 9 0 631 nowhere`;
    assert.equal(
      at(projectionOf(text), "Office\\032Printer._ipp._tcp.paris.z.example.", "SRV").length,
      1,
    );
  });

  test("a service that announces it is not available (RFC 2782)", () => {
    const text = PRINTER.replace("631 printer", "0 .");
    assert.deepEqual(reasons(text), [`${NAME} it says that it is not available`]);
  });

  test("SD-03: instance names with control characters", () => {
    for (const control of ["\\000", "\\027[31m", "\\031", "\\127"]) {
      const text = PRINTER.replaceAll("Office\\032Printer", `Office${control}Printer`);
      assert.deepEqual(lines(projectionOf(text).sets), []);
      assert.match(reasons(text)[0]!, /control characters$/);
    }
  });

  test("SD-07: types with octets other than letters, digits, hyphens and underscores", () => {
    const text = ["_i\\.p", "_i\\000p", "_i\\032p"]
      .map((type) => service("a", `${type}._tcp`, "printer", "10.1.0.10"))
      .join("\n");
    assert.deepEqual(lines(projectionOf(text).sets), []);
  });

  test("hosts with a name of many labels, each of which would be a node of the zone", () => {
    const [most, more] = ["a.".repeat(7), "a.".repeat(8)];
    assert.deepEqual(reasons(service("Most", "_ipp._tcp", `${most}h`, "10.1.0.10")), []);
    assert.deepEqual(reasons(service("More", "_ipp._tcp", `${more}h`, "10.1.0.10")), [
      "More._ipp._tcp.local. its host's name is too long beneath the site",
    ]);
    const aliased = PRINTER.replaceAll("A 10.1.0.10", `CNAME ${more}h\n!${more}h A 10.1.0.10`);
    assert.deepEqual(lines(projectionOf(aliased).sets), []);
  });

  test("SD-36: names that are too long beneath the site, whole and never cut", () => {
    const long = `${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}.${"d".repeat(50)}`;
    const deep = ZONE.child("x".repeat(20))!;
    const site = siteOf(
      deep,
      PRINTER,
      PRINTER.replaceAll(/\bprinter\b/g, long).replaceAll("Office", "Far"),
    );
    const projection = project([site], ZONE, LATER);
    assert.deepEqual(
      projection.withheld.map(({ name, reason }) => `${name} ${reason}`),
      ["Far\\032Printer._ipp._tcp.local. its host's name is too long beneath the site"],
    );
    assert.equal(projection.services.size, 1);
    const name = `${"a".repeat(60)}._ipp._tcp`;
    const far = ["b", "c", "d"].reduce((zone, label) => zone.child(label.repeat(60))!, ZONE);
    const tooFar = siteOf(far, PRINTER.replaceAll("Office\\032Printer._ipp._tcp", name));
    assert.deepEqual(
      project([tooFar], ZONE, LATER).withheld.map(({ reason }) => reason),
      ["its name is too long beneath the site"],
    );
    // Here services have room, but the list of types has none.
    const deepest = far.child("e".repeat(38))!;
    const { sets, services } = project(
      [siteOf(deepest, service("a", "_x._tcp", "h", "10.1.0.2"))],
      ZONE,
      LATER,
    );
    assert.equal(services.size, 1);
    assert.deepEqual(
      [...sets]
        .filter(({ name }) => `${name}`.startsWith("_services"))
        .map(({ name }) => `${name}`),
      ["_services._dns-sd._udp.z.example."],
    );
  });

  test("SEC-09: records that would steer clients or servers", () => {
    const projection = projectionOf(`
      ${PRINTER}
      printer NS evil
      printer DS 1 8 2 00
      printer DNSKEY 256 3 8 AAAA
      printer DNAME evil
      printer NSEC printer A
      lb._dns-sd._udp PTR evil.example.
      b._dns-sd._udp PTR evil.example.
      _dns-push-tls._tcp SRV 0 0 1 printer
      x._dns-update._udp SRV 0 0 1 printer
      _dns-update._udp PTR x._dns-update._udp
      *._ipp._tcp SRV 0 0 1 printer
      _ipp._tcp PTR *._ipp._tcp
      *._sub._ipp._tcp PTR Office\\032Printer._ipp._tcp
      _x._tcp PTR y._x._tcp
      y._x._tcp SRV 0 0 1 lb._dns-sd._udp
      lb._dns-sd._udp A 10.1.0.66
      v._x._tcp SRV 0 0 1 *
      * A 10.1.0.66
      w._x._tcp SRV 0 0 1 _kerberos
      _kerberos A 10.1.0.66
      z._x._tcp SRV 0 0 1 local.
      local. NS evil
      local. A 10.1.0.66`);
    assert.deepEqual(lines(projection.sets), lines(projectionOf(PRINTER).sets));
  });

  test("SEC-09: SOA records, even at the name of the site", () => {
    const cache = cacheOf(PRINTER);
    const [mname, rname] = [local("a"), local("b")];
    const data = rdata.soa({
      mname,
      rname,
      serial: 1,
      refresh: 2,
      retry: 3,
      expire: 4,
      minimum: 5,
    });
    const answers = [local("printer"), local("local.")].map((name) => ({
      ...{ name, type: Type.SOA, class: Class.IN, ttl: 120, rdata: data },
    }));
    cache.receive(makeMessage({ isResponse: true, answers }), from(), 0);
    const site = new Site(PARIS, OPEN);
    site.caches.add(cache);
    assert.deepEqual(lines(project([site], ZONE, LATER).sets), lines(projectionOf(PRINTER).sets));
  });

  test("PROXY-21: NSEC records, which responders send", () => {
    const projection = projectionOf(`${PRINTER}\n!printer NSEC printer A`);
    assert.ok([...projection.sets].every(({ type }) => type !== Type.NSEC));
  });

  test("hosts without a service", () => {
    assert.deepEqual(lines(projectionOf("!laptop A 10.1.0.20").sets), []);
  });
});

suite("names", () => {
  test("PROXY-09, SD-39: outside .local are left unchanged, and listed beneath the site alone", () => {
    const projection = projectionOf(`
      _ipp._tcp PTR far._ipp._tcp.example.org.
      ${PRINTER.replace("631 printer", "631 print.example.org.")}`);
    assert.deepEqual(
      at(projection, "_ipp._tcp.paris.z.example."),
      expected(`
        _ipp._tcp.paris.z.example. 10 IN PTR far._ipp._tcp.example.org.
        _ipp._tcp.paris.z.example. 10 IN PTR Office\\032Printer._ipp._tcp.paris.z.example.`),
    );
    assert.equal(at(projection, "_ipp._tcp.z.example.").length, 1);
    assert.deepEqual(projection.withheld, [], "it is for others to say whether it is there");
    assert.match(
      at(projection, "Office\\032Printer._ipp._tcp.paris.z.example.", "SRV")[0]!,
      /print\.example\.org\.$/,
    );
  });

  test("SD-39: of services of another type are listed as they are, at the site and at the zone", () => {
    const projection = projectionOf(`${PRINTER}\n_print._tcp PTR Office\\032Printer._ipp._tcp`);
    for (const domain of ["paris.z.example.", "z.example."]) {
      assert.deepEqual(at(projection, `_print._tcp.${domain}`), [
        `_print._tcp.${domain} 10 IN PTR ${OFFICE_PRINTER}`,
      ]);
    }
  });

  test("PROXY-10: have only a last label local replaced, in any case, and once", () => {
    const text = PRINTER.replaceAll(/ printer\b|!printer\b/g, (found) =>
      found.replace("printer", "local.LOCAL."),
    );
    const projection = projectionOf(text);
    assert.deepEqual(at(projection, "local.paris.z.example."), [
      "local.paris.z.example. 10 IN A 10.1.0.10",
    ]);
    const notLocal = projectionOf(PRINTER.replace("631 printer", "631 printer.notlocal."));
    assert.match(
      at(notLocal, "Office\\032Printer._ipp._tcp.paris.z.example.", "SRV")[0]!,
      /printer\.notlocal\.$/,
    );
  });

  test("PROXY-11: have .local replaced in the data of every known type", () => {
    const projection = projectionOf(`
      ${PRINTER}
      printer MX 10 mail
      printer AFSDB 1 other
      printer RT 1 relay
      printer PX 1 svc map
      printer RP who txt
      Office\\032Printer._ipp._tcp KX 1 kx`);
    assert.deepEqual(
      lines(projection.sets).filter((line) => /\.local\./i.test(line)),
      [],
    );
    assert.equal(at(projection, "printer.paris.z.example.").length, 6);
  });

  test("PROXY-22: keep Punycode and UTF-8 as they are", () => {
    // The second and third are the same to people.
    for (const label of ["xn--Bcher-kva\\195\\188", "xn--bcher-kva", "b\\195\\188cher"]) {
      const text = PRINTER.replaceAll("Office\\032Printer", label).replaceAll(
        /\bprinter\b/g,
        label,
      );
      const projection = projectionOf(text);
      const own = `${label}.paris.z.example.`;
      assert.deepEqual(at(projection, own), [`${own} 10 IN A 10.1.0.10`]);
      const instance = `${label}._ipp._tcp.paris.z.example.`;
      assert.deepEqual([...projection.services.values()].map(String), [instance]);
      assert.ok(at(projection, instance, "SRV")[0]!.endsWith(` ${own}`), label);
    }
  });

  test("PROXY-46: of reverse zones are not published beneath a site", () => {
    const text = `${PRINTER}\n10.0.1.10.in-addr.arpa. PTR printer\n4.3.254.169.in-addr.arpa. PTR printer`;
    assert.deepEqual(lines(projectionOf(text).sets), lines(projectionOf(PRINTER).sets));
    // Nor at their own name, though a service leads to it.
    const host = "10.0.1.10.in-addr.arpa.";
    const led = `${PRINTER.replace("631 printer", `631 ${host}`)}\n${host} A 10.1.0.66`;
    assert.ok([...projectionOf(led).sets].every(({ name }) => name.isUnder(ZONE)));
    assert.match(
      at(projectionOf(led), OFFICE_PRINTER, "SRV")[0]!,
      / 10\.0\.1\.10\.in-addr\.arpa\.$/,
    );
  });

  test("of hosts have their other records, but list nothing", () => {
    const text = `${PRINTER}\n!printer HINFO "a" "b"\nprinter PTR x._ipp._tcp`;
    const types = [...projectionOf(text).sets].flatMap(({ name, type }) =>
      `${name}` === "printer.paris.z.example." ? [type] : [],
    );
    assert.deepEqual(types, [Type.A, Type.HINFO]);
  });

  test("PROXY-08, PROXY-11: of hosts may be aliases of another, and then have no other records", () => {
    const alias = PRINTER.replace("!printer A 10.1.0.10", "!printer CNAME box\n!box A 10.1.0.10");
    assert.deepEqual(at(projectionOf(alias), "printer.paris.z.example."), [
      "printer.paris.z.example. 10 IN CNAME box.paris.z.example.",
    ]);
    assert.equal(at(projectionOf(alias), "box.paris.z.example.").length, 1);
    const chain = (length: number) =>
      PRINTER.replace(
        "!printer A 10.1.0.10",
        Array.from({ length }, (_, i) => `!${i === 0 ? "printer" : `a${i}`} CNAME a${i + 1}`)
          .concat(`!a${length} A 10.1.0.10`)
          .join("\n"),
      );
    assert.equal(projectionOf(chain(4)).services.size, 1);
    assert.deepEqual(reasons(chain(5)), [
      "Office\\032Printer._ipp._tcp.local. no address of its host is known",
    ]);
    const far = PRINTER.replace("!printer A 10.1.0.10", "!printer CNAME box.example.org.");
    assert.deepEqual(at(projectionOf(far), "printer.paris.z.example."), [
      "printer.paris.z.example. 10 IN CNAME box.example.org.",
    ]);
    const both = `${alias}\n!printer A 10.1.0.11`;
    assert.deepEqual(at(projectionOf(both), "printer.paris.z.example."), [
      "printer.paris.z.example. 10 IN A 10.1.0.11",
    ]);
    const circle = PRINTER.replace(
      "!printer A 10.1.0.10",
      "!printer CNAME box\n!box CNAME printer",
    );
    assert.deepEqual(lines(projectionOf(circle).sets), []);
  });
});

suite("sites", () => {
  const lyon = PRINTER.replace("10.1.0.10", "10.2.0.10");

  test("PROXY-03, MDNS-46, SEC-11: equal names of two sites stay two services, and both are listed", () => {
    const projection = project([siteOf(PARIS, PRINTER), siteOf(LYON, lyon)], ZONE, LATER);
    assert.deepEqual(at(projection, "printer.paris.z.example."), [
      "printer.paris.z.example. 10 IN A 10.1.0.10",
    ]);
    assert.deepEqual(at(projection, "printer.lyon.z.example."), [
      "printer.lyon.z.example. 10 IN A 10.2.0.10",
    ]);
    assert.deepEqual(
      at(projection, "_ipp._tcp.z.example."),
      expected(`
        _ipp._tcp.z.example. 10 IN PTR Office\\032Printer._ipp._tcp.paris.z.example.
        _ipp._tcp.z.example. 10 IN PTR Office\\032Printer._ipp._tcp.lyon.z.example.`),
    );
    assert.equal(at(projection, "_services._dns-sd._udp.z.example.").length, 1);
  });

  test("PROXY-02: two links of one site are merged, and one has what the other lacks", () => {
    const host = "!printer AAAA fd00::10";
    const projection = project(
      [siteOf(PARIS, PRINTER.replace(/!printer A.*/, ""), `${PRINTER}\n${host}`)],
      ZONE,
      LATER,
    );
    assert.deepEqual(projection.withheld, []);
    for (const legs of [
      ["", PRINTER],
      [PRINTER, ""],
    ]) {
      const one = project([siteOf(PARIS, ...legs)], ZONE, LATER);
      assert.deepEqual(lines(one.sets), lines(projectionOf(PRINTER).sets));
    }
    const other = `${PRINTER.replace("631 printer", "631 nowhere")}`;
    for (const legs of [
      [PRINTER, other],
      [other, PRINTER],
    ]) {
      const both = project([siteOf(PARIS, ...legs)], ZONE, LATER);
      assert.equal(both.services.size, 1);
      assert.equal(at(both, "Office\\032Printer._ipp._tcp.paris.z.example.", "SRV").length, 1);
    }
    assert.equal(at(projection, "printer.paris.z.example.").length, 2);
    assert.equal(at(projection, "_ipp._tcp.paris.z.example.").length, 1);
  });
});

suite("TTLs", () => {
  const ttlOf = (text: string, now: number) => {
    const [line] = at(projectionOf(text, now), "printer.paris.z.example.", "A");
    return Number(line?.split(" ")[1]);
  };

  test("PROXY-12: are 10 s for a healthy record, until its last refresh would be late", () => {
    for (const now of [0, 50_000, 100_000, 109_000]) assert.equal(ttlOf(PRINTER, now), 10);
    // Lists live for longer than hosts, and a TXT record that is missing is made up.
    const text = PRINTER.replace(/.* TXT .*\n/, "");
    const types = [...projectionOf(text).sets].map(({ type, ttl }) => [type, ttl]);
    const all = [Type.PTR, Type.SRV, Type.TXT, Type.A];
    assert.deepEqual(
      all.filter((type) => !types.some((each) => each[0] === type)),
      [],
    );
    assert.ok(types.every(([, ttl]) => ttl === 10));
  });

  test("PROXY-13: never exceed what is left, and fall in steps that are announced", () => {
    for (let now = 109_000; now < 119_000; now += 7) {
      assert.ok(ttlOf(PRINTER, now) * 1000 <= 120_000 - now, `${now}`);
    }
    // Lists too, that of the zone included, though they lack a service that is not published.
    const brief = PRINTER.replaceAll("4500", "120");
    const partly = `${brief}\n_ipp._tcp 120 PTR nowhere._ipp._tcp`;
    for (const owner of [OFFICE_PRINTER, "_ipp._tcp.paris.z.example.", "_ipp._tcp.z.example."]) {
      const ttls = at(projectionOf(partly, 117_500), owner).map((line) => line.split(" ")[1]);
      assert.ok(ttls.length > 0 && ttls.every((ttl) => ttl === "2"), `${owner} ${ttls}`);
    }
    const seen: number[] = [];
    for (let now: number | undefined = 100_000; now !== undefined && now < 120_000; ) {
      const ttl = ttlOf(PRINTER, now);
      assert.ok(ttl * 1000 <= Math.max(120_000 - now, 1000));
      seen.push(ttl);
      now = projectionOf(brief, now).due;
    }
    assert.deepEqual(seen, [10, 5, 2, 1]);
  });

  test("PROXY-12: are 10 s again as soon as a record is heard in its last second", () => {
    const [site, cache] = [new Site(PARIS, OPEN), cacheOf(PRINTER)];
    site.caches.add(cache);
    const ttlAt = (now: number) =>
      project([site], ZONE, now).sets.get(PARIS.child("printer")!.key, Type.A)?.ttl;
    assert.equal(ttlAt(119_500), 1);
    const { revision } = cache;
    cache.receive(response(PRINTER), from(), 119_600);
    assert.notEqual(cache.revision, revision);
    assert.equal(ttlAt(119_600), 10);
  });

  test("PROXY-13: of a short-lived record are short from the start, and never change", () => {
    const short = PRINTER.replace("!printer A", "!printer 10 A");
    for (const now of [0, 5000, 8200]) assert.equal(ttlOf(short, now), 1);
  });

  test("PROXY-13: of any lifetime stay the same until the first refresh has been answered", () => {
    for (let life = 10; life <= 120; life++) {
      const [site, cache] = [new Site(PARIS, OPEN), cacheOf()];
      site.caches.add(cache);
      cache.receive(response(PRINTER.replace("!printer A", `!printer ${life} A`)), from(), 900);
      const ttlAt = (now: number) =>
        project([site], ZONE, now).sets.get(PARIS.child("printer")!.key, Type.A)?.ttl;
      const first = ttlAt(900);
      assert.equal(ttlAt(900 + 850 * life), first, `${life} s`);
    }
  });

  test("PROXY-13: of a set are equal, that of its shortest-lived record (RFC 2181 §5.2)", () => {
    const text = `${PRINTER}\n!printer 10 A 10.1.0.11`;
    assert.deepEqual(
      at(projectionOf(text), "printer.paris.z.example."),
      expected(`
        printer.paris.z.example. 1 IN A 10.1.0.10
        printer.paris.z.example. 1 IN A 10.1.0.11`),
    );
  });

  test("MDNS-38: do not change in the second after a goodbye", () => {
    const [site, cache] = [new Site(PARIS, OPEN), cacheOf(PRINTER)];
    site.caches.add(cache);
    const before = lines(project([site], ZONE, LATER).sets);
    cache.receive(
      response(PRINTER.replaceAll(/ (PTR|SRV|TXT|A) /g, " 0 $1 ").replaceAll("4500 0", "0")),
      from(),
      LATER,
    );
    assert.deepEqual(lines(project([site], ZONE, LATER + 500).sets), before);
    const another = new Site(PARIS, OPEN);
    another.caches.add(cache);
    assert.deepEqual(lines(project([another], ZONE, LATER + 500).sets), before);
    cache.poll(LATER + 1000);
    assert.deepEqual(lines(project([site], ZONE, LATER + 1000).sets), []);
  });
});
