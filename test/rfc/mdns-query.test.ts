/** When a link is asked which questions: RFC 6762 §5.2, §5.3, §5.4, §7, §10.4, §17, §18; RFC 8766 §9.3. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Harvest, type HarvestOptions } from "../../src/collector/link/harvest.ts";
import { knownAnswers } from "../../src/collector/link/knownanswers.ts";
import { composeQuery } from "../../src/collector/link/query.ts";
import { Class, Opcode, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { makeMessage } from "../../src/dns/message.ts";
import { LOCAL } from "../../src/dns/service.ts";
import { Device } from "../collector/device.ts";
import {
  cacheOf,
  held,
  local,
  query,
  records,
  response,
  service,
  TOP,
} from "../collector/fixture.ts";
import { FakeClock, START } from "../support/clock.ts";
import { type Heard, Lan, type LanHost } from "../support/lan.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Stage {
  readonly clock: FakeClock;
  readonly lan: Lan;
  readonly link: LanHost;
  /** Hears what is sent to all. */
  readonly witness: LanHost;
  readonly harvest: Harvest;
}

function stage(
  options: Partial<HarvestOptions> & { chance?: readonly number[]; isShared?: boolean } = {},
  setUp: (lan: Lan) => void = () => {},
): Stage {
  const clock = new FakeClock({ chance: [...(options.chance ?? [0.5])] });
  const lan = new Lan(clock);
  const link = lan.host("gateway", "10.0.0.1", "fe80::1");
  link.isShared = options.isShared ?? false;
  const witness = lan.host("witness", "10.0.0.2").record();
  setUp(lan);
  const harvest = new Harvest({
    link,
    clock,
    types: [],
    refresh: "multicast",
    disputed: () => {},
    unheard: () => {},
    changed: () => {},
    gone: new AbortController().signal,
    ...options,
  });
  return { clock, lan, link, witness, harvest };
}

/** When the witness heard this question, from `since` on. */
function timesOf({ witness }: Stage, owner: string, type: number, since = 0): number[] {
  return heardOf(witness, owner, type, since).map(({ at }) => at);
}

function heardOf(witness: LanHost, owner: string, type: number, since = 0): Heard[] {
  const name = local(owner);
  return witness.heard.filter(
    ({ at, message, source }) =>
      at >= since &&
      source === "10.0.0.1" &&
      message.questions.some((each) => each.type === type && each.name.equals(name)),
  );
}

/** When anybody heard the question for all types: the witness, or a host that speaks IPv6 alone. */
function metaTimesOf(set: Stage, six: LanHost): number[] {
  const times = new Set([...timesOf(set, META, Type.PTR), ...six.heard.map(({ at }) => at)]);
  return [...times].sort((a, b) => a - b);
}

/** Another host that speaks both families. */
const bystander = ({ lan }: Stage) => lan.host("bystander", "10.0.0.5", "fe80::5");

const META = "_services._dns-sd._udp";
const gapsOf = (times: readonly number[]) => times.slice(1).map((time, i) => time - times[i]!);

suite("a series of questions", () => {
  test("MDNS-01: goes to the multicast group of each family", () => {
    const set = stage();
    const six = set.lan.host("six", "fe80::6").record();
    set.clock.advance(200);
    assert.equal(timesOf(set, META, Type.PTR).length, 1);
    assert.deepEqual(
      six.heard.map(({ family, isUnicast }) => ({ family, isUnicast })),
      [{ family: 6, isUnicast: false }],
    );
  });

  test("MDNS-02: waits a second, then at least twice as long each time", () => {
    const set = stage();
    const six = set.lan.host("six", "fe80::6").record();
    set.clock.advance(3 * HOUR);
    const gaps = gapsOf(metaTimesOf(set, six));
    assert.ok(gaps.length >= 9);
    assert.ok(gaps[0]! >= 1000);
    for (const [i, gap] of gaps.slice(1).entries())
      assert.ok(gap >= Math.min(2 * gaps[i]!, HOUR), `${gaps}`);
  });

  test("MDNS-02: that one client ends and another begins is not asked twice within a second", () => {
    const set = stage();
    for (let i = 0; i < 10; i++) {
      set.harvest.inquire(local("h"), [Type.A], `10.0.0.${i}`);
      set.clock.advance(200);
      set.harvest.cease(local("h"), Type.A);
    }
    const gaps = gapsOf(timesOf(set, "h", Type.A));
    assert.ok(gaps.length >= 1 && Math.min(...gaps) >= 1000, `${gaps}`);
  });

  test("MDNS-02: that restarts is not asked twice within a second", () => {
    const set = stage();
    const text = `${META} 4500 PTR _ipp._tcp\n${service("a", "_ipp._tcp", "h", "10.0.0.3")}`;
    new Device(set.lan, "10.0.0.3", text).announce();
    set.clock.advance(MINUTE);
    for (let i = 0; i < 10; i++) {
      set.harvest.resume();
      set.clock.advance(300);
    }
    for (const [owner, type] of [
      [META, Type.PTR],
      ["_ipp._tcp", Type.PTR],
      ["_universal._sub._ipp._tcp", Type.PTR],
      ["a._ipp._tcp", Type.SRV],
    ] as const) {
      const gaps = gapsOf(timesOf(set, owner, type, MINUTE));
      assert.ok(gaps.length >= 1 && Math.min(...gaps) >= 1000, `${owner}: ${gaps}`);
    }
  });

  test("MDNS-02: that follows the last refresh is not asked twice within a second", () => {
    const set = stage();
    set.witness.say(response("_ipp._tcp PTR a._ipp._tcp\na._ipp._tcp 18 SRV 0 0 1 h"));
    set.clock.advance(30_000);
    const times = timesOf(set, "a._ipp._tcp", Type.SRV);
    assert.ok(
      times.some((time) => time > 17_000 && time < 18_000),
      `${times}`,
    );
    assert.ok(Math.min(...gapsOf(times)) >= 1000, `${times}`);
  });

  test("MDNS-02: of a list is not asked twice within a second, whatever it could leave with", () => {
    const set = stage({ chance: [0] });
    set.witness.say(response("_ipp._tcp 100 PTR a._ipp._tcp"));
    set.clock.advance(79_500);
    set.harvest.inquire(local("_ipp._tcp"), [Type.PTR], "10.0.0.8");
    set.clock.advance(100);
    const refresh = set.harvest.cache.due()! - START;
    assert.ok(refresh < 80_300, `${refresh}`);
    set.clock.advance(refresh - set.clock.passed);
    set.harvest.inquire(local("h"), [Type.A], "10.0.0.8");
    set.clock.advance(5000);
    const times = timesOf(set, "_ipp._tcp", Type.PTR, 79_500);
    assert.ok(times[0]! < 80_000 && times.length >= 2, `${times}`);
    assert.ok(Math.min(...gapsOf(times)) >= 1000, `${times}`);
  });

  test("MDNS-03: slows down to one an hour, and stays there", () => {
    const set = stage();
    const six = set.lan.host("six", "fe80::6").record();
    set.clock.advance(24 * HOUR);
    const times = metaTimesOf(set, six);
    assert.ok(times.length <= 36, `${times.length} in a day`);
    assert.ok(Math.max(...gapsOf(times)) <= 1.04 * HOUR);
    assert.ok(gapsOf(times).at(-1)! >= HOUR);
  });

  for (const minutes of [3, 5, 10, 20]) {
    test(`a device out of reach for ${minutes} minutes is found again within as long`, () => {
      const set = stage();
      const text = `${META} 4500 PTR _ipp._tcp\n${service("a", "_ipp._tcp", "h", "10.0.0.3")}`;
      const device = new Device(set.lan, "10.0.0.3", text);
      device.announce();
      const isThere = () => held(set.harvest.cache, "a._ipp._tcp", "SRV").length > 0;
      set.clock.advance(30 * MINUTE);
      device.host.isUp = false;
      set.clock.advance(minutes * MINUTE);
      assert.ok(!isThere());
      device.host.isUp = true;
      set.clock.advance(minutes * MINUTE);
      assert.ok(isThere());
    });
  }

  for (const minutes of [30, 120]) {
    test(`MDNS-48: a device is found at once when the link gains its family after ${minutes} minutes`, () => {
      const set = stage();
      const { addresses } = set.link;
      set.link.addresses = addresses.filter(({ family }) => family === 6);
      set.harvest.readdress();
      const text = `${META} 4500 PTR _ipp._tcp\n${service("a", "_ipp._tcp", "h", "10.0.0.3")}`;
      new Device(set.lan, "10.0.0.3", text);
      set.clock.advance(minutes * MINUTE);
      set.link.addresses = addresses;
      set.harvest.readdress();
      set.clock.advance(5000);
      assert.equal(held(set.harvest.cache, "h", "A").length, 1);
    });
  }

  test("MDNS-48: goes to both families in the first two minutes, then to each in turn", () => {
    const set = stage();
    const both = set.lan.host("both", "10.0.0.46", "fe80::46").record();
    set.clock.advance(24 * HOUR);
    const families = (isLate: boolean) =>
      both.heard.filter(({ at }) => at >= 2 * MINUTE === isLate).map(({ family }) => family);
    const early = families(false);
    assert.equal(early.filter((each) => each === 4).length, 7);
    assert.equal(early.filter((each) => each === 6).length, 7);
    const late = families(true);
    assert.ok(late.length >= 25, `${late}`);
    for (const [i, family] of late.entries()) assert.equal(family, i % 2 === 0 ? 4 : 6);
  });

  test("MDNS-04: starts after a random 20 to 120 ms", () => {
    const starts = [0, 0.25, 0.5, 0.75, 0.999].map((chance) => {
      const set = stage({ chance: [chance] });
      set.clock.advance(200);
      return timesOf(set, META, Type.PTR)[0]!;
    });
    for (const start of starts) assert.ok(start >= 20 && start <= 120, `${starts}`);
    assert.equal(new Set(starts).size, starts.length);
  });

  test("MDNS-04: that a client gives rise to starts after a random 20 to 120 ms too", () => {
    const starts = [0, 0.25, 0.5, 0.75, 0.999].map((chance) => {
      const set = stage({ chance: [chance] });
      set.clock.advance(MINUTE);
      set.harvest.inquire(local("h"), [Type.A], "10.0.0.8");
      set.clock.advance(200);
      return timesOf(set, "h", Type.A)[0]! - MINUTE;
    });
    for (const start of starts) assert.ok(start >= 20 && start <= 120, `${starts}`);
    assert.equal(new Set(starts).size, starts.length);
  });

  test("MDNS-05: ends with a unique answer; the next is at 80 to 82 % of the answer's lifetime", () => {
    const set = stage({}, (lan) => {
      new Device(
        lan,
        "10.0.0.3",
        `${META} 4500 PTR _ipp._tcp
        ${service("a", "_ipp._tcp", "h", "10.0.0.3")}`,
      );
    });
    set.clock.advance(110_000);
    const [asked, ...more] = timesOf(set, "h", Type.A);
    assert.equal(more.length, 1, `${[asked, ...more]}`);
    const age = more[0]! - (asked! + 20);
    assert.ok(age >= 96_000 && age <= 98_400, `${age}`);
  });

  test("MDNS-16: another host's identical question counts as ours", () => {
    const set = stage();
    set.clock.advance(4000);
    const before = timesOf(set, META, Type.PTR);
    const wait = gapsOf(before).at(-1)! * 2;
    const due = before.at(-1)! + wait;
    set.clock.advance(due - 500 - set.clock.passed);
    bystander(set).say(query(`${META} PTR`));
    set.clock.advance(3000);
    assert.deepEqual(timesOf(set, META, Type.PTR), before, "ours is skipped");
    set.clock.advance(5 * MINUTE);
    const next = timesOf(set, META, Type.PTR)[before.length]!;
    assert.ok(next - (due - 500) >= 2 * wait - 1000, "and the wait is doubled");
  });

  test("MDNS-16: another host's question soon after ours does not count, as answers may be under way", () => {
    const set = stage();
    set.clock.advance(4000);
    const before = timesOf(set, META, Type.PTR);
    const wait = gapsOf(before).at(-1)! * 2;
    set.clock.advance(before.at(-1)! + wait / 4 - set.clock.passed);
    bystander(set).say(query(`${META} PTR`));
    set.clock.advance(wait);
    assert.equal(timesOf(set, META, Type.PTR).length, before.length + 1);
  });

  test("MDNS-16: the first of a series is skipped too", () => {
    const set = stage();
    bystander(set).say(query(`${META} PTR`));
    set.clock.advance(900);
    assert.deepEqual(timesOf(set, META, Type.PTR), []);
    set.clock.advance(200);
    assert.equal(timesOf(set, META, Type.PTR).length, 1);
  });

  test("MDNS-16: another host's question counts even with known answers, if all of them are ours", () => {
    const known = [`${META} 4500 PTR _ipp._tcp`, `${META} 4500 PTR _http._tcp`];
    const set = stage();
    set.witness.say(response(known.join("\n")));
    bystander(set).say(query(`${META} PTR`, known[0]));
    set.clock.advance(900);
    assert.deepEqual(timesOf(set, META, Type.PTR), []);
  });

  for (const [what, heard] of [
    ["for a unicast response", query(`${META} PTR QU`)],
    ["with known answers that we lack", query(`${META} PTR`, `${META} PTR _ipp._tcp`)],
    ["whose known answers are still to come", query(`${META} PTR`, "", { isTruncated: true })],
    ["for something else", query(`${META} TXT\n_ipp._tcp PTR`)],
  ] as const) {
    test(`MDNS-17: another host's question ${what} counts for nothing`, () => {
      const set = stage();
      bystander(set).say(heard);
      set.clock.advance(200);
      assert.equal(timesOf(set, META, Type.PTR).length, 1);
    });
  }

  test("MDNS-17: another host's question to us alone counts for nothing", () => {
    const set = stage();
    set.clock.advance(800);
    for (const [family, address] of [
      [4, "10.0.0.1"],
      [6, "fe80::1"],
    ] as const) {
      bystander(set).say(query(`${META} PTR`), { family, address });
    }
    set.clock.advance(400);
    assert.equal(timesOf(set, META, Type.PTR).length, 2);
  });

  test("MDNS-32: the question in a response counts for nothing", () => {
    const set = stage();
    bystander(set).say(query(`${META} PTR`, "", { isResponse: true }));
    set.clock.advance(200);
    assert.equal(timesOf(set, META, Type.PTR).length, 1);
  });

  for (const [family, address] of [
    [4, "10.0.0.7"],
    [6, "fe80::7"],
  ] as const) {
    test(`MDNS-17: a question by IPv${family} alone does not count for hosts of the other family`, () => {
      const set = stage();
      const other = set.lan.host("other", address);
      const hearers = set.lan.host("hearers", family === 4 ? "fe80::8" : "10.0.0.8").record();
      for (let at = 10; at < 3 * HOUR; at += 20_000) {
        set.clock.at(START + at, () => other.say(query(`${META} PTR`)));
      }
      set.clock.advance(3 * HOUR);
      const times = hearers.heard.map(({ at }) => at);
      assert.ok(times.length >= 8 && times[0]! < 200, `${times}`);
    });
  }

  test("MDNS-14: a known answer is no goodbye and no contradiction, and triggers no query", () => {
    const set = stage();
    set.witness.say(response(service("a", "_ipp._tcp", "h", "10.0.0.3")));
    set.clock.advance(10_000);
    const other = set.lan.host("other", "10.0.0.4");
    other.say(query("h TXT", "h 0 A 10.0.0.3"));
    set.clock.advance(5000);
    assert.deepEqual(timesOf(set, "h", Type.A), []);
    assert.equal(held(set.harvest.cache, "h", "A").length, 1);
    other.say(query("a._ipp._tcp TXT", "a._ipp._tcp SRV 0 0 1 other"));
    set.clock.advance(5000);
    assert.deepEqual(timesOf(set, "a._ipp._tcp", Type.SRV), []);
    other.say(response("h 0 A 10.0.0.3"));
    set.clock.advance(500);
    assert.equal(timesOf(set, "h", Type.A).length, 1);
  });

  test("MDNS-14, MDNS-43: a known answer with the cache-flush bit triggers no query of a doubted list", () => {
    const set = stage();
    const list = "_ipp._tcp 4500 PTR a._ipp._tcp\n_ipp._tcp 4500 PTR b._ipp._tcp";
    set.witness.say(response(list));
    set.clock.advance(2 * MINUTE);
    const since = set.clock.passed;
    const other = set.lan.host("other", "10.0.0.4");
    for (let i = 0; i < 3; i++) {
      other.say(query("_ipp._tcp PTR\n_http._tcp PTR", "!_ipp._tcp 4500 PTR a._ipp._tcp"));
      set.clock.advance(1500);
    }
    assert.deepEqual(timesOf(set, "_ipp._tcp", Type.PTR, since), []);
    set.clock.advance(10_000);
    assert.deepEqual(held(set.harvest.cache, "_ipp._tcp", "PTR"), ["a._ipp._tcp.local."]);
  });

  test("MDNS-63: a goodbye, or other data, triggers a query only for what is of interest", () => {
    const set = stage();
    const name = "9.0.0.10.in-addr.arpa.";
    set.witness.say(response(`!${name} 120 PTR h.local.\nstranger A 10.0.0.9\nstranger TXT one`));
    set.clock.advance(10_000);
    const before = set.witness.heard.length;
    const other = set.lan.host("other", "10.0.0.4");
    other.say(response(`${name} 0 PTR h.local.\nstranger 0 A 10.0.0.9\nstranger TXT two`));
    set.clock.advance(900);
    const asked = set.witness.heard.slice(before).flatMap(({ message }) => message.questions);
    assert.deepEqual(
      asked.map(({ name }) => String(name)),
      [],
    );
  });

  test("MDNS-38: a program that ends does not remove its host's address from another service", () => {
    const set = stage();
    const machine = set.lan.host("machine", "10.0.0.3");
    const address = response("!h A 10.0.0.3");
    let saidAt = set.clock.now();
    machine.react((message) => {
      const isAsked = message.questions.some(({ name, type }) => {
        return type === Type.A && name.equals(local("h"));
      });
      // RFC 6762 §6: no record is multicast twice within a second.
      if (!isAsked || set.clock.now() - saidAt < 1000) return;
      saidAt = set.clock.now();
      machine.say(address);
    });
    machine.say(response(service("stays", "_ipp._tcp", "h", "10.0.0.3")));
    machine.say(response(service("ends", "_ipp._tcp", "h", "10.0.0.3")));
    set.clock.advance(10_000);
    const ending = response(service("ends", "_ipp._tcp", "h", "10.0.0.3"));
    const goodbye = { ...ending, answers: ending.answers.map((each) => ({ ...each, ttl: 0 })) };
    for (const after of [0, 125, 250]) {
      set.clock.at(set.clock.now() + after, () => machine.say(goodbye));
    }
    for (let i = 0; i < 100; i++) {
      set.clock.advance(50);
      assert.equal(held(set.harvest.cache, "h", "A").length, 1, `after ${50 * i} ms`);
    }
    assert.deepEqual(held(set.harvest.cache, "ends._ipp._tcp", "SRV"), []);
  });

  for (const [gap, count] of [
    [600, 2],
    [450, 7],
    [350, 9],
    [290, 10],
    [250, 12],
    [125, 24],
    [50, 60],
  ] as const) {
    test(`MDNS-38: ${count} goodbyes ${gap} ms apart remove no record whose owner answers`, () => {
      const set = stage();
      const text = `${META} 4500 PTR _ipp._tcp\n${service("a", "_ipp._tcp", "h", "10.0.0.3")}`;
      new Device(set.lan, "10.0.0.3", text).announce();
      set.clock.advance(10_000);
      const other = set.lan.host("other", "10.0.0.4");
      const goodbye = response("_ipp._tcp 0 PTR a._ipp._tcp\nh 0 A 10.0.0.3");
      for (let i = 0; i < count; i++) {
        set.clock.at(set.clock.now() + i * gap, () => other.say(goodbye));
      }
      for (let i = 0; i < 250; i++) {
        set.clock.advance(20);
        assert.equal(held(set.harvest.cache, "_ipp._tcp", "PTR").length, 1, `after ${20 * i} ms`);
        assert.equal(held(set.harvest.cache, "h", "A").length, 1, `after ${20 * i} ms`);
      }
    });
  }

  for (const [owner, other] of [
    ["10.0.0.3", "10.0.0.4"],
    ["10.0.0.3", "10.0.0.3"],
    ["10.0.0.3", "fe80::4"],
    ["fe80::3", "10.0.0.4"],
    ["fe80::3", "fe80::3"],
  ] as const) {
    const said = `${other} takes a list for its own that ${owner} is in`;
    const taken = response("!_ipp._tcp 4500 PTR b._ipp._tcp");

    for (const minutes of [1, 10, 40]) {
      test(`MDNS-36: the list stays though ${said}, ${minutes} minutes later and again`, () => {
        const set = stage({}, (lan) => {
          new Device(lan, owner, service("a", "_ipp._tcp", "h", "10.0.0.3")).announce();
        });
        const taker = set.lan.host("taker", other);
        set.clock.advance(minutes * MINUTE);
        const since = set.clock.passed;
        for (let i = 0; i < 100; i++) {
          if (i % 3 !== 1) taker.say(taken);
          set.clock.advance(1500);
          const listed = held(set.harvest.cache, "_ipp._tcp", "PTR");
          assert.ok(listed.includes("a._ipp._tcp.local."), `after ${1.5 * i} s`);
        }
        const asked = timesOf(set, "_ipp._tcp", Type.PTR, since);
        assert.ok(asked.length <= 2, `${asked.length} times`);
      });
    }
  }

  for (const address of ["10.0.0.3", "10.0.0.4"]) {
    test(`MDNS-36: the list stays though ${address} claims it as its own whenever it is queried`, () => {
      const set = stage({}, (lan) => {
        new Device(lan, "10.0.0.3", service("a", "_ipp._tcp", "h", "10.0.0.3")).announce();
        const taker = lan.host("taker", address);
        taker.react((message) => {
          const isAsked = message.questions.some(({ name }) => name.equals(local("_ipp._tcp")));
          if (isAsked) taker.say(response("!_ipp._tcp 4500 PTR b._ipp._tcp"));
        });
      });
      set.clock.advance(200);
      for (let i = 0; i < 1200; i++) {
        set.clock.advance(50);
        const listed = held(set.harvest.cache, "_ipp._tcp", "PTR");
        assert.ok(listed.includes("a._ipp._tcp.local."), `after ${50 * i} ms`);
      }
    });
  }

  test("MDNS-61: several questions share a packet", () => {
    const set = stage({ types: [local("_ssh._tcp"), local("_http._tcp")] });
    set.clock.advance(130);
    assert.equal(set.witness.heard.length, 1);
    assert.equal(set.witness.heard[0]!.message.questions.length, 3);
  });
});

for (const [rule, what, fields] of [
  ["MDNS-28", "of another opcode", { opcode: Opcode.UPDATE }],
  ["MDNS-29", "with a response code", { rcode: Rcode.NXDOMAIN }],
] as const) {
  suite(`a message ${what}`, () => {
    test(`${rule}: is not learnt from as a response`, () => {
      const set = stage();
      set.witness.say(response("h A 10.0.0.3", fields));
      set.clock.advance(100);
      assert.equal(set.harvest.cache.size, 0);
    });

    test(`${rule}: does not count as another host's question, and raises no doubt`, () => {
      const set = stage();
      bystander(set).say(query(`${META} PTR`, "", fields));
      set.clock.advance(200);
      assert.equal(timesOf(set, META, Type.PTR).length, 1);
      set.witness.say(response("stranger TXT hello"));
      for (let i = 0; i < 3; i++) {
        set.clock.advance(2000);
        bystander(set).say(query("stranger TXT", "", fields));
      }
      set.clock.advance(20_000);
      assert.equal(held(set.harvest.cache, "stranger", "TXT").length, 1);
    });

    test(`${rule}: renews nothing as an owner's unicast answer`, () => {
      for (const [said, count] of [
        [{}, 1],
        [fields, 0],
      ] as const) {
        const set = stage({ refresh: "unicast" }, (lan) => {
          const owner = lan.host("owner", "10.0.0.3");
          owner.say(response(service("a", "_ipp._tcp", "h", "10.0.0.3")));
          owner.react((_, { isUnicast }) => {
            const to = { family: 4, address: "10.0.0.1" } as const;
            if (isUnicast) owner.say(response("h A 10.0.0.3", said), to);
          });
        });
        set.clock.advance(121_000);
        assert.equal(held(set.harvest.cache, "h", "A").length, count);
      }
    });
  });
}

test("MDNS-29: the upper bits of a response code, those in OPT, are ignored", () => {
  const set = stage();
  const edns = { udpSize: 1440, version: 0, dnssecOk: false, options: [] };
  set.witness.say(response("h A 10.0.0.3", { edns, rcode: Rcode.BADVERS }));
  set.clock.advance(100);
  assert.equal(set.harvest.cache.size, 1);
});

test("MDNS-33: what is announced unasked is learnt at once, however far the next question is", () => {
  const set = stage();
  set.clock.advance(5 * HOUR);
  const asked = set.witness.heard.length;
  new Device(set.lan, "10.0.0.3", service("a", "_new._tcp", "h", "10.0.0.3")).announce();
  set.clock.advance(0);
  const counts = [
    ["_new._tcp", "PTR"],
    ["a._new._tcp", "SRV"],
    ["a._new._tcp", "TXT"],
    ["h", "A"],
  ].map(([owner, type]) => held(set.harvest.cache, owner!, type!).length);
  assert.deepEqual(counts, [1, 1, 1, 1]);
  assert.equal(set.witness.heard.filter(({ message }) => !message.isResponse).length, asked);
});

test("MDNS-30: the id of a response, and each flag but QR, is ignored", () => {
  const bytes = Buffer.from(encode(response("h A 10.0.0.3")));
  const [AA, TC, RD, RA, Z, AD, CD] = [0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10];
  for (const flags of [0, AA, AA | TC, AA | RD, AA | RA, AA | Z, AA | AD, AA | CD]) {
    for (const id of [0, 4711]) {
      bytes.writeUInt16BE(id, 0);
      bytes.writeUInt16BE(0x8000 | flags, 2);
      const set = stage();
      set.witness.send(bytes);
      set.clock.advance(100);
      assert.deepEqual(held(set.harvest.cache, "h", "A"), ["10.0.0.3"], `${id} ${flags}`);
    }
  }
});

suite("unicast responses", () => {
  const classes = ({ witness }: Stage) =>
    witness.heard.flatMap(({ message }) => message.questions.map((each) => each.class));

  test("MDNS-18: are requested once, when the link comes up", () => {
    const set = stage();
    set.clock.advance(10_000);
    assert.deepEqual(classes(set), [Class.IN | TOP, Class.IN, Class.IN, Class.IN]);
  });

  test("MDNS-19: are not requested when something new is of interest", () => {
    const set = stage();
    set.clock.advance(500);
    set.witness.say(response("_ipp._tcp PTR a._ipp._tcp"));
    set.clock.advance(400);
    assert.equal(timesOf(set, "_ipp._tcp", Type.PTR).length, 1);
    assert.deepEqual(classes(set).slice(1), Array(classes(set).length - 1).fill(Class.IN));
  });

  test("MDNS-20: are never requested where another responder holds the port", () => {
    const set = stage({ isShared: true });
    set.clock.advance(10_000);
    assert.ok(classes(set).every((each) => each === Class.IN));
  });

  /** Says something to us alone. */
  const whisper = ({ witness }: Stage, text: string, additionals = "") =>
    witness.say(response(text, { additionals: records(additionals) }), {
      family: 4,
      address: "10.0.0.1",
    });

  test("MDNS-22: are accepted for two seconds after a request, and never otherwise", () => {
    const set = stage();
    const say = (type: string) => whisper(set, `${META} PTR ${type}`);
    say("_a._tcp");
    set.clock.advance(1500);
    say("_b._tcp");
    set.clock.advance(2000);
    say("_c._tcp");
    set.clock.advance(100);
    assert.deepEqual(held(set.harvest.cache, META, "PTR"), ["_b._tcp.local."]);
    assert.equal(set.harvest.counters.unexpected, 2);
  });

  test("MDNS-22: are accepted only if they answer a question that requested them", () => {
    const set = stage({ types: [local("_ipp._tcp")] });
    set.clock.advance(200);
    set.witness.say(response("_ssh._tcp PTR x._ssh._tcp"));
    set.clock.advance(500);
    assert.equal(timesOf(set, "_ssh._tcp", Type.PTR).length, 1, "by multicast");
    whisper(set, "_ssh._tcp PTR y._ssh._tcp");
    whisper(set, "h A 10.0.0.3", "_ipp._tcp PTR z._ipp._tcp");
    whisper(set, "_ipp._tcp PTR a._ipp._tcp", "!a._ipp._tcp SRV 0 0 1 h");
    set.clock.advance(100);
    assert.deepEqual(held(set.harvest.cache, "_ssh._tcp", "PTR"), ["x._ssh._tcp.local."]);
    assert.deepEqual(held(set.harvest.cache, "h", "A"), []);
    assert.deepEqual(held(set.harvest.cache, "_ipp._tcp", "PTR"), ["a._ipp._tcp.local."]);
    assert.equal(held(set.harvest.cache, "a._ipp._tcp", "SRV").length, 1);
    assert.equal(set.harvest.counters.unexpected, 2);
  });

  test("MDNS-22: are accepted from a host that has answered: what belongs to that may not fit", () => {
    const set = stage({ types: [local("_ipp._tcp")] });
    set.clock.advance(200);
    const [answering, other] = ["10.0.0.3", "10.0.0.4"].map((address) => {
      const host = set.lan.host(address, address);
      return (text: string) => host.say(response(text), { family: 4, address: "10.0.0.1" });
    });
    answering!("_ipp._tcp PTR a._ipp._tcp");
    answering!("!a._ipp._tcp SRV 0 0 1 h\n!h A 10.0.0.3");
    other!("!a._ipp._tcp TXT other");
    set.clock.advance(100);
    const known = ["SRV", "TXT"].map((type) => held(set.harvest.cache, "a._ipp._tcp", type).length);
    assert.deepEqual(known, [1, 0]);
    assert.equal(set.harvest.counters.unexpected, 1);
    set.clock.advance(2000);
    answering!("!a._ipp._tcp TXT late");
    set.clock.advance(100);
    assert.deepEqual(held(set.harvest.cache, "a._ipp._tcp", "TXT"), []);
  });

  test("MDNS-22: are accepted to each of many questions that requested them", () => {
    const types = Array.from({ length: 250 }, (_, i) => `_t${i}._tcp`);
    const set = stage({ types: types.map(local) });
    set.clock.advance(200);
    assert.ok(set.witness.heard.length > 2, `${set.witness.heard.length}`);
    for (const type of types) whisper(set, `${type} PTR a.${type}`);
    set.clock.advance(100);
    assert.equal([...set.harvest.cache.ofType(Type.PTR)].length, types.length);
  });
});

suite("refreshes", () => {
  const type = `${META} 4500 PTR _ipp._tcp`;

  test("MDNS-06: are at 80, 85, 90 and 95 % of a lifetime, after which the record expires", () => {
    const set = stage({}, (lan) => {
      const mute = new Device(lan, "10.0.0.3", "");
      mute.host.say(
        response(
          `${type}\n${service("a", "_ipp._tcp", "h", "10.0.0.3")}`.replaceAll(" A ", " 100 A "),
        ),
      );
    });
    set.clock.advance(99_000);
    const times = timesOf(set, "h", Type.A).map((time) => time / 1000);
    assert.equal(times.length, 4, `${times}`);
    for (const [i, part] of [80, 85, 90, 95].entries()) {
      assert.ok(times[i]! >= part && times[i]! <= part + 2, `${times}`);
    }
    assert.equal(held(set.harvest.cache, "h", "A").length, 1);
    set.clock.advance(1000);
    assert.equal(held(set.harvest.cache, "h", "A").length, 0);
  });

  test("MDNS-07: of many records are spread over 2 % of their lifetime", () => {
    const chance = Array.from({ length: 97 }, (_, i) => ((i * 31) % 97) / 97);
    const set = stage({ chance }, (lan) => {
      const device = new Device(lan, "10.0.0.3", "");
      for (let i = 0; i < 20; i++) {
        device.host.say(response(service(`a${i}`, "_ipp._tcp", "h", "10.0.0.3")));
      }
    });
    set.clock.advance(99_000);
    const times = set.witness.heard
      .filter(
        ({ at, message }) => at > 90_000 && message.questions.some(({ type }) => type === Type.SRV),
      )
      .map(({ at }) => at);
    assert.ok(times.length >= 3, `${times}`);
    assert.ok(times[0]! >= 96_000 && times.at(-1)! <= 98_400, `${times}`);
  });

  test("MDNS-08: are never sent for records of no interest", () => {
    const set = stage();
    set.witness.say(response("!stranger A 10.0.0.77\n!stranger TXT hello"));
    set.clock.advance(150_000);
    assert.deepEqual(timesOf(set, "stranger", Type.A), []);
    assert.deepEqual(timesOf(set, "stranger", Type.TXT), []);
  });

  test("MDNS-09: are cancelled by a fresh answer, whoever asked for it", () => {
    const text = `${type}\n${service("a", "_ipp._tcp", "h", "10.0.0.3")}`;
    const set = stage({}, (lan) => new Device(lan, "10.0.0.3", "").host.say(response(text)));
    set.clock.advance(0.79 * 120_000);
    set.witness.say(response(text));
    set.clock.advance(0.79 * 120_000);
    assert.deepEqual(timesOf(set, "h", Type.A), []);
  });

  test("MDNS-09: begin anew after a fresh answer, from its TTL, though some have been sent", () => {
    const text = `${type}\n${service("a", "_ipp._tcp", "h", "10.0.0.3").replace("SRV", "4500 SRV")}`;
    const set = stage({}, (lan) => new Device(lan, "10.0.0.3", "").host.say(response(text)));
    set.clock.advance(0.88 * 120_000);
    assert.equal(timesOf(set, "h", Type.A).length, 2);
    const since = set.clock.passed;
    set.witness.say(response("!h 200 A 10.0.0.3"));
    set.clock.advance(199_000);
    const parts = timesOf(set, "h", Type.A, since).map((time) => (time - since) / 200_000);
    assert.equal(parts.length, 4, `${parts}`);
    for (const [i, part] of [0.8, 0.85, 0.9, 0.95].entries()) {
      assert.ok(parts[i]! >= part && parts[i]! <= part + 0.02, `${parts}`);
    }
    assert.equal(held(set.harvest.cache, "h", "A").length, 1);
    set.clock.advance(1000);
    assert.equal(held(set.harvest.cache, "h", "A").length, 0);
  });

  for (const [what, fresh, isAsked, hasCompany] of [
    ["is cancelled by a fresh answer", ["a", "b"], false, false],
    ["is cancelled by a fresh answer before others leave", ["a", "b"], false, true],
    ["is not cancelled by an answer that leaves out what is growing old", ["b"], true, false],
  ] as const) {
    test(`MDNS-09: that waits for others to leave with ${what}`, () => {
      const list = (names: readonly string[]) =>
        response(names.map((name) => `_ipp._tcp 4500 PTR ${name}._ipp._tcp`).join("\n"));
      const set = stage();
      set.witness.say(list(["a", "b"]));
      set.clock.advance(3_590_000);
      const refresh = set.harvest.cache.due()! - START;
      set.clock.advance(refresh - set.clock.passed + 10_000);
      const waits = set.harvest.querier.due()! - START;
      assert.ok(waits > refresh + 20_000 && waits < 0.85 * 4_500_000, `${waits}`);
      set.witness.say(list(fresh));
      set.clock.advance(1000);
      if (hasCompany) set.harvest.inquire(local("h"), [Type.A], "10.0.0.8");
      set.clock.advance(30 * MINUTE);
      assert.equal(timesOf(set, "_ipp._tcp", Type.PTR, refresh).length > 0, isAsked);
      // The series goes on as if it had not been interrupted, once an hour.
      set.clock.advance(3 * HOUR);
      const gaps = gapsOf(timesOf(set, "_ipp._tcp", Type.PTR));
      assert.ok(
        gaps.every((gap) => gap <= 2.08 * HOUR),
        `${gaps}`,
      );
    });
  }

  test("MDNS-09: do not delay or cancel what a client waits for", () => {
    const list = response("_ipp._tcp 4500 PTR a._ipp._tcp");
    for (const isWaiting of [false, true]) {
      const set = stage();
      set.witness.say(list);
      set.clock.advance(3_590_000);
      const refresh = set.harvest.cache.due()! - START;
      set.clock.advance(refresh + (isWaiting ? 10_000 : -15) - set.clock.passed);
      if (isWaiting) set.clock.advance(set.harvest.querier.due()! - START - set.clock.passed - 15);
      const since = set.clock.passed;
      set.harvest.inquire(local("_ipp._tcp"), [Type.PTR], "10.0.0.8");
      if (isWaiting) set.witness.say(list);
      set.clock.advance(120);
      const count = timesOf(set, "_ipp._tcp", Type.PTR, since).length;
      assert.equal(count, 1, isWaiting ? "with a refresh that was to leave" : "before a refresh");
    }
  });
});

suite("known answers", () => {
  const instances = (count: number) =>
    Array.from(
      { length: count },
      (_, i) => `_ipp._tcp 4500 PTR printer-number-${i}._ipp._tcp`,
    ).join("\n");
  /** The packets of the last query for `_ipp._tcp`. */
  const lastQuery = (set: Stage) => {
    const [last] = heardOf(set.witness, "_ipp._tcp", Type.PTR).slice(-1);
    return set.witness.heard.filter(({ at, source }) => source === "10.0.0.1" && at === last!.at);
  };

  test("MDNS-10: are listed, with their remaining TTL", () => {
    const set = stage();
    set.clock.advance(400_000);
    set.witness.say(response(instances(5)));
    set.clock.advance(1_500_000);
    const packets = lastQuery(set);
    const left = 4500 - Math.ceil((packets[0]!.at - 400_000) / 1000);
    assert.ok(left < 4400, `${left} s`);
    const answers = packets.flatMap(({ message }) => message.answers);
    assert.deepEqual(
      answers.map(({ ttl }) => ttl),
      Array(5).fill(left),
    );
  });

  test("MDNS-11: are not listed when less than half of their TTL is left", () => {
    const set = stage();
    set.clock.advance(500);
    set.witness.say(response("_ipp._tcp 60 PTR old._ipp._tcp\n_ipp._tcp 4500 PTR new._ipp._tcp"));
    set.clock.advance(60_000);
    const listed = heardOf(set.witness, "_ipp._tcp", Type.PTR, 31_000)[0]!.message.answers;
    assert.deepEqual(
      listed.map(({ ttl }) => ttl > 60),
      [true],
    );
  });

  test("MDNS-11: are not listed when less than half of their TTL is left in whole seconds", () => {
    const cache = cacheOf("_ipp._tcp 3 PTR a._ipp._tcp");
    const set = cache.set(local("_ipp._tcp").key, Type.PTR);
    const listed = (now: number) => knownAnswers(set, now).map(({ ttl }) => ttl);
    assert.deepEqual([listed(1000), listed(1200)], [[2], []]);
  });

  test("MDNS-11: are not listed when their life here is half over, however long their TTL is", () => {
    const list = service("a", "_ipp._tcp", "h", "10.0.0.3").replace(" 4500 PTR", " 36000 PTR");
    const set = stage({}, (lan) => new Device(lan, "10.0.0.3", list).announce());
    set.clock.advance(24 * HOUR);
    assert.equal(set.harvest.cache.counters.expired, 0);
  });

  test("MDNS-12: never have the cache-flush bit", () => {
    const set = stage();
    set.witness.say(response(instances(3).replaceAll("_ipp._tcp 4500", "!_ipp._tcp 4500")));
    set.clock.advance(5000);
    const classes = set.witness.heard.flatMap(({ message }) =>
      message.answers.map((each) => each.class),
    );
    assert.deepEqual([...new Set(classes)], [Class.IN]);
  });

  test("MDNS-10, MDNS-13, MDNS-59: continue in further packets, none above the MTU, with TC in all but the last", () => {
    const set = stage();
    set.clock.advance(500);
    for (let i = 0; i < 300; i += 50) {
      const part = instances(300)
        .split("\n")
        .slice(i, i + 50)
        .join("\n");
      set.witness.say(response(part));
    }
    set.clock.advance(1200);
    const packets = lastQuery(set).filter(({ message }) => message.answers.length > 0);
    assert.ok(packets.length > 1);
    assert.ok(packets.every(({ bytes }) => bytes.length <= 1500 - 48));
    assert.deepEqual(
      packets.map(({ message }) => message.questions.length),
      [1, ...Array(packets.length - 1).fill(0)],
    );
    assert.deepEqual(
      packets.map(({ message }) => message.isTruncated),
      [...Array(packets.length - 1).fill(true), false],
    );
    const listed = packets.flatMap(({ message }) => message.answers.map(({ rdata }) => rdata.key));
    assert.equal(new Set(listed).size, 300);
  });

  test("MDNS-59: leave alone if they are larger than a packet", () => {
    const known = records(`a TXT ${'"0123456789" '.repeat(150)}\na TXT short`);
    const options = { limit: 1400, isUnicastWanted: false };
    const { packets } = composeQuery([{ name: local("a"), type: Type.TXT, known }], options);
    const counts = packets.map((bytes) => [4, 6].map((at) => Buffer.from(bytes).readUInt16BE(at)));
    assert.deepEqual(counts, [
      [1, 0],
      [0, 1],
      [0, 1],
    ]);
  });

  test("MDNS-57: have compressed names, their owners' and those in their data", () => {
    const name = local("_ipp._tcp");
    const known = records("_ipp._tcp PTR a._ipp._tcp\n_ipp._tcp PTR b._ipp._tcp");
    const options = { limit: 1400, isUnicastWanted: false };
    const { packets } = composeQuery([{ name, type: Type.PTR, known }], options);
    const text = Buffer.from(packets[0]!).toString("latin1");
    assert.equal(text.match(/_ipp/g)?.length, 1);
  });

  test("MDNS-58: names in the data of types outside the list of §18.14 are not compressed", () => {
    const known = records('a NAPTR 1 1 "" "" "" long-target.a\na SRV 1 1 1 long-target.a');
    const name = local("a");
    const options = { limit: 1400, isUnicastWanted: false };
    const { packets } = composeQuery([{ name, type: Type.ANY, known }], options);
    const text = Buffer.from(packets[0]!).toString("latin1");
    assert.equal(text.match(/\x0blong-target\x01a\x05local\0/g)?.length, 1, "of NAPTR in full");
    assert.equal(text.match(/long-target/g)?.length, 1, "of SRV by a pointer");
  });
});

suite("what is sent", () => {
  const office = (lan: Lan) => {
    for (let i = 3; i < 30; i++) {
      new Device(
        lan,
        `10.0.0.${i}`,
        `${META} 4500 PTR _ipp._tcp
        ${service(`printer ${i}`, "_ipp._tcp", `p${i}`, `10.0.0.${i}`)}`,
      );
    }
  };

  test("MDNS-31: has id 0, and no flag but TC", () => {
    const set = stage({}, office);
    const many = Array.from({ length: 200 }, (_, i) => `_ipp._tcp 4500 PTR many-${i}._ipp._tcp`);
    set.witness.say(response(many.join("\n")));
    set.clock.advance(2 * MINUTE);
    assert.ok(set.witness.heard.some(({ message }) => message.isTruncated));
    for (const { bytes, source } of set.witness.heard) {
      if (source !== "10.0.0.1") continue;
      assert.equal(Buffer.from(bytes).readUInt32BE(0) & ~0x0200, 0);
    }
  });

  test("MDNS-57: has compressed names", () => {
    const set = stage({ types: [local("_ipp._tcp"), local("_http._tcp")] });
    set.clock.advance(130);
    const [{ bytes }] = set.witness.heard as [Heard];
    assert.ok(bytes.includes(0xc0));
    assert.equal(Buffer.from(bytes).indexOf("local"), Buffer.from(bytes).lastIndexOf("local"));
  });

  test("MDNS-62: is never a response, whoever asks", () => {
    const set = stage({}, office);
    set.clock.advance(5000);
    set.witness.say(query("_ipp._tcp PTR\np3 A\np3 A QU\n_ipp._tcp ANY"));
    set.clock.advance(5000);
    const own = set.witness.heard.filter(({ source }) => source === "10.0.0.1");
    assert.ok(own.every(({ message }) => !message.isResponse && message.opcode === Opcode.QUERY));
    assert.ok(own.every(({ message }) => message.rcode === Rcode.NOERROR));
  });

  test("MDNS-63: never asks about names outside .local, whatever was heard", () => {
    const set = stage();
    set.witness.say(
      response(`
        ${META} PTR _ipp._tcp.example.com.
        _ipp._tcp PTR a._ipp._tcp.example.com.
        _ipp._tcp PTR b._ipp._tcp
        !b._ipp._tcp SRV 0 0 1 www.example.com.
        !c._ipp._tcp SRV 0 0 1 alias
        !alias CNAME www.example.com.
        !d._ipp._tcp.0.0.10.in-addr.arpa. SRV 0 0 1 h
        1.0.0.10.in-addr.arpa. PTR h`),
    );
    set.clock.advance(HOUR);
    const names = set.witness.heard.flatMap(({ message }) =>
      message.questions.map(({ name }) => name),
    );
    assert.ok(names.length > 10);
    assert.deepEqual(names.filter((name) => !name.isUnder(LOCAL)).map(String), []);
  });

  test("PROXY-50: is never more than 20 packets in a second", () => {
    const set = stage();
    for (let i = 0; i < 400; i++) {
      set.clock.at(START + i, () => {
        const many = Array.from({ length: 10 }, (_, j) => {
          const label = `${i}-${j}-${"x".repeat(40)}`;
          return `_ipp._tcp 4500 PTR ${label}._ipp._tcp`;
        });
        set.witness.say(response(many.join("\n")));
      });
    }
    set.clock.advance(20_000);
    const times = set.witness.heard
      .filter(({ message, source }) => source === "10.0.0.1" && message.questions.length > 0)
      .map(({ at }) => at);
    assert.ok(times.length > 100, `${times.length}`);
    for (const [i, time] of times.entries()) {
      const later = times[i + 20];
      assert.ok(later === undefined || later - time >= 1000, `21 packets from ${time} to ${later}`);
    }
  });
});

for (const [owner, type] of [
  ["a._ipp._tcp", "SRV"],
  ["_ipp._tcp", "PTR"],
] as const) {
  for (const [why, doubt] of [
    [
      "a client could not reach",
      ({ harvest }: Stage) => {
        const [first] = harvest.cache.set(local(owner).key, Type[type])!.records.values();
        harvest.reconfirm(local(owner), first!.rdata);
      },
    ],
    ["was not heard during a standstill", ({ harvest }: Stage) => harvest.resume()],
  ] as const) {
    test(`MDNS-40, MDNS-41: a ${type} that ${why} is queried at least twice, and expires after 10 s`, () => {
      const set = stage({}, (lan) => {
        const device = new Device(lan, "10.0.0.3", "");
        device.host.say(response(service("a", "_ipp._tcp", "h", "10.0.0.3")));
      });
      set.clock.advance(30_000);
      doubt(set);
      set.clock.advance(9999);
      const times = timesOf(set, owner, Type[type], 30_000);
      assert.ok(times.length >= 2, `${times}`);
      assert.equal(held(set.harvest.cache, owner, type).length, 1);
      set.clock.advance(1001);
      assert.equal(held(set.harvest.cache, owner, type).length, 0);
    });
  }
}

test("after a standstill nothing is queried that answers to lists bring along, and nothing is lost", () => {
  const set = stage();
  const text = service("a", "_ipp._tcp", "h", "10.0.0.3");
  const device = set.lan.host("device", "10.0.0.3");
  device.react(({ questions }) => {
    if (!questions.some(({ name }) => name.equals(local("_ipp._tcp")))) return;
    set.clock.at(set.clock.now() + 120, () => device.say(response(text)));
  });
  device.say(response(text));
  set.clock.advance(30_000);
  set.harvest.resume();
  set.clock.advance(15_000);
  assert.ok(timesOf(set, "_ipp._tcp", Type.PTR, 30_000).length > 0);
  for (const [owner, type] of [
    ["a._ipp._tcp", "SRV"],
    ["a._ipp._tcp", "TXT"],
    ["h", "A"],
  ] as const) {
    assert.deepEqual(timesOf(set, owner, Type[type], 30_000), [], owner);
    assert.equal(held(set.harvest.cache, owner, type).length, 1, owner);
  }
});

test("MDNS-41: after a standstill what was about to expire is queried too", () => {
  const set = stage();
  const device = set.lan.host("device", "10.0.0.3");
  device.say(response(service("a", "_ipp._tcp", "h", "10.0.0.3")));
  set.clock.advance(115_000);
  set.harvest.resume();
  set.clock.advance(9999);
  const times = timesOf(set, "h", Type.A, 115_000);
  assert.ok(times.length >= 2, `${times}`);
  assert.equal(held(set.harvest.cache, "h", "A").length, 1);
});

/** A service whose device never sets the cache-flush bit. */
const modest = (port: number) =>
  `_ipp._tcp PTR a._ipp._tcp\na._ipp._tcp SRV 0 0 ${port} h\na._ipp._tcp TXT ${port}\nh A 10.0.0.3`;
const heardOfIt = ({ harvest }: Stage) =>
  (["SRV", "TXT"] as const).map((type) => held(harvest.cache, "a._ipp._tcp", type).sort());

test("MDNS-40, MDNS-41: a service's new record without the cache-flush bit has the old one doubted", () => {
  const set = stage();
  const device = new Device(set.lan, "10.0.0.3", modest(1));
  device.announce();
  set.clock.advance(30_000);
  device.records = records(modest(2));
  device.announce();
  set.clock.advance(9900);
  assert.ok(timesOf(set, "a._ipp._tcp", Type.TXT, 30_000).length >= 2);
  const times = timesOf(set, "a._ipp._tcp", Type.SRV, 30_000);
  assert.ok(times.length >= 2 && times.length <= 3, `${times}`);
  set.clock.advance(200);
  assert.deepEqual(heardOfIt(set), [["0 0 2 h.local."], ['"2"']]);
});

test("MDNS-40: conflicting records of two hosts, without the cache-flush bit, are both kept", () => {
  const set = stage();
  new Device(set.lan, "10.0.0.3", modest(1)).announce();
  set.clock.advance(30_000);
  new Device(set.lan, "10.0.0.4", modest(2)).announce();
  set.clock.advance(100);
  for (let i = 0; i < 3000; i++) {
    set.clock.advance(100);
    const both = [
      ["0 0 1 h.local.", "0 0 2 h.local."],
      ['"1"', '"2"'],
    ];
    assert.deepEqual(heardOfIt(set), both, `${i / 10} s later`);
  }
  const times = timesOf(set, "a._ipp._tcp", Type.SRV, 30_000);
  assert.ok(times.length < 12, `${times}`);
});

test("MDNS-43: a record that others query in vain is not queried by us too", () => {
  const set = stage({}, (lan) => {
    const device = new Device(lan, "10.0.0.3", "");
    device.host.say(response(service("a", "_ipp._tcp", "h", "10.0.0.3")));
  });
  set.clock.advance(30_000);
  set.witness.say(query("a._ipp._tcp SRV"));
  set.clock.advance(1500);
  set.witness.say(query("a._ipp._tcp SRV"));
  set.clock.advance(9900);
  assert.deepEqual(timesOf(set, "a._ipp._tcp", Type.SRV), []);
  assert.equal(held(set.harvest.cache, "a._ipp._tcp", "SRV").length, 1);
  set.clock.advance(200);
  assert.equal(held(set.harvest.cache, "a._ipp._tcp", "SRV").length, 0);
});

test("MDNS-48: devices that speak IPv4 and devices that speak IPv6 are heard alike", () => {
  const set = stage({}, (lan) => {
    new Device(lan, "10.0.0.3", service("four", "_ipp._tcp", "h4", "10.0.0.3"));
    new Device(lan, "fe80::6", service("six", "_ipp._tcp", "h6", "10.0.0.6"));
  });
  set.witness.say(response(`${META} PTR _ipp._tcp`));
  set.clock.advance(5000);
  assert.deepEqual(held(set.harvest.cache, "_ipp._tcp", "PTR").sort(), [
    "four._ipp._tcp.local.",
    "six._ipp._tcp.local.",
  ]);
});

test("MDNS-52: what a responder has denied is not queried", () => {
  const asked = (denial: string) => {
    const set = stage();
    const device = set.lan.host("h", "10.0.0.5", "fe80::5");
    device.say(response(`${service("a", "_ipp._tcp", "h", "10.0.0.5")}\n${denial}`));
    set.clock.advance(10_000);
    return timesOf(set, "h", Type.AAAA).length;
  };
  assert.ok(asked("") > 0);
  assert.equal(asked("!h NSEC h A"), 0);
});

test("MDNS-56, SEC-20: malformed packets do no harm, and are counted", () => {
  const set = stage();
  const good = Buffer.from([...Buffer.alloc(2), 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
  const loop = Buffer.concat([
    good,
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 120, 0, 4, 1, 2, 3, 4]),
  ]);
  const forward = Buffer.concat([good, Buffer.from([0xc0, 40, 0, 1, 0, 1, 0, 0, 0, 120, 0, 4])]);
  const long = Buffer.concat([
    good,
    ...Array<Buffer>(5).fill(Buffer.from([63, ...Buffer.alloc(63, "a")])),
    Buffer.from([0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0]),
  ]);
  const cut = Buffer.concat([good, Buffer.from([0, 0, 1, 0, 1, 0, 0, 0, 120, 0, 9, 1])]);
  for (const bytes of [loop, forward, long, cut, Buffer.alloc(0), Buffer.alloc(5)])
    set.witness.send(bytes);
  set.clock.advance(100);
  assert.equal(set.harvest.counters.malformed, 6);
  set.witness.say(response("h A 10.0.0.1"));
  set.clock.advance(100);
  assert.equal(set.harvest.cache.size, 1);
});

suite("an ageing record", () => {
  const owners = (refresh: "unicast" | "multicast") => {
    const asked: { at: number; source: string; isUnicast: boolean; isWanted: boolean }[] = [];
    const set = stage({ refresh }, (lan) => {
      const device = new Device(lan, "10.0.0.3", service("a", "_ipp._tcp", "h", "10.0.0.3"), {
        obeysUnicast: true,
      });
      device.announce();
      device.host.react((message, { source, isUnicast }) => {
        for (const { name, type, class: klass } of message.questions) {
          if (!name.equals(local("h")) || type !== Type.A) continue;
          asked.push({ at: set.clock.passed, source, isUnicast, isWanted: (klass & TOP) !== 0 });
        }
      });
    });
    return { ...set, asked };
  };
  const aged = 80_000;

  test("is queried by unicast from its host, unheard by others", () => {
    const { clock, asked, witness, harvest } = owners("unicast");
    clock.advance(aged);
    const before = asked.length;
    clock.advance(10 * MINUTE);
    assert.ok(asked.length >= before + 5, `${asked.length - before}`);
    assert.ok(asked.slice(before).every((each) => each.isUnicast && !each.isWanted));
    assert.deepEqual(heardOf(witness, "h", Type.A, aged), []);
    assert.equal(held(harvest.cache, "h", "A").length, 1);
  });

  for (const [owner, isAlone] of [
    ["10.0.0.3", true],
    ["fe80::3", true],
    ["10.99.0.3", false],
    ["2001:db8::3", false],
  ] as const) {
    test(`is queried ${isAlone ? "by unicast on the link" : "by multicast off the link"}: ${owner}`, () => {
      const set = stage({ refresh: "unicast" }, (lan) => {
        new Device(lan, owner, service("a", "_ipp._tcp", "h", "10.0.0.3")).announce();
      });
      const six = set.lan.host("six", "fe80::6").record();
      set.clock.advance(99_000);
      const heard = [set.witness, six].flatMap((ear) => heardOf(ear, "h", Type.A, aged));
      assert.equal(heard.length === 0, isAlone);
      assert.equal(held(set.harvest.cache, "h", "A").length, 1);
    });
  }

  test("is queried by multicast after another host's goodbye, when a unicast answer does not count", () => {
    const { clock, lan, harvest } = owners("unicast");
    clock.advance(aged);
    lan.host("other", "10.0.0.4").say(response("h 0 A 10.0.0.3"));
    for (let i = 0; i < 40; i++) {
      clock.advance(50);
      assert.equal(held(harvest.cache, "h", "A").length, 1, `after ${50 * i} ms`);
    }
  });

  test("MDNS-06: is queried by multicast when its host does not answer", () => {
    const { clock, lan, witness, harvest } = owners("unicast");
    clock.advance(aged);
    lan.faults.loss = 1;
    clock.advance(20_000);
    lan.faults.loss = 0;
    clock.advance(20_000);
    assert.ok(heardOf(witness, "h", Type.A, aged).length > 0);
    assert.equal(held(harvest.cache, "h", "A").length, 1);
  });

  test("is queried by multicast where two hosts have announced it", () => {
    const set = stage({ refresh: "unicast" }, (lan) => {
      for (const last of [3, 4]) {
        const text = service(`s${last}`, "_ipp._tcp", `h${last}`, `10.0.0.${last}`);
        new Device(lan, `10.0.0.${last}`, `${text}\nh TXT "${last}"`).announce();
      }
    });
    set.witness.say(response(service("x", "_ipp._tcp", "h", "10.0.0.2")));
    set.clock.advance(90_000);
    assert.deepEqual(heardOf(set.witness, "h", Type.TXT), []);
    // At 80 % of its lifetime; at 85 % it would be in any case.
    set.clock.advance(9500);
    assert.ok(heardOf(set.witness, "h", Type.TXT).length > 0);
  });

  for (const refresh of ["unicast", "multicast"] as const) {
    test(`MDNS-06: that lives for seconds is queried by multicast in time, with refresh: ${refresh}`, () => {
      const said = records("_x._tcp 5 PTR a._x._tcp\n!a._x._tcp 5 SRV 0 0 80 h\n!h 5 A 10.0.0.3");
      const { clock, harvest } = stage({ refresh }, (lan) => {
        const device = lan.host("10.0.0.3", "10.0.0.3");
        const say = (answers: typeof said) => {
          if (answers.length > 0) device.say(makeMessage({ isResponse: true, answers }));
        };
        device.react(({ questions }, { isUnicast }) => {
          const isAsked = (record: (typeof said)[number]) =>
            questions.some(({ name, type }) => type === record.type && name.equals(record.name));
          // Not every host answers unicast queries.
          if (!isUnicast) say(said.filter(isAsked));
        });
        say(said);
      });
      for (let i = 0; i < 600; i++) {
        clock.advance(500);
        assert.equal(harvest.cache.size, said.length, `at ${clock.now()}`);
      }
    });
  }

  for (const refresh of ["unicast", "multicast"] as const) {
    test(`brings in an addition whose announcement was lost, with refresh: ${refresh}`, () => {
      let device: Device | undefined;
      const { clock, lan, harvest } = stage({ refresh }, (lan) => {
        device = new Device(lan, "10.0.0.3", service("a", "_ipp._tcp", "h", "10.0.0.3"));
        device.announce();
      });
      clock.advance(10_000);
      device!.records = [...device!.records, ...records("!h A 10.0.0.5")];
      lan.faults.loss = 1;
      device!.announce();
      clock.advance(1000);
      lan.faults.loss = 0;
      // Within one lifetime of the address.
      clock.advance(120_000);
      assert.deepEqual(held(harvest.cache, "h", "A"), ["10.0.0.3", "10.0.0.5"]);
    });
  }

  for (const [count, gap] of [
    [5, 2000],
    [40, 300],
  ] as const) {
    test(`MDNS-06: in a list is refreshed in time, though ${count} age ${gap} ms apart`, () => {
      const { clock, lan, harvest } = stage();
      for (let i = 0; i < count; i++) {
        const text = service(`s${i}`, "_ipp._tcp", `h${i}`, `10.0.1.${i}`);
        const said = text.replaceAll(" SRV", " 4500 SRV").replaceAll(" A ", " 4500 A ");
        new Device(lan, `10.0.0.${10 + i}`, said.replace(" 4500 PTR", " 120 PTR")).announce();
        clock.advance(gap);
      }
      clock.advance(10 * MINUTE);
      assert.equal(harvest.cache.counters.expired, 0);
    });
  }

  const LIST = `${META} 120 PTR _ipp._tcp
    ${service("a", "_ipp._tcp", "h", "10.0.0.3").replaceAll(" 4500 ", " 120 ")}`;
  /** A list names two devices, one of which answers only unicast queries. */
  const halfDeaf = (refresh: "unicast" | "multicast") => {
    const asked: Heard[] = [];
    const set = stage({ refresh }, (lan) => {
      new Device(lan, "10.0.0.4", service("b", "_ipp._tcp", "k", "10.0.0.4")).announce();
      const host = lan.host("deaf", "10.0.0.3").record();
      host.say(response(LIST));
      host.react((message, packet) => {
        if (!packet.isUnicast) return;
        asked.push({ ...packet, message, at: set.clock.passed });
        const answers = records(LIST).filter((record) =>
          message.questions.some(
            ({ name, type }) => type === record.type && name.equals(record.name),
          ),
        );
        host.say(makeMessage({ isResponse: true, answers }), {
          family: packet.family,
          address: packet.source,
        });
      });
    });
    const listOf = () => held(set.harvest.cache, "_ipp._tcp", "PTR").length;
    const lists = () =>
      asked.filter(({ message }) => message.questions.some(({ type }) => type === Type.PTR));
    return { ...set, listOf, lists };
  };

  test("MDNS-06: in a list is also queried by unicast from its host, after multicast in vain", () => {
    const { clock, listOf, lists, witness } = halfDeaf("unicast");
    for (let i = 0; i < 30 * 60; i++) {
      clock.advance(1000);
      assert.equal(listOf(), 2, `after ${i} s`);
    }
    // Every 102 s or so, with no known answers of others.
    assert.ok(lists().length >= 10 && lists().length <= 40, `${lists().length}`);
    assert.ok(lists().every(({ message }) => message.answers.length === 0));
    assert.ok(lists()[0]!.at >= 0.84 * 120_000, `${lists()[0]!.at}`);
    assert.ok(heardOf(witness, "_ipp._tcp", Type.PTR, aged).length > 0);
  });

  test("in a list is never queried by unicast with refresh: multicast", () => {
    const { clock, listOf, lists } = halfDeaf("multicast");
    clock.advance(130_000);
    assert.equal(listOf(), 1);
    assert.deepEqual(lists(), []);
  });

  test("in a list expires with its host, after three unicast queries at most", () => {
    const { clock, lan, listOf } = halfDeaf("unicast");
    const gone = lan.host("gone", "10.0.0.6").record();
    gone.say(response("_ipp._tcp 120 PTR g._ipp._tcp"));
    clock.advance(119_000);
    assert.equal(listOf(), 3);
    clock.advance(2000);
    assert.equal(listOf(), 2);
    assert.equal(gone.heard.filter(({ isUnicast }) => isUnicast).length, 3);
  });

  test("MDNS-06: in a list causes three unicast queries at most, however often others are queried", () => {
    const { clock, lan } = halfDeaf("unicast");
    const gone = lan.host("gone", "10.0.0.6").record();
    gone.say(response("_ipp._tcp 4500 PTR g._ipp._tcp"));
    const restless = lan.host("restless", "10.0.0.7");
    clock.advance(HOUR);
    for (let i = 0; i < 1000; i++) {
      restless.say(response("_ipp._tcp 1 PTR r._ipp._tcp"));
      clock.advance(1000);
    }
    assert.equal(gone.heard.filter(({ isUnicast }) => isUnicast).length, 3);
  });

  test("in a list causes no unicast queries once it is long gone, however many hosts are silent", () => {
    const { clock, link, witness, harvest } = stage({ refresh: "unicast" });
    const to: (string | undefined)[] = [];
    const send = link.send.bind(link);
    link.send = (bytes, whom) => {
      to.push(whom?.address);
      send(bytes, whom);
    };
    witness.say(response("_ipp._tcp 4500 PTR a._ipp._tcp"));
    for (let i = 0; i < 3000; i++) {
      const said = response(`_ipp._tcp 120 PTR s${i}._ipp._tcp`);
      const bytes = encode(said, { compression: "multicast" });
      const source = `fe80::1:${i.toString(16)}`;
      link.hear({ bytes, family: 6, source, isUnicast: false, isReply: false });
    }
    clock.advance(130_000);
    assert.equal(harvest.cache.size, 1);
    assert.ok(to.some((address) => address !== undefined));
    to.length = 0;
    clock.advance(10 * MINUTE);
    assert.ok(to.every((address) => address === undefined));
  });

  for (const away of [180, 600, 1500]) {
    test(`in a list is back within ${away} s and a lifetime after its device was cut off for ${away} s`, () => {
      for (let phase = 0; phase < 5; phase++) {
        let device: Device | undefined;
        const { clock, harvest } = stage({ refresh: "unicast" }, (lan) => {
          device = new Device(lan, "10.0.0.3", LIST);
          device.announce();
        });
        clock.advance(2 * HOUR + phase * 701_000);
        device!.isMute = true;
        clock.advance(away * 1000);
        assert.deepEqual(held(harvest.cache, "_ipp._tcp", "PTR"), []);
        device!.isMute = false;
        // Its entry expires up to a lifetime after it was cut off, and it answers within a second.
        clock.advance((away + 120 + 1) * 1000);
        assert.equal(held(harvest.cache, "_ipp._tcp", "PTR").length, 1, `phase ${phase}`);
      }
    });
  }

  test("MDNS-02, MDNS-42: in a list, once dropped as others asked in vain, is back a minute later", () => {
    let device: Device | undefined;
    const { clock, lan, harvest } = stage({ refresh: "unicast" }, (lan) => {
      device = new Device(lan, "10.0.0.3", service("a", "_ipp._tcp", "h", "10.0.0.3"));
      device.announce();
    });
    clock.advance(2.5 * HOUR);
    device!.isMute = true;
    const other = lan.host("other", "10.0.0.4");
    for (let i = 0; i < 2; i++) {
      other.say(query("_ipp._tcp PTR"));
      clock.advance(1500);
    }
    clock.advance(10_000);
    assert.deepEqual(held(harvest.cache, "_ipp._tcp", "PTR"), []);
    device!.isMute = false;
    clock.advance(MINUTE + 2000);
    assert.equal(held(harvest.cache, "_ipp._tcp", "PTR").length, 1);
  });

  test("MDNS-02, MDNS-03: in a list, once expired, is queried a lifetime later, then less and less", () => {
    const set = stage({ refresh: "unicast", types: [local("_ipp._tcp")] });
    const device = new Device(set.lan, "10.0.0.3", LIST);
    device.announce();
    set.clock.advance(2 * HOUR);
    device.isMute = true;
    for (let i = 0; i < 120 && held(set.harvest.cache, "_ipp._tcp", "PTR").length > 0; i++) {
      set.clock.advance(1000);
    }
    const gone = set.clock.passed;
    set.clock.advance(12 * HOUR);
    const gaps = gapsOf([gone, ...timesOf(set, "_ipp._tcp", Type.PTR, gone)]);
    assert.ok(gaps[0]! >= 100_000 && gaps[0]! <= 130_000, `${gaps}`);
    for (const [i, gap] of gaps.slice(1).entries())
      assert.ok(gap >= Math.min(2 * gaps[i]!, HOUR), `${gaps}`);
    assert.ok(gaps.length <= 16, `${gaps}`);
  });

  test("is queried by multicast with refresh: multicast", () => {
    const { clock, asked } = owners("multicast");
    clock.advance(10 * MINUTE);
    assert.ok(asked.length >= 5, `${asked.length}`);
    assert.ok(asked.every(({ isUnicast }) => !isUnicast));
  });
});
