/** Servers that refuse by random rules, and change them: what holds whatever they do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { guardOf } from "../../src/collector/publishing/guard.ts";
import { Reconciler } from "../../src/collector/publishing/reconciler.ts";
import { RecordSets } from "../../src/collector/recordsets.ts";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import type { NameKey } from "../../src/dns/name.ts";
import { srvOf, targetOf } from "../../src/dns/rdata.ts";
import type { RecordSet } from "../../src/dns/record.ts";
import type { Update } from "../../src/zone/update/update.ts";
import { applied, lines, seeded, setsOf, ZONE } from "./fixture.ts";

const SEEDS = Number(process.env.SEEDS ?? 40);
const BROWSE = ZONE.child("_tcp")!.child("_ipp")!;
const key = (label: string) => ZONE.child(label)!.key;

/** What a server refuses for a while. */
interface Rules {
  readonly isFrozen: boolean;
  /** The share of answers that are lost, half of them with the update. */
  readonly loss: number;
  /** The most records in a set. */
  readonly most: number;
  readonly replaces: boolean;
  /** "<type> <name>" of what may not be added, and of what may not be removed. */
  readonly forbidden: ReadonlySet<string>;
  readonly kept: ReadonlySet<string>;
}

const NONE = new Set<string>();
const LENIENT: Rules = {
  ...{ isFrozen: false, loss: 0, most: Number.POSITIVE_INFINITY, replaces: true },
  ...{ forbidden: NONE, kept: NONE },
};

class World {
  zone = new RecordSets();
  rules = LENIENT;
  now = 0;
  updates = 0;
  readonly reconciler: Reconciler;
  readonly services: readonly number[];
  /** Names that are refused under all rules. */
  readonly odd: ReadonlySet<string>;
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seeded(seed);
    this.services = Array.from({ length: this.pick(2, 9) }, (_, i) => i);
    const odd = this.services.filter(() => this.is(0.15));
    this.odd = new Set(odd.map((i) => key(`${this.pick("h", "p")}${i}`)));
    this.reconciler = new Reconciler({
      zone: ZONE,
      random: this.#random,
      lease: this.pick(undefined, 60, 1200),
      limit: this.pick(300, 3000, 48_000),
      ...(this.is(0.5) && { guard: guardOf(ZONE, "merged") }),
    });
    if (this.is(0.5)) this.reconciler.grant(undefined, 0);
  }

  is(chance: number): boolean {
    return this.#random() < chance;
  }

  pick<Choice>(...choices: readonly Choice[]): Choice {
    return choices[Math.floor(this.#random() * choices.length)]!;
  }

  /** Some of the services, each somewhat changed. */
  wanted(): RecordSets {
    const { services } = this;
    const text = services.map((i) => {
      if (this.is(0.25)) return "";
      const addresses = [
        `A 10.0.0.${this.pick(1, 2, 3)}`,
        ...(this.is(0.3) ? ["A 10.0.0.9"] : []),
        ...(this.is(0.3) ? [`AAAA fd00::${i}`] : []),
      ];
      return `
        _ipp._tcp PTR p${i}
        p${i} SRV 0 0 ${this.pick(1, 2, 3)} h${i}
        p${i} TXT "${this.pick(1, 2, 3)}"${this.is(0.2) ? `\np${i} TXT "more"` : ""}
        ${addresses.map((address) => `h${i} ${address}`).join("\n")}`;
    });
    const shared = "b._dns-sd._udp PTR @\n_services._dns-sd._udp PTR _ipp._tcp";
    return setsOf(`${text.join("\n")}\n${shared}`.replace(/^ +/gm, ""));
  }

  change(): void {
    const some = (types: readonly [string, number][]) =>
      this.services.flatMap((i) =>
        types.filter(() => this.is(0.1)).map(([label, type]) => `${type} ${key(`${label}${i}`)}`),
      );
    const types = [
      ["h", Type.A],
      ["h", Type.AAAA],
      ["p", Type.SRV],
      ["p", Type.TXT],
    ] satisfies [string, number][];
    this.rules = {
      isFrozen: this.is(0.25),
      loss: this.is(0.3) ? this.#random() : 0,
      most: this.is(0.2) ? 2 : Number.POSITIVE_INFINITY,
      replaces: this.is(0.8),
      forbidden: new Set(some(types)),
      kept: new Set(some(types)),
    };
  }

  run(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (let due: number | undefined = this.now; due !== undefined && due <= end; ) {
      this.now = due;
      let atOnce = 0;
      for (let update = this.#poll(); update !== undefined; update = this.#poll()) {
        assert.ok(++atOnce < 500, "it comes to an end");
        this.reconciler.settle(this.#serve(update), this.now);
        assertComplete(this.zone);
      }
      due = this.reconciler.due();
      if (due !== undefined) due = Math.max(due, this.now + 1);
    }
    this.now = end;
  }

  #poll(): Update | undefined {
    return this.reconciler.poll(this.now);
  }

  #serve(update: Update): Rcode | undefined {
    this.updates++;
    const after = applied(this.zone, update);
    const rcode = this.#refusal(update, after);
    const isLost = this.is(this.rules.loss);
    if (rcode === undefined && !(isLost && this.is(0.5))) this.zone = after;
    return isLost ? undefined : (rcode ?? Rcode.NOERROR);
  }

  #refusal({ prerequisites, updates }: Update, after: RecordSets): Rcode | undefined {
    const { isFrozen, most, replaces, forbidden, kept } = this.rules;
    if (prerequisites.some(({ name, type }) => this.zone.get(name.key, type))) return Rcode.YXRRSET;
    if (isFrozen) return Rcode.REFUSED;
    for (const { name, type, class: klass } of updates) {
      const isAddition = klass === Class.IN;
      if (isAddition && this.odd.has(name.key)) return Rcode.REFUSED;
      if ((isAddition ? forbidden : kept).has(`${type} ${name.key}`)) return Rcode.REFUSED;
      if (klass === Class.ANY && !replaces) return Rcode.REFUSED;
    }
    return [...after].some(({ rdatas }) => rdatas.length > most) ? Rcode.SERVFAIL : undefined;
  }

  /** All that can be published of what is wanted: no service without its own and its host's records. */
  possible(wanted: RecordSets): RecordSet[] {
    const isOdd = (instance: NameKey) => {
      const [srv] = wanted.get(instance, Type.SRV)?.rdatas ?? [];
      return this.odd.has(instance) || (srv !== undefined && this.odd.has(srvOf(srv).target.key));
    };
    return [...wanted]
      .filter(({ name }) => !this.odd.has(name.key))
      .map((set) => {
        if (set.type !== Type.PTR) return set;
        return { ...set, rdatas: set.rdatas.filter((rdata) => !isOdd(targetOf(rdata)!.key)) };
      })
      .filter(({ rdatas }) => rdatas.length > 0);
  }
}

function assertComplete(zone: RecordSets): void {
  for (const rdata of zone.get(BROWSE.key, Type.PTR)?.rdatas ?? []) {
    const instance = targetOf(rdata)!;
    const [srv] = zone.get(instance.key, Type.SRV)?.rdatas ?? [];
    assert.ok(srv && zone.get(instance.key, Type.TXT), `${instance} is complete`);
    const host = srvOf(srv).target;
    const hasAddress = [Type.A, Type.AAAA].some((type) => zone.get(host.key, type));
    assert.ok(hasAddress, `${host} has an address`);
  }
}

test("whatever a server refuses, what is listed is complete, and all is well soon after", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = new World(seed);
    const { reconciler } = world;
    for (let phase = 0; phase < 6; phase++) {
      world.change();
      for (let turn = world.pick(1, 2, 3, 4, 5); turn > 0; turn--) {
        if (world.is(0.8)) reconciler.want(world.wanted());
        world.run(world.pick(10, 1000, 20_000, 300_000));
      }
      const settles = world.now + 1000;
      if (world.is(0.1)) reconciler.inherit(world.zone, [...world.zone], () => settles);
    }
    world.rules = LENIENT;
    const wanted = world.wanted();
    reconciler.want(wanted);
    world.run(SOON);
    const possible = lines(world.possible(wanted));
    assert.deepEqual(lines(world.zone), possible, `seed ${seed}`);
    world.updates = 0;
    world.run(3_600_000);
    assert.deepEqual(lines(world.zone), possible, `seed ${seed}, an hour later`);
    assert.ok(world.updates < 1500, `seed ${seed}: ${world.updates} updates in an hour`);
  }
});

/** Milliseconds: three of the rarest turns, for in each some records are refused for ever. */
const SOON = 180_000;
