import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";

describe("the heap settings for V8", () => {
  it("use only flags that this V8 knows: it would complain about another, and go on", () => {
    const settle = new URL("../../src/cli/v8.js", import.meta.url);
    const program = `import { settleHeap } from "${settle}"; settleHeap();`;
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
    });
    assert.equal(stderr, "");
    assert.equal(status, 0);
  });
});
