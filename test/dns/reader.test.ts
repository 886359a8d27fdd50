import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FormatError } from "../../src/dns/format.ts";
import { Reader } from "../../src/dns/reader.ts";

function readerOf(hex: string, offset = 0): Reader {
  return new Reader(Buffer.from(hex.replaceAll(" ", ""), "hex"), offset);
}

function nameAt(hex: string, offset: number): string {
  return readerOf(hex, offset).name().toString();
}

describe("Reader", () => {
  it("reads numbers of every width, up to the highest", () => {
    const reader = readerOf("ff ffff ffffffff ffffffffffff");
    assert.deepEqual(
      [reader.u8(), reader.u16(), reader.u32(), reader.u48()],
      [0xff, 0xffff, 0xffffffff, 0xffffffffffff],
    );
    assert.equal(reader.left, 0);
  });

  it("reads nothing past its end", () => {
    for (const read of ["u8", "u16", "u32", "u48", "string", "name"] as const) {
      const reader = readerOf("0501020304050607");
      assert.throws(() => reader.within(0, () => reader[read](), undefined), FormatError, read);
    }
    const reader = readerOf("05 61 62");
    assert.throws(() => reader.string(), FormatError);
    assert.throws(() => readerOf("01").take(2), FormatError);
    assert.throws(() => readerOf("01").skip(2), FormatError);
  });

  it("reads a part that must be used up", () => {
    const reader = readerOf("0102 03");
    assert.equal(
      reader.within(2, () => reader.u16(), undefined),
      0x0102,
    );
    assert.equal(reader.left, 1);
    assert.throws(() => readerOf("0102").within(2, () => 0, undefined), FormatError);
    assert.throws(() => readerOf("01").within(2, () => 0, undefined), FormatError);
    const inner = readerOf("0102 0304");
    assert.throws(() => inner.within(2, () => inner.u32(), undefined), FormatError);
    assert.equal(inner.end, 4);
  });

  it("follows pointers, and continues after the first", () => {
    const message = "01 61 01 62 00  01 63 c000  c005  01 64 c007";
    assert.equal(nameAt(message, 0), "a.b.");
    assert.equal(nameAt(message, 5), "c.a.b.");
    assert.equal(nameAt(message, 9), "c.a.b.");
    assert.equal(nameAt(message, 11), "d.a.b.");
    const reader = readerOf(message, 5);
    assert.equal(reader.name().toString(), "c.a.b.");
    assert.equal(reader.offset, 9);
    assert.equal(reader.name().toString(), "c.a.b.");
    assert.equal(reader.offset, 11);
  });

  it("remembers where pointers led, without confusing names with their suffixes", () => {
    // "b." at 0, "x.a.b." at 3. Then pointers to the latter's suffix "a.b.", and to the others.
    const reader = readerOf("01 62 00  01 78 01 61 c000  c005 c000 c005 c003", 9);
    assert.deepEqual([reader.name(), reader.name(), reader.name(), reader.name()].map(String), [
      "a.b.",
      "b.",
      "a.b.",
      "x.a.b.",
    ]);
  });

  for (const [what, hex, offset] of [
    ["a pointer to itself", "c000", 0],
    ["a pointer forward", "c002 00", 0],
    ["a loop of two", "c002 c000", 2],
    ["a label and a pointer back to it", "01 61 c000", 0],
    ["a pointer past the end", "00 ffff", 1],
    ["a pointer that is cut off", "00 c0", 1],
    ["a label past the end", "05 61", 0],
    ["a name without an end", "01 61", 0],
    ["label type 01", "41 61 00", 0],
    ["label type 10", "81 61 00", 0],
    ["a pointer to label type 01", "41 00 c000", 2],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => nameAt(hex, offset), FormatError);
    });
  }

  it("refuses a name of more than 255 octets, and accepts one of 255", () => {
    const label = `3f${"61".repeat(63)}`;
    const most = `${label.repeat(3)}3d${"61".repeat(61)}00`;
    assert.equal(readerOf(most).name().wireLength, 255);
    assert.throws(() => nameAt(`${label.repeat(3)}3e${"61".repeat(62)}00`, 0), FormatError);
    assert.throws(() => nameAt(`${most} 0161 c000`, 255), FormatError);
    assert.throws(() => nameAt(`${"0161".repeat(128)}00`, 0), FormatError);
  });

  it("follows 127 pointers in a row and no more", () => {
    const chain = (pointers: number) => {
      const bytes = [0];
      for (let i = 0, target = 0; i < pointers; i++) {
        bytes.push(0xc0 | (target >> 8), target & 0xff);
        target = bytes.length - 2;
      }
      return new Reader(Buffer.from(bytes), bytes.length - 2).name();
    };
    assert.equal(chain(127).toString(), ".");
    assert.throws(() => chain(128), FormatError);
  });

  it("follows a pointer out of the part it reads, which limits only what is read in place", () => {
    const reader = readerOf("01 61 00 c000 ff", 3);
    assert.equal(reader.within(2, () => reader.name(), undefined).toString(), "a.");
    const cut = readerOf("01 61 00", 0);
    assert.throws(() => cut.within(2, () => cut.name(), undefined), FormatError);
  });

  it("does a limited amount of work, however pointers are arranged", () => {
    // 64 KB of names that all end in the same 126 labels and 126 pointers: a reader that follows
    // them anew each time takes 254 steps for each of 10,000 names.
    const bytes = [0];
    for (let i = 0; i < 126; i++) {
      const target = Math.max(0, bytes.length - (i === 0 ? 1 : 4));
      bytes.push(1, 0x61, 0xc0 | (target >> 8), target & 0xff);
    }
    const last = bytes.length - 4;
    const start = bytes.length;
    while (bytes.length < 0xfffe) bytes.push(0xc0 | (last >> 8), last & 0xff);
    const counted = countingBytes(Buffer.from(bytes));
    const reader = new Reader(counted.bytes, start);
    let names = 0;
    for (; reader.left > 0; names++) assert.equal(reader.name().labels.length, 126);
    assert.ok(names > 30_000);
    assert.ok(counted.reads() < names * 3 + 2000, `${counted.reads()} octets read`);
  });
});

/** Octets that count how often one of them is read. */
function countingBytes(bytes: Buffer): { bytes: Buffer; reads: () => number } {
  let reads = 0;
  const proxy = new Proxy(bytes, {
    get(target, key) {
      if (typeof key === "string" && /^\d+$/.test(key)) reads++;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { bytes: proxy, reads: () => reads };
}
