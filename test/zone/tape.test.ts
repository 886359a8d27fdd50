import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { crc32 } from "node:zlib";
import { FormatError } from "../../src/dns/format.ts";
import { readTape, Tape } from "../../src/zone/journal/tape.ts";
import { inUse } from "../support/memory.ts";
import { MemoryDisk } from "./memorydisk.ts";

const SALT = 0xfffffffe;
const octets = (text: string) => Buffer.from(text);

/** A tape with these writes, each of some entries, and where each write ended. */
async function tapeOf(...writes: readonly (readonly string[])[]) {
  const disk = new MemoryDisk();
  const tape = Tape.begin(disk.create("tape"), SALT);
  await disk.settle();
  const ends = [tape.length];
  for (const entries of writes) {
    await tape.write(entries.map(octets));
    ends.push(tape.length);
  }
  return { disk, tape, ends };
}

function textOf(recorded: Buffer): string {
  return [...readTape(recorded).entries].join(" ");
}

suite("Tape", () => {
  test("returns what was written, even where its numbers wrap around", async () => {
    const { disk, ends } = await tapeOf(["one", "two"], [""], ["three"], ["four"]);
    const recording = readTape(disk.octets("tape"));
    assert.deepEqual([...recording.entries].map(String), ["one", "two", "", "three", "four"]);
    assert.deepEqual([recording.length, recording.torn], [ends.at(-1), 0]);
  });

  test("needs one sync for each write", async () => {
    const disk = new MemoryDisk();
    const tape = Tape.begin(disk.create("tape"), SALT);
    let syncs = 0;
    disk.before = (what) => {
      if (what === "sync") syncs++;
    };
    for (const text of ["one", "two", "three"]) await tape.write([octets(text)]);
    assert.equal(syncs, 3);
  });

  test("takes any number of entries in one write", async () => {
    const many = new Array<string>(130_000).fill("entry");
    const { disk } = await tapeOf(many);
    assert.equal([...readTape(disk.octets("tape")).entries].length, many.length);
  });

  test("is read without keeping its entries in memory, of which there may be millions", async () => {
    const many = new Array<string>(130_000).fill("entry");
    const recorded = (await tapeOf(many)).disk.octets("tape");
    const before = inUse();
    const recording = readTape(recorded);
    const held = inUse() - before;
    assert.ok(held < 2 ** 20, `${held} octets`);
    assert.equal([...recording.entries].length, many.length);
  });

  test("cut off anywhere, has what was written whole, and continues from there", async () => {
    const { disk, ends } = await tapeOf(["one"], ["two", "three"], ["four"]);
    const whole = disk.octets("tape").subarray(0, ends.at(-1));
    const told = ["", "one", "one two three", "one two three four"];
    for (let cut = 0; cut <= whole.length; cut++) {
      const rest = whole.subarray(0, cut);
      if (cut < ends[0]!) {
        assert.throws(() => readTape(rest), FormatError, `cut at ${cut}`);
        continue;
      }
      const last = ends.findLastIndex((end) => end <= cut);
      const recording = readTape(rest);
      assert.equal(textOf(rest), told[last], `cut at ${cut}`);
      assert.equal(recording.length, ends[last]);
      const again = MemoryDisk.of([["tape", rest]]);
      const tape = Tape.goOn(again.open("tape"), recording);
      await tape.cutOff();
      assert.equal(again.octets("tape").length, ends[last]);
      await tape.write([octets("more")]);
      assert.equal(textOf(again.octets("tape")), `${told[last]} more`.trim(), `cut at ${cut}`);
    }
  });

  test("with an octet changed before the last write is refused", async () => {
    const { disk, ends } = await tapeOf(["one"], ["two"], ["three"]);
    const whole = disk.octets("tape").subarray(0, ends.at(-1));
    for (let at = 0; at < ends[2]!; at++) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x10;
      assert.throws(() => readTape(damaged), FormatError, `octet ${at}`);
    }
    for (let at = ends[2]!; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x10;
      assert.equal(textOf(damaged), "one two", "the last is taken for one that was under way");
    }
  });

  test("of another format is distinguished from a damaged one", async () => {
    const { disk } = await tapeOf(["one"]);
    const later = disk.octets("tape");
    const version = "DNSSDZJ".length;
    later.writeUInt32BE(later.readUInt32BE(version) + 1, version);
    assert.throws(() => readTape(later), /damaged at its head/);
    later.writeUInt32BE(crc32(later.subarray(0, version + 8)), version + 8);
    assert.throws(() => readTape(later), /^FormatError: of format 2, expected 1$/);
  });

  test("with any part lost before the last write is refused", async () => {
    const writes = Array.from({ length: 12 }, (_, i) => [`write ${i}`]);
    const { disk, ends } = await tapeOf(...writes);
    const whole = disk.octets("tape").subarray(0, ends.at(-1));
    const last = ends.at(-2)!;
    for (let from = ends[0]!; from < last; from++) {
      for (let end = from + 1; end <= last; end += 7) {
        const damaged = Buffer.from(whole).fill(0, from, end);
        if (damaged.equals(whole)) continue;
        assert.throws(() => readTape(damaged), /damaged at octet \d+/, `${from} to ${end}`);
      }
    }
  });

  test("does not take a forged frame within an entry for one of its own", async () => {
    const other = new MemoryDisk();
    // The forger has guessed the next number, but not the salt.
    const guess = { salt: 3, frames: 6, length: 0, entries: [], torn: 0 };
    const forger = Tape.goOn(other.create("forged"), guess);
    await forger.write([octets("one")]);
    const frame = other.octets("forged").subarray(0, forger.length);
    const tape = Tape.begin(other.create("tape"), 7);
    await tape.write([frame]);
    await tape.write([frame, octets("cut")]);
    const rest = other.octets("tape").subarray(0, tape.length - 1);
    assert.equal([...readTape(rest).entries].length, 1);
  });

  test("writes over zeros, and has zeros at its end", async () => {
    const { disk, tape } = await tapeOf(["one"]);
    const recorded = disk.octets("tape");
    assert.ok(recorded.length > tape.length);
    assert.ok(recorded.subarray(tape.length).every((octet) => octet === 0));
    await tape.write([octets("two")]);
    assert.equal(disk.octets("tape").length, recorded.length);
  });

  test("continues without zeros where there is no room for them", async () => {
    const { disk } = await tapeOf();
    const tape = Tape.begin(disk.create("tape"), SALT);
    let writes = 0;
    disk.before = (what) => {
      if (what === "write" && ++writes % 2 === 0) throw new Error("ENOSPC");
    };
    await tape.write([octets("one")]);
    disk.before = () => {};
    await tape.write([octets("two")]);
    assert.equal(textOf(disk.octets("tape")), "one two");
  });

  for (const failing of ["write", "sync"]) {
    test(`after a failed ${failing} has nothing of it and takes the next`, async () => {
      const { disk, tape } = await tapeOf(["one"]);
      disk.before = (what) => {
        if (what === failing) throw new Error("EIO");
      };
      await assert.rejects(tape.write([octets("a longer one that fails")]), /EIO/);
      disk.before = () => {};
      await tape.write([octets("two")]);
      assert.equal(textOf(disk.octets("tape")), "one two");
      assert.equal(textOf(disk.afterPowerCut(() => false).octets("tape")), "one two");
    });
  }

  test("UPD-26: has nothing of a failed write, even if its writer dies before the next", async () => {
    const { disk, tape } = await tapeOf(["one"]);
    disk.before = (what) => {
      if (what !== "sync") return;
      disk.before = () => {};
      throw new Error("EIO");
    };
    await assert.rejects(tape.write([octets("two")]), /EIO/);
    for (const left of [disk.afterKill(), disk.afterPowerCut(() => true)]) {
      assert.equal(textOf(left.octets("tape")), "one");
    }
  });

  test("writes nothing behind what it could not cut off", async () => {
    const { disk, tape } = await tapeOf(["one"]);
    disk.before = (what) => {
      if (what !== "write") throw new Error("EIO");
    };
    await assert.rejects(tape.write([octets("two")]), /EIO/);
    const before = disk.octets("tape");
    await assert.rejects(tape.write([octets("three")]), /EIO/);
    assert.deepEqual(disk.octets("tape"), before);
    disk.before = () => {};
    await tape.write([octets("four")]);
    assert.equal(textOf(disk.octets("tape")), "one four");
  });
});
