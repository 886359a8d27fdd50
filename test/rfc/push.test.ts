/** DNS Push Notifications (RFC 8765), by TLS on the loopback interface. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Rcode, Type } from "../../src/dns/constants.ts";
import type { Question } from "../../src/dns/message.ts";
import { Pushing } from "../dnsserver/pushing.ts";
import {
  keepalive,
  type PushClient,
  reconfirm,
  stateful,
  subscribe,
  timeouts,
  tlv,
  unsubscribe,
  what,
} from "../support/pushclient.ts";
import { waitFor } from "../support/wait.ts";

const LIST = "_ipp._tcp.z.example.";
const ONE = "one._ipp._tcp.z.example.";
const PRINTER = "printer.z.example.";

/** Waits until the client has been sent this many notices. */
async function told(client: PushClient, count: number): Promise<void> {
  await waitFor(`${count} notices`, () => client.told.length >= count);
}

async function knows(client: PushClient, ...lines: readonly string[]): Promise<void> {
  const expected = [...lines].sort().join("\n");
  await waitFor(
    `the client to know ${expected}`,
    () => client.known().join("\n") === expected,
  ).catch(() => assert.deepEqual(client.known(), [...lines].sort()));
}

/** A round trip: all that was sent before has been read, and its effects have arrived. */
async function settled(client: PushClient, id = 999): Promise<void> {
  client.send(keepalive(id, 15_000, 3_600_000));
  await client.response(id);
}

/** Waits for a reset. What was sent just before it may be lost, so the client reads all first. */
async function reset(client: PushClient): Promise<void> {
  await waitFor("the connection to end", () => client.ended);
  assert.equal(client.ended, "ECONNRESET");
}

suite("SUBSCRIBE", () => {
  test("PUSH-03, PUSH-11, PUSH-12: gets a response with its id and no TLV, then all the records", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    assert.equal(await client.subscribe(7, LIST, Type.PTR), Rcode.NOERROR);
    // At once: before the response to what the client sends next.
    await settled(client);
    const [response, agreed, push, ...more] = client.received;
    assert.deepEqual([response!.id, more.map(({ id }) => id)], [7, [999]]);
    assert.deepEqual(agreed!.tlvs, [[1, timeouts(15_000, 3_600_000)]]);
    assert.deepEqual(response!.tlvs, []);
    assert.deepEqual(response!.counts, [0, 0, 0, 0]);
    assert.deepEqual([push!.id, push!.isResponse, push!.opcode, push!.rcode], [0, false, 6, 0]);
    assert.deepEqual(push!.counts, [0, 0, 0, 0]);
    assert.deepEqual(
      client.told.map((each) => ({ ...each })),
      ["one", "two"].map((each) => {
        return { name: LIST, type: Type.PTR, class: 1, ttl: 60, data: `${each}.${LIST}` };
      }),
    );
  });

  test("PUSH-02: has one name, type and class, and nothing after them", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    const bad = [
      Buffer.concat([what(LIST, Type.PTR), Buffer.alloc(1)]),
      what(LIST, Type.PTR).subarray(0, -1),
      what(LIST, Type.PTR).subarray(0, -2),
      what(LIST, Type.PTR).subarray(0, -4),
      Buffer.from([63, 1]),
      Buffer.alloc(0),
    ];
    for (const [i, data] of bad.entries()) {
      client.send(stateful(i + 1, tlv(0x40, data)));
      assert.equal((await client.response(i + 1)).rcode, Rcode.FORMERR);
    }
    assert.equal(await client.subscribe(9, LIST, Type.PTR), Rcode.NOERROR);
  });

  test("PUSH-04: to a name that does not exist yet brings its records once it does", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    assert.equal(await client.subscribe(1, "_new._tcp.z.example.", Type.PTR), Rcode.NOERROR);
    await settled(client);
    assert.deepEqual(client.told, []);
    await pushing.change("+ _new._tcp PTR x._new._tcp");
    await knows(client, "12 _new._tcp.z.example. x._new._tcp.z.example.");
  });

  test("PUSH-05, PUSH-06, DSO-29: if refused, gets a Retry Delay", async () => {
    const limits = { total: 3, perNetwork: 3, perSession: 2, sessions: 2 };
    await using pushing = await Pushing.open({ limits });
    const client = await pushing.connect();
    await settled(client);
    const delay = async (id: number, message: Uint8Array) => {
      client.send(message);
      const { rcode, tlvs } = await client.response(id);
      assert.deepEqual(
        tlvs.map(([type]) => type),
        [2],
      );
      return [rcode, tlvs[0]![1].readUInt32BE()];
    };
    const elsewhere = subscribe(1, "example.org.", Type.PTR);
    assert.deepEqual(await delay(1, elsewhere), [Rcode.NOTAUTH, 300_000]);
    assert.deepEqual(await delay(2, subscribe(2, LIST, Type.PTR, 3)), [Rcode.NOTAUTH, 300_000]);
    await client.subscribe(3, LIST, Type.PTR);
    await client.subscribe(4, ONE, Type.SRV);
    assert.deepEqual(await delay(5, subscribe(5, PRINTER, Type.A)), [Rcode.SERVFAIL, 60_000]);
    assert.deepEqual(await delay(6, stateful(6, tlv(0x40))), [Rcode.FORMERR, 300_000]);
    assert.deepEqual(await delay(7, stateful(7, tlv(0xf800))), [Rcode.DSOTYPENI, 3_600_000]);
    await using blind = await Pushing.open({ viewOf: () => undefined });
    const stranger = await blind.connect();
    stranger.send(subscribe(1, LIST, Type.PTR));
    const { rcode, tlvs } = await stranger.response(1);
    assert.deepEqual([rcode, tlvs[0]![1].readUInt32BE()], [Rcode.REFUSED, 300_000]);
  });

  test("PUSH-05: beneath a delegation is NOTAUTH", async () => {
    const records = "sub NS ns.sub\nns.sub A 10.1.0.1\nd DNAME elsewhere.example.";
    await using pushing = await Pushing.open({ records });
    const client = await pushing.connect();
    assert.equal(await client.subscribe(1, "ns.sub.z.example.", Type.A), Rcode.NOTAUTH);
    assert.equal(await client.subscribe(2, "sub.z.example.", Type.NS), Rcode.NOTAUTH);
    assert.equal(await client.subscribe(3, "sub.z.example.", Type.DS), Rcode.NOERROR);
    assert.equal(await client.subscribe(4, "x.d.z.example.", Type.A), Rcode.NOERROR);
    await settled(client);
    assert.deepEqual(client.told, []);
  });

  test("PUSH-07: that repeats another, in whatever case, ends the connection", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    await client.subscribe(1, LIST, Type.PTR);
    await client.subscribe(2, LIST, Type.ANY);
    await client.subscribe(3, LIST, Type.PTR, 255);
    await settled(client);
    client.send(subscribe(4, LIST.toUpperCase(), Type.PTR));
    await reset(client);
    await waitFor("nothing to be left of it", () => pushing.push.size === 0);
  });

  test("PUSH-07, PUSH-08: may repeat what has ended, and its id", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    await client.subscribe(1, LIST, Type.PTR);
    await told(client, 2);
    client.send(unsubscribe(1), subscribe(1, LIST, Type.PTR));
    await told(client, 4);
    await pushing.change("+ _ipp._tcp PTR three._ipp._tcp");
    await told(client, 5);
    client.send(subscribe(2, LIST, Type.ANY), unsubscribe(1));
    client.send(subscribe(1, LIST, Type.PTR));
    await settled(client);
    assert.equal(pushing.push.size, 2);
  });

  test("PUSH-08: with the id of another ends the connection", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    await client.subscribe(1, LIST, Type.PTR);
    await settled(client);
    client.send(subscribe(1, ONE, Type.SRV));
    await reset(client);
  });

  test("PUSH-09: takes an alias and an asterisk literally", async () => {
    await using pushing = await Pushing.open({
      records: "alias CNAME printer\nprinter A 10.1.0.10\n*.wild TXT w",
    });
    const client = await pushing.connect();
    await client.subscribe(1, "alias.z.example.", Type.CNAME);
    await client.subscribe(2, "x.wild.z.example.", Type.TXT);
    await client.subscribe(3, "*.wild.z.example.", Type.TXT);
    await knows(client, "5 alias.z.example. printer.z.example.", '16 *.wild.z.example. "w"');
    await pushing.change("- printer A 10.1.0.10\n+ printer A 10.1.0.11");
    await settled(client);
    assert.equal(client.told.length, 2);
  });

  test("PUSH-09: for another type than CNAME gets the alias, which is not followed", async () => {
    await using pushing = await Pushing.open({
      records: "alias CNAME printer\nprinter A 10.1.0.10",
    });
    const client = await pushing.connect();
    await client.subscribe(1, "alias.z.example.", Type.A);
    await knows(client, "5 alias.z.example. printer.z.example.");
    await pushing.change("- alias CNAME", "+ alias A 10.1.0.12");
    await knows(client, "1 alias.z.example. 10.1.0.12");
    await pushing.change("- alias A", "+ alias CNAME printer");
    await knows(client, "5 alias.z.example. printer.z.example.");
    client.send(unsubscribe(1));
    await settled(client);
    const before = client.told.length;
    await pushing.change("- alias CNAME");
    await settled(client, 998);
    assert.equal(client.told.length, before);
  });

  test("PUSH-10: for type and class ANY gets all of them", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    await client.subscribe(1, PRINTER, Type.ANY, 255);
    const both = [`1 ${PRINTER} 10.1.0.10`, `28 ${PRINTER} 2001:db8::10`];
    await knows(client, ...both);
    await pushing.change("+ printer HINFO PC Linux");
    await knows(client, ...both, `13 ${PRINTER} "PC" "Linux"`);
    for (const { type, class: klass } of client.told) {
      assert.notEqual(type, 255);
      assert.equal(klass, 1);
    }
  });
});

suite("PUSH", () => {
  test("PUSH-13: each record is removed by itself, also where nothing is left", async () => {
    await using pushing = await Pushing.open({
      records: `
        printer A 10.1.0.10
        printer A 10.1.0.11
        printer AAAA 2001:db8::10
        printer AAAA 2001:db8::11
        printer AAAA 2001:db8::12
        two SRV 0 0 1 printer
        two TXT "a"
        single TXT "a"`,
    });
    const client = await pushing.connect();
    for (const [i, each] of [PRINTER, "two.z.example.", "single.z.example."].entries()) {
      await client.subscribe(i + 1, each, Type.ANY);
    }
    await told(client, 8);
    const gone = async (update: string, count: number) => {
      const from = client.told.length;
      await pushing.change(update);
      await told(client, from + count);
      return client.told.slice(from).map(({ name, type, class: klass, ttl, data }) => {
        assert.deepEqual([klass, ttl], [1, 0xffffffff]);
        return `${name} ${type} ${data}`;
      });
    };
    assert.deepEqual(await gone("- printer A 10.1.0.10", 1), [`${PRINTER} 1 10.1.0.10`]);
    assert.deepEqual(await gone("- printer AAAA", 3), [
      `${PRINTER} 28 2001:db8::10`,
      `${PRINTER} 28 2001:db8::11`,
      `${PRINTER} 28 2001:db8::12`,
    ]);
    assert.deepEqual(await gone("- two ANY", 2), [
      'two.z.example. 16 "a"',
      `two.z.example. 33 0 0 1 ${PRINTER}`,
    ]);
    assert.deepEqual(await gone("- single ANY", 1), ['single.z.example. 16 "a"']);
    await knows(client, `1 ${PRINTER} 10.1.0.11`);
  });

  test("of a name that has more, only what the client knows is removed", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    await client.subscribe(1, PRINTER, Type.A);
    await client.subscribe(2, PRINTER, Type.AAAA);
    await told(client, 2);
    await pushing.change("+ printer HINFO PC Linux", "- printer A\n- printer AAAA");
    await told(client, 4);
    const gone = client.told.slice(2).map(({ type, ttl }) => [type, ttl]);
    assert.deepEqual(gone, [
      [Type.A, 0xffffffff],
      [Type.AAAA, 0xffffffff],
    ]);
  });

  test("PUSH-16, PUSH-18: no message has more than 16,382 octets, and names are compressed", async () => {
    const many = Array.from({ length: 1500 }, (_, i) => `_x._tcp PTR i${i}._x._tcp`);
    await using pushing = await Pushing.open({ records: many.join("\n") });
    const client = await pushing.connect();
    await client.subscribe(1, "_x._tcp.z.example.", Type.PTR);
    await told(client, 1500);
    const sizes = client.pushes.map(({ octets }) => octets.length);
    assert.ok(sizes.length > 1);
    for (const size of sizes) assert.ok(size <= 16_382, `${size} octets`);
    // Each record has a pointer for its owner and one in its data.
    assert.ok(sizes.reduce((a, b) => a + b) < 1500 * 24, `${sizes}`);
    assert.equal(client.known().length, 1500);
  });

  test("PUSH-18: the target of an SRV record is compressed too", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    await client.subscribe(1, ONE, Type.SRV);
    await knows(client, `33 ${ONE} 0 0 631 ${PRINTER}`);
    // 12 of the header, 4 of the TLV, the owner, 10, and "printer" with a pointer.
    const owner = "one._ipp._tcp.z.example.".length + 1;
    assert.equal(client.pushes[0]!.octets.length, 12 + 4 + owner + 10 + 6 + 8 + 2);
  });

  test("PUSH-16: a record larger than a message is left out, and the others are sent", async () => {
    const strings = Array.from({ length: 80 }, () => `"${"x".repeat(250)}"`).join(" ");
    await using pushing = await Pushing.open({ records: `big TXT ${strings}\nbig A 10.1.0.1` });
    const client = await pushing.connect();
    await client.subscribe(1, "big.z.example.", Type.ANY);
    await knows(client, "1 big.z.example. 10.1.0.1");
    await pushing.change("- big TXT\n+ big A 10.1.0.2");
    await knows(client, "1 big.z.example. 10.1.0.1", "1 big.z.example. 10.1.0.2");
  });

  test("PUSH-17: a change is sent once, however many subscriptions it matches", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    await client.subscribe(1, LIST, Type.PTR);
    await client.subscribe(2, LIST, Type.ANY);
    await client.subscribe(3, LIST, Type.ANY, 255);
    await client.subscribe(4, ONE, Type.SRV);
    await settled(client);
    const before = [client.pushes.length, client.told.length] as const;
    await pushing.change("+ _ipp._tcp PTR three._ipp._tcp\n- one._ipp._tcp SRV");
    await told(client, before[1] + 2);
    await settled(client, 998);
    assert.equal(client.told.length, before[1] + 2);
    assert.equal(client.pushes.length, before[0] + 1);
  });

  test("PUSH-17: a message has everything that is ready when it is made", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    client.send(subscribe(1, LIST, Type.PTR), subscribe(2, ONE, Type.SRV), subscribe(3, ONE, 16));
    await told(client, 4);
    assert.equal(client.pushes.length, 1);
    assert.equal(client.received.at(-1), client.pushes[0]);
    assert.deepEqual(
      client.received.filter(({ isResponse }) => isResponse).map(({ id }) => id),
      [1, 2, 3],
    );
  });

  test("PUSH-20: a changed TTL is sent with every record that has it", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    await client.subscribe(1, LIST, Type.PTR);
    await told(client, 2);
    await pushing.change("+ _ipp._tcp 120 PTR one._ipp._tcp");
    await told(client, 4);
    await settled(client);
    assert.deepEqual(
      client.told.slice(2).map(({ ttl, data }) => [ttl, data]),
      [
        [120, `one.${LIST}`],
        [120, `two.${LIST}`],
      ],
    );
  });

  test("PUSH-34: whatever happens meanwhile, the client ends up with the zone's records", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    const names = Array.from({ length: 8 }, (_, i) => `n${i}`);
    const churn = (round: number) => {
      const name = names[round % 8]!;
      const other = names[(round * 3 + 1) % 8]!;
      return pushing.change(
        `+ ${name} A 10.1.0.${round % 250}`,
        round % 3 === 0 ? `- ${other} ANY` : `+ ${other} ${round % 5} TXT "${round}"`,
      );
    };
    for (let round = 0; round < 400; round++) {
      // Subscribes in the midst of it, to some more than once.
      if (round % 10 === 0) {
        const id = 1 + round / 10;
        const name = `${names[id % 8]}.z.example.`;
        const type = [Type.A, Type.ANY, Type.TXT][id % 3]!;
        if (id > 24) client.send(unsubscribe(id - 24));
        client.send(subscribe(id, name, type));
        client[id % 2 === 0 ? "pause" : "resume"]();
      }
      await churn(round);
    }
    client.resume();
    await settled(client);
    const wanted = new Map<string, Set<number>>();
    for (let id = 17; id <= 40; id++) {
      const name = names[id % 8]!;
      const types = wanted.get(name) ?? new Set();
      wanted.set(name, types.add([Type.A, Type.ANY, Type.TXT][id % 3]!));
    }
    const there = [...pushing.zone.current].filter(({ name, type }) => {
      const types = wanted.get(`${name}`.split(".")[0]!);
      return types?.has(type) || types?.has(Type.ANY);
    });
    assert.ok(there.length > 4);
    const lines = there.flatMap(({ name, type, rdatas }) =>
      rdatas.map((rdata) =>
        type === Type.A
          ? `${type} ${name} ${[...(rdata.values[0] as Uint8Array)].join(".")}`
          : `${type} ${name} "${rdata.wire.slice(1)}"`,
      ),
    );
    await knows(client, ...lines);
  });

  test("PUSH-33: a client that does not read is sent no more, and in the end the current records", async () => {
    await using pushing = await Pushing.open();
    const [slow, other] = [await pushing.connect(), await pushing.connect()];
    for (const client of [slow, other]) await client.subscribe(1, "busy.z.example.", Type.TXT);
    slow.pause();
    const text = (i: number) => `"${`${i}`.padStart(250, "x")}"`;
    const strings = (i: number) => Array.from({ length: 60 }, () => text(i)).join(" ");
    for (let i = 0; i < 500; i++) {
      await pushing.change(`- busy TXT\n+ busy TXT ${strings(i)}`);
      // Lets the sockets have their turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const last = `16 busy.z.example. ${strings(499)}`;
    await knows(other, last);
    slow.resume();
    await knows(slow, last);
    // They were fifteen megabytes; systems buffer a few that are not read.
    assert.ok(
      slow.pushes.length < other.pushes.length,
      `${slow.pushes.length} messages, and ${other.pushes.length} to who reads`,
    );
  });
});

suite("UNSUBSCRIBE", () => {
  test("PUSH-21, PUSH-23: has no response, and ends only what it names", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    await client.subscribe(1, LIST, Type.PTR);
    await client.subscribe(2, ONE, Type.ANY);
    await told(client, 4);
    client.send(unsubscribe(1), unsubscribe(77));
    await settled(client);
    assert.equal(pushing.push.size, 1);
    await pushing.change("+ _ipp._tcp PTR three._ipp._tcp\n- one._ipp._tcp TXT");
    await told(client, 5);
    await settled(client, 998);
    assert.deepEqual(
      client.told.slice(4).map(({ name, type }) => [name, type]),
      [[ONE, Type.TXT]],
    );
    assert.deepEqual(
      client.received.filter(({ isResponse }) => isResponse).map(({ id }) => id),
      [1, 2, 999, 998],
    );
    client.send(unsubscribe(2));
    await settled(client, 997);
    assert.equal(pushing.push.size, 0);
  });

  test("may name what it ends as SUBSCRIBE does, which is how Apple's clients write it", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    await client.subscribe(1, LIST, Type.PTR);
    await client.subscribe(2, ONE, Type.ANY);
    await told(client, 4);
    const named = (name: string, type: number, klass = 1) =>
      stateful(0, tlv(0x42, what(name, type, klass)));
    client.send(named(LIST, Type.SRV), named(LIST, Type.PTR, 255), named(PRINTER, Type.ANY));
    await settled(client);
    assert.equal(pushing.push.size, 2);
    client.send(named(LIST.toUpperCase(), Type.PTR));
    await settled(client, 998);
    assert.equal(pushing.push.size, 1);
    await pushing.change("+ _ipp._tcp PTR three._ipp._tcp\n- one._ipp._tcp TXT");
    await told(client, 5);
    await client.subscribe(3, LIST, Type.PTR);
    assert.deepEqual([client.told[4]!.name, pushing.push.size], [ONE, 2]);
  });

  test("PUSH-22: may come in one segment with what it ends", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    client.send(subscribe(1, LIST, Type.PTR), unsubscribe(1), subscribe(1, ONE, Type.SRV));
    await knows(client, `33 ${ONE} 0 0 631 ${PRINTER}`);
    await settled(client);
    assert.equal(client.told.length, 1);
  });

  test("PUSH-23: leaves the other of two subscriptions to one name", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    await client.subscribe(1, PRINTER, Type.ANY);
    await client.subscribe(2, PRINTER, Type.A);
    await told(client, 3);
    client.send(unsubscribe(1));
    await settled(client);
    const from = client.told.length;
    await pushing.change("- printer AAAA", "+ printer A 10.1.0.11");
    await told(client, from + 1);
    await settled(client, 998);
    assert.deepEqual(
      client.told.slice(from).map(({ type }) => type),
      [Type.A],
    );
  });
});

suite("RECONFIRM", () => {
  const address = Uint8Array.of(10, 1, 0, 10);

  test("PUSH-24, PUSH-26: has no response, and causes one query for each set in a while", async () => {
    const asked: string[] = [];
    await using pushing = await Pushing.open({
      reconfirm: ({ name, type }) => asked.push(`${name} ${type}`),
    });
    const client = await pushing.connect();
    await settled(client);
    for (let i = 0; i < 100; i++) client.send(reconfirm(PRINTER, Type.A, address));
    // None of these exists.
    client.send(reconfirm(PRINTER, Type.AAAA, new Uint8Array(16)));
    client.send(reconfirm("nobody.z.example.", Type.A, address));
    client.send(reconfirm("printer.example.org.", Type.A, address));
    client.send(reconfirm(LIST, Type.PTR, what(`one.${LIST}`, 0).subarray(0, -4), 3));
    await settled(client, 998);
    assert.deepEqual(asked, [`${PRINTER} 1`]);
    assert.deepEqual(
      client.received.map(({ id }) => id),
      [999, 998],
    );
  });

  test("PUSH-24: data may have pointers into the message", async () => {
    const asked: string[] = [];
    await using pushing = await Pushing.open({ reconfirm: ({ name }) => asked.push(`${name}`) });
    const client = await pushing.connect();
    await settled(client);
    // The owner follows the header and the TLV's head.
    client.send(
      reconfirm(LIST, Type.PTR, Buffer.concat([Buffer.from("\x03one"), Uint8Array.of(0xc0, 16)])),
    );
    await settled(client, 998);
    assert.deepEqual(asked, [LIST]);
  });

  for (const [title, message] of [
    ["type ANY", reconfirm(PRINTER, Type.ANY, address)],
    ["class ANY", reconfirm(PRINTER, Type.A, address, 255)],
    ["data that is none", reconfirm(PRINTER, Type.A, address.subarray(1))],
  ] as const) {
    test(`PUSH-24: of ${title} ends the connection`, async () => {
      await using pushing = await Pushing.open();
      const client = await pushing.connect();
      await settled(client);
      client.send(message);
      await reset(client);
    });
  }
});

suite("A client of DNS Push", () => {
  for (const [title, message] of [
    ["a PUSH", stateful(0, tlv(0x41, Buffer.alloc(12)))],
    ["a PUSH with an id", stateful(3, tlv(0x41, Buffer.alloc(12)))],
    ["a response to SUBSCRIBE", stateful(1, tlv(0x40, what(LIST, Type.PTR)), 0x8000)],
    ["a response to PUSH", stateful(0, tlv(0x41), 0x8000)],
    ["a response to UNSUBSCRIBE", stateful(0, tlv(0x42, Buffer.alloc(2)), 0x8000)],
    ["a response to RECONFIRM", stateful(0, tlv(0x43), 0x8000)],
  ] as const) {
    test(`PUSH-27: that sends ${title} is disconnected`, async () => {
      await using pushing = await Pushing.open();
      const client = await pushing.connect();
      await client.subscribe(1, LIST, Type.PTR);
      await settled(client);
      client.send(message);
      await reset(client);
    });
  }

  test("PROXY-29: keeps what it watches wanted, until it unsubscribes or leaves", async () => {
    const wanted: string[] = [];
    const asked = ({ name }: Question) => {
      wanted.push(`${name}`);
      return () => void wanted.splice(wanted.indexOf(`${name}`), 1);
    };
    await using pushing = await Pushing.open({ asked });
    const client = await pushing.connect();
    for (const [i, name] of [LIST, ONE, PRINTER].entries()) {
      await client.subscribe(i + 1, name, Type.PTR);
    }
    await client.subscribe(4, "example.org.", Type.PTR);
    assert.deepEqual(wanted, [LIST, ONE, PRINTER]);
    client.send(unsubscribe(2), unsubscribe(4));
    await settled(client);
    assert.deepEqual(wanted, [LIST, PRINTER]);
    client.destroy();
    await waitFor("nothing to be wanted", () => wanted.length === 0);
  });

  test("PUSH-30: that leaves loses its subscriptions", async () => {
    await using pushing = await Pushing.open();
    for (const leave of ["close", "destroy"] as const) {
      const client = await pushing.connect();
      await client.subscribe(1, LIST, Type.PTR);
      await client.subscribe(2, ONE, Type.PTR);
      assert.equal(pushing.push.size, 2);
      client[leave]();
      await waitFor("them to be gone", () => pushing.push.size === 0);
    }
  });

  test("PUSH-30: that resumes a TLS session has none of its earlier subscriptions", async () => {
    await using pushing = await Pushing.open();
    const first = await pushing.connect();
    await first.subscribe(1, LIST, Type.PTR);
    const ticket = await waitFor("a ticket", () => first.ticket);
    first.close();
    await waitFor("it to be gone", () => pushing.push.size === 0);
    const [resumed, other] = [await pushing.connect({ session: ticket }), await pushing.connect()];
    assert.deepEqual([resumed.isResumed, other.isResumed], [true, false]);
    await settled(resumed);
    await other.subscribe(1, LIST, Type.PTR);
    await told(other, 2);
    await pushing.change("+ _ipp._tcp PTR three._ipp._tcp");
    await told(other, 3);
    await settled(resumed, 998);
    assert.deepEqual(resumed.told, []);
    await resumed.subscribe(1, LIST, Type.PTR);
    await told(resumed, 3);
  });

  test("PUSH-32: has limited subscriptions, as has its network, and as is the number of sessions", async () => {
    const limits = { total: 100, perNetwork: 5, perSession: 3, sessions: 2 };
    await using pushing = await Pushing.open({ limits });
    const [first, second, third] = [
      await pushing.connect(),
      await pushing.connect(),
      await pushing.connect(),
    ];
    const name = (i: number) => `n${i}.z.example.`;
    for (let i = 1; i <= 3; i++) assert.equal(await first.subscribe(i, name(i), Type.A), 0);
    assert.equal(await first.subscribe(4, name(4), Type.A), Rcode.SERVFAIL);
    assert.equal(await second.subscribe(1, name(1), Type.A), 0);
    assert.equal(await third.subscribe(1, name(1), Type.A), Rcode.SERVFAIL);
    assert.equal(await second.subscribe(2, name(2), Type.A), 0);
    assert.equal(await second.subscribe(3, name(3), Type.A), Rcode.SERVFAIL);
    first.send(unsubscribe(1));
    await settled(first);
    assert.equal(await second.subscribe(4, name(4), Type.A), 0);
    await pushing.change("+ n3 A 10.1.0.1");
    await knows(first, "1 n3.z.example. 10.1.0.1");
    first.close();
    await waitFor("its room", () => pushing.push.size === 3);
    assert.equal(await third.subscribe(2, name(1), Type.A), 0);
  });

  test("PUSH-32, DSO-26: that has to make room for another network's is told when to return", async () => {
    const limits = { total: 100, perNetwork: 9, perSession: 9, sessions: 2 };
    await using pushing = await Pushing.open({ limits });
    const [first, second] = [await pushing.connect(), await pushing.connect()];
    for (const client of [first, second])
      assert.equal(await client.subscribe(1, LIST, Type.PTR), 0);
    const other = await pushing.connect({ localAddress: "127.0.1.1" });
    assert.equal(await other.subscribe(1, LIST, Type.PTR), 0);
    await waitFor("the first to be let go", () => first.ended);
    assert.equal(first.ended, "end");
    const { id, isResponse, tlvs } = first.received.at(-1)!;
    assert.deepEqual([id, isResponse, tlvs.length], [0, false, 1]);
    assert.equal(tlvs[0]![0], 2);
    await told(other, 2);
    await pushing.change("+ _ipp._tcp PTR three._ipp._tcp");
    await told(second, 3);
    assert.deepEqual([pushing.push.sessions, second.ended, other.ended], [2, undefined, undefined]);
  });
});
