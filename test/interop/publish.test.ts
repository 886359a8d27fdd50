/**
 * The same collector publishes into any primary that speaks RFC 2136: one suite for the zone of this
 * process, a gateway far away, BIND and Knot; and tests of what is peculiar to each make.
 */
import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { FarZone } from "../../src/collector/publishing/farzone.ts";
import { guardOf } from "../../src/collector/publishing/guard.ts";
import { inheritance } from "../../src/collector/publishing/inheritance.ts";
import { Publication, type PublishedZone } from "../../src/collector/publishing/publication.ts";
import { RecordSets } from "../../src/collector/recordsets.ts";
import { Rcode, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { type Rdata, rdata, targetOf } from "../../src/dns/rdata.ts";
import type { RecordSet } from "../../src/dns/record.ts";
import { PersistentConnection } from "../../src/net/client/persistent.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { isCarriedType } from "../../src/zone/update/principal.ts";
import { lines } from "../collector/fixture.ts";
import { lyon } from "../dnsserver/secured.ts";
import { silentLog } from "../support/log.ts";
import {
  bindTarget,
  gatewayTarget,
  KEY,
  knotTarget,
  localTarget,
  ORIGIN,
  SECOND_KEY,
  serialOf,
  type Target,
} from "../support/targets.ts";
import { skipWithout } from "../support/tool.ts";
import { waitFor } from "../support/wait.ts";

const SITE = ORIGIN.child("paris")!;
/** Milliseconds until everything has been heard; a collector takes fifteen seconds. */
const SETTLE = 700;

const PRINTER = `
_ipp._tcp PTR Office\\032Printer._ipp._tcp.paris
_ipp._tcp.paris PTR Office\\032Printer._ipp._tcp.paris
Office\\032Printer._ipp._tcp.paris SRV 0 0 631 printer.paris
Office\\032Printer._ipp._tcp.paris TXT "note=one"
printer.paris A 10.1.0.10
printer.paris AAAA fd00:1::10
_services._dns-sd._udp PTR _ipp._tcp
_services._dns-sd._udp.paris PTR _ipp._tcp.paris
`;

function setsOf(text: string, ttl = 10): RecordSets {
  return RecordSets.of(
    parseMasterFile(`$TTL ${ttl}\n${text}`, { origin: ORIGIN, isPartial: true }),
  );
}

/** A collector as a zone sees it: it comes, says what it wants, and goes. */
class Publisher {
  readonly facts: { fact: string; [field: string]: unknown }[] = [];
  readonly publication: Publication;
  /** When everything has been heard. */
  settles = systemClock.now() + SETTLE;

  constructor(zone: PublishedZone) {
    const tell = (fields: object, fact: string) => this.facts.push({ ...fields, fact });
    this.publication = new Publication({
      zone,
      clock: systemClock,
      log: { ...silentLog, warn: tell, info: tell },
      ours: (sets) => inheritance(sets, { zone: ORIGIN, sites: [SITE], subnets: [] }),
      left: (ours) => ours,
      guard: guardOf(ORIGIN, "merged"),
      sites: () => [SITE],
      settles: () => this.settles,
    });
    this.publication.inherit();
  }

  want(text: string, ttl?: number): void {
    this.publication.want(setsOf(text, ttl));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.publication.end();
  }
}

/** The zone's records besides SOA and NS. */
async function there(target: Target): Promise<string[]> {
  return lines((await target.records()).filter(({ type }) => isCarriedType(type)));
}

async function expectThere(target: Target, sets: RecordSets): Promise<void> {
  const wanted = lines(target.foldsCase ? [...sets].map(inLowerCase) : sets);
  const isSo = async () => wanted.join() === (await there(target)).join();
  await waitFor("the zone to be as wanted", isSo, 60_000).catch(async () =>
    assert.deepEqual(await there(target), wanted),
  );
}

function inLowerCase(set: RecordSet): RecordSet {
  const lower = (name: Name) => name.toLowerCase();
  const rdatas = set.rdatas.map((rdata) => rdata.mapNames(lower)!);
  return { ...set, name: lower(set.name), rdatas };
}

function services(count: number): string {
  return Array.from({ length: count }, (_, i) =>
    PRINTER.replaceAll("Office\\032Printer", `Printer\\032${i}`)
      .replaceAll("printer.paris", `printer-${i}.paris`)
      .replaceAll("10.1.0.10", `10.1.${i >> 8}.${i & 255}`),
  ).join("");
}

const targets: [string, () => Promise<Target>, string | false][] = [
  ["the zone of this process", localTarget, false],
  ["a gateway far away", gatewayTarget, skipWithout("dig")],
  ["BIND", bindTarget, skipWithout("named", "dig")],
  ["Knot", knotTarget, skipWithout("knotd", "dig")],
];

for (const [name, start, skip] of targets) {
  suite(`publishing into ${name}`, { skip }, () => {
    test("a service comes, changes, has another TTL and goes", async () => {
      await using target = await start();
      await using publisher = new Publisher(target.zone());
      publisher.want(PRINTER);
      await expectThere(target, setsOf(PRINTER));
      const changed = PRINTER.replace("note=one", "note=two");
      publisher.want(changed);
      await expectThere(target, setsOf(changed));
      publisher.want(changed, 5);
      if (!target.keepsTtl) await expectThere(target, setsOf(changed, 5));
      publisher.want("");
      await expectThere(target, setsOf(""));
      assert.deepEqual(publisher.facts, []);
    });

    test("new data of a service replaces the old, whoever published that", async () => {
      await using target = await start();
      const changed = PRINTER.replace("note=one", "note=two").replace("0 0 631", "0 0 632");
      // Another collector of its site, which has died.
      await using dead = new Publisher(target.zone({ key: SECOND_KEY }));
      dead.want(PRINTER);
      await expectThere(target, setsOf(PRINTER));
      await dead.publication.end();
      await using publisher = new Publisher(target.zone());
      publisher.want(PRINTER);
      const { counters } = publisher.publication.reconciler;
      await waitFor("it to have said so", () => counters.refreshes > 0);
      const serial = await serialOf(target);
      publisher.want(changed);
      await expectThere(target, setsOf(changed));
      assert.equal(await serialOf(target), serial + 1, "one change");
      assert.deepEqual(publisher.facts, []);
    });

    test("unusual names, and data of unknown types, are there octet for octet", async () => {
      await using target = await start();
      await using publisher = new Publisher(target.zone());
      const text = [
        ...[
          "Büro\\032Drucker\\046\\032\\092neu\\092",
          'a\\.b\\032\\"c\\"\\059\\032\\064\\036x',
          "x".repeat(63),
        ],
        "\\195\\169\\255\\254",
      ]
        .flatMap((label) => [
          `_chat._tcp.paris PTR ${label}._chat._tcp.paris`,
          `${label}._chat._tcp.paris SRV 0 0 5298 UPPER-case.paris`,
          `${label}._chat._tcp.paris TXT "status=avail" "\\195\\169\\000\\255" ""`,
          `${label}._chat._tcp.paris NULL \\# 3 00ff80`,
        ])
        .concat(`x._chat._tcp.paris NULL \\# 1400 ${"89504e47".repeat(350)}`)
        .join("\n");
      publisher.want(text);
      await expectThere(target, setsOf(text));
      assert.deepEqual(publisher.facts, []);
    });

    test("five hundred services come and go", async (t) => {
      await using target = await start();
      await using publisher = new Publisher(target.zone());
      // BIND takes at most a hundred records in a set: that is another test.
      const text = services(500).replace(/^_(ipp|services).* PTR .*$/gm, "");
      const began = performance.now();
      publisher.want(text);
      await expectThere(target, setsOf(text));
      t.diagnostic(`500 services: ${took(began)}, ${sent(publisher)} updates`);
      publisher.want("");
      await expectThere(target, setsOf(""));
    });

    test("a collector that returns takes over what stayed, and only removes what left", async () => {
      await using target = await start();
      const both = `${PRINTER}${services(1)}`;
      {
        await using before = new Publisher(target.zone());
        before.want(both);
        await expectThere(target, setsOf(both));
      }
      const serial = await serialOf(target);
      await using publisher = new Publisher(target.zone());
      publisher.settles = systemClock.now() + 60_000;
      publisher.want("");
      await waitFor("its refresh", () => publisher.publication.reconciler.counters.refreshes > 0);
      publisher.want(PRINTER.split("\n").slice(3).join("\n"));
      publisher.want(PRINTER);
      assert.equal(await serialOf(target), serial, "nothing has changed for readers");
      publisher.settles = systemClock.now();
      publisher.want(PRINTER);
      await expectThere(target, setsOf(PRINTER));
      assert.notEqual(await serialOf(target), serial);
    });

    test("records added by hand stay, even beneath the site", async () => {
      await using target = await start();
      const hand = [
        "paris 3600 TXT office",
        "wiki.paris 3600 A 10.1.0.77",
        "Wiki._http._tcp.paris 3600 SRV 0 0 80 wiki.paris",
        "_http._tcp.paris 3600 PTR Wiki._http._tcp.paris",
        "_http._tcp 3600 PTR Wiki._http._tcp.paris",
      ].join("\n");
      {
        await using before = new Publisher(target.zone());
        before.want(`${hand}\ngone.paris A 10.1.0.99`);
        await expectThere(target, setsOf(`${hand}\ngone.paris A 10.1.0.99`));
      }
      await using publisher = new Publisher(target.zone());
      publisher.want(PRINTER);
      await expectThere(target, setsOf(`${hand}\n${PRINTER}`));
    });

    test("what is withdrawn at the end is gone soon", async (t) => {
      await using target = await start();
      const publisher = new Publisher({ ...target.zone(), withdraw: true });
      publisher.want(services(100));
      await expectThere(target, setsOf(services(100)));
      const began = performance.now();
      await publisher.publication.end();
      t.diagnostic(`100 services withdrawn in ${took(began)}`);
      assert.deepEqual(await there(target), []);
    });

    test("a restarted server has everything, including what changed meanwhile", async () => {
      await using target = await start();
      await using publisher = new Publisher(target.zone());
      publisher.want(PRINTER);
      await expectThere(target, setsOf(PRINTER));
      const restarted = target.restart();
      publisher.want(services(3));
      await restarted;
      await expectThere(target, setsOf(services(3)));
    });
  });
}

suite("publishing into far servers", { skip: skipWithout("named", "knotd", "dig") }, () => {
  const far = targets.slice(1);

  test("a server that replaces another gets what is published, and keeps nothing older", async () => {
    await using one = await bindTarget();
    await using other = await bindTarget();
    let { endpoint } = one.primary;
    const locate = async () => [endpoint];
    const connection = new PersistentConnection({ locate, clock: systemClock });
    const { origin, lease } = one.zone();
    const zone = new FarZone({ origin, connection, clock: systemClock, key: KEY });
    const { publish, readBack, isOlder } = zone;
    const granted = () => zone.lease;
    await using publisher = new Publisher({ origin, lease, publish, readBack, isOlder, granted });
    // The copy has a higher serial.
    const before = `${PRINTER}gone.paris A 10.1.0.99\n`;
    publisher.want(before);
    await expectThere(one, setsOf(before));
    await using copying = new Publisher(other.zone());
    for (const text of [PRINTER, services(2), before]) {
      copying.want(text);
      await expectThere(other, setsOf(text));
    }
    publisher.want(PRINTER);
    await expectThere(one, setsOf(PRINTER));
    assert.ok((await serialOf(other)) > (await serialOf(one)));
    endpoint = other.primary.endpoint;
    // As a server does with an idle connection.
    connection.close();
    const after = PRINTER.replace("note=one", "note=two");
    publisher.want(after);
    await expectThere(other, setsOf(after));
    connection.close();
  });

  test("TSIG-13: a wrong secret or an unknown key is reported in one clear line", async () => {
    for (const [name, start] of far) {
      await using target = await start();
      for (const [key, reason] of [
        [{ ...KEY, secret: Buffer.from("another secret") }, /secret.*BADSIG.*paris/],
        [{ ...KEY, name: ORIGIN.child("nobody")! }, /not know the key.*BADKEY.*nobody/],
      ] as const) {
        await using publisher = new Publisher(target.zone({ key }));
        publisher.want(PRINTER);
        const { failures } = publisher.publication.reconciler.counters;
        await waitFor(`three tries at ${name}`, () => {
          return publisher.publication.reconciler.counters.failures > failures + 2;
        });
        const [fact, ...more] = publisher.facts;
        assert.deepEqual(more, [], name);
        assert.match(String(fact?.reason), reason, name);
      }
      assert.deepEqual(await there(target), []);
    }
  });

  test("a key of another site is reported in one clear line with the site and the key", async () => {
    await using target = await gatewayTarget();
    const zone = target.zone({ key: lyon });
    await using publisher = new Publisher({ ...zone, key: "lyon" });
    publisher.want(`${PRINTER}${services(3)}`);
    const { counters } = publisher.publication.reconciler;
    await waitFor("every record to be refused", () => counters.refusals > 17);
    const [fact, ...more] = publisher.facts;
    assert.deepEqual(more, []);
    assert.deepEqual([fact?.site, fact?.key, fact?.rcode], ["paris", "lyon", "REFUSED"]);
    assert.match(fact!.fact, /does not let the key write this name.*bound to another site/);
    assert.deepEqual(await there(target), []);
  });

  test("BIND's rule for host names is reported once, with the option that lifts it", async () => {
    const odd = `Desk._http._tcp.paris SRV 0 0 80 DESKTOP_01.paris\nDESKTOP_01.paris A 10.1.0.11\n`;
    const refusing = await bindTarget();
    try {
      await using publisher = new Publisher(refusing.zone());
      publisher.want(`${odd}${PRINTER}`);
      await expectThere(refusing, setsOf(PRINTER));
      const { counters } = publisher.publication.reconciler;
      await waitFor("both to be refused again", () => counters.refusals > 4);
      const [fact, ...more] = publisher.facts;
      assert.deepEqual(more, []);
      assert.deepEqual([fact?.site, fact?.rcode], ["paris", "REFUSED"]);
      assert.match(
        fact!.fact,
        /letters, digits and hyphens; BIND accepts it with check-names ignore/,
      );
    } finally {
      await refusing[Symbol.asyncDispose]();
    }
    await using taking = await bindTarget({ lines: "check-names ignore;" });
    await using publisher = new Publisher(taking.zone());
    publisher.want(`${odd}${PRINTER}`);
    await expectThere(taking, setsOf(`${odd}${PRINTER}`));
    assert.deepEqual(publisher.facts, []);
  });

  test("TSIG-06: a wrong clock is reported with the difference", async () => {
    for (const [name, start] of far) {
      await using target = await start();
      const clock = { ...systemClock, wall: () => systemClock.wall() - 4_000_000 };
      await using publisher = new Publisher(target.zone({ clock }));
      publisher.want(PRINTER);
      await waitFor("the line", () => publisher.facts.length > 0);
      assert.match(String(publisher.facts[0]!.reason), /clock is (4000|3999|4001) s behind/, name);
    }
  });
});

test("a frozen zone is reported, and what changed meanwhile is there soon after it thaws", async () => {
  await using target = await localTarget();
  let isFrozen = false;
  const zone = target.zone();
  await using publisher = new Publisher({
    ...zone,
    key: "paris",
    publish: async (update) => (isFrozen ? Rcode.REFUSED : zone.publish(update)),
  });
  const { counters } = publisher.publication.reconciler;
  publisher.want(PRINTER);
  await expectThere(target, setsOf(PRINTER));
  isFrozen = true;
  const changed = PRINTER.replace("note=one", "note=two");
  publisher.want(changed);
  const { refusals } = counters;
  await waitFor("it to be tried again", () => counters.refusals > refusals + 3);
  isFrozen = false;
  await expectThere(target, setsOf(changed));
  const [fact, ...more] = publisher.facts;
  assert.deepEqual(more, []);
  assert.match(fact!.fact, /refuses what it let the key write before.*frozen/);
});

suite("a server that does not let the key transfer", {
  skip: skipWithout("named", "knotd"),
}, () => {
  // BIND answers that with REFUSED, and Knot with BADKEY.
  for (const [name, start] of [
    ["BIND", bindTarget],
    ["Knot", knotTarget],
  ] as const) {
    test(`is published into, and reported once: ${name}`, async () => {
      await using target = await start({ isTransferRefused: true });
      await using publisher = new Publisher(target.zone());
      const { counters } = publisher.publication.reconciler;
      for (const text of ["printer.paris A 10.1.0.10", "printer.paris A 10.1.0.11"]) {
        const { updates } = counters;
        publisher.want(text);
        await waitFor("the update", () => counters.updates > updates);
      }
      await waitFor("the line", () => publisher.facts.length > 0);
      const [fact, ...more] = publisher.facts;
      assert.match(fact!.fact, /stay in the zone.*allow-transfer/);
      assert.deepEqual(more, []);
    });
  }
});

suite("a server that fails to load its zone", { skip: skipWithout("named", "dig") }, () => {
  test("is reported in one line, and has everything soon after it loads the zone", async () => {
    await using target = await bindTarget();
    const file = join(target.primary.folder, "zone");
    const text = readFileSync(file);
    appendFileSync(file, "broken BAD RECORD\n");
    await target.restart();
    await using publisher = new Publisher(target.zone());
    publisher.want(PRINTER);
    const { counters } = publisher.publication.reconciler;
    await waitFor("each record to be refused", () => counters.refusals > 15);
    const [fact, ...more] = publisher.facts;
    assert.match(String(fact?.reason), /SERVFAIL/);
    assert.deepEqual(more, []);
    writeFileSync(file, text);
    await target.restart();
    await expectThere(target, setsOf(PRINTER));
  });
});

suite("two sites on one server", { skip: skipWithout("named", "knotd", "dig") }, () => {
  const common = (site: string) => `
_ipp._tcp PTR Printer._ipp._tcp.${site}
_services._dns-sd._udp PTR _ipp._tcp
lb._dns-sd._udp PTR @
`;

  test("what they have in common stays while one of them wants it", async () => {
    for (const [, start] of targets.slice(2)) {
      await using target = await start();
      const paris = new Publisher({ ...target.zone(), withdraw: true });
      const lyon = new Publisher({ ...target.zone(), withdraw: true });
      paris.want(common("paris"));
      lyon.want(common("lyon"));
      await expectThere(target, setsOf(`${common("paris")}${common("lyon")}`));
      await paris.publication.end();
      await expectThere(target, setsOf(common("lyon")));
      await lyon.publication.end();
      await expectThere(target, setsOf(""));
    }
  });
});

suite("publishing into BIND", { skip: skipWithout("named", "dig") }, () => {
  test("a set of more than a hundred has a hundred, and the log says what to do", async (t) => {
    await using target = await bindTarget();
    await using publisher = new Publisher(target.zone());
    publisher.want(services(150));
    const listed = async () =>
      (await there(target)).filter((line) => /^_ipp\._tcp\.bonjour\.example\. /.test(line)).length;
    const all = 150 * 4 + 2 + 100 + 100;
    const isThere = async () => (await there(target)).length === all;
    await waitFor("everything else to be there", isThere, 60_000);
    assert.equal(await listed(), 100);
    t.diagnostic(`150 services, 2 sets too large: ${sent(publisher)} updates`);
    assert.equal(publisher.facts.length, 2);
    for (const { fact, set, published, wanted } of publisher.facts) {
      assert.match(fact, /max-records-per-type/);
      assert.match(String(set), /^_ipp\._tcp\..* PTR$/);
      assert.deepEqual([published, wanted], [100, 150]);
    }
  });

  test("with its limit lifted, a set of a thousand is published", async () => {
    await using target = await bindTarget({ lines: "max-records-per-type 0;" });
    await using publisher = new Publisher(target.zone());
    const text = Array.from({ length: 1000 }, (_, i) => `_ipp._tcp PTR p${i}._ipp._tcp.paris`);
    publisher.want(text.join("\n"));
    await expectThere(target, setsOf(text.join("\n")));
    assert.deepEqual(publisher.facts, []);
  });

  test("forty hosts with names that it refuses keep out none of the other 260", async (t) => {
    await using target = await bindTarget({ lines: "max-records-per-type 0;" });
    await using publisher = new Publisher(target.zone());
    const text = services(300).replace(/\bprinter-([123]?\d)\.paris/g, "printer_$1.paris");
    const began = performance.now();
    publisher.want(text);
    // A service without an address is there and leads nowhere, but is not listed.
    const isPossible = (line: string) =>
      !line.includes("printer_") && !/ PTR Printer\\032[123]?\d\._ipp/.test(line);
    await expectThere(target, setsOf(text.split("\n").filter(isPossible).join("\n")));
    t.diagnostic(`260 of 300 services: ${took(began)}, ${sent(publisher)} updates`);
    assert.equal(publisher.facts.length, 1);
  });
});

suite("SEC-13: more printers of a type than a message takes", () => {
  for (const [name, start, skip] of targets.slice(0, 2)) {
    test(`are listed as far as they fit, and the rest as others leave: ${name}`, {
      skip,
    }, async (t) => {
      await using target = await start();
      await using publisher = new Publisher(target.zone());
      const { publication, facts } = publisher;
      const began = performance.now();
      const all = Array.from({ length: 2000 }, (_, i) => i);
      publication.want(printers(all));
      /** Waits until everything is there but PTRs, and of these as many as fit. */
      const untilFull = async (numbers: readonly number[], more = "") => {
        const other = lines(setsOf(`${printersAlone(numbers)}${more}`)).join();
        return await waitFor(
          "everything to be there but for some of the lists",
          async () => {
            const sets = await target.records();
            const isList = ({ type, name }: RecordSet) =>
              type === Type.PTR && `${name}`.startsWith("_ipp.");
            const lists = sets.filter(isList);
            const rest = sets.filter((set) => isCarriedType(set.type) && !isList(set));
            const isFull = lists.length === 2 && lists.every((set) => set.rdatas.length === MOST);
            return isFull && lines(rest).join() === other && lists[0]!.rdatas;
          },
          60_000,
          200,
        );
      };
      const listed = await untilFull(all);
      t.diagnostic(`${MOST} of 2000 listed twice: ${took(began)}, ${sent(publisher)} updates`);
      await waitFor("both lines", () => facts.length === 2);
      for (const { fact, set, rcode, published, wanted } of facts) {
        assert.match(fact, /takes no more records in this set.*65,535 octets/);
        assert.match(String(set), /^_ipp\._tcp\..* PTR$/);
        assert.deepEqual([rcode, wanted], ["SERVFAIL", 2000]);
        assert.ok(Number(published) <= MOST);
      }
      // Another service is there at once, and those that leave make room.
      const gone = new Set(listed.slice(0, 300).map((rdata) => numberIn(rdata)));
      const left = all.filter((i) => !gone.has(i));
      const scanner = "Scanner._scan._tcp.paris SRV 0 0 80 printer-0001.paris\n";
      publication.want(printers(left, scanner));
      const listedThen = await untilFull(left, scanner);
      assert.ok(listedThen.every((rdata) => !gone.has(numberIn(rdata))));
      t.diagnostic(`300 of others in their place: ${took(began)}, ${sent(publisher)} updates`);
    });
  }
});

/** How many printers such as these a set takes. */
const MOST = 1333;

/** The records of each besides the PTRs that lead to it. */
function printersAlone(numbers: readonly number[]): string {
  return numbers
    .map((i) => String(i).padStart(4, "0"))
    .map(
      (i) => `Printer\\032${i}._ipp._tcp.paris SRV 0 0 631 printer-${i}.paris
Printer\\032${i}._ipp._tcp.paris TXT "note=one"
printer-${i}.paris A 10.1.0.10
`,
    )
    .join("");
}

function numberIn(printer: Rdata): number {
  return Number(/(\d{4})\._ipp/.exec(`${targetOf(printer)}`)![1]);
}

function printers(numbers: readonly number[], more = ""): RecordSets {
  const sets = setsOf(`${printersAlone(numbers)}${more}`);
  const rdatas = numbers.map((i) =>
    rdata.ptr(Name.parse(`Printer\\032${String(i).padStart(4, "0")}._ipp._tcp.paris`, ORIGIN)),
  );
  for (const owner of ["_ipp._tcp", "_ipp._tcp.paris"]) {
    sets.put({ name: Name.parse(owner, ORIGIN), type: Type.PTR, ttl: 10, rdatas });
  }
  return sets;
}

function took(began: number): string {
  return `${Math.round(performance.now() - began)} ms`;
}

function sent({ publication }: Publisher): number {
  return publication.reconciler.counters.updates;
}
