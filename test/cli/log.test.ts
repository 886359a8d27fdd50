import assert from "node:assert/strict";
import { test } from "node:test";
import { readable } from "../../src/cli/log.ts";

test("a line of the log drives no terminal, whatever it tells of", () => {
  const event = {
    level: 30,
    time: 0,
    msg: "said \u001b[31m",
    reason: "a\u001b]0;b\u0007\u009bc\u202ed\n",
  };
  const line = readable(JSON.stringify(event));
  assert.match(
    line,
    /^\d\d:\d\d:\d\d info {2}said \\u001b\[31m reason="a\\u001b\]0;b\\u0007\\u009bc\\u202ed\\n"\n$/,
  );
});
