import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Name } from "../../src/dns/name.ts";
import { Reader } from "../../src/dns/reader.ts";
import { Writer } from "../../src/dns/writer.ts";
import * as arbitrary from "../support/arbitrary.ts";
import fc from "../support/fastcheck.ts";

function written(write: (writer: Writer) => void): string {
  const writer = new Writer(4);
  write(writer);
  return writer.done().toString("hex");
}

describe("Writer", () => {
  it("writes numbers of every width, even from 2^31 on", () => {
    const hex = written((writer) => {
      writer.u8(0xff);
      writer.u16(0xfffe);
      writer.u32(0x80000000);
      writer.u32(0xfffffffd);
      writer.u48(0xfffffffffffc);
      writer.u48(0x000180000001);
    });
    assert.equal(hex, "fffffe80000000fffffffdfffffffffffc000180000001");
  });

  it("points to what was written before in the same case (RFC 1035 §4.1.4)", () => {
    const hex = written((writer) => {
      writer.name(Name.parse("a.b."));
      writer.name(Name.parse("c.a.b."));
      writer.name(Name.parse("b."));
      writer.name(Name.parse("B."));
      writer.name(Name.parse("x.B."));
    });
    assert.equal(hex, `0161016200${"0163c000"}${"c002"}${"014200"}${"0178c00b"}`);
  });

  it("writes a name in full where pointers are not allowed, and lets others point to it", () => {
    const hex = written((writer) => {
      writer.name(Name.parse("a.b."));
      writer.name(Name.parse("c.a.b."), false);
      writer.name(Name.parse("c.a.b."));
    });
    assert.equal(hex, `0161016200${"01630161016200"}${"c005"}`);
  });

  it("points to nothing that 14 bits do not reach", () => {
    const writer = new Writer();
    writer.bytes(new Uint8Array(0x3ffd));
    writer.name(Name.parse("abc.d."));
    const before = writer.length;
    writer.name(Name.parse("abc.d."));
    writer.name(Name.parse("d."));
    assert.equal(writer.done().toString("hex", before), `${"fffd"}${"016400"}`);
  });

  it("forgets what is rewound, and only that", () => {
    const names = fc.array(arbitrary.name, { maxLength: 5 });
    fc.assert(
      fc.property(names, names, names, (before, taken, after) => {
        const plain = new Writer();
        for (const name of [...before, ...after]) plain.name(name);
        const rewound = new Writer(1);
        for (const name of before) rewound.name(name);
        const mark = rewound.mark();
        for (const name of taken) rewound.name(name);
        rewound.rewind(mark);
        for (const name of after) rewound.name(name);
        assert.deepEqual(rewound.done(), plain.done());
      }),
      { numRuns: 1000 },
    );
  });

  it("is empty after it is cleared, however much it held", () => {
    const names = fc.array(arbitrary.name, { maxLength: 8 });
    fc.assert(
      fc.property(names, fc.constantFrom(0, 600, 200_000), names, (before, more, after) => {
        const plain = new Writer();
        for (const name of after) plain.name(name);
        const cleared = new Writer();
        for (const name of before) cleared.name(name);
        cleared.bytes(new Uint8Array(more));
        cleared.clear();
        assert.equal(cleared.done().length, 0);
        // Small buffers share one that Node keeps for them.
        const most = Math.max(8192, Buffer.poolSize);
        assert.ok(cleared.done().buffer.byteLength <= most, "what is large is let go");
        for (const name of after) cleared.name(name);
        assert.deepEqual(cleared.done(), plain.done());
      }),
    );
  });

  it("writes names that read back as the same octets", () => {
    const entry = fc.tuple(arbitrary.name, fc.boolean());
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), (entries) => {
        const writer = new Writer(1);
        for (const [name, compress] of entries) writer.name(name, compress);
        const reader = new Reader(writer.done());
        for (const [name] of entries) assert.equal(reader.name().wire, name.wire);
        assert.equal(reader.left, 0);
      }),
      { numRuns: 1000 },
    );
  });
});
