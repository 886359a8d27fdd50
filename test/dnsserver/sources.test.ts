import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Sources } from "../../src/dnsserver/sources.ts";
import { FakeClock } from "../support/clock.ts";

suite("sources", () => {
  const make = (max?: number) => {
    const clock = new FakeClock();
    const judged: string[] = [];
    const judge = (address: string) => {
      judged.push(address);
      return { address };
    };
    const sources = new Sources({ judge, clock, ...(max !== undefined && { max }) });
    return { sources, clock, judged };
  };

  test("are judged once, and again after five seconds", () => {
    const { sources, clock, judged } = make();
    assert.equal(sources.of("192.0.2.1"), sources.of("192.0.2.1"));
    assert.equal(sources.of("192.0.2.2").address, "192.0.2.2");
    assert.deepEqual(judged, ["192.0.2.1", "192.0.2.2"]);
    clock.advance(4999);
    sources.of("192.0.2.1");
    assert.equal(judged.length, 2);
    clock.advance(1);
    sources.of("192.0.2.1");
    assert.equal(judged.length, 3);
  });

  test("SEC-13: are no more than there is room for, however many ask", () => {
    const { sources } = make(100);
    for (let i = 0; i < 100_000; i++) {
      assert.equal(
        sources.of(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`).address.length > 0,
        true,
      );
      assert.ok(sources.size <= 100);
    }
  });
});
