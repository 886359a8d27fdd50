/** What a link is asked, given what has been heard on it: RFC 6763 §4, §7.1, §9. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type BrowseOptions, interestIn } from "../../src/collector/link/browser.ts";
import { Type, typeName } from "../../src/dns/constants.ts";
import { cacheOf, from, local, response, service } from "../collector/fixture.ts";

const META = "_services._dns-sd._udp";

function interestOf(text: string, options: Partial<BrowseOptions> = {}) {
  const interest = interestIn(cacheOf(text), { types: [], families: [4], ...options });
  const line = ({ name, type }: { name: object; type: number }) =>
    `${String(name).replace(/\.local\.$/, "")} ${typeName(type)}`;
  return {
    asks: interest.questions.map(line).sort(),
    keeps: [...interest.sets].map(line).sort(),
    sources: new Set(interest.questions.map(({ source }) => source)),
  };
}

test("interest limited to one name covers what that name leads to, and nothing else", () => {
  const others = `${META} PTR _a._tcp\n_a._tcp PTR y._a._tcp\n!z._b._tcp SRV 0 0 1 other`;
  const asks = (name: string, text = "") =>
    interestOf(`${others}\n${text}`, { only: [local(name)] }).asks;
  const service = ["_a._tcp PTR", "x._a._tcp SRV", "x._a._tcp TXT"];
  assert.deepEqual(asks("x._a._tcp"), service);
  const resolved = asks("x._a._tcp", '!x._a._tcp SRV 0 0 1 h\n!x._a._tcp TXT ""\n!h CNAME pc');
  assert.deepEqual(resolved, ["_a._tcp PTR", "pc A", "pc AAAA"]);
  assert.deepEqual(asks("_b._tcp", "_b._tcp PTR z._b._tcp"), [
    ...["_b._tcp PTR", "other A", "other AAAA", "z._b._tcp TXT"],
  ]);
  assert.deepEqual(asks("pc"), ["pc A", "pc AAAA"]);
  assert.deepEqual(asks(META), [`${META} PTR`]);
});

suite("a link is asked", () => {
  test("SD-21: at first, for its service types", () => {
    assert.deepEqual(interestOf("").asks, [`${META} PTR`]);
  });

  test("SD-21: for the instances of an announced type", () => {
    const { asks, keeps, sources } = interestOf(`${META} PTR _a._tcp`);
    assert.deepEqual(asks, ["_a._tcp PTR", `${META} PTR`]);
    assert.deepEqual(keeps, [`${META} PTR`]);
    assert.deepEqual([...sources], ["", "10.0.0.9"]);
  });

  test("for the instances of a type overheard in a PTR or in an instance's SRV record", () => {
    assert.ok(interestOf("_a._tcp PTR x._a._tcp").asks.includes("_a._tcp PTR"));
    assert.ok(interestOf("!x._b._tcp SRV 0 0 1 h").asks.includes("_b._tcp PTR"));
  });

  test("SD-18: for the configured subtypes and those overheard", () => {
    const types = [local("_color._sub._a._tcp")];
    assert.deepEqual(interestOf("", { types }).asks, [
      "_a._tcp PTR",
      "_color._sub._a._tcp PTR",
      `${META} PTR`,
    ]);
    const { asks } = interestOf("_color._sub._ipp._tcp PTR a._ipp._tcp");
    assert.ok(asks.includes("_color._sub._ipp._tcp PTR") && asks.includes("_ipp._tcp PTR"));
  });

  test("SD-18: for the printer subtypes that clients browse instead of the type", () => {
    const { asks } = interestOf(`${META} PTR _IPP._tcp\n_ipps._tcp PTR a._ipps._tcp`);
    for (const type of ["_IPP._tcp", "_ipps._tcp"]) {
      for (const label of ["_universal", "_print", "_cups"]) {
        assert.ok(
          asks.some((ask) => ask.toLowerCase() === `${label}._sub.${type} PTR`.toLowerCase()),
        );
      }
    }
    assert.ok(!interestOf("").asks.some((ask) => ask.includes("_sub")));
  });

  test("each question once, however many records lead to it", () => {
    const text = `
      ${META} PTR _ipp._tcp
      _ipp._tcp PTR a._ipp._tcp
      _x._sub._ipp._tcp PTR a._ipp._tcp
      _ipp._tcp PTR b._ipp._tcp
      !b._ipp._tcp SRV 0 0 1 h
      !c._http._tcp SRV 0 0 1 h`;
    const { asks } = interestOf(text);
    assert.deepEqual(asks, [...new Set(asks)]);
    assert.ok(asks.includes("h A") && asks.includes("a._ipp._tcp SRV"));
  });

  test("for the missing records of an instance", () => {
    const text = "_a._tcp PTR a._a._tcp\n_a._tcp PTR b._a._tcp\n!a._a._tcp TXT x";
    const { asks, keeps } = interestOf(text);
    assert.deepEqual(asks, [
      "_a._tcp PTR",
      `${META} PTR`,
      "a._a._tcp SRV",
      "b._a._tcp SRV",
      "b._a._tcp TXT",
    ]);
    assert.deepEqual(keeps, ["_a._tcp PTR", "a._a._tcp TXT"]);
  });

  test("for the picture of a chat user", () => {
    const { asks } = interestOf("_presence._tcp PTR juliet._presence._tcp");
    assert.ok(asks.includes("juliet._presence._tcp NULL"));
  });

  test("for the missing addresses of a host, or of the host it is an alias of", () => {
    const text = "_ipp._tcp PTR a._ipp._tcp\n!a._ipp._tcp SRV 0 0 1 h\n!h A 10.0.0.1";
    assert.deepEqual(
      interestOf(text).asks.filter((ask) => ask.startsWith("h ")),
      ["h AAAA"],
    );
    const alias = text.replace("!h A 10.0.0.1", "!h CNAME box");
    assert.deepEqual(
      interestOf(alias).asks.filter((ask) => /^(h|box) /.test(ask)),
      ["box A", "box AAAA"],
    );
  });

  test("for the missing addresses of a service that is its own host", () => {
    const text = `_a._tcp PTR x._a._tcp
      x._a._tcp SRV 0 0 1 X._a._tcp
      x._a._tcp TXT ""`;
    assert.deepEqual(
      interestOf(text).asks,
      ["_a._tcp PTR", `${META} PTR`, "X._a._tcp A", "X._a._tcp AAAA"].sort(),
    );
    assert.ok(interestOf(`${text}\n x._a._tcp CNAME h`).asks.includes("X._a._tcp A"));
    const known = interestOf(`${text}\n x._a._tcp A 10.1.0.1`);
    assert.ok(!known.asks.includes("X._a._tcp A"));
    assert.ok(known.keeps.includes("x._a._tcp A"));
  });

  test("for all of a service that is also another service's host", () => {
    for (const leads of [
      "w._a._tcp SRV 0 0 1 x._a._tcp",
      "w._a._tcp SRV 0 0 1 h\nh CNAME x._a._tcp",
    ]) {
      const text = `_a._tcp PTR w._a._tcp\n${leads}`;
      const { asks } = interestOf(`${text}\n_a._tcp PTR x._a._tcp`);
      assert.ok(asks.includes("x._a._tcp SRV") && asks.includes("x._a._tcp TXT"), leads);
      const other = interestOf(`${text.replaceAll("x._a", "x._b")}\nx._b._tcp SRV 0 0 1 i`);
      assert.ok(other.asks.includes("_b._tcp PTR") && other.asks.includes("i A"), leads);
    }
  });

  test("only for further services and types once a service is complete", () => {
    const text = `${service("a", "_a._tcp", "h", "10.0.0.1")}\n!h AAAA fd00::1`;
    const { asks, keeps } = interestOf(text);
    assert.deepEqual(asks, ["_a._tcp PTR", `${META} PTR`]);
    assert.equal(keeps.length, 5);
  });

  test("nothing about names that are no services or are outside .local", () => {
    const { asks } = interestOf(`
      ${META} PTR _ipp._tcp.example.org.
      ${META} PTR nonsense
      ${META} PTR a._sub._ipp._tcp.sub
      nonsense PTR x.nonsense
      10.0.0.10.in-addr.arpa. PTR h
      !laptop A 10.0.0.1`);
    assert.deepEqual(asks, [`${META} PTR`]);
  });

  test("a bounded number of questions for an endless chain of aliases", () => {
    const chain = Array.from({ length: 5000 }, (_, i) => `h${i} CNAME h${i + 1}`);
    const text = `_ipp._tcp PTR a._ipp._tcp\n!a._ipp._tcp SRV 0 0 1 h0\n${chain.join("\n")}`;
    assert.ok(interestOf(text).keeps.length < 10);
  });

  test("a bounded number of questions from what one source says, and all from what another says", () => {
    const cache = cacheOf();
    const flood = Array.from({ length: 3000 }, (_, i) => `_ipp._tcp PTR x${i}._ipp._tcp`);
    cache.receive(response(flood.join("\n")), from("10.0.0.66"), 0);
    cache.receive(response("_ipp._tcp PTR printer._ipp._tcp"), from("10.0.0.3"), 0);
    const { questions } = interestIn(cache, { types: [], families: [4] });
    assert.ok(questions.length <= 1003, `${questions.length}`);
    const printer = questions.filter(({ name }) => name.equals(local("printer._ipp._tcp")));
    assert.equal(printer.length, 2);
  });

  test("first for missing SRV and TXT records, where one source announces thousands of services", () => {
    const instances = Array.from({ length: 3000 }, (_, i) => `x${i}._presence._tcp`);
    const known = instances.slice(0, 1500).flatMap((instance, i) => {
      const address = i % 2 ? "A 10.0.0.1" : "AAAA 2001:db8::1";
      return [`!${instance} SRV 0 0 1 h${i}`, `!${instance} TXT x`, `!h${i} ${address}`];
    });
    const cache = cacheOf(
      [...instances.map((instance) => `_presence._tcp PTR ${instance}`), ...known].join("\n"),
    );
    const { questions } = interestIn(cache, { types: [], families: [4, 6] });
    const asked = (type: number) => questions.filter((question) => question.type === type).length;
    assert.ok(
      asked(Type.SRV) >= 490 && asked(Type.TXT) >= 490,
      "of those of which nothing is known",
    );
    assert.deepEqual([asked(Type.A), asked(Type.AAAA), asked(Type.NULL)], [0, 0, 0]);
  });
});
