import assert from "node:assert/strict";
import { test } from "node:test";
import { readable } from "../../src/cli/log.ts";
import { forTerminal } from "../../src/cli/terminal.ts";

test("a log line contains no terminal controls, whatever its fields hold", () => {
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

test("characters that control a terminal or turn text round are written as numbers, no others", () => {
  const driving = [
    ..."\u0000\u0007\u0009\u000b\u001b\u001f\u007f\u0080\u009f\u2028\u202e\u2066\u2069",
  ];
  const numbers = driving.map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  assert.equal(forTerminal(driving.join("")), numbers.join(""));
  const others = "\n ~\u00a0é\u2027\u202f\u2065\u206a\u{1f5a8}";
  assert.equal(forTerminal(others), others);
});
