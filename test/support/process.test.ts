/** Programs that leave children behind, which hold their output open. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Running, run } from "./process.ts";

const limits = { timeout: 10_000 };

suite("a program that leaves another behind", { concurrency: true }, () => {
  test("has ended when it has, with what it printed", limits, async () => {
    const { status, stdout } = await run(["sh", "-c", "echo here; sleep 15 & exit 3"]);
    assert.deepEqual([status, `${stdout}`], [3, "here\n"]);
  });

  test("and is killed has ended too", limits, async () => {
    const program = new Running(["sh", "-c", "sleep 15 & echo here; wait"]);
    await program.line(/here/);
    assert.equal(await program.stop("SIGKILL"), null);
  });
});
