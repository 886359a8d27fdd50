/** How many records a set takes: as many as a message, and a secondary. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Class, OptionCode, rcodeName, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { type Rdata, rdata } from "../../src/dns/rdata.ts";
import { type RecordSet, recordsOf } from "../../src/dns/record.ts";
import { type TsigKey, tsigLength } from "../../src/dns/tsig.ts";
import { isTooLarge } from "../../src/zone/update/setsize.ts";
import { removal, type Update } from "../../src/zone/update/update.ts";
import type { Zone } from "../../src/zone/zone.ts";
import { opt } from "../dnsserver/fixture.ts";
import { FakeClock } from "../support/clock.ts";
import fc from "../support/fastcheck.ts";
import { silentLog } from "../support/log.ts";
import { openOn } from "./durable.ts";
import {
  emptyRecord,
  name,
  operator,
  origin,
  principal,
  setsOf,
  updateOf,
  zoneOf,
} from "./fixture.ts";
import { MemoryDisk } from "./memorydisk.ts";

/** Octets. BIND counts data and two for each record, and as a secondary refuses a zone with more in a set. */
const BIND = 65_512;
const PRINTER = "Instance\\032Number\\032";
const OWNER = "_big._tcp.paris";

function instance(i: number): Rdata {
  return rdata.ptr(name(`${PRINTER}${String(i).padStart(5, "0")}.${OWNER}`));
}

function instances(from: number, to: number): RecordSet {
  const rdatas = Array.from({ length: to - from }, (_, i) => instance(from + i));
  return { name: name(OWNER), type: Type.PTR, ttl: 60, rdatas };
}

function adding(set: RecordSet): Update {
  return { zone: origin, prerequisites: [], updates: recordsOf(set) };
}

const removing = (set: RecordSet): Update => ({ ...adding(set), updates: removal(set) });
const both = (one: Update, other: Update): Update => ({
  ...one,
  updates: [...one.updates, ...other.updates],
});

/** The number of instances in the zone. */
function count(zone: Zone): number {
  return zone.current.set(name(OWNER), Type.PTR)?.rdatas.length ?? 0;
}

/** As many instances as a set takes. */
const MOST = (() => {
  let most = 1;
  while (!isTooLarge(instances(0, most + 1), origin)) most++;
  return most;
})();

suite("SEC-13: a set", () => {
  test("takes what a message takes; an update beyond that fails whole, and is logged", async () => {
    const facts: unknown[] = [];
    const warn = (fields: object, fact: string) => facts.push({ ...fields, fact });
    const clock = new FakeClock();
    const zone = zoneOf("", { clock, log: { ...silentLog, warn } });
    const apply = (update: Update, by = operator) => zone.apply(update, by).then(rcodeName);
    assert.equal(await apply(adding(instances(0, MOST))), "NOERROR");
    const { current } = zone;
    for (const by of [operator, principal("paris")]) {
      const update = both(updateOf("+ new A 10.0.0.1"), adding(instances(MOST, MOST + 1)));
      assert.equal(await apply(update, by), "SERVFAIL");
    }
    assert.equal(zone.current, current);
    const fact = "a set would not fit into a message, and an update fails";
    const set = "_big._tcp.paris.z.example. PTR";
    const zoneName = { zone: "z.example.", by: "operator" };
    const told = { ...zoneName, set, records: MOST + 1, most: 64_000, fact };
    assert.deepEqual(facts, [told]);
    // Other sets are not affected.
    assert.equal(await apply(updateOf("+ new A 10.0.0.1")), "NOERROR");
    // What is there may be added again, and one may replace another.
    assert.equal(await apply(adding(instances(0, 100)), principal("paris")), "NOERROR");
    const turn = both(removing(instances(0, 1)), adding(instances(MOST, MOST + 1)));
    assert.equal(await apply(turn), "NOERROR");
    assert.equal(count(zone), MOST);
    clock.advance(60_000);
    assert.equal(await apply(adding(instances(0, 1))), "SERVFAIL");
    assert.equal(facts.length, 2);
  });

  test("that was too large before may do anything but grow, and is journaled", async () => {
    const before = new MemoryDisk();
    const fileRecords = [...setsOf(""), instances(0, 3000)];
    await openOn(before, { fileRecords });
    const disk = before.afterKill();
    const zone = await openOn(disk, { fileRecords });
    assert.equal(count(zone), 3000);
    const apply = (update: Update) => zone.apply(update, operator).then(rcodeName);
    assert.equal(
      await apply(updateOf("+ other PTR a\n+ other PTR b\n+ big._tcp PTR c")),
      "NOERROR",
    );
    const elsewhere = `- other PTR a\n- other PTR b\n+ ${OWNER} TXT x`;
    for (const beside of ["+ new A 10.0.0.1", elsewhere]) {
      const update = both(updateOf(beside), adding(instances(3000, 3001)));
      assert.equal(await apply(update), "SERVFAIL", beside);
    }
    assert.equal(await apply(updateOf("+ new A 10.0.0.1")), "NOERROR");
    assert.equal(await apply(removing(instances(0, 10))), "NOERROR");
    const turn = both(removing(instances(10, 20)), adding(instances(3000, 3010)));
    assert.equal(await apply(turn), "NOERROR");
    assert.equal(await apply(adding(instances(3010, 3011))), "SERVFAIL");
    const renewed = recordsOf({ ...instances(100, 101), ttl: 90 });
    assert.equal(await apply({ ...turn, updates: renewed }), "NOERROR");
    assert.equal(zone.current.set(name(OWNER), Type.PTR)?.ttl, 90);
    assert.equal(count(zone), 2990);
    assert.equal(count(await openOn(disk.afterKill(), { fileRecords })), 2990);
    const updates = [emptyRecord(OWNER, "PTR", Class.ANY)];
    assert.equal(await apply({ ...turn, updates }), "NOERROR");
    assert.equal(await apply(adding(instances(0, 1))), "NOERROR");
  });

  test("that fits is answered whole, whatever is in it, and fits in BIND", () => {
    const longest = `${"x".repeat(63)}.`.repeat(3);
    const owner = Name.parse(`${longest}${"y".repeat(51)}.z.example.`);
    assert.equal(owner.wireLength, 255);
    const asked = Name.parse(`${owner}`.toUpperCase());
    const secret = new Uint8Array(64);
    const key: TsigKey = { name: asked, algorithm: "hmac-sha512", secret };
    const edns = opt({ options: [{ code: OptionCode.NSID, data: new Uint8Array(200) }] });
    const signature = rdata.opaque(Type.RRSIG, new Uint8Array(18 + 255 + 64));
    const label = fc.stringMatching(/^[a-z]{1,60}$/);
    const under = fc.constantFrom("z.example.", "Z.example.", "z.EXAMPLE.", "y.example.", ".");
    const target = fc
      .tuple(label, under)
      .map(([label, zone]) => `${label}${zone === "." ? "." : `.${zone}`}`);
    const octets = fc.uint8Array({ minLength: 1, maxLength: 200 });
    const kinds: readonly ((i: number, text: string, bytes: Uint8Array) => Rdata)[] = [
      (i, text) => rdata.ptr(Name.parse(`${i}.${text}`)),
      (i, text) => rdata.srv(0, 0, i, Name.parse(text)),
      (i) => rdata.a(`10.0.${i >> 8}.${i & 255}`),
      (i, _, bytes) => rdata.txt(`${i}`, bytes),
      (i) => rdata.opaque(65_400, Uint8Array.of(i >> 8, i)),
      // The end of its one label looks like the zone's name, but is none.
      (i) => rdata.ptr(Name.parse(`${i}\\001z\\007example`)),
    ];
    const said = fc.array(fc.tuple(target, octets), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.constantFrom(...kinds), said, (kind, said) => {
        const make = (i: number) => kind(i, ...said[i % said.length]!);
        const { type } = make(0);
        const rdatas: Rdata[] = [];
        const set = { name: owner, type, ttl: 10, rdatas };
        for (let step = 2048; step > 0; step >>= 1) {
          const more = Array.from({ length: step }, (_, i) => make(rdatas.length + i));
          rdatas.push(...more);
          if (isTooLarge(set, origin)) rdatas.length -= step;
        }
        const sum = rdatas.reduce((sum, { wire }) => sum + wire.length + 2, 0);
        assert.ok(sum <= BIND, `${sum} octets`);
        const signatures = { ...set, type: Type.RRSIG, rdatas: [signature] };
        const answer = makeMessage({
          questions: [{ name: asked, type, class: Class.IN }],
          answers: [...recordsOf(set), ...recordsOf(signatures)],
          edns,
        });
        const response = decode(encode(answer, { reserve: tsigLength(key) }));
        assert.ok(!response.isTruncated);
        assert.equal(response.answers.length, rdatas.length + 1);
      }),
      { numRuns: 60 },
    );
  });
});
