/** The zone as clients of a discovery proxy expect it: RFC 8766 §5, §6 and §9. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { enumerationRecords } from "../../src/collector/enumeration.ts";
import { project } from "../../src/collector/projection/project.ts";
import { Site } from "../../src/collector/projection/site.ts";
import { policy } from "../../src/config/policy.ts";
import { Class, parseType, Rcode, Type } from "../../src/dns/constants.ts";
import { type Message, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { soaOf, srvOf, targetOf } from "../../src/dns/rdata.ts";
import { type Enumeration, enumerationName, enumerations } from "../../src/dns/service.ts";
import { viewed } from "../../src/dnsserver/views.ts";
import type { Transport } from "../../src/net/server/handler.ts";
import { apexEnumeration, apexRecords } from "../../src/zone/apex.ts";
import { ZoneAuthority } from "../../src/zone/lookup/authority.ts";
import { ZoneView } from "../../src/zone/lookup/zoneview.ts";
import { Zone } from "../../src/zone/zone.ts";
import { cacheOf, from, lines, OPEN, response, service, ZONE } from "../collector/fixture.ts";
import { makeServer, type Server } from "../dnsserver/fixture.ts";
import { FakeClock } from "../support/clock.ts";

const PRINTER = service("Office Printer", "_ipp._tcp", "printer", "10.1.0.10");
const NAMESERVERS = ["ns1.example.org.", "ns2.example.org."].map((text) => Name.parse(text));
/** Long enough after time 0 for nothing to be awaited any more. */
const LATER = 5000;

/** The shared zone with one site, where this was heard. */
function zoneWith(text: string, label = "paris"): Zone {
  const domain = ZONE.child(label)!;
  const site = new Site(domain, OPEN);
  site.caches.add(cacheOf(text));
  const apex = { origin: ZONE, nameservers: NAMESERVERS, serial: 1 };
  const enumerated = enumerationRecords({ zone: ZONE, browsed: "merged", sites: [domain] });
  const own = enumerated.filter(({ name }) => name.isUnder(domain));
  const records = [
    ...apexRecords({ ...apex, contact: Name.parse("dns.example.org.") }),
    ...apexEnumeration(ZONE, "merged"),
    ...own,
    ...project([site], ZONE, LATER).sets,
  ];
  return new Zone({ origin: ZONE, records, clock: new FakeClock() });
}

function questionOf(text: string): Message {
  const [owner, type] = text.split(" ") as [string, string];
  const question = { name: Name.parse(owner, ZONE), type: parseType(type)!, class: Class.IN };
  return makeMessage({ id: 1, questions: [question] });
}

/** The immediate answer: a server that has to wait has none here. */
function ask(server: Server, text: string, transport?: Transport): Message {
  return server.ask(questionOf(text), transport);
}

function assertDenied(answer: Message, rcode: Rcode = Rcode.NOERROR, what?: string): void {
  assert.equal(answer.rcode, rcode, what);
  assert.ok(answer.isAuthoritative, what);
  assert.deepEqual(answer.answers, [], what);
  assert.deepEqual(
    answer.authorities.map(({ name, type }) => [name.key, type]),
    [[ZONE.key, Type.SOA]],
    what,
  );
}

suite("a site's domain", () => {
  const server = makeServer(zoneWith(PRINTER));

  test("PROXY-01: is answered authoritatively, whatever is asked", () => {
    for (const text of [
      "paris PTR",
      "_ipp._tcp.paris PTR",
      "Office\\032Printer._ipp._tcp.paris SRV",
      "printer.paris A",
      "printer.paris AAAA",
      "nobody.paris A",
    ]) {
      const answer = ask(server, text);
      assert.ok(answer.isAuthoritative, text);
      assert.ok(!answer.recursionAvailable, text);
    }
  });

  test("PROXY-05, PROXY-06: may be rich text, for services and for hosts", () => {
    const rich = makeServer(zoneWith(PRINTER, "Building 1, 2. Étage"));
    const [site] = ask(rich, "lb._dns-sd._udp PTR").answers;
    assert.equal(targetOf(site!.rdata)?.key, ZONE.key);
    const [listed] = ask(rich, "_ipp._tcp PTR").answers;
    const instance = targetOf(listed!.rdata)!;
    const domain = ZONE.child("Building 1, 2. Étage")!;
    assert.ok(instance.isUnder(domain));
    const query = (name: Name, type: number) =>
      rich.ask(makeMessage({ questions: [{ name, type, class: Class.IN }] })).answers[0]!;
    const { target } = srvOf(query(instance, Type.SRV).rdata);
    assert.ok(target.equals(domain.child("printer")!));
    assert.equal(query(target, Type.A).type, Type.A);
  });

  test("PROXY-53: is answered alike by UDP and by TCP", () => {
    for (const text of ["_ipp._tcp.paris PTR", "nobody.paris A"]) {
      assert.deepEqual(ask(server, text, "tcp"), ask(server, text, "udp"));
    }
  });

  test("PROXY-54: is browsed whole by TCP, and truncated by UDP", () => {
    const many = Array.from({ length: 800 }, (_, i) =>
      service(`Printer ${i}`, "_ipp._tcp", `p${i}`, `10.1.${i >> 8}.${i & 255}`),
    );
    const crowded = makeServer(zoneWith(many.join("\n")));
    const whole = ask(crowded, "_ipp._tcp.paris PTR", "tcp");
    assert.ok(!whole.isTruncated);
    assert.equal(whole.answers.length, 800);
    const part = ask(crowded, "_ipp._tcp.paris PTR", "udp");
    assert.ok(part.isTruncated);
    assert.ok(part.answers.length < 800);
  });

  test("PROXY-49: combines what is heard by IPv4 and by IPv6", () => {
    const cache = cacheOf(PRINTER);
    const six = service("Scanner", "_scanner._tcp", "scanner", "10.1.0.11");
    cache.receive(response(six.replace("A 10.1.0.11", "AAAA fd00::11")), from("fe80::11", 6), 0);
    cache.receive(response("!printer AAAA fd00::10"), from("fe80::10", 6), 0);
    const site = new Site(ZONE.child("paris")!, OPEN);
    site.caches.add(cache);
    const { sets } = project([site], ZONE, LATER);
    const addresses = lines(sets).filter((line) => / A(AAA)? /.test(line));
    assert.deepEqual(addresses, [
      "printer.paris.z.example. 10 IN A 10.1.0.10",
      "printer.paris.z.example. 10 IN AAAA fd00::10",
      "scanner.paris.z.example. 10 IN AAAA fd00::11",
    ]);
  });
});

suite("applications' own data", () => {
  test("PROXY-23: stays octet for octet, unless a rule for its type rewrites or drops a key", () => {
    const other = '"note=http://printer.local/y"';
    const said = `"adminurl=http://printer.local/x" ${other} "UUID=1"`;
    const text = PRINTER.replace('"txtvers=1"', said);
    const textWith = (fields: object) => {
      const site = new Site(ZONE.child("paris")!, policy.parse(fields));
      site.caches.add(cacheOf(text));
      return lines(project([site], ZONE, LATER).sets)
        .filter((line) => line.includes(" TXT "))
        .map((line) => line.replace(/.* TXT /, ""));
    };
    const edits = { rewrite: ["adminurl"], drop: ["UUID"] };
    assert.deepEqual(textWith({}), [said]);
    assert.deepEqual(textWith({ text: [{ type: "_http._tcp", ...edits }] }), [said]);
    assert.deepEqual(textWith({ text: [{ type: "_ipp._tcp", ...edits }] }), [
      `"adminurl=http://printer.paris.z.example/x" ${other}`,
    ]);
  });
});

suite("a negative answer", () => {
  const server = makeServer(zoneWith(PRINTER));

  test("PROXY-14: lives for ten seconds", () => {
    for (const text of ["printer.paris AAAA", "nobody.paris A"]) {
      const [soa] = ask(server, text).authorities;
      assert.equal(soa!.ttl, 10);
      assert.equal(soaOf(soa!.rdata).minimum, 10);
    }
  });

  test("PROXY-27: is given at once, with the SOA record", () => {
    assertDenied(ask(server, "printer.paris AAAA"));
    assertDenied(ask(server, "nobody.paris A"), Rcode.NXDOMAIN);
    assertDenied(ask(server, "_new._tcp.paris PTR"));
  });
});

suite("administrative names", () => {
  const server = makeServer(zoneWith(PRINTER));

  test("PROXY-31, PROXY-33: the SOA record has a server, a mailbox and the RFC's numbers", () => {
    const [soa] = ask(server, "@ SOA").answers;
    const { mname, rname, refresh, retry, expire, minimum } = soaOf(soa!.rdata);
    assert.equal(`${mname} ${rname}`, "ns1.example.org. dns.example.org.");
    assert.deepEqual([refresh, retry, expire, minimum], [7200, 3600, 86400, 10]);
  });

  test("PROXY-35, PROXY-38: SOA and NS are answered at once, NS with every server", () => {
    assert.equal(ask(server, "@ SOA").answers.length, 1);
    const names = ask(server, "@ NS").answers.map(({ rdata }) => `${targetOf(rdata)}`);
    assert.deepEqual(names, ["ns1.example.org.", "ns2.example.org."]);
  });

  test("PROXY-39: SOA, NS and DS below the apex are denied at once", () => {
    for (const type of ["SOA", "NS", "DS"]) {
      for (const owner of ["paris", "printer.paris", "_ipp._tcp.paris", "_tcp.paris"]) {
        assertDenied(ask(server, `${owner} ${type}`), Rcode.NOERROR, `${owner} ${type}`);
      }
      assertDenied(ask(server, `a.b.paris ${type}`), Rcode.NXDOMAIN, type);
    }
  });

  for (const [rule, what, owners] of [
    ["PROXY-40", "long-lived queries", ["_dns-llq._udp", "_dns-llq._tcp", "_dns-llq-tls._tcp"]],
    ["PROXY-41", "push", ["_dns-push-tls._tcp"]],
    ["PROXY-42", "updates", ["_dns-update._udp", "_dns-update._tcp", "_dns-update-tls._tcp"]],
  ] as const) {
    test(`${rule}: a server of ${what} is denied at once, whatever a device announces`, () => {
      const said = owners.map((owner) => `${owner} SRV 0 0 1 printer`).join("\n");
      const crossed = makeServer(zoneWith(`${PRINTER}\n${said}`));
      for (const owner of owners) {
        for (const domain of ["", ".paris"]) assertDenied(ask(crossed, `${owner}${domain} SRV`));
      }
    });
  }

  test("PROXY-43: browsing domains are answered at once, whatever a device announces", () => {
    const said = (Object.keys(enumerations) as Enumeration[])
      .map((kind) => `${kind}._dns-sd._udp PTR evil.example.`)
      .join("\n");
    const crossed = makeServer(zoneWith(`${PRINTER}\n${said}`));
    for (const domain of [ZONE, ZONE.child("paris")!]) {
      for (const kind of ["b", "db", "lb"] as const) {
        const { answers } = ask(crossed, `${enumerationName(kind, domain)} PTR`);
        assert.deepEqual(
          answers.map(({ rdata }) => `${targetOf(rdata)}`),
          [`${domain}`],
        );
      }
      for (const kind of ["r", "dr"] as const) {
        assertDenied(ask(crossed, `${enumerationName(kind, domain)} PTR`));
      }
    }
  });
});

suite("visibility", () => {
  test("PROXY-18: private addresses are hidden from clients elsewhere", () => {
    const zone = zoneWith(
      PRINTER.replace("A 10.1.0.10", "A 10.1.0.10\n!printer AAAA 2001:db8::10"),
    );
    const isAddressShown = (address: string) => !address.startsWith("10.");
    const authority = new ZoneAuthority(new ZoneView(zone, { zone: ZONE, isAddressShown }));
    const answer = (type: number) =>
      authority.answer({ name: Name.parse("printer.paris", ZONE), type, class: Class.IN });
    assert.equal(answer(Type.AAAA).answers.length, 1);
    assert.deepEqual([answer(Type.A).rcode, answer(Type.A).answers], [Rcode.NOERROR, []]);
  });

  test("PROXY-52: a client without a view is REFUSED, with no records", () => {
    const { handler } = makeServer(zoneWith(PRINTER));
    const scoped = viewed(({ source }) => (source.address.startsWith("10.") ? handler : undefined));
    const rcodeFor = (address: string) => {
      const [message] = scoped({
        message: questionOf("_ipp._tcp.paris PTR"),
        ...{ bytes: new Uint8Array(), transport: "udp", source: { address, port: 1 } },
        signal: new AbortController().signal,
      }) as Message[];
      return [message!.rcode, message!.answers.length];
    };
    assert.deepEqual(rcodeFor("10.1.0.1"), [Rcode.NOERROR, 1]);
    assert.deepEqual(rcodeFor("198.51.100.1"), [Rcode.REFUSED, 0]);
  });
});
