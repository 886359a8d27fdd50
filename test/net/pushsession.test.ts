/** A DNS Push session of the client, with a server whose messages are written octet by octet. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Rcode, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { PushSession, type SessionEnd } from "../../src/net/client/pushsession.ts";
import { FakeClock } from "../support/clock.ts";
import { type Received, received, stateful, timeouts, tlv } from "../support/pushclient.ts";

const LIST = Name.parse("_ipp._tcp.z.example.");
const HOST = Name.parse("printer.z.example.");
const [KEEPALIVE, RETRY_DELAY, PADDING, SUBSCRIBE, PUSH, UNSUBSCRIBE, RECONFIRM] = [
  1, 2, 3, 0x40, 0x41, 0x42, 0x43,
];
const UNKNOWN = 0xf800;
const QR = 0x8000;
const HOUR = 3_600_000;

/** A session, and everything it does. */
class Trial {
  readonly clock = new FakeClock();
  readonly sent: Received[] = [];
  /** "close" or "abort". */
  readonly how: string[] = [];
  readonly ends: SessionEnd[] = [];
  readonly refusals: string[] = [];
  changes = 0;
  readonly session: PushSession;

  constructor() {
    const wire = {
      send: (message: Buffer) => void this.sent.push(received(message)),
      close: () => void this.how.push("close"),
      abort: () => void this.how.push("abort"),
    };
    this.session = new PushSession(wire, {
      clock: this.clock,
      changed: () => this.changes++,
      refused: (name, type, rcode, delay) => {
        this.refusals.push(`${name} ${type} ${rcode} ${delay}`);
      },
      ended: (end) => this.ends.push(end),
    });
  }

  /** A session granted the times that a client asks for. */
  static established(inactivity = 15_000, keepalive = HOUR): Trial {
    const trial = new Trial();
    trial.grant(1, inactivity, keepalive);
    return trial;
  }

  hear(message: Uint8Array): void {
    this.session.receive(message);
  }

  grant(id: number, inactivity = 15_000, keepalive = HOUR): void {
    this.hear(stateful(id, tlv(KEEPALIVE, timeouts(inactivity, keepalive)), QR));
  }

  /** Subscribes, and answers with `rcode`. Returns the id. */
  subscribe(name = HOST, type: number = Type.A, rcode: number = Rcode.NOERROR): number {
    this.session.subscribe(name, type);
    const { id } = this.sent.at(-1)!;
    this.hear(stateful(id, Buffer.alloc(0), QR | rcode));
    return id;
  }

  push(...notices: readonly Buffer[]): void {
    this.hear(stateful(0, tlv(PUSH, Buffer.concat(notices))));
  }

  /** The data of a set, in hex. */
  known(name = HOST, type: number = Type.A): string[] | undefined {
    const records = this.session.find(name, type)?.records;
    return (
      records &&
      [...records.values()].map(({ rdata }) => Buffer.from(rdata.toWire()).toString("hex"))
    );
  }

  /** The types of the messages sent. */
  types(): (number | undefined)[] {
    return this.sent.map(({ tlvs }) => tlvs[0]?.[0]);
  }
}

const [ADDED, REMOVED, ALL_REMOVED] = [10, 0xffffffff, 0xfffffffe];

const hex = (data: string) => Buffer.from(data, "hex");

function notice(
  ttl: number,
  { name = HOST, type = Type.A as number, klass = 1, data = "", octets = hex(data) } = {},
): Buffer {
  const head = Buffer.alloc(10);
  head.writeUInt16BE(type);
  head.writeUInt16BE(klass, 2);
  head.writeUInt32BE(ttl, 4);
  head.writeUInt16BE(octets.length, 8);
  return Buffer.concat([Buffer.from(name.wire, "latin1"), head, octets]);
}

suite("a client's session of DNS Push", () => {
  test("DSO-12, DSO-19, DSO-31: asks for an hour and for subscriptions, without waiting in between", () => {
    const trial = new Trial();
    trial.session.subscribe(LIST, Type.PTR);
    trial.session.subscribe(HOST, Type.A);
    assert.deepEqual(trial.types(), [KEEPALIVE, SUBSCRIBE, SUBSCRIBE]);
    assert.deepEqual(trial.sent[0]!.tlvs[0]![1], timeouts(15_000, HOUR));
    assert.deepEqual(new Set(trial.sent.map(({ id }) => id)).size, 3);
    const question = Buffer.concat([
      Buffer.from(LIST.wire, "latin1"),
      Buffer.from([0, Type.PTR, 0, 1]),
    ]);
    assert.deepEqual(trial.sent[1]!.tlvs[0]![1], question);
    for (const { octets, counts, id } of trial.sent) {
      // No QR, no Z bits and no RCODE.
      assert.equal(octets.readUInt16BE(2), 6 << 11);
      assert.deepEqual(counts, [0, 0, 0, 0]);
      assert.notEqual(id, 0);
    }
  });

  test("PUSH-13, 14: knows the records that result from all notices", () => {
    const trial = Trial.established();
    trial.subscribe();
    trial.subscribe(HOST, Type.TXT);
    assert.deepEqual(trial.known(), []);
    const one = { data: "0a000001" };
    const two = { data: "0a000002" };
    const text = { type: Type.TXT, data: "0161" };
    trial.push(notice(0x7fffffff, one), notice(0, two), notice(ADDED, text));
    assert.deepEqual(trial.known(), ["0a000001", "0a000002"]);
    trial.push(notice(REMOVED, one));
    assert.deepEqual(trial.known(), ["0a000002"]);
    trial.push(notice(ALL_REMOVED));
    assert.deepEqual([trial.known(), trial.known(HOST, Type.TXT)], [[], ["0161"]]);
    trial.push(notice(ADDED, one), notice(ALL_REMOVED, { type: 255 }), notice(ADDED, two));
    assert.deepEqual([trial.known(), trial.known(HOST, Type.TXT)], [["0a000002"], []]);
    // In all classes, whatever the type given (RFC 8765 §6.3.1).
    trial.push(notice(ADDED, text), notice(ALL_REMOVED, { type: Type.MX, klass: 255 }));
    assert.deepEqual([trial.known(), trial.known(HOST, Type.TXT)], [[], []]);
    assert.deepEqual(trial.how, []);
  });

  test("treats a record that it knows as the same, in whatever case", () => {
    const trial = Trial.established();
    trial.subscribe(LIST, Type.PTR);
    const upper = Buffer.from("\x01A\0", "latin1").toString("hex");
    const lower = Buffer.from("\x01a\0", "latin1").toString("hex");
    const add = (data: string) => notice(ADDED, { name: LIST, type: Type.PTR, data });
    trial.push(add(upper), add(lower));
    assert.deepEqual(trial.known(LIST, Type.PTR), [lower]);
    const name = Name.parse("_IPP._tcp.Z.example.");
    trial.push(notice(REMOVED, { name, type: Type.PTR, data: upper }));
    assert.deepEqual(trial.known(LIST, Type.PTR), []);
  });

  test("PUSH-13: ignores notices of unknown kinds, and sets without a subscription", () => {
    const trial = Trial.established();
    const id = trial.subscribe();
    const data = "0a000001";
    trial.push(
      notice(ADDED, { type: Type.AAAA, data: "00".repeat(16) }),
      notice(ADDED, { klass: 3, data }),
      notice(ADDED, { name: LIST, data }),
      notice(0x80000000, { data: "ffff" }),
      notice(0xfffffffd, { type: 255 }),
      notice(ADDED, { data }),
      notice(ALL_REMOVED, { klass: 3 }),
    );
    assert.deepEqual(trial.known(), [data]);
    // Notices in flight when it unsubscribes, then for a set subscribed to again.
    trial.session.unsubscribe(HOST, Type.A);
    const { tlvs } = trial.sent.at(-1)!;
    assert.deepEqual(tlvs, [[UNSUBSCRIBE, Buffer.from([id >> 8, id & 255])]]);
    trial.push(notice(ADDED, { data }));
    trial.session.subscribe(HOST, Type.A);
    trial.push(notice(ADDED, { data }));
    assert.deepEqual(trial.known(), []);
    assert.deepEqual(trial.how, []);
  });

  test("unsubscribes once, and only when the subscription has been granted", () => {
    const trial = Trial.established();
    trial.session.subscribe(HOST, Type.A);
    const { id } = trial.sent.at(-1)!;
    trial.session.unsubscribe(HOST, Type.A);
    assert.equal(trial.session.find(HOST, Type.A), undefined);
    assert.deepEqual(trial.types(), [KEEPALIVE, SUBSCRIBE]);
    trial.hear(stateful(id, Buffer.alloc(0), QR));
    assert.deepEqual(trial.types(), [KEEPALIVE, SUBSCRIBE, UNSUBSCRIBE]);
    trial.session.unsubscribe(HOST, Type.A);
    assert.equal(trial.sent.length, 3);
    // A refusal at this point is not reported.
    trial.session.subscribe(HOST, Type.A);
    trial.session.unsubscribe(HOST, Type.A);
    trial.hear(stateful(trial.sent.at(-1)!.id, Buffer.alloc(0), QR | Rcode.SERVFAIL));
    assert.deepEqual(trial.refusals, []);
    assert.equal(trial.sent.length, 4);
  });

  test("PUSH-07: asks for nothing twice, not even if it unsubscribes before the answer", () => {
    const trial = Trial.established();
    trial.session.subscribe(HOST, Type.A);
    trial.session.subscribe(Name.parse("PRINTER.z.example."), Type.A);
    trial.session.unsubscribe(HOST, Type.A);
    trial.session.subscribe(HOST, Type.A);
    assert.deepEqual(trial.types(), [KEEPALIVE, SUBSCRIBE]);
    trial.hear(stateful(trial.sent[1]!.id, Buffer.alloc(0), QR));
    assert.deepEqual(trial.known(), []);
    assert.equal(trial.sent.length, 2);
  });

  test("DSO-29, PUSH-06: reports a refusal with the retry delay given or usual; other sets stay", () => {
    const trial = Trial.established();
    trial.subscribe();
    trial.session.subscribe(LIST, Type.PTR);
    const delay = tlv(RETRY_DELAY, Buffer.from([0, 0, 0x10, 0]));
    // Unknown TLVs in a response are ignored.
    const body = Buffer.concat([tlv(UNKNOWN), delay, tlv(PADDING, Buffer.alloc(3))]);
    trial.hear(stateful(trial.sent.at(-1)!.id, body, QR | Rcode.SERVFAIL));
    trial.subscribe(LIST, Type.PTR, Rcode.SERVFAIL);
    trial.subscribe(LIST, Type.PTR, Rcode.NOTAUTH);
    trial.subscribe(LIST, Type.PTR, Rcode.NOTIMP);
    trial.subscribe(LIST, Type.PTR, Rcode.DSOTYPENI);
    trial.subscribe(LIST, Type.PTR, 13);
    assert.deepEqual(trial.refusals, [
      `${LIST} 12 2 4096`,
      `${LIST} 12 2 60000`,
      `${LIST} 12 9 300000`,
      `${LIST} 12 4 3600000`,
      `${LIST} 12 11 3600000`,
      `${LIST} 12 13 300000`,
    ]);
    assert.equal(trial.known(LIST, Type.PTR), undefined);
    assert.deepEqual(trial.known(), []);
  });

  test("DSO-33: loses only what the server ends by a second response", () => {
    const trial = Trial.established();
    const id = trial.subscribe();
    trial.subscribe(LIST, Type.PTR);
    trial.push(notice(ADDED, { data: "0a000001" }));
    trial.hear(stateful(id, Buffer.alloc(0), QR | Rcode.NOTAUTH));
    assert.deepEqual(trial.refusals, [`${HOST} 1 9 300000`]);
    assert.deepEqual([trial.known(), trial.known(LIST, Type.PTR)], [undefined, []]);
    assert.deepEqual(trial.how, []);
  });

  test("DSO-33: accepts such a response even if it has just unsubscribed itself", () => {
    const trial = Trial.established();
    const id = trial.subscribe();
    trial.subscribe(LIST, Type.PTR);
    trial.session.unsubscribe(HOST, Type.A);
    trial.session.subscribe(HOST, Type.A);
    const again = trial.sent.at(-1)!.id;
    trial.hear(stateful(id, Buffer.alloc(0), QR | Rcode.NOTAUTH));
    trial.hear(stateful(again, Buffer.alloc(0), QR));
    assert.deepEqual([trial.known(), trial.known(LIST, Type.PTR)], [[], []]);
    assert.deepEqual([trial.refusals, trial.ends], [[], []]);
  });

  test("DSO-06, DSO-31: answers a request of an unknown type, whatever its id, and goes on", () => {
    const trial = Trial.established();
    const granted = trial.subscribe();
    trial.session.subscribe(LIST, Type.PTR);
    const asked = trial.sent.at(-1)!.id;
    // The server's ids have nothing to do with ours.
    for (const each of [0x1234, granted, asked]) {
      trial.hear(stateful(each, tlv(UNKNOWN, Buffer.alloc(2))));
      const { id, isResponse, rcode, tlvs } = trial.sent.at(-1)!;
      assert.deepEqual([id, isResponse, rcode, tlvs], [each, true, Rcode.DSOTYPENI, []]);
    }
    assert.deepEqual([trial.known(), trial.how], [[], []]);
  });

  test("DSO-08: ignores an unknown TLV behind a known one", () => {
    const trial = new Trial();
    const times = tlv(KEEPALIVE, timeouts(15_000, HOUR));
    trial.hear(stateful(1, Buffer.concat([times, tlv(UNKNOWN)]), QR));
    trial.session.subscribe(HOST, Type.A);
    trial.hear(stateful(trial.sent.at(-1)!.id, tlv(UNKNOWN), QR));
    const push = tlv(PUSH, notice(ADDED, { data: "0a000001" }));
    trial.hear(stateful(0, Buffer.concat([push, tlv(UNKNOWN)])));
    assert.deepEqual([trial.known(), trial.how], [["0a000001"], []]);
  });

  test("DSO-16, 21, 23: sends keepalives in time, which keep no inactive session open", () => {
    const idle = new Trial();
    idle.clock.advance(5000);
    idle.grant(1, 15_000, 15_000);
    idle.clock.advance(9_999);
    assert.deepEqual(idle.how, []);
    idle.clock.advance(1);
    assert.deepEqual([idle.how, idle.ends.length], [["close"], 1]);
    const unanswered = new Trial();
    unanswered.clock.advance(14_999);
    assert.deepEqual(unanswered.how, []);
    unanswered.clock.advance(1);
    assert.deepEqual(unanswered.how, ["close"]);
    const alive = Trial.established(15_000, 10_000);
    alive.clock.advance(10_000);
    alive.grant(alive.sent[1]!.id, 15_000, 10_000);
    alive.clock.advance(4_999);
    assert.deepEqual(alive.how, []);
    alive.clock.advance(1);
    assert.deepEqual([alive.types(), alive.how], [[KEEPALIVE, KEEPALIVE], ["close"]]);

    const busy = Trial.established(1000, 10_000);
    busy.subscribe();
    busy.clock.advance(9_999);
    assert.equal(busy.sent.length, 2);
    busy.clock.advance(1);
    assert.deepEqual(busy.types(), [KEEPALIVE, SUBSCRIBE, KEEPALIVE]);
    assert.deepEqual(busy.sent[2]!.tlvs, busy.sent[0]!.tlvs);
    // One at a time, and the next after the last was answered.
    busy.clock.advance(15_000);
    assert.equal(busy.sent.length, 3);
    busy.grant(busy.sent[2]!.id, 1000, 10_000);
    busy.clock.advance(10_000);
    assert.equal(busy.sent.length, 4);
    busy.grant(busy.sent[3]!.id, 1000, 10_000);
    // What is left of a session without subscriptions.
    busy.session.unsubscribe(HOST, Type.A);
    busy.clock.advance(999);
    assert.deepEqual(busy.how, []);
    busy.clock.advance(1);
    assert.deepEqual(busy.how, ["close"]);
  });

  test("DSO-24, 25: takes the server's timeouts, at once or later; the longest means for ever", () => {
    const trial = Trial.established(0xffffffff, 0xffffffff);
    // It would be fifty days.
    trial.clock.advance(2000 * HOUR);
    assert.deepEqual([trial.sent.length, trial.how], [1, []]);
    trial.subscribe();
    trial.hear(stateful(0, tlv(KEEPALIVE, timeouts(0xffffffff, 20_000))));
    // This needs no response.
    assert.equal(trial.sent.length, 2);
    trial.clock.advance(20_000);
    assert.deepEqual(trial.types(), [KEEPALIVE, SUBSCRIBE, KEEPALIVE]);
    // A timeout that is already over when it becomes known.
    trial.grant(trial.sent[2]!.id, 0xffffffff, 0xffffffff);
    trial.session.unsubscribe(HOST, Type.A);
    trial.clock.advance(5000);
    trial.hear(stateful(0, tlv(KEEPALIVE, timeouts(2000, 20_000))));
    assert.deepEqual(trial.how, ["close"]);
  });

  test("DSO-26: closes when the server ends it, and reports how long to stay away", () => {
    for (const [rcode, reason] of [
      [Rcode.NOERROR, "has ended the session"],
      [Rcode.SERVFAIL, "has ended the session (SERVFAIL)"],
      [14, "has ended the session (RCODE14)"],
    ] as const) {
      const trial = Trial.established();
      trial.subscribe();
      trial.hear(stateful(0, tlv(RETRY_DELAY, Buffer.from([0, 0, 0x20, 0])), rcode));
      assert.deepEqual([trial.how, trial.ends], [["close"], [{ reason, delay: 8192 }]]);
      const sent = trial.sent.length;
      trial.push(notice(ADDED, { data: "0a000001" }));
      trial.session.subscribe(LIST, Type.PTR);
      trial.session.lost("closed the connection");
      trial.clock.advance(2 * HOUR);
      assert.deepEqual([trial.sent.length, trial.ends.length, trial.how.length], [sent, 1, 1]);
    }
  });

  test("recognises a server without sessions by its refusal or its silence", () => {
    for (const rcode of [Rcode.NOTIMP, Rcode.FORMERR, Rcode.DSOTYPENI]) {
      const trial = new Trial();
      trial.hear(stateful(1, Buffer.alloc(0), QR | rcode));
      assert.deepEqual([trial.how, trial.ends[0]?.delay], [["close"], HOUR]);
    }
    const mute = new Trial();
    mute.session.subscribe(LIST, Type.PTR);
    mute.clock.advance(29_999);
    assert.deepEqual(mute.how, []);
    mute.clock.advance(1);
    const reason = "does not answer";
    assert.deepEqual([mute.how, mute.ends], [["abort"], [{ reason, delay: HOUR }]]);
    // One that has had a session may be back sooner.
    const silent = Trial.established();
    silent.session.subscribe(LIST, Type.PTR);
    silent.clock.advance(30_000);
    assert.deepEqual([silent.how, silent.ends], [["abort"], [{ reason }]]);
  });

  test("reports once that the connection has ended, but not if it ended it itself", () => {
    const trial = Trial.established();
    trial.session.lost("closed the connection");
    trial.session.lost("closed the connection");
    assert.deepEqual(trial.ends, [{ reason: "closed the connection" }]);
    const done = Trial.established();
    done.session.close();
    done.session.close();
    done.session.lost("closed the connection");
    done.clock.advance(2 * HOUR);
    assert.deepEqual([done.ends, done.how, done.sent.length], [[], ["close"], 1]);
  });

  const data = "0a000001";
  const fatal: Readonly<Record<string, (trial: Trial) => void>> = {
    "a message of another kind": ({ session }) => session.receive(Buffer.alloc(12)),
    "a message without a header": ({ session }) => session.receive(Buffer.alloc(11)),
    "a section (DSO-03)": (trial) => {
      const message = stateful(0, tlv(PUSH, notice(ADDED, { data })));
      message[5] = 1;
      trial.hear(message);
    },
    "a message that says nothing": (trial) => trial.hear(stateful(0, Buffer.alloc(0))),
    "what is cut off": (trial) =>
      trial.hear(stateful(0, tlv(PUSH, Buffer.alloc(9)).subarray(0, 8))),
    "DSO-11: a response to nothing": (trial) => trial.hear(stateful(99, Buffer.alloc(0), QR)),
    "DSO-11: a response without an id": (trial) => trial.hear(stateful(0, Buffer.alloc(0), QR)),
    "a second response that grants again": (trial) => {
      trial.hear(stateful(trial.sent.at(-1)!.id, Buffer.alloc(0), QR));
    },
    "a response that grants what it has ended": (trial) => {
      const { id } = trial.sent.at(-1)!;
      trial.session.unsubscribe(HOST, Type.A);
      trial.hear(stateful(id, Buffer.alloc(0), QR));
    },
    "a second response that ends what it has ended": (trial) => {
      const { id } = trial.sent.at(-1)!;
      trial.session.unsubscribe(HOST, Type.A);
      const end = stateful(id, Buffer.alloc(0), QR | Rcode.NOTAUTH);
      trial.hear(end);
      trial.hear(end);
    },
    "DSO-17: a keepalive's response without times": (trial) => {
      trial.clock.advance(HOUR);
      trial.hear(stateful(trial.sent.at(-1)!.id, Buffer.alloc(0), QR));
    },
    "DSO-17: one that says them twice": (trial) => {
      trial.clock.advance(HOUR);
      const times = tlv(KEEPALIVE, timeouts(15_000, HOUR));
      trial.hear(stateful(trial.sent.at(-1)!.id, Buffer.concat([times, times]), QR));
    },
    "DSO-18: a keepalive of less than ten seconds": (trial) => {
      trial.hear(stateful(0, tlv(KEEPALIVE, timeouts(15_000, 10_000))));
      assert.deepEqual(trial.how, []);
      trial.hear(stateful(0, tlv(KEEPALIVE, timeouts(15_000, 9_999))));
    },
    "DSO-07: what it does not know and cannot answer": (trial) =>
      trial.hear(stateful(0, tlv(UNKNOWN))),
    "padding alone": (trial) => trial.hear(stateful(0, tlv(PADDING))),
    "PUSH-27: a subscription of the server": (trial) => {
      trial.hear(stateful(0, tlv(SUBSCRIBE, Buffer.from(HOST.wire, "latin1"))));
    },
    "PUSH-27: the end of one": (trial) =>
      trial.hear(stateful(0, tlv(UNSUBSCRIBE, Buffer.alloc(2)))),
    "PUSH-27: a doubt of the server": (trial) => trial.hear(stateful(0, tlv(RECONFIRM))),
    "PUSH-12: a push that says nothing": (trial) => trial.push(),
    "PUSH-12: a record of any type": (trial) => trial.push(notice(ADDED, { type: 255, data })),
    "PUSH-12: one of any class": (trial) => trial.push(notice(REMOVED, { klass: 255, data })),
    "PUSH-13: data of what is all removed": (trial) => {
      // Which would be a notice of its own.
      trial.push(notice(ALL_REMOVED, { data: notice(ADDED, { data }).toString("hex") }));
    },
    "PUSH-16: a push of more than 16,382 octets": (trial) => {
      const one = notice(ADDED, { type: 65_280, data: "00".repeat(16_382 - 12 - 4 - 29) });
      const more = notice(ADDED, { type: 65_280, data: "00".repeat(16_382 - 12 - 4 - 28) });
      assert.equal(stateful(0, tlv(PUSH, one)).length, 16_382);
      trial.push(one);
      assert.deepEqual(trial.how, []);
      trial.push(more);
    },
    "data that is none": (trial) => trial.push(notice(ADDED, { data: "0a0000" })),
    "an address without data": (trial) => trial.push(notice(ADDED)),
    ...Object.fromEntries(
      [KEEPALIVE, RETRY_DELAY, SUBSCRIBE, PUSH, UNSUBSCRIBE, RECONFIRM].map((type) => [
        `DSO-10: a request of type ${type}`,
        (trial: Trial) => trial.hear(stateful(5, tlv(type, timeouts(15_000, HOUR)))),
      ]),
    ),
  };
  for (const [what, happens] of Object.entries(fatal)) {
    test(`aborts at once for ${what}`, () => {
      const trial = Trial.established();
      trial.subscribe();
      happens(trial);
      assert.deepEqual(trial.how, ["abort"]);
      assert.equal(trial.ends.length, 1);
      assert.equal(trial.ends[0]!.delay, HOUR);
      assert.match(trial.ends[0]!.reason, /^breaks the rules of DNS Push: /);
    });
  }

  test("DSO-04: aborts if the server sends a notice before there is a session", () => {
    const trial = new Trial();
    trial.push(notice(ADDED, { data }));
    assert.deepEqual(trial.how, ["abort"]);
  });

  test("remembers at most sixteen megabytes, not counting what was removed", () => {
    const trial = Trial.established();
    trial.subscribe(HOST, Type.TXT);
    const text = Buffer.alloc(256 * 60, 0xff);
    const record = (i: number, ttl: number) => {
      text.writeUInt32BE(i, 1);
      return notice(ttl, { type: Type.TXT, octets: text });
    };
    for (let i = 0; i < 1200; i++) {
      trial.push(record(i, ADDED));
      // A record that it knows adds nothing.
      trial.push(record(i, ADDED));
      trial.push(i % 2 === 0 ? record(i, REMOVED) : notice(ALL_REMOVED, { type: Type.TXT }));
    }
    assert.deepEqual(trial.how, []);
    let count = 0;
    while (trial.how.length === 0 && count < 2000) trial.push(record(count++, ADDED));
    assert.ok(count > 1000 && count < 1100, `${count}`);
    assert.deepEqual(trial.how, ["abort"]);
  });

  test("reuses an id that is free, and no other", () => {
    let id = 0;
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    const send = (message: Buffer) => {
      id = message.readUInt16BE() || id;
    };
    const session = new PushSession(
      { send, close: end, abort: end },
      { clock: new FakeClock(), changed: () => {}, refused: () => {}, ended: () => {} },
    );
    session.receive(stateful(id, tlv(KEEPALIVE, timeouts(15_000, HOUR)), QR));
    session.subscribe(LIST, Type.PTR);
    const kept = id;
    const ids = new Set<number>();
    const grant = stateful(0, Buffer.alloc(0), QR);
    for (let i = 0; i < 0x10000; i++) {
      session.subscribe(HOST, Type.A);
      ids.add(id);
      grant.writeUInt16BE(id);
      session.receive(grant);
      session.unsubscribe(HOST, Type.A);
    }
    assert.equal(ids.size, 0xffff - 1);
    assert.ok(!ids.has(kept) && !ids.has(0) && !isOver);
  });
});
