import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { rdata } from "../../src/dns/rdata.ts";
import { RecordMap, type ZoneRecord } from "../../src/zone/update/recordmap.ts";
import fc from "../support/fastcheck.ts";
import { name } from "./fixture.ts";

/** Many records at one name, and data that differs in its type alone or in nothing but case. */
const data = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map((octet) => rdata.a(`10.0.0.${octet}`)),
  fc
    .integer({ min: 0, max: 40 })
    .map((octet) => rdata.opaque(65280, Uint8Array.of(10, 0, 0, octet))),
  fc.constantFrom("a", "A", "b").map((target) => rdata.ptr(name(target))),
);
const record = fc
  .record({ owner: fc.constantFrom("a", "A", "a", "b"), data })
  .map(({ owner, data }): ZoneRecord => ({ name: name(owner), rdata: data }));
const step = fc.record({ record, does: fc.constantFrom("set", "set", "set", "delete") });

const keyOf = ({ name, rdata }: ZoneRecord) => `${name.key} ${rdata.type} ${rdata.key}`;

suite("RecordMap", () => {
  test("behaves like a Map, for names with few records and with many", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
        const map = new RecordMap<ZoneRecord>();
        const model = new Map<string, ZoneRecord>();
        for (const { record, does } of steps) {
          const key = keyOf(record);
          assert.equal(map.get(record), model.get(key));
          if (does === "set") {
            map.set(record);
            model.set(key, record);
          } else {
            assert.equal(map.delete(record), model.delete(key));
          }
          assert.equal(map.get(record), model.get(key));
        }
        assert.deepEqual(new Set(map.all()), new Set(model.values()));
      }),
    );
  });
});
