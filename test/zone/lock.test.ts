import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { lock } from "../../src/zone/journal/lock.ts";

suite("lock", () => {
  function place(t: { after(done: () => void): void }): string {
    const folder = mkdtempSync(join(tmpdir(), "lock-"));
    t.after(() => rmSync(folder, { recursive: true }));
    return join(folder, "z.lock");
  }

  test("is one's own until it is let go", (t) => {
    const path = place(t);
    const unlock = lock(path);
    assert.throws(() => lock(path), new RegExp(`z\\.lock: in use by process ${process.pid};`));
    unlock();
    assert.deepEqual(readdirSync(join(path, "..")), []);
    lock(path)();
  });

  test("of a process that lives is respected, of one that was killed taken over", async (t) => {
    const path = place(t);
    const program = `const { lock } = await import(${JSON.stringify(
      new URL("../../src/zone/journal/lock.js", import.meta.url).href,
    )}); lock(${JSON.stringify(path)}); console.log("held"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program]);
    const gone = once(child, "exit");
    await once(child.stdout, "data");
    assert.throws(() => lock(path), new RegExp(`in use by process ${child.pid};`));
    child.kill("SIGKILL");
    await gone;
    const unlock = lock(path);
    assert.match(readFileSync(path, "utf8"), new RegExp(`^${process.pid} `));
    unlock();
    assert.deepEqual(readdirSync(join(path, "..")), []);
  });

  test("of another process with the same number, now gone, is taken over", (t) => {
    const path = place(t);
    writeFileSync(path, `${process.pid} of another boot 17\n`);
    lock(path)();
    writeFileSync(path, "nonsense");
    lock(path)();
    const { pid } = spawnSync("true");
    writeFileSync(path, `${pid} ?\n`);
    lock(path)();
  });

  const skip = existsSync("/dev/full") ? false : "needs /dev/full";
  test("that cannot be written on a full disk leaves nothing behind", { skip }, (t) => {
    const path = place(t);
    symlinkSync("/dev/full", `${path}.${process.pid}`);
    assert.throws(() => lock(path), /ENOSPC/);
    assert.deepEqual(readdirSync(join(path, "..")), []);
  });

  test("that another has taken since is not let go of", (t) => {
    const path = place(t);
    const unlock = lock(path);
    writeFileSync(path, "1 other\n");
    unlock();
    assert.equal(readFileSync(path, "utf8"), "1 other\n");
  });
});
