/**
 * Whatever devices and links do, and whenever somebody asks: an answer comes in time; it has what a
 * device has held since the question and may be told; it has nothing hidden, and nothing that nobody
 * says any more. Each run is reproduced by its seed.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { obtain } from "../../src/collector/obtain.ts";
import { policy } from "../../src/config/policy.ts";
import { Rcode } from "../../src/dns/constants.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import { AskedOffice, questionOf } from "./asked.ts";
import { Device } from "./device.ts";
import { lines, records, seeded } from "./fixture.ts";

const PATIENCE = 2500;
const TYPES = ["_ipp._tcp", "_deny._tcp", "_quiet._tcp"];
const HIDDEN = /secret|hid\d|_deny|10\.[12]\.7\.| 169\.254| fe80/;
/** Milliseconds for which a doubted record, or one in flight, may still be told. */
const DOUBT = 11_000;

/** A record of a device. */
interface Held {
  /** Since when every answer has it; undefined while none need have it. */
  since: number | undefined;
  /** When it could last be heard, and the milliseconds it lives from then on. */
  last: number;
  life: number;
}

interface Actor {
  readonly lan: number;
  readonly number: number;
  readonly device: Device;
  readonly held: Map<string, Held>;
}

class World {
  readonly asked: AskedOffice;
  readonly failures: string[] = [];
  questions = 0;
  readonly #random: () => number;
  readonly #labels = ["site1", "site1"];
  readonly #isThere = [true, true];
  readonly #actors: Actor[] = [];
  readonly #story: string[] = [];
  readonly #pauses: { readonly at: number; readonly length: number }[] = [];

  constructor(seed: number) {
    this.#random = seeded(seed * 7919);
    this.asked = new AskedOffice({
      lans: 2,
      grace: 5000,
      refresh: seed % 2 === 0 ? "unicast" : "multicast",
      siteOf: ({ name }) => this.#labels[name === "site1" ? 0 : 1]!,
      policy: policy.parse({
        rules: [
          { deny: "all", host: "secret*" },
          { deny: "all", address: ["10.1.7.0/24", "10.2.7.0/24"] },
          { deny: "_deny._tcp" },
          { deny: "all", instance: "hid*" },
        ],
      }),
    });
    for (const [i, host] of this.asked.office.hosts.entries()) {
      host.addresses = [{ family: 4, address: `10.${i + 1}.0.251`, prefix: 16 }];
    }
  }

  async run(steps: number): Promise<void> {
    const { clock } = this.asked.office;
    await clock.elapse(20_000);
    for (let i = 0; i < steps; i++) {
      if (this.#chance(0.6)) this.#happen();
      this.#note();
      await clock.elapse(this.#pick([1, 1, 3, 10, 30, 60]));
      for (let k = this.#below(4); k > 0; k--) this.#ask(this.#question());
      await clock.elapse(this.#pick([0, 1, 10, 50, 100, 300, 1000, 3000, 3000, 15_000]));
    }
    await clock.elapse(PATIENCE);
    assert.equal(this.asked.onDemand.waiting, 0);
    await this.asked.end();
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #pick<T>(of: readonly T[]): T {
    return of[this.#below(of.length)]!;
  }

  #chance(chance: number): boolean {
    return this.#random() < chance;
  }

  #tell(text: string): void {
    this.#story.push(`${this.asked.office.clock.now()} ${text}`);
  }

  #happen(): void {
    const { clock, collector, hosts, links } = this.asked.office;
    const dice = this.#below(20);
    if (this.#actors.length === 0 || (dice < 4 && this.#actors.length < 6)) {
      this.#come();
      return;
    }
    const { device, number, lan } = this.#pick(this.#actors);
    if (dice < 8) {
      if (!device.isMute) this.#change(device, this.#text(lan, number));
    } else if (dice < 10) {
      this.#tell(`${number} says goodbye`);
      device.goodbye();
    } else if (dice < 12) {
      this.#tell(`${number} falls silent`);
      device.isMute = true;
    } else if (dice < 16) {
      this.#tell(`${number} is there`);
      device.isMute = false;
      device.announce();
    } else if (dice < 17) {
      const other = this.#pick(this.#actors);
      if (other.lan !== lan || other.device === device) return;
      this.#tell(`${number} calls off what ${other.number} says`);
      sayOnce(device, endOf(other.device.records));
    } else if (dice < 18) {
      const i = this.#below(2);
      this.#isThere[i] = !this.#isThere[i];
      this.#tell(`link ${i} ${this.#isThere[i] ? "comes" : "goes"}`);
      if (this.#isThere[i]) links.plug(hosts[i]!);
      else links.unplug(hosts[i]!);
    } else if (dice < 19) {
      this.#labels[1] = this.#labels[1] === "site1" ? "site2" : "site1";
      this.#tell(`link 1 is at ${this.#labels[1]}`);
      collector.relabel();
    } else {
      const length = this.#pick([2000, 10_000, 40_000]);
      this.#tell(`the process stands still for ${length} ms`);
      this.#pauses.push({ at: clock.now(), length });
      clock.standStill(length);
    }
  }

  #come(): void {
    const number = this.#actors.length + 10;
    const lan = number < 12 ? number - 10 : this.#below(2);
    const text = this.#text(lan, number);
    const behaviour = { delay: 20 + this.#below(90), obeysUnicast: true };
    const device = new Device(
      this.asked.office.lans[lan]!,
      `10.${lan + 1}.0.${number}`,
      text,
      behaviour,
    );
    this.#actors.push({ lan, number, device, held: new Map() });
    this.#tell(`${number} comes to ${lan}: ${device.records.map(said).join(", ")}`);
    device.announce();
  }

  #change(device: Device, text: string): void {
    const after = records(text);
    const kept = new Set(after.map(said));
    const gone = device.records.filter((record) => !kept.has(said(record)));
    if (this.#chance(0.7)) sayOnce(device, endOf(gone));
    device.records = after;
    this.#tell(`${device.host.name} changes: ${after.map(said).join(", ")}`);
    device.announce();
  }

  /** What a device may say, at random. */
  #text(lan: number, n: number): string {
    const host = this.#pick([`h${n}`, `h${n}`, `h${n}`, `secret-${n}`]);
    const [short, long] = [this.#pick([20, 120]), this.#pick([30, 4500])];
    const of = [`!${host} ${short} A 10.${lan + 1}.${this.#pick([1, 1, 1, 7])}.${n}`];
    if (this.#chance(0.2)) of.pop();
    if (this.#chance(0.3)) of.push(`!${host} ${short} AAAA fe80::${n}`);
    if (this.#chance(0.3)) of.push(`!${host} ${short} HINFO "cpu${n}" "os"`);
    const types = new Set(of.map((record) => record.split(" ")[2]));
    if (types.size > 0 && this.#chance(0.2))
      of.push(`!${host} NSEC ${host} ${[...types].join(" ")}`);
    if (this.#chance(0.3)) of.push(`!al${n} ${short} CNAME ${host}`);
    // One host on both networks.
    if (n < 12) of.push(`!both ${short} A ${n === 10 ? "169.254.9.10" : "10.2.1.11"}`);
    for (const type of TYPES) {
      if (this.#chance(0.5)) continue;
      const name = `${this.#pick(["i", "i", "hid"])}${n}.${type}`;
      if (type !== "_quiet._tcp") of.push(`_services._dns-sd._udp ${long} PTR ${type}`);
      for (const list of ["", "_a._sub.", "_b._sub."]) {
        if (list === "" || this.#chance(0.4)) of.push(`${list}${type} ${long} PTR ${name}`);
      }
      of.push(`!${name} ${short} SRV 0 0 ${600 + this.#below(3)} ${host}`);
      of.push(`!${name} ${long} TXT "n=${this.#below(100)}"`);
    }
    return of.join("\n");
  }

  /** Updates what is held to the present. */
  #note(): void {
    const now = this.asked.office.clock.now();
    for (const { held, device, lan } of this.#actors) {
      const isHeard = !device.isMute && this.#isThere[lan]!;
      const isAsked = isHeard && this.#labels[lan] === "site1";
      const has = new Map(device.records.map((record) => [said(record), record]));
      for (const key of new Set([...held.keys(), ...has.keys()])) {
        const record = has.get(key);
        const before = held.get(key);
        held.set(key, {
          since: record && isAsked ? (before?.since ?? now) : undefined,
          last: record && isHeard ? now : (before?.last ?? Number.NEGATIVE_INFINITY),
          life: record ? 1000 * record.ttl : (before?.life ?? 0),
        });
      }
    }
  }

  #question(): string {
    const n = 10 + this.#below(this.#actors.length + 1);
    const type = this.#pick(TYPES);
    return this.#pick([
      () => `h${n} ${this.#pick(["A", "AAAA", "HINFO", "CNAME"])}`,
      () => `secret-${n} ${this.#pick(["A", "HINFO"])}`,
      () => `al${n} ${this.#pick(["A", "CNAME", "HINFO"])}`,
      () => `both ${this.#pick(["A", "HINFO"])}`,
      () => `${type} PTR`,
      () => `${this.#pick(["_a", "_b"])}._sub.${type} PTR`,
      () => `${this.#pick(["i", "hid"])}${n}.${type} ${this.#pick(["SRV", "TXT"])}`,
    ])();
  }

  #ask(text: string): void {
    const { onDemand, office } = this.asked;
    if (!onDemand.covers(questionOf(text))) return;
    this.questions++;
    this.#tell(`somebody asks ${text}`);
    const start = office.clock.now();
    void this.asked.start(text, `client ${this.#below(5)}`).then(({ after, rcode, lines }) => {
      this.#note();
      this.#tell(`and has after ${after} ms: ${lines.join(", ")}`);
      const said = lines.map((line) => line.replaceAll(".site1.z.example.", ""));
      const got = said.map((line) => line.replace(/^(\S+) \d+ IN /, "$1 "));
      const mistakes = [...this.#mistakesIn(got, text, start, after)];
      if (rcode !== Rcode.NOERROR) mistakes.push(`response code ${rcode}`);
      const story = () => this.#story.slice(-60).join("\n");
      this.failures.push(...mistakes.map((each) => `${text}: ${each}\n${story()}`));
    });
  }

  *#mistakesIn(got: readonly string[], text: string, start: number, after: number) {
    const now = start + after;
    const stood = this.#stoodSince(start);
    if (after > PATIENCE + stood) yield `late, after ${after} ms`;
    for (const record of got.filter((each) => HIDDEN.test(each))) yield `tells of ${record}`;
    for (const record of got) {
      const ends = this.#actors.map(({ held }) => {
        const { last, life } = held.get(record) ?? { last: 0, life: 0 };
        return last + life + this.#stoodSince(last) + DOUBT;
      });
      // A service without a TXT record gets an empty one.
      if (now > Math.max(...ends) && !record.endsWith('TXT ""'))
        yield `tells too late of ${record}`;
    }
    // After a standstill the answers have not been heard yet.
    if (stood > 0) return;
    for (const record of this.#actors.flatMap((actor) => this.#expectedOf(actor, text, start))) {
      // The first answer to a question for a list ends the wait.
      const isThere = text.endsWith(" PTR") ? got.length > 0 : got.includes(record);
      if (!isThere) yield `without ${record}`;
    }
  }

  #stoodSince(time: number): number {
    const since = this.#pauses.filter(({ at }) => at >= time);
    return since.reduce((sum, { length }) => sum + length, 0);
  }

  /** What a device has held since before `start` and belongs in the answer. */
  #expectedOf({ held, device }: Actor, text: string, start: number): string[] {
    const [owner, type] = text.split(" ");
    const all = device.records
      .map(said)
      .filter((each) => (held.get(each)?.since ?? Infinity) < start);
    const has = (record: string) => all.find((each) => each.startsWith(`${record} `));
    const isHost = (host: string) => has(`${host} A`) !== undefined && !isDenied(host);
    // A rule also matches an address that was heard before.
    const isDenied = (host: string) =>
      [...held.keys()].some((each) => each.startsWith(`${host} A 10.`) && HIDDEN.test(each));
    const isService = (name: string) => {
      const target = has(`${name} SRV`)?.split(" ").at(-1);
      return target !== undefined && has(`${name} TXT`) !== undefined && isHost(target);
    };
    return all.filter((record) => {
      const [name = "", kind, data = ""] = record.split(" ");
      if (name !== owner || (kind !== type && kind !== "CNAME") || HIDDEN.test(record))
        return false;
      if (kind === "PTR") return isService(data);
      if (kind === "SRV" || kind === "TXT") return isService(name);
      if (kind === "CNAME") return isHost(data);
      return !isDenied(name) && has(`${name} A`) !== undefined;
    });
  }
}

/** "name type data", as on the link. */
function said(record: ResourceRecord): string {
  return obtain(texts, record, () => {
    const { name, ttl, rdata } = record;
    const [line] = lines([{ name, type: rdata.type, ttl, rdatas: [rdata] }]);
    return line!.replaceAll(".local.", "").replace(/^(\S+) \d+ IN /, "$1 ");
  });
}

const texts = new WeakMap<ResourceRecord, string>();

function endOf(records: readonly ResourceRecord[]): ResourceRecord[] {
  return records.map((record) => ({ ...record, ttl: 0 }));
}

function sayOnce(device: Device, records: readonly ResourceRecord[]): void {
  const own = device.records;
  device.records = records;
  device.announce();
  device.records = own;
}

suite("on demand, whatever happens", () => {
  for (let seed = 1; seed <= 12; seed++) {
    test(`answers are right and in time (seed ${seed})`, async () => {
      const world = new World(seed);
      await world.run(120);
      assert.ok(world.questions > 50);
      assert.deepEqual(world.failures, []);
    });
  }
});
