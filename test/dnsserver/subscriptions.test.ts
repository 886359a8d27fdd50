import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { Push } from "../../src/dnsserver/push/push.ts";
import type { FollowedZone } from "../../src/dnsserver/ready.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { Zone } from "../../src/zone/zone.ts";
import { FakeClock } from "../support/clock.ts";
import { inUse } from "../support/memory.ts";
import { toldIn } from "../support/pushclient.ts";
import { name, operator, updateOf, zoneOf } from "../zone/fixture.ts";
import { viewOf } from "./pushing.ts";

/** Subscriptions whose client is the test: it acknowledges notices when told to. */
function open(zones: readonly FollowedZone[]) {
  const view = viewOf(zones);
  const push = new Push({ clock: new FakeClock(), viewOf: () => view });
  const told: string[] = [];
  const untaken: (() => void)[] = [];
  const send = (message: Buffer, taken: () => void) => {
    untaken.push(taken);
    for (const { name, type, ttl, data } of toldIn(message)) {
      const sign = ttl === 0xffffffff ? "-" : ttl === 0xfffffffe ? "--" : "+";
      told.push(`${sign} ${name} ${type} ${data}`.trim());
    }
  };
  const subscriptions = push.open("192.0.2.1", send, () => {});
  let id = 0;
  const subscribe = (owner: string, type: number, klass: number = Class.IN) => {
    subscriptions.subscribe(++id, { name: name(owner), type, class: klass });
    return id;
  };
  /** Acknowledges what was sent, and returns what is sent then. */
  const take = () => {
    for (const taken of untaken.splice(0)) taken();
    push.look();
    subscriptions.flush();
    return told.splice(0);
  };
  return { subscribe, take, subscriptions, push };
}

async function change(zone: Zone, ...updates: readonly string[]): Promise<void> {
  for (const update of updates) await zone.apply(updateOf(update), operator);
}

/** A client that is sent what nobody looks at. */
function idle(push: Push, address: string) {
  const ignore = () => {};
  return push.open(address, ignore, ignore);
}

suite("Subscriptions", () => {
  test("PUSH-34: what is removed before a new subscription is answered is withdrawn", async () => {
    const zone = zoneOf("printer A 10.1.0.1\nprinter A 10.1.0.2\nprinter TXT t");
    const { subscribe, take } = open([zone]);
    subscribe("printer", Type.A);
    assert.deepEqual(take(), [
      "+ printer.z.example. 1 10.1.0.1",
      "+ printer.z.example. 1 10.1.0.2",
    ]);
    subscribe("printer", Type.ANY);
    await change(zone, "- printer A 10.1.0.2", "- printer TXT");
    assert.deepEqual(take(), [
      "- printer.z.example. 1 10.1.0.2",
      "+ printer.z.example. 1 10.1.0.1",
    ]);
    subscribe("printer", Type.A, Class.ANY);
    await change(zone, "- printer A");
    assert.deepEqual(take(), ["- printer.z.example. 1 10.1.0.1"]);
    assert.deepEqual(take(), []);
  });

  test("at the origin of a zone, the DS records are those of the zone above", async () => {
    const zone = zoneOf("sub NS ns.sub\nsub DS 1 8 2 abcd\nsub TXT not-this");
    const origin = Name.parse("sub.z.example.");
    const text = "@ 60 SOA ns.example. h.example. 1 1 1 1 1\n@ 60 NS ns.example.\n@ 60 TXT this\n";
    const sub = new Zone({
      ...{ origin, clock: new FakeClock() },
      records: parseMasterFile(text, { origin }),
    });
    const ds = "+ sub.z.example. 43 1 8 2 ABCD";
    const txt = '+ sub.z.example. 16 "this"';
    for (const [types, expected] of [
      [
        [Type.TXT, Type.DS],
        [txt, ds],
      ],
      [
        [Type.DS, Type.TXT],
        [ds, txt],
      ],
    ]) {
      const { subscribe, take, subscriptions, push } = open([zone, sub]);
      const ids = types!.map((type) => subscribe("sub", type as number));
      assert.deepEqual(take(), expected);
      assert.equal(
        subscriptions.subscribe(9, { name: origin, type: Type.DS, class: 1 }),
        undefined,
      );
      await change(zone, "+ sub DS 2 8 2 abcd");
      assert.deepEqual(take(), ["+ sub.z.example. 43 2 8 2 ABCD"]);
      await change(zone, "- sub DS 2 8 2 abcd");
      assert.deepEqual(take(), ["- sub.z.example. 43 2 8 2 ABCD"]);
      for (const id of ids) subscriptions.unsubscribe(id);
      await change(zone, "+ sub DS 3 8 2 abcd", "- sub DS 3 8 2 abcd");
      assert.deepEqual(take(), []);
      assert.equal(push.size, 0);
    }
  });

  test("PUSH-33: a client that acknowledges nothing is sent little, however large the set", async () => {
    const text = Array.from({ length: 40 }, () => `"${"x".repeat(240)}"`).join(" ");
    const names = Array.from({ length: 100 }, (_, i) => `n${i}`);
    const zone = zoneOf(names.map((each) => `${each} TXT ${text}`).join("\n"));
    const { subscribe, take, subscriptions } = open([zone]);
    for (const each of names) subscribe(each, Type.TXT);
    subscriptions.flush();
    let count = 0;
    for (let told = take(); told.length > 0; told = take()) {
      // What was unacknowledged, and what followed the acknowledgement.
      assert.ok(told.length <= 14, `${told.length} of 10,000 octets`);
      count += told.length;
    }
    assert.equal(count, names.length);
  });

  test("PUSH-17: changes go at once to some clients, the fewer the more there is to tell", async () => {
    for (const [records, clients, most] of [
      [1, 120, 64],
      [400, 20, 8],
    ] as const) {
      const many = Array.from({ length: records }, (_, i) => `_x._tcp PTR i${i}._x._tcp`);
      const zone = zoneOf(many.join("\n"));
      const view = viewOf([zone]);
      const clock = new FakeClock();
      const push = new Push({ clock, viewOf: () => view });
      let told = 0;
      for (let i = 0; i < clients; i++) {
        const send = (message: Buffer, taken: () => void) => {
          told += toldIn(message).length;
          queueMicrotask(taken);
        };
        const subscriptions = push.open("192.0.2.1", send, () => {});
        subscriptions.subscribe(1, { name: name("_x._tcp"), type: Type.PTR, class: Class.IN });
        subscriptions.flush();
      }
      await turn();
      assert.equal(told, clients * records);
      told = 0;
      await change(zone, "+ _x._tcp 120 PTR i0._x._tcp");
      push.look();
      assert.ok(told > 0 && told <= most * records, `${told} records`);
      // Clients with changes meanwhile have their turn too, and no client misses it.
      await change(zone, "+ _x._tcp 10 PTR i0._x._tcp");
      push.look();
      assert.ok(told <= most * records, `${told} records`);
      while (clock.next !== undefined) {
        const before = told;
        await clock.elapse(0);
        assert.ok(told - before > 0);
      }
      assert.ok(told >= clients * records);
    }
  });

  test("PUSH-32: the total number of subscriptions is limited, whoever has them", () => {
    const view = viewOf([zoneOf("printer A 10.1.0.1")]);
    const limits = { total: 2, perNetwork: 2, perSession: 2, sessions: 9 };
    const push = new Push({ clock: new FakeClock(), viewOf: () => view, limits });
    const clients = [1, 2, 3].map((i) => idle(push, `192.0.${i}.1`));
    const question = { name: name("printer"), type: Type.A, class: Class.IN };
    const rcodes = clients.map((client) => client.subscribe(1, question));
    assert.deepEqual(rcodes, [Rcode.NOERROR, Rcode.NOERROR, Rcode.SERVFAIL]);
    clients[0]!.end();
    assert.equal(clients[2]!.subscribe(2, question), Rcode.NOERROR);
  });

  test("PUSH-32: a client that never subscribed frees no room when it leaves", () => {
    const view = viewOf([zoneOf("printer A 10.1.0.1")]);
    const question = { name: name("printer"), type: Type.A, class: Class.IN };
    for (const [limits, address] of [
      [{ total: 9, perNetwork: 9, perSession: 9, sessions: 1 }, "198.51.100.1"],
      [{ total: 9, perNetwork: 1, perSession: 9, sessions: 9 }, "192.0.2.1"],
    ] as const) {
      const push = new Push({ clock: new FakeClock(), viewOf: () => view, limits });
      for (let i = 0; i < 3; i++) idle(push, "192.0.2.1").end();
      const [first, second] = ["192.0.2.1", address].map((each) => idle(push, each));
      assert.equal(first!.subscribe(1, question), Rcode.NOERROR);
      idle(push, "192.0.2.1").end();
      assert.equal(second!.subscribe(1, question), Rcode.SERVFAIL);
      first!.unsubscribe(1);
      assert.equal(second!.subscribe(1, question), Rcode.NOERROR);
      first!.end();
      assert.equal(first!.subscribe(2, question), Rcode.SERVFAIL);
      assert.equal(push.size, 1);
    }
  });

  test("PUSH-32: when sessions are as many as may be, the network with most makes room for others", () => {
    const view = viewOf([zoneOf("printer A 10.1.0.1")]);
    const limits = { total: 9, perNetwork: 9, perSession: 9, sessions: 3 };
    const push = new Push({ clock: new FakeClock(), viewOf: () => view, limits });
    const dismissed: string[] = [];
    const subscribe = (address: string) => {
      const dismiss = () => {
        dismissed.push(address);
        subscriptions.end();
      };
      const subscriptions = push.open(address, () => {}, dismiss);
      const question = { name: name("printer"), type: Type.A, class: Class.IN };
      return subscriptions.subscribe(1, question);
    };
    for (const host of [1, 2, 3]) assert.equal(subscribe(`192.0.2.${host}`), Rcode.NOERROR);
    assert.equal(subscribe("192.0.2.4"), Rcode.SERVFAIL);
    assert.equal(subscribe("198.51.100.1"), Rcode.NOERROR);
    assert.deepEqual(dismissed, ["192.0.2.1"]);
    assert.equal(subscribe("192.0.2.4"), Rcode.SERVFAIL);
    assert.equal(subscribe("198.51.100.2"), Rcode.SERVFAIL, "it would have most then");
    assert.equal(subscribe("203.0.113.1"), Rcode.NOERROR);
    assert.deepEqual(dismissed, ["192.0.2.1", "192.0.2.2"]);
    assert.deepEqual([push.sessions, push.size], [3, 3]);
  });

  test("PUSH-26: a set is reconfirmed once in ten seconds, and a hundred sets at most in that time", () => {
    const names = Array.from({ length: 120 }, (_, i) => `n${i}`);
    const view = viewOf([zoneOf(names.map((each) => `${each} A 10.1.0.1`).join("\n"))]);
    const clock = new FakeClock();
    const asked: string[] = [];
    const push = new Push({
      ...{ clock, viewOf: () => view },
      reconfirm: ({ name }) => asked.push(name.toString().split(".")[0]!),
    });
    const client = idle(push, "192.0.2.1");
    const doubt = (...owners: readonly string[]) => {
      for (const owner of owners) {
        const data = rdata.a("10.1.0.1");
        client.reconfirm({ name: name(owner), type: Type.A, class: Class.IN, rdata: data });
      }
      return asked.splice(0);
    };
    assert.deepEqual(doubt("n0", "n0"), ["n0"]);
    clock.advance(4000);
    assert.deepEqual(doubt("n0", "n1"), ["n1"]);
    clock.advance(5999);
    assert.deepEqual(doubt("n0", "n1"), []);
    clock.advance(1);
    assert.deepEqual(doubt("n0", "n1"), ["n0"]);
    assert.equal(doubt(...names).length, 98);
    clock.advance(4000);
    assert.deepEqual(doubt("n1", "n118", "n119"), ["n1"]);
    clock.advance(6000);
    assert.equal(doubt(...names.slice(2)).length, 99);
  });

  test("ended subscriptions leave nothing, and without any the zone is not looked at", async () => {
    const zone = zoneOf("printer A 10.1.0.1");
    let looks: number[] = [];
    const followed: FollowedZone = {
      origin: zone.origin,
      get current() {
        return zone.current;
      },
      since: (serial) => {
        looks.push(serial);
        return zone.since(serial);
      },
    };
    const { subscribe, take, subscriptions } = open([followed]);
    const come = (from: number, to: number) => {
      for (let i = from; i < to; i++) subscriptions.unsubscribe(subscribe(`n${i}`, Type.A));
    };
    come(0, 1000);
    const before = inUse();
    come(1000, 11_000);
    const grown = inUse() - before;
    assert.ok(grown < 500_000, `${grown} octets`);
    await change(zone, "+ printer A 10.1.0.2");
    assert.deepEqual(take(), []);
    assert.deepEqual(looks, []);
    subscribe("printer", Type.A);
    assert.equal(take().length, 2);
    // From the serial of the last look.
    for (const address of ["10.1.0.3", "10.1.0.4"]) {
      const { serial } = zone.current;
      await change(zone, `+ printer A ${address}`);
      assert.deepEqual(take(), [`+ printer.z.example. 1 ${address}`]);
      assert.equal(looks.at(-1), serial);
    }
    subscriptions.end();
    looks = [];
    await change(zone, "+ printer A 10.1.0.5");
    assert.deepEqual(take(), []);
    assert.deepEqual(looks, []);
  });

  test("earlier states of a list are not kept", async () => {
    const many = Array.from({ length: 1000 }, (_, i) => `_x._tcp PTR i${i}._x._tcp`);
    const zone = zoneOf(many.join("\n"), { history: 1 });
    const { subscribe, take } = open([zone]);
    subscribe("_x._tcp", Type.PTR);
    assert.equal(take().length, 1000);
    const growth = async () => {
      const before = inUse();
      for (let i = 0; i < 150; i++) {
        await change(zone, `${i % 2 === 0 ? "+" : "-"} _x._tcp PTR more._x._tcp`);
        assert.equal(take().length, 1);
        // The target of a WeakRef can be collected only after the turn.
        await turn();
      }
      return inUse() - before;
    };
    await growth();
    // A reference for each record of each past list would be a million octets and more.
    const grown = await growth();
    assert.ok(grown < 700_000, `${grown} octets`);
  });
});
