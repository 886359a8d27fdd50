import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Echoes } from "../../src/net/links/echoes.ts";
import { FakeClock } from "../support/clock.ts";

suite("our own packets", () => {
  test("are recognised by their octets, for two seconds", async () => {
    const clock = new FakeClock();
    const echoes = new Echoes(clock);
    echoes.expect(Buffer.from("one"));
    assert.ok(echoes.has(Buffer.from("one")));
    // Not used up: the kernel gives it to each of our sockets.
    assert.ok(echoes.has(Buffer.from("one")));
    assert.ok(!echoes.has(Buffer.from("two")));
    await clock.elapse(1999);
    echoes.expect(Buffer.from("two"));
    assert.ok(echoes.has(Buffer.from("one")));
    await clock.elapse(1);
    assert.ok(!echoes.has(Buffer.from("one")));
    assert.ok(echoes.has(Buffer.from("two")));
  });

  test("are the last 256", () => {
    const echoes = new Echoes(new FakeClock());
    const packets = Array.from({ length: 257 }, (_, i) => Buffer.from(`${i}`));
    for (const bytes of packets) echoes.expect(bytes);
    assert.deepEqual(packets.map((bytes) => echoes.has(bytes)).indexOf(true), 1);
  });
});
