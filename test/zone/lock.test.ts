import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { lock } from "../../src/zone/journal/lock.ts";
import { waitFor } from "../support/wait.ts";

const URL_OF_LOCK = new URL("../../src/zone/journal/lock.js", import.meta.url).href;
/** For a program of its own. */
const IMPORTED = `const { lock } = await import(${JSON.stringify(URL_OF_LOCK)});`;

suite("lock", () => {
  function place(t: { after(done: () => void): void }): string {
    const folder = mkdtempSync(join(tmpdir(), "lock-"));
    t.after(() => rmSync(folder, { recursive: true }));
    return join(folder, "z.lock");
  }

  /** Leaves the lock of a process. */
  function leave(path: string, owner: string): void {
    rmSync(path, { force: true });
    symlinkSync(owner, path);
  }

  test("is exclusive until it is released", (t) => {
    const path = place(t);
    const unlock = lock(path);
    assert.throws(() => lock(path), new RegExp(`z\\.lock: in use by process ${process.pid};`));
    unlock();
    assert.deepEqual(readdirSync(join(path, "..")), []);
    lock(path)();
  });

  test("of a live process is respected, and of a killed one taken over", async (t) => {
    const path = place(t);
    const program = `${IMPORTED} lock(${JSON.stringify(path)}); console.log("held"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program]);
    const gone = once(child, "exit");
    await once(child.stdout, "data");
    assert.throws(() => lock(path), new RegExp(`in use by process ${child.pid};`));
    child.kill("SIGKILL");
    await gone;
    const unlock = lock(path);
    assert.match(readlinkSync(path), new RegExp(`^${process.pid} `));
    unlock();
    assert.deepEqual(readdirSync(join(path, "..")), []);
  });

  test("of a dead process whose parent has not waited for it is taken over", async (t) => {
    const path = place(t);
    const program = `${IMPORTED} lock(${JSON.stringify(path)}); process.kill(process.pid, "SIGKILL");`;
    // A shell starts the process, and becomes a program that never waits.
    const script = '"$0" --input-type=module -e "$1" & echo $!; exec sleep 60';
    const parent = spawn("sh", ["-c", script, process.execPath, program]);
    t.after(() => parent.kill("SIGKILL"));
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const stat = `/proc/${Number(line)}/stat`;
    await waitFor("it to be dead", () => / Z /.test(readFileSync(stat, "utf8")));
    assert.match(readlinkSync(path), new RegExp(`^${Number(line)} `));
    lock(path)();
    assert.ok(existsSync(stat));
  });

  test("that was left behind is taken over by one of those who try at once", async (t) => {
    const path = place(t);
    const program = `${IMPORTED}
    process.stdin.on("data", () => {
      let said = "won";
      try { lock(${JSON.stringify(path)}); } catch (error) { said = error.message; }
      console.log(said);
    });
    console.log("ready");`;
    const spawned = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ["--input-type=module", "-e", program]),
    );
    t.after(() => {
      for (const child of spawned) child.kill("SIGKILL");
    });
    const next = async ({ stdout }: (typeof spawned)[number]) =>
      String((await once(stdout, "data", { signal: AbortSignal.timeout(10_000) }))[0]).trim();
    await Promise.all(spawned.map(next));
    for (let round = 0; round < 50; round++) {
      leave(path, `${process.pid} of another boot ${round}`);
      const said = spawned.map(next);
      for (const child of spawned) child.stdin.write("now\n");
      const results = await Promise.all(said);
      assert.equal(results.filter((each) => each === "won").length, 1, results.join("; "));
      for (const each of results)
        if (each !== "won") assert.match(each, /: in use by (process \d+|another process);/);
      assert.deepEqual(readdirSync(join(path, "..")), ["z.lock"]);
    }
  });

  test("of another process with the same number, now gone, is taken over", (t) => {
    const path = place(t);
    leave(path, `${process.pid} of another boot 17`);
    lock(path)();
    leave(path, "nonsense");
    lock(path)();
    const { pid } = spawnSync("true");
    leave(path, `${pid} ?`);
    lock(path)();
    writeFileSync(path, "no lock");
    lock(path)();
  });

  const skip = process.getuid?.() === 0 ? false : "needs root, for a disk that is full";
  test("needs no room on a full disk", { skip }, (t) => {
    const path = place(t);
    const folder = join(path, "..");
    const run = (name: string, ...words: string[]) => {
      const { status, stderr } = spawnSync(name, words, { encoding: "utf8" });
      assert.equal(status, 0, stderr);
    };
    run("mount", "-t", "tmpfs", "-o", "size=64k", "none", folder);
    try {
      assert.throws(() => writeFileSync(join(folder, "other"), Buffer.alloc(2 ** 20)), /ENOSPC/);
      lock(path)();
      leave(path, `${process.pid} of another boot`);
      lock(path)();
      assert.deepEqual(readdirSync(folder), ["other"]);
    } finally {
      run("umount", folder);
    }
  });

  test("that another has taken since is not released", (t) => {
    const path = place(t);
    const unlock = lock(path);
    leave(path, "1 other");
    unlock();
    assert.equal(readlinkSync(path), "1 other");
  });
});
