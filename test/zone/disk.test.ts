import assert from "node:assert/strict";
import fs, { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { systemDisk } from "../../src/zone/journal/disk.ts";

/** What no kill of a process can show, as the system keeps its writes, synced or not. */
suite("the disk", () => {
  test("UPD-26: is asked to keep writes before sync resolves, and names before settle does", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "disk-"));
    const asked: string[] = [];
    const { fdatasync } = fs;
    const handles = Object.getPrototypeOf(await opened(folder));
    const { sync } = handles;
    t.after(() => {
      fs.fdatasync = fdatasync;
      handles.sync = sync;
      syncBuiltinESMExports();
      rmSync(folder, { recursive: true });
    });
    fs.fdatasync = ((descriptor: number, done: (error: Error | null) => void) => {
      asked.push(fs.readlinkSync(`/proc/self/fd/${descriptor}`));
      fdatasync(descriptor, done);
    }) as typeof fdatasync;
    handles.sync = function (this: { fd: number }) {
      asked.push(fs.readlinkSync(`/proc/self/fd/${this.fd}`));
      return sync.call(this);
    };
    syncBuiltinESMExports();
    const path = join(folder, "j");
    const file = systemDisk.create(path);
    file.write(Buffer.from("one"), 0);
    assert.deepEqual(asked, []);
    await file.sync();
    assert.deepEqual(asked.splice(0), [path]);
    file.close();
    await systemDisk.settle(path);
    assert.deepEqual(asked, [folder]);
    assert.equal(String(await systemDisk.read(path)), "one");
  });

  test("reports whether a name leads to a file, and assumes so where it cannot look", (t) => {
    const folder = mkdtempSync(join(tmpdir(), "disk-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, "j");
    const file = systemDisk.create(path);
    t.after(() => file.close());
    assert.ok(file.isAt(path));
    assert.ok(file.isAt(join(folder, "too long".repeat(100))));
    fs.renameSync(path, join(folder, "elsewhere"));
    assert.ok(!file.isAt(path));
    fs.copyFileSync(join(folder, "elsewhere"), path);
    assert.ok(!file.isAt(path), "a copy is another");
    fs.renameSync(join(folder, "elsewhere"), path);
    assert.ok(file.isAt(path));
    fs.symlinkSync(path, join(folder, "link"));
    assert.ok(file.isAt(join(folder, "link")));
    rmSync(folder, { recursive: true });
    assert.ok(!file.isAt(path));
  });
});

async function opened(path: string) {
  const handle = await open(path);
  await handle.close();
  return handle;
}
