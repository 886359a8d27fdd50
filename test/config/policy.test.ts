import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../src/config/mistakes.ts";
import { serviceGroups } from "../../src/config/servicegroups.ts";
import { parseConfig } from "../../src/config.ts";

const mistakes = (policy: string): readonly string[] => {
  try {
    parseConfig(`policy: ${policy}`, "g.yaml", ".");
  } catch (error) {
    if (error instanceof ConfigError) return error.lines;
    throw error;
  }
  return [];
};

const cases: readonly (readonly [policy: string, expected: RegExp])[] = [
  ["{ rules: [{ deny: painters }] }", /rules\[0\]\.deny: "painters" is neither .* printers, /],
  ["{ rules: [{ deny: [chat, _x] }] }", /rules\[0\]\.deny: "_x" is neither a type nor a group; /],
  ["{ rules: [{ site: paris }] }", /rules\[0\]: expected either allow or deny$/],
  ["{ rules: [{ allow: all, deny: all }] }", /rules\[0\]: expected either allow or deny$/],
  ["{ rules: [{ deny: all, hosts: x }] }", /rules\[0\]\.hosts: unknown field; .* instance, host, /],
  ["{ rules: [{ deny: all, address: x }] }", /rules\[0\]\.address: .*expected a network /],
  [
    "{ rules: [{ deny: all, host: Printer.LOCAL. }] }",
    /host: expected a host's name without \.local/,
  ],
  ["{ hosts: [wpad.local] }", /hosts\S*: expected .*host/],
  ["{ rules: [{ deny: all, address: [] }] }", /rules\[0\]: a list in it is empty/],
  [`{ rules: [{ deny: _${"é".repeat(32)}._tcp }] }`, /deny: "_é+\._tcp" is neither a type nor/],
  ["{ rules: [{ deny: '_a\\9b._tcp' }] }", /deny: "_a\\9b\._tcp" is neither a type nor a group/],
  ["{ rules: [{ deny: [] }] }", /rules\[0\]: a list in it is empty/],
  ["{ rules: [{ deny: all, site: [] }] }", /rules\[0\]: a list in it is empty/],
  ["{ rules: { deny: all } }", /rules: expected a list such as \[\{ deny: chat, /],
  ["{ text: [{ type: chat, drop: ['a=b'] }] }", /text\[0\]\.drop\S*: expected .*key/],
  [`{ text: [{ type: all, set: { a: ${"x".repeat(254)} } }] }`, /set\.a: expected 255 octets/],
  ["{ text: [{ drop: [a] }] }", /text\[0\]\.type: missing; expected a service type/],
  ["{ addresses: [{ from: 10.1.0.0/16, to: 10.2.0.0/24 }] }", /\.to: expected from and to of one/],
  ["{ addresses: [{ from: 10.1.0.1, to: 'fd00::1' }] }", /\.to: expected from and to of one/],
  ["{ addresses: [{ from: 10.0.0.0/8, to: 'fd00::/8' }] }", /\.to: expected from and to of one/],
  ["{ addresses: [{ from: here, to: 10.2.0.0/24 }] }", /\.from: "here" is not a network; expected/],
  ["deny", /policy: expected fields such as rules:$/],
];

for (const [policy, expected] of cases) {
  test(`policy: ${policy.slice(0, 60)} is a mistake whose message says what was expected`, () => {
    const lines = mistakes(policy);
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /^g\.yaml:1: policy/);
    assert.match(lines[0]!, expected);
  });
}

test("every type of a group is valid, and listed once", () => {
  for (const [group, types] of Object.entries(serviceGroups)) {
    assert.deepEqual(mistakes(`{ rules: [{ deny: [${types.join(", ")}] }] }`), [], group);
    assert.equal(new Set<string>(types).size, types.length, group);
  }
});

test("rules keep their order, and the built-in denials follow them", () => {
  const { rules } = parseConfig(
    "policy: { rules: [{ deny: chat }, { allow: all }] }",
    "g",
    ".",
  ).policy;
  assert.deepEqual(
    rules.map(({ isAllowed, reason }) => [isAllowed, reason]),
    [
      [false, "policy.rules[0] denies it"],
      [true, "policy.rules[1] denies it"],
      [false, "its type reveals personal data, and no rule allows it"],
      [false, "its type steers clients, and no rule allows it"],
    ],
  );
});
