import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Commits } from "../../src/zone/commits.ts";

/** Writes that end when the test says so. */
function bench() {
  const told: string[] = [];
  const ends: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const commits = new Commits({
    begin: () => told.push("begin"),
    append: (entries) => {
      told.push(`write ${entries.map(String).join(" ")}`);
      return new Promise((resolve, reject) => ends.push({ resolve, reject }));
    },
    kept: (isWritten) => told.push(isWritten ? "kept" : "answered"),
    failed: (error) => told.push((error as Error).message),
  });
  const add = (name: string) =>
    commits.add({
      entry: Buffer.from(name),
      keep: () => told.push(`keep ${name}`),
      undo: () => told.push(`undo ${name}`),
    });
  const answer = (name: string) =>
    commits.add({
      entry: undefined,
      keep: () => told.push(`keep ${name}`),
      undo: () => told.push(`undo ${name}`),
    });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { told, ends, commits, add, answer, turn };
}

suite("Commits", () => {
  test("write at once, and all that arrives during a write together", async () => {
    const { told, ends, add, commits, turn } = bench();
    add("a");
    assert.deepEqual(told.splice(0), ["begin", "write a"]);
    add("b");
    add("c");
    assert.deepEqual(commits.waiting.map(String), ["b", "c"]);
    ends[0]!.resolve();
    await turn();
    assert.deepEqual(told.splice(0), ["keep a", "kept", "begin", "write b c"]);
    assert.deepEqual(commits.waiting, []);
    ends[1]!.resolve();
    await commits.idle();
    assert.deepEqual(told, ["keep b", "keep c", "kept"]);
  });

  test("keep at once what needs no writing, unless a write is in flight", async () => {
    const { told, ends, add, answer, commits } = bench();
    answer("x");
    assert.deepEqual(told.splice(0), ["begin", "keep x", "answered"]);
    add("a");
    answer("y");
    assert.deepEqual(told.splice(0), ["begin", "write a"]);
    ends[0]!.resolve();
    await commits.idle();
    assert.deepEqual(told, ["keep a", "kept", "begin", "keep y", "answered"]);
  });

  test("undo a failed write and all behind it, the last first, and go on", async () => {
    const { told, ends, add, answer, commits, turn } = bench();
    add("a");
    add("b");
    answer("c");
    ends[0]!.reject(new Error("ENOSPC"));
    await turn();
    assert.deepEqual(told.splice(0), ["begin", "write a", "undo c", "undo b", "undo a", "ENOSPC"]);
    add("d");
    ends[1]!.resolve();
    await commits.idle();
    assert.deepEqual(told, ["begin", "write d", "keep d", "kept"]);
  });
});
