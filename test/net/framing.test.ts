import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Frames, frame } from "../../src/net/framing.ts";
import { inUse } from "../support/memory.ts";

suite("messages in a stream", () => {
  test("SEC-13: leave nothing behind when all of them are read, however many came in one piece", () => {
    const message = frame(Buffer.alloc(510, 7));
    const connections: Frames[] = [];
    const before = inUse();
    for (let i = 0; i < 1000; i++) {
      const frames = new Frames();
      // As much as a socket gives at once.
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
