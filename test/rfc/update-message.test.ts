/** Dynamic update on the wire: the envelope (RFC 2136 §3.1, §3.8), who may (RFC 3007), leases (RFC 9664). */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Class, Opcode, OptionCode, rcodeName, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { Rdata, rdata } from "../../src/dns/rdata.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import type { TsigKey } from "../../src/dns/tsig.ts";
import { Complaints } from "../../src/dnsserver/complaints.ts";
import { updateHandler } from "../../src/dnsserver/update.ts";
import type { Request } from "../../src/net/server/handler.ts";
import type { Update } from "../../src/zone/update/update.ts";
import {
  makeServer,
  makeZone,
  name,
  opt,
  origin,
  question,
  zoneRecords,
} from "../dnsserver/fixture.ts";
import {
  adding,
  lyon,
  operator,
  paris,
  principalOf,
  secondary,
  stillServer,
} from "../dnsserver/secured.ts";
import { FakeClock } from "../support/clock.ts";
import { silentLog } from "../support/log.ts";
import { sign, verified } from "../support/tsig.ts";
import { waitFor } from "../support/wait.ts";

/** A server, and ways to send it signed updates. */
function setUp() {
  const server = stillServer();
  const ask = async (message: Message, key: TsigKey = operator, transport?: "udp" | "tcp") => {
    const { bytes, mac } = sign(message, key, server.now());
    return verified(await server.one(bytes, transport), key, { mac, now: server.now() });
  };
  const rcode = async (message: Message, key?: TsigKey) =>
    rcodeName((await ask(message, key)).rcode);
  const has = (owner: string, type: number = Type.A) =>
    server.zone.current.set(name(owner), type) !== undefined;
  return { ...server, askAll: server.ask, ask, rcode, has };
}

const record = (owner: string, type: number, data: Rdata): ResourceRecord => ({
  ...{ name: name(owner), type, class: Class.IN, ttl: 10 },
  rdata: data,
});

const updating = (...authorities: ResourceRecord[]): Message =>
  adding("unused", undefined, { authorities });

suite("the log of refused updates", () => {
  test("has who, from where, of which zone and name, and why, once a minute each", async () => {
    const lines: object[] = [];
    const warn = (fields: object, fact: string) => lines.push({ ...fields, fact });
    const server = stillServer({ log: { ...silentLog, warn } });
    const signed = (message: Message, key: TsigKey) =>
      server.one(sign(message, key, server.now()).bytes);
    const elsewhere = adding("new", undefined, {
      questions: [{ name: name("sub"), type: Type.SOA, class: Class.IN }],
    });
    const { authorities: updates } = adding("printer.paris", "10.1.0.10");
    const update = { zone: origin, prerequisites: [], updates, lease: 60 };
    await server.zone.apply(update, principalOf("paris")!);
    for (let i = 0; i < 3; i++) {
      await server.one(encode(adding("new")));
      await signed(adding("printer.paris", "10.1.0.66"), operator);
      await signed(adding(`pc${i}.lyon`), paris);
      await signed(adding(`new${i}`), secondary);
      await signed(elsewhere, lyon);
    }
    const shared = { from: "192.0.2.99", refused: 1 };
    const fact = (reason: string) => `an update was refused: ${reason}`;
    assert.deepEqual(lines, [
      { ...shared, zone: `${origin}`, key: undefined, fact: fact("it is not signed") },
      {
        ...{ ...shared, zone: `${origin}`, key: "operator" },
        fact: fact("it would change what others hold"),
      },
      {
        ...{ ...shared, zone: `${origin}`, key: "paris", name: `${name("pc0.lyon")}` },
        fact: fact("its key may not make this change"),
      },
      {
        ...{ ...shared, zone: `${origin}`, key: "secondary" },
        fact: fact("its key may write nothing in the zone"),
      },
      {
        ...{ ...shared, zone: `${name("sub")}`, key: "lyon" },
        fact: fact("no zone of that name takes updates here"),
      },
    ]);
  });
});

suite("the envelope", () => {
  test("UPD-14: a removal with a TTL is FORMERR, even with the top bit set", async () => {
    const { rcode } = setUp();
    for (const ttl of [1, 2 ** 31, 2 ** 32 - 1]) {
      const set = { ...record("pc", Type.A, new Rdata(Type.A, [])), class: Class.ANY, ttl };
      const one = { ...record("pc", Type.A, rdata.a("10.0.0.1")), class: Class.NONE, ttl };
      for (const removal of [set, one]) {
        assert.equal(await rcode(updating(removal)), "FORMERR", `${ttl}`);
      }
    }
  });

  test("UPD-01: an update is NOTIMP where no zone can be updated", () => {
    const response = makeServer().ask(adding("new"));
    assert.equal(rcodeName(response.rcode), "NOTIMP");
    assert.equal(response.opcode, Opcode.UPDATE);
  });

  test("UPD-02: no zone, two zones, or another type than SOA is FORMERR", async () => {
    const { rcode, has } = setUp();
    const zone = { name: origin, type: Type.SOA, class: Class.IN };
    for (const questions of [
      [],
      [zone, zone],
      [{ ...zone, type: Type.A }],
      [{ ...zone, type: Type.ANY }],
    ]) {
      assert.equal(await rcode(adding("new", undefined, { questions })), "FORMERR");
    }
    assert.equal(has("new"), false);
  });

  test("UPD-03: a zone that is not served, above, beneath or of another class, is NOTAUTH", async () => {
    const { rcode, has } = setUp();
    const zone = { name: origin, type: Type.SOA, class: Class.IN };
    for (const other of [
      { ...zone, name: Name.parse("other.test.") },
      { ...zone, name: origin.parent! },
      { ...zone, name: name("paris") },
      { ...zone, class: Class.CH },
      { ...zone, class: Class.ANY },
      { ...zone, class: Class.NONE },
    ]) {
      assert.equal(await rcode(adding("new", undefined, { questions: [other] })), "NOTAUTH");
    }
    assert.equal(has("new"), false);
    const shouted = { ...zone, name: Name.parse("BONJOUR.Example.") };
    assert.equal(await rcode(adding("new", undefined, { questions: [shouted] })), "NOERROR");
  });

  test("UPD-12: with a bad record last, nothing before it is applied", async () => {
    const { rcode, has } = setUp();
    const good = adding("new").authorities[0]!;
    const bad: readonly [ResourceRecord, string][] = [
      [{ ...good, class: Class.CH }, "FORMERR"],
      [{ ...good, name: Name.parse("www.example.org.") }, "NOTZONE"],
      [{ ...good, class: Class.ANY, ttl: 0 }, "FORMERR"],
      [{ ...good, class: Class.NONE, ttl: 10 }, "FORMERR"],
    ];
    for (const [last, expected] of bad) {
      assert.equal(await rcode(updating(good, last)), expected);
      assert.equal(has("new"), false);
    }
  });

  test("UPD-28: the response has the id, the opcode and the zone of its request, and no records", async () => {
    const { ask, one } = setUp();
    for (const message of [
      adding("new", undefined, {
        id: 0xbeef,
        additionals: [record("x", Type.A, rdata.a("10.0.0.1"))],
      }),
      adding("new", undefined, { id: 0xbeef, questions: [] }),
      adding("www.example.org.", undefined, { id: 0xbeef }),
    ]) {
      const response = await ask(message);
      assert.equal(response.id, 0xbeef);
      assert.equal(response.opcode, Opcode.UPDATE);
      assert.equal(response.isResponse, true);
      assert.deepEqual(
        response.questions.map((each) => each.name.key),
        message.questions.map((each) => each.name.key),
      );
      assert.deepEqual([response.answers, response.authorities], [[], []]);
      // Only its TSIG.
      assert.equal(response.additionals.length, 1);
      assert.deepEqual([response.isAuthoritative, response.isTruncated], [false, false]);
      // So has the refusal of an unsigned one.
      const refusal = decode(await one(encode(message)));
      assert.deepEqual(
        [refusal.id, refusal.opcode, refusal.isResponse],
        [0xbeef, Opcode.UPDATE, true],
      );
      assert.deepEqual([refusal.answers, refusal.authorities, refusal.additionals], [[], [], []]);
    }
  });

  test("UPD-29: it is applied by UDP and by TCP", async () => {
    const { ask, has } = setUp();
    assert.equal((await ask(adding("one"), operator, "udp")).rcode, 0);
    assert.equal((await ask(adding("two"), operator, "tcp")).rcode, 0);
    assert.ok(has("one") && has("two"));
  });

  test("UPD-33: a record of an unknown type is data", async () => {
    const { rcode, zone } = setUp();
    const data = rdata.opaque(65280, Buffer.from("abcd", "hex"));
    assert.equal(await rcode(updating(record("new", 65280, data))), "NOERROR");
    assert.equal(zone.current.set(name("new"), 65280)?.rdatas[0]?.key, data.key);
  });

  test("UPD-36: a record added beneath a delegation is hidden from queries, but transferred", async () => {
    const { rcode, one, ask, askAll, now } = setUp();
    const cut = record("branch", Type.NS, rdata.ns(Name.parse("ns.example.org.")));
    const beneath = record("host.branch", Type.TXT, rdata.txt("hidden"));
    assert.equal(await rcode(updating(cut)), "NOERROR");
    assert.equal(await rcode(updating(beneath)), "NOERROR");
    const asked = decode(await one(encode(question("host.branch", Type.TXT))));
    assert.deepEqual([asked.answers.length, asked.isAuthoritative], [0, false]);
    const { bytes } = sign(question("@", Type.AXFR), secondary, now());
    const messages = await askAll(bytes, "tcp");
    const transferred = messages.flatMap((octets) => decode(octets).answers);
    assert.ok(transferred.some((each) => each.name.equals(beneath.name)));
    // A signed query does not get it either.
    assert.deepEqual((await ask(question("host.branch", Type.TXT))).answers, []);
  });
});

suite("permission", () => {
  test("UPD-34: an unsigned update is REFUSED, whatever its prerequisites", async () => {
    const { one, has } = setUp();
    const isThere = {
      ...record("printer.paris", Type.A, new Rdata(Type.A, [])),
      class: Class.NONE,
    };
    for (const message of [
      adding("new"),
      adding("new", undefined, { answers: [{ ...isThere, ttl: 0 }] }),
      updating(),
    ]) {
      const response = decode(await one(encode(message)));
      assert.equal(rcodeName(response.rcode), "REFUSED");
    }
    assert.equal(has("new"), false);
  });

  test("UPD-35, SEC-16: the key of Paris writes beneath Paris and nowhere else", async () => {
    const { rcode, has } = setUp();
    assert.equal(await rcode(adding("new.paris"), paris), "NOERROR");
    assert.equal(await rcode(adding("new.lyon"), paris), "REFUSED");
    assert.equal(await rcode(adding("new"), paris), "REFUSED");
    assert.equal(await rcode(adding("new.lyon"), lyon), "NOERROR");
    assert.ok(has("new.paris") && has("new.lyon") && !has("new"));
    const remove = {
      ...record("new.lyon", Type.A, rdata.a("10.9.9.9")),
      class: Class.NONE,
      ttl: 0,
    };
    assert.equal(await rcode(updating(remove), paris), "REFUSED");
    assert.ok(has("new.lyon"));
  });

  test("UPD-35, SEC-16: in the merged view it writes the PTRs that lead into Paris", async () => {
    const { rcode, has } = setUp();
    const merged = (site: string) =>
      record("_ipp._tcp", Type.PTR, rdata.ptr(name(`Printer._ipp._tcp.${site}`)));
    assert.equal(await rcode(updating(merged("paris")), paris), "NOERROR");
    assert.equal(await rcode(updating(merged("lyon")), paris), "REFUSED");
    assert.equal(await rcode(updating(merged("lyon")), lyon), "NOERROR");
    // Nor may it remove those of others, one by one or all at once.
    const one = { ...merged("lyon"), class: Class.NONE, ttl: 0 };
    const all = { ...one, class: Class.ANY, rdata: new Rdata(Type.PTR, []) };
    for (const removal of [one, all]) {
      assert.equal(await rcode(updating(removal), paris), "REFUSED");
    }
    assert.ok(has("_ipp._tcp", Type.PTR));
  });

  test("UPD-11: permission is checked after the prerequisites", async () => {
    const { rcode } = setUp();
    const missing = {
      ...record("nobody", Type.A, new Rdata(Type.A, [])),
      class: Class.ANY,
      ttl: 0,
    };
    const message = adding("new.lyon", undefined, { answers: [missing] });
    assert.equal(await rcode(message, paris), "NXRRSET");
  });
});

suite("leases", () => {
  const lease = (...seconds: number[]) => {
    const data = Buffer.alloc(seconds.length * 4);
    for (const [i, each] of seconds.entries()) data.writeUInt32BE(each, i * 4);
    return data;
  };
  const asking = (data: Uint8Array, fields: Partial<Message> = {}) =>
    adding("new", undefined, {
      edns: opt({ options: [{ code: OptionCode.UPDATE_LEASE, data }] }),
      ...fields,
    });
  const granted = (response: Message) => {
    const option = response.edns?.options.find(({ code }) => code === OptionCode.UPDATE_LEASE);
    return option && Buffer.from(option.data).toString("hex");
  };

  test("LEASE-01: an option of neither four nor eight octets is FORMERR", async () => {
    const { ask, has } = setUp();
    for (const length of [0, 1, 3, 5, 7, 9, 12]) {
      const response = await ask(asking(Buffer.alloc(length)));
      assert.equal(rcodeName(response.rcode), "FORMERR", `${length} octets`);
      assert.equal(granted(response), undefined);
    }
    assert.equal(has("new"), false);
  });

  test("LEASE-01: the option has the number 2, in the request and in the response", async () => {
    const { one, now } = setUp();
    const option = Buffer.from("000200040000012c", "hex");
    const { bytes } = sign(asking(lease(300)), operator, now());
    assert.ok(bytes.includes(option));
    assert.ok((await one(bytes)).includes(option));
  });

  test("LEASE-01, LEASE-02, LEASE-07, LEASE-08: a granted lease is returned in the form of the request", async () => {
    const { ask } = setUp();
    const day = 86_400;
    const cases: readonly [number[], number[]][] = [
      [[300], [300]],
      [
        [300, 7200],
        [300, 7200],
      ],
      [[0], [30]],
      [[29], [30]],
      [
        [1, 2],
        [30, 30],
      ],
      [[2 ** 31], [day]],
      [[2 ** 32 - 1], [day]],
      [
        [2 ** 31, 2 ** 31],
        [day, 7 * day],
      ],
    ];
    for (const [asked, given] of cases) {
      const response = await ask(asking(lease(...asked)));
      assert.equal(rcodeName(response.rcode), "NOERROR");
      assert.equal(granted(response), lease(...given).toString("hex"));
    }
  });

  test("LEASE-02: no lease is granted if nothing was applied, or none was requested", async () => {
    const { ask } = setUp();
    const failed = await ask(
      asking(lease(300), { authorities: [adding("www.test.").authorities[0]!] }),
    );
    assert.deepEqual([rcodeName(failed.rcode), granted(failed)], ["NOTZONE", undefined]);
    const permanent = await ask(adding("new", undefined, { edns: opt() }));
    assert.deepEqual([rcodeName(permanent.rcode), granted(permanent)], ["NOERROR", undefined]);
    assert.equal((await ask(adding("new"))).edns, undefined);
  });

  test("LEASE-03: the zone is given the lease that is granted", async () => {
    const told: Update[] = [];
    const zone = makeZone(zoneRecords(), new FakeClock());
    const handler = updateHandler({
      find: () => ({
        apply(update, by) {
          told.push(update);
          return zone.apply(update, by);
        },
      }),
      principalOf,
      complaints: new Complaints(new FakeClock(), silentLog),
    });
    for (const seconds of [[1], [300, 7200], [300, 2 ** 31]]) {
      const message = asking(lease(...seconds));
      const source = { address: "192.0.2.99", port: 5 };
      const responses = handler({ message, key: "operator", source } as Request);
      for await (const response of await responses) assert.equal(response.rcode, 0);
    }
    assert.deepEqual(
      told.map((each) => [each.lease, "keyLease" in each ? each.keyLease : undefined]),
      [
        [30, undefined],
        [300, 7200],
        [300, 7 * 86_400],
      ],
    );
  });

  test("LEASE-04: a leased record ends with its lease", async () => {
    const { ask, has, clock } = setUp();
    await ask(asking(lease(30)));
    clock.advance(29_000);
    assert.ok(has("new"));
    clock.advance(2000);
    await waitFor("the end of the lease", () => !has("new"));
  });
});
