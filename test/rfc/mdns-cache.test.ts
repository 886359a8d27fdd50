/** What a link's cache learns, keeps and drops: RFC 6762 §6.1, §7.1, §8, §10, §16, §18. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { LinkCache } from "../../src/collector/link/cache.ts";
import { Class, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, makeMessage } from "../../src/dns/message.ts";
import { Rdata, rdata } from "../../src/dns/rdata.ts";
import { formatRdata } from "../../src/dns/text.ts";
import {
  cacheOf,
  from,
  held,
  local,
  pass,
  query,
  records,
  response,
  service,
  TOP,
} from "../collector/fixture.ts";

suite("what is learnt", () => {
  test("MDNS-14: nothing from the answer section of a query", () => {
    const cache = cacheOf();
    cache.receive(query("_ipp._tcp PTR", "_ipp._tcp PTR bogus._ipp._tcp"), from(), 0);
    assert.equal(cache.size, 0);
  });

  test("nothing about names that are not the link's to define (RFC 6762 §3, §4)", () => {
    const cache = cacheOf("www.example.org. A 10.0.0.1\nlocal.example. A 10.0.0.1\n@ NS h");
    assert.equal(cache.size, 1);
    assert.equal(cacheOf("1.0.0.10.in-addr.arpa. PTR h\nh A 10.0.0.1").size, 2);
  });

  test("MDNS-15: nothing from the authority section of a query", () => {
    const cache = cacheOf();
    const probe = query("x._ipp._tcp SRV", "", { authorities: records("x._ipp._tcp SRV 0 0 1 h") });
    cache.receive(probe, from(), 0);
    assert.equal(cache.size, 0);
  });

  test("MDNS-32: the question section of a response is ignored", () => {
    const cache = cacheOf("h A 10.0.0.1");
    for (const now of [2000, 4000]) {
      const questions = query("h A").questions;
      cache.receive(makeMessage({ isResponse: true, questions }), from("10.0.0.8"), now);
    }
    pass(cache, 60_000);
    assert.deepEqual(held(cache, "h", "A"), ["10.0.0.1"]);
  });

  test("MDNS-33: answers and additional records of any response, asked for or not", () => {
    const cache = cacheOf();
    cache.receive(
      response("_ipp._tcp PTR a._ipp._tcp", { additionals: records("a._ipp._tcp SRV 0 0 1 h") }),
      from(),
      0,
    );
    assert.deepEqual(held(cache, "_ipp._tcp", "PTR"), ["a._ipp._tcp.local."]);
    assert.deepEqual(held(cache, "a._ipp._tcp", "SRV"), ["0 0 1 h.local."]);
  });

  test("MDNS-34: the class is the low 15 bits, and only IN is kept", () => {
    const cache = cacheOf("!h A 10.0.0.1");
    assert.deepEqual(held(cache, "h", "A"), ["10.0.0.1"]);
    cache.receive(response("h A 10.0.0.1"), from(), 0);
    for (const other of [Class.CH, Class.CH | TOP, Class.IN | 0x4000]) {
      const answers = records("h A 10.0.0.2").map((record) => ({ ...record, class: other }));
      cache.receive(makeMessage({ isResponse: true, answers }), from(), 0);
    }
    assert.deepEqual(held(cache, "h", "A"), ["10.0.0.1"]);
  });

  test("MDNS-35: the class field of OPT is no class, and the other records are kept", () => {
    const edns = { udpSize: 0x8000, version: 0, dnssecOk: false, options: [] };
    const bytes = encode(response("h A 10.0.0.1", { edns }), { compression: "multicast" });
    const cache = cacheOf();
    cache.receive(decode(bytes, { isLenient: true }), from(), 0);
    assert.deepEqual(held(cache, "h", "A"), ["10.0.0.1"]);
    assert.equal(cache.size, 1);
  });

  test("MDNS-35: no OPT data, and no other type that has a meaning in messages only", () => {
    const cache = cacheOf();
    const answers = [Type.OPT, Type.AXFR, Type.ANY].map((type) => {
      const data = new Rdata(type, [Buffer.of(0)]);
      return { name: local("h"), type, class: Class.IN, ttl: 120, rdata: data };
    });
    cache.receive(makeMessage({ isResponse: true, answers }), from(), 0);
    assert.equal(cache.size, 0);
  });

  test("MDNS-51: all but the broken NSEC of a message", () => {
    const broken = new Rdata(Type.NSEC, [local("h"), Buffer.from([0, 40, 1])]);
    const nsec = {
      name: local("h"),
      type: Type.NSEC,
      class: Class.IN | TOP,
      ttl: 120,
      rdata: broken,
    };
    const bytes = encode(
      makeMessage({ isResponse: true, answers: [nsec, ...records("_ipp._tcp PTR a._ipp._tcp")] }),
    );
    const cache = cacheOf();
    cache.receive(decode(bytes, { isLenient: true }), from(), 0);
    assert.deepEqual(held(cache, "_ipp._tcp", "PTR"), ["a._ipp._tcp.local."]);
    assert.equal(cache.isDenied(local("h").key, Type.AAAA, [4]), false);
  });

  test("MDNS-53: names are compared regardless of ASCII case, and of no other", () => {
    const cache = cacheOf("PRINTER A 10.0.0.1");
    cache.receive(response("printer A 10.0.0.1"), from(), 0);
    assert.equal(cache.size, 1);
    // Octets that differ as ASCII letters do: "Ü" and "ü" in UTF-8 and in Latin-1, "[" and "{".
    const others = ["\\195\\156", "\\195\\188", "X\\220", "X\\252", "\\091", "\\123"];
    for (const label of others) {
      const text = `_ipp._tcp PTR ${label}._ipp._tcp\n${label} A 10.0.0.1`;
      cache.receive(response(text), from(), 0);
    }
    assert.equal(held(cache, "_ipp._tcp", "PTR").length, 6);
    assert.equal([...cache.ofType(Type.A)].length, 7);
  });

  test("MDNS-54: names are kept octet for octet, byte order mark and combining marks included", () => {
    const label = "\\239\\187\\191xn--Bcher-kva-e\\204\\129";
    const cache = cacheOf(`_ipp._tcp PTR ${label}._ipp._tcp`);
    assert.deepEqual(held(cache, "_ipp._tcp", "PTR"), [`${label}._ipp._tcp.local.`]);
  });

  test("MDNS-55: a compressed SRV target is read as the name it stands for", () => {
    const bytes = encode(response("!a._ipp._tcp SRV 0 0 631 printer\nprinter A 10.0.0.1"), {
      compression: "multicast",
    });
    assert.equal(bytes.indexOf("printer"), bytes.lastIndexOf("printer"), "it is compressed");
    const cache = cacheOf();
    cache.receive(decode(bytes, { isLenient: true }), from(), 0);
    assert.deepEqual(held(cache, "a._ipp._tcp", "SRV"), ["0 0 631 printer.local."]);
  });
});

suite("an owner's unicast answer", () => {
  test("renews a record for its original lifetime, whatever TTL it has, and adds nothing", () => {
    const cache = cacheOf("!h A 10.0.0.2");
    pass(cache, 100_000);
    cache.confirm(response("h 10 A 10.0.0.2\nh 10 AAAA 2001:db8::2"), 100_000);
    pass(cache, 219_000);
    assert.deepEqual(held(cache, "h", "A"), ["10.0.0.2"]);
    assert.equal(cache.size, 1);
    pass(cache, 220_000);
    assert.deepEqual(held(cache, "h", "A"), []);
  });

  test("does not renew a set of which it has more than was heard, so that all are asked", () => {
    const cache = cacheOf("!h A 10.0.0.2\n!h TXT same");
    pass(cache, 100_000);
    cache.confirm(response("h 10 A 10.0.0.2\nh 10 A 10.0.0.3\nh 10 TXT same"), 100_000);
    pass(cache, 119_000);
    assert.deepEqual(held(cache, "h", "A"), ["10.0.0.2"]);
    pass(cache, 120_000);
    assert.deepEqual(held(cache, "h", "A"), []);
    assert.equal(cache.size, 1);
  });

  test("is no goodbye if its TTL is 0, and renews nothing", () => {
    const cache = cacheOf("!h A 10.0.0.2");
    cache.confirm(response("h 0 A 10.0.0.2"), 100_000);
    pass(cache, 119_999);
    assert.equal(cache.size, 1);
    pass(cache, 120_000);
    assert.equal(cache.size, 0);
  });

  test("MDNS-14: renews nothing if it is a query, whatever known answers it lists", () => {
    const cache = cacheOf("!h A 10.0.0.2");
    pass(cache, 100_000);
    cache.confirm(query("h A", "h 120 A 10.0.0.2"), 100_000);
    pass(cache, 120_000);
    assert.equal(cache.size, 0);
  });

  test("does not rescue a record after its goodbye", () => {
    const cache = cacheOf("!h A 10.0.0.2");
    cache.receive(response("h 0 A 10.0.0.2"), from(), 5000);
    cache.confirm(response("h 10 A 10.0.0.2"), 5500);
    pass(cache, 6000);
    assert.deepEqual(held(cache, "h", "A"), []);
  });
});

suite("the cache-flush bit", () => {
  test("MDNS-36: records heard more than a second ago expire in a second", () => {
    for (const now of [1001, 10_000]) {
      const cache = cacheOf("!h A 192.0.2.1");
      cache.receive(response("!h A 192.0.2.2"), from(), now);
      pass(cache, now + 999);
      assert.deepEqual(held(cache, "h", "A"), ["192.0.2.1", "192.0.2.2"]);
      pass(cache, now + 1000);
      assert.deepEqual(held(cache, "h", "A"), ["192.0.2.2"]);
    }
  });

  test("MDNS-36: the PTR of an address is unique, not a list: the old one is flushed", () => {
    const cache = cacheOf("!1.2.0.192.in-addr.arpa. PTR h");
    cache.receive(response("!1.2.0.192.in-addr.arpa. PTR i"), from(), 10_000);
    pass(cache, 11_000);
    assert.deepEqual(held(cache, "1.2.0.192.in-addr.arpa.", "PTR"), ["i.local."]);
  });

  test("MDNS-36: other types, and records without the bit, flush nothing", () => {
    const cache = cacheOf("h A 192.0.2.1");
    cache.receive(response("!h AAAA fd00::1\nh A 192.0.2.2"), from(), 10_000);
    pass(cache, 15_000);
    assert.deepEqual(held(cache, "h", "A"), ["192.0.2.1", "192.0.2.2"]);
  });

  test("MDNS-37: records heard within the last second stay", () => {
    const cache = cacheOf();
    cache.receive(response("!h A 192.0.2.1"), from(), 10_000);
    cache.receive(response("!h A 192.0.2.2"), from(), 10_300);
    cache.receive(response("!h A 192.0.2.3"), from(), 11_000);
    pass(cache, 20_000);
    assert.equal(held(cache, "h", "A").length, 3);
  });

  test("MDNS-36: a flushed record that is heard again in its last second stays", () => {
    const cache = cacheOf("!h A 192.0.2.1");
    cache.receive(response("!h A 192.0.2.2"), from(), 10_000);
    cache.receive(response("!h A 192.0.2.1"), from(), 10_600);
    pass(cache, 20_000);
    assert.deepEqual(held(cache, "h", "A"), ["192.0.2.1", "192.0.2.2"]);
  });
});

suite("superseded records", () => {
  const superseded = (cache: LinkCache, type: number = Type.TXT) =>
    [...cache.set(local("x").key, type)!.records.values()]
      .filter(({ isSuperseded }) => isSuperseded)
      .map(({ rdata }) => formatRdata(rdata));
  const ONE = '!x TXT "one"';
  const TWO = '!x TXT "two"';

  test("MDNS-36: a record is superseded as soon as its host says something else", () => {
    const cache = cacheOf(ONE);
    cache.receive(response(TWO), from(), 10_000);
    assert.deepEqual(superseded(cache), ['"one"']);
  });

  test("MDNS-36: a record is no longer superseded once heard again, and the revision changes", () => {
    const cache = cacheOf(ONE);
    cache.receive(response(TWO), from(), 10_000);
    const { revision } = cache;
    cache.receive(response(TWO), from(), 10_010);
    assert.equal(cache.revision, revision, "the same again is no news");
    cache.receive(response(ONE), from(), 10_020);
    assert.deepEqual(superseded(cache), ['"two"']);
    assert.ok(cache.revision > revision);
  });

  test("MDNS-36: TXT and SRV are superseded by a later message, even if both are heard at once", () => {
    // As by a process that was suspended for some seconds.
    const cache = cacheOf();
    for (const text of [ONE, TWO, '!x TXT "three"']) cache.receive(response(text), from(), 10_000);
    assert.deepEqual(superseded(cache), ['"one"', '"two"']);
    cache.receive(response("!x SRV 0 0 1 h"), from(), 10_000);
    cache.receive(response("!x SRV 0 0 2 h"), from("10.0.0.8"), 10_000);
    assert.deepEqual(superseded(cache, Type.SRV), [], "another host's it may say again");
  });

  test("MDNS-37: a burst supersedes nothing of its own, and nothing is flushed within a second", () => {
    const cache = cacheOf();
    cache.receive(response("!x A 192.0.2.1"), from(), 10_000);
    cache.receive(response("!x A 192.0.2.2"), from(), 10_100);
    assert.deepEqual(superseded(cache, Type.A), []);
    const { revision } = cache;
    cache.receive(response("!x A 192.0.2.2"), from(), 10_600);
    assert.deepEqual(superseded(cache, Type.A), ["192.0.2.1"]);
    assert.ok(cache.revision > revision);
    pass(cache, 20_000);
    assert.deepEqual(held(cache, "x", "A"), ["192.0.2.1", "192.0.2.2"]);
  });

  test("MDNS-36: another host's record is not superseded, as that host may repeat it", () => {
    const cache = cacheOf(ONE);
    cache.receive(response(TWO), from("10.0.0.8"), 10_000);
    assert.deepEqual(superseded(cache), []);
  });

  test("MDNS-36: a record is superseded whichever family its host said it by", () => {
    const cache = cacheOf(ONE);
    cache.receive(response(ONE), from("fe80::9", 6), 5);
    cache.receive(response(TWO), from(), 10_000);
    assert.deepEqual(superseded(cache), ['"one"']);
  });
});

suite("MDNS-68: two hosts that fight over a name", () => {
  const A = "10.0.0.2";
  const B = "10.0.0.3";
  const fight = (seconds: number, every = 5) => {
    const disputes: string[] = [];
    const cache = new LinkCache({
      random: () => 0.5,
      disputed: ({ name }, source) => disputes.push(`${name} ${source}`),
    });
    let changes = 0;
    for (let second = 0; second < seconds; second++) {
      const before = cache.revision;
      const address = (second / every) % 2 === 0 ? A : B;
      if (second % every === 0)
        cache.receive(response(`!h A ${address}`), from(address), second * 1000);
      pass(cache, second * 1000 + 999);
      changes += cache.revision - before;
    }
    return { cache, disputes, changes };
  };

  test("both are kept, nothing changes any more, and the dispute is reported once", () => {
    const short = fight(60);
    assert.deepEqual(held(short.cache, "h", "A").sort(), [A, B]);
    assert.deepEqual(short.disputes, [`h.local. ${B}`]);
    const long = fight(3600);
    assert.equal(long.changes, short.changes);
    assert.deepEqual(long.disputes, short.disputes);
  });

  test("the dispute begins at the second return of a superseded record, however slowly they speak", () => {
    for (const every of [5, 48]) {
      assert.deepEqual(fight(3 * every, every).disputes, []);
      assert.equal(fight(5 * every, every).disputes.length, 1);
      assert.equal(fight(60 * every, every).changes, fight(10 * every, every).changes);
    }
  });

  test("a host that gives up is forgotten once its records expire", () => {
    const { cache } = fight(60);
    for (let second = 60; second < 400; second += 60) {
      cache.receive(response(`!h A ${A}`), from(A), second * 1000);
      pass(cache, second * 1000 + 59_999);
    }
    assert.deepEqual(held(cache, "h", "A"), [A]);
  });

  test("one host that keeps changing its mind is believed each time, by either family", () => {
    const disputes: unknown[] = [];
    const cache = new LinkCache({ random: () => 0.5, disputed: (set) => disputes.push(set) });
    for (let i = 0; i < 40; i++) {
      const text = `!u TXT "status=${i % 2}"`;
      cache.receive(response(text), from(A), i * 5000);
      cache.receive(response(text), from("fe80::2", 6), i * 5000 + 1);
      pass(cache, i * 5000 + 4000);
      assert.deepEqual(held(cache, "u", "TXT"), [`"status=${i % 2}"`]);
    }
    assert.deepEqual(disputes, []);
  });

  test("two that use a name in turns, minutes apart, do not fight over it", () => {
    const disputes: unknown[] = [];
    const cache = new LinkCache({ random: () => 0.5, disputed: (set) => disputes.push(set) });
    for (let i = 0; i < 8; i++) {
      const address = i % 2 === 0 ? A : B;
      cache.receive(response(`!h 4500 A ${address}`), from(address), i * 200_000);
      pass(cache, i * 200_000 + 5000);
      assert.deepEqual(held(cache, "h", "A"), [address]);
    }
    assert.deepEqual(disputes, []);
  });

  test("a host that moves from one address to the next is not mistaken for many", () => {
    const disputes: unknown[] = [];
    const cache = new LinkCache({ random: () => 0.5, disputed: (set) => disputes.push(set) });
    for (let i = 0; i < 8; i++) {
      const address = `10.0.0.${i}`;
      cache.receive(response(`!h A ${address}`), from(address), i * 10_000);
      pass(cache, i * 10_000 + 5000);
      assert.deepEqual(held(cache, "h", "A"), [address]);
    }
    assert.deepEqual(disputes, []);
  });

  test("a host that moves to another address and back is not mistaken for two", () => {
    const cache = cacheOf();
    for (const [i, address] of [A, B, A].entries()) {
      cache.receive(response(`!h A ${address}`), from(address), i * 10_000);
      pass(cache, i * 10_000 + 5000);
      assert.deepEqual(held(cache, "h", "A"), [address]);
    }
  });
});

suite("goodbyes", () => {
  test("MDNS-38: a goodbye takes effect in a second, though it is repeated", () => {
    const cache = cacheOf("h A 10.0.0.1");
    for (const now of [5000, 5400, 5900]) cache.receive(response("h 0 A 10.0.0.1"), from(), now);
    pass(cache, 5999);
    assert.equal(cache.size, 1);
    pass(cache, 6000);
    assert.equal(cache.size, 0);
  });

  test("MDNS-38: an announcement within that second rescues the record, and no change is seen", () => {
    const cache = cacheOf("h A 10.0.0.1");
    const before = cache.revision;
    cache.receive(response("h 0 A 10.0.0.1"), from(), 5000);
    cache.receive(response("h A 10.0.0.1"), from(), 5500);
    pass(cache, 60_000);
    assert.equal(cache.size, 1);
    assert.equal(cache.revision, before);
  });

  test("MDNS-38: a goodbye lengthens no life", () => {
    const cache = cacheOf("h 1 A 10.0.0.1");
    cache.receive(response("h 0 A 10.0.0.1"), from(), 500);
    pass(cache, 1000);
    assert.equal(cache.size, 0);
  });

  test("MDNS-38: a goodbye with the flush bit removes its own record alone", () => {
    const cache = cacheOf("h A 10.0.0.1\nh A 10.0.0.2");
    cache.receive(response("!h 0 A 10.0.0.1"), from(), 5000);
    pass(cache, 10_000);
    assert.deepEqual(held(cache, "h", "A"), ["10.0.0.2"]);
  });

  test("MDNS-39: a goodbye for a record not held adds nothing", () => {
    const cache = cacheOf();
    cache.receive(response("h 0 A 10.0.0.1"), from(), 5000);
    assert.equal(cache.size, 0);
    assert.equal(cache.revision, 0);
  });
});

suite("doubts", () => {
  test("MDNS-41: a doubted record expires after 10 s without an answer, whatever its TTL", () => {
    const cache = cacheOf("a._ipp._tcp 4500 SRV 0 0 1 h");
    cache.reconfirm(local("a._ipp._tcp").key, Type.SRV, 20_000);
    pass(cache, 29_999);
    assert.equal(cache.size, 1);
    pass(cache, 30_000);
    assert.equal(cache.size, 0);
  });

  test("MDNS-41: one entry of a list may be doubted, and the others stay", () => {
    const entry = (target: string) => `_ipp._tcp 4500 PTR ${target}._ipp._tcp`;
    const cache = cacheOf(`${entry("a")}\n${entry("b")}`);
    const { key } = rdata.ptr(local("a._ipp._tcp"));
    cache.reconfirm(local("_ipp._tcp").key, Type.PTR, 20_000, key);
    pass(cache, 30_000);
    assert.deepEqual(held(cache, "_ipp._tcp", "PTR"), ["b._ipp._tcp.local."]);
  });

  test("MDNS-41: an answer within the 10 s keeps the record", () => {
    const cache = cacheOf("a._ipp._tcp 4500 SRV 0 0 1 h");
    cache.reconfirm(local("a._ipp._tcp").key, Type.SRV, 20_000);
    cache.receive(response("a._ipp._tcp 4500 SRV 0 0 1 h"), from(), 25_000);
    pass(cache, 60_000);
    assert.equal(cache.size, 1);
  });

  const ptr = "_ipp._tcp 4500 PTR a._ipp._tcp";
  const stranger = from("10.0.0.77");

  test("MDNS-42: a record expires 10 s after the second query of others, if none is answered", () => {
    const cache = cacheOf(ptr);
    cache.receive(query("_ipp._tcp PTR"), stranger, 20_000);
    cache.receive(query("_ipp._tcp PTR"), stranger, 21_000);
    pass(cache, 30_999);
    assert.equal(cache.size, 1);
    pass(cache, 31_000);
    assert.equal(cache.size, 0);
  });

  test("MDNS-42: queries for every type, or of every class, count too", () => {
    const { questions } = query("_ipp._tcp PTR");
    const ofAnyClass = questions.map((each) => ({ ...each, class: Class.ANY }));
    for (const asked of [query("_ipp._tcp ANY"), makeMessage({ questions: ofAnyClass })]) {
      const cache = cacheOf(ptr);
      for (const now of [20_000, 21_000]) cache.receive(asked, stranger, now);
      pass(cache, 31_000);
      assert.equal(cache.size, 0);
    }
  });

  test("MDNS-42: a record stays after one query, or if an answer follows two", () => {
    const cache = cacheOf(`${ptr}\n_ipp._tcp 4500 PTR b._ipp._tcp`);
    cache.receive(query("_ipp._tcp PTR"), stranger, 20_000);
    cache.receive(query("_ipp._tcp PTR", "_ipp._tcp 4500 PTR b._ipp._tcp"), stranger, 21_000);
    cache.receive(response(ptr), from(), 21_100);
    cache.receive(query("_ipp._tcp PTR", "_ipp._tcp 4500 PTR b._ipp._tcp"), stranger, 25_000);
    pass(cache, 60_000);
    assert.equal(cache.size, 2);
  });

  test("MDNS-42: a query that is repeated at once, or by each family, counts once", () => {
    const cache = cacheOf(ptr);
    cache.receive(response(ptr), from("fe80::9", 6), 0);
    cache.receive(query("_ipp._tcp PTR"), stranger, 20_000);
    cache.receive(query("_ipp._tcp PTR"), stranger, 20_001);
    cache.receive(query("_ipp._tcp PTR"), from("fe80::77", 6), 20_002);
    pass(cache, 60_000);
    assert.equal(cache.size, 1);
  });

  for (const [what, heard] of [
    ["that lists the record", query("_ipp._tcp PTR", ptr)],
    ["that wants a unicast response", query("_ipp._tcp PTR QU")],
    ["whose list goes on in another packet", query("_ipp._tcp PTR", "", { isTruncated: true })],
    ["for something else", query("_http._tcp PTR\n_ipp._tcp TXT")],
  ] as const) {
    test(`MDNS-44: a query ${what} raises no doubt`, () => {
      const cache = cacheOf(ptr);
      for (const now of [20_000, 22_000, 24_000]) cache.receive(heard, stranger, now);
      pass(cache, 60_000);
      assert.equal(cache.size, 1);
    });
  }

  test("MDNS-42: a query within a second of the record raises none, as its owner may not repeat it yet", () => {
    const cache = cacheOf(ptr);
    for (const now of [999, 5000]) cache.receive(query("_ipp._tcp PTR"), stranger, now);
    pass(cache, 60_000);
    assert.equal(cache.size, 1);
  });

  test("MDNS-42: a query counts, whatever else it asks, and whatever it lists of other names", () => {
    const cache = cacheOf("h 4500 A 10.0.0.1");
    for (const now of [20_000, 22_000]) {
      cache.receive(query("nobody ANY\nnobody A\nh A", "g A 10.0.0.1"), stranger, now);
    }
    pass(cache, 60_000);
    assert.equal(cache.size, 0);
  });

  test("MDNS-44: a query by a family that the owner no longer speaks raises none", () => {
    const cache = cacheOf();
    for (const [now, family] of [
      [0, 4],
      [5, 6],
      [10_000, 4],
    ] as const) {
      cache.receive(response(ptr), from("10.0.0.9", family), now);
    }
    for (const now of [20_000, 22_000]) {
      cache.receive(query("_ipp._tcp PTR"), from("fe80::77", 6), now);
    }
    pass(cache, 60_000);
    assert.equal(cache.size, 1);
  });
  test("MDNS-44: a query by a family on which the record was never heard raises none", () => {
    const cache = cacheOf(ptr);
    for (const now of [20_000, 22_000]) {
      cache.receive(query("_ipp._tcp PTR"), from("fe80::77", 6), now);
    }
    pass(cache, 60_000);
    assert.equal(cache.size, 1);
  });
});

suite("denials", () => {
  const key = local("h").key;

  test("MDNS-50: an NSEC with another next name than its owner denies all the same", () => {
    const cache = cacheOf("!h A 10.0.0.1\n!h NSEC other A");
    assert.equal(cache.isDenied(key, Type.AAAA, [4]), true);
    assert.equal(cache.isDenied(key, Type.A, [4]), false);
  });

  test("MDNS-52: the types that an NSEC denies are denied for its TTL, and no longer", () => {
    const cache = cacheOf("!h 60 NSEC h A");
    pass(cache, 59_000);
    assert.equal(cache.isDenied(key, Type.AAAA, [4]), true);
    pass(cache, 60_000);
    assert.equal(cache.isDenied(key, Type.AAAA, [4]), false);
  });

  test("MDNS-52: a type is not denied while there is a record of it", () => {
    const cache = cacheOf("!h A 10.0.0.1\n!h NSEC h AAAA");
    assert.equal(cache.isDenied(key, Type.A, [4]), false);
    assert.equal(cache.isDenied(key, Type.TXT, [4]), true);
  });

  test("MDNS-49: one family's denial leaves the other's records alone, and counts for itself", () => {
    const cache = cacheOf("!h A 10.0.0.1");
    cache.receive(response("!h NSEC h AAAA\n!h AAAA fd00::1"), from("fe80::9", 6), 5000);
    cache.receive(response("!h NSEC h A"), from(), 7000);
    pass(cache, 20_000);
    assert.deepEqual(held(cache, "h", "A"), ["10.0.0.1"]);
    assert.deepEqual(held(cache, "h", "AAAA"), ["fd00::1"]);
    assert.equal(held(cache, "h", "NSEC").length, 2);
    assert.equal(cache.isDenied(key, Type.TXT, [4, 6]), true);
    assert.equal(cache.isDenied(local("h4").key, Type.AAAA, [4, 6]), false);
  });

  test("MDNS-49: a denial that one family withdraws stays in force for the other", () => {
    const cache = cacheOf("!h NSEC h A");
    cache.receive(response("!h NSEC h A"), from("fe80::9", 6), 0);
    cache.receive(response("!h NSEC h A HINFO"), from(), 5000);
    pass(cache, 20_000);
    assert.equal(cache.isDenied(key, Type.HINFO, [4]), false);
    assert.equal(cache.isDenied(key, Type.HINFO, [6]), true);
  });

  test("MDNS-49: on a link with two families both have to deny", () => {
    const cache = cacheOf("!h NSEC h A");
    assert.equal(cache.isDenied(key, Type.AAAA, [4]), true);
    assert.equal(cache.isDenied(key, Type.AAAA, [4, 6]), false);
  });
});

suite("bounds", () => {
  /** Makes a share seven records. */
  const LIMIT = 4_000_000;
  const flood = (cache: LinkCache, count: number, source: (i: number) => string, ttl = 4500) => {
    for (let i = 0; i < count; i++) {
      const name = local("_flood._tcp");
      const answers = Array.from({ length: 10 }, (_, j) => ({
        name,
        type: Type.PTR,
        class: Class.IN,
        ttl,
        rdata: rdata.ptr(name.child(`${i} ${j}`)!),
      }));
      cache.receive(makeMessage({ isResponse: true, answers }), from(source(i)), 1000);
      assert.ok(cache.octets <= LIMIT);
    }
  };
  const offices = Array.from({ length: 10 }, (_, i) => i);
  const officeCache = () => {
    const cache = cacheOf("", LIMIT);
    for (const i of offices) {
      const text = service(`printer ${i}`, "_ipp._tcp", `p${i}`, `10.0.0.${i}`);
      cache.receive(response(text), from(`10.0.0.${i}`), 0);
    }
    return cache;
  };
  const printers = (cache: LinkCache) => held(cache, "_ipp._tcp", "PTR").length;

  test("MDNS-70: a flood from one address fills the cache to its limit at that address's cost alone", () => {
    const cache = officeCache();
    flood(cache, 2000, () => "10.0.0.66");
    assert.equal(printers(cache), 10);
    assert.ok(cache.counters.evicted > 15_000);
    assert.ok(cache.octets > LIMIT * 0.9, "who came late is still heard");
  });

  test("MDNS-70: of one address's records, those that it repeats stay longest", () => {
    const cache = cacheOf("", LIMIT);
    const isKept = () => held(cache, "kept", "A").length > 0;
    flood(cache, 600, (i) => {
      assert.ok(i === 0 || isKept(), `${i}`);
      if (i % 100 === 0) {
        cache.receive(response("kept 4500 A 10.0.0.66"), from("10.0.0.66"), 1000);
      }
      return "10.0.0.66";
    });
    assert.ok(cache.counters.evicted > 1000);
    assert.ok(isKept());
  });

  test("MDNS-70: a flood from more addresses than any subnet has costs newcomers, not earlier sources", () => {
    const cache = officeCache();
    flood(cache, 1000, (i) => `10.1.${i >> 8}.${i & 255}`);
    assert.equal(printers(cache), 10);
    assert.ok(cache.counters.refused + cache.counters.evicted > 4000);
  });

  for (const [what, addresses] of [
    ["one address", 1],
    ["every address of a subnet", 254],
  ] as const) {
    test(`MDNS-70: an honest source is heard during a flood from ${what}`, () => {
      const cache = officeCache();
      flood(cache, 1000, (i) => `10.1.0.${i % addresses}`);
      const late = response(service("late", "_ipp._tcp", "late", "10.0.0.50"));
      cache.receive(late, from("10.0.0.50"), 2000);
      flood(cache, 1000, (i) => `10.1.0.${i % addresses}`);
      assert.equal(printers(cache), 11);
      assert.ok(cache.counters.evicted > 10_000);
      assert.equal(cache.counters.refused, 0);
    });
  }

  test("MDNS-70: a list is walked once a second, however often it is queried", () => {
    const cache = cacheOf("", LIMIT);
    flood(cache, 300, () => "10.0.0.66");
    const { records } = cache.set(local("_flood._tcp").key, Type.PTR)! as unknown as {
      records: Map<string, unknown>;
    };
    let walks = 0;
    const walk = records.values.bind(records);
    records.values = () => {
      walks++;
      return walk();
    };
    const often = query(Array.from({ length: 200 }, () => "_flood._tcp PTR").join("\n"));
    for (const now of [9000, 9500, 9900, 10_100]) cache.receive(often, from(), now);
    assert.equal(walks, 2);
  });

  test("MDNS-70: a record that cannot fit at all is refused", () => {
    const cache = cacheOf("h A 10.0.0.1", LIMIT);
    cache.receive(response(`big TXT ${'"0123456789" '.repeat(800)}`), from("10.0.0.66"), 0);
    assert.deepEqual([cache.size, cache.counters.refused], [1, 1]);
  });

  test("MDNS-70: nothing is left once everything has expired", () => {
    const cache = officeCache();
    flood(cache, 200, (i) => `10.1.0.${i % 7}`);
    pass(cache, 10_000_000);
    assert.deepEqual([cache.size, cache.octets, cache.due()], [0, 0, undefined]);
    assert.deepEqual([...cache.types], []);
    assert.equal(cache.at(local("printer\\0321._ipp._tcp").key), undefined);
    assert.equal(cache.at(local("_ipp._tcp").key), undefined);
  });
});
