import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";

describe("what V8 is told of our memory", () => {
  it("is what this V8 knows: of a flag that it does not it would complain, and go on", () => {
    const settle = new URL("../../src/cli/v8.js", import.meta.url);
    const program = `import { settleHeap } from "${settle}"; settleHeap();`;
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
    });
    assert.equal(stderr, "");
    assert.equal(status, 0);
  });
});
