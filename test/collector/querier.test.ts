import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { LinkCache } from "../../src/collector/link/cache.ts";
import { Querier, type QuerierOptions } from "../../src/collector/link/querier.ts";
import { Type } from "../../src/dns/constants.ts";
import { decode, type Message } from "../../src/dns/message.ts";
import { cacheOf, from, local, query, response, watched } from "./fixture.ts";

function querierOf(cache: LinkCache, options: Partial<QuerierOptions> = {}): Querier {
  return new Querier({
    cache,
    random: () => 0.5,
    limit: () => 1452,
    isUnicastWanted: false,
    families: () => [],
    ownerOf: () => undefined,
    silentOf: () => [],
    ...options,
  });
}

const wanted = (owner: string, type: number = Type.PTR, source = "") => ({
  ...{ name: local(owner), type, source },
});

/** What is asked from `now` until `end`, with times, as a cache and its querier go on. */
function run(querier: Querier, cache: LinkCache, now: number, end: number) {
  const sent: { at: number; message: Message }[] = [];
  for (let at = now; at <= end; ) {
    for (const set of cache.poll(at)) querier.refresh(set, at);
    for (const { bytes } of querier.poll(at)) sent.push({ at, message: decode(bytes) });
    const next = Math.min(querier.due() ?? Infinity, cache.due() ?? Infinity);
    if (next === Infinity) break;
    at = Math.max(next, at);
  }
  return sent;
}

suite("refreshes", () => {
  test("of a shared set are one question for all its records, whatever the random delays", () => {
    const chance = Array.from({ length: 89 }, (_, i) => ((i * 37) % 89) / 89);
    let drawn = 0;
    const random = () => chance[drawn++ % chance.length]!;
    const cache = new LinkCache({ random, disputed: () => {} });
    for (let i = 0; i < 500; i++) {
      cache.receive(response(`_ipp._tcp 4500 PTR p${i}._ipp._tcp`), from(), i);
    }
    const querier = querierOf(cache);
    const sent = run(querier, cache, 1000, 3_680_000).filter(
      ({ message }) => message.questions.length > 0,
    );
    assert.ok(sent.length >= 1 && sent.length <= 3, `${sent.length} questions`);
  });

  test("wait if the question was asked less than a second ago", () => {
    const cache = cacheOf("h 10 A 10.0.0.1");
    const querier = querierOf(cache);
    const times = run(querier, cache, 0, 10_000).map(({ at }) => at);
    assert.ok(times.length >= 2);
    for (const [i, time] of times.slice(1).entries())
      assert.ok(time - times[i]! >= 1000, `${times}`);
  });

  test("do not list the records they are for, even if their owner's TTL is above our limit", () => {
    const cache = cacheOf("_ipp._tcp 86400 PTR a._ipp._tcp");
    const querier = querierOf(cache);
    const [first] = run(querier, cache, 0, 6_000_000);
    assert.ok(first!.at >= 5_760_000 && first!.message.answers.length === 0);
  });
});

suite("questions", () => {
  test("that nobody wants any more are not asked", () => {
    const cache = cacheOf();
    const querier = querierOf(cache);
    querier.want([wanted("_a._tcp"), wanted("_b._tcp")], 0);
    querier.want([wanted("_b._tcp")], 0);
    const names = run(querier, cache, 0, 60_000).flatMap(({ message }) =>
      message.questions.map(({ name }) => String(name)),
    );
    assert.deepEqual([...new Set(names)], ["_b._tcp.local."]);
  });

  test("that are wanted again start over, but never twice within a second", () => {
    const cache = cacheOf();
    const querier = querierOf(cache);
    const times: number[] = [];
    for (let now = 0; now < 5000; now += 100) {
      querier.want(now % 200 === 0 ? [wanted("_a._tcp")] : [], now);
      for (const _ of querier.poll(now + 90)) times.push(now + 90);
    }
    assert.ok(times.length > 1);
    for (const [i, time] of times.slice(1).entries())
      assert.ok(time - times[i]! >= 1000, `${times}`);
  });

  test("that a client waits for are asked twice, once if it leaves, and as usual if wanted anyway", () => {
    const timesOf = (querier: Querier, cache: LinkCache, now: number) =>
      run(querier, cache, now, now + 60_000).map(({ at }) => at);
    const cache = cacheOf();
    const querier = querierOf(cache);
    const [name, type] = [local("h"), Type.A];
    querier.inquire(name, [type], "me", 0);
    assert.equal(timesOf(querier, cache, 0).length, 2);
    querier.inquire(name, [type], "me", 60_000);
    assert.equal(querier.poll(60_100).length, 1);
    querier.cease(name, type);
    assert.deepEqual(timesOf(querier, cache, 60_100), []);
    const wished = querierOf(cache);
    wished.want([wanted("h", type)], 0);
    const start = timesOf(wished, cache, 0).length;
    assert.ok(start > 4);
    const both = querierOf(cache);
    both.want([wanted("h", type)], 0);
    both.inquire(name, [type], "me", 10);
    both.cease(name, type);
    assert.equal(timesOf(both, cache, 0).length, start);
  });

  test("from one source do not delay those from another", () => {
    const cache = cacheOf();
    const querier = querierOf(cache);
    const flood = Array.from({ length: 20_000 }, (_, i) =>
      wanted(`${"x".repeat(50)}${i}._f._tcp`, Type.SRV, "10.0.0.66"),
    );
    querier.want(flood, 0);
    querier.want([...flood, wanted("printer._ipp._tcp", Type.SRV, "10.0.0.3")], 10);
    const sent = run(querier, cache, 0, 1500);
    const printer = local("printer._ipp._tcp");
    assert.ok(
      sent.some(({ message }) => message.questions.some(({ name }) => name.equals(printer))),
    );
  });

  test("list at most a thousand known answers, however many a flood has left", () => {
    const cache = cacheOf();
    for (let i = 0; i < 2000; i += 100) {
      const part = Array.from({ length: 100 }, (_, j) => `_ipp._tcp 4500 PTR x${i + j}._ipp._tcp`);
      cache.receive(response(part.join("\n")), from("10.0.0.66"), 0);
    }
    const querier = querierOf(cache);
    querier.want([wanted("_ipp._tcp")], 0);
    const sent = run(querier, cache, 0, 500).map(({ message }) => message.answers.length);
    assert.equal(
      sent.reduce((sum, count) => sum + count, 0),
      1000,
    );
  });

  test("in a flood are put off to the next seconds, but not for ever", () => {
    const cache = cacheOf();
    const querier = querierOf(cache);
    querier.want(
      Array.from({ length: 2000 }, (_, i) => wanted(`${"x".repeat(50)}${i}._f._tcp`, Type.SRV)),
      0,
    );
    const sent = run(querier, cache, 0, 10_000);
    const asked = new Set(
      sent.flatMap(({ message }) => message.questions.map(({ name }) => name.key)),
    );
    assert.equal(asked.size, 2000);
  });

  test("of another host replace ours late in an interval, but not early", () => {
    const cache = cacheOf();
    const querier = querierOf(cache);
    querier.want([wanted("_a._tcp")], 0);
    const times = run(querier, cache, 0, 6000).map(({ at }) => at);
    assert.equal(times.length, 3);
    const wait = 4000;
    querier.observe(query("_a._tcp PTR"), 4, times[2]! + wait / 4);
    assert.equal(querier.counters.suppressed, 0);
    querier.observe(query("_a._tcp PTR"), 4, times[2]! + (3 * wait) / 4);
    assert.equal(querier.counters.suppressed, 1);
  });
});

suite("series", () => {
  const DAY = 86_400_000;

  test("that began at different times share packets once their intervals are long", () => {
    const cache = cacheOf("");
    const querier = querierOf(cache);
    const series = ["_a._tcp", "_b._tcp", "_c._tcp"].map((type) => wanted(type));
    querier.want(series.slice(0, 1), 0);
    const sent = run(querier, cache, 0, 700);
    querier.want(series.slice(0, 2), 700);
    sent.push(...run(querier, cache, 700, 900));
    querier.want(series, 900);
    sent.push(...run(querier, cache, 900, DAY));
    const late = sent.filter(({ at }) => at > 120_000);
    assert.ok(late.length >= 25 && late.length <= 30, `${late.length} packets`);
    for (const { at, message } of late) assert.equal(message.questions.length, 3, `at ${at}`);
  });

  test("of lists near expiry meet, whatever the random delays", () => {
    const chance = [0.9, 0.1, 0.5, 0, 0.99];
    let drawn = 0;
    const random = () => chance[drawn++ % chance.length]!;
    const cache = new LinkCache({ random, disputed: () => {} });
    const types = ["_a._tcp", "_b._tcp", "_c._tcp"];
    for (const [i, type] of types.entries()) {
      cache.receive(response(`${type} 4500 PTR x.${type}`), from(), 100 * i);
    }
    const querier = querierOf(cache);
    querier.want(
      types.map((type) => wanted(type)),
      300,
    );
    const late = run(querier, cache, 300, 4_400_000).filter(({ at }) => at > 3_000_000);
    assert.ok(late.length >= 3 && late.length <= 4, `${late.map(({ at }) => at)}`);
    for (const { at, message } of late) assert.equal(message.questions.length, 3, `at ${at}`);
  });

  test("of a list are asked at once if one of its records says goodbye", () => {
    const cache = cacheOf("_a._tcp 4500 PTR x._a._tcp\n_a._tcp 4500 PTR y._a._tcp");
    const querier = querierOf(cache);
    querier.want([wanted("_a._tcp")], 0);
    run(querier, cache, 0, 600_000);
    cache.receive(response("_a._tcp 0 PTR x._a._tcp"), from(), 600_000);
    querier.refresh(cache.set(local("_a._tcp").key, Type.PTR)!, 600_000);
    assert.equal(querier.due(), 600_000);
    assert.equal(querier.poll(600_000).length, 1);
  });

  test("for two families settle on common turns for what they share", () => {
    const cache = cacheOf("");
    const querier = querierOf(cache, { families: () => [4, 6] });
    const sent: string[] = [];
    for (let at = 0, isLate = false; at < DAY; at = querier.due() ?? Infinity) {
      if (!isLate && at > 1_500_000) {
        querier.want([wanted("_a._tcp"), wanted("_b._tcp")], at);
        isLate = true;
      } else if (at === 0) querier.want([wanted("_a._tcp")], at);
      for (const { bytes, to } of querier.poll(at)) {
        const asked = decode(bytes)
          .questions.map(({ name }) => `${name}`.slice(1, 2))
          .join("");
        sent.push(`${asked}${to?.family ?? ""}`);
      }
    }
    assert.deepEqual(sent.slice(0, 7), Array(7).fill("a"));
    assert.deepEqual(sent.slice(7, 10), ["a4", "a6", "a4"]);
    const late = sent.slice(-10).map((each) => [...each].sort().join(""));
    const turns = ["4ab", "6ab"];
    if (late[0] !== turns[0]) turns.reverse();
    assert.deepEqual(late, Array(5).fill(turns).flat());
  });
});

suite("a query of another host with a thousand questions", () => {
  const numbers = Array.from({ length: 1000 }, (_, i) => i);

  test("for one list has our records of it looked at once", () => {
    const cache = cacheOf("_a._tcp 4500 PTR x._a._tcp");
    const querier = querierOf(cache, { families: () => [4] });
    querier.want([wanted("_a._tcp")], 0);
    let looks = 0;
    cache.set = (...of) => {
      looks++;
      return LinkCache.prototype.set.apply(cache, of);
    };
    const asked = numbers.map(() => "_a._tcp PTR").join("\n");
    // It has an answer that we do not know, so it does not replace our question.
    querier.observe(query(asked, "_a._tcp PTR y._a._tcp"), 4, 0);
    assert.equal(looks, 1);
    assert.equal(querier.counters.suppressed, 0);
  });

  test("for as many lists has its known answers looked at once in all", () => {
    const cache = cacheOf("");
    const querier = querierOf(cache, { families: () => [4] });
    const lists = numbers.map((i) => `_a${i}._tcp`);
    querier.want(
      lists.map((list) => wanted(list)),
      0,
    );
    const known = numbers.map((i) => `x PTR a${i}`).join("\n");
    const watch = watched(query(lists.map((list) => `${list} PTR`).join("\n"), known));
    querier.observe(watch.query, 4, 0);
    assert.equal(querier.counters.suppressed, 1000);
    assert.ok(watch.looks >= 1000 && watch.looks <= 5000, `${watch.looks} looks`);
  });
});
