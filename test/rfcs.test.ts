import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { root } from "./support/root.ts";

const rows = readFileSync(join(root, "docs/rfcs.md"), "utf8")
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .filter((cells) => /^[A-Z-]+-\d+$/.test(cells[1] ?? ""))
  .map(([, id, , status, shown]) => ({ id: id!, status: status!, shown: shown! }));

describe("docs/rfcs.md", () => {
  it("names, for every rule that is done, a test file that names the rule", () => {
    const wrong = rows
      .filter(({ status }) => status === "done")
      .filter(({ id, shown }) => {
        const files = [...shown.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
        return files.length === 0 || !files.every((file) => namesRule(file, id));
      })
      .map(({ id }) => id);
    assert.deepEqual(wrong, []);
  });

  it("has the rules of each area from the first to the last, and leaves none out", () => {
    const numbers = new Map<string, number>();
    for (const { id } of rows) {
      const area = id.slice(0, id.lastIndexOf("-"));
      const expected = (numbers.get(area) ?? 0) + 1;
      assert.equal(Number(id.slice(area.length + 1)), expected, id);
      numbers.set(area, expected);
    }
  });

  it("has each rule once, with a status that means something", () => {
    assert.ok(rows.length > 200, `${rows.length} rows`);
    assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length);
    const statuses = ["done", "by design", "no", "open"];
    assert.deepEqual(
      rows.filter(({ status }) => !statuses.includes(status)),
      [],
    );
  });
});

/** "MDNS-36", or the number in a list behind its area: "MDNS-36, 37" or "MDNS-36/37". */
function namesRule(file: string, id: string): boolean {
  const [area, number] = [id.slice(0, id.lastIndexOf("-")), id.slice(id.lastIndexOf("-") + 1)];
  const text = readFileSync(join(root, file), "utf8");
  return new RegExp(`\\b${area}-(\\d+(, |/| and ))*${number}\\b`).test(text);
}
