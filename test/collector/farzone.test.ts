import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FarZone, type FarZoneOptions } from "../../src/collector/publishing/farzone.ts";
import { Class, Opcode, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import { leaseOption, readLease } from "../../src/dns/lease.ts";
import { decode, type Message, makeResponse } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { type RecordSet, recordsOf } from "../../src/dns/record.ts";
import { refuseTsig, signTsig, splitTsig, type TsigKey, verifyTsig } from "../../src/dns/tsig.ts";
import type { Compose } from "../../src/net/client/persistent.ts";
import { apexRecords } from "../../src/zone/apex.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { FakeClock } from "../support/clock.ts";
import { lines, ZONE } from "./fixture.ts";

const key: TsigKey = {
  name: Name.parse("paris."),
  algorithm: "hmac-sha256",
  secret: Buffer.from("a secret of thirty-two octets, or"),
};
const clock = new FakeClock();
const now = Math.floor(clock.wall() / 1000);
const [soa, ns] = apexRecords({ origin: ZONE, nameservers: [], serial: 1 });
const hosts = parseMasterFile(
  Array.from({ length: 20 }, (_, i) => `h${i} 10 A 10.0.0.${i}`).join("\n"),
  { origin: ZONE, isPartial: true },
);
const update = {
  zone: ZONE,
  prerequisites: [],
  updates: hosts.flatMap(recordsOf),
  lease: 300,
};

/** A server: the octets of its responses to a request. */
type Serve = (request: Message, octets: Uint8Array) => Iterable<Uint8Array>;

function farZone(
  serve: Serve,
  options: Partial<FarZoneOptions> = { key },
  at: { server: Endpoint | undefined } = { server: undefined },
): FarZone {
  async function* askAll(compose: Compose): AsyncGenerator<Uint8Array> {
    const octets = compose(0x1234);
    yield* serve(decode(octets), octets);
    throw new Error("no more came");
  }
  const connection = Object.assign(at, {
    askAll,
    ask: async (compose: Compose) => (await askAll(compose).next()).value!,
  });
  return new FarZone({ origin: ZONE, clock, connection, ...options });
}

/** A signed response. */
function signed(request: Uint8Array, response: Message, time = now): Uint8Array {
  const { mac } = splitTsig(request)!.tsig;
  return signTsig(encode(response), key, { now: time, priorMac: mac }).bytes;
}

/** The messages of a transfer; `isSigned` decides which are signed. */
function* transfer(
  query: Message,
  octets: Uint8Array,
  isSigned: (i: number, last: number) => boolean,
  sets = [soa!, ns!, ...hosts, soa!],
): Iterable<Uint8Array> {
  let priorMac = splitTsig(octets)!.tsig.mac;
  let unsigned: Uint8Array[] = [];
  for (const [i, set] of sets.entries()) {
    const message = encode(makeResponse(query, { answers: recordsOf(set) }));
    if (!isSigned(i, sets.length - 1)) {
      unsigned.push(message);
      yield message;
      continue;
    }
    const { bytes, mac } = signTsig(message, key, {
      ...{ now, priorMac, unsigned, isContinuation: i > 0 },
    });
    priorMac = mac;
    unsigned = [];
    yield bytes;
  }
}

suite("an update to a remote server", () => {
  test("is not sent in part if it is longer than a message may be", async () => {
    let isSent = false;
    const zone = farZone(() => {
      isSent = true;
      return [];
    });
    const texts = Array.from({ length: 3000 }, (_, i) => rdata.txt(`${i} of three thousand texts`));
    const set = { name: ZONE.child("x")!, type: Type.TXT, ttl: 10, rdatas: texts };
    await assert.rejects(
      zone.publish({ ...update, updates: recordsOf(set) }),
      /longer than a message may be/,
    );
    assert.ok(!isSent);
  });

  test("is a signed message of RFC 2136 with the requested lease", async () => {
    let asked: Message | undefined;
    const zone = farZone((request, octets) => {
      asked = request;
      const verdict = verifyTsig(splitTsig(octets)!, { find: () => key, now });
      assert.ok(verdict.isValid);
      return [signed(octets, makeResponse(request, {}))];
    });
    assert.equal(await zone.publish(update), Rcode.NOERROR);
    assert.equal(asked?.opcode, Opcode.UPDATE);
    const [{ name, type, class: klass } = {}, ...more] = asked?.questions ?? [];
    assert.deepEqual([`${name}`, type, klass, more], [`${ZONE}`, Type.SOA, Class.IN, []]);
    assert.equal(asked?.authorities.length, 20);
    assert.deepEqual(readLease(asked?.edns), { lease: 300 });
  });

  test("tells which lease was granted, or that none was", async () => {
    let edns: Message["edns"];
    let rcode: Rcode = Rcode.NOERROR;
    const zone = farZone((request, octets) => [
      signed(octets, makeResponse(request, { edns, rcode })),
    ]);
    await zone.publish(update);
    assert.equal(zone.lease, undefined);
    const options = [leaseOption({ lease: 60 })];
    edns = { udpSize: 1232, version: 0, dnssecOk: false, options };
    await zone.publish(update);
    assert.equal(zone.lease, 60);
    // A refusal grants nothing new; acceptance without a lease may come from another server.
    [edns, rcode] = [undefined, Rcode.REFUSED];
    await zone.publish(update);
    assert.equal(zone.lease, 60);
    rcode = Rcode.NOERROR;
    await zone.publish(update);
    assert.equal(zone.lease, undefined);
  });

  test("is refused if a signed answer says so", async () => {
    const zone = farZone((request, octets) => [
      signed(octets, makeResponse(request, { rcode: Rcode.REFUSED })),
    ]);
    assert.equal(await zone.publish(update), Rcode.REFUSED);
  });

  test("TSIG-13: has no answer if that is unsigned or wrongly signed", async () => {
    const answers: [string, Serve][] = [
      ["not signed", (request) => [encode(makeResponse(request, {}))]],
      ["not signed", (request) => [encode(makeResponse(request, { rcode: Rcode.REFUSED }))]],
      [
        "not signed correctly",
        (request) => [signTsig(encode(makeResponse(request, {})), key, { now }).bytes],
      ],
      [
        "not signed correctly",
        (request, octets) => {
          const other = { ...key, secret: Buffer.from("another") };
          const priorMac = splitTsig(octets)!.tsig.mac;
          return [signTsig(encode(makeResponse(request, {})), other, { now, priorMac }).bytes];
        },
      ],
      ["does not answer the request", (_, octets) => [octets]],
    ];
    for (const [reason, serve] of answers) {
      await assert.rejects(farZone(serve).publish(update), new RegExp(reason));
    }
  });

  test("TSIG-04, TSIG-05: reports what is wrong with the key", async () => {
    for (const [error, reason] of [
      [Rcode.BADKEY, /does not know the key, .*BADKEY.*paris/],
      [Rcode.BADSIG, /a different secret for the key .*paris/],
    ] as const) {
      const zone = farZone((request, octets) => {
        const response = encode(makeResponse(request, { rcode: Rcode.NOTAUTH }));
        return [refuseTsig(response, splitTsig(octets)!, error)];
      });
      await assert.rejects(zone.publish(update), reason);
    }
  });

  test("TSIG-06: reports by how much the clocks differ", async () => {
    const refusing = farZone((request, octets) => {
      const response = encode(makeResponse(request, { rcode: Rcode.NOTAUTH }));
      const { mac: priorMac, time, fudge } = splitTsig(octets)!.tsig;
      const error = Rcode.BADTIME;
      return [
        signTsig(response, key, { now: now - 900, priorMac, error, client: { time, fudge } }).bytes,
      ];
    });
    await assert.rejects(
      refusing.publish(update),
      /clock is 900 s ahead of the server's \(BADTIME\)/,
    );
    const overtaken = farZone((request, octets) => {
      const response = encode(makeResponse(request, { rcode: Rcode.NOTAUTH }));
      const { mac: priorMac, time, fudge } = splitTsig(octets)!.tsig;
      const error = Rcode.BADTIME;
      return [signTsig(response, key, { now, priorMac, error, client: { time, fudge } }).bytes];
    });
    await assert.rejects(overtaken.publish(update), /another update, signed later/);
    const careless = farZone((request, octets) => [
      signed(octets, makeResponse(request, {}), now + 600),
    ]);
    await assert.rejects(careless.publish(update), /clock is 600 s behind/);
  });

  test("needs no signature if there is no key", async () => {
    const zone = farZone((request) => [encode(makeResponse(request, {}))], { key: undefined });
    assert.equal(await zone.publish(update), Rcode.NOERROR);
  });
});

suite("the serial of a remote server", () => {
  const answering = (serials: readonly number[], at?: { server: Endpoint | undefined }) => {
    const left = [...serials];
    const serve: Serve = (request, octets) => {
      const [set] = apexRecords({ origin: ZONE, nameservers: [], serial: left.shift()! });
      return [signed(octets, makeResponse(request, { answers: recordsOf(set!) }))];
    };
    return farZone(serve, { key }, at);
  };

  test("shows that the server has gone back to an older zone, even if serials start over", async () => {
    const zone = answering([7, 7, 9, 8, 2 ** 32 - 1, 2, 1]);
    const said: boolean[] = [];
    for (let i = 0; i < 7; i++) said.push(await zone.isOlder());
    assert.deepEqual(said, [false, false, false, true, true, false, true]);
  });

  test("shows nothing if it comes from another server, which may have an older zone", async () => {
    const at = { server: { address: "192.0.2.1", port: 53 } };
    const zone = answering([7, 8, 9, 9, 10], at);
    const said: boolean[] = [];
    for (const address of ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2", "2001:db8::1"]) {
      at.server = { address, port: 53 };
      said.push(await zone.isOlder());
    }
    assert.deepEqual(said, [false, false, true, false, true]);
  });

  test("is known from what was read back", async () => {
    let isTransfer = true;
    const zone = farZone((request, octets) => {
      if (isTransfer) return transfer(request, octets, () => true);
      const [set] = apexRecords({ origin: ZONE, nameservers: [], serial: 0 });
      return [signed(octets, makeResponse(request, { answers: recordsOf(set!) }))];
    });
    await zone.readBack();
    isTransfer = false;
    assert.equal(await zone.isOlder(), true);
  });

  test("is not taken from an unsigned answer or one without a SOA", async () => {
    const unsigned = farZone((request) => [encode(makeResponse(request, {}))]);
    await assert.rejects(unsigned.isOlder());
    const silent = farZone((request, octets) => [
      signed(octets, makeResponse(request, { rcode: Rcode.REFUSED })),
    ]);
    assert.equal(await silent.isOlder(), false);
  });
});

suite("what is read back from a remote server", () => {
  const whole = lines([soa!, ns!, ...hosts]);
  const readBack = async (serve: Serve) => {
    const sets = await farZone(serve).readBack();
    return typeof sets === "number" ? sets : lines(sets);
  };

  test("TSIG-14: is a chain of signatures, which not every message need have", async () => {
    for (const isSigned of [
      () => true,
      (i: number, last: number) => i === 0 || i === last,
      (i: number, last: number) => i % 3 === 0 || i === last,
    ]) {
      assert.deepEqual(await readBack((query, octets) => transfer(query, octets, isSigned)), whole);
    }
  });

  test("TSIG-14: is nothing if the chain is broken", async () => {
    const ends = (i: number, last: number) => i === 0 || i === last;
    const broken: [RegExp, Serve][] = [
      [/not signed/, (query, octets) => transfer(query, octets, (i) => i > 0)],
      [/not signed/, (query, octets) => transfer(query, octets, (i) => i === 0)],
      [
        /not signed correctly/,
        (query, octets) => [...transfer(query, octets, ends)].toSpliced(5, 1),
      ],
      [
        /not signed correctly/,
        (query, octets) => {
          const messages = [...transfer(query, octets, () => true)];
          return messages.toSpliced(5, 2, messages[6]!, messages[5]!);
        },
      ],
      [/no more came/, (query, octets) => [...transfer(query, octets, ends)].slice(0, 10)],
    ];
    for (const [reason, serve] of broken) await assert.rejects(readBack(serve), reason);
    const many = parseMasterFile(
      Array.from({ length: 120 }, (_, i) => `h${i} 10 A 10.0.0.${i}`).join("\n"),
      { origin: ZONE, isPartial: true },
    );
    const sets = [soa!, ns!, ...many, soa!];
    const readMany = (every: number) =>
      readBack((query, octets) =>
        transfer(query, octets, (i, last) => i % every === 0 || i === last, sets),
      );
    // Every hundredth message must be signed.
    assert.deepEqual(await readMany(100), lines(sets.slice(0, -1)));
    await assert.rejects(readMany(101), /not signed/);
  });

  test("is a response code if the server refuses", async () => {
    const rcode = Rcode.REFUSED;
    assert.equal(
      await readBack((query, octets) => [signed(octets, makeResponse(query, { rcode }))]),
      rcode,
    );
  });

  test("has only records of that zone", async () => {
    const elsewhere = { ...hosts[0]!, name: Name.parse("host.elsewhere.") };
    const sets = [soa!, elsewhere, ns!, ...hosts, soa!];
    const read = await readBack((query, octets) => transfer(query, octets, () => true, sets));
    assert.deepEqual(read, whole);
  });

  test("is an error if it does not end", async () => {
    function* endless(): Generator<RecordSet> {
      yield soa!;
      for (;;) yield* hosts;
    }
    const zone = farZone(
      function* (query) {
        for (const set of endless()) yield encode(makeResponse(query, { answers: recordsOf(set) }));
      },
      { key: undefined, capacity: 1000 },
    );
    await assert.rejects(zone.readBack(), {
      name: "PublishError",
      message: /more than 1000 records/,
    });
  });

  test("is an error if it is not a transfer", async () => {
    const other = { ...soa!, name: Name.parse("elsewhere.") };
    for (const sets of [[], [ns!, soa!], [other, ns!, other]]) {
      await assert.rejects(
        readBack((query, octets) => [
          signed(octets, makeResponse(query, { answers: sets.flatMap(recordsOf) })),
        ]),
        /not a zone transfer/,
      );
    }
  });
});
