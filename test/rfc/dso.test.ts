/** DNS Stateful Operations (RFC 8490): sessions in memory, on the test's clock, and by TLS. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { OptionCode, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode } from "../../src/dns/message.ts";
import { Push } from "../../src/dnsserver/push/push.ts";
import { StatefulSession } from "../../src/dnsserver/push/session.ts";
import type { Peer } from "../../src/net/server/session.ts";
import { makeServer, opt, question } from "../dnsserver/fixture.ts";
import { Pushing, viewOf } from "../dnsserver/pushing.ts";
import { FakeClock } from "../support/clock.ts";
import {
  keepalive,
  type PushClient,
  received,
  stateful,
  subscribe,
  timeouts,
  tlv,
  unsubscribe,
  what,
} from "../support/pushclient.ts";
import { waitFor } from "../support/wait.ts";
import { operator, updateOf, zoneOf } from "../zone/fixture.ts";

const LIST = "_ipp._tcp.z.example.";
const DSOTYPENI = 11;
const HOUR = 3_600_000;
const FOR_EVER = 0xffffffff;
const PUSH = 0x41;

/** A session whose peer is the test. */
class Client implements Peer {
  readonly clock: FakeClock;
  readonly source = { address: "192.0.2.1", port: 4000 };
  isBusy = false;
  isCrowded = false;
  readonly sent: Buffer[] = [];
  abortedAt: number | undefined;
  readonly #life = new AbortController();
  readonly signal = this.#life.signal;
  readonly session: StatefulSession;
  readonly zone;

  constructor(clock = new FakeClock()) {
    this.clock = clock;
    this.zone = zoneOf("_ipp._tcp PTR one._ipp._tcp", { clock });
    const view = viewOf([this.zone]);
    const push = new Push({ clock, viewOf: () => view });
    void push.run([this.zone], this.signal);
    this.session = new StatefulSession(this, { push, clock });
  }

  send(message: Buffer, taken: () => void): void {
    this.sent.push(message);
    queueMicrotask(taken);
  }

  retire(): void {
    this.session.retire();
  }

  abort(): void {
    this.abortedAt ??= this.clock.now();
    this.#life.abort();
  }

  get isAborted(): boolean {
    return this.abortedAt !== undefined;
  }

  /** Returns what was sent meanwhile. */
  async say(...messages: readonly Uint8Array[]): Promise<Buffer[]> {
    for (const message of messages) if (!this.isAborted) this.session.receive(message);
    await this.clock.elapse(0);
    return this.sent.splice(0);
  }

  /** The one response to a message, its RCODE and the types of its TLVs. */
  async ask(message: Uint8Array): Promise<{ rcode: number; types: number[]; octets: Buffer }> {
    const [octets, ...more] = await this.say(message);
    assert.ok(octets !== undefined && more.length === 0, "one response");
    assert.equal(octets.readUInt16BE(0), Buffer.from(message).readUInt16BE(0));
    assert.equal(octets.readUInt16BE(2) & 0xfff0, 0x8000 | (6 << 11), "QR, opcode 6, and Z 0");
    const { rcode, counts, tlvs } = received(octets);
    assert.deepEqual(counts, [0, 0, 0, 0]);
    return { rcode, types: tlvs.map(([type]) => type), octets };
  }

  /** The timeouts granted on request, in milliseconds. */
  async agree(inactivity: number, interval: number): Promise<number[]> {
    const { octets, types } = await this.ask(keepalive(1, inactivity, interval));
    assert.deepEqual(types, [1]);
    return [octets.readUInt32BE(16), octets.readUInt32BE(20)];
  }

  /** Stays silent until disconnected, and returns after how many milliseconds that was. */
  async silence(most: number): Promise<number | undefined> {
    const from = this.clock.now();
    await this.clock.elapse(most);
    return this.abortedAt === undefined ? undefined : this.abortedAt - from;
  }
}

/** Of each message the type of its first TLV. */
function types(messages: readonly Buffer[]): (number | undefined)[] {
  return messages.map((octets) => received(octets).tlvs[0]?.[0]);
}

async function established(): Promise<Client> {
  const client = new Client();
  await client.agree(15_000, HOUR);
  return client;
}

suite("A stateful message", () => {
  for (const transport of ["udp", "tcp", "https"] as const) {
    test(`DSO-01, DSO-02, PUSH-01: is not implemented by ${transport}`, () => {
      const { ask } = makeServer();
      for (const message of [keepalive(7, 1000, HOUR), subscribe(7, LIST, Type.PTR)]) {
        const { id, rcode, opcode } = ask(message, transport);
        assert.deepEqual([id, rcode, opcode], [7, Rcode.NOTIMP, 6]);
      }
    });
  }

  test("DSO-03, DSO-15: with a section is malformed", async () => {
    for (const at of [4, 6, 8, 10]) {
      const client = await established();
      const message = keepalive(5, 15_000, HOUR);
      message[at + 1] = 1;
      assert.equal((await client.ask(message)).rcode, Rcode.FORMERR);
      assert.ok(!client.isAborted);
      const unanswered = unsubscribe(5);
      unanswered[at + 1] = 1;
      assert.deepEqual(await client.say(unanswered), []);
      assert.ok(client.isAborted);
    }
  });

  test("that is empty or cut off is malformed", async () => {
    const client = await established();
    const whole = keepalive(5, 15_000, HOUR);
    for (let length = 12; length < whole.length; length++) {
      const { rcode, types } = await client.ask(whole.subarray(0, length));
      assert.deepEqual([rcode, types], [Rcode.FORMERR, [2]]);
    }
    for (const data of [timeouts(1, 2).subarray(1), Buffer.alloc(9)]) {
      assert.equal((await client.ask(stateful(5, tlv(1, data)))).rcode, Rcode.FORMERR);
    }
    assert.equal((await client.ask(whole)).rcode, Rcode.NOERROR);
  });

  test("DSO-05, DSO-17, DSO-31: that is a Keepalive is always granted, each request by itself", async () => {
    const client = new Client();
    const responses = await client.say(...[1, 2, 3].map((id) => keepalive(id, 15_000, HOUR)));
    assert.deepEqual(
      responses.map((octets) => [octets.readUInt16BE(0), octets.length]),
      [1, 2, 3].map((id) => [id, 24]),
    );
    const { types } = await client.ask(subscribe(4, "none.z.example.", Type.PTR));
    assert.deepEqual(types, []);
  });

  test("DSO-06: of an unknown type is answered DSOTYPENI, and establishes no session", async () => {
    const client = new Client();
    const unknown = stateful(5, tlv(0xf800, Buffer.from("abc")));
    const { rcode, types } = await client.ask(unknown);
    assert.deepEqual([rcode, types], [DSOTYPENI, [2]]);
    assert.ok(!client.session.isEstablished);
    assert.deepEqual(await client.agree(15_000, HOUR), [15_000, HOUR]);
    assert.equal((await client.ask(unknown)).rcode, DSOTYPENI);
    assert.ok(client.session.isEstablished && !client.isAborted);
  });

  test("DSO-08: may have unknown additional TLVs", async () => {
    const client = new Client();
    const more = tlv(0xfbff, Buffer.from("what"));
    const message = stateful(5, Buffer.concat([tlv(1, timeouts(15_000, HOUR)), more]));
    const { rcode, types } = await client.ask(message);
    assert.deepEqual([rcode, types], [Rcode.NOERROR, [1]]);
  });

  test("DSO-12: is answered whatever its Z bits and RCODE are", async () => {
    const client = new Client();
    const message = stateful(5, tlv(1, timeouts(15_000, HOUR)), 0x07f3);
    assert.equal((await client.ask(message)).rcode, Rcode.NOERROR);
  });

  test("DSO-12: from the server has no Z bits, also if unasked", async () => {
    const client = await established();
    const [response, push, ...more] = await client.say(subscribe(5, LIST, Type.PTR));
    client.session.retire();
    const flags = [response!, push!, ...more, ...client.sent].map((each) => each.readUInt16BE(2));
    assert.deepEqual(flags, [0x8000 | (6 << 11), 6 << 11, 6 << 11]);
  });

  test("DSO-30: with padding gets a padded response", async () => {
    const client = new Client();
    const padding = tlv(3, Buffer.from("any octets"));
    for (const [id, data, types] of [
      [5, tlv(1, timeouts(15_000, HOUR)), [1, 3]],
      [6, tlv(0x40, what("none.z.example.", Type.PTR)), [3]],
      [7, tlv(0x40, what("none.example.", Type.PTR)), [2, 3]],
    ] as const) {
      const response = await client.ask(stateful(id, Buffer.concat([data, padding])));
      assert.deepEqual(response.types, types);
      assert.equal(response.octets.length, 468);
    }
    // So does what is malformed behind it.
    const malformed = Buffer.concat([tlv(1, Buffer.alloc(7)), padding]);
    const { rcode, types, octets } = await client.ask(stateful(8, malformed));
    assert.deepEqual([rcode, types, octets.length], [Rcode.FORMERR, [2, 3], 468]);
  });
});

suite("A session ends at once", () => {
  for (const [title, message] of [
    ["DSO-07: by what is not known and has no id", stateful(0, tlv(0xf801))],
    ["DSO-10: by Keepalive without an id", keepalive(0, 15_000, HOUR)],
    ["DSO-10: by SUBSCRIBE without an id", subscribe(0, LIST, Type.PTR)],
    ["DSO-10: by UNSUBSCRIBE with an id", stateful(7, tlv(0x42, Buffer.alloc(2)))],
    ["DSO-10: by RECONFIRM with an id", stateful(7, tlv(0x43, what(LIST, Type.PTR)))],
    ["DSO-11: by a response without an id", keepalive(0, 15_000, HOUR).fill(0xb0, 2, 3)],
    ["DSO-11: by a response to nothing", stateful(99, tlv(1, timeouts(15_000, HOUR)), 0x8000)],
    ["DSO-28: by Retry Delay", stateful(0, tlv(2, Buffer.alloc(4)))],
    ["DSO-28: by Retry Delay with an id", stateful(7, tlv(2, Buffer.alloc(4)))],
    ["by what says nothing, without an id", stateful(0, Buffer.alloc(0))],
    ["by UNSUBSCRIBE of no id", stateful(0, tlv(0x42, Buffer.alloc(1)))],
  ] as const) {
    test(title, async () => {
      const client = await established();
      assert.deepEqual(await client.say(message), []);
      assert.ok(client.isAborted);
    });
  }

  test("before it is established, by a message without an id", async () => {
    const client = new Client();
    assert.deepEqual(await client.say(unsubscribe(1)), []);
    assert.ok(client.isAborted);
  });

  test("DSO-04: and with a Retry Delay only if it is established", async () => {
    const client = new Client();
    await client.say(stateful(1, tlv(0xf800)));
    client.session.retire();
    assert.deepEqual(client.sent, []);
    const other = await established();
    other.session.retire();
    assert.equal(other.sent.length, 1);
  });

  test("DSO-09: but not by UNSUBSCRIBE of an unknown subscription", async () => {
    const client = await established();
    assert.deepEqual(await client.say(unsubscribe(1)), []);
    assert.ok(!client.isAborted);
  });
});

suite("The timeouts of a session", () => {
  test("DSO-18, DSO-19, DSO-24: keepalive is an hour, or what is asked for, but at least 10 s", async () => {
    for (const [wanted, granted] of [
      [1000, 10_000],
      [60_000, 60_000],
      [HOUR, HOUR],
      [2 * HOUR, HOUR],
      [FOR_EVER, HOUR],
    ] as const) {
      assert.deepEqual(await new Client().agree(4000, wanted), [4000, granted]);
    }
    assert.deepEqual(await new Client().agree(FOR_EVER, HOUR), [15_000, HOUR]);
    const crowded = new Client();
    crowded.isCrowded = true;
    assert.deepEqual(await crowded.agree(15_000, HOUR), [0, HOUR]);
    assert.equal(await crowded.silence(20_000), 5000);
  });

  test("DSO-16: an idle session ends after 30 s if no other inactivity timeout is agreed", async () => {
    const idle = new Client();
    await idle.say(subscribe(1, LIST, Type.PTR), unsubscribe(1));
    assert.equal(await idle.silence(60_000), 30_000);
    // To agree on what was the inactivity timeout anyway gives no more time.
    const late = new Client();
    await late.say(subscribe(1, LIST, Type.PTR), unsubscribe(1));
    await late.clock.elapse(28_000);
    await late.agree(15_000, HOUR);
    assert.equal(await late.silence(60_000), 2000);
  });

  test("DSO-19, DSO-25: a client that asks for no timeouts is told with its subscription", async () => {
    const client = new Client();
    const [response, offer] = await client.say(subscribe(1, LIST, Type.PTR));
    assert.deepEqual(received(response!).tlvs, []);
    const { id, isResponse, rcode, counts, tlvs } = received(offer!);
    assert.deepEqual([id, isResponse, rcode, counts], [0, false, Rcode.NOERROR, [0, 0, 0, 0]]);
    assert.deepEqual(tlvs, [[1, timeouts(15_000, HOUR)]]);
    // Once, whatever follows.
    assert.deepEqual(types(await client.say(subscribe(2, LIST, Type.TXT))), [undefined]);
    // As Apple's, which never send Keepalive.
    assert.equal(await client.silence(3 * HOUR), 2 * HOUR);
  });

  test("DSO-25: a client that has agreed on timeouts is told no others", async () => {
    const client = new Client();
    await client.agree(10_000, 20_000);
    assert.deepEqual(types(await client.say(subscribe(2, LIST, Type.PTR))), [undefined, PUSH]);
    assert.equal(await client.silence(60_000), 40_000);
  });

  test("DSO-25: a subscription that is refused brings no timeouts", async () => {
    const client = new Client();
    const [response, ...more] = await client.say(subscribe(1, "other.example.", Type.PTR));
    assert.equal(received(response!).rcode, Rcode.NOTAUTH);
    assert.deepEqual(more, []);
  });

  test("DSO-25: when places are scarce, the timeouts told leave no idle time", async () => {
    const client = new Client();
    client.isCrowded = true;
    const [, offer] = await client.say(subscribe(1, LIST, Type.PTR));
    assert.deepEqual(received(offer!).tlvs, [[1, timeouts(0, HOUR)]]);
  });

  test("DSO-20: an idle session ends after twice the agreed timeout, and at least 5 s", async () => {
    for (const [agreed, patience] of [
      [4000, 8000],
      [1000, 5000],
      [0, 5000],
      [15_000, 30_000],
    ] as const) {
      const client = new Client();
      await client.agree(agreed, HOUR);
      assert.equal(await client.silence(60_000), patience);
    }
  });

  test("DSO-20: a shortened timeout leaves 5 s from then on (RFC 8490 §7.1.1)", async () => {
    const client = new Client();
    await client.agree(15_000, HOUR);
    await client.clock.elapse(14_000);
    await client.agree(1000, HOUR);
    assert.equal(await client.silence(60_000), 5000);
    const other = new Client();
    await other.agree(15_000, HOUR);
    await other.clock.elapse(14_000);
    other.isCrowded = true;
    await other.agree(15_000, HOUR);
    // Agreeing on the same timeout again does not shorten it.
    await other.clock.elapse(4000);
    await other.agree(15_000, HOUR);
    assert.equal(await other.silence(60_000), 1000);
    const third = new Client();
    await third.agree(1000, HOUR);
    await third.clock.elapse(3000);
    third.session.touch();
    assert.equal(await third.silence(60_000), 5000);
  });

  test("DSO-21: Keepalive is no activity but a message, and any other is both", async () => {
    const client = new Client();
    await client.agree(10_000, HOUR);
    for (const second of [5, 10, 15]) {
      await client.clock.elapse(5000);
      assert.equal(client.clock.passed, second * 1000);
      await client.agree(10_000, HOUR);
    }
    assert.equal(await client.silence(60_000), 5000);
    const other = new Client();
    await other.agree(10_000, HOUR);
    await other.clock.elapse(15_000);
    await other.say(unsubscribe(7));
    await other.clock.elapse(15_000);
    other.session.touch();
    assert.equal(await other.silence(60_000), 20_000);
    const busy = new Client();
    await busy.say(subscribe(2, LIST, Type.PTR));
    await busy.agree(10_000, 10_000);
    await busy.clock.elapse(15_000);
    await busy.agree(10_000, 10_000);
    assert.equal(await busy.silence(60_000), 20_000);
  });

  test("DSO-22: a subscription is activity, and so is a query in flight", async () => {
    const client = new Client();
    await client.agree(10_000, 60_000);
    await client.say(subscribe(2, LIST, Type.PTR));
    for (let minute = 0; minute < 10; minute++) {
      assert.equal(await client.silence(60_000), undefined);
      await client.agree(10_000, 60_000);
    }
    await client.say(unsubscribe(2));
    assert.equal(await client.silence(60_000), 20_000);
    const busy = new Client();
    await busy.agree(10_000, HOUR);
    busy.isBusy = true;
    busy.session.touch();
    assert.equal(await busy.silence(100_000), undefined);
    busy.isBusy = false;
    busy.session.touch();
    assert.equal(await busy.silence(60_000), 20_000);
  });

  test("DSO-23: the session ends after twice the keepalive interval without a message either way", async () => {
    const client = new Client();
    await client.agree(15_000, 10_000);
    await client.say(subscribe(2, LIST, Type.PTR));
    await client.clock.elapse(15_000);
    await client.zone.apply(updateOf("+ _ipp._tcp PTR two._ipp._tcp"), operator);
    assert.equal(await client.silence(60_000), 20_000);
    assert.equal(client.sent.length, 1);
  });

  test("differ from that of an idle connection", async () => {
    const clock = new FakeClock();
    await using pushing = await Pushing.open({ clock });
    const [client, other] = [await pushing.connect(), await pushing.connect()];
    assert.equal(await client.subscribe(1, LIST, Type.PTR), Rcode.NOERROR);
    other.send(encode(question("one")));
    await waitFor("an answer", () => other.received.length);
    clock.advance(11_000);
    await waitFor("the other to be let go", () => other.ended);
    assert.equal(other.ended, "end");
    client.send(unsubscribe(1));
    assert.equal(await client.subscribe(2, LIST, Type.PTR), Rcode.NOERROR);
    await waitFor("what there is, twice", () => client.told.length === 4);
    clock.advance(2 * HOUR);
    await waitFor("it to be let go", () => client.ended);
    assert.equal(client.ended, "ECONNRESET");
  });
});

suite("A session by TLS", () => {
  const ended = (client: PushClient) => waitFor("its end", () => client.ended);

  test("DSO-04: begins with a request of the client, before which the server sends nothing", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    client.send(encode(question("one")));
    await pushing.change("+ _ipp._tcp PTR three._ipp._tcp");
    await waitFor("an answer", () => client.received.length);
    assert.deepEqual(
      client.received.map(({ opcode }) => opcode),
      [0],
    );
    await pushing.close();
    assert.equal(await ended(client), "end");
    assert.equal(client.received.length, 1);
  });

  test("DSO-14: carries queries too", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    await client.subscribe(1, LIST, Type.PTR);
    client.send(encode(question("printer.z.example.", Type.A, { edns: opt() })));
    const { octets } = await client.response(4711);
    assert.equal(decode(octets).answers.length, 1);
    assert.notEqual(decode(octets).edns, undefined);
    await pushing.change("- _ipp._tcp PTR one._ipp._tcp");
    await waitFor("a notice", () => client.told.length === 3);
  });

  test("DSO-13: is ended by edns-tcp-keepalive, which is answered before there is a session", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    const options = [{ code: OptionCode.TCP_KEEPALIVE, data: Buffer.alloc(0) }];
    const query = (id: number) =>
      encode(question("printer.z.example.", Type.A, { id, edns: opt({ options }) }));
    // A request that fails establishes none.
    client.send(stateful(9, tlv(0xf800)), query(1));
    assert.equal(decode((await client.response(1)).octets).edns?.options.length, 1);
    client.send(keepalive(2, 15_000, HOUR));
    await client.response(2);
    client.send(query(3));
    assert.equal(await ended(client), "ECONNRESET");
    assert.equal(client.received.length, 3);
  });

  test("DSO-07: is ended by a reset", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    client.send(keepalive(1, 15_000, HOUR));
    await client.response(1);
    client.send(stateful(0, tlv(0xf801)));
    assert.equal(await ended(client), "ECONNRESET");
    assert.equal(client.received.length, 1);
  });

  test("DSO-26, DSO-27: ends, when the server does, with a Retry Delay and nothing after it", async () => {
    await using pushing = await Pushing.open();
    const clients = [await pushing.connect(), await pushing.connect(), await pushing.connect()];
    for (const client of clients) await client.subscribe(1, LIST, Type.PTR);
    for (const client of clients) await waitFor("what there is", () => client.told.length === 2);
    const closed = pushing.close();
    const delays = new Set<number>();
    for (const client of clients) {
      client.send(encode(question("printer.z.example.")));
      assert.equal(await ended(client), "end");
      const { id, isResponse, rcode, tlvs } = client.received.at(-1)!;
      assert.deepEqual([id, isResponse, rcode, tlvs.length], [0, false, Rcode.NOERROR, 1]);
      assert.equal(tlvs[0]![0], 2);
      delays.add(tlvs[0]![1].readUInt32BE());
      // The response, the timeouts and the records came before.
      assert.equal(client.received.length, 4);
    }
    await closed;
    assert.ok(delays.size > 1);
    for (const delay of delays) assert.ok(delay >= 2000 && delay <= 10_000, `${delay} ms`);
  });

  test("ends when the client closes its side, once earlier requests are answered", async () => {
    await using pushing = await Pushing.open();
    const client = await pushing.connect();
    client.send(subscribe(1, LIST, Type.PTR));
    client.close();
    assert.equal(await ended(client), "end");
    const { id, rcode } = client.received[0]!;
    assert.deepEqual([id, rcode], [1, Rcode.NOERROR]);
    await waitFor("nothing to be left", () => pushing.push.size === 0 && pushing.places.size === 0);
  });
});
