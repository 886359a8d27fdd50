/** NOTIFY, both ways (RFC 1996). */
import assert from "node:assert/strict";
import { createSocket, type RemoteInfo } from "node:dgram";
import { once, setMaxListeners } from "node:events";
import type { AddressInfo } from "node:net";
import { suite, test } from "node:test";
import { type Clock, systemClock } from "../../src/clock.ts";
import { parseConfig } from "../../src/config.ts";
import { Class, Opcode, Rcode, rcodeName, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message, makeMessage, makeResponse } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata, soaOf } from "../../src/dns/rdata.ts";
import { refuseTsig, signTsig, splitTsig, type TsigKey } from "../../src/dns/tsig.ts";
import { notifyHandler } from "../../src/dnsserver/notify.ts";
import {
  NoticeSlots,
  notifySecondaries,
  type Secondary,
  Silence,
} from "../../src/dnsserver/secondaries.ts";
import { notifyAll } from "../../src/gateway/notifying.ts";
import type { Log } from "../../src/log.ts";
import type { Resolve } from "../../src/net/client/resolver.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { Zone } from "../../src/zone/zone.ts";
import { FakeClock, START } from "../support/clock.ts";
import { silentLog } from "../support/log.ts";
import { waitFor } from "../support/wait.ts";
import { operator, origin, SOA, updateOf, zoneOf } from "../zone/fixture.ts";

const add = (zone: Zone, i: number) => zone.apply(updateOf(`+ n${i} A 10.0.0.1`), operator);

interface Told {
  readonly to: string;
  readonly at: number;
  readonly notice: Message;
}

/** Secondaries that answer at once, as `answer` says. */
class Audience {
  readonly clock = new FakeClock();
  readonly told: Told[] = [];
  readonly facts: string[] = [];
  answer: (to: string) => Rcode | undefined | Promise<Rcode | undefined> = () => Rcode.NOERROR;
  readonly #life = new AbortController();
  readonly log: Log = {
    ...silentLog,
    info: (_, fact) => this.facts.push(fact),
    warn: (_, fact) => this.facts.push(fact),
    error: (_, fact) => this.facts.push(fact),
  };

  constructor() {
    // As in the gateway: every zone listens to it.
    setMaxListeners(0, this.#life.signal);
  }

  secondary(name: string): Secondary {
    return {
      name,
      slots: new NoticeSlots(),
      tell: async (notice) => {
        this.told.push({ to: name, at: this.clock.passed, notice });
        return (await this.answer(name)) ?? new Silence("no answer in time");
      },
    };
  }

  isSigned = false;

  /** Notifies them until the test ends. */
  follow(zone: Zone, ...configured: readonly (string | Secondary)[]): void {
    const options = {
      ...{ zone, clock: this.clock, log: this.log, isCopied: () => !this.isSigned },
      configured: configured.map((who) => (typeof who === "string" ? this.secondary(who) : who)),
      secondaryOf: (name: Name) => this.secondary(`${name}`),
    };
    void notifySecondaries(options, this.#life.signal);
  }

  /** When they were notified, in milliseconds. */
  times(to: string): number[] {
    return this.told.flatMap((each) => (each.to === to ? each.at : []));
  }

  [Symbol.dispose](): void {
    this.#life.abort();
  }
}

const serialOf = ({ notice }: Told) => soaOf(notice.answers[0]!.rdata).serial;

suite("NOTIFY to secondaries", () => {
  test("XFR-22: is sent at the start and when the zone has changed, with its SOA", async () => {
    using audience = new Audience();
    const zone = zoneOf("");
    audience.follow(zone, "a");
    await audience.clock.elapse(0);
    assert.equal(audience.told.length, 1, "at the start");
    await audience.clock.elapse(5000);
    assert.equal(audience.told.length, 1, "and not while nothing happens");
    await add(zone, 1);
    await audience.clock.elapse(0);
    const [, { notice } = assert.fail("not told")] = audience.told;
    assert.equal(notice.opcode, Opcode.NOTIFY);
    assert.ok(notice.isAuthoritative && !notice.isResponse);
    assert.deepEqual(notice.questions, [{ name: origin, type: Type.SOA, class: Class.IN }]);
    assert.equal(soaOf(notice.answers[0]!.rdata).serial, zone.current.serial);
    assert.deepEqual([notice.authorities, notice.additionals], [[], []]);
  });

  test("XFR-21: is sent once a second at most, and for the last of many changes", async () => {
    using audience = new Audience();
    const zone = zoneOf("");
    audience.follow(zone, "a", "b");
    for (let i = 0; i < 500; i++) {
      await add(zone, i);
      await audience.clock.elapse(10);
    }
    await audience.clock.elapse(2000);
    for (const to of ["a", "b"]) {
      const times = audience.times(to);
      assert.ok(times.length >= 5 && times.length <= 7, `${times}`);
      for (const [i, at] of times.slice(1).entries()) assert.ok(at - times[i]! >= 1000, `${times}`);
      assert.equal(serialOf(audience.told.findLast((each) => each.to === to)!), 501);
    }
  });

  test("is logged with each reason once, until there is an answer again", async () => {
    using audience = new Audience();
    const zone = zoneOf("");
    const [noWay, noKey] = [new Silence("no route"), new Silence("it does not know the key")];
    // As at a start before the network is there, and with a key that nobody brought to the secondary.
    const answers = [noWay, noKey, noWay, noKey, Rcode.NOERROR, noWay];
    const tell = async () => answers.shift() ?? Rcode.NOERROR;
    audience.follow(zone, { ...audience.secondary("a"), tell });
    await audience.clock.elapse(60_000);
    const silent = "the secondary does not answer NOTIFY";
    const told = [silent, silent, "the secondary accepts NOTIFY again"];
    assert.deepEqual(audience.facts, told);
    await add(zone, 1);
    await audience.clock.elapse(0);
    assert.deepEqual(audience.facts, [...told, silent]);
  });

  test("XFR-23: is retried after doubling delays until it is answered, and then given up", async () => {
    using audience = new Audience();
    const zone = zoneOf("");
    audience.answer = (to) => (to === "dead" ? undefined : Rcode.NOERROR);
    audience.follow(zone, "dead", "alive");
    await audience.clock.elapse(600_000);
    assert.deepEqual(audience.times("dead"), [0, 2000, 6000, 14_000, 30_000, 62_000]);
    assert.deepEqual(audience.times("alive"), [0]);
    assert.deepEqual(audience.facts, ["the secondary does not answer NOTIFY"]);
    // Another change is worth another try, and the dead cost no more than one a minute.
    for (let i = 0; i < 600; i++) {
      await add(zone, i);
      await audience.clock.elapse(1000);
    }
    const tries = audience.times("dead").length - 6;
    assert.ok(tries >= 9 && tries <= 11, `${tries} in ten minutes`);
    assert.ok(audience.times("alive").length > 590);
    // One that is back is notified at once from then on.
    audience.answer = () => Rcode.NOERROR;
    await audience.clock.elapse(60_000);
    const before = audience.told.length;
    await add(zone, 1000);
    await audience.clock.elapse(0);
    assert.equal(audience.told.length, before + 2);
    assert.deepEqual(audience.facts.slice(1), ["the secondary accepts NOTIFY again"]);
    // If it fails once more, that is its first failure again.
    audience.answer = () => undefined;
    const since = audience.clock.passed + 1000;
    await audience.clock.elapse(1000);
    await add(zone, 1001);
    await audience.clock.elapse(600_000);
    const again = audience.times("dead").filter((at) => at >= since);
    assert.deepEqual(
      again.map((at) => at - since),
      [0, 2000, 6000, 14_000, 30_000, 62_000],
    );
  });

  test("XFR-23: is sent for a change during the last try, even if that try had no answer", async () => {
    using audience = new Audience();
    const zone = zoneOf("");
    let isLast = false;
    let end = () => {};
    const unanswered = new Promise<undefined>((resolve) => {
      end = () => resolve(undefined);
    });
    audience.answer = () => (isLast ? unanswered : undefined);
    audience.follow(zone, "dead");
    await audience.clock.elapse(61_999);
    isLast = true;
    await audience.clock.elapse(1);
    await add(zone, 1);
    await audience.clock.elapse(1000);
    end();
    await audience.clock.elapse(600_000);
    assert.deepEqual(audience.told.map(serialOf), [1, 1, 1, 1, 1, 1, zone.current.serial]);
  });

  test("XFR-21: is not sent while an answer is awaited, and then for the last change", async () => {
    using audience = new Audience();
    const zone = zoneOf("");
    const answers: ((rcode: Rcode) => void)[] = [];
    audience.answer = () => new Promise<Rcode>((resolve) => answers.push(resolve));
    audience.follow(zone, "a");
    for (let i = 0; i < 5; i++) {
      await audience.clock.elapse(500);
      await add(zone, i);
    }
    assert.equal(audience.told.length, 1);
    answers[0]!(Rcode.NOERROR);
    await audience.clock.elapse(1000);
    assert.deepEqual(audience.told.map(serialOf), [1, zone.current.serial]);
  });

  test("XFR-21: is sent for a few of many zones at a time, and a slow secondary delays no other", async () => {
    using audience = new Audience();
    const answers: ((rcode: Rcode) => void)[] = [];
    audience.answer = (to) =>
      to === "slow" ? new Promise<Rcode>((resolve) => answers.push(resolve)) : Rcode.NOERROR;
    const zones = Array.from({ length: 50 }, () => zoneOf(""));
    const secondaries = [audience.secondary("slow"), audience.secondary("quick")];
    for (const zone of zones) audience.follow(zone, ...secondaries);
    await audience.clock.elapse(100);
    assert.deepEqual([audience.times("slow").length, audience.times("quick").length], [8, 50]);
    const last = zones.at(-1)!;
    await add(last, 1);
    await audience.clock.elapse(1000);
    assert.equal(audience.times("quick").length, 51);
    while (answers.length > 0) {
      answers.shift()!(Rcode.NOERROR);
      await audience.clock.elapse(0);
    }
    const slow = audience.told.filter(({ to }) => to === "slow");
    assert.equal(slow.length, 50);
    assert.equal(serialOf(slow.at(-1)!), last.current.serial, "what is there to tell by then");
  });

  test("XFR-21: is not sent to a secondary that was removed before its turn", async () => {
    using audience = new Audience();
    const answers: ((rcode: Rcode) => void)[] = [];
    audience.answer = () => new Promise<Rcode>((resolve) => answers.push(resolve));
    const shared = audience.secondary("ns2.example.");
    audience.secondary = () => shared;
    const zones = Array.from({ length: 9 }, () => zoneOf("@ 3600 NS ns2.example."));
    for (const zone of zones) audience.follow(zone);
    await audience.clock.elapse(0);
    await zones.at(-1)!.apply(updateOf("- @ NS ns2.example."), operator);
    await audience.clock.elapse(0);
    for (const answer of answers.splice(0)) answer(Rcode.NOERROR);
    await audience.clock.elapse(5000);
    assert.equal(audience.told.length, 8);
  });

  test("XFR-27: is not sent to one no longer among the NS records, even if it never answered", async () => {
    using audience = new Audience();
    audience.answer = () => undefined;
    const zone = zoneOf("@ 3600 NS ns2.example.");
    audience.follow(zone);
    await audience.clock.elapse(1000);
    assert.deepEqual(audience.times("ns2.example."), [0]);
    await zone.apply(updateOf("- @ NS ns2.example."), operator);
    await audience.clock.elapse(600_000);
    assert.deepEqual(audience.times("ns2.example."), [0]);
  });

  test("is sent again after an internal error, which is logged", async () => {
    using audience = new Audience();
    audience.answer = () => {
      throw new TypeError("a mistake");
    };
    audience.follow(zoneOf(""), "a");
    await audience.clock.elapse(1000);
    audience.answer = () => Rcode.NOERROR;
    await audience.clock.elapse(5000);
    assert.equal(audience.told.length, 2);
    assert.equal(audience.facts[0], "NOTIFY could not be sent");
  });

  test("XFR-24: is ended by any answer, even NOTIMP, which is logged", async () => {
    for (const rcode of [Rcode.NOTIMP, Rcode.REFUSED, Rcode.SERVFAIL]) {
      using audience = new Audience();
      audience.answer = () => rcode;
      audience.follow(zoneOf(""), "a");
      await audience.clock.elapse(600_000);
      assert.equal(audience.told.length, 1);
      assert.deepEqual(audience.facts, ["the secondary refuses NOTIFY"]);
    }
  });

  test("XFR-27: goes to those configured and those of the NS records, but not to the SOA's server", async () => {
    using audience = new Audience();
    // The SOA of the fixture names ns.example.
    const zone = zoneOf("@ 3600 NS ns2.example.\n@ 3600 NS ns3.example.\nsub NS ns9.example.");
    audience.follow(zone, "configured");
    await audience.clock.elapse(0);
    const names = () => audience.told.splice(0).map(({ to }) => to);
    assert.deepEqual(names().sort(), ["configured", "ns2.example.", "ns3.example."]);
    await zone.apply(updateOf("- @ NS ns2.example.\n+ @ NS ns4.example."), operator);
    await audience.clock.elapse(2000);
    assert.deepEqual(names().sort(), ["configured", "ns3.example.", "ns4.example."]);
    await zone.apply(updateOf("+ @ NS ns2.example."), operator);
    await audience.clock.elapse(2000);
    assert.ok(names().includes("ns2.example."), "one that is back");
  });

  test("XFR-22: is not sent for a signed zone, as nobody may copy it", async () => {
    using audience = new Audience();
    const zone = zoneOf("");
    audience.follow(zone, "a");
    await audience.clock.elapse(0);
    assert.equal(audience.told.length, 1);
    audience.isSigned = true;
    await add(zone, 1);
    await audience.clock.elapse(600_000);
    assert.equal(audience.told.length, 1);
  });
});

/** A secondary on a socket, which answers as `answer` says. */
async function secondarySocket(
  answer: (bytes: Buffer, by: RemoteInfo) => readonly Uint8Array[] | Uint8Array | undefined,
) {
  const socket = createSocket("udp4");
  const received: Buffer[] = [];
  socket.on("message", (bytes, by) => {
    received.push(bytes);
    for (const octets of [answer(bytes, by) ?? []].flat()) {
      socket.send(octets, by.port, by.address);
    }
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address() as AddressInfo;
  return { port, received, [Symbol.dispose]: () => socket.close() };
}

suite("NOTIFY by UDP", () => {
  const secret = Buffer.from("the secret of ns2");
  const key: TsigKey = { name: Name.parse("ns2"), algorithm: "hmac-sha256", secret };
  const now = () => Math.floor(Date.now() / 1000);

  interface Setting {
    /** The port of the server in the configuration, which has none if this is not given. */
    readonly port?: number;
    readonly host?: string;
    readonly key?: string;
    readonly resolve?: Resolve;
    readonly clock?: Clock;
    readonly isSigned?: (origin: Name) => boolean;
  }

  async function notifying(
    { port, host = "127.0.0.1", key, ...setting }: Setting,
    zone: Zone | readonly Zone[],
    during: (facts: string[], reasons: string[]) => Promise<unknown>,
  ): Promise<void> {
    const server = { server: `${host}:${port}`, ...(key && { key }) };
    const config = parseConfig(
      JSON.stringify({
        zone: "z.example",
        keys: { ns2: { secret: secret.toString("base64"), site: [] } },
        transfer: { notify: port === undefined ? [] : [server] },
      }),
      "g",
      "/",
    );
    const { resolve = async () => undefined, clock = systemClock } = setting;
    const { isSigned = () => false } = setting;
    const life = new AbortController();
    // As in the gateway: every zone listens to it.
    setMaxListeners(0, life.signal);
    const facts: string[] = [];
    const reasons: string[] = [];
    const note = ({ reason = "" }: { readonly reason?: string }, fact: string) => {
      facts.push(fact);
      reasons.push(reason);
    };
    const log: Log = { ...silentLog, warn: note, error: note };
    const zones = { all: [zone].flat(), isSigned };
    const done = notifyAll({ config, zones, resolve, clock, log }, life.signal);
    await during(facts, reasons);
    life.abort();
    await done;
  }

  const other = Name.parse("other.example.");
  const otherZone = (text: string) => {
    const records = parseMasterFile(`$TTL 60\n${SOA}\n@ NS ns.example.\n${text}`, {
      origin: other,
    });
    return new Zone({ origin: other, records, clock: new FakeClock() });
  };

  /** Resolves every name to this address. */
  const resolving =
    (address: string): Resolve =>
    async (name, type) => {
      const here = { name, type: Type.A, class: Class.IN, ttl: 10, rdata: rdata.a(address) };
      return makeMessage({ answers: type === Type.A ? [here] : [] });
    };

  test("XFR-23: is not answered by a response with another id or question, or from elsewhere", async () => {
    const elsewhere = createSocket("udp4");
    using _ = { [Symbol.dispose]: () => elsewhere.close() };
    const answerTo = (asked: Message) => encode(makeResponse(asked, { isAuthoritative: true }));
    using secondary = await secondarySocket((bytes, by) => {
      const asked = decode(bytes);
      const [question] = asked.questions;
      switch (secondary.received.length) {
        case 1:
          return [
            { id: asked.id ^ 1 },
            { questions: [{ ...question!, type: Type.A }] },
            { questions: [{ ...question!, name: other }] },
          ].map((wrong) => answerTo({ ...asked, ...wrong }));
        case 2:
          elsewhere.send(answerTo(asked), by.port, by.address);
          return undefined;
        default:
          return answerTo(asked);
      }
    });
    const clock = new FakeClock();
    await notifying({ port: secondary.port, clock }, zoneOf(""), async () => {
      await clock.elapse(0);
      await waitFor("the notice", () => secondary.received.length === 1);
      for (const times of [2, 3]) {
        await clock.elapse(1000);
        await waitFor(`notice ${times}`, () => secondary.received.length === times);
      }
    });
    const [first, ...again] = secondary.received;
    for (const each of again) assert.deepEqual(each, first, "the same, sent again");
  });

  test("XFR-23: without an answer is logged as that, and not as an error of ours", async () => {
    using secondary = await secondarySocket(() => undefined);
    await notifying({ port: secondary.port }, zoneOf(""), async (facts) => {
      await waitFor("a word", () => facts.length > 0);
      assert.deepEqual(facts, ["the secondary does not answer NOTIFY"]);
    });
  });

  test("XFR-23: is sent three times, a second apart, and then counts as unanswered", async () => {
    using secondary = await secondarySocket(() => undefined);
    const clock = new FakeClock();
    await notifying({ port: secondary.port, clock }, zoneOf(""), async (facts) => {
      await clock.elapse(0);
      for (const times of [1, 2, 3]) {
        await waitFor(`notice ${times}`, () => secondary.received.length === times);
        await clock.elapse(999);
        assert.equal(secondary.received.length, times);
        assert.deepEqual(facts, []);
        await clock.elapse(1);
      }
      await waitFor("a word", () => facts.length > 0);
    });
  });

  test("XFR-23: that is abandoned because we end is not logged as an error", async () => {
    using secondary = await secondarySocket(() => undefined);
    let told: string[] = [];
    await notifying({ port: secondary.port }, zoneOf(""), async (facts) => {
      told = facts;
      await waitFor("the notice", () => secondary.received.length >= 1);
    });
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    assert.deepEqual(told, []);
  });

  test("XFR-27: to a server whose name does not resolve is logged as unanswered", async () => {
    await notifying({ host: "ns2.other.example", port: 53 }, zoneOf(""), async (facts) => {
      await waitFor("a word", () => facts.length > 0);
      assert.deepEqual(facts, ["the secondary does not answer NOTIFY"]);
    });
  });

  test("XFR-27: is answered if one of the addresses of a server answers", async () => {
    using secondary = await secondarySocket((bytes) => encode(makeResponse(decode(bytes), {})));
    const resolve: Resolve = async (name, type) => {
      if (type === Type.A) return resolving("127.0.0.1")(name, type);
      const here = { name, type, class: Class.IN, ttl: 10, rdata: rdata.aaaa("::1") };
      return makeMessage({ answers: [here] });
    };
    const { port } = secondary;
    const zone = zoneOf("");
    await notifying({ host: "ns2.other.example", port, resolve }, zone, async (facts) => {
      await waitFor("the notice of the start", () => secondary.received.length >= 1);
      await add(zone, 1);
      await waitFor("the change to be told", () => secondary.received.length >= 2);
      assert.deepEqual(facts, []);
    });
  });

  test("XFR-22: is not sent for those of the zones that are signed", async () => {
    using secondary = await secondarySocket((bytes) => encode(makeResponse(decode(bytes), {})));
    const { port } = secondary;
    const isSigned = (name: Name) => name.equals(origin);
    await notifying({ port, isSigned }, [zoneOf(""), otherZone("")], () =>
      waitFor("a notice", () => secondary.received.length > 0),
    );
    const told = secondary.received.map((bytes) => `${decode(bytes).questions[0]!.name}`);
    assert.deepEqual(told, ["other.example."]);
  });

  test("XFR-27: is signed where the secondary has a key, and then only a signed answer counts", async () => {
    let isForged = true;
    using secondary = await secondarySocket((bytes) => {
      const { mac } = splitTsig(bytes)!.tsig;
      const response = encode(makeResponse(decode(bytes), { additionals: [] }));
      const signedBy = (by: TsigKey) => signTsig(response, by, { now: now(), priorMac: mac }).bytes;
      if (!isForged) return signedBy(key);
      isForged = false;
      return [response, signedBy({ ...key, secret: Buffer.from("another") })];
    });
    const zone = zoneOf("");
    await notifying({ port: secondary.port, key: "ns2" }, zone, async (facts) => {
      await waitFor("the notice again", () => secondary.received.length >= 2);
      await add(zone, 1);
      await waitFor("the notice of a change", () => secondary.received.length >= 3);
      assert.deepEqual(facts, []);
    });
    const [first] = secondary.received;
    const { body, tsig } = splitTsig(first!)!;
    assert.ok(tsig.key.equals(key.name));
    const again = signTsig(body, key, { now: tsig.time });
    assert.deepEqual(Buffer.from(tsig.mac), Buffer.from(again.mac));
  });

  test("is logged with the reason if the secondary does not know the key", async () => {
    using secondary = await secondarySocket((bytes) => {
      const response = makeResponse(decode(bytes), { rcode: Rcode.NOTAUTH, additionals: [] });
      return refuseTsig(encode(response), splitTsig(bytes)!, Rcode.BADKEY);
    });
    await notifying({ port: secondary.port, key: "ns2" }, zoneOf(""), async (facts, reasons) => {
      await waitFor("a word", () => facts.length > 0);
      assert.deepEqual(facts, ["the secondary does not answer NOTIFY"]);
      assert.match(reasons[0]!, /does not know the key/);
    });
  });

  test("is logged with the reason if the secondary has no address", async () => {
    await notifying({}, zoneOf("@ 3600 NS ns2.example."), async (facts, reasons) => {
      await waitFor("a word", () => facts.length > 0);
      assert.deepEqual(facts, ["the secondary does not answer NOTIFY"]);
      assert.deepEqual(reasons, ["no address is found for it"]);
    });
  });

  test("XFR-27: resolves the NS of the zone, and passes over our own addresses", async () => {
    using secondary = await secondarySocket((bytes) => encode(makeResponse(decode(bytes), {})));
    const asked: string[] = [];
    const resolve: Resolve = (name, type) => {
      asked.push(`${name} ${type}`);
      return resolving("127.0.0.1")(name, type);
    };
    const zone = zoneOf("@ 3600 NS ns2.example.");
    await notifying({ port: secondary.port, resolve }, zone, async (facts) => {
      await waitFor("the questions", () => asked.length === 2);
      await add(zone, 1);
      await waitFor("the change to be told", () => secondary.received.length >= 2);
      assert.deepEqual(facts, [], "we need not be told");
    });
    assert.deepEqual(asked.sort(), ["ns2.example. 1", "ns2.example. 28"]);
  });

  test("XFR-27: keeps a resolved address for a minute", async () => {
    const clock = new FakeClock();
    let asked = 0;
    const resolve: Resolve = (name, type) => {
      asked++;
      return resolving("127.0.0.1")(name, type);
    };
    const zone = zoneOf("@ 3600 NS ns2.example.");
    await notifying({ clock, resolve }, zone, async () => {
      await clock.elapse(59_000);
      await add(zone, 1);
      await clock.elapse(999);
      assert.equal(asked, 2);
      await clock.elapse(1);
      await add(zone, 2);
      await clock.elapse(0);
      assert.equal(asked, 4);
    });
  });

  test("XFR-27: goes to eight addresses of a server at most", async () => {
    /** Counts the notices for which an answer is awaited. */
    class Waits extends FakeClock {
      begun = 0;
      override at(time: number, wake: () => void) {
        if (time === START + 3000) this.begun++;
        return super.at(time, wake);
      }
    }
    const clock = new Waits();
    const hosts = Array.from({ length: 20 }, (_, i) => `ns2 A 127.9.9.${i + 1}`);
    await notifying({ clock }, zoneOf(["@ 3600 NS ns2", ...hosts].join("\n")), () =>
      clock.elapse(0),
    );
    assert.equal(clock.begun, 8);
  });

  test("XFR-27: resolves a server of many zones a few times at once, not once for each zone", async () => {
    using secondary = await secondarySocket((bytes) => encode(makeResponse(decode(bytes), {})));
    const asked: string[] = [];
    const resolve: Resolve = (name, type) => {
      asked.push(`${name} ${type}`);
      return new Promise(() => {});
    };
    const zones = Array.from({ length: 50 }, () => zoneOf("@ 3600 NS ns2.example."));
    await notifying({ port: secondary.port, resolve }, zones, () =>
      waitFor("the other to be told of all", () => secondary.received.length >= zones.length),
    );
    assert.equal(asked.length, 16);
  });

  test("XFR-27: does not resolve addresses that our zones have, glue included", async () => {
    using secondary = await secondarySocket((bytes) => encode(makeResponse(decode(bytes), {})));
    const asked: string[] = [];
    const resolve: Resolve = async (name) => void asked.push(`${name}`);
    const zone = zoneOf(
      "@ 3600 NS ns2\n@ 3600 NS ns.cut\nns2 A 127.0.0.1\ncut NS ns.cut\nns.cut AAAA ::1\n" +
        "@ 3600 NS ns2.other.example.",
    );
    const zones = [zone, otherZone("ns2 A 127.0.0.1")];
    await notifying({ port: secondary.port, resolve }, zones, async (facts) => {
      await waitFor("the notices of the start", () => secondary.received.length >= 2);
      await add(zone, 1);
      await waitFor("the change to be told", () => secondary.received.length >= 3);
      assert.deepEqual(facts, []);
    });
    assert.deepEqual(asked, []);
  });

  test("XFR-23: resolves an address that was not found again for the next notice", async () => {
    using secondary = await secondarySocket((bytes) => encode(makeResponse(decode(bytes), {})));
    let asked = 0;
    const resolve: Resolve = async () => {
      asked++;
      return undefined;
    };
    await notifying({ port: secondary.port, resolve }, zoneOf("@ 3600 NS ns2.example."), () =>
      waitFor("the questions again, after two seconds", () => asked === 4),
    );
  });
});

suite("NOTIFY from elsewhere", () => {
  const facts: object[] = [];
  const clock = new FakeClock();
  const log: Log = { ...silentLog, warn: (fields) => facts.push(fields) };
  const handler = notifyHandler({ isServed: (name) => name.equals(origin), clock, log });
  const soa = (name: Name) => ({ name, type: Type.SOA, class: Class.IN });
  const notified = (fields: Partial<Message>) => {
    const message = makeMessage({ id: 4711, opcode: Opcode.NOTIFY, ...fields });
    const request = { message, bytes: encode(message), transport: "udp" as const };
    const { signal } = new AbortController();
    const source = { address: "192.0.2.66", port: 4000 };
    return [...(handler({ ...request, source, signal }) as Iterable<Message>)];
  };

  test("XFR-25: is REFUSED, as we have no primary, and is logged, but not each time", () => {
    for (let i = 0; i < 100; i++) {
      const [answer, ...more] = notified({ questions: [soa(origin)], isAuthoritative: true });
      assert.deepEqual(more, []);
      assert.ok(answer!.isResponse);
      assert.deepEqual([answer!.id, answer!.opcode], [4711, Opcode.NOTIFY]);
      assert.equal(rcodeName(answer!.rcode), "REFUSED");
      assert.deepEqual(answer!.questions, [soa(origin)]);
    }
    assert.deepEqual(facts, [{ zone: "z.example.", from: "192.0.2.66" }]);
  });

  test("XFR-25: for an unknown zone is NOTAUTH; without exactly one question it is FORMERR", () => {
    const rcodes = (fields: Partial<Message>) =>
      notified(fields).map(({ rcode }) => rcodeName(rcode));
    assert.deepEqual(rcodes({ questions: [soa(Name.parse("other.example."))] }), ["NOTAUTH"]);
    assert.deepEqual(rcodes({}), ["FORMERR"]);
    assert.deepEqual(rcodes({ questions: [soa(origin), soa(origin)] }), ["FORMERR"]);
  });

  test("XFR-26: changes nothing in the zone, whatever it says", () => {
    const zone = zoneOf("");
    const before = zone.current;
    const [record] = before.soa.rdatas;
    const newer = rdata.soa({ ...soaOf(record!), serial: 99 });
    const answers = [{ name: origin, type: Type.SOA, class: Class.IN, ttl: 10, rdata: newer }];
    const [answer] = notified({ questions: [soa(origin)], answers });
    assert.deepEqual(answer!.answers, []);
    assert.equal(zone.current, before);
  });
});
