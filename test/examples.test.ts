import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseConfig, readConfig } from "../src/config.ts";
import { root } from "./support/root.ts";

describe("what people copy", () => {
  it("examples/*.yaml are configurations without a mistake", () => {
    const examples = readdirSync(join(root, "examples")).filter((file) => file.endsWith(".yaml"));
    assert.ok(examples.length > 0);
    for (const file of examples) readConfig(join(root, "examples", file));
  });

  it("so is the configuration of the README, and it shows every field", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    const text = /```yaml\n([\s\S]*?)```/.exec(readme)?.[1];
    assert.ok(text);
    const shown = new Set(text.match(/^\w+(?=:)/gm));
    const fields = Object.keys(parseConfig(text, "README.md", root));
    assert.deepEqual([...shown].sort(), fields.sort());
  });
});
