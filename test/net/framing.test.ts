import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Frames, frame } from "../../src/net/framing.ts";
import { inUse } from "../support/memory.ts";

suite("messages in a stream", () => {
  test("a short message behind a long one is available at once", () => {
    const frames = new Frames();
    const long = frame(Buffer.alloc(1000, 1));
    frames.push(long.subarray(0, 500));
    assert.equal(frames.next(), undefined);
    frames.push(Buffer.concat([long.subarray(500), frame(Buffer.of(2))]));
    assert.equal(frames.next()?.length, 1000);
    assert.deepEqual(frames.next(), Buffer.of(2));
  });

  test("SEC-13: octets that come singly are not copied again each time", (context) => {
    const frames = new Frames();
    const { mock } = context.mock.method(Buffer, "concat");
    const message = frame(Buffer.alloc(1000, 1));
    for (const octet of message.subarray(0, -1)) {
      frames.push(Buffer.of(octet));
      assert.equal(frames.next(), undefined);
    }
    frames.push(message.subarray(-1));
    assert.equal(frames.next()?.length, 1000);
    assert.ok(mock.callCount() <= 2, `${mock.callCount()} times`);
  });

  test("SEC-13: leave nothing behind once read, however many came in one piece", () => {
    const message = frame(Buffer.alloc(510, 7));
    const connections: Frames[] = [];
    const before = inUse();
    for (let i = 0; i < 1000; i++) {
      const frames = new Frames();
      // As much as a socket delivers at once.
      frames.push(Buffer.concat(Array.from({ length: 128 }, () => message)));
      let count = 0;
      while (frames.next() !== undefined) count++;
      assert.equal(count, 128);
      connections.push(frames);
    }
    const kept = inUse() - before;
    assert.equal(connections.length, 1000);
    assert.ok(kept < 4 * 2 ** 20, `${kept} octets`);
  });
});
