import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FormatError } from "../../src/dns/format.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { encodeEntry } from "../../src/zone/journal/entry.ts";
import { Journal } from "../../src/zone/journal/journal.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { readZone } from "../../src/zone/openzone.ts";
import { FakeClock, START } from "../support/clock.ts";
import { silentLog } from "../support/log.ts";
import { COPY, JOURNAL, openOn } from "./durable.ts";
import { lines, name, operator, origin, principal, setsOf, updateOf } from "./fixture.ts";
import { MemoryDisk } from "./memorydisk.ts";

const paris = principal("paris");

/** The records of a zone without SOA and NS, as "owner data". */
function records(zone: { current: Iterable<import("../../src/dns/record.ts").RecordSet> }): string {
  return lines(zone.current)
    .filter((line) => !/\t(SOA|NS)\t/.test(line))
    .map((line) => line.replace(/\.z\.example\.\t\d+\tIN\t/, " ").replace("\t", " "))
    .join("; ");
}

suite("openZone", () => {
  test("opens what was there, and continues", async () => {
    const disk = new MemoryDisk();
    const first = await openOn(disk);
    await first.apply(updateOf("+ a A 10.0.0.1"), operator);
    const second = await openOn(disk.afterKill());
    assert.deepEqual(lines(second.current), lines(first.current));
    assert.deepEqual(second.since(first.current.serial), []);
    const [change] = second.since(second.current.serial - 1);
    assert.equal(typeof change === "object" && change.by, "operator");
  });

  test("closes when its signal is aborted: all is on the disk, and no update is taken", async () => {
    const disk = new MemoryDisk();
    const stop = new AbortController();
    const zone = await openOn(disk, { signal: stop.signal });
    const applied = zone.apply(updateOf("+ a A 10.0.0.1"), operator);
    stop.abort();
    assert.equal(await zone.apply(updateOf("+ b A 10.0.0.1"), operator), 2);
    await zone.closed;
    assert.equal(await applied, 0);
    const again = await openOn(disk);
    assert.equal(records(again), "a A 10.0.0.1");
  });

  test("lets a reader see who holds what, without writing anything", async () => {
    const clock = new FakeClock();
    const disk = new MemoryDisk();
    const place = { origin, folder: "", clock, disk };
    assert.equal(await readZone(place), undefined);
    const zone = await openOn(disk, { clock, text: "a A 10.0.0.1" });
    await zone.apply({ ...updateOf("+ b A 10.0.0.2"), lease: 300 }, paris);
    clock.advance(100_000);
    const { operations, paths } = disk;
    const { leases } = (await readZone(place))!;
    const holds = (text: string, address: string) =>
      leases.holds({ name: name(text), rdata: rdata.a(address) });
    assert.deepEqual(holds("a", "10.0.0.1"), [{ by: "file", expires: Infinity, lease: Infinity }]);
    assert.deepEqual(holds("b", "10.0.0.2"), [
      { by: "paris", expires: START + 300_000, lease: 300_000 },
    ]);
    assert.deepEqual([disk.operations, disk.paths], [operations, paths]);
    assert.equal(await zone.apply(updateOf("+ c A 10.0.0.3"), paris), 0);
  });

  test("is refused while the zone is open", async () => {
    const disk = new MemoryDisk();
    const stop = new AbortController();
    const zone = await openOn(disk, { signal: stop.signal });
    await assert.rejects(openOn(disk), /z\.example\.lock: in use/);
    stop.abort();
    await zone.closed;
    await openOn(disk);
  });

  test("releases the folder if it fails", async () => {
    const disk = MemoryDisk.of([[JOURNAL, Buffer.from("something else")]]);
    for (let i = 0; i < 2; i++) {
      await assert.rejects(openOn(disk), (error: Error) => {
        assert.ok(error instanceof FormatError);
        assert.match(error.message, /^z\.example\.journal: damaged at its head/);
        return true;
      });
    }
  });

  test("finds a zone again whatever the case of its name, and with a slash in it", async () => {
    for (const [called, again, files] of [
      ["Z.Example.", "z.eXample.", "z.example"],
      // RFC 2317.
      ["0/25.2.0.192.in-addr.arpa.", "0/25.2.0.192.in-addr.arpa.", "0\\04725.2.0.192.in-addr.arpa"],
    ] as const) {
      const placeOf = (name: string) => {
        const origin = Name.parse(name);
        const text = "@ 60 SOA ns.test. h.test. 0 1 1 1 1\n@ 60 NS ns.test.";
        return { origin, fileRecords: parseMasterFile(text, { origin }) };
      };
      const disk = new MemoryDisk();
      const { current } = await openOn(disk, placeOf(called));
      assert.deepEqual(disk.paths, [`${files}.journal`]);
      const left = disk.afterKill();
      assert.equal((await openOn(left, placeOf(again))).current.serial, current.serial);
      assert.deepEqual(left.paths, [`${files}.journal`]);
    }
  });

  test("knows after a restart who holds what", async () => {
    const disk = new MemoryDisk();
    const first = await openOn(disk, { text: "www A 10.0.0.1" });
    await first.apply(updateOf("+ a A 10.0.0.1\n+ www A 10.0.0.1"), paris);
    await first.apply(updateOf("+ b A 10.0.0.1"), operator);
    const zone = await openOn(disk.afterKill(), { text: "www A 10.0.0.1" });
    const record = rdata.a("10.0.0.1");
    const holders = ["a", "b", "www"].map((text) =>
      zone.holders({ name: name(text), rdata: record }),
    );
    assert.deepEqual(holders, [["paris"], ["operator"], ["paris", "file"]]);
  });

  test("reports unknown entries of a journal, and releases the folder", async () => {
    const cases: [octets: Uint8Array, why: RegExp][] = [
      [Buffer.of(99), /an entry of a kind that is not known/],
      [encodeEntry({ is: "end" }), /one SOA is expected/],
    ];
    for (const [octets, why] of cases) {
      const disk = new MemoryDisk();
      await Journal.create(disk, JOURNAL, 1, [octets]);
      for (let start = 0; start < 2; start++) {
        await assert.rejects(openOn(disk), (error: Error) => {
          assert.match(error.message, why);
          assert.match(error.message, /^z\.example\.journal: .*; expected it as it was written/);
          return error instanceof FormatError;
        });
      }
    }
  });

  test("reports that a write was cut off", async () => {
    const disk = new MemoryDisk();
    const zone = await openOn(disk);
    await zone.apply(updateOf("+ a A 10.0.0.1"), operator);
    const octets = disk.octets(JOURNAL);
    const end = octets.findLastIndex((octet) => octet !== 0);
    const warnings: object[] = [];
    const log = {
      debug() {},
      info() {},
      error() {},
      warn: (fields: object, fact: string) => warnings.push({ ...fields, fact }),
    };
    await openOn(MemoryDisk.of([[JOURNAL, octets.subarray(0, end - 1)]]), { log });
    assert.equal(warnings.length, 1);
    assert.match(JSON.stringify(warnings), /z.example.journal.*"octets":\d+.*unfinished/);
  });

  test("writes a copy that servers and people can read, and that tells who holds what", async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock();
    const stop = new AbortController();
    const zone = await openOn(disk, { clock, signal: stop.signal, text: "www A 10.0.0.1" });
    await zone.apply(updateOf('+ a A 10.0.0.1\n+ t TXT "x;y"', { lease: 300 }), paris);
    await zone.apply(updateOf("+ b A 10.0.0.1"), operator);
    assert.deepEqual(disk.paths, [JOURNAL]);
    await clock.elapse(15 * 60_000 - 1);
    assert.deepEqual(disk.paths, [JOURNAL], "not at once");
    await clock.elapse(1);
    assert.deepEqual(disk.paths, [JOURNAL, COPY]);
    // Its serial counts if the journal is lost, so it must survive a power cut.
    const lasting = disk.afterPowerCut(() => false);
    assert.deepEqual(lasting.octets(COPY), disk.octets(COPY));
    await zone.apply(updateOf('+ a A 10.0.0.1\n+ t TXT "x;y"', { lease: 300 }), paris);
    stop.abort();
    await zone.closed;
    const text = disk.octets(COPY).toString();
    assert.deepEqual(lines(parseMasterFile(text, { origin })), lines(zone.current));
    assert.match(text, /a +IN A +10\.0\.0\.1 ; paris until 2025-01-01T00:20:00\n/);
    assert.match(text, /b +IN A +10\.0\.0\.1 ; operator\n/);
    assert.match(text, /www +IN A +10\.0\.0\.1\n/);
    assert.deepEqual(disk.paths, [JOURNAL, COPY]);
  });

  test("without room for a copy reports that, leaves no part of one, and writes it later", async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock();
    const warnings: string[] = [];
    const log = {
      ...silentLog,
      warn: (fields: object, fact: string) => warnings.push(`${JSON.stringify(fields)} ${fact}`),
    };
    const stop = new AbortController();
    const zone = await openOn(disk, { clock, log, signal: stop.signal });
    for (const failing of ["write", "rename"]) {
      await zone.apply(updateOf(`+ ${failing} A 10.0.0.1`), operator);
      disk.before = (what) => {
        if (what === failing) throw new Error("ENOSPC");
      };
      await clock.elapse(15 * 60_000);
      disk.before = () => {};
      assert.deepEqual(warnings.splice(0), [
        `{"file":"${COPY}","reason":"ENOSPC"} the readable copy of the zone cannot be written`,
      ]);
      assert.deepEqual(disk.paths, [JOURNAL]);
    }
    stop.abort();
    await zone.closed;
    assert.deepEqual(warnings, []);
    const text = disk.octets(COPY).toString();
    assert.deepEqual(lines(parseMasterFile(text, { origin })), lines(zone.current));
  });
});

suite("the zone's file", () => {
  /** The zone after a start with each of these files, and with these updates in between. */
  async function starts(...steps: readonly (string | { update: string; by?: typeof paris })[]) {
    let disk = new MemoryDisk();
    let zone = await openOn(disk, { text: steps[0] as string });
    for (const step of steps.slice(1)) {
      if (typeof step === "string") {
        disk = disk.afterKill();
        zone = await openOn(disk, { text: step });
      } else {
        assert.equal(await zone.apply(updateOf(step.update), step.by ?? operator), 0);
      }
    }
    return zone;
  }

  test("changes nothing if it is unchanged", async () => {
    const first = await starts("www A 10.0.0.1");
    const again = await starts("www A 10.0.0.1", "www A 10.0.0.1");
    assert.deepEqual(lines(again.current), lines(first.current));
  });

  test("adds and removes records in one change when it was edited", async () => {
    const zone = await starts(
      "www A 10.0.0.1\nold A 10.0.0.2\nttl 60 A 10.0.0.3",
      { update: "+ dyn A 10.0.0.4" },
      "www A 10.0.0.1\nnew A 10.0.0.5\nttl 90 A 10.0.0.3",
    );
    assert.equal(records(zone), "dyn A 10.0.0.4; new A 10.0.0.5; ttl A 10.0.0.3; www A 10.0.0.1");
    assert.equal(zone.current.set(name("ttl"), 1)?.ttl, 90);
    const { serial } = zone.current;
    const [change] = zone.since(serial - 1);
    assert.ok(typeof change === "object");
    assert.equal(change.by, "file");
  });

  test("does not remove a record that somebody else holds, until that is released", async () => {
    const zone = await starts("www A 10.0.0.1", { update: "+ www A 10.0.0.1", by: paris }, "");
    assert.equal(records(zone), "www A 10.0.0.1");
    await zone.apply(updateOf("- www A 10.0.0.1"), paris);
    assert.equal(records(zone), "");
  });

  test("restores a removed record only after dropping it first", async () => {
    const removal = { update: "- www A" };
    assert.equal(records(await starts("www A 10.0.0.1", removal, "www A 10.0.0.1")), "");
    assert.equal(records(await starts("www A 10.0.0.1", removal, "www 90 A 10.0.0.1")), "");
    const again = await starts("www A 10.0.0.1", removal, "", "www A 10.0.0.1");
    assert.equal(records(again), "www A 10.0.0.1");
  });

  test("spells names in data as it does now, in records that are still there", async () => {
    const zone = await starts(
      "_x._tcp PTR a._x._tcp\n_x._tcp PTR b._x._tcp\n_x._tcp PTR c._x._tcp\nwww CNAME a\n@ NS ns2.example.",
      { update: "- _x._tcp PTR b._x._tcp" },
      { update: "+ _x._tcp PTR c._x._tcp", by: paris },
      "_x._tcp PTR A._x._tcp\n_x._tcp PTR B._x._tcp\n_x._tcp PTR C._x._tcp\nwww CNAME A\n@ NS NS2.example.",
    );
    const spelled = (owner: string, type: number) =>
      zone.current.set(name(owner), type)!.rdatas.map((rdata) => `${rdata.values[0]}`);
    assert.deepEqual(spelled("_x._tcp", 12).sort(), [
      "A._x._tcp.z.example.",
      "c._x._tcp.z.example.",
    ]);
    assert.deepEqual(spelled("www", 5), ["A.z.example."]);
    assert.deepEqual(spelled("@", 2).sort(), ["NS2.example.", "ns.example."]);
  });

  test("spells each of several name servers as it does now, though the last NS is never removed", async () => {
    const disk = new MemoryDisk();
    const fileRecords = setsOf("@ NS ns2.example.");
    await openOn(disk, { fileRecords });
    const respelled = fileRecords.map((set) => {
      if (set.type !== 2) return set;
      const rdatas = set.rdatas.map(({ values }) =>
        rdata.ns(Name.parse(`${values[0]}`.toUpperCase())),
      );
      return { ...set, rdatas };
    });
    const zone = await openOn(disk.afterKill(), { fileRecords: respelled });
    const servers = zone.current.set(origin, 2)!.rdatas.map(({ values }) => `${values[0]}`);
    assert.deepEqual(servers.sort(), ["NS.EXAMPLE.", "NS2.EXAMPLE."]);
  });

  test("may replace an alias with other data, and the last NS with another", async () => {
    const zone = await starts("www CNAME a", "www A 10.0.0.1");
    assert.equal(records(zone), "www A 10.0.0.1");
    const disk = new MemoryDisk();
    await openOn(disk);
    const fileRecords = setsOf("").map((set) =>
      set.type === 2
        ? { ...set, rdatas: setsOf("@ 3600 NS ns2.example.")[1]!.rdatas.slice(1) }
        : set,
    );
    const after = await openOn(disk.afterKill(), { fileRecords });
    assert.deepEqual(
      lines(after.current).filter((line) => line.includes("\tNS\t")),
      ["z.example.\t3600\tIN\tNS\tns2.example."],
    );
  });

  test("UPD-15: that cannot be merged for lack of room is merged as soon as there is some", async () => {
    const disk = new MemoryDisk();
    await openOn(disk);
    const clock = new FakeClock();
    const again = disk.afterKill();
    again.before = (what) => {
      if (what === "write") throw new Error("ENOSPC");
    };
    const zone = await openOn(again, { clock, text: "new A 10.0.0.1" });
    assert.equal(records(zone), "");
    await clock.elapse(120_000);
    again.before = () => {};
    await clock.elapse(60_000);
    assert.equal(records(zone), "new A 10.0.0.1");
    assert.equal(records(await openOn(again.afterKill())), "");
  });

  test("that could not be merged is not tried again once the zone is closed", async () => {
    const disk = new MemoryDisk();
    await openOn(disk);
    const clock = new FakeClock();
    const stop = new AbortController();
    const again = disk.afterKill();
    again.before = (what) => {
      if (what === "write") throw new Error("ENOSPC");
    };
    const zone = await openOn(again, { clock, signal: stop.signal, text: "new A 10.0.0.1" });
    assert.equal(clock.next, clock.now() + 60_000);
    stop.abort();
    await zone.closed;
    assert.equal(clock.next, undefined);
  });

  test("is passed over where others' records conflict, with a warning, and retried at each start", async () => {
    for (const [theirs, own] of [
      ["www A 10.0.0.9", "www CNAME other"],
      ["www CNAME b", "www CNAME other"],
      ["www CNAME b", "www A 10.0.0.1"],
    ] as const) {
      const facts: string[] = [];
      const log = { ...silentLog, warn: (_: object, fact: string) => facts.push(fact) };
      const disk = new MemoryDisk();
      const zone = await openOn(disk);
      await zone.apply(updateOf(`+ ${theirs}`), operator);
      const text = `${own}\nelse A 10.0.0.2`;
      const second = await openOn(disk.afterKill(), { text, log });
      assert.equal(
        records(second),
        `else A 10.0.0.2; ${theirs}`.replace(/CNAME (\S+)$/, "CNAME $1.z.example."),
      );
      assert.match(facts.join(), /^static records are skipped until the next start/);
      const left = disk.afterKill();
      const third = await openOn(left, { text });
      await third.apply(updateOf(`- www ${theirs.split(" ")[1]}`), operator);
      const fourth = await openOn(left.afterKill(), { text });
      assert.ok(fourth.current.set(name("www"), own.includes("CNAME") ? 5 : 1), own);
    }
  });

  test("has an alias that a collector's does not replace", async () => {
    const text = "www CNAME own";
    const zone = await starts(text, { update: "+ www CNAME other", by: paris }, text);
    assert.equal(records(zone), "www CNAME own.z.example.");
    await zone.apply(updateOf("- www CNAME other"), paris);
    assert.equal(records(zone), "www CNAME own.z.example.");
    await zone.apply(updateOf("+ www CNAME other"), operator);
    assert.equal(records(zone), "www CNAME other.z.example.");
  });

  test("can be merged while the zone is served", async () => {
    const disk = new MemoryDisk();
    const zone = await openOn(disk);
    assert.equal(await zone.merge(setsOf("a A 10.0.0.1")), 0);
    assert.equal(records(zone), "a A 10.0.0.1");
    assert.equal(await zone.merge(setsOf("")), 0);
    assert.equal(records(await openOn(disk.afterKill())), "");
  });
});
