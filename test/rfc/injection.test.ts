/** What a device may say to harm clients of the zone, and what becomes of it. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { project } from "../../src/collector/projection/project.ts";
import { Site } from "../../src/collector/projection/site.ts";
import { refusalsOf } from "../../src/collector/report/refusals.ts";
import { parseConfig } from "../../src/config.ts";
import { Class, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { type Message, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { Device } from "../collector/device.ts";
import {
  cacheOf,
  from,
  lines,
  local,
  OPEN,
  response,
  service,
  ZONE,
} from "../collector/fixture.ts";
import { Office } from "../collector/office.ts";
import { formatRecord } from "../support/formatrecord.ts";
import { silentLog } from "../support/log.ts";

const PRINTER = service("Office Printer", "_ipp._tcp", "printer", "10.1.0.10");
const PARIS = ZONE.child("paris")!;

function siteOf(text: string, policy = "{}"): Site {
  const site = new Site(PARIS, parseConfig(`policy: ${policy}`, "p", ".").policy);
  site.caches.add(cacheOf(text));
  return site;
}

function sent(text: string, policy?: string) {
  const site = siteOf(text, policy);
  const { sets, withheld } = project([site], ZONE, 5000);
  return { sets, withheld, lines: lines(sets), refusals: Object.fromEntries(refusalsOf([site])) };
}

const NOTHING_MORE = sent(PRINTER).lines;

suite("a name that steers clients", () => {
  const names = ["wpad", "WPAD", "isatap", "kerberos", "kerberos-1", "autodiscover", "localhost"];
  for (const host of [...names, "kpasswd", "autoconfig", "mta-sts", "wpad.sales"]) {
    test(`SEC-10: ${host} is not published as a host, and its services are withheld`, () => {
      const text = service("Evil", "_http._tcp", host, "10.1.0.66");
      const result = sent(`${PRINTER}\n${text}`);
      assert.deepEqual(result.lines, NOTHING_MORE);
      assert.deepEqual(result.refusals, { "its host's name steers clients": 1 });
      assert.equal(result.withheld[0]!.reason, "its host's name steers clients");
      const alias = text.replace(`!${host} A 10.1.0.66`, `!${host} CNAME box\n!box A 10.1.0.66`);
      const aliased = sent(`${PRINTER}\n${alias}`);
      assert.deepEqual(aliased.lines, NOTHING_MORE);
      assert.equal(aliased.withheld[0]!.reason, "its host's name steers clients");
    });
  }

  test("SEC-10: is allowed by the policy's hosts, name by name, and by no rule", () => {
    const text = service("Proxy", "_http._tcp", "wpad", "10.1.0.66");
    assert.deepEqual(sent(text, "{ rules: [{ allow: all }] }").lines, []);
    const policy = "{ hosts: WPAD, networks: any }";
    assert.ok(sent(text, policy).lines.includes("wpad.paris.z.example. 10 IN A 10.1.0.66"));
    assert.deepEqual(sent(text.replaceAll("wpad", "isatap"), policy).lines, []);
  });

  test("SEC-10: is matched exactly: a host whose name only resembles it is published", () => {
    for (const host of ["wpad-1", "kerberos2", "my-isatap", "kerberos-x"]) {
      const text = service("Fine", "_http._tcp", host, "10.1.0.66");
      assert.ok(sent(text, "{ networks: any }").lines.length > 4, host);
    }
  });

  for (const host of ["_kerberos", "_ldap._tcp.dc._msdcs", "x._tcp", "_tcp", "_ipp._tcp"]) {
    test(`SEC-10: ${host}, which is no host name, has neither addresses nor other records`, () => {
      const text = `${service("Evil", "_http._tcp", host, "10.1.0.66")}
        ${host} TXT "EVIL.EXAMPLE"`;
      const result = sent(`${PRINTER}\n${text}`);
      assert.deepEqual(result.lines, NOTHING_MORE);
      assert.deepEqual(result.refusals, { "its host's name is reserved": 1 });
    });
  }

  test("SEC-10: nothing is published where a client looks up a service by its type alone", () => {
    const names = [
      "_kerberos._udp",
      "_kerberos._tcp",
      "_ldap._tcp",
      "_autodiscover._tcp",
      "_sip._udp",
    ];
    const text = names.map((name) => `${name} SRV 0 0 88 printer`).join("\n");
    const result = sent(`${PRINTER}\n${text}`);
    assert.deepEqual(result.lines, NOTHING_MORE);
    assert.deepEqual(result.refusals, { "its name is not that of a service": 5 });
  });

  test("SEC-10: services of types by which clients find key servers and proxies are off by default", () => {
    for (const type of ["_kerberos._udp", "_kpasswd._tcp", "_ldap._tcp", "_wpad._tcp"]) {
      const text = service("Evil", type, "printer", "10.1.0.10");
      assert.deepEqual(
        sent(text).withheld.map(({ reason }) => reason),
        ["its type steers clients, and no rule allows it"],
      );
    }
  });
});

suite("a record that steers", () => {
  test("SEC-09: is counted, and not published", () => {
    const result = sent(`
      ${PRINTER}
      local. NS evil.example.
      printer NS evil.example.
      printer DS 1 8 2 00
      printer DNSKEY 256 3 8 AAAA
      printer NSEC printer A
      printer DNAME evil.example.
      lb._dns-sd._udp PTR evil.example.
      r._dns-sd._udp PTR evil.example.
      _services._dns-sd._udp PTR _ipp._tcp
      x._dns-update._udp SRV 0 0 1 printer
      *._ipp._tcp SRV 0 0 1 printer
      * A 10.1.0.66
      lb._dns-sd._udp A 10.1.0.66`);
    assert.deepEqual(result.lines, NOTHING_MORE);
    assert.deepEqual(result.refusals, {
      "its type steers servers": 5,
      "it says where to browse or register": 2,
      "its name is reserved": 2,
      "its host's name is reserved": 2,
    });
  });

  test("SEC-09: is counted and not published if another server may refuse to copy it", () => {
    const result = sent(`
      ${PRINTER}
      printer TYPE29 \\# 1 ff
      printer SSHFP 1 1 00
      printer TYPE300 \\# 1 ff
      printer TYPE65402 \\# 1 ff
      printer HTTPS 1 . port=80
      Office\\032Printer._ipp._tcp NAPTR 1 1 "u" "E2U" "!(!x!" .
      Office\\032Printer._ipp._tcp NULL \\# 0`);
    assert.deepEqual(result.lines, NOTHING_MORE);
    assert.deepEqual(result.refusals, { "its type is not read alike by all servers": 6 });
  });

  test("SEC-09: at the site's own domain is not published, though a service leads there", () => {
    const result = sent(`
      ${PRINTER}
      _http._tcp PTR Evil._http._tcp
      Evil._http._tcp SRV 0 0 80 local.
      Evil._http._tcp TXT ""
      local. A 10.1.0.66
      local. TXT "v=spf1 +all"
      local. MX 1 printer
      local. CAA 0 issue "evil.example"
      local. HTTPS 1 evil.example.`);
    assert.deepEqual(result.lines, NOTHING_MORE);
    assert.equal(result.refusals["its host's name is reserved"], 1);
    const alias = sent(`
      ${PRINTER}
      Evil._http._tcp SRV 0 0 80 local.
      Evil._http._tcp TXT ""
      local. CNAME evil.example.`);
    assert.deepEqual(alias.lines, NOTHING_MORE);
    assert.deepEqual(alias.refusals, { "its host's name is reserved": 1 });
  });

  test("SD-36: a name that is too long beneath the site is counted", () => {
    const long = Array.from("abcd", (letter) => letter.repeat(60)).join(".");
    const site = new Site(Name.parse(`${"x".repeat(30)}.z.example.`), OPEN);
    site.caches.add(cacheOf(`${long} A 10.1.0.1`));
    assert.deepEqual(Object.fromEntries(refusalsOf([site])), {
      "its host's name is too long beneath the site": 1,
    });
  });
});

suite("terminal escapes and HTML", () => {
  const RED = "\\027[31m";
  const OSC = "\\027]0\\059pwned\\007";
  const C1 = "\\194\\155" + "31m";
  const HTML = "<img\\032src=x\\032onerror=alert\\(1\\)>";

  test("SD-03: a service name with controls is refused, one with HTML is published", () => {
    for (const name of [RED, OSC]) {
      const result = sent(PRINTER.replaceAll("Office\\032Printer", name));
      assert.deepEqual(result.lines, []);
      assert.deepEqual(result.refusals, { "its name has control characters": 1 });
    }
    const result = sent(PRINTER.replaceAll("Office\\032Printer", HTML));
    assert.equal(result.lines.length, NOTHING_MORE.length);
  });

  test("SD-10: in TXT records are published octet for octet, and printed as text", () => {
    const result = sent(PRINTER.replace('"txtvers=1"', `"note=${RED}" "${OSC}" "<script>"`));
    const txt = [...result.sets].find(({ type }) => type === Type.TXT)!;
    assert.deepEqual(
      Buffer.from(txt.rdatas[0]!.values[0] as Uint8Array).toString("latin1"),
      "\x0anote=\x1b[31m\x0a\x1b]0;pwned\x07\x08<script>",
    );
    assert.ok(isPlain(formatRecord(txt)));
  });

  test("no printed name or record controls a terminal, whatever octets it has", () => {
    const all = Array.from({ length: 256 }, (_, i) => `\\${String(i).padStart(3, "0")}`);
    for (const label of [RED, OSC, C1, "\\226\\128\\174abc", ...all]) {
      const name = local(label);
      assert.ok(isPlain(name.toUnicode()) && isPlain(`${name}`), label);
    }
    const text = all.slice(0, 128).join("") + C1;
    for (const data of [`TXT "${text}"`, `HINFO "${text}" "${text}"`, `NULL \\# 2 1b5b`]) {
      for (const set of cacheOf(`h ${data}`).at(local("h").key)!.sets.values()) {
        for (const { rdata: one } of set.records.values()) {
          assert.ok(isPlain(formatRecord({ ...set, ttl: 1, rdatas: [one] })), data);
        }
      }
    }
  });
});

suite("a flood", () => {
  const RECORDS = 1_000_000;
  const EACH = 100;
  for (const [whose, sources] of [
    ["one device", 1],
    ["a device that takes every address of its subnet", 254],
  ] as const) {
    test(`SEC-12, SEC-13: of a million records by ${whose} leaves all others listed, in bounded memory`, () => {
      const limit = 8 * 2 ** 20;
      const cache = cacheOf("", limit);
      for (let i = 0; i < 30; i++) {
        const text = service(`printer ${i}`, "_ipp._tcp", `p${i}`, `10.1.1.${i}`);
        cache.receive(response(text), from(`10.1.1.${i}`), 0);
      }
      const owner = local("_ipp._tcp");
      const late = service("Newcomer", "_ipp._tcp", "newcomer", "10.1.1.99");
      for (let i = 0; i < RECORDS / EACH; i++) {
        const answers = Array.from({ length: EACH }, (_, j) => {
          const data = rdata.ptr(owner.child(`${i} ${j}`)!);
          return { name: owner, type: Type.PTR, class: Class.IN, ttl: 4500, rdata: data };
        });
        const message = makeMessage({ isResponse: true, answers });
        cache.receive(message, from(`10.1.2.${i % sources}`), i / 100);
        assert.ok(cache.octets <= limit);
        if (i === 5000) cache.receive(response(late), from("10.1.1.99"), 50);
      }
      assert.ok(cache.size < limit / 1000);
      const site = new Site(PARIS, OPEN);
      site.caches.add(cache);
      const { services } = project([site], ZONE, 5000);
      assert.equal(services.size, 31);
    });
  }
});

suite("a storm", () => {
  test("SEC-12: is mostly dropped and logged once a minute, while all others are heard", async () => {
    const warnings: object[] = [];
    const log = { ...silentLog, warn: (fields: object) => warnings.push(fields) };
    const office = new Office({ log });
    const [lan] = office.lans;
    const evil = lan!.host("evil", "10.1.0.66");
    const printer = new Device(lan!, "10.1.0.10", PRINTER);
    const many = Array.from({ length: 30 }, (_, i) => `h${i} A 10.1.0.66`).join("\n");
    const bytes = encode(response(many));
    let isOver = false;
    const storm = () => {
      for (let i = 0; i < 20; i++) evil.send(bytes);
      if (!isOver) office.clock.at(office.clock.now() + 10, storm);
    };
    storm();
    await office.clock.elapse(20_000);
    const [harvest] = office.collector.siteAt(ZONE.child("site1")!)!.harvests;
    const { packets, unheard } = harvest!.counters;
    assert.ok(packets > 39_000 && unheard > packets / 2, `${unheard} of ${packets}`);
    printer.announce();
    await office.until(() => office.browse("_ipp._tcp").length === 1, 1000);
    await office.clock.elapse(20_000);
    assert.deepEqual(warnings, [{ link: "site1", host: "10.1.0.66" }]);
    isOver = true;
    await office.end();
  });
});

suite("two links", () => {
  test("SEC-22: nothing heard on one is sent to the other, and neither is sent a response", async () => {
    const office = new Office({ lans: 2 });
    const [a, b] = office.lans as [(typeof office.lans)[0], (typeof office.lans)[0]];
    const heard: { lan: string; message: Message }[] = [];
    for (const [lan, name] of [
      [a, "a"],
      [b, "b"],
    ] as const) {
      const ear = lan.host(`ear-${name}`, name === "a" ? "10.1.0.99" : "10.2.0.99");
      ear.react((message, packet) => {
        if (/\.25\d$/.test(packet.source)) heard.push({ lan: name, message });
      });
    }
    new Device(a, "10.1.0.10", PRINTER).announce();
    new Device(b, "10.2.0.10", service("Chat", "_presence._tcp", "pc", "10.2.0.10")).announce();
    await office.clock.elapse(60_000);
    assert.equal(office.browse("_ipp._tcp").length, 1);
    assert.equal(office.browse("_presence._tcp", "site2.z.example.").length, 1);
    assert.ok(heard.some(({ lan }) => lan === "a") && heard.some(({ lan }) => lan === "b"));
    for (const { lan, message } of heard) {
      assert.equal(message.isResponse, false);
      const names = [...message.questions, ...message.answers, ...message.additionals].map(
        ({ name }) => `${name}`.toLowerCase(),
      );
      const other = lan === "a" ? /chat|_presence|\bpc\b/ : /printer|_ipp/;
      assert.doesNotMatch(names.join(" "), other);
    }
    await office.end();
  });
});

suite("a stranger's goodbye", () => {
  test("SEC-26: removes nothing if the owner speaks up within a second", async () => {
    const office = new Office();
    const printer = new Device(office.lans[0]!, "10.1.0.10", PRINTER);
    printer.announce();
    await office.until(() => office.browse("_ipp._tcp").length === 1);
    const { serial } = office.zone.current;
    // It answers no question meanwhile.
    printer.isMute = true;
    new Device(office.lans[0]!, "10.1.0.66", PRINTER).goodbye();
    await office.clock.elapse(900);
    printer.isMute = false;
    printer.announce();
    await office.clock.elapse(30_000);
    assert.equal(office.zone.current.serial, serial);
    await office.end();
  });

  test("SEC-26: removes nothing if the owner answers when asked", async () => {
    const office = new Office();
    new Device(office.lans[0]!, "10.1.0.10", PRINTER).announce();
    await office.until(() => office.browse("_ipp._tcp").length === 1);
    const { serial } = office.zone.current;
    for (let i = 0; i < 5; i++) {
      new Device(office.lans[0]!, `10.1.0.${66 + i}`, PRINTER).goodbye();
      await office.clock.elapse(7000);
    }
    assert.equal(office.zone.current.serial, serial);
    await office.end();
  });

  test("SEC-26: takes effect if the owner has fallen silent", async () => {
    const office = new Office();
    const printer = new Device(office.lans[0]!, "10.1.0.10", PRINTER);
    printer.announce();
    await office.until(() => office.browse("_ipp._tcp").length === 1);
    printer.isMute = true;
    new Device(office.lans[0]!, "10.1.0.66", PRINTER).goodbye();
    await office.clock.elapse(1500);
    assert.equal(office.browse("_ipp._tcp").length, 0);
    await office.end();
  });
});

suite("the log", () => {
  test("SEC-15: names no service that a rule hides, and each published one once", async () => {
    const events: string[] = [];
    const note = (fields: object, fact: string) => {
      events.push(JSON.stringify({ ...fields, fact }));
    };
    const { policy } = parseConfig("", "p", ".");
    const log = { debug: note, info: note, warn: note, error: note };
    const office = new Office({ policy, log });
    const phone = service("Juliet's Phone", "_companion-link._tcp", "juliet", "10.1.0.20");
    const scanner = service("Scanner", "_scanner._tcp", "scanner", "10.1.0.30");
    const devices = [PRINTER, phone, scanner].map((text, i) => {
      return new Device(office.lans[0]!, `10.1.0.${10 * (i + 1)}`, text);
    });
    for (const device of devices.slice(0, 2)) device.announce();
    await office.until(() => office.browse("_ipp._tcp").length === 1);
    devices[2]!.announce();
    await office.until(() => office.browse("_scanner._tcp").length === 1);
    for (const device of devices) device.goodbye();
    await office.until(() => office.browse("_ipp._tcp").length === 0);
    assert.equal(events.filter((event) => /Office Printer.*service came/.test(event)).length, 1);
    assert.deepEqual(
      events.filter((event) => /juliet/i.test(event)),
      [],
    );
    await office.end();
  });
});

/** True if all characters are printable, tabs or line ends. */
function isPlain(text: string): boolean {
  return !/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(text);
}
