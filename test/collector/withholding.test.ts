/** What the administrator learns about services that are heard and not published. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { project } from "../../src/collector/projection/project.ts";
import { Site } from "../../src/collector/projection/site.ts";
import { RefusalReport } from "../../src/collector/report/refusals.ts";
import { Withholding } from "../../src/collector/report/withholding.ts";
import { policy } from "../../src/config/policy.ts";
import { parseConfig } from "../../src/config.ts";
import { FakeClock } from "../support/clock.ts";
import { Device } from "./device.ts";
import { cacheOf, from, OPEN, response, service, ZONE } from "./fixture.ts";
import { Office } from "./office.ts";

interface Line {
  readonly fact: string;
  readonly count?: number;
  readonly [field: string]: unknown;
}

function notebook() {
  const lines: Line[] = [];
  const note = (fields: object, fact: string) => void lines.push({ ...fields, fact });
  const log = { debug: note, info: note, warn: note, error: note };
  return { log, take: () => lines.splice(0) };
}

/** `count` services without an address, and a site that hears them. */
function bare(count: number, rules?: object, type = "_ipp._tcp"): Site {
  const text = Array.from({ length: count }, (_, i) =>
    service(`s${i}`, type, `h${i}`, "10.1.0.2").replace(/\n[^\n]*$/, ""),
  );
  const site = new Site(ZONE.child("paris")!, rules ? policy.parse(rules) : OPEN);
  site.caches.add(cacheOf(text.join("\n")));
  return site;
}

suite("a withheld service", () => {
  test("is reported once, with its site and the reason, after a while", () => {
    const { log, take } = notebook();
    const clock = new FakeClock();
    const withholding = new Withholding(clock, log);
    const { withheld } = project([bare(1)], ZONE, 5000);
    for (const seconds of [0, 4, 1, 60, 3600]) {
      clock.advance(seconds * 1000);
      withholding.update(withheld);
      assert.deepEqual(
        take(),
        clock.passed === 5000
          ? [
              {
                fact: "service is not published",
                service: "s0._ipp._tcp.local.",
                site: "paris",
                reason: "no address of its host is known",
              },
            ]
          : [],
      );
    }
    withholding.update([]);
    withholding.update(withheld);
    clock.advance(5000);
    withholding.update(withheld);
    assert.equal(take().length, 1, "again");
    const [first] = withheld;
    const other = { ...first!, reason: "its name is reserved" } as const;
    withholding.update([other]);
    clock.advance(60_000);
    withholding.update([other]);
    assert.deepEqual(
      take().map(({ reason }) => reason),
      ["its name is reserved"],
    );
    const elsewhere = { ...other, site: ZONE.child("lyon")! };
    withholding.update([elsewhere]);
    clock.advance(60_000);
    withholding.update([elsewhere]);
    assert.deepEqual(
      take().map(({ site }) => site),
      ["lyon"],
    );
  });

  test("does not fill the log, however many there are", () => {
    const { log, take } = notebook();
    const clock = new FakeClock();
    const withholding = new Withholding(clock, log);
    let lines = 0;
    for (let minute = 0; minute < 10; minute++) {
      for (let second = 0; second < 60; second += 5) {
        withholding.update(project([bare(500)], ZONE, 5000).withheld);
        clock.advance(2500);
        withholding.update(project([bare(500)], ZONE, 5000).withheld);
        clock.advance(2500);
      }
      lines += take().length;
    }
    assert.equal(lines, 0, "what is there for no more than a moment");
    const { withheld } = project([bare(500)], ZONE, 5000);
    withholding.update(withheld);
    clock.advance(5000);
    withholding.update(withheld);
    const told = take();
    assert.equal(told.length, 21);
    assert.deepEqual(told.at(-1), { count: 480, fact: "more services are not published" });
    const more = project([bare(30)], ZONE, 5000).withheld;
    withholding.update(more);
    clock.advance(54_999);
    withholding.update(more);
    assert.deepEqual(take(), [], "in this minute");
    clock.advance(5001);
    withholding.update(more);
    assert.equal(take().length, 21);
  });

  test("SEC-15: is reported by its type only if a rule hides it", () => {
    const { log, take } = notebook();
    const clock = new FakeClock();
    const withholding = new Withholding(clock, log);
    for (const [rules, type, reason] of [
      [[{ deny: "printers" }], "_ipp._tcp", "policy.rules[0] denies it"],
      [[], "_airdrop._tcp", "its type reveals personal data, and no rule allows it"],
      [[], "_ldap._tcp", "its type steers clients, and no rule allows it"],
    ] as const) {
      const { withheld } = project([bare(30, { rules }, type)], ZONE, 5000);
      withholding.update(withheld);
      clock.advance(60_000);
      withholding.update(withheld);
      assert.deepEqual(take(), [
        { fact: "service is not published", type: `${type}.local.`, site: "paris", reason },
      ]);
    }
  });

  test("is reported by a collector, its name without control characters", async () => {
    const { log, take } = notebook();
    const { policy: defaults } = parseConfig("", "p", ".");
    const office = new Office({ log, policy: defaults, extra: () => [] });
    const text = service("x", "_http._tcp", "web", "8.8.8.8").replaceAll(
      "x._http",
      "\\027[31m\\226\\128\\174x._http",
    );
    new Device(office.lans[0]!, "10.1.0.2", text).announce();
    await office.clock.elapse(20_000);
    const told = take().filter(({ fact }) => fact === "service is not published");
    assert.deepEqual(told, [
      {
        fact: "service is not published",
        service: "\\027[31m\\226\\128\\174x._http._tcp.local.",
        site: "site1",
        reason: "its name has control characters",
      },
    ]);
    await office.end();
  });
});

suite("records that may never be published", () => {
  test("are reported when there are more, all together, every three minutes at most", () => {
    const { log, take } = notebook();
    const clock = new FakeClock();
    const report = new RefusalReport(clock, log);
    const site = new Site(ZONE.child("paris")!, OPEN);
    const cache = cacheOf(service("x", "_ipp._tcp", "printer", "10.1.0.10"));
    site.caches.add(cache);
    const look = (seconds: number) => {
      clock.advance(seconds * 1000);
      report.update([site]);
      return take();
    };
    assert.deepEqual(look(0), []);
    cache.receive(
      response("wpad 3600 A 10.1.0.66\nisatap 3600 A 10.1.0.66"),
      from("10.1.0.66"),
      1000,
    );
    cache.receive(response("evil 3600 NS evil"), from("10.1.0.67"), 2000);
    cache.receive(response("kerberos 3600 A 10.1.0.68"), from("10.1.0.68"), 1500);
    assert.deepEqual(look(179), []);
    const fact = "records were heard that may never be published";
    const records = { "its host's name steers clients": 3, "its type steers servers": 1 };
    assert.deepEqual(look(1), [
      { fact, records, latest: "its type steers servers", source: "10.1.0.67" },
    ]);
    assert.deepEqual(look(180), [], "as many as before");
    cache.receive(response("isatap 3600 A 10.1.0.69"), from("10.1.0.69"), 400_000);
    assert.deepEqual(look(180), [
      {
        fact,
        records: { ...records, "its host's name steers clients": 4 },
        latest: "its host's name steers clients",
        source: "10.1.0.69",
      },
    ]);
  });

  test("SD-36: include a subtype whose name is too long beneath the site", () => {
    const { log, take } = notebook();
    const domain = ["b", "c", "d"].reduce((zone, label) => zone.child(label.repeat(60))!, ZONE);
    const site = new Site(domain, OPEN);
    const printer = service("x", "_ipp._tcp", "printer", "10.1.0.10");
    const subtype = `${"s".repeat(63)}._sub._ipp._tcp`;
    site.caches.add(cacheOf(`${printer}\n${subtype} PTR x._ipp._tcp`));
    const { sets, services, withheld } = project([site], ZONE, 5000);
    assert.deepEqual([services.size, withheld.length], [1, 0]);
    assert.ok(![...sets].some(({ name }) => `${name}`.includes("_sub")));
    new RefusalReport(new FakeClock(), log).update([site]);
    assert.deepEqual(
      take().map((line) => line.records),
      [{ "its name is too long beneath the site": 1 }],
    );
  });
});
