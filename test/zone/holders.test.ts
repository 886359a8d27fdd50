/** Random updates of a few records by all who may write: who holds what, and until when. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Rcode, rcodeName, Type } from "../../src/dns/constants.ts";
import { type RecordSet, recordsOf } from "../../src/dns/record.ts";
import { Journal } from "../../src/zone/journal/journal.ts";
import {
  firstState,
  readState,
  stateEntries,
  type ZoneState,
} from "../../src/zone/journal/state.ts";
import type { Store } from "../../src/zone/journal/store.ts";
import type { Leases } from "../../src/zone/update/leases.ts";
import { collectorPrincipal, type Principal } from "../../src/zone/update/principal.ts";
import { withSerial } from "../../src/zone/update/update.ts";
import { Zone } from "../../src/zone/zone.ts";
import { FakeClock } from "../support/clock.ts";
import fc from "../support/fastcheck.ts";
import { name, operator, origin, principal, setsOf, updateOf } from "./fixture.ts";
import { HoldersModel, told } from "./holders.ts";
import { MemoryDisk } from "./memorydisk.ts";

const RUNS = Number(process.env.SEEDS ?? 120);

//---- Who, and what ----

const collector = (key: string, site: string): Principal => ({
  ...collectorPrincipal(key, origin, (domain) => domain.equals(name(site))),
  share: 1 / 2,
});
/** Two collectors of one site, one of another, and one that may write everything. */
const writers = {
  paris: collector("paris", "paris"),
  second: collector("second", "paris"),
  lyon: collector("lyon", "lyon"),
  free: principal("free", { maxTtl: 3600 }),
  operator,
};

const ALIASES = ["a.paris CNAME x.paris", "a.paris CNAME X.paris", "a.paris CNAME y.paris"];
/** The last counts as two. */
const OWN = [
  ...ALIASES,
  "a.paris A 10.0.0.1",
  "a.paris A 10.0.0.2",
  "a.paris PTR x.paris",
  "A.paris PTR X.paris",
  `a.paris NULL \\# 256 ${"61".repeat(256)}`,
];
const commonOf = (site: string) => [
  `_ipp._tcp PTR x._ipp._tcp.${site}`,
  `_IPP._tcp PTR X._ipp._tcp.${site}`,
  `_ipp._tcp PTR y._ipp._tcp.${site}`,
  `b._dns-sd._udp PTR ${site}`,
  "db._dns-sd._udp PTR @",
  "_services._dns-sd._udp PTR _ipp._tcp",
];
const STEERING = [
  "a.paris DNAME x",
  "a.paris DNAME y",
  "a.paris WKS \\# 6 0a0000010640",
  "a.paris WKS \\# 6 0a0000010680",
  "a.paris WKS \\# 6 0a0000011180",
  "a.paris KEY \\# 4 00000000",
  "@ NS ns1",
  "@ NS ns2",
  "@ NS ns.example.",
  "db._dns-sd._udp PTR x",
  "@ SOA ns.example. hostmaster.example. 9 7200 3600 86400 10",
  "@ SOA ns.example. hostmaster.example. 30 7200 3600 86400 10",
];
const ALL = [...OWN, ...OWN, ...commonOf("paris"), ...commonOf("lyon"), ...STEERING, ...STEERING];

/** More than are searched one by one, in one set and in many. */
const MANY = Array.from({ length: 14 }, (_, i) => i);
const instances = MANY.map((i) => `_ipp._tcp PTR p${i}._ipp._tcp.paris`);
const hosts = MANY.map((i) => `h${i}.paris A 10.0.0.1`);

/** Returns text for `updateOf`. */
type Ask = (record: string, ttl: number) => string;
const add: Ask = (record, ttl) => `+ ${record.replace(" ", ` ${ttl} `)}`;
const remove: Ask = (record) => `- ${record}`;
const removeSet: Ask = (record) => `- ${record.split(" ").slice(0, 2).join(" ")}`;
const removeName: Ask = (record) => `- ${record.split(" ")[0]} ANY`;
const addMany: Ask = (record, ttl) =>
  (record.length % 2 === 0 ? instances : hosts).map((each) => add(each, ttl)).join("\n");
const removeMany: Ask = (record, ttl) =>
  (record.length % 2 === 0 ? instances : hosts).map((each) => remove(each, ttl)).join("\n");

const asks = (...some: Ask[]) =>
  fc.array(
    fc.record({
      does: fc.oneof(
        { weight: 30, arbitrary: fc.constantFrom(...some) },
        { weight: 1, arbitrary: fc.constantFrom(addMany, removeMany) },
      ),
      which: fc.constantFrom(0, 0, 0, 0, 1, 1, 2),
      ttl: fc.constantFrom(10, 10, 10, 5, 60, 7200),
    }),
    { minLength: 1, maxLength: 8, size: "max" },
  );
const any = asks(add, add, add, remove, removeSet, removeName);
/** A site may not remove a set that it has in common with others. */
const inCommon = asks(add, add, add, remove);

/** An update has three different records at most, so that its steps may meet. */
const updateBy = (by: keyof typeof writers, records: readonly string[], asks = any) =>
  fc
    .record({
      some: fc.array(fc.constantFrom(...records), { minLength: 3, maxLength: 3 }),
      asks,
      lease: fc.constantFrom(undefined, 3, 3, 10, 30),
      keyLease: fc.constantFrom(undefined, 5, 20),
    })
    .map(({ some, asks, lease, keyLease }) => ({
      by,
      asks: asks.map(({ does, which, ttl }) => does(some[which]!, ttl)).join("\n"),
      ...(lease !== undefined && { lease }),
      ...(keyLease !== undefined && { keyLease }),
    }));
const update = fc.oneof(
  ...[updateBy("paris", OWN), updateBy("second", OWN)],
  ...[updateBy("paris", ALIASES), updateBy("second", ALIASES)],
  ...[updateBy("free", OWN), updateBy("free", ALL), updateBy("operator", ALL)],
  updateBy("paris", commonOf("paris"), inCommon),
  updateBy("second", commonOf("paris"), inCommon),
  updateBy("lyon", commonOf("lyon"), inCommon),
  updateBy("paris", ALL),
);

/** The file has an alias at a name, or other data. */
const file = fc
  .record({
    ttl: fc.constantFrom(60, 20),
    lines: fc.subarray([
      "_ipp._tcp TTL PTR x._ipp._tcp.paris",
      "_ipp._tcp TTL PTR z._ipp._tcp",
      "b._dns-sd._udp TTL PTR paris",
      "db._dns-sd._udp TTL PTR x",
      "@ 3600 NS ns2",
    ]),
    at: fc.constantFrom(
      "",
      "a.paris TTL CNAME x.paris",
      "a.paris TTL A 10.0.0.1\na.paris TTL A 10.0.0.3",
      "a.paris TTL DNAME x\na.paris TTL WKS \\# 6 0a0000010640",
    ),
    serial: fc.constantFrom(0, 1, 1, 20),
  })
  .map(({ ttl, lines, at, serial }) => ({
    text: [...lines, at].join("\n").replaceAll("TTL", `${ttl}`),
    serial,
  }));

function fileSets({ text, serial }: { text: string; serial: number }): RecordSet[] {
  const [soa, ...rest] = setsOf(text);
  return [withSerial(soa!, serial), ...rest];
}

/** True if nothing can be written meanwhile. */
const fails = fc.integer({ min: 0, max: 11 }).map((chance) => chance === 11);
const step = fc.oneof(
  {
    weight: 16,
    arbitrary: fc.record({
      is: fc.constant("updates" as const),
      updates: fc.oneof(
        { weight: 4, arbitrary: fc.tuple(update) },
        { weight: 1, arbitrary: fc.array(update, { minLength: 2, maxLength: 4 }) },
      ),
      fails,
    }),
  },
  { weight: 2, arbitrary: fc.record({ is: fc.constant("file" as const), file }) },
  {
    weight: 3,
    arbitrary: fc.record({
      is: fc.constant("time" as const),
      seconds: fc.integer({ min: 1, max: 12 }),
      fails,
    }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("restart" as const) }) },
);

//---- The zone, and what is told of it ----

/** A zone with a journal, from which it can be restarted. */
class Lasting {
  readonly clock = new FakeClock();
  zone!: Zone;
  isDiskFull = false;
  readonly #disk = new MemoryDisk();
  readonly #capacity: number;
  #stop = new AbortController();
  #leases!: Leases;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  async begin(file: readonly RecordSet[]): Promise<void> {
    const state = firstState(origin, file);
    const wallOffset = this.clock.wall() - this.clock.now();
    const entries = stateEntries({ ...state, held: [], nextId: 0, wallOffset });
    this.#open(await Journal.create(this.#disk, "j", 5, entries), state);
  }

  async restart(): Promise<void> {
    this.#stop.abort();
    await this.zone.closed;
    this.#stop = new AbortController();
    const { journal, entries } = (await Journal.open(this.#disk, "j"))!;
    this.#open(journal, readState(entries, origin, this.clock));
  }

  told(): string[] {
    const records = [...this.zone.current].flatMap(recordsOf);
    return records
      .map((each) => told(each, each.type === Type.SOA ? [] : this.#leases.holds(each)))
      .sort();
  }

  #open(journal: Journal, state: ZoneState): void {
    const store: Store = {
      append: async (entries) => {
        if (this.isDiskFull) throw new Error("ENOSPC");
        await journal.append(entries);
      },
      kept: () => {},
      close: async () => journal.close(),
    };
    const [capacity, { signal }] = [this.#capacity, this.#stop];
    this.#leases = state.leases;
    this.zone = new Zone(
      { origin, records: [], capacity, clock: this.clock, signal },
      store,
      state,
    );
  }
}

test("a record exists while somebody holds it, whatever is written, expires or is restarted", async () => {
  const all = fc.array(step, { maxLength: 20, size: "max" });
  const capacity = fc.constantFrom(16, 16, 60);
  await fc.assert(
    fc.asyncProperty(file, capacity, all, async (first, capacity, steps) => {
      const start = fileSets({ ...first, serial: 1 });
      const [lasting, model] = [new Lasting(capacity), new HoldersModel(start, capacity)];
      const { clock } = lasting;
      await lasting.begin(start);
      const pass = async (milliseconds: number, fails: boolean, i: number) => {
        const { serial } = lasting.zone.current;
        lasting.isDiskFull = fails;
        await clock.elapse(milliseconds);
        lasting.isDiskFull = false;
        // What has expired is released once it can be written again, and all had time to renew it.
        await clock.elapse(fails ? 90_000 : 0);
        const rises = lasting.zone.current.serial - serial;
        assert.equal(model.pass(clock.now()), rises > 0, `the serial at step ${i}`);
        // It rises once for each holder that lets go, in an order of the zone's own.
        model.raiseSerial(rises);
      };
      for (const [i, step] of steps.entries()) {
        if (step.is === "updates") {
          lasting.isDiskFull = step.fails;
          const updates = step.updates.map(({ by, asks, ...leases }) => ({
            update: updateOf(asks, leases),
            by: writers[by],
          }));
          const got = await Promise.all(
            updates.map(({ update, by }) => lasting.zone.apply(update, by)),
          );
          lasting.isDiskFull = false;
          for (const [j, { update, by }] of updates.entries()) {
            // What has to be written fails, and with it what was derived from that.
            if (step.fails && got[j] === Rcode.SERVFAIL) continue;
            const expected = model.apply(update, by, clock.now());
            assert.equal(rcodeName(got[j]!), rcodeName(expected), `step ${i}, ${j}`);
          }
          if (step.fails) await pass(0, true, i);
        } else if (step.is === "file") {
          const file = fileSets(step.file);
          const got = await lasting.zone.merge(file);
          assert.equal(rcodeName(got), rcodeName(model.merge(file, clock.now())), `step ${i}`);
        } else if (step.is === "time") {
          await pass(step.seconds * 1000, step.fails, i);
        } else {
          await lasting.restart();
        }
        assert.deepEqual(lasting.told(), model.told(), `step ${i}`);
      }
      await lasting.restart();
      assert.deepEqual(lasting.told(), model.told());
    }),
    { numRuns: RUNS },
  );
});
