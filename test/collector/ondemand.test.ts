/** What a link is asked while a client waits: RFC 8766 §5.6, §6.3 to §6.5, §9.3. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { policy } from "../../src/config/policy.ts";
import { Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import type { Question } from "../../src/dns/message.ts";
import { makeMessage } from "../../src/dns/message.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { Catalog } from "../../src/dnsserver/catalog.ts";
import { queryHandler } from "../../src/dnsserver/query.ts";
import { asksOnDemand } from "../../src/gateway/ondemand.ts";
import { makeEdge } from "../../src/net/server/edge.ts";
import { ZoneAuthority } from "../../src/zone/lookup/authority.ts";
import { operatorPrincipal } from "../../src/zone/update/principal.ts";
import { silentLog } from "../support/log.ts";
import { type Asked, AskedOffice, questionOf } from "./asked.ts";
import { Device } from "./device.ts";
import { lines, records, service, setsOf, ZONE } from "./fixture.ts";

const PRINTER = service("Office Printer", "_ipp._tcp", "printer", "10.1.0.10");
const PATIENCE = 2500;

const NOTHING = { rcode: Rcode.NOERROR, lines: [], soa: 1 };

suite("on demand", () => {
  test("PROXY-24: a host without services is found, as soon as it answers", async () => {
    const asked = new AskedOffice();
    asked.device("10.1.0.20", "!laptop A 10.1.0.20\n!laptop AAAA fe80::20", 1200);
    await asked.office.clock.elapse(20_000);
    const { after, ...answer } = await asked.ask("laptop A");
    assert.deepEqual(answer, {
      rcode: Rcode.NOERROR,
      lines: ["laptop.site1.z.example. 10 IN A 10.1.0.20"],
      soa: 0,
    });
    assert.ok(after >= 1200 && after < 1450, `${after} ms`);
    // What is not meant for other networks is not told on demand either.
    const linkLocal = await asked.ask("laptop AAAA");
    assert.deepEqual({ ...linkLocal, after: 0 }, { ...NOTHING, after: 0 });
    assert.ok(linkLocal.after < 1450);
    await asked.end();
  });

  test("MDNS-52, PROXY-24: a denial is an answer too", async () => {
    const asked = new AskedOffice();
    const device = asked.device("10.1.0.20 fe80::20", "!laptop A 10.1.0.20");
    device.host.react(({ isResponse, questions }) => {
      if (isResponse || !questions.some(({ type }) => type === Type.HINFO)) return;
      const denier = new Device(asked.office.lans[0]!, "10.1.0.21", "!laptop NSEC laptop A");
      denier.announce();
    });
    await asked.office.clock.elapse(20_000);
    const { after, ...answer } = await asked.ask("laptop HINFO");
    assert.deepEqual(answer, NOTHING);
    assert.ok(after < 300, `${after} ms`);
    await asked.end();
  });

  test("PROXY-24: a denial over one address family does not count for the other", async () => {
    const asked = new AskedOffice();
    asked.device("10.1.0.20", "!desk NSEC desk A").announce();
    asked.device("fe80::21", "!desk AAAA fd00::21", 1200);
    await asked.office.clock.elapse(20_000);
    assert.equal((await asked.ask("desk AAAA")).lines.length, 1);
    await asked.end();
  });

  test("PROXY-24: what one link of a site denies, another may have", async () => {
    const asked = new AskedOffice({ lans: 2, siteOf: () => "site1" });
    asked.device("10.1.0.20 fe80::20", "!desk NSEC desk HINFO").announce();
    new Device(asked.office.lans[1]!, "10.2.0.21", "!desk A 10.2.0.21", { delay: 1200 });
    await asked.office.clock.elapse(20_000);
    assert.equal((await asked.ask("desk A")).lines.length, 1);
    await asked.end();
  });

  test("PROXY-24: what one link of a site has but may not tell, another may have", async () => {
    const asked = new AskedOffice({ lans: 2, siteOf: () => "site1" });
    asked.device("10.1.0.20", "!desk A 169.254.0.20").announce();
    new Device(asked.office.lans[1]!, "10.2.0.20", "!desk A 10.2.0.20");
    await asked.office.clock.elapse(20_000);
    assert.deepEqual((await asked.ask("desk A")).lines, [
      "desk.site1.z.example. 10 IN A 10.2.0.20",
    ]);
    await asked.end();
  });

  test("PROXY-25: an absent host is NODATA after a wait that dig tolerates", async () => {
    const asked = new AskedOffice();
    await asked.office.clock.elapse(20_000);
    const questions = asked.listen();
    const { after, ...answer } = await asked.ask("nobody A");
    assert.deepEqual(answer, NOTHING);
    assert.ok(after >= PATIENCE && after < PATIENCE + 10, `${after} ms`);
    await asked.office.clock.elapse(60_000);
    const [first, second, ...more] = questions("nobody", Type.A);
    assert.ok(second! - first! >= 1000);
    assert.deepEqual(more, [], "nobody asks any more");
    await asked.end();
  });

  test("PROXY-25: a question one client still waits for is repeated, though another has gone", async () => {
    const asked = new AskedOffice();
    await asked.office.clock.elapse(20_000);
    const questions = asked.listen();
    const client = new AbortController();
    const [gone, stays] = [asked.start("nobody A", "gone", client.signal), asked.start("nobody A")];
    await asked.office.clock.elapse(500);
    client.abort();
    assert.deepEqual(seenOf(await gone), NOTHING);
    await asked.office.clock.elapse(PATIENCE);
    assert.equal((await stays).after, PATIENCE);
    assert.equal(questions("nobody", Type.A).length, 2);
    await asked.end();
  });

  test("PROXY-26: what was heard before is answered at once, without a question", async () => {
    const asked = new AskedOffice();
    asked.device("10.1.0.20", "!laptop A 10.1.0.20").announce();
    await asked.office.clock.elapse(20_000);
    const questions = asked.listen();
    const { after, ...answer } = await asked.ask("laptop A");
    assert.deepEqual(answer.lines, ["laptop.site1.z.example. 10 IN A 10.1.0.20"]);
    assert.ok(after <= 5);
    await asked.office.clock.elapse(5000);
    assert.deepEqual(questions("laptop", Type.A), []);
    await asked.end();
  });

  test("PROXY-26: what was heard and waits for something else is not asked for again", async () => {
    const asked = new AskedOffice();
    const device = asked.device("10.1.0.11", "_quiet._tcp 4500 PTR quiet._quiet._tcp");
    device.announce();
    await asked.office.clock.elapse(200_000);
    const questions = asked.listen();
    assert.deepEqual(seenOf(await asked.ask("_quiet._tcp PTR")), NOTHING);
    assert.deepEqual(questions("_quiet._tcp", Type.PTR), []);
    assert.deepEqual(seenOf(await asked.ask("quiet._quiet._tcp TXT")), NOTHING);
    assert.equal(questions("quiet._quiet._tcp", Type.SRV).length, 2);
    await asked.end();
  });

  test("a subtype or type that nobody queried is in the zone from then on", async () => {
    const asked = new AskedOffice();
    const printer = `${PRINTER}\n_color._sub._ipp._tcp PTR Office\\032Printer._ipp._tcp`;
    asked.device("10.1.0.10", `_services._dns-sd._udp PTR _ipp._tcp\n${printer}`);
    asked.device("10.1.0.11", service("quiet", "_quiet._tcp", "q", "10.1.0.11"));
    await asked.office.clock.elapse(20_000);
    for (const [owner, instance] of [
      ["_color._sub._ipp._tcp", "Office\\032Printer._ipp._tcp"],
      ["_quiet._tcp", "quiet._quiet._tcp"],
    ]) {
      assert.deepEqual(asked.office.browse(owner!), []);
      const { after, ...answer } = await asked.ask(`${owner} PTR`);
      assert.deepEqual(answer.lines, [
        `${owner}.site1.z.example. 10 IN PTR ${instance}.site1.z.example.`,
      ]);
      assert.ok(after < 1000, `${after} ms`);
      assert.deepEqual(asked.office.browse(owner!), [`${instance}.site1.z.example.`]);
      assert.ok(!asked.onDemand.covers(questionOf(`${owner} PTR`)));
    }
    await asked.end();
  });

  test("what is asked for just as it is heard is answered as soon as the zone has it", async () => {
    const asked = new AskedOffice();
    const printer = asked.device("10.1.0.10", PRINTER);
    printer.announce();
    await asked.office.clock.elapse(20_000);
    const list = "_color._sub._ipp._tcp";
    printer.records = [
      ...printer.records,
      ...records(`${list} PTR Office\\032Printer._ipp._tcp`),
      ...records(service("quiet", "_quiet._tcp", "q", "10.1.0.11")),
    ];
    printer.announce();
    await asked.office.clock.elapse(1);
    const questions = [`${list} PTR`, "_quiet._tcp PTR", "quiet._quiet._tcp SRV"];
    await areTold(asked, questions);
    await asked.end();
  });

  test("a withheld service is answered as soon as it may be, however long ago it was heard", async () => {
    const asked = new AskedOffice();
    const device = asked.device("10.1.0.11", service("quiet", "_quiet._tcp", "q", "169.254.0.11"));
    device.announce();
    await asked.office.clock.elapse(20_000);
    const questions = ["_quiet._tcp PTR", "quiet._quiet._tcp SRV", "quiet._quiet._tcp TXT"];
    for (const question of questions) {
      const { after, ...answer } = await asked.ask(question);
      assert.deepEqual(answer, NOTHING);
      assert.ok(after <= 5);
    }
    device.records = records(service("quiet", "_quiet._tcp", "q", "10.1.0.11"));
    device.announce();
    await asked.office.clock.elapse(1);
    await areTold(asked, questions);
    await asked.end();
  });

  test("a withheld list that was heard just now waits for more", async () => {
    const asked = new AskedOffice();
    const announce = (name: string, address: string) =>
      asked.device("10.1.0.11", service(name, "_quiet._tcp", name, address)).announce();
    announce("far", "169.254.0.11");
    await asked.office.clock.elapse(1000);
    const answer = asked.start("_quiet._tcp PTR");
    await asked.office.clock.elapse(500);
    announce("near", "10.1.0.12");
    await asked.office.until(() => asked.onDemand.waiting === 0, 10_000);
    assert.equal((await answer).lines.length, 1);
    await asked.end();
  });

  test("a missing record of a service is waited for", async () => {
    const asked = new AskedOffice();
    const [list, srv, txt, address] = service("quiet", "_quiet._tcp", "q", "10.1.0.11")
      .trim()
      .split("\n");
    const device = asked.device("10.1.0.11", `${list}\n${srv}\n${txt}`);
    device.announce();
    await asked.office.clock.elapse(6000);
    const answers = ["_quiet._tcp PTR", "quiet._quiet._tcp SRV"].map((each) => asked.start(each));
    await asked.office.clock.elapse(1000);
    device.records = records(address!);
    device.announce();
    await asked.office.until(() => asked.onDemand.waiting === 0, 10_000);
    for (const { lines } of await Promise.all(answers)) assert.equal(lines.length, 1);
    await asked.end();
  });

  test("a service is found by each of its records", async () => {
    for (const question of ["quiet._quiet._tcp SRV", "quiet._quiet._tcp TXT"]) {
      const asked = new AskedOffice();
      asked.device("10.1.0.11", service("quiet", "_quiet._tcp", "q", "10.1.0.11"));
      await asked.office.clock.elapse(20_000);
      const { after, lines } = await asked.ask(question);
      assert.equal(lines.length, 1, question);
      assert.ok(after < 1000, `${after} ms`);
      await asked.end();
    }
  });

  test("a list that is queried now and then anyway is queried at once on demand", async () => {
    const asked = new AskedOffice({ subtypes: { "_ipp._tcp": ["_color"] } });
    const color = "_color._sub._ipp._tcp";
    await asked.office.clock.elapse(600_000);
    const questions = asked.listen();
    await asked.office.until(() => questions(color, Type.PTR).length > 0, 3_600_000);
    asked.device("10.1.0.10", `${PRINTER}\n${color} PTR Office\\032Printer._ipp._tcp`);
    const { after, lines } = await asked.ask(`${color} PTR`);
    assert.equal(lines.length, 1);
    assert.ok(after < 1500, `${after} ms`);
    await asked.end();
  });

  test("an alias is followed, and an unusual type of a host is asked for", async () => {
    const asked = new AskedOffice();
    asked.device("10.1.0.20", "!www CNAME box\n!box A 10.1.0.20").announce();
    const printer = asked.device("10.1.0.10", PRINTER);
    printer.announce();
    printer.records = [...printer.records, ...records('!printer HINFO "box" "none"')];
    await asked.office.clock.elapse(20_000);
    const alias = await asked.ask("www A");
    assert.deepEqual(alias.lines, [
      "box.site1.z.example. 10 IN A 10.1.0.20",
      "www.site1.z.example. 10 IN CNAME box.site1.z.example.",
    ]);
    const { lines: hinfo, after } = await asked.ask("printer HINFO");
    assert.deepEqual(hinfo, ['printer.site1.z.example. 10 IN HINFO "box" "none"']);
    assert.ok(after < 300, `${after} ms`);
    await asked.office.clock.elapse(1000);
    assert.ok(!asked.onDemand.covers(questionOf("printer HINFO")), "the zone has it from then on");
    await asked.end();
  });

  test("PROXY-39, 40, 42, 43: administrative names are never asked for, nor what is harvested", async () => {
    const asked = new AskedOffice();
    asked.device("10.1.0.10", PRINTER).announce();
    await asked.office.clock.elapse(20_000);
    const never = [
      ...["@ A", "@ SOA", "laptop SOA", "laptop NS", "laptop DS", "laptop DNSKEY", "laptop ANY"],
      ...[
        "laptop NSEC",
        "laptop HTTPS",
        "printer HTTPS",
        "laptop SSHFP",
        "laptop RRSIG",
        "laptop AXFR",
        "laptop OPT",
        "_tcp PTR",
        "_udp PTR",
      ],
      ...["b._dns-sd._udp PTR", "lb._dns-sd._udp PTR", "_services._dns-sd._udp PTR"],
      ...["_dns-llq._udp SRV", "_dns-push-tls._tcp SRV", "_dns-update._udp SRV"],
      ...["_sub._ipp._tcp PTR", "* A", "*._ipp._tcp SRV", "_a.laptop A", "wpad A"],
      ...["k1._domainkey TXT", "_dmarc TXT", "_acme-challenge.laptop TXT", "_443._tcp.laptop TLSA"],
      ...["_new._tcp.lab PTR", "x._new._tcp.lab SRV"],
    ];
    for (const text of never) {
      if (!asked.onDemand.covers(questionOf(text))) continue;
      assert.deepEqual(await asked.start(text), { ...NOTHING, after: 0 }, text);
    }
    const elsewhere = [
      ...["_ipp._tcp PTR", "printer A", "printer AAAA", "Office\\032Printer._ipp._tcp TXT"],
      ...["laptop.site2.z.example. A", "_ipp._tcp.z.example. PTR", "laptop.example. A"],
    ];
    for (const text of elsewhere) assert.ok(!asked.onDemand.covers(questionOf(text)), text);
    for (const text of [
      "laptop A",
      "laptop HINFO",
      "printer HINFO",
      "_new._tcp PTR",
      "x._new._tcp SRV",
    ]) {
      assert.ok(asked.onDemand.covers(questionOf(text)), text);
    }
    await asked.end();
  });

  test("PROXY-39: names delegated to others are not asked for", async () => {
    const asked = new AskedOffice();
    const { zone } = asked.office;
    const [set] = setsOf("lab.site1 NS ns.example.");
    const update = { zone: ZONE, prerequisites: [], updates: recordsOf(set!) };
    assert.equal(await zone.apply(update, operatorPrincipal("operator")), Rcode.NOERROR);
    assert.ok(!asked.onDemand.covers(questionOf("pc.lab A")));
    assert.ok(asked.onDemand.covers(questionOf("pc.other A")));
    await asked.end();
  });

  test("PROXY-26: a withheld service is denied at once", async () => {
    const asked = new AskedOffice();
    asked.device("10.1.0.10", PRINTER.replace("A 10.1.0.10", "AAAA fe80::10")).announce();
    await asked.office.clock.elapse(20_000);
    const { after, ...answer } = await asked.ask("Office\\032Printer._ipp._tcp SRV");
    assert.deepEqual(answer, NOTHING);
    assert.ok(after <= 5);
    await asked.end();
  });

  test("PROXY-51: a flood of questions takes nothing from a client that asks for one thing", async () => {
    const asked = new AskedOffice();
    asked.device("10.1.0.20", "!laptop A 10.1.0.20");
    asked.device("10.1.0.21", "!desk A 10.1.0.21", 1500);
    await asked.office.clock.elapse(20_000);
    const early = asked.start("desk A", "early");
    const host = asked.office.lans[0]!.host("ear", "10.1.0.99").record();
    const start = asked.office.clock.passed;
    let answered = 0;
    for (let i = 0; i < 5000; i++) {
      void asked.start(`nobody${i}${"x".repeat(50)} A`, "flood").then(() => answered++);
    }
    assert.equal(asked.onDemand.waiting, 200);
    const one = asked.start("laptop A", "one");
    assert.equal(asked.onDemand.waiting, 200);
    await asked.office.clock.elapse(PATIENCE);
    const { after, lines } = await one;
    assert.equal(lines.length, 1);
    assert.ok(after < 500, `${after} ms`);
    assert.equal((await early).lines.length, 1);
    assert.equal(answered, 5000);
    assert.equal(asked.onDemand.waiting, 0);
    const sent = host.heard.filter((each) => each.source === "10.1.0.251").map(({ at }) => at);
    for (const at of sent) {
      assert.ok(sent.filter((other) => other >= at && other < at + 1000).length <= 20);
    }
    assert.ok(sent.length > 1 && sent.every((at) => at >= start));
    await asked.end();
  });

  test("PROXY-51: a flood of watches has no more asked, and takes nothing from others", async () => {
    const asked = new AskedOffice();
    await asked.office.clock.elapse(20_000);
    const host = asked.office.lans[0]!.host("ear", "10.1.0.99").record();
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 5000; i++) {
        asked.onDemand.watch(questionOf(`nobody${round}-${i} A`), "flood");
      }
      asked.onDemand.watch(questionOf(`laptop${round} A`), "one");
      await asked.office.clock.elapse(PATIENCE);
    }
    const names = new Set(
      host.heard.flatMap(({ message }) => message.questions.map(({ name }) => `${name}`)),
    );
    for (const round of [0, 1]) {
      assert.ok(names.has(`laptop${round}.local.`));
      const ofFlood = [...names].filter((name) => name.startsWith(`nobody${round}-`));
      assert.equal(ofFlood.length, 200);
    }
    await asked.end();
  });

  for (const [clients, first, who] of [
    [200, 200, "nobody has more than others, who comes last makes room for them"],
    [100, 0, "each has two, one of them makes room for who has none"],
  ] as const) {
    test(`PROXY-51: where ${who}`, async () => {
      const asked = new AskedOffice();
      await asked.office.clock.elapse(20_000);
      const isAnswered = Array.from({ length: 201 }, () => false);
      for (const i of isAnswered.keys()) {
        const client = i < 200 ? `client ${i % clients}` : "another";
        void asked.start("nobody A", client).then(() => {
          isAnswered[i] = true;
        });
      }
      await asked.office.clock.elapse(1000);
      assert.deepEqual(isAnswered.indexOf(true), first);
      assert.equal(asked.onDemand.waiting, 200);
      await asked.end();
    });
  }

  test("a policy that hides every service of a host hides the host", async () => {
    const rules = [{ deny: "all", host: "secret*" }, { deny: "printers" }];
    const asked = new AskedOffice({ policy: policy.parse({ rules }) });
    asked.device("10.1.0.20", "!secret-7 A 10.1.0.20").announce();
    asked.device("10.1.0.21", "!laptop A 10.1.0.21").announce();
    await asked.office.clock.elapse(20_000);
    assert.deepEqual(seenOf(await asked.ask("secret-7 A")), NOTHING);
    assert.equal((await asked.ask("laptop A")).lines.length, 1);
    await asked.end();
  });

  test("a policy that allows one host and hides all services of others hides only the others", async () => {
    const rules = [{ allow: "all", host: "open*" }, { deny: "all" }];
    const asked = new AskedOffice({ policy: policy.parse({ rules }) });
    asked.device("10.1.0.20", "!open-7 A 10.1.0.20\n!laptop A 10.1.0.21").announce();
    await asked.office.clock.elapse(20_000);
    assert.equal((await asked.ask("open-7 A")).lines.length, 1);
    assert.deepEqual(seenOf(await asked.ask("laptop A")), NOTHING);
    await asked.end();
  });

  test("what a policy hides, or what is unreachable, is not told through another name", async () => {
    const rules = [
      { deny: "all", host: "secret*" },
      { deny: "all", address: "10.1.7.0/24" },
    ];
    const asked = new AskedOffice({ policy: policy.parse({ rules }) });
    const hidden = {
      "secret-7": "!secret-7 A 10.1.0.20",
      "a denied address": "!box A 10.1.7.20",
      "a foreign address": "!far A 8.8.8.8",
      "a link-local address": "!near AAAA fe80::20",
      "a name that steers": "!wpad A 10.1.0.21",
    };
    const hosts = ["secret-7", "box", "far", "near", "wpad"];
    asked.device("10.1.0.20", Object.values(hidden).join("\n")).announce();
    const aliases = hosts.map((host) => `!to-${host} CNAME ${host}\n!via-${host} CNAME to-${host}`);
    const services = hosts.map(
      (host) => `!s._${host}._tcp SRV 0 0 1 via-${host}\n!s._${host}._tcp TXT ""`,
    );
    asked.device("10.1.0.30", [...aliases, ...services].join("\n")).announce();
    asked.device("10.1.0.31", "!laptop A 10.1.0.31\n!open CNAME laptop").announce();
    await asked.office.clock.elapse(20_000);
    for (const host of hosts) {
      for (const owner of [`to-${host}`, `via-${host}`]) {
        for (const type of ["A", "AAAA", "CNAME", "HINFO"]) {
          assert.deepEqual(
            seenOf(await asked.ask(`${owner} ${type}`)),
            NOTHING,
            `${owner} ${type}`,
          );
        }
      }
      assert.deepEqual(seenOf(await asked.ask(`s._${host}._tcp SRV`)), NOTHING, host);
    }
    assert.equal((await asked.ask("open A")).lines.length, 2);
    const sets = [...asked.office.zone.current].filter(({ type }) => type !== Type.SOA);
    assert.deepEqual(
      lines(sets).filter((line) => !/ NS /.test(line)),
      [],
    );
    await asked.end();
  });

  test("a host that a policy may hide by address is not told before its address is known", async () => {
    const rules = [{ deny: "all", address: "10.1.7.0/24" }];
    const asked = new AskedOffice({ policy: policy.parse({ rules, networks: ["fd00::/8"] }) });
    const host = (name: string, address: string) =>
      `!${name} A ${address}\n!${name} AAAA fd00::20\n!${name} HINFO c o`;
    asked.device("10.1.0.20", `${host("desk", "10.1.7.20")}\n${host("box", "10.1.7.21")}`);
    asked.device("10.1.0.30", `${host("pc", "10.1.0.30")}\n!old HINFO c o`);
    await asked.office.clock.elapse(20_000);
    asked.device("fe80::40", "!nas AAAA fe80::40\n!nas HINFO c o");
    asked.device("10.1.0.40", "!nas A 10.1.7.40", 500);
    for (const question of ["desk HINFO", "box AAAA", "desk AAAA", "old HINFO", "nas HINFO"]) {
      assert.deepEqual(seenOf(await asked.ask(question)), NOTHING, question);
    }
    asked.device("10.1.0.50", "!pad HINFO c o").announce();
    asked.device("10.1.0.50", "!pad A 10.1.0.50", 500);
    await asked.office.clock.elapse(1000);
    assert.equal((await asked.ask("pad HINFO")).lines.length, 1);
    const { lines, after } = await asked.ask("pc HINFO");
    assert.deepEqual(lines, ['pc.site1.z.example. 10 IN HINFO "c" "o"']);
    assert.ok(after < 300, `${after} ms`);
    await asked.end();
  });

  test("a service that a policy hides is not told through an alias", async () => {
    const asked = new AskedOffice({ policy: policy.parse({ rules: [{ deny: "chat" }] }) });
    const hidden = service("x", "_presence._tcp", "h", "10.1.0.20");
    asked.device("10.1.0.20", `${hidden}\n!user CNAME x._presence._tcp`).announce();
    await asked.office.clock.elapse(20_000);
    for (const type of ["TXT", "SRV", "CNAME"]) {
      assert.deepEqual(seenOf(await asked.ask(`user ${type}`)), NOTHING, type);
    }
    await asked.end();
  });

  test("an alias is told before its target is known", async () => {
    const asked = new AskedOffice({ policy: policy.parse({}) });
    asked.device("10.1.0.20", "!www CNAME box").announce();
    asked.device("10.1.0.21", "!box A 10.1.0.21", 500);
    await asked.office.clock.elapse(20_000);
    const alone = ["www.site1.z.example. 10 IN CNAME box.site1.z.example."];
    assert.deepEqual(seenOf(await asked.ask("www A")), { ...NOTHING, lines: alone });
    assert.equal((await asked.ask("box A")).lines.length, 1);
    assert.equal((await asked.ask("www A")).lines.length, 2);
    await asked.end();
  });

  test("a device cannot contradict what the zone says of a name", async () => {
    const asked = new AskedOffice();
    const { zone, clock } = asked.office;
    const updates = [...setsOf("www.site1 A 192.0.2.1\nbox.site1 A 192.0.2.2")].flatMap(recordsOf);
    const update = { zone: ZONE, prerequisites: [], updates };
    assert.equal(await zone.apply(update, operatorPrincipal("operator")), Rcode.NOERROR);
    const own =
      "!www CNAME far\n!far A 10.1.0.20\n!box A 10.1.0.20\n!box HINFO c o\n!to-box CNAME box";
    asked.device("10.1.0.20", own).announce();
    await clock.elapse(20_000);
    assert.deepEqual(seenOf(await asked.ask("www HINFO")), NOTHING);
    assert.deepEqual((await asked.ask("to-box A")).lines, [
      "box.site1.z.example. 10 IN A 192.0.2.2",
      "to-box.site1.z.example. 10 IN CNAME box.site1.z.example.",
    ]);
    assert.equal((await asked.ask("box HINFO")).lines.length, 1);
    await asked.end();
  });

  test("nobody waits for a client that has gone, or after the end", async () => {
    const asked = new AskedOffice();
    await asked.office.clock.elapse(20_000);
    const questions = asked.listen();
    const client = new AbortController();
    const gone = asked.start("nobody A", "me", client.signal);
    // These do not cause the first client's question to be sent.
    void asked.start("nobody AAAA", "you");
    void asked.start("somebody A", "you");
    client.abort();
    assert.equal((await gone).after, 0);
    assert.equal((await asked.start("nobody A", "me", client.signal)).after, 0);
    await asked.office.clock.elapse(5000);
    assert.deepEqual(questions("nobody", Type.A), []);
    const last = asked.start("nobody A");
    await asked.end();
    assert.deepEqual(seenOf(await last), NOTHING);
  });

  test("SEC-11: only the link of the site is asked", async () => {
    const asked = new AskedOffice({ lans: 2 });
    await asked.office.clock.elapse(20_000);
    const ears = asked.office.lans.map((lan, i) => lan.host("ear", `10.${i + 1}.0.99`).record());
    await asked.ask("nobody A");
    const counts = ears.map(
      ({ heard }) =>
        heard.filter(({ message }) =>
          message.questions.some(({ name }) => `${name}` === "nobody.local."),
        ).length,
    );
    assert.deepEqual(counts, [2, 0]);
    await asked.end();
  });

  test("a client gets an answer though the link goes while it waits", async () => {
    const asked = new AskedOffice();
    await asked.office.clock.elapse(20_000);
    const answer = asked.start("nobody A");
    asked.office.links.unplug(asked.office.hosts[0]!);
    await asked.office.clock.elapse(PATIENCE);
    assert.deepEqual(seenOf(await answer), NOTHING);
    assert.equal(asked.onDemand.waiting, 0);
    await asked.end();
  });

  test("PROXY-29: a link that comes back is asked for the lists that are still watched", async () => {
    const asked = new AskedOffice();
    const { clock, hosts, links } = asked.office;
    const printer = ["_color", "_a4"].map(
      (each) => `${each}._sub._ipp._tcp PTR Office\\032Printer._ipp._tcp`,
    );
    asked.device("10.1.0.10", `${PRINTER}\n${printer.join("\n")}`);
    const browse = () =>
      ["_color", "_a4"].map((each) => asked.office.browse(`${each}._sub._ipp._tcp`).length);
    await clock.elapse(20_000);
    assert.deepEqual(browse(), [0, 0]);
    asked.onDemand.watch(questionOf("_color._sub._ipp._tcp PTR"), "me");
    const end = asked.onDemand.watch(questionOf("_a4._sub._ipp._tcp PTR"), "me");
    await clock.elapse(PATIENCE);
    assert.deepEqual(browse(), [1, 1]);
    end();
    links.unplug(hosts[0]!);
    await clock.elapse(20_000);
    assert.deepEqual(browse(), [0, 0]);
    links.plug(hosts[0]!);
    await clock.elapse(PATIENCE);
    assert.deepEqual(browse(), [1, 0]);
    await asked.end();
  });

  test("PROXY-25: a name that a link may have is never NXDOMAIN, whatever type is asked for", async () => {
    const asked = new AskedOffice();
    asked.device("10.1.0.10", PRINTER).announce();
    await asked.office.clock.elapse(20_000);
    const catalog = new Catalog([new ZoneAuthority(asked.office.zone)]);
    const handler = asksOnDemand(asked.onDemand, ZONE)(queryHandler(catalog));
    const ask = async (text: string) => {
      const { signal } = new AbortController();
      const message = makeMessage({ questions: [questionOf(text)] });
      const source = { address: "10.9.0.1", port: 4000 };
      const request = {
        message,
        bytes: encode(message),
        transport: "udp",
        source,
        signal,
      } as const;
      const responses = handler(request);
      assert.ok(!(Symbol.asyncIterator in responses));
      return (await responses)[0]!;
    };
    const { zone } = asked.office;
    const aliases = "www.site1 CNAME nas.site1\nwww CNAME www.site1\nold CNAME gone";
    const updates = [...setsOf(aliases)].flatMap(recordsOf);
    const update = { zone: ZONE, prerequisites: [], updates };
    assert.equal(await zone.apply(update, operatorPrincipal("operator")), Rcode.NOERROR);
    for (const text of ["laptop HTTPS", "laptop ANY", "laptop SOA", "_tcp.lab A", "x.printer NS"]) {
      const { rcode, answers, authorities } = await ask(text);
      assert.deepEqual([rcode, answers.length, authorities.length], [Rcode.NOERROR, 0, 1], text);
    }
    for (const [text, aliases] of [
      ["www A", 1],
      ["www.z.example. HTTPS", 2],
    ] as const) {
      const { rcode, answers } = await ask(text);
      assert.deepEqual([rcode, answers.length], [Rcode.NOERROR, aliases], text);
    }
    for (const text of ["laptop.z.example. HTTPS", "old.z.example. A"]) {
      assert.equal((await ask(text)).rcode, Rcode.NXDOMAIN, text);
    }
    await asked.end();
  });

  test("nothing is answered without waiting, so no ready-made answer is kept", async () => {
    const asked = new AskedOffice();
    asked.device("10.1.0.20", `!laptop A 10.1.0.20\n${PRINTER}`).announce();
    await asked.office.clock.elapse(20_000);
    const catalog = new Catalog([new ZoneAuthority(asked.office.zone)]);
    const handler = asksOnDemand(asked.onDemand, ZONE)(queryHandler(catalog));
    const offered: string[] = [];
    const ready = {
      offer: ({ message }: { message: { questions: readonly Question[] } }) =>
        void offered.push(`${message.questions[0]!.name}`),
    };
    const edge = makeEdge({ handler, clock: asked.office.clock, log: silentLog, ready });
    for (const text of ["laptop A", "printer A", "nobody.z.example. A"]) {
      const bytes = encode(makeMessage({ questions: [questionOf(text)] }));
      const source = { address: "10.9.0.1", port: 4000 };
      const { signal } = new AbortController();
      const octets: Buffer[] = [];
      for await (const each of await edge({ bytes, transport: "udp", source, signal })) {
        octets.push(each);
      }
      assert.equal(octets.length, 1, text);
    }
    assert.deepEqual(offered, ["printer.site1.z.example.", "nobody.z.example."]);
    await asked.end();
  });
});

function seenOf({ after: _, ...answer }: Asked) {
  return answer;
}

/** Asks at once; each answer has one record, and comes soon. */
async function areTold(asked: AskedOffice, questions: readonly string[]): Promise<void> {
  const answers = questions.map((question) => asked.start(question));
  await asked.office.until(() => asked.onDemand.waiting === 0, 10_000);
  for (const { after, lines } of await Promise.all(answers)) {
    assert.equal(lines.length, 1);
    assert.ok(after < 500, `${after} ms`);
  }
}
