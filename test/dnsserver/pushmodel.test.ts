/**
 * Whatever clients subscribe to, whatever changes, whenever they read: in the end each knows what its
 * view has of its subscriptions, and on the way was told nothing else, and nothing twice. Each run is
 * reproduced by its seed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Class, parseType, Rcode, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { formatRdata } from "../../src/dns/text.ts";
import { Push } from "../../src/dnsserver/push/push.ts";
import type { Subscriptions } from "../../src/dnsserver/push/subscriptions.ts";
import type { FollowedZone } from "../../src/dnsserver/ready.ts";
import { ZoneView } from "../../src/zone/lookup/zoneview.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { Zone } from "../../src/zone/zone.ts";
import { Chance } from "../fuzz/mutation.ts";
import { FakeClock } from "../support/clock.ts";
import { apply, type Told, toldIn } from "../support/pushclient.ts";
import { operator, origin, updateOf, zoneOf } from "../zone/fixture.ts";
import { viewOf } from "./pushing.ts";

/** A zone of its own, delegated by the other. */
const SUB = Name.parse("sub", origin);
const APEX = "@ 60 SOA ns.example. h.example. 1 7200 3600 86400 10\n@ 60 NS ns.example.\n";
/** Records that may exist in the zone: some of every type, spelt in several cases. */
const POOL = [
  ...["paris", "lyon"].flatMap((site) => [
    ...["_ipp", "_rtsp"].map((type) => `${type}._tcp PTR x.${type}._tcp.${site}`),
    `x._ipp._tcp.${site} SRV 0 0 631 h.${site}`,
    `x._ipp._tcp.${site} TXT "a"`,
    `h.${site} A 10.1.0.1`,
    `h.${site} A 10.1.0.2`,
    `h.${site} AAAA fd00::1`,
    `_ipp._tcp.${site} PTR x._ipp._tcp.${site}`,
  ]),
  ...["_ipp", "_rtsp"].map((type) => `_services._dns-sd._udp PTR ${type}._tcp`),
  ...["h.paris", "h.lyon"].map((target) => `_ipp._tcp CNAME ${target}`),
  "h.paris CNAME h.lyon",
  ...[1, 2].map((tag) => `sub DS ${tag} 8 2 ${"ab".repeat(32)}`),
];
const TYPES = [Type.PTR, Type.SRV, Type.TXT, Type.A, Type.AAAA, Type.CNAME, Type.DS, Type.ANY];

interface Asked {
  readonly name: Name;
  readonly type: number;
  readonly class: number;
}

function fits({ name, type }: Asked, told: Pick<Told, "name" | "type">): boolean {
  if (`${name}`.toLowerCase() !== told.name.toLowerCase()) return false;
  // The DS records of a delegation are in the zone above it, all other types in the zone below.
  if (told.type === Type.DS && name.equals(SUB)) return type === Type.DS;
  return [Type.ANY, told.type].includes(type) || told.type === Type.CNAME;
}

/** A client in memory, driven by the test. */
class Client {
  readonly asked = new Map<number, Asked>();
  readonly known = new Map<string, Told>();
  isPaused = false;
  count = 0;
  readonly #zones: readonly FollowedZone[];
  readonly #subscriptions: Subscriptions;
  /** Subscribed to since the last `settle`: all of their records are told, known or not. */
  readonly #isAnew = new Set<Asked>();
  #untaken: (() => void)[] = [];
  #id = 0;

  constructor(push: Push, address: string, zones: readonly FollowedZone[]) {
    this.#zones = zones;
    const send = (message: Buffer, taken: () => void) => {
      assert.ok(message.length <= 16_382);
      for (const notice of toldIn(message)) this.#hear(notice);
      this.#untaken.push(taken);
      if (!this.isPaused) queueMicrotask(() => this.take());
    };
    this.#subscriptions = push.open(address, send, () => {});
  }

  subscribe(asked: Asked): void {
    const id = ++this.#id;
    const isDuplicate = [...this.asked.values()].some(
      (each) =>
        each.name.equals(asked.name) && each.type === asked.type && each.class === asked.class,
    );
    const rcode = this.#subscriptions.subscribe(id, asked);
    assert.equal(rcode, isDuplicate ? undefined : Rcode.NOERROR);
    if (isDuplicate) return;
    this.asked.set(id, asked);
    this.#isAnew.add(asked);
  }

  unsubscribe(nth: number): void {
    const id = [...this.asked.keys()][nth % this.asked.size];
    if (id === undefined) return;
    this.#subscriptions.unsubscribe(id);
    this.#isAnew.delete(this.asked.get(id)!);
    this.asked.delete(id);
    for (const [key, told] of this.known) if (!this.#isAsked(told)) this.known.delete(key);
  }

  flush(): void {
    this.#subscriptions.flush();
  }

  take(): void {
    const all = this.#untaken;
    this.#untaken = [];
    for (const taken of all) taken();
  }

  /** What it should know, with TTLs. */
  expected(): string[] {
    const lines = new Set<string>();
    for (const asked of this.asked.values()) {
      const { sets = [] } = this.#zoneOf(asked).current.node(asked.name.key) ?? {};
      for (const { name, type, ttl, rdata } of sets.flatMap(recordsOf)) {
        if (fits(asked, { name: `${name}`, type }))
          lines.add(lineOf(name, type, ttl, formatRdata(rdata)));
      }
    }
    return [...lines].sort();
  }

  knows(): string[] {
    return [...this.known.values()]
      .map(({ name, type, ttl, data }) => lineOf(name, type, ttl, data))
      .sort();
  }

  end(): void {
    this.#subscriptions.end();
  }

  #zoneOf({ name, type }: Asked): FollowedZone {
    const isSubs = name.isUnder(SUB) && (type !== Type.DS || !name.equals(SUB));
    return this.#zones.find((zone) => zone.origin.equals(isSubs ? SUB : origin))!;
  }

  #isAsked(told: Pick<Told, "name" | "type">): boolean {
    return [...this.asked.values()].some((each) => fits(each, told));
  }

  #hear(notice: Told): void {
    this.count++;
    const { name, type, class: klass, ttl } = notice;
    assert.equal(klass, Class.IN);
    const before = new Map(this.known);
    const concerned = apply(this.known, notice);
    if (ttl === 0xfffffffe || ttl === 0xffffffff) {
      assert.ok(concerned.length > 0, `${name} ${type} was not known`);
      return;
    }
    assert.ok(this.#isAsked(notice), `${name} ${type} was not asked for`);
    // Once everything has been told, nothing is told again.
    const isAnew = [...this.#isAnew].some((asked) => fits(asked, notice));
    const isNews = before.get(concerned[0]!)?.ttl !== ttl;
    assert.ok(isAnew || isNews, `${name} ${type} ${notice.data} was known`);
  }

  /** Everything subscribed to has been told. */
  settle(): void {
    this.#isAnew.clear();
  }
}

function lineOf(name: Name | string, type: number, ttl: number, data: string): string {
  return `${name} ${ttl} ${type} ${data}`.toLowerCase();
}

async function run(seed: number): Promise<number> {
  const chance = new Chance(seed * 7919);
  const below = (end: number) => chance.below(end);
  const one = <T>(all: readonly T[]) => chance.one(all);
  const clock = new FakeClock();
  const records = POOL.filter((line) => !line.includes("CNAME") && below(10) < 7);
  const zone = zoneOf(["sub NS ns.sub", ...records].join("\n"), { clock, history: 3 });
  const subRecords = parseMasterFile(`$TTL 60\n${APEX}@ TXT "sub"\nx A 10.1.0.9\n`, {
    origin: SUB,
  });
  const sub = new Zone({ origin: SUB, records: subRecords, clock });
  const whole = [zone, sub];
  const part = whole.map((each) => new ZoneView(each, { zone: origin, sites: ["paris", "sub"] }));
  const views = [whole, part].map(viewOf);
  const push = new Push({ clock, viewOf: (address) => views[Number(address.at(-1))] });
  const clients = [0, 1, 1].map((view) => new Client(push, `10.0.0.${view}`, [whole, part][view]!));
  const change = async () => {
    const updates = Array.from({ length: 1 + below(6) }, () => {
      const [owner, ...rest] = one(POOL).split(" ");
      const isGone = below(10) < 4;
      if (isGone && below(10) < 2) return `- ${owner} ${one(["ANY", rest[0]!])}`;
      const ttl = isGone || below(10) < 6 ? "" : `${one([10, 120])} `;
      return `${isGone ? "-" : "+"} ${owner} ${ttl}${rest.join(" ")}`;
    });
    await zone.apply(updateOf(updates.join("\n")), operator);
  };
  const subscribe = () => {
    const [owner, type] = one([...POOL, "sub TXT", "SUB NS", "H.paris A"]).split(" ") as [
      string,
      string,
    ];
    const name = Name.parse(owner, origin);
    const asked = one([parseType(type)!, parseType(type)!, Type.ANY, one(TYPES)]);
    one(clients).subscribe({ name, type: asked, class: one([Class.IN, Class.IN, Class.ANY]) });
  };
  const steps: (() => unknown)[] = [
    ...[subscribe, subscribe, subscribe, change, change, change],
    () => one(clients).unsubscribe(below(100)),
    () => push.look(),
    () => one(clients).flush(),
    () => {
      const client = one(clients);
      client.isPaused = !client.isPaused;
      if (!client.isPaused) client.take();
    },
  ];
  for (let i = 0; i < 25; i++) subscribe();
  for (let round = 0; round < 12; round++) {
    for (let i = below(20); i >= 0; i--) {
      await one(steps)();
      await Promise.resolve();
    }
    push.look();
    for (const client of clients) {
      client.isPaused = false;
      client.take();
      client.flush();
    }
    await clock.elapse(0);
    for (const client of clients) {
      assert.deepEqual(client.knows(), client.expected());
      client.settle();
    }
    assert.doesNotMatch(
      clients
        .slice(1)
        .flatMap((each) => each.knows())
        .join("\n"),
      /lyon/,
    );
  }
  for (const client of clients) client.end();
  assert.equal(push.size, 0);
  return clients.reduce((sum, { count }) => sum + count, 0);
}

test("PUSH-34: whatever happens, a client ends up knowing what its view has for it", async () => {
  let count = 0;
  for (let seed = 1; seed <= 30; seed++) {
    count += await run(seed).catch((cause) => {
      throw new Error(`with seed ${seed}: ${cause}`, { cause });
    });
  }
  assert.ok(count > 2500, `${count} notices`);
});
