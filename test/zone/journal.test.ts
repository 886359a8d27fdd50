import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FormatError } from "../../src/dns/format.ts";
import { Journal } from "../../src/zone/journal/journal.ts";
import { MemoryDisk } from "./memorydisk.ts";

const octets = (text: string) => Buffer.from(text);

async function told(disk: MemoryDisk): Promise<string> {
  const opened = await Journal.open(disk, "j");
  return opened === undefined ? "nothing" : [...opened.entries].join(" ");
}

async function journalOf(disk: MemoryDisk, ...head: string[]): Promise<Journal> {
  return Journal.create(disk, "j", 1, head.map(octets));
}

suite("Journal", () => {
  test("is whole or does not exist, whenever its writer dies while creating it", async () => {
    for (let step = 1; ; step++) {
      const disk = new MemoryDisk();
      let isDying = false;
      disk.before = () => {
        if (disk.operations !== step) return;
        isDying = true;
        throw new Error("dead");
      };
      const isDone = await journalOf(disk, "head", "more").then(
        () => true,
        () => false,
      );
      assert.equal(disk.descriptors, isDone ? 1 : 0, `step ${step}`);
      const found = [disk.afterKill(), disk.afterPowerCut(() => false)];
      for (const after of found) {
        const text = await told(after);
        assert.ok(text === "head more" || (!isDone && text === "nothing"), `step ${step}: ${text}`);
        assert.ok(!after.paths.includes("j.new"));
      }
      if (!isDying) break;
    }
  });

  test("UPD-26: survives a power cut after its writer died having named it", async () => {
    for (const isRewritten of [false, true]) {
      const disk = new MemoryDisk();
      const dead = (what: string) => {
        if (what === "settle") throw new Error("dead");
      };
      if (!isRewritten) disk.before = dead;
      const begun = journalOf(disk, "head");
      if (isRewritten) {
        const journal = await begun;
        disk.before = dead;
        await assert.rejects(journal.rewrite(2, [octets("head")], []), /dead/);
      } else {
        await assert.rejects(begun, /dead/);
      }
      const again = disk.afterKill();
      const { journal } = (await Journal.open(again, "j"))!;
      await journal.append([octets("a")]);
      assert.equal(await told(again.afterPowerCut(() => false)), "head a");
    }
  });

  test("continues after what was read", async () => {
    const disk = new MemoryDisk();
    const journal = await journalOf(disk, "head");
    await journal.append([octets("a"), octets("b")]);
    const opened = await Journal.open(disk.afterKill(), "j");
    assert.equal([...opened!.entries].join(" "), "head a b");
    const again = disk.afterKill();
    const second = (await Journal.open(again, "j"))!.journal;
    await second.append([octets("c")]);
    assert.equal(await told(again), "head a b c");
  });

  test("UPD-26: whose file was taken away accepts nothing until it is put back", async () => {
    const disk = new MemoryDisk();
    const journal = await journalOf(disk, "head");
    await journal.append([octets("a")]);
    await disk.rename("j", "elsewhere");
    await assert.rejects(
      journal.append([octets("b")]),
      /^Error: j has been removed or replaced; put it back/,
    );
    const copy = disk.create("j");
    copy.write(disk.octets("elsewhere"), 0);
    await assert.rejects(
      journal.append([octets("b")]),
      /removed or replaced/,
      "another is in its place",
    );
    await disk.rename("elsewhere", "j");
    await journal.append([octets("c")]);
    assert.equal(await told(disk), "head a c");
  });

  test("UPD-26: has what a start has read on the disk, even if its writer died before the sync", async () => {
    const disk = new MemoryDisk();
    const journal = await journalOf(disk, "head");
    let left: MemoryDisk | undefined;
    disk.before = (what) => {
      if (what === "sync") left ??= disk.afterKill();
    };
    await journal.append([octets("a")]);
    assert.equal(await told(left!), "head a");
    assert.equal(await told(left!.afterPowerCut(() => false)), "head a");
  });

  test("reports which file is damaged, and where", async () => {
    const disk = new MemoryDisk();
    const journal = await journalOf(disk, "head");
    await journal.append([octets("a")]);
    const damaged = disk.octets("j");
    damaged[30]! ^= 1;
    await assert.rejects(Journal.open(MemoryDisk.of([["j", damaged]]), "j"), (error: Error) => {
      assert.ok(error instanceof FormatError);
      assert.match(error.message, /^j: damaged at octet 19/);
      return true;
    });
  });

  test("has the new head after rewriting, and what was appended meanwhile", async () => {
    const disk = new MemoryDisk();
    const journal = await journalOf(disk, "head");
    await journal.append([octets("a")]);
    const [b, c, d] = [octets("b"), octets("c"), octets("d")];
    const rewritten = journal.rewrite(2, [octets("anew+a+b"), octets("more")], [b]);
    await journal.append([b, c]);
    await journal.append([d]);
    await rewritten;
    await journal.append([octets("e")]);
    assert.equal(await told(disk), "anew+a+b more c d e");
    assert.deepEqual(disk.paths, ["j"]);
  });

  test("is rewritten in few writes, each of many entries", async () => {
    const disk = new MemoryDisk();
    const journal = await journalOf(disk, "head");
    let syncs = 0;
    disk.before = (what) => {
      if (what === "sync") syncs++;
    };
    const entries = Array.from({ length: 200 }, (_, i) => octets(`${i}`.padEnd(16 * 1024, "x")));
    await journal.rewrite(2, entries, []);
    assert.ok(syncs < 20, `${syncs} writes`);
    assert.equal(await told(disk), entries.join(" "));
  });

  test("has what was appended between the pieces of its rewriting, and after the last", async () => {
    const disk = new MemoryDisk();
    const journal = await journalOf(disk, "head");
    const b = octets("b");
    async function* head() {
      yield octets("anew+b");
      await journal.append([b]);
      await journal.append([octets("c")]);
      yield octets("more");
      await journal.append([octets("d")]);
    }
    const rewritten = journal.rewrite(2, head(), [b]);
    for (const name of ["e", "f", "g", "h"]) await journal.append([octets(name)]);
    await rewritten;
    await journal.append([octets("i")]);
    const [anew, more, ...later] = (await told(disk)).split(" ");
    assert.deepEqual([anew, more], ["anew+b", "more"]);
    assert.deepEqual(later.toSorted(), ["c", "d", "e", "f", "g", "h", "i"]);
    assert.equal(await told(disk.afterPowerCut(() => false)), await told(disk));
  });

  test("has all that was acknowledged, whenever its writer dies while rewriting it", async () => {
    for (let step = 1; ; step++) {
      const disk = new MemoryDisk();
      const journal = await journalOf(disk, "head");
      const acknowledged = ["head"];
      const first = disk.operations;
      let images: MemoryDisk[] | undefined;
      let imagesHave = 0;
      disk.before = () => {
        if (disk.operations !== first + step) return;
        images = [true, false].map((lasts) => disk.afterPowerCut(() => lasts));
        images.push(disk.afterKill());
        imagesHave = acknowledged.length;
      };
      const append = async (name: string) => {
        await journal.append([octets(name)]);
        acknowledged.push(name);
      };
      const rewritten = journal.rewrite(2, [octets("head")], []);
      for (const name of ["a", "b", "c", "d", "e", "f"]) await append(name);
      await rewritten;
      for (const name of ["g", "h"]) await append(name);
      if (images === undefined) {
        assert.ok(step > 10);
        break;
      }
      for (const image of images) {
        const found = (await told(image)).split(" ");
        assert.ok(found.length >= imagesHave, `step ${step}: ${found}`);
        assert.deepEqual(found, acknowledged.slice(0, found.length), `step ${step}`);
      }
    }
  });

  test("loses nothing if it cannot be rewritten, and nothing is left over", async () => {
    const operations = new Set<string>();
    for (let step = 1; ; step++) {
      const disk = new MemoryDisk();
      const journal = await journalOf(disk, "head");
      const first = disk.operations;
      let failed: string | undefined;
      disk.before = (what) => {
        if (disk.operations !== first + step) return;
        failed = what;
        throw new Error("EIO");
      };
      await journal.rewrite(2, [octets("head"), octets("more")], []).catch(() => {});
      disk.before = () => {};
      assert.deepEqual(disk.paths, ["j"], "nothing is left over");
      assert.equal(disk.descriptors, 1, `step ${step}: ${failed}`);
      await journal.append([octets("a")]);
      // Reading it settles it.
      const left = disk.afterPowerCut(() => false);
      assert.ok(["head a", "head more a"].includes(await told(disk)), `step ${step}`);
      assert.equal(await told(left), await told(disk), `step ${step}`);
      if (failed !== undefined) operations.add(failed);
      else break;
    }
    for (const each of ["create", "write", "sync", "rename", "close", "settle"])
      assert.ok(operations.has(each), each);
  });

  test("is not rewritten from what could not be written", async () => {
    const disk = new MemoryDisk();
    const journal = await journalOf(disk, "head");
    const b = octets("b");
    const rewritten = journal.rewrite(2, [octets("head+b")], [b]);
    const failed = assert.rejects(rewritten, /EIO/);
    disk.before = () => {
      disk.before = () => {};
      throw new Error("EIO");
    };
    await assert.rejects(journal.append([b]), /EIO/);
    await failed;
    assert.equal(await told(disk), "head");
  });
});
