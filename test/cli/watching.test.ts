/** `browse --watch`: what is printed when, on a clock that the test moves. */
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { suite, test } from "node:test";
import { Answers } from "../../src/cli/browse/answers.ts";
import { instancesOf, typesIn } from "../../src/cli/browse/listing.ts";
import { printing } from "../../src/cli/browse/printing.ts";
import type { Server } from "../../src/cli/server.ts";
import { Rcode, Type } from "../../src/dns/constants.ts";
import { makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { FakeClock } from "../support/clock.ts";
import { received, stateful, tlv } from "../support/pushclient.ts";
import { name, operator, origin, updateOf } from "../zone/fixture.ts";
import { listed, printer, SERVER, Watched, type WatchedOptions } from "./watched.ts";

const NS = "ns.z.example. (192.0.2.1:853)";
const PUSHED = `changes are pushed by ${NS}`;
const asking = (why: string) => `asking again as answers expire: ${why}`;
const HOUR = 3_600_000;
const SUBSCRIBE = 0x40;

suite("browse --watch, of a zone whose changes are pushed", () => {
  test("prints the list, then each change at once, and asks no more", async () => {
    await using watched = await Watched.start({ records: printer("one", 1) });
    assert.deepEqual(watched.printed, listed("one", 1));
    assert.deepEqual(watched.said, [PUSHED]);
    const { length } = watched.asked;
    assert.deepEqual(await watched.change(printer("two", 2, "+")), listed("two", 2, "+"));
    assert.deepEqual(await watched.change("- two A 10.1.0.2\n+ two A 10.1.0.3"), [
      "~ two",
      ...listed("two", 3).slice(1),
    ]);
    assert.deepEqual(await watched.change('- one._ipp._tcp TXT\n+ one._ipp._tcp TXT "rp=x" a=b'), [
      ...listed("one", 1, "~").slice(0, 3),
      "    rp=x a=b",
    ]);
    assert.deepEqual(
      await watched.change(
        "- two._ipp._tcp SRV\n+ two._ipp._tcp SRV 0 0 80 far\n+ far AAAA fd00::1",
      ),
      ["~ two", "    far.z.example.:80", "    fd00::1", "    rp=two"],
    );
    // Nothing is printed about a TTL, nor about what comes and goes in a moment.
    assert.deepEqual(await watched.change("+ far 30 AAAA fd00::1"), []);
    assert.deepEqual(await watched.change(printer("three", 3, "+"), printer("three", 3, "-")), []);
    assert.deepEqual(await watched.change("- _ipp._tcp PTR one._ipp._tcp"), ["- one"]);
    assert.deepEqual(await watched.change("- _ipp._tcp PTR"), ["- two"]);
    assert.deepEqual(await watched.within(24 * HOUR), []);
    assert.equal(watched.asked.length, length);
    assert.deepEqual(watched.said, [PUSHED]);
  });

  test("prints a change as soon as it is pushed, and only complete entries", async () => {
    await using watched = await Watched.start({ records: printer("one", 1) });
    for (const update of [printer("two", 2, "+")]) await watched.change(update);
    watched.session.isHeld = true;
    await watched.change("- one A 10.1.0.1\n+ one A 10.1.0.9", printer("three", 3, "+"));
    assert.deepEqual(watched.printed, []);
    watched.session.isHeld = false;
    watched.session.deliver();
    const lines = [...listed("one", 9, "~"), ...listed("three", 3, "+")];
    lines[3] = "    rp=one";
    // After a moment without an AAAA record it is known that there is none.
    assert.deepEqual(await watched.within(200), lines);
    // Records may come a little after the server accepts the subscription.
    watched.session.isHeld = true;
    await watched.change(`${printer("four", 4, "+")}+ four AAAA fd00::4`);
    while (watched.session.waiting > 0) {
      watched.session.deliver(1);
      await watched.pass(50);
    }
    const whole = listed("four", 4, "+");
    whole[2] += ", fd00::4";
    assert.deepEqual(watched.printed, whole);
  });

  test("prints complete entries even if the process stalls while they are pushed", async () => {
    await using watched = await Watched.start({ records: "", listing: typesIn(origin) });
    watched.session.isHeld = true;
    await watched.change("+ _services._dns-sd._udp PTR _ssh._tcp\n+ _ssh._tcp PTR a._ssh._tcp");
    watched.session.deliver();
    await watched.pass(50);
    // The server accepts the subscription; the records have arrived, but are not read yet.
    watched.session.deliver(1);
    await watched.pass(50);
    watched.clock.standStill(5000);
    await watched.pass(0);
    watched.session.deliver();
    await watched.pass(50);
    assert.deepEqual(watched.printed, ["+      1  _ssh._tcp"]);
  });

  test("waits for a slow reader, and then prints the net difference", async () => {
    await using watched = await Watched.start({ records: printer("one", 1) + printer("two", 2) });
    watched.isUnread = true;
    assert.deepEqual(await watched.change(printer("three", 3, "+")), listed("three", 3, "+"));
    // Neither changes that cancel out nor intermediate states are printed.
    const changes = [
      "- one A\n+ one A 10.2.0.1",
      printer("two", 2, "-"),
      printer("four", 4, "+"),
      printer("three", 3, "-"),
      printer("three", 3, "+"),
      printer("four", 4, "-"),
      "- one A\n+ one A 10.1.0.9",
      printer("five", 5, "+"),
    ];
    for (const change of changes) assert.deepEqual(await watched.change(change), []);
    watched.read();
    assert.deepEqual(await watched.within(1000), [
      "- two",
      "~ one",
      ...listed("one", 9).slice(1),
      ...listed("five", 5, "+"),
    ]);
    assert.deepEqual(await watched.change("- one A\n+ one A 10.1.0.1"), [
      "~ one",
      ...listed("one", 1).slice(1),
    ]);
  });

  test("waits for a reader that has not read the list yet", async () => {
    const watched = new Watched({ records: printer("one", 1) });
    watched.isUnread = true;
    await using _ = watched;
    await watched.pass(2000);
    assert.deepEqual(watched.printed, listed("one", 1));
    assert.deepEqual(await watched.change(printer("two", 2, "+"), printer("one", 1, "-")), []);
    watched.read();
    assert.deepEqual(await watched.within(1000), ["- one", ...listed("two", 2, "+")]);
  });

  test("does not wait for a pause between changes", async () => {
    await using watched = await Watched.start({ records: printer("one", 1) });
    watched.printed.length = 0;
    for (let i = 0; i < 100; i++) {
      await watched.zone.apply(updateOf(`- one A\n+ one A 10.2.0.${i}`), operator);
      await watched.pass(5);
    }
    const { length } = watched.printed.filter((line) => line === "~ one");
    assert.ok(length > 10 && length <= 25, `${length}`);
  });

  test("subscribes to what it shows, and to nothing else", async () => {
    await using watched = await Watched.start({ records: printer("one", 1) });
    const { client } = watched.session;
    const subscribed = () => [...client].map(({ name, type }) => `${name} ${type}`).sort();
    const all = (label: string) => [
      `${label}._ipp._tcp.z.example. 16`,
      `${label}._ipp._tcp.z.example. 33`,
      `${label}.z.example. 1`,
      `${label}.z.example. 28`,
    ];
    const list = "_ipp._tcp.z.example. 12";
    assert.deepEqual(subscribed(), [list, ...all("one")].sort());
    await watched.change(printer("two", 2, "+"));
    assert.deepEqual(subscribed(), [list, ...all("one"), ...all("two")].sort());
    await watched.change(printer("one", 1, "-"));
    assert.deepEqual(subscribed(), [list, ...all("two")].sort());
    // What is not shown is not remembered either.
    const isKnown = (label: string) => watched.answers.get(name(label), Type.A) !== undefined;
    assert.deepEqual([isKnown("one"), isKnown("two")], [false, true]);
  });

  test("prints the number of instances of each type when it lists types", async () => {
    const records = `_services._dns-sd._udp PTR _ipp._tcp\n${printer("one", 1)}`;
    await using watched = await Watched.start({ records, listing: typesIn(origin) });
    assert.deepEqual(watched.printed, ["     1  _ipp._tcp"]);
    assert.deepEqual(await watched.change(printer("two", 2, "+")), ["~      2  _ipp._tcp"]);
    assert.deepEqual(
      await watched.change("+ _services._dns-sd._udp PTR _ssh._tcp\n+ _ssh._tcp PTR a._ssh._tcp"),
      ["+      1  _ssh._tcp"],
    );
    assert.deepEqual(await watched.change("- _services._dns-sd._udp PTR _ipp._tcp"), [
      "- _ipp._tcp",
    ]);
  });

  test("says that there is nothing to list, and goes on", async () => {
    await using watched = await Watched.start({ records: "x A 10.0.0.1" });
    assert.deepEqual(watched.printed, ["no _ipp._tcp in z.example."]);
    assert.deepEqual(await watched.change(printer("one", 1, "+")), listed("one", 1, "+"));
  });

  test("asks for what the server does not push: other zones, and what exceeds its limits", async () => {
    const records = `${printer("one", 1)}_ipp._tcp PTR far._ipp._tcp.other.example.\n`;
    const limits = { total: 9, perNetwork: 9, perSession: 2, sessions: 9 };
    let subscribed = 0;
    const intercept = (message: Buffer) => {
      if (received(message).tlvs[0]?.[0] === SUBSCRIBE) subscribed++;
      return false;
    };
    await using watched = await Watched.start({ records, limits, intercept });
    assert.deepEqual(watched.printed, [...listed("one", 1), "far  (other.example.)"]);
    const limited = `asking again for the rest as answers expire: ${NS} does not push everything (SERVFAIL)`;
    assert.deepEqual(watched.said, [PUSHED, limited]);
    // It subscribes to nothing more during the minute's delay that the server demands.
    const before = subscribed;
    assert.deepEqual(await watched.change(printer("two", 2, "+")), listed("two", 2, "+"));
    assert.equal(subscribed, before);
    watched.asked.length = 0;
    assert.deepEqual(await watched.change("- one A 10.1.0.1\n+ one A 10.1.0.2"), []);
    assert.deepEqual(await watched.within(62_000), [
      "~ one",
      ...listed("one", 2).slice(1, 3),
      "    rp=one",
    ]);
    assert.ok(watched.asked.includes("one.z.example. 1"));
    assert.ok(watched.asked.includes("far._ipp._tcp.other.example. 33"));
    assert.ok(!watched.asked.includes("_ipp._tcp.z.example. 12"));
    assert.deepEqual(watched.said, [PUSHED, limited]);
  });
});

suite("browse --watch, when a session ends", () => {
  const start = () => Watched.start({ records: `${printer("one", 1)}${printer("two", 2)}` });

  test("DSO-26: reconnects when the server says, and prints what differs then", async () => {
    await using watched = await start();
    await watched.pass(HOUR);
    const { length } = watched.asked;
    // FakeClock's chance is nought: the server says two seconds; a retry would come after half a second.
    watched.session.retire();
    assert.deepEqual(await watched.change(printer("one", 1, "-"), printer("three", 3, "+")), []);
    assert.equal(watched.tried.length, 1);
    assert.deepEqual(await watched.within(2500), ["- one", ...listed("three", 3, "+")]);
    assert.equal(watched.tried.length, 2);
    assert.ok(watched.tried[1]! - watched.tried[0]! - HOUR >= 2000);
    assert.equal(watched.asked.length, length);
    assert.deepEqual(watched.said, [PUSHED, asking(`${NS} has ended the session`), PUSHED]);
    assert.deepEqual(await watched.within(HOUR), []);
  });

  test("treats what a new session does not repeat as gone, but only when nothing more comes", async () => {
    const long = "x".repeat(55);
    const others = Array.from({ length: 260 }, (_, i) => `_ipp._tcp PTR ${long}${i}._ipp._tcp\n`);
    const limits = { total: 9, perNetwork: 9, perSession: 1, sessions: 9 };
    const records = `${printer("one", 1)}${others.join("")}`;
    await using watched = await Watched.start({ records, limits });
    watched.isHeld = true;
    watched.session.cut();
    assert.deepEqual(await watched.change("- _ipp._tcp PTR one._ipp._tcp"), []);
    // One message at a time, as over a slow line: the list takes two, behind responses.
    const { session } = watched;
    let messages = 0;
    while (session.waiting > 0) {
      if (session.deliver(1) < 1000) continue;
      messages++;
      assert.deepEqual(await watched.within(900), []);
    }
    assert.equal(messages, 2);
    assert.deepEqual(await watched.within(1100), ["- one"]);
  });

  test("reconnects with a back-off that grows up to a limit and has a random part", async () => {
    const tries = async (chance: readonly number[]) => {
      await using watched = await Watched.start({ records: "", chance });
      await watched.pass(HOUR);
      watched.obstacle = "ECONNREFUSED";
      watched.session.cut();
      const now = watched.clock.now();
      await watched.pass(HOUR);
      assert.deepEqual(watched.said, [
        PUSHED,
        asking(`${NS} closed the connection`),
        asking(`${NS}: nothing is listening there`),
      ]);
      return watched.tried.slice(1).map((time) => time - now);
    };
    const [soonest, latest] = [await tries([0]), await tries([0.999_999])];
    assert.deepEqual(soonest.slice(0, 5), [500, 1500, 3500, 7500, 15_500]);
    assert.deepEqual(latest.slice(0, 3).map(Math.round), [1000, 3000, 7000]);
    assert.ok(soonest.length < HOUR / 150_000 + 12 && soonest.length > HOUR / 300_000);
  });

  test("leaves a server alone for an hour if it breaks the rules or knows no sessions", async () => {
    for (const [answer, reason] of [
      [
        stateful(1, tlv(SUBSCRIBE)),
        "breaks the rules of DNS Push: a message of type 64 is a request",
      ],
      [stateful(1, Buffer.alloc(0), 0x8000 | Rcode.NOTIMP), "does not support sessions (NOTIMP)"],
    ] as const) {
      const intercept: WatchedOptions["intercept"] = (message, client) => {
        if (received(message).id === 1) client.receive(answer);
        return true;
      };
      await using watched = await Watched.start({ records: printer("one", 1), intercept });
      assert.deepEqual(watched.said, [asking(`${NS} ${reason}`)]);
      await watched.pass(HOUR - 5000);
      assert.equal(watched.tried.length, 1);
      await watched.pass(HOUR);
      assert.equal(watched.tried.length, 2);
      assert.deepEqual(await watched.change(printer("two", 2, "+")), []);
      assert.deepEqual(await watched.within(62_000), listed("two", 2, "+"));
    }
  });

  test("leaves a server alone for an hour after it drops two sessions without any answer", async () => {
    await using watched = await Watched.start({
      records: printer("one", 1),
      intercept: (_, client) => {
        client.lost("closed the connection");
        return true;
      },
    });
    await watched.pass(HOUR - 10_000);
    assert.equal(watched.tried.length, 2);
    assert.deepEqual(watched.said, [asking(`${NS} closed the connection`)]);
    await watched.pass(30_000);
    assert.equal(watched.tried.length, 3);
  });

  test("PUSH-06: leaves a server alone for the delay it demands, and uses another meanwhile", async () => {
    const host = Name.parse("ns2.z.example.");
    let isWilling = false;
    await using watched = await Watched.start({
      records: printer("one", 1),
      intercept: (message, client) => {
        const { id, tlvs } = received(message);
        if (tlvs[0]?.[0] !== SUBSCRIBE || isWilling) return false;
        const delay = tlv(2, Buffer.from([0, 0, 0x40, 0]));
        client.receive(stateful(id, delay, 0x8000 | Rcode.REFUSED));
        return true;
      },
    });
    assert.deepEqual(watched.said, [asking(`${NS} does not push _ipp._tcp.z.example. (REFUSED)`)]);
    await watched.pass(0x4000 - 3000);
    assert.equal(watched.tried.length, 1);
    isWilling = true;
    watched.offered = [SERVER, { ...SERVER, host }];
    await watched.pass(10_000);
    assert.equal(watched.said.at(-1), PUSHED);
    isWilling = false;
    await watched.pass(HOUR);
    isWilling = true;
    watched.session.retire();
    await watched.pass(1000);
    assert.equal(watched.said.at(-1), "changes are pushed by ns2.z.example. (192.0.2.1:853)");
  });
});

suite("browse --watch, of a zone whose changes nobody pushes", () => {
  const list = "_ipp._tcp.z.example. 12";
  const why = "z.example. has no SRV record at _dns-push-tls._tcp.";

  async function start(records: string): Promise<Watched> {
    const watched = new Watched({ records });
    watched.offered = why;
    await watched.pass(0);
    return watched;
  }

  test("asks again two seconds after a TTL has expired, and says why once", async () => {
    for (const [ttl, pause] of [
      [0, 2000],
      [5, 7000],
      [10, 12_000],
      [60, 60_000],
    ] as const) {
      await using watched = await start(printer("one", 1).replace("PTR", `${ttl} PTR`));
      assert.deepEqual(watched.printed.splice(0), listed("one", 1));
      const rounds = () => watched.asked.filter((each) => each === list).length;
      assert.equal(rounds(), 1);
      await watched.change(printer("two", 2, "+").replace("PTR", `${ttl} PTR`));
      await watched.pass(pause - 1001);
      assert.deepEqual([rounds(), watched.printed], [1, []]);
      await watched.pass(1);
      assert.equal(rounds(), 2);
      assert.deepEqual(await watched.within(200), listed("two", 2, "+"));
      await watched.pass(HOUR / 4);
      const most = 3 + HOUR / 4 / pause;
      assert.ok(rounds() <= most && rounds() > most * 0.75, `${rounds()}, ${most}`);
      assert.deepEqual(watched.said, [asking(why)]);
    }
  });

  test("asks once a minute if every TTL is longer", async () => {
    const records = `${printer("one", 1)}one A 10.1.0.2\none A 10.1.0.3\none AAAA fd00::1\n`;
    await using watched = await start(records.replace(/^(\S+) /gm, "$1 7200 "));
    assert.equal(watched.printed.splice(0)[2], "    10.1.0.1, 10.1.0.2, 10.1.0.3, fd00::1");
    const { length } = watched.asked;
    await watched.pass(59_999);
    assert.equal(watched.asked.length, length);
    await watched.pass(100);
    assert.equal(watched.asked.length, 2 * length);
    // The order of the answers makes no difference.
    assert.deepEqual(await watched.within(HOUR), []);
  });

  test("asks at most a hundred questions a second, and only for what has expired", async () => {
    const names = Array.from({ length: 100 }, (_, i) => `_ipp._tcp 3600 PTR p${i}._ipp._tcp\n`);
    await using watched = await start(names.join(""));
    // Each one's SRV and TXT are denied, for ten seconds.
    assert.equal(watched.asked.length, 201);
    await watched.pass(11_999);
    let asked = watched.asked.length;
    assert.equal(asked, 201);
    for (let second = 0; second < 5; second++) {
      await watched.pass(1000);
      assert.ok(watched.asked.length - asked <= 100);
      asked = watched.asked.length;
    }
    assert.equal(asked, 401);
    assert.equal(watched.asked.filter((each) => each === list).length, 1);
  });

  test("prints what it knows of a long list while it asks for the rest", async () => {
    const names = Array.from({ length: 100 }, (_, i) => `_ipp._tcp 3600 PTR p${i}._ipp._tcp\n`);
    await using watched = await start(names.join(""));
    assert.deepEqual(await watched.change('+ p0._ipp._tcp TXT "a=b"'), []);
    for (let i = 0; i < 1000 && watched.printed.length === 0; i++) await watched.pass(20);
    assert.deepEqual(watched.printed, ["~ p0", "    a=b"]);
    const asked = watched.asked.length;
    await watched.pass(300);
    assert.ok(watched.asked.length > asked + 10);
  });

  test("keeps what it has while nobody answers, says so once, and backs off", async () => {
    await using watched = await start(printer("one", 1));
    await watched.change(printer("one", 1, "-"), printer("two", 2, "+"));
    watched.isMute = true;
    watched.asked.length = 0;
    assert.deepEqual(await watched.within(HOUR), []);
    assert.ok(watched.asked.length >= 60 && watched.asked.length < 70, `${watched.asked.length}`);
    const failed = "192.0.2.1:53: no answer in time; is the gateway running? (asking again)";
    assert.deepEqual(watched.said, [asking(why), failed]);
    watched.isMute = false;
    assert.deepEqual(await watched.within(60_000), ["- one", ...listed("two", 2, "+")]);
    watched.isMute = true;
    await watched.pass(60_000);
    assert.deepEqual(watched.said, [asking(why), failed, failed]);
  });

  test("keeps what it has of names whose queries fail, says so once, and goes on", async () => {
    await using watched = await start(`${printer("one", 1)}${printer("two", 2)}`);
    watched.failing = /^(one|new|_ipp._tcp).*z\.example\./;
    await watched.change(
      printer("one", 1, "-"),
      "- two A\n+ two A 10.1.0.9",
      printer("new", 3, "+"),
    );
    assert.deepEqual(await watched.within(70_000), [
      ...listed("two", 9, "~").slice(0, 3),
      "    rp=two",
    ]);
    await watched.pass(HOUR);
    const failed =
      "192.0.2.1:53 answers SERVFAIL for one.z.example.; expected a server of z.example.";
    assert.deepEqual(watched.said, [asking(why), `${failed} (asking again)`]);
    watched.failing = /^$/;
    assert.deepEqual(await watched.within(70_000), ["- one", ...listed("new", 3, "+")]);
  });

  test("starts even if a query for a host fails, but ends if the query for the list does", async () => {
    const failed = (name: string) =>
      `192.0.2.1:53 answers SERVFAIL for ${name}.z.example.; expected a server of z.example.`;
    const records = `${printer("one", 1)}${printer("two", 2)}`;
    // Only the query for its AAAA fails: the rest comes along with the list.
    await using watched = new Watched({ records, failing: /^one\./ });
    watched.offered = why;
    await watched.pass(0);
    assert.deepEqual(watched.printed, [...listed("one", 1), ...listed("two", 2)]);
    assert.deepEqual(watched.said, [`${failed("one")} (asking again)`, asking(why)]);
    const other = new Watched({ records, failing: /^_ipp/ });
    await assert.rejects(other.ended, { message: failed("_ipp._tcp") });
  });

  test("switches to pushed changes once a server offers them", async () => {
    await using watched = await start(printer("one", 1));
    await watched.pass(HOUR);
    watched.offered = [SERVER];
    await watched.pass(300_000);
    assert.deepEqual(watched.said, [asking(why), PUSHED]);
    const { length } = watched.asked;
    assert.deepEqual(await watched.change(printer("two", 2, "+")), listed("two", 2, "+"));
    await watched.pass(HOUR);
    assert.equal(watched.asked.length, length);
  });

  test("fails if nobody answers at the start, and ends without an error when it is stopped", async () => {
    const watched = new Watched({ records: printer("one", 1) });
    watched.isMute = true;
    await assert.rejects(watched.ended, /192\.0\.2\.1:53: no answer in time/);
    for (const milliseconds of [0, 5000]) {
      const ended = new Watched({ records: printer("one", 1) });
      await ended.pass(milliseconds);
      ended.stop();
      await ended.ended;
      await ended.pass(10);
      assert.equal(ended.clock.next, undefined);
      assert.deepEqual(await ended.change(printer("two", 2, "+")), []);
    }
  });
});

suite("the most that a server can make a client hold", () => {
  test("is sixty-four megabytes of answers", async () => {
    const text = rdata.txt(...Array.from({ length: 250 }, () => "x".repeat(255)));
    const ptrs = Array.from({ length: 2000 }, (_, i) => rdata.ptr(name(`p${i}._ipp._tcp`)));
    const asked: Name[] = [];
    const server: Server = {
      ...{ domain: origin, address: { address: "192.0.2.1", port: 53 } },
      ask: async (name, type) => {
        asked.push(name);
        const rdatas = type === Type.PTR ? ptrs : [text];
        const answers = rdatas.map((rdata) => ({ name, type, class: 1, ttl: 10, rdata }));
        return makeMessage({ isResponse: true, answers: type === Type.SRV ? [] : answers });
      },
    };
    const answers = new Answers(server, new FakeClock());
    const listing = instancesOf("_ipp._tcp", origin);
    await assert.rejects(answers.ask(listing.items), /too large to be kept/);
    assert.ok(asked.length > 1500 && asked.length < 2500, `${asked.length}`);
  });

  test("is two thousand subscriptions", async () => {
    const records = Array.from({ length: 1200 }, (_, i) => `_ipp._tcp PTR p${i}._ipp._tcp\n`);
    const limits = { total: 9999, perNetwork: 9999, perSession: 9999, sessions: 9 };
    await using watched = await Watched.start({ records: records.join(""), limits });
    assert.equal(watched.session.client.size, 2000);
  });
});

test("printing waits while the reader does not take what was printed", async () => {
  const taken: string[] = [];
  let take = () => {};
  const output = new Writable({
    highWaterMark: 8,
    write(text, _, done) {
      take = () => {
        taken.push(`${text}`);
        done();
      };
    },
  });
  const print = printing(output);
  assert.equal(print(["one"]), undefined);
  let isTaken = false;
  const waiting = print(["two", "3"])!.then(() => {
    isTaken = true;
  });
  take();
  await new Promise(setImmediate);
  assert.deepEqual([taken, isTaken], [["one\n"], false]);
  take();
  await waiting;
  assert.deepEqual(taken, ["one\n", "two\n3\n"]);
  assert.equal(print(["four"]), undefined);
});
