/** TSIG as a server handles it, octets in and octets out (RFC 8945 §5). */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Class, Opcode, Rcode, rcodeName, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message, makeResponse } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { Rdata, rdata } from "../../src/dns/rdata.ts";
import { signTsig, type TsigKey } from "../../src/dns/tsig.ts";
import type { Handler, Layer } from "../../src/net/server/handler.ts";
import { openZone } from "../../src/zone/openzone.ts";
import { MANY, name, opt, origin, question, zoneRecords } from "../dnsserver/fixture.ts";
import {
  adding,
  lyon,
  makeSecured,
  operator,
  operators,
  paris,
  type Secured,
  secondary,
  stillServer,
  wordy,
} from "../dnsserver/secured.ts";
import { FakeClock } from "../support/clock.ts";
import fc from "../support/fastcheck.ts";
import { silentLog } from "../support/log.ts";
import {
  append,
  changed,
  hasTsig,
  type SignedRequest,
  sign,
  type Tsig,
  tsigOf,
  verified,
} from "../support/tsig.ts";
import { MemoryDisk } from "../zone/memorydisk.ts";

const NONE = new Uint8Array();

const soa = question("@", Type.SOA);

/** NOTAUTH with this TSIG error, a MAC of no octets and nothing else (RFC 8945 §5.3.2). */
function expectUnsigned(octets: Buffer, error: Rcode, request: SignedRequest): void {
  const response = decode(octets);
  const asked = decode(request.bytes);
  assert.equal(rcodeName(response.rcode), "NOTAUTH");
  assert.deepEqual(
    [response.id, response.opcode, response.questions.length],
    [asked.id, asked.opcode, 1],
  );
  assert.deepEqual([response.answers, response.authorities], [[], []]);
  assert.equal(response.additionals.length, 1);
  const { key, algorithm, mac, originalId, error: said, other } = tsigOf(octets);
  const sent = tsigOf(request.bytes);
  assert.deepEqual([said, mac.length, other.length], [error, 0, 0]);
  assert.ok(key.equals(sent.key) && algorithm.equals(sent.algorithm));
  assert.equal(originalId, sent.originalId);
}

suite("verifying a request", () => {
  test("TSIG-01: each algorithm is known, and signs the answer too", async () => {
    const { one, now } = stillServer();
    for (const key of operators) {
      const request = sign(soa, key, now());
      const octets = await one(request.bytes);
      const response = verified(octets, key, { mac: request.mac, now: now() });
      assert.equal(response.answers.length, 1, key.algorithm);
      assert.equal(`${tsigOf(octets).algorithm}`, `${key.algorithm}.`);
    }
  });

  test("TSIG-01: MD5 is unknown", async () => {
    const { one, now } = stillServer();
    const algorithm = Name.parse("hmac-md5.sig-alg.reg.int.");
    const request = changed(sign(soa, operator, now()), { algorithm });
    expectUnsigned(await one(request.bytes), Rcode.BADKEY, request);
  });

  test("TSIG-02: a TSIG that is misplaced, repeated or malformed is FORMERR, without TSIG", async () => {
    const { one, zone, now } = stillServer();
    const before = zone.current;
    const update = adding("new");
    const signed = sign(update, operator, now());
    const tsig = tsigOf(signed.bytes);
    const [record] = decode(signed.bytes).additionals;
    const plain = { ...record!, type: 65280, rdata: rdata.opaque(65280, Buffer.from("x")) };
    const wrong: Record<string, Uint8Array> = {
      twice: append(signed.bytes, tsig),
      "before another record": encode(
        adding("new", undefined, { additionals: [record!, { ...plain, class: Class.IN }] }),
      ),
      "before OPT": encode(adding("new", undefined, { additionals: [record!], edns: opt() })),
      "in the answer section": encode(adding("new", undefined, { answers: [record!] })),
      "in the authority section": encode({
        ...update,
        authorities: [...update.authorities, record!],
      }),
      "of class IN": changed(signed, {}, { class: Class.IN }).bytes,
      "with a TTL": changed(signed, {}, { ttl: 1 }).bytes,
      "without data": encode({
        ...update,
        additionals: [{ ...record!, rdata: rdata.opaque(Type.TSIG, NONE) }],
      }),
      "with data cut short": cutRdata(signed.bytes),
    };
    for (const [title, bytes] of Object.entries(wrong)) {
      const octets = await one(bytes);
      assert.equal(rcodeName(decode(octets).rcode), "FORMERR", title);
      assert.equal(hasTsig(octets), false, title);
    }
    assert.equal(zone.current, before);
  });

  test("TSIG-03: key, then MAC, then time, then length are checked", async () => {
    const { one, now } = stillServer();
    const late = sign(soa, operator, now() - 1000);
    const short = (request: SignedRequest) =>
      changed(request, { mac: tsigOf(request.bytes).mac.subarray(0, 16) });
    const wrong = (request: SignedRequest) => changed(request, { mac: flipped(request) });
    const cases: readonly [string, SignedRequest, Rcode][] = [
      ["all", changed(short(wrong(late)), { key: Name.parse("nobody.") }), Rcode.BADKEY],
      ["MAC, time, length", short(wrong(late)), Rcode.BADSIG],
      ["time, length", short(late), Rcode.BADTIME],
      ["length", short(sign(soa, operator, now())), Rcode.BADTRUNC],
    ];
    for (const [title, request, error] of cases) {
      assert.equal(tsigOf(await one(request.bytes)).error, error, title);
    }
  });

  test("TSIG-04: an unknown key, or one with another algorithm, is BADKEY, unsigned", async () => {
    const { one, now } = stillServer();
    const nobody = { ...operator, name: Name.parse("nobody.") };
    const other: TsigKey = { ...operator, algorithm: "hmac-sha512" };
    for (const key of [nobody, other]) {
      for (const edns of [undefined, opt()]) {
        const request = sign({ ...soa, edns }, key, now());
        const octets = await one(request.bytes);
        expectUnsigned(octets, Rcode.BADKEY, request);
        assert.equal(decode(octets).edns !== undefined, edns !== undefined);
      }
    }
  });

  test("TSIG-05: a forged MAC or a changed message is BADSIG, unsigned", async () => {
    const { one, now, zone } = stillServer();
    const before = zone.current;
    const update = sign(adding("new"), operator, now());
    const forged = sign(adding("new"), { ...operator, secret: Buffer.from("a guess") }, now());
    const bent = Buffer.from(update.bytes);
    // The last octet of the address to be added.
    const at = bent.indexOf(Buffer.from([10, 9, 9, 9])) + 3;
    bent[at]! ^= 1;
    for (const request of [
      changed(update, { mac: flipped(update) }),
      forged,
      { ...update, bytes: bent },
    ]) {
      expectUnsigned(await one(request.bytes), Rcode.BADSIG, request);
    }
    assert.equal(zone.current, before);
  });

  test("TSIG-05: no octet of an update may change, except its id and the case of its names", async () => {
    const { ask, one, now, zone } = stillServer();
    const before = zone.current;
    const { bytes } = sign(adding("new"), operator, now());
    const record = bytes.length - decode(bytes).additionals[0]!.rdata.toWire().length;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 3).map((at) => at + 2),
        fc.integer({ min: 1, max: 255 }),
        async (at, bits) => {
          // The names of the key and the algorithm are canonical in the digest (RFC 8945 §4.3.3).
          if (bits === 0x20 && at > record - 30) return;
          const bent = Buffer.from(bytes);
          bent[at]! ^= bits;
          const [octets] = await ask(bent);
          // If it is a response now, it is not answered.
          if (octets !== undefined) assert.notEqual(decode(octets).rcode, Rcode.NOERROR);
          assert.equal(zone.current, before);
        },
      ),
      { numRuns: 2000 },
    );
    assert.equal(decode(await one(bytes)).rcode, Rcode.NOERROR);
  });

  test("TSIG-06: a time outside its fudge is BADTIME, signed, with the times of both sides", async () => {
    const { one, now, zone } = stillServer();
    const before = zone.current;
    for (const off of [301, -301, 86_400]) {
      const request = signWith(adding("new"), operator, now() + off, 299);
      const octets = await one(request.bytes);
      const { time, fudge, error, other } = tsigOf(octets);
      assert.deepEqual([error, time, fudge], [Rcode.BADTIME, now() + off, 299]);
      assert.equal(Buffer.from(other).readUIntBE(0, 6), now());
      assert.equal(other.length, 6);
      // To the client it is in time, as the time is the client's own.
      const response = verified(octets, operator, { mac: request.mac, now: now() + off });
      assert.equal(rcodeName(response.rcode), "NOTAUTH");
    }
    assert.equal(zone.current, before);
    for (const off of [300, -300]) {
      const { bytes } = sign(soa, operator, now() + off);
      assert.equal(decode(await one(bytes)).rcode, Rcode.NOERROR);
    }
  });

  test("TSIG-06: a fudge of the client's choice is respected", async () => {
    const { one, now } = stillServer();
    for (const [off, error] of [
      [10, Rcode.NOERROR],
      [11, Rcode.BADTIME],
    ] as const) {
      const { bytes } = signWith(soa, operator, now() - off, 10);
      assert.equal(tsigOf(await one(bytes)).error, error);
    }
  });

  test("TSIG-08: a MAC of impossible length is FORMERR, without TSIG", async () => {
    const { one, now } = stillServer();
    for (const key of operators) {
      const request = sign(soa, key, now());
      const { mac } = tsigOf(request.bytes);
      const least = Math.max(10, mac.length / 2);
      for (const wrong of [NONE, mac.subarray(0, least - 1), Buffer.concat([mac, Buffer.of(0)])]) {
        const octets = await one(changed(request, { mac: wrong }).bytes);
        assert.equal(
          rcodeName(decode(octets).rcode),
          "FORMERR",
          `${key.algorithm} ${wrong.length}`,
        );
        assert.equal(hasTsig(octets), false);
      }
    }
  });

  test("TSIG-09: a truncated MAC is BADTRUNC, signed in full over the truncated one", async () => {
    const { one, now, zone } = stillServer();
    const before = zone.current;
    for (const key of operators) {
      const request = sign(adding("new"), key, now());
      const { mac: whole } = tsigOf(request.bytes);
      for (const length of [whole.length - 4, Math.max(10, whole.length / 2)]) {
        const mac = whole.subarray(0, length);
        const octets = await one(changed(request, { mac }).bytes);
        const response = verified(octets, key, { mac, now: now() });
        assert.equal(rcodeName(response.rcode), "NOTAUTH");
        assert.equal(tsigOf(octets).error, Rcode.BADTRUNC, `${key.algorithm} ${length}`);
      }
    }
    assert.equal(zone.current, before);
  });

  test("TSIG-11: names of key and algorithm match in any case", async () => {
    const { one, now } = stillServer();
    const request = sign(soa, { ...operator, name: Name.parse("OperaTOR.") }, now());
    const algorithm = Name.parse("HMAC-sha256.");
    const inTransit = [{ algorithm }, { key: Name.parse("OPERATOR.") }];
    for (const each of [request, ...inTransit.map((fields) => changed(request, fields))]) {
      verified(await one(each.bytes), operator, { mac: request.mac, now: now() });
    }
  });

  test("TSIG-12: an id changed on the way does no harm, and is returned", async () => {
    const { one, now } = stillServer();
    const { bytes, mac } = sign(soa, operator, now());
    bytes.writeUInt16BE(0x9999, 0);
    const response = verified(await one(bytes), operator, { mac, now: now() });
    assert.equal(response.id, 0x9999);
  });

  test("failures are logged once a minute for each reason, by key, and together for unknown keys", async () => {
    const lines: unknown[] = [];
    const warn = (fields: object, fact: string) => lines.push({ ...fields, fact });
    const { one, now, clock } = stillServer({ log: { ...silentLog, warn } });
    const request = sign(soa, { ...operator, name: Name.parse("nobody.") }, now());
    const fact = (reason: string) => `a signed request was refused: ${reason}`;
    for (let i = 0; i < 100; i++) await one(request.bytes);
    const line = { key: "nobody.", from: "192.0.2.99", fact: fact("BADKEY") };
    assert.deepEqual(lines.splice(0), [{ ...line, ahead: 0, refused: 1 }]);
    // An unknown key hides no unsigned updates, and both are counted apart.
    const unsigned = { from: "192.0.2.99", fact: "an update was refused: it is not signed" };
    for (let i = 0; i < 3; i++) await one(encode(adding("new")));
    const plain = { ...unsigned, zone: `${origin}`, key: undefined };
    assert.deepEqual(lines.splice(0), [{ ...plain, refused: 1 }]);
    // Unknown keys hide nothing of what a known key does, nor one key what another does.
    const far = now() + 3600;
    for (let i = 0; i < 5; i++)
      for (const key of [operator, paris]) await one(sign(soa, key, far).bytes);
    for (const secret of [Buffer.alloc(32, 1), Buffer.alloc(32, 2)])
      await one(sign(soa, { ...paris, secret }, now()).bytes);
    const late = { from: "192.0.2.99", ahead: 3600, refused: 1, fact: fact("BADTIME") };
    assert.deepEqual(lines.splice(0), [
      { ...late, key: `${operator.name}` },
      { ...late, key: `${paris.name}` },
      { ...late, key: `${paris.name}`, ahead: 0, fact: fact("BADSIG") },
    ]);
    clock.advance(60_000);
    await one(request.bytes);
    await one(encode(adding("new")));
    const counted = [
      { ...line, ahead: -60, refused: 100 },
      { ...plain, refused: 3 },
    ];
    assert.deepEqual(lines.splice(0), counted);
    await one(sign(adding("late"), operator, now()).bytes);
    await one(sign(adding("early"), operator, now() - 60).bytes);
    assert.match(JSON.stringify(lines), /signed before the latest update of its key/);
  });
});

suite("an update that is late or repeated", () => {
  test("TSIG-07: is BADTIME if signed well before the latest of its key, and is not applied", async () => {
    const { one, now, clock, zone } = stillServer();
    const early = sign(adding("early"), operator, now());
    clock.advance(6000);
    assert.equal(decode(await one(sign(adding("late"), operator, now()).bytes)).rcode, 0);
    const octets = await one(early.bytes);
    verified(octets, operator, { mac: early.mac, now: now() });
    assert.equal(tsigOf(octets).error, Rcode.BADTIME);
    assert.equal(zone.current.set(name("early"), Type.A), undefined);
  });

  test("TSIG-07: undoes nothing newer, once its sender has given up after 5 s", async () => {
    const { one, now, clock, zone } = stillServer();
    clock.advance(900);
    const early = sign(adding("early"), operator, now());
    clock.advance(5000);
    assert.equal(decode(await one(sign(adding("late"), operator, now()).bytes)).rcode, 0);
    assert.equal(tsigOf(await one(early.bytes)).error, Rcode.BADTIME);
    assert.equal(zone.current.set(name("early"), Type.A), undefined);
  });

  test("TSIG-07: is applied, once, if another has overtaken it on the way", async () => {
    const { one, now, clock, zone } = stillServer();
    const early = sign(adding("early"), operator, now());
    clock.advance(3000);
    await one(sign(adding("late"), operator, now()).bytes);
    for (const { bytes } of [early, early]) assert.equal(decode(await one(bytes)).rcode, 0);
    assert.ok(zone.current.set(name("early"), Type.A));
    assert.equal(zone.current.serial, 3);
  });

  test("TSIG-07: has no effect when repeated some seconds later", async () => {
    for (const [seconds, error] of [
      [0, Rcode.NOERROR],
      [1, Rcode.NOERROR],
      [3, Rcode.NOERROR],
      [6, Rcode.BADTIME],
    ] as const) {
      const { one, now, clock, zone } = stillServer();
      const add = sign(adding("new"), operator, now());
      const [{ name: owner, type } = soa.questions[0]!] = decode(add.bytes).authorities;
      const removal = {
        name: owner,
        type,
        class: Class.ANY,
        ttl: 0,
        rdata: rdata.opaque(type, NONE),
      };
      assert.equal(decode(await one(add.bytes)).rcode, 0);
      clock.advance(seconds * 1000);
      const remove = sign(adding("new", undefined, { authorities: [removal] }), operator, now());
      assert.equal(decode(await one(remove.bytes)).rcode, 0);
      const { serial } = zone.current;
      // Whoever recorded the first cannot restore what the second removed.
      const octets = await one(add.bytes);
      verified(octets, operator, { mac: add.mac, now: now() });
      assert.equal(tsigOf(octets).error, error, `${seconds} s`);
      assert.equal(zone.current.serial, serial, `${seconds} s`);
      assert.equal(zone.current.set(name("new"), Type.A), undefined);
    }
  });

  test("TSIG-07: has no effect when repeated after another that was overtaken", async () => {
    const { one, now, clock, zone } = stillServer();
    const first = sign(adding("first"), operator, now());
    await one(first.bytes);
    clock.advance(3000);
    const slow = sign(adding("slow"), operator, now());
    clock.advance(3000);
    await one(sign(adding("last"), operator, now()).bytes);
    assert.equal(decode(await one(slow.bytes)).rcode, Rcode.NOERROR);
    // The latest is the one signed last, not the one that arrived last.
    assert.equal(tsigOf(await one(first.bytes)).error, Rcode.BADTIME);
    assert.equal(zone.current.serial, 4);
  });

  test("TSIG-07: has no effect when repeated by a client whose clock is ahead of the server's", async () => {
    const { one, now, clock, zone } = stillServer();
    const early = sign(adding("early"), operator, now() + 290);
    const late = sign(adding("late"), operator, now() + 300);
    for (const { bytes } of [early, late, late]) {
      assert.equal(decode(await one(bytes)).rcode, Rcode.NOERROR);
    }
    assert.equal(tsigOf(await one(early.bytes)).error, Rcode.BADTIME);
    assert.equal(zone.current.serial, 3);
    // Whatever its fudge, it may not be so far ahead that it keeps others out for long.
    const far = signWith(adding("far"), operator, now() + 301, 65_535);
    assert.equal(tsigOf(await one(far.bytes)).error, Rcode.BADTIME);
    clock.advance(300_000);
    assert.equal(decode(await one(sign(adding("honest"), operator, now()).bytes)).rcode, 0);
  });

  test("TSIG-07: keeps nobody out after a wrong clock is put back", async () => {
    const { one, now, clock, zone } = stillServer();
    clock.steps = 3_600_000;
    await one(sign(adding("new"), operator, now()).bytes);
    clock.steps = 0;
    const honest = sign(adding("honest"), operator, now());
    for (const { bytes } of [honest, honest]) assert.equal(decode(await one(bytes)).rcode, 0);
    assert.ok(zone.current.set(name("honest"), Type.A));
    assert.equal(zone.current.serial, 3);
  });

  test("TSIG-07: is not applied after a restart either, if signed before the latest", async () => {
    const disk = new MemoryDisk();
    const serverOn = async (disk: MemoryDisk, clock: FakeClock) => {
      const place = { origin, folder: "", fileRecords: zoneRecords(), log: silentLog, disk };
      const { signal } = new AbortController();
      const zone = await openZone({ ...place, clock, signal, enough: 2000 });
      return makeSecured({ clock, zone });
    };
    const clock = new FakeClock();
    const now = () => Math.floor(clock.wall() / 1000);
    const ask = async ({ ask }: Secured, { bytes }: SignedRequest) =>
      tsigOf((await ask(bytes, "tcp"))[0]!).error;
    const first = await serverOn(disk, clock);
    const early = sign(adding("early"), operator, now());
    const same = sign(adding("same"), operator, now() + 3);
    const overtaken = sign(adding("overtaken"), operator, now());
    const other = sign(adding("x.lyon"), lyon, now());
    assert.equal(await ask(first, other), 0);
    clock.advance(3000);
    // The journal is rewritten when it has become long for what the zone has.
    let isRewritten = false;
    disk.before = (what) => {
      isRewritten ||= what === "rename";
    };
    const [record] = adding("new").authorities;
    for (let i = 0; !isRewritten; i++) {
      assert.ok(i < 5000, "the journal is not rewritten");
      const authorities = [{ ...record!, ttl: i }];
      const update = adding("new", undefined, { authorities });
      assert.equal(await ask(first, sign(update, operator, now())), 0);
    }
    // The one that arrives last is not the one signed last.
    const late = sign(adding("late"), operator, now());
    for (const each of [late, overtaken]) assert.equal(await ask(first, each), 0);
    for (const each of [early, same, late]) {
      const again = await serverOn(disk.afterKill(), clock);
      // Nor is that of a key which has signed nothing since the journal was rewritten.
      for (const replayed of [each, other]) {
        assert.equal(await ask(again, replayed), Rcode.BADTIME);
      }
      assert.equal(again.zone.current.size, first.zone.current.size);
      // Another key is not affected, and what is signed later is applied.
      assert.equal(await ask(again, sign(adding("x.paris"), paris, now() - 60)), 0);
      clock.advance(1000);
      assert.equal(await ask(again, sign(adding("later"), operator, now())), 0);
    }
    // A clock that was wrong and was put back keeps nobody out.
    const back = new FakeClock({ epoch: clock.wall() - 3_600_000 });
    const again = await serverOn(disk.afterKill(), back);
    const honest = sign(adding("honest"), operator, Math.floor(back.wall() / 1000));
    assert.equal(await ask(again, honest), 0);
    assert.ok(again.zone.current.set(name("honest"), Type.A));
  });

  test("UPD-30: gets the answer of the first when sent again, under its own id", async () => {
    const { one, now, zone } = stillServer();
    const unused = { ...decode(encode(adding("new"))).authorities[0]!, class: Class.NONE, ttl: 0 };
    const prerequisite = { ...unused, type: Type.ANY, rdata: rdata.opaque(Type.ANY, NONE) };
    // Applied twice, the second would be YXDOMAIN.
    const update = sign(adding("new", undefined, { answers: [prerequisite] }), operator, now());
    assert.equal(rcodeName(decode(await one(update.bytes)).rcode), "NOERROR");
    const { serial } = zone.current;
    update.bytes.writeUInt16BE(0x7777, 0);
    const again = verified(await one(update.bytes), operator, { mac: update.mac, now: now() });
    assert.deepEqual([rcodeName(again.rcode), again.id], ["NOERROR", 0x7777]);
    assert.equal(zone.current.serial, serial);
  });

  test("TSIG-07: is judged by its own key's times, and queries are not judged", async () => {
    const { one, now, clock } = stillServer();
    const query = sign(soa, operator, now());
    const other = sign(adding("x.paris"), paris, now());
    clock.advance(10_000);
    await one(sign(adding("new"), operator, now()).bytes);
    for (const { bytes } of [query, other]) assert.equal(decode(await one(bytes)).rcode, 0);
  });

  test("TSIG-07: is recognized when repeated, unless too many followed it within its second", async () => {
    let done = 0;
    const count = (next: Handler): Handler => {
      return (request) => {
        done++;
        return next(request);
      };
    };
    const { one, now } = stillServer({ inner: count });
    const updates = Array.from({ length: 10_200 }, (_, id) =>
      sign(adding("new", "10.9.9.9", { id }), operator, now()),
    );
    for (const { bytes } of updates) await one(bytes);
    assert.equal(done, updates.length);
    await one(updates.at(-1)!.bytes);
    assert.equal(done, updates.length);
    // The oldest are forgotten.
    await one(updates[0]!.bytes);
    assert.equal(done, updates.length + 1);
  });
});

suite("signing the response", () => {
  test("TSIG-13: every response to a signed request is signed, over the request's MAC", async () => {
    const { one, now } = stillServer();
    const requests: readonly [Message, string][] = [
      [soa, "NOERROR"],
      [question("nobody.paris"), "NXDOMAIN"],
      [question("www.example.org."), "REFUSED"],
      [question("@", Type.A, { questions: [] }), "FORMERR"],
      [question("@", Type.SOA, { opcode: Opcode.NOTIFY }), "NOTIMP"],
      [question("@", Type.SOA, { edns: opt({ version: 1 }) }), "BADVERS"],
      [adding("new"), "NOERROR"],
      [adding("www.example.org."), "NOTZONE"],
    ];
    for (const [message, rcode] of requests) {
      const request = sign(message, operator, now());
      const octets = await one(request.bytes);
      const response = verified(octets, operator, { mac: request.mac, now: now() });
      assert.equal(rcodeName(response.rcode), rcode);
      assert.throws(() => verified(octets, operator, { mac: NONE, now: now() }));
    }
  });

  test("TSIG-13: so is the answer after an internal error, whenever it occurs", async () => {
    const mistake = () => {
      throw new Error("mistake");
    };
    const handlers: readonly Handler[] = [
      mistake,
      async () => mistake(),
      // biome-ignore lint/correctness/useYield: it fails before
      async function* () {
        mistake();
      },
    ];
    for (const handler of handlers) {
      const lines: object[] = [];
      const log = { ...silentLog, error: (fields: object) => void lines.push(fields) };
      const { one, now } = stillServer({ inner: () => handler, log });
      for (const message of [question("@", Type.SOA, { edns: opt() }), adding("new")]) {
        const request = sign(message, operator, now());
        const octets = await one(request.bytes);
        const response = verified(octets, operator, { mac: request.mac, now: now() });
        assert.equal(rcodeName(response.rcode), "SERVFAIL");
        assert.equal(response.edns === undefined, message.edns === undefined);
      }
      assert.match(`${(lines[0] as { err: Error }).err}`, /^Error: mistake$/);
    }
  });

  test("TSIG-13: an error in the midst of a transfer is signed over the message before", async () => {
    const inner: Layer = () =>
      async function* ({ message }) {
        yield makeResponse(message, { isAuthoritative: true });
        throw new Error("mistake");
      };
    const { ask, now } = stillServer({ inner });
    const request = sign(question("@", Type.AXFR), secondary, now());
    const [first, second, ...more] = await ask(request.bytes, "tcp");
    assert.equal(more.length, 0);
    const { mac } = tsigOf(first!);
    const response = verified(second!, secondary, { mac, now: now(), isContinuation: true });
    assert.equal(rcodeName(response.rcode), "SERVFAIL");
  });

  test("TSIG-13: the response to an unsigned request has no TSIG", async () => {
    const { one } = stillServer();
    for (const message of [soa, adding("new")]) {
      assert.equal(hasTsig(await one(encode(message))), false);
    }
  });

  test("TSIG-14: every message of a transfer is signed, over the one before", async () => {
    const { ask, now, zone } = stillServer();
    const many = Array.from({ length: 3000 }, (_, i) => adding(`host${i}.paris`).authorities[0]!);
    const update = { zone: origin, prerequisites: [], updates: many };
    await zone.apply(update, { name: "test", permits: () => true });
    const request = sign(question("@", Type.AXFR), secondary, now());
    const messages = await ask(request.bytes, "tcp");
    assert.ok(messages.length > 3, `${messages.length} messages`);
    let { mac } = request;
    let records = 0;
    for (const [i, octets] of messages.entries()) {
      const context = { mac, now: now(), isContinuation: i > 0 };
      records += verified(octets, secondary, context).answers.length;
      mac = tsigOf(octets).mac;
    }
    assert.ok(records > 3000);
    // A message left out is noticed at the next.
    const context = { mac: tsigOf(messages[0]!).mac, now: now(), isContinuation: true };
    assert.throws(() => verified(messages[2]!, secondary, context));
  });

  test("TSIG-15, EDNS-01: an answer that does not fit with its TSIG is the question, TC and the TSIG", async () => {
    const { one, now } = stillServer();
    const browse = question("_presence._tcp.paris", Type.PTR);
    for (const edns of [undefined, opt()]) {
      const request = sign({ ...browse, edns }, operator, now());
      const octets = await one(request.bytes);
      const response = verified(octets, operator, { mac: request.mac, now: now() });
      assert.equal(response.isTruncated, true);
      assert.equal(response.rcode, Rcode.NOERROR);
      assert.equal(response.questions.length, 1);
      assert.deepEqual([response.answers, response.authorities], [[], []]);
      assert.equal(response.additionals.length, 1);
      assert.equal(response.edns !== undefined, edns !== undefined);
    }
    const { bytes } = sign(browse, operator, now());
    const whole = decode(await one(bytes, "tcp"));
    assert.deepEqual([whole.isTruncated, whole.answers.length], [false, MANY]);
  });

  test("TSIG-15: the octets of the TSIG count towards the limit", async () => {
    const { one, now, zone } = stillServer();
    const at = name("text.paris");
    const sizes = { whole: 0, truncated: 0 };
    // Answers of many sizes around the limit.
    for (let length = 255; length < 440; length += 5) {
      const data = rdata.txt("x".repeat(255), "y".repeat(length - 255));
      const record = { name: at, type: Type.TXT, class: Class.IN, ttl: 10, rdata: data };
      const removal = { ...record, class: Class.ANY, ttl: 0, rdata: rdata.opaque(Type.TXT, NONE) };
      const update = { zone: origin, prerequisites: [], updates: [removal, record] };
      await zone.apply(update, { name: "test", permits: () => true });
      const request = sign(question("text.paris", Type.TXT), operator, now());
      const octets = await one(request.bytes);
      assert.ok(octets.length <= 512, `${octets.length} octets`);
      const { isTruncated } = verified(octets, operator, { mac: request.mac, now: now() });
      sizes[isTruncated ? "truncated" : "whole"]++;
    }
    assert.ok(sizes.whole > 0 && sizes.truncated > 0);
  });

  test("TSIG-15: so do those of a TSIG that reports an error", async () => {
    const { one, now } = stillServer();
    const made = (lengths: readonly number[]) => lengths.map((each) => "x".repeat(each)).join(".");
    const unknown = { ...operator, name: Name.parse(`${made([60, 60, 60, 24])}.`) };
    for (const [key, time, error] of [
      [wordy, now() - 1000, Rcode.BADTIME],
      [unknown, now(), Rcode.BADKEY],
    ] as const) {
      const sizes = { whole: 0, truncated: 0 };
      for (let last = 45; last <= 61; last++) {
        const asked = question(`${made([63, 63, 63, last])}.`);
        const octets = await one(sign(asked, key, time).bytes);
        assert.ok(octets.length <= 512, `${octets.length} octets`);
        assert.equal(tsigOf(octets).error, error);
        sizes[decode(octets).isTruncated ? "truncated" : "whole"]++;
      }
      assert.ok(sizes.whole > 0 && sizes.truncated > 0, `${error}`);
    }
  });

  test("TSIG-17: a key for transfers may not update", async () => {
    const { one, now, zone } = stillServer();
    const before = zone.current;
    const request = sign(adding("new"), secondary, now());
    const response = verified(await one(request.bytes), secondary, {
      mac: request.mac,
      now: now(),
    });
    assert.equal(rcodeName(response.rcode), "REFUSED");
    assert.equal(zone.current, before);
  });

  test("TSIG-20: records that belong in messages only are not stored", async () => {
    const { one, now, zone } = stillServer();
    const before = zone.current;
    const sig0 = new Rdata(Type.SIG, [0, 13, 0, 0, 0, 0, 0, origin, NONE]);
    const others = [Type.TSIG, Type.OPT, Type.TKEY].map((type) => rdata.opaque(type, NONE));
    for (const data of [sig0, ...others]) {
      const { type } = data;
      const add = { ...adding("new").authorities[0]!, type, rdata: data };
      const { bytes } = sign(adding("new", undefined, { authorities: [add] }), operator, now());
      assert.equal(rcodeName(decode(await one(bytes)).rcode), "FORMERR", `type ${type}`);
    }
    assert.equal(zone.current, before);
  });

  test("no answer that is signed, or to a signed request, is kept ready", async () => {
    const { ready, one, now } = stillServer();
    const request = sign(soa, operator, now());
    await one(request.bytes);
    await one(changed(request, { mac: flipped(request) }).bytes);
    assert.equal(ready.size, 0);
    const plain = encode(soa);
    await one(plain);
    assert.equal(ready.size, 1);
    assert.equal(ready.answer(request.bytes), undefined);
    assert.equal(hasTsig(ready.answer(plain)!), false);
  });
});

/** The MAC of a request with one bit changed. */
function flipped({ bytes }: SignedRequest): Uint8Array {
  const mac = Buffer.from(tsigOf(bytes).mac);
  mac[0]! ^= 1;
  return mac;
}

/** Signs with a fudge of the client's own. */
function signWith(message: Message, key: TsigKey, time: number, fudge: number): SignedRequest {
  const client: Pick<Tsig, "time" | "fudge"> = { time, fudge };
  return signTsig(encode(message), key, { now: time, client });
}

/** Leaves out the TSIG's last two octets, the length of its other data. */
function cutRdata(bytes: Buffer): Buffer {
  const cut = Buffer.from(bytes.subarray(0, -2));
  const length = cut.lastIndexOf(Buffer.from("\x0bhmac-sha256", "latin1")) - 2;
  cut.writeUInt16BE(cut.readUInt16BE(length) - 2, length);
  return cut;
}
