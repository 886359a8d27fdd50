/** The mistakes in the text of a configuration, one a line; fails if there are none. */
import assert from "node:assert/strict";
import { ConfigError } from "../../src/config/mistakes.ts";
import { parseConfig } from "../../src/config.ts";

export function mistakes(text: string, folder = "/nonexistent"): readonly string[] {
  try {
    parseConfig(text, "gateway.yaml", folder);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.lines;
  }
  assert.fail(`no mistake was found in ${text}`);
}
