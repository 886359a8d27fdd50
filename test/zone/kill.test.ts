import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { Type } from "../../src/dns/constants.ts";
import { compareSerials } from "../../src/dns/serial.ts";
import { openZone } from "../../src/zone/openzone.ts";
import { silentLog } from "../support/log.ts";
import { name, origin, setsOf } from "./fixture.ts";

const ROUNDS = 10;

suite("a zone whose process is killed", () => {
  test("UPD-26: has every acknowledged change, whenever it is killed", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "killed-"));
    t.after(() => rmSync(folder, { recursive: true }));
    /** What must be there, and what must not; what was in flight may be either. */
    const expected = new Map<string, "there" | "gone" | "either">();
    let serial = 0;
    for (let round = 0; round < ROUNDS; round++) {
      for (const line of await linesOfOneKilled(folder, `r${round}`, round)) {
        const [sign, owner, at] = line.split(" ") as [string, string, string?];
        expected.set(owner, sign === "+" ? "there" : sign === "-" ? "gone" : "either");
        serial = Number(at ?? serial);
      }
      const stop = new AbortController();
      const zone = await openZone({
        origin,
        folder,
        fileRecords: setsOf(""),
        clock: systemClock,
        log: silentLog,
        signal: stop.signal,
      });
      const { current } = zone;
      assert.ok(compareSerials(current.serial, serial) >= 0, `${current.serial} after ${serial}`);
      const listed = new Set(current.set(name("_t"), Type.PTR)?.rdatas.map(({ key }) => key));
      for (const [owner, state] of expected) {
        const isThere = current.set(name(owner), Type.A) !== undefined;
        const isListed = listed.has(name(owner).toLowerCase().wire);
        assert.equal(isThere, isListed, `half of ${owner}`);
        if (state !== "either")
          assert.equal(isThere, state === "there", `${owner}, round ${round}`);
      }
      stop.abort();
      await zone.closed;
    }
    assert.ok(expected.size > 100, `${expected.size} changes`);
  });
});

/** All that a process printed until it was killed amid its changes, each round after more of them. */
async function linesOfOneKilled(folder: string, prefix: string, round: number): Promise<string[]> {
  const program = new URL("./killed.js", import.meta.url).pathname;
  const child = spawn(process.execPath, [program, folder, prefix], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (said.split("\n").length > 20 * round) child.kill("SIGKILL");
  });
  await once(child, "close");
  assert.equal(child.signalCode, "SIGKILL", said);
  // The last line may be incomplete.
  return said.split("\n").slice(0, -1);
}
