/** The deadline of test files, tried on some that hang. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { temporaryFolder } from "./gateway.ts";
import { run } from "./process.ts";

const HANGING = [
  [
    "a loop",
    "test('t', () => { (function turning() { for (;;); })(); });",
    /hanging\.test\.mjs: Error: it is here\n(.*\n)?.*at turning .*hanging\.test\.mjs/,
    2_000,
  ],
  [
    "a wait",
    "test('t', () => new Promise((resolve) => setTimeout(resolve, 100_000)));",
    /hanging\.test\.mjs: after 2 s it waits for .*Timeout/,
    2_000,
  ],
  [
    "what it left open",
    "test('t', () => void createServer().listen(0));",
    /hanging\.test\.mjs: after its last test it waits for .*TCPServerWrap/,
    60_000,
  ],
] as const;

suite("a test file that hangs in", { concurrency: true }, () => {
  for (const [what, code, expected, deadline] of HANGING) {
    test(`${what} fails, and says so`, async () => {
      const file = join(temporaryFolder(), "hanging.test.mjs");
      const head = "import { test } from 'node:test';\nimport { createServer } from 'node:net';\n";
      writeFileSync(file, `${head}${code}\n`);
      const watch = ["--import", join(import.meta.dirname, "deadline.js")];
      const runner = ["env", "-u", "NODE_TEST_CONTEXT", process.execPath];
      const limits = { timeout: 60_000, env: { TEST_FILE_DEADLINE: `${deadline}` } };
      const { status, stdout } = await run([...runner, ...watch, "--test", file], limits);
      assert.equal(status, 1);
      assert.match(`${stdout}`, expected);
    });
  }
});
