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
    const { mock } = context.mock.method(Buffer, "allocUnsafeSlow");
    const message = frame(Buffer.from(Array.from({ length: 1000 }, (_, i) => i)));
    for (const octet of message.subarray(0, -1)) {
      frames.push(Buffer.of(octet));
      assert.equal(frames.next(), undefined);
    }
    frames.push(message.subarray(-1));
    assert.deepEqual(frames.next(), message.subarray(2));
    assert.ok(mock.callCount() <= 10, `${mock.callCount()} times`);
  });

  test("are whole, however they are cut, and stay as they were", () => {
    const messages = Array.from({ length: 40 }, (_, i) => Buffer.alloc((i * 37) % 500, i));
    const stream = Buffer.concat(messages.map(frame));
    for (const size of [1, 2, 3, 100, 501, 502, 1000, stream.length]) {
      const frames = new Frames();
      const read: Uint8Array[] = [];
      for (let at = 0; at < stream.length; at += size) {
        frames.push(Buffer.from(stream.subarray(at, at + size)));
        for (let next = frames.next(); next !== undefined; next = frames.next()) read.push(next);
      }
      assert.deepEqual(read.map(String), messages.map(String), `pieces of ${size}`);
    }
  });

  test("SEC-13: cost hardly more than their octets while incomplete, in whatever pieces", () => {
    const octets = 60_000;
    const frames = new Frames();
    const before = inUse();
    frames.push(Buffer.of(0xff, 0xff));
    for (let i = 0; i < octets; i++) {
      // As a socket delivers it: in a buffer of its own.
      frames.push(Buffer.allocUnsafeSlow(1));
      assert.equal(frames.next(), undefined);
    }
    const kept = inUse() - before;
    assert.ok(kept < 3 * octets, `${kept} octets`);
    frames.push(Buffer.alloc(0xffff));
    assert.equal(frames.next()?.length, 0xffff);
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
