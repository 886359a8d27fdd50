/** Random registrations, while time passes and the server is killed: who owns which name, and what exists. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lease } from "../../src/dns/lease.ts";
import { FakeClock } from "../support/clock.ts";
import fc from "../support/fastcheck.ts";
import { add, clear, host, pointer, Requester, service } from "../support/requester.ts";
import { openOn } from "../zone/durable.ts";
import { MemoryDisk } from "../zone/memorydisk.ts";
import { makeZone, registrarOf, SITE } from "./registering.ts";

const RUNS = Number(process.env.SEEDS ?? 40);

//---- What devices do ----

/** Devices share these names, so that they collide. */
const HOSTS = ["lamp", "door"] as const;
const SERVICES = ["One._ipp._tcp", "Two._ipp._tcp", "One._http._tcp"] as const;
const SUBTYPES = ["_color", "_duplex"] as const;
const WHO = [0, 1] as const;

type Host = (typeof HOSTS)[number];
type Service = (typeof SERVICES)[number];

interface Description {
  readonly name: Service;
  /** True for a service that is removed. */
  readonly isGone: boolean;
  readonly port: number;
  readonly subtypes: readonly string[];
}

const description = fc.record({
  name: fc.constantFrom(...SERVICES),
  isGone: fc.constantFrom(false, false, false, true),
  port: fc.constantFrom(80, 631),
  subtypes: fc.subarray([...SUBTYPES]),
});

/** In seconds; `rest` is how much longer the KEY lease is, if it is given at all. */
const leases = fc
  .record({
    lease: fc.constantFrom(30, 60, 120, 600),
    rest: fc.constantFrom(undefined, 0, 60, 600),
  })
  .map(({ lease, rest }) => ({ lease, ...(rest !== undefined && { keyLease: lease + rest }) }));

const who = fc.constantFrom(...WHO);
const at = fc.constantFrom(...HOSTS);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant("register" as const),
      ...{ who, at, lease: leases, address: fc.constantFrom("10.1.0.1", "10.1.0.2") },
      services: fc.uniqueArray(description, { selector: ({ name }) => name, maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant("remove" as const),
      ...{ who, at, keyLease: fc.constantFrom(0, 60, 600) },
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant("wait" as const),
      seconds: fc.constantFrom(1, 15, 29, 30, 60, 300),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("restart" as const) }) },
);

//---- What must exist ----

interface Registered extends Description {
  readonly by: number;
  readonly at: Host;
  until: number;
}

class Model {
  now = 0;
  /** Who owns a name, and until when. */
  readonly #names = new Map<string, { readonly by: number; readonly until: number }>();
  readonly #hosts = new Map<Host, { readonly address: string; readonly until: number }>();
  readonly #services = new Map<Service, Registered>();
  /** Types of which one key had several services at one time. */
  readonly #shared = new Set<string>();
  /** When the last of all services so far expires, unless it is removed before. */
  #last = 0;

  register(by: number, at: Host, address: string, told: readonly Description[], lease: Lease) {
    if ([at, ...told.map(({ name }) => name)].some((name) => this.#isOthers(name, by))) {
      return "YXDOMAIN";
    }
    const until = this.now + lease.lease;
    const keyed = { by, until: this.now + (lease.keyLease ?? lease.lease) };
    this.#hosts.set(at, { address, until });
    this.#names.set(at, keyed);
    for (const each of this.#servicesAt(at, by)) each.until = Math.min(each.until, until);
    for (const each of told) {
      if (each.isGone) this.#services.delete(each.name);
      else this.#services.set(each.name, { ...each, by, at, until });
      if (!each.isGone || this.#names.has(each.name)) this.#names.set(each.name, keyed);
    }
    this.#last = Math.max(this.#last, until);
    const types = [...this.#services.values()].filter((each) => each.by === by).map(typeOf);
    for (const [i, type] of types.entries()) if (types.indexOf(type) < i) this.#shared.add(type);
    return "NOERROR";
  }

  remove(by: number, at: Host, keyLease: number) {
    if (this.#isOthers(at, by)) return "YXDOMAIN";
    this.#hosts.delete(at);
    const services = this.#servicesAt(at, by).map(({ name }) => name);
    for (const name of services) this.#services.delete(name);
    for (const name of [at, ...services]) {
      if (keyLease === 0) this.#names.delete(name);
      else if (this.#names.has(name)) this.#names.set(name, { by, until: this.now + keyLease });
    }
    return "NOERROR";
  }

  wait(seconds: number) {
    this.now += seconds;
    for (const all of [this.#names, this.#hosts, this.#services] as Map<string, Registered>[]) {
      for (const [name, { until }] of all) if (until <= this.now) all.delete(name);
    }
  }

  /**
   * True if this may remain though no service of its type does: if, of several services of one key, the last
   * to expire is removed early, the list keeps their type until then.
   */
  mayBeLeft(line: string): boolean {
    const type = line.split(" ").at(-1)!.replace(".devices", "");
    return line.startsWith("_services.") && this.#shared.has(type) && this.#last > this.now;
  }

  /** In the form of `reversed`. */
  get reversed(): string[] {
    return [...this.#hosts]
      .map(([name, { address }]) => `${address.split(".").reverse().join(".")} ${name}.devices`)
      .map((line) => line.replace(" ", ".in-addr.arpa. "))
      .sort();
  }

  /** In the form of `known`. */
  get lines(): string[] {
    const lines = new Set<string>();
    for (const name of this.#names.keys()) lines.add(`${name}.devices KEY …`);
    for (const [name, { address }] of this.#hosts) lines.add(`${name}.devices A ${address}`);
    for (const { name, at, port, subtypes } of this.#services.values()) {
      assert.ok(this.#hosts.has(at) && this.#names.has(name), "no service without its host");
      const type = typeOf({ name });
      lines.add(`${name}.devices SRV 0 0 ${port} ${at}.devices`);
      lines.add(`${name}.devices TXT "port=${port}"`);
      for (const domain of ["", ".devices"]) {
        lines.add(`_services._dns-sd._udp${domain} PTR ${type}${domain}`);
        for (const list of [type, ...subtypes.map((each) => `${each}._sub.${type}`)]) {
          lines.add(`${list}${domain} PTR ${name}.devices`);
        }
      }
    }
    return [...lines].sort();
  }

  #servicesAt(host: Host, who: number): Registered[] {
    return [...this.#services.values()].filter(({ at, by }) => at === host && by === who);
  }

  #isOthers(name: string, by: number): boolean {
    return (this.#names.get(name)?.by ?? by) !== by;
  }
}

function typeOf({ name }: Pick<Description, "name">): string {
  return name.slice("One.".length);
}

//---- The test ----

const requesters = WHO.map(() => new Requester(15));

function instructions({ name, isGone, port, subtypes }: Description, at: Host) {
  const instance = `${name}.${SITE}`;
  if (isGone) return [clear(instance)];
  const type = instance.replace(/^[^.]*\./, "");
  return [
    ...service(instance, `${at}.${SITE}`, port, `port=${port}`),
    ...subtypes.map((each) => pointer(`${each}._sub.${type}`, instance)),
  ];
}

test("devices have what they register, for as long as they asked, whatever happens", async () => {
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 30, size: "max" }),
    async (steps) => {
      const clock = new FakeClock();
      let disk = new MemoryDisk();
      const reverse = [makeZone("10.in-addr.arpa.", clock)];
      const open = async () => registrarOf(await openOn(disk, { clock }), clock, {}, reverse);
      let { register, known, reversed } = await open();
      const model = new Model();
      for (const each of steps) {
        if (each.does === "register") {
          const { at, address, services, lease } = each;
          const by = requesters[each.who]!;
          const lamp = host(`${at}.${SITE}`, by.key, address);
          const told = services.flatMap((service) => instructions(service, at));
          const rcode = await register([...lamp, ...told], { by, lease });
          assert.equal(rcode, model.register(each.who, at, address, services, lease));
        } else if (each.does === "remove") {
          const { at, keyLease } = each;
          const by = requesters[each.who]!;
          const update = [clear(`${at}.${SITE}`), add(`${at}.${SITE}`, by.key)];
          const rcode = await register(update, { by, lease: { lease: 0, keyLease } });
          assert.equal(rcode, model.remove(each.who, at, keyLease));
        } else if (each.does === "wait") {
          await clock.elapse(each.seconds * 1000);
          model.wait(each.seconds);
        } else {
          disk = disk.afterKill();
          ({ register, known, reversed } = await open());
        }
        const lines = model.lines;
        const there = known().filter((line) => lines.includes(line) || !model.mayBeLeft(line));
        assert.deepEqual(there.sort(), lines);
        assert.deepEqual(reversed().sort(), model.reversed);
      }
    },
  );
  await fc.assert(property, { numRuns: RUNS });
});
