import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { LinkCache } from "../../src/collector/link/cache.ts";
import { endOfSecond, servedTtl } from "../../src/collector/link/ttl.ts";
import { Type } from "../../src/dns/constants.ts";
import fc from "../support/fastcheck.ts";
import {
  cacheOf,
  from,
  HOST,
  held,
  local,
  pass,
  query,
  response,
  service,
  watched,
} from "./fixture.ts";

suite("a cache", () => {
  const cache = cacheOf(service("a", "_ipp._tcp", "h", "10.0.0.1"));
  cache.receive(response("!h A 10.0.0.1"), from("10.0.0.2"), 4000);

  test("gives the records of a name, of a name and type, and of a type", () => {
    assert.deepEqual([...cache.at(local("a._ipp._tcp").key)!.sets.keys()], [Type.SRV, Type.TXT]);
    assert.deepEqual(held(cache, "A._IPP._TCP", "SRV"), ["0 0 631 h.local."]);
    const lists = [...cache.ofType(Type.PTR)].map(({ name }) => name.toString());
    assert.deepEqual(lists, ["_ipp._tcp.local."]);
    assert.equal(cache.set(local("nobody").key, Type.A), undefined);
  });

  test("knows when a record was heard first and last, from whom, and how long it lives", () => {
    const [record] = cache.set(local("h").key, Type.A)!.records.values();
    const { ttl, lifetime, firstHeard, lastHeard, ends, source, speaker } = record!;
    assert.deepEqual(
      { ttl, lifetime, firstHeard, lastHeard, ends, source, speaker },
      {
        ttl: 120,
        lifetime: 120_000,
        firstHeard: 0,
        lastHeard: 4000,
        ends: 124_000,
        source: "10.0.0.9",
        speaker: "10.0.0.2",
      },
    );
  });

  test("limits the life of a record to two hours", () => {
    const cache = cacheOf("h 1000000 A 10.0.0.1");
    pass(cache, 7_199_999);
    assert.equal(cache.size, 1);
    pass(cache, 7_200_000);
    assert.equal(cache.size, 0);
  });
});

test("MDNS-60: a record is taken if it fits in a packet, even from a longer packet", () => {
  const octets = (count: number) => `TYPE10 \\# ${count} ${"00".repeat(count)}`;
  const cache = cacheOf(`a 120 ${octets(9000)}\nb 120 ${octets(9001)}\nc 120 A 10.0.0.1`);
  assert.equal(cache.set(local("a").key, Type.NULL)!.records.size, 1);
  assert.equal(cache.set(local("b").key, Type.NULL), undefined);
  assert.deepEqual(held(cache, "c", "A"), ["10.0.0.1"]);
});

suite("a link that was away", () => {
  test("drops records with an earlier goodbye when due, and all others in 10 s", () => {
    const cache = cacheOf("h 120 A 10.0.0.1\ng 120 A 10.0.0.2");
    cache.receive(response("g 0 A 10.0.0.2"), from(), 50_000);
    cache.resume(50_500);
    pass(cache, 51_000);
    assert.deepEqual(held(cache, "g", "A"), []);
    pass(cache, 60_499);
    assert.deepEqual(held(cache, "h", "A"), ["10.0.0.1"]);
    pass(cache, 60_500);
    assert.equal(cache.size, 0);
  });
});

suite("records that grow old", () => {
  test("are due at 80, 85, 90 and 95 % of their life and up to 2 % later, and end with it", () => {
    for (const chance of [0, 0.5, 0.999]) {
      const cache = new LinkCache({ random: () => chance, disputed: () => {} });
      cache.receive(response("h 100 A 10.0.0.1"), from(), 5000);
      for (const part of [80, 85, 90, 95]) {
        const due = cache.due()!;
        assert.ok(due >= 5000 + part * 1000 && due <= 5000 + (part + 2) * 1000, `${part}: ${due}`);
        assert.deepEqual(
          [...cache.poll(due)].map(({ name }) => name.toString()),
          ["h.local."],
        );
      }
      assert.equal(cache.due(), 105_000);
      assert.deepEqual([...cache.poll(105_000)], []);
      assert.equal(cache.size, 0);
    }
  });

  test("keep the TTL they are served with if heard again when first asked for", () => {
    for (let lifetime = 5000; lifetime <= 200_000; lifetime += 500) {
      const life = { lastHeard: 123, lifetime };
      const healthy = servedTtl(life, endOfSecond(life.lastHeard));
      const answered = life.lastHeard + 0.85 * lifetime;
      // At the latest, the end of the second in which it comes.
      assert.equal(servedTtl(life, answered + 1000), healthy, `${lifetime} ms`);
    }
  });

  test("are due once less if the question was asked anyway", () => {
    const cache = cacheOf("h 100 A 10.0.0.1");
    cache.asked(local("h").key, Type.A, 79_000);
    assert.ok(cache.due()! < 82_000, "79 % is not 80 %");
    cache.asked(local("h").key, Type.A, 80_100);
    assert.ok(cache.due()! >= 85_000);
    cache.asked(local("h").key, Type.A, 91_000);
    assert.ok(cache.due()! >= 95_000);
  });

  test("are due as before if only another host was asked", () => {
    const cache = cacheOf("_ipp._tcp 100 PTR a._ipp._tcp");
    cache.asked(local("_ipp._tcp").key, Type.PTR, 80_100, "10.0.0.8");
    assert.ok(cache.due()! < 82_000);
    cache.asked(local("_ipp._tcp").key, Type.PTR, 80_100, HOST);
    assert.ok(cache.due()! >= 85_000);
  });
});

test("the revision changes if and only if the content does", () => {
  const line = fc
    .record({
      isUnique: fc.boolean(),
      owner: fc.constantFrom("a", "b", "_ipp._tcp"),
      ttl: fc.constantFrom(0, 1, 10, 120),
      data: fc.constantFrom("A 10.0.0.1", "A 10.0.0.2", "PTR a._ipp._tcp", "NSEC a A"),
    })
    .map(({ isUnique, owner, ttl, data }) => `${isUnique ? "!" : ""}${owner} ${ttl} ${data}`);
  const message = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.array(line, { maxLength: 4 }).map((all) => response(all.join("\n"))),
    },
    { weight: 1, arbitrary: fc.constantFrom(query("a A"), query("_ipp._tcp PTR")) },
  );
  const step = fc.record({ wait: fc.integer({ min: 0, max: 20_000 }), message });
  const state = (cache: LinkCache) =>
    ["a", "b", "_ipp._tcp"].flatMap((owner) =>
      [...(cache.at(local(owner).key)?.sets.values() ?? [])].flatMap((set) =>
        [...set.records].map(([key, { ttl }]) => `${owner} ${set.type} ${key} ${ttl}`),
      ),
    );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const cache = cacheOf();
      let now = 0;
      let before = { revision: cache.revision, state: state(cache).sort() };
      const check = () => {
        const after = { revision: cache.revision, state: state(cache).sort() };
        const isSame = String(after.state) === String(before.state);
        // A message may add a record twice with two TTLs: the revision moves, the state comes back.
        if (!isSame) assert.notEqual(after.revision, before.revision);
        before = after;
      };
      for (const { wait, message } of steps) {
        now += wait;
        for (let due = cache.due(); due !== undefined && due <= now; due = cache.due()) {
          cache.poll(due);
          check();
        }
        const { revision } = cache;
        cache.receive(message, from(), now);
        check();
        cache.receive(message, from(), now);
        if (isSteady(message.answers)) assert.equal(cache.revision, before.revision, `${revision}`);
        before.revision = cache.revision;
      }
    }),
  );

  /** True if each record has one TTL, however often it occurs. */
  function isSteady(answers: readonly { name: unknown; ttl: number; rdata: { key: string } }[]) {
    const ttls = new Map<string, number>();
    return answers.every(({ name, ttl, rdata }) => {
      const key = `${name} ${rdata.key}`;
      const known = ttls.get(key);
      ttls.set(key, ttl);
      return known === undefined || known === ttl;
    });
  }
});

test("a denial that names every type is not scanned for one", () => {
  const windows = Array.from({ length: 256 }, (_, i) => `${hex(i)}20${"ff".repeat(32)}`).join("");
  const cache = cacheOf(`h NSEC \\# ${windows.length / 2 + 1} 00${windows}`);
  const [record] = cache.set(local("h").key, Type.NSEC)!.records.values();
  const values = record!.rdata.values as unknown[];
  let looks = 0;
  values[1] = new Proxy(values[1] as Uint8Array, {
    get(octets, key) {
      looks++;
      return Reflect.get(octets, key, octets) as unknown;
    },
  });
  assert.equal(cache.isDenied(local("h").key, 0xfffe, [4]), false);
  assert.ok(looks >= 1 && looks <= 2000, `${looks} looks`);
});

function hex(octet: number): string {
  return octet.toString(16).padStart(2, "0");
}

suite("a query that asks a thousand times", () => {
  const numbers = Array.from({ length: 1000 }, (_, i) => i);
  const known = numbers.map((i) => `x PTR a${i}`).join("\n");

  test("has its known answers looked at once in all", () => {
    const cache = cacheOf(numbers.map((i) => `h${i} A 10.0.0.1`).join("\n"));
    const watch = watched(query(numbers.map((i) => `h${i} A`).join("\n"), known));
    cache.receive(watch.query, from(), 2000);
    assert.ok(watch.looks >= 1000 && watch.looks <= 5000, `${watch.looks} looks`);
  });

  test("for all records of one name, has that name gone through once", () => {
    const cache = cacheOf(numbers.map((i) => `h TYPE${1000 + i} \\# 1 01`).join("\n"));
    const sets = cache.at(local("h").key)!.sets as Map<number, unknown>;
    assert.equal(sets.size, 1000);
    let walks = 0;
    sets.values = () => {
      walks++;
      return Map.prototype.values.call(sets) as ReturnType<typeof sets.values>;
    };
    cache.receive(query(numbers.map(() => "h ANY").join("\n")), from(), 2000);
    assert.equal(walks, 1);
  });
});
