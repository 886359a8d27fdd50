/** `explain`: which names it accepts, whom it asks, and what it concludes from links and server. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { linkLines, namesFrom, zoneLines } from "../../src/cli/explain/account.ts";
import { type Ear, Hearing } from "../../src/cli/explain/hearing.ts";
import { readSubject } from "../../src/cli/explain/subject.ts";
import { verdictLines } from "../../src/cli/explain/verdict.ts";
import { ZoneInquiry } from "../../src/cli/explain/zoneword.ts";
import { Site } from "../../src/collector/projection/site.ts";
import { parseConfig } from "../../src/config.ts";
import { Class, Rcode, typeName } from "../../src/dns/constants.ts";
import { makeMessage } from "../../src/dns/message.ts";
import type { Name } from "../../src/dns/name.ts";
import { recordsOf } from "../../src/dns/record.ts";
import type { Hold } from "../../src/zone/update/hold.ts";
import { Device } from "../collector/device.ts";
import { cacheOf, OPEN, service, setsOf, ZONE } from "../collector/fixture.ts";
import { FakeClock } from "../support/clock.ts";
import { freePort } from "../support/freeport.ts";
import { MAIN, temporaryFolder } from "../support/gateway.ts";
import { Lan, LanWatch } from "../support/lan.ts";
import { run } from "../support/process.ts";
import { Serving } from "../support/serving.ts";

const LATER = 5000;

suite("explain reads", () => {
  test("a name under the zone, a name under local., and a name relative to the zone", () => {
    const cases = {
      "Office Printer._ipp._tcp.paris.z.example": "Office Printer._ipp._tcp.local. at paris",
      "Office Printer._ipp._tcp.PARIS.Z.example.": "Office Printer._ipp._tcp.local. at PARIS",
      "Office Printer._ipp._tcp.paris": "Office Printer._ipp._tcp.local. at paris",
      "Office Printer._ipp._tcp": "Office Printer._ipp._tcp.local.",
      "Office Printer._ipp._tcp.local": "Office Printer._ipp._tcp.local.",
      "Office\\032Printer._ipp._tcp.local.": "Office Printer._ipp._tcp.local.",
      "_ipp._tcp": "_ipp._tcp.local.",
      "_ipp._tcp.": "_ipp._tcp.local.",
      "_color._sub._ipp._tcp.paris": "_color._sub._ipp._tcp.local. at paris",
      "printer.paris": "printer.local. at paris",
      "a.printer.paris": "a.printer.local. at paris",
      printer: "printer.local.",
      "printer.local": "printer.local.",
      "_services._dns-sd._udp": "_services._dns-sd._udp.local.",
      "lb._dns-sd._udp.paris": "lb._dns-sd._udp.local. at paris",
      // A dot as it is printed, within a label; and as a device has it that makes two labels of it.
      "Laser 2.5._ipp._tcp.paris":
        "Laser 2\\.5._ipp._tcp.local., Laser 2.5._ipp._tcp.local. at paris",
      "Laser 2\\.5._ipp._tcp": "Laser 2\\.5._ipp._tcp.local.",
    };
    for (const [text, expected] of Object.entries(cases)) {
      const { locals, site } = readSubject(text, ZONE);
      const names = locals.map((local) => local.toUnicode()).join(", ");
      const place = site && ` at ${site.toUnicode().replace(/\.z\.example\.$/i, "")}`;
      assert.equal(`${names}${place ?? ""}`, expected);
    }
  });

  test("nothing else, and says what was expected", () => {
    for (const [text, what] of [
      [
        "a..b",
        /^a\.\.b: empty label in "a\.\.b"; expected the name of a service, a type or a host/,
      ],
      ["printer.other.example.", /: is neither in z\.example\. nor in local\.; expected/],
      ["x._ipp._tcp.paris.other", /: is neither in z\.example\. nor in a site of it; expected/],
      ["z.example", /^z\.example: is the zone itself; expected/],
      ["local.", /^local\.: is not a name on a link; expected/],
      ["", /^: a name is empty; expected/],
    ] as const) {
      assert.throws(() => readSubject(text, ZONE), { name: "ConfigError", message: what });
    }
  });
});

interface Scene {
  readonly name: string;
  /** The zone's records; undefined if its server does not answer. */
  readonly zone?: string | undefined;
  /** By site, the records heard on its link. */
  readonly links: Readonly<Record<string, string>>;
  /** The site where devices register. */
  readonly registrar?: string;
  readonly policy?: string;
  readonly isNear?: boolean;
  readonly holds?: (owner: string) => readonly Hold[];
}

/** What `explain` prints about a scene when it waits for nothing more. */
async function play({ name, zone, links, registrar, policy, isNear = true, holds }: Scene) {
  const rules = policy === undefined ? OPEN : parseConfig(`policy: ${policy}`, "p", ".").policy;
  const sets = zone === undefined ? undefined : setsOf(zone);
  const subject = readSubject(name, ZONE);
  const ears: Ear[] = [];
  for (const [i, [label, text]] of Object.entries(links).entries()) {
    const site = new Site(ZONE.child(label)!, rules);
    if (subject.site !== undefined && !site.domain.equals(subject.site)) continue;
    const cache = cacheOf(text);
    site.caches.add(cache);
    ears.push({ link: `eth${i}`, site, cache });
  }
  const registering = registrar === undefined ? undefined : ZONE.child(registrar);
  const asked: string[] = [];
  const word = new ZoneInquiry(
    async (name, type) => {
      asked.push(`${name} ${typeName(type)}`);
      if (sets === undefined) throw new Error("nothing is listening there");
      const set = sets.get(name.key, type);
      const isThere = [...sets].some((each) => each.name.isUnder(name));
      const rcode = isThere ? Rcode.NOERROR : Rcode.NXDOMAIN;
      return makeMessage({ rcode, answers: set ? recordsOf(set) : [] });
    },
    ZONE,
    [...ears.map(({ site }) => site.domain), ...(registering ? [registering] : [])],
  );
  await word.ask(subject);
  for (const ear of ears) {
    const hosts = subject.locals.flatMap((local) => namesFrom(ear, local).slice(1));
    await word.askHosts(ear.site.domain, hosts);
  }
  const evidence = {
    ...{ zone: ZONE, subject, word, ears, now: LATER, server: "127.0.0.1:53" },
    ...{ isNear, registering, file: "gateway.yaml" },
    ...(holds && { holds: ({ name }: { name: Name }) => holds(`${name}`) }),
  };
  assert.equal(new Set(asked).size, asked.length, "nothing is asked twice");
  return {
    zone: zoneLines(evidence),
    links: ears.flatMap((ear) => linkLines(ear, subject)),
    verdict: verdictLines(evidence),
  };
}

const PRINTER = service("Office Printer", "_ipp._tcp", "printer", "10.1.0.10");
const PUBLISHED = `
_ipp._tcp PTR Office\\032Printer._ipp._tcp.paris
_ipp._tcp.paris PTR Office\\032Printer._ipp._tcp.paris
Office\\032Printer._ipp._tcp.paris SRV 0 0 631 printer.paris
Office\\032Printer._ipp._tcp.paris TXT "txtvers=1"
printer.paris A 10.1.0.10
`;
const NAME = "Office Printer._ipp._tcp";
const verdictOn = async (scene: Scene) => (await play(scene)).verdict;

suite("explain says", () => {
  test("that a device has registered itself, at a site without a link", async () => {
    const lamp: Hold = { by: "requester:12ab", expires: LATER + 60_000, lease: 7_200_000 };
    const { zone, verdict } = await play({
      ...{ name: "lamp.devices", zone: "lamp.devices A 10.1.0.9", links: {} },
      ...{ holds: () => [lamp], registrar: "devices" },
    });
    assert.equal(zone.at(-1), "    held by a device that has registered itself for 60 s more");
    assert.deepEqual(verdict, [
      "At devices, where devices register themselves, that is all there is of it",
    ]);
  });

  test("what the zone has, what the link says, who says it, and that it is published", async () => {
    const paris: Hold = { by: "paris", expires: LATER + 299_100, lease: 300_000 };
    const file: Hold = { by: "file", expires: Infinity, lease: Infinity };
    const { zone, links, verdict } = await play({
      ...{ name: NAME, zone: PUBLISHED, links: { paris: PRINTER, lyon: "" } },
      holds: (owner) => (owner.startsWith("printer") ? [paris, file] : [paris]),
    });
    assert.deepEqual(zone, [
      "In z.example., by 127.0.0.1:53:",
      "  Office Printer._ipp._tcp.paris.z.example.",
      '      10 s  TXT   "txtvers=1"',
      "      10 s  SRV   0 0 631 printer.paris.z.example.",
      "    listed by _ipp._tcp.z.example., _ipp._tcp.paris.z.example.",
      "    held by the key paris for 300 s more",
      "  printer.paris.z.example.",
      "      10 s  A     10.1.0.10",
      "    held by the key paris for 300 s more, a zone file",
    ]);
    assert.deepEqual(links, [
      "On eth0, site paris:",
      "  Office Printer._ipp._tcp.local.",
      '    4500 s  TXT   "txtvers=1"  from 10.0.0.9',
      "     120 s  SRV   0 0 631 printer.local.  from 10.0.0.9",
      "    listed by _ipp._tcp.local.  from 10.0.0.9",
      "  printer.local.",
      "     120 s  A     10.1.0.10  from 10.0.0.9",
      "On eth1, site lyon:",
      "  no host announces Office Printer._ipp._tcp.local.",
    ]);
    assert.deepEqual(verdict, [
      "Verdict for paris:",
      "  Office Printer._ipp._tcp.local.: published",
      "  printer.local.: published",
    ]);
  });

  test("why a service is not published: the rule, or what is wrong with it or its host", async () => {
    const policy = "{ rules: [{ allow: chat }, { deny: printers }], networks: any }";
    const links = { paris: PRINTER };
    assert.deepEqual(await verdictOn({ name: NAME, zone: "", links, policy }), [
      "Verdict for paris:",
      "  Office Printer._ipp._tcp.local.: not published: policy.rules[1] denies it (gateway.yaml)",
      "  printer.local.: may be published, but is not in the zone: a host is published with a service that leads to it",
    ]);
    const near = { paris: PRINTER.replace("10.1.0.10", "169.254.1.1") };
    const why = "not published: no address of its host can be reached from elsewhere";
    for (const name of [NAME, `${NAME}.paris`, `${NAME}.local`]) {
      assert.deepEqual(await verdictOn({ name, zone: "", links: near }), [
        "Verdict for paris:",
        `  Office Printer._ipp._tcp.local.: ${why}`,
        `  printer.local.: ${why}`,
      ]);
    }
    // With a rule about addresses as without.
    const wifi = "{ rules: [{ deny: all, address: 10.2.0.0/16 }], networks: any }";
    assert.deepEqual(await verdictOn({ name: "printer", zone: "", links: near, policy: wifi }), [
      "Verdict for paris:",
      `  printer.local.: ${why}`,
    ]);
    const bare = { paris: "_ipp._tcp PTR Office\\032Printer._ipp._tcp" };
    assert.deepEqual(await verdictOn({ name: NAME, zone: "", links: bare }), [
      "Verdict for paris:",
      "  Office Printer._ipp._tcp.local.: not published: no SRV record is known",
    ]);
    const dotted = "!Laser\\0322.5._ipp._tcp SRV 0 0 631 printer\n!printer A 10.1.0.10";
    assert.match(
      (await verdictOn({ name: "Laser 2.5._ipp._tcp", zone: "", links: { paris: dotted } }))[1]!,
      /^ {2}Laser 2\.5\._ipp\._tcp\.local\.: not published: its name is not that of a service$/,
    );
  });

  test("that nobody announces a name, at which sites to ask for it, and what is not known", async () => {
    const links = { paris: PRINTER, lyon: "" };
    const name = "Nobody._ipp._tcp";
    assert.deepEqual(await play({ name, zone: PUBLISHED, links }), {
      zone: [
        "In z.example., by 127.0.0.1:53:",
        "  Nobody._ipp._tcp.paris.z.example.: nothing",
        "  Nobody._ipp._tcp.lyon.z.example.: nothing",
      ],
      links: [
        "On eth0, site paris:",
        "  no host announces Nobody._ipp._tcp.local.",
        "On eth1, site lyon:",
        "  no host announces Nobody._ipp._tcp.local.",
      ],
      verdict: [
        "Verdict: not published: no host announces it on eth0, eth1, and the zone has nothing of it",
      ],
    });
    assert.deepEqual(await verdictOn({ name: NAME, zone: PUBLISHED, links: { lyon: "" } }), [
      "No link of this host is at paris: run explain on the machine of its collector",
    ]);
    for (const [other, rest] of [
      ["nobody.paris", ": run explain on the machine of its collector"],
      ["printer.madrid", ", and the zone has no such site"],
      ["10.0.1.10.in-addr.arpa", ", and the zone has no such site"],
    ] as const) {
      const label = other.replace(/.*\./, "");
      const said = [`No link of this host is at ${label}${rest}`];
      assert.deepEqual(
        await verdictOn({ name: other, zone: PUBLISHED, links: { lyon: "" } }),
        said,
      );
    }
    const whole =
      "This is a host's name; a service is asked for with its type, as in 'Office Printer._ipp._tcp'";
    assert.deepEqual(await verdictOn({ name: "printer", zone: PUBLISHED, links: {} }), [
      "Verdict: no link of this host is heard: for each site ask for printer.SITE",
      whole,
    ]);
    // The zone has it at another site.
    const elsewhere = { name: "printer.local", zone: PUBLISHED, links: { lyon: "", rome: "" } };
    assert.deepEqual(await verdictOn(elsewhere), [
      "Verdict: not published at lyon, rome: no host announces it on eth0, eth1, and the zone has nothing of it there; for other sites ask for printer.SITE",
      whole,
    ]);
    const wiki = { name: "Wiki._http._tcp", zone: "Wiki._http._tcp SRV 0 0 80 wiki.other." };
    assert.deepEqual(await verdictOn({ ...wiki, links: { paris: PRINTER } }), [
      "Verdict: the zone itself has it, and no host announces it on eth0",
    ]);
    const { zone, verdict } = await play({ name: NAME, links });
    assert.deepEqual(zone, [
      "In z.example., by 127.0.0.1:53:",
      "  not known: nothing is listening there",
    ]);
    const unknown = "may be published, and what the zone has is not known";
    assert.deepEqual(verdict, [
      "Verdict for paris:",
      `  Office Printer._ipp._tcp.local.: ${unknown}`,
      `  printer.local.: ${unknown}`,
    ]);
  });

  test("what the zone has at a site where devices register, and no more about that site", async () => {
    const registrar = "devices";
    const verdictOf = async (scene: Partial<Scene>) => {
      const links = { paris: PRINTER };
      const { verdict } = await play({ name: NAME, zone: PUBLISHED, links, registrar, ...scene });
      return verdict;
    };
    const there = "At devices, where devices register themselves, that is all there is of it";
    const published = [
      "Verdict for paris:",
      "  Office Printer._ipp._tcp.local.: published",
      "  printer.local.: published",
    ];
    assert.deepEqual(await verdictOf({}), published);
    assert.deepEqual(await verdictOf({ name: `${NAME}.paris` }), published);
    const zone = `${PUBLISHED}${PUBLISHED.replaceAll("paris", "devices")}`;
    assert.deepEqual(await verdictOf({ zone }), [...published, there]);
    assert.deepEqual(await verdictOf({ zone, name: `${NAME}.paris` }), published);
    assert.deepEqual(await verdictOf({ zone, name: `${NAME}.devices` }), [there]);
    assert.deepEqual(await verdictOf({ name: `${NAME}.devices` }), [
      there.replace("that is all there is", "there is nothing"),
    ]);
    assert.deepEqual(await verdictOf({ zone: "wiki A 10.1.0.9", name: "wiki", links: {} }), [
      "Verdict: the zone itself has it, and no link of this host is heard",
    ]);
    assert.deepEqual(await verdictOf({ zone: undefined, name: "x.devices", links: {} }), [
      "Verdict: no link of this host is heard, and what the zone has is not known",
    ]);
  });

  test("why the zone and a link may disagree", async () => {
    const heard = { name: NAME, zone: "", links: { paris: PRINTER } };
    const lack = "may be published, but is not in the zone: the";
    assert.match((await verdictOn(heard))[1]!, new RegExp(`${lack} gateway has not heard it yet`));
    const far = await verdictOn({ ...heard, isNear: false });
    assert.match(far[1]!, new RegExp(`${lack} collector is not running, or the server does not`));
    const silent = { name: NAME, zone: PUBLISHED, links: { paris: "" } };
    assert.match(
      (await verdictOn(silent))[1]!,
      /: published, though no host announces it now: its device/,
    );
    const denied = { ...heard, zone: PUBLISHED, policy: "{ rules: [{ deny: all }] }" };
    assert.match(
      (await verdictOn(denied))[1]!,
      /: not published: policy\.rules\[0\] denies it \(gateway\.yaml\), but the zone has it: its/,
    );
    const file: Hold = { by: "file", expires: Infinity, lease: Infinity };
    const own = await verdictOn({ ...silent, holds: () => [file] });
    assert.deepEqual(own[1], "  Office Printer._ipp._tcp.local.: published: a zone file has it");
    const { zone } = await play({ ...silent, holds: () => [] });
    assert.ok(zone.includes("    held by nobody: it was asked for on demand, or has gone since"));
  });

  test("why a published service is not listed", async () => {
    const lists = /_ipp._tcp(.paris)? PTR.*\n/g;
    const unlisted = PUBLISHED.replace(lists, "");
    const scene = { name: NAME, zone: unlisted };
    const on = async (text: string) => (await verdictOn({ ...scene, links: { paris: text } }))[2]!;
    assert.match(await on(PRINTER), /^ {4}not listed: its list in the zone is full/);
    assert.match(
      await on(PRINTER.replace(/_ipp._tcp 4500 PTR.*/, "")),
      /^ {4}not listed: its device does not list it in _ipp\._tcp\.local\.$/,
    );
    assert.match(await on(PRINTER.replace(" 631 ", " 0 ")), /^ {4}not listed: its port is 0: /);
    const { zone } = await play({ ...scene, links: {}, name: `${NAME}.paris` });
    assert.ok(zone.includes("    listed by none"));
  });

  test("a verdict on each entry of a list, and on each type in the list of types", async () => {
    const lab = service("Lab", "_ipp._tcp", "bench", "169.254.0.11");
    const shell = service("Shell", "_ssh._tcp", "printer", "10.1.0.10");
    const meta = "_services._dns-sd._udp";
    const types = `${meta} PTR _ipp._tcp\n${meta} PTR _ssh._tcp`;
    const foreign = "_ipp._tcp PTR Shell._ssh._tcp\n_ipp._tcp PTR Far._ipp._tcp.other.example.";
    const links = { paris: [PRINTER, lab, shell, types, foreign].join("\n") };
    const gone = "_ipp._tcp.paris PTR Gone._ipp._tcp.paris\n";
    const zone = `${PUBLISHED}${gone}${meta}.paris PTR _ipp._tcp.paris\n`;
    const policy = "{ rules: [{ deny: printers, instance: Shell }], networks: any }";
    const [, ...entries] = await verdictOn({ name: "_ipp._tcp", zone, links, policy });
    const verdicts = new Map(
      entries.map((line) => /^ {2}(\w+ ?\w*).*?: (.*)$/.exec(line)!.slice(1) as [string, string]),
    );
    assert.deepEqual(
      new Set(verdicts.keys()),
      new Set(["Office Printer", "Gone", "Lab", "Shell", "Far"]),
    );
    assert.equal(verdicts.get("Office Printer"), "published");
    assert.match(verdicts.get("Gone")!, /^published, though no host announces it now/);
    assert.match(verdicts.get("Lab")!, /no address of its host can be reached/);
    assert.match(verdicts.get("Shell")!, /policy\.rules\[0\] denies it/);
    assert.match(verdicts.get("Far")!, /it is elsewhere, and listed only beneath the site/);
    assert.deepEqual(await verdictOn({ name: meta, zone, links, policy }), [
      "Verdict for paris:",
      "  _ipp._tcp.local.: published",
      "  _ssh._tcp.local.: not published: no service of it is published",
    ]);
    assert.deepEqual(await verdictOn({ name: "lb._dns-sd._udp.paris", zone, links }), [
      "Verdict for paris:",
      "  lb._dns-sd._udp.local.: no device may announce it: it is reserved for collectors and zone files",
    ]);
  });

  test("which records are never published, and only the start of a long one", async () => {
    const odd = [
      `!printer SSHFP 1 1 ${"00".repeat(20)}`,
      `!printer NULL \\# 200 ${"ab".repeat(200)}`,
      "!printer NSEC printer A",
    ];
    const text = [PRINTER, ...odd].join("\n");
    const { links } = await play({ name: "printer.paris", zone: "", links: { paris: text } });
    assert.deepEqual(
      links.slice(1).map((line) => line.replace(/((ab)+a?|(00){9,})/i, "…")),
      [
        "  printer.local.",
        "     120 s  A     10.1.0.10  from 10.0.0.9",
        "     120 s  NULL  \\# 200 …… 200 octets in all  from 10.0.0.9",
        "     120 s  SSHFP 1 1 …  from 10.0.0.9; its type is not read alike by all servers",
      ],
    );
  });
});

/** What `explain` asks on a link, and when it stops, in milliseconds. */
async function hearingOf(
  name: string,
  {
    text = "",
    places = 0,
    elapse = 10_000,
    isEnded = true,
  }: { text?: string; places?: number; elapse?: number; isEnded?: boolean } = {},
) {
  const clock = new FakeClock();
  const lan = new Lan(clock);
  const host = lan.host("eth0", "10.1.0.1", "fe80::1");
  host.isShared = true;
  const recorder = lan.host("ear", "10.1.0.99", "fe80::99").record();
  new Device(lan, "10.1.0.10 fe80::10", text);
  const life = new AbortController();
  const hearing = new Hearing({
    ...{ zone: ZONE, policy: OPEN, subject: readSubject(name, ZONE), clock },
    signal: life.signal,
    watch: new LanWatch(host),
    place: (watch) => ({
      siteOf: () => "paris",
      links: {
        follow: (open, signal) =>
          watch.follow((link, gone) => {
            if (places === 0) open(link, gone);
            else clock.at(clock.now() + places, () => open(link, gone));
          }, signal),
      },
    }),
  });
  const times: { placed?: number; over?: number; unplaced?: string[] } = {};
  void hearing.placed.then(() => {
    times.placed = clock.passed;
  });
  void hearing.over.then(() => {
    times.over = clock.passed;
    times.unplaced = hearing.unplaced;
    if (isEnded) life.abort();
  });
  await clock.elapse(elapse);
  const packets = recorder.heard.filter(({ source }) => ["10.1.0.1", "fe80::1"].includes(source));
  return { ...times, ears: hearing.ears, packets, clock };
}

const WHOLE = `${PRINTER}\n!printer AAAA fd00::10`;

suite("explain listens", () => {
  test("as long as something is missing, and for a few seconds at most", async () => {
    for (const [name, over] of [
      [NAME, 500],
      ["printer.local", 500],
      // More entries may come.
      ["_ipp._tcp", 3500],
      ["Nobody._ipp._tcp", 3500],
      ["nobody", 3500],
      ["Office Printer._ipp._tcp.lyon", 0],
    ] as const) {
      const heard = await hearingOf(name, { text: WHOLE });
      assert.deepEqual([heard.placed, heard.over], [0, over], name);
      assert.equal(heard.clock.next, undefined, "nothing goes on");
    }
    const lacking = await hearingOf(NAME, { text: PRINTER });
    assert.equal(lacking.over, 3500);
  });

  test("for what the name leads to, sends QM questions for that alone, and answers nobody", async () => {
    const text = `${WHOLE}\n!Other._ipp._tcp SRV 0 0 1 pc\n_ssh._tcp PTR Shell._ssh._tcp`;
    const { packets, ears } = await hearingOf(NAME, { text });
    const asked = packets.flatMap(({ message }) => {
      assert.equal(message.isResponse, false);
      return message.questions.map(({ name, type, class: klass }) => {
        assert.equal(klass, Class.IN);
        return `${name.toUnicode()} ${typeName(type)}`;
      });
    });
    assert.deepEqual(
      new Set(asked),
      new Set([
        "_ipp._tcp.local. PTR",
        ...["SRV", "TXT", "ANY"].map((type) => `Office Printer._ipp._tcp.local. ${type}`),
        ...["A", "AAAA"].map((type) => `printer.local. ${type}`),
      ]),
    );
    assert.deepEqual(namesFrom(ears[0]!, readSubject(NAME, ZONE).locals[0]!).map(String), [
      "Office\\032Printer._ipp._tcp.local.",
      "printer.local.",
    ]);
    const nobody = await hearingOf("Nobody._ipp._tcp");
    // Each goes out on both address families.
    assert.ok(nobody.packets.length <= 8, `${nobody.packets.length} packets`);
  });

  test("on a link whose site is found late, but waits only a few seconds for that", async () => {
    const late = await hearingOf(NAME, { text: WHOLE, places: 2000 });
    assert.deepEqual([late.placed, late.over, late.ears.length], [2000, 2500, 1]);
    assert.deepEqual(late.unplaced, []);
    // Too late: by then the zone has been asked about the other links.
    for (const places of [6500, 60_000]) {
      const never = await hearingOf(NAME, { text: WHOLE, places, isEnded: false });
      assert.deepEqual([never.placed, never.over, never.ears.length], [6000, 6000, 0]);
      assert.deepEqual(never.unplaced, ["eth0"]);
    }
  });
});

suite("explain at the command line", () => {
  const explain = (...words: string[]) => run([process.execPath, MAIN, "explain", ...words]);

  test("SEC-19: prints no terminal controls, says who holds what, and goes on without a server", async () => {
    await using server = await Serving.start({ zone: "z.example.", readers: {} });
    const bad = '\\027[31m\\"Red\\"\\226\\128\\174';
    const sets = setsOf(
      `_ipp._tcp PTR ${bad}._ipp._tcp.paris
      _ipp._tcp.paris PTR ${bad}._ipp._tcp.paris
      ${bad}._ipp._tcp.paris SRV 0 0 631 ${bad}.paris
      ${bad}._ipp._tcp.paris TXT "note=\\027]0;x\\007"
      ${bad}.paris A 10.1.0.10`.replace(/^\s+/gm, ""),
    );
    await server.update([...sets].flatMap(recordsOf));
    const config = ["--config", join(server.folder, "gateway.yaml")];
    const names = [`${bad}._ipp._tcp`, `${bad}.paris`, "_ipp._tcp"];
    for (const name of names) {
      const { status, stdout, stderr } = await explain(name, ...config);
      assert.deepEqual([status, stderr], [0, ""]);
      assert.doesNotMatch(`${stdout}`, /[^\P{C}\n]|[\u2028-\u202e\u2066-\u2069]/u);
      assert.match(`${stdout}`, /^ +10 s {2}(SRV|A|PTR) /m);
      assert.match(`${stdout}`, /^ {4}held by the key operator$/m);
    }
    // With the configuration of a collector that publishes there.
    const { port } = server.endpoint;
    const file = join(temporaryFolder(), "collector.yaml");
    const publish = { server: `localhost:${port}` };
    writeFileSync(file, JSON.stringify({ zone: "z.example", links: [], publish }));
    const far = await explain("_ipp._tcp", "--config", file);
    assert.match(
      `${far.stdout}`,
      new RegExp(`^In z\\.example\\., by 127\\.0\\.0\\.1:${port}:\n {2}_ipp`),
    );
    assert.doesNotMatch(`${far.stdout}`, /held by/);
    const nowhere = ["--server", `127.0.0.1:${await freePort()}`];
    const { status, stdout } = await explain("printer.paris", ...config, ...nowhere);
    assert.equal(status, 0);
    assert.match(`${stdout}`, /^ {2}not known: nothing is listening there$/m);
  });

  test("names an argument that it cannot read, and exits with status 1", async () => {
    const file = join(temporaryFolder(), "gateway.yaml");
    writeFileSync(file, "links: []\nzone: z.example\n");
    for (const [words, said] of [
      [
        ["a..b"],
        /^a\.\.b: empty label in "a\.\.b"; expected the name of a service, a type or a host/,
      ],
      [["printer", "--server", "x"], /^--server: "x" is not an address; expected/],
      [["printer", "--domain", "a..b"], /^--domain: empty label/],
      [[], /^error: missing required argument 'name'/],
    ] as const) {
      const { status, stdout, stderr } = await explain(...words, "--config", file);
      assert.deepEqual([status, `${stdout}`], [1, ""]);
      assert.match(stderr, said);
    }
  });
});
