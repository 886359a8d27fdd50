/**
 * Two offices that publish into one zone, where by chance things go wrong, several at a time: paths are
 * cut, collectors and the name server are killed, machines stall, devices are not heard. After each bout
 * the devices come to rest, and soon the zone must be what they say, record for record.
 */
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import type { RecordSet } from "../../src/dns/record.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { seeded } from "../collector/fixture.ts";
import { startBind } from "../support/bind.ts";
import { type Branch, NAME_SERVER, WideArea, ZONE } from "../support/branch.ts";
import { linesOf } from "../support/churn.ts";
import type { Fleet, FleetOrder } from "../support/devices.ts";
import type { Gateway } from "../support/gateway.ts";
import { startKnot } from "../support/knot.ts";
import { type Host, Lab } from "../support/lab.ts";
import type { Running } from "../support/process.ts";
import { sleep, waitFor } from "../support/wait.ts";

export const servers = ["gateway", "BIND", "Knot"] as const;
export type Server = (typeof servers)[number];
/** What each needs besides `tools`. */
export const programs = { gateway: [], BIND: ["named"], Knot: ["knotd"] } as const;

export interface OfficesOptions {
  readonly server: Server;
  readonly seconds: number;
  /** The same things go wrong for the same seed, at about the same times. */
  readonly seed: number;
  readonly print: (line: string) => void;
}

export interface OfficesFigures {
  readonly bouts: number;
  /** Things that went wrong. */
  readonly mishaps: number;
  /** Milliseconds from when devices rest until the zone is right: the median of the bouts, and the most. */
  readonly median: number;
  readonly most: number;
}

/** Programs it needs. */
export const tools = ["ip", "dig"] as const;

/** Throws if the zone is not what the devices say. */
export async function officesSoak({ server, seconds, seed, print }: OfficesOptions) {
  await using lab = new Lab();
  const scene = await Scene.open(lab, server, seeded(seed));
  await scene.settled();
  const end = Date.now() + seconds * 1000;
  const times: number[] = [];
  let mishaps = 0;
  do {
    const told = await scene.bout();
    const after = await scene.settled().catch((error) => {
      throw new Error(`${server}, seed ${seed}, bout ${times.length + 1}: ${told}: ${error}`);
    });
    print(`${server}: ${told.join(", ")}: right after ${after} ms`);
    times.push(after);
    mishaps += told.length;
  } while (Date.now() < end);
  times.sort((a, b) => a - b);
  const median = times[times.length >> 1]!;
  return { bouts: times.length, mishaps, median, most: times.at(-1)! } satisfies OfficesFigures;
}

/** Devices of one type in an office, each with an address, from 10.N.0.FIRST on. */
interface Devices {
  readonly branch: Branch;
  readonly fleet: Fleet;
  readonly program: Running;
}

/** Lets something go wrong: `told` says what, `over` resolves at its end. Undefined if all are in trouble. */
type Mishap = () => { readonly told: string; readonly over: Promise<void> } | undefined;

class Scene {
  readonly #chance: () => number;
  readonly #nameServer: Host;
  readonly #make: Server;
  readonly #wide: WideArea;
  #server!: { stop(): Promise<void>; start(): Promise<void> };
  readonly #branches: readonly Branch[];
  readonly #collectors: Gateway[] = [];
  readonly #devices: Devices[] = [];
  /** What is in trouble now, and is left alone by the next mishap. */
  readonly #busy = new Set<object>();

  private constructor(lab: Lab, make: Server, chance: () => number) {
    this.#chance = chance;
    this.#make = make;
    this.#wide = new WideArea(lab);
    this.#nameServer = this.#wide.nameServer;
    this.#branches = [this.#wide.branch("paris"), this.#wide.branch("lyon")];
  }

  /** Two collectors in Paris and one in Lyon, printers in both, with the same names. */
  static async open(lab: Lab, make: Server, chance: () => number): Promise<Scene> {
    const scene = new Scene(lab, make, chance);
    scene.#server = await scene.#serve();
    const [paris, lyon] = scene.#branches as [Branch, Branch];
    for (const [branch, key] of [[paris, 0] as const, [paris, 1] as const, [lyon, 0] as const]) {
      const host = branch.host(`collector${key}`, 2 + key);
      scene.#collectors.push(await branch.collect(host, { key }));
    }
    await scene.#place(paris, 100, { type: "_ipp._tcp", name: "Printer", count: 8, each: 2 });
    await scene.#place(paris, 120, { type: "_presence._tcp", name: "user", count: 10, each: 1 });
    await scene.#place(lyon, 100, { type: "_ipp._tcp", name: "Printer", count: 6, each: 3 });
    await scene.#place(lyon, 120, { type: "_http._tcp", name: "web", count: 10, each: 1 });
    scene.#order({ churn: 0 });
    return scene;
  }

  async #serve() {
    if (this.#make === "gateway") {
      const gateway = await this.#wide.serve();
      const stop = async () => void (await gateway.program.stop("SIGKILL"));
      return { stop, start: () => gateway.restart() };
    }
    const start = this.#make === "BIND" ? startBind : startKnot;
    const keys = Object.entries(this.#wide.keys).map(([key, { secret }]) => [key, secret]);
    const primary = await start({
      ...{ zone: `${ZONE}.`, keys: Object.fromEntries(keys) },
      on: { host: this.#nameServer, address: NAME_SERVER },
    });
    return { stop: () => primary.stop("SIGKILL"), start: () => primary.start() };
  }

  async #place(
    branch: Branch,
    first: number,
    { count, ...kind }: Pick<Fleet, "type" | "name" | "each"> & { readonly count: number },
  ): Promise<void> {
    const addresses = Array.from({ length: count }, (_, i) => `10.${branch.number}.0.${first + i}`);
    const host = branch.host(`devices${first}`, first);
    for (const address of addresses.slice(1)) host.addAddress("eth0", `${address}/16`);
    const fleet: Fleet = { addresses, ...kind };
    const program = host.script("devices", JSON.stringify(fleet));
    await program.line(/ready/);
    this.#devices.push({ branch, fleet, program });
  }

  #order(order: FleetOrder): void {
    for (const { program } of this.#devices) program.say(JSON.stringify(order));
  }

  /** Lets things go wrong while devices come, change and go; returns what they were, when all are over. */
  async bout(): Promise<readonly string[]> {
    const told: string[] = [];
    const all: Promise<void>[] = [];
    this.#order({ churn: Math.round(this.#between(60, 400)) });
    for (let count = 1 + Math.floor(this.#chance() * 5); count > 0; count--) {
      await sleep(this.#between(0, 4000));
      const mishap = this.#pick(this.#mishaps)();
      if (mishap === undefined) continue;
      told.push(mishap.told);
      // Its failure is seen when all are waited for.
      mishap.over.catch(() => {});
      all.push(mishap.over);
    }
    // Devices come to rest when all is well again, or before.
    if (this.#chance() < 0.5) await Promise.all(all);
    this.#order({ churn: 0 });
    await Promise.all(all);
    return told;
  }

  readonly #mishaps: readonly Mishap[] = [
    () =>
      this.#trouble("the way to", this.#branches, 12_000, {
        begin: ({ router }) => router.cable("wan", "down"),
        end: ({ router }) => router.cable("wan", "up"),
      }),
    () =>
      this.#trouble("a hole on the way to", this.#branches, 9000, {
        begin: ({ router }) => void router.route(`${NAME_SERVER}/32`),
        end: ({ router }) => router.unroute(`${NAME_SERVER}/32`),
      }),
    ...(["SIGKILL", "SIGKILL", "SIGTERM"] as const).map(
      (signal): Mishap =>
        () =>
          this.#trouble(signal, this.#collectors, 10_000, {
            begin: async ({ program }) => void (await program.stop(signal)),
            end: (collector) => collector.restart(),
          }),
    ),
    () =>
      this.#trouble("SIGSTOP", this.#collectors, 9000, {
        begin: ({ program }) => void program.child.kill("SIGSTOP"),
        end: ({ program }) => void program.child.kill("SIGCONT"),
      }),
    () =>
      this.#trouble("the cable of", this.#collectors, 14_000, {
        begin: ({ host }) => host.cable("eth0", "down"),
        end: ({ host }) => host.cable("eth0", "up"),
      }),
    () =>
      this.#trouble("SIGKILL", [this.#server], 6000, {
        begin: (server) => server.stop(),
        end: (server) => server.start(),
      }),
    () =>
      this.#trouble("deaf", this.#devices, 8000, {
        begin: ({ program }) => program.say(JSON.stringify({ isMute: true })),
        end: ({ program }) => program.say(JSON.stringify({ isMute: false })),
      }),
  ];

  /** Trouble for one of these that is in no other; for `longest` milliseconds at most. */
  #trouble<T extends object>(
    what: string,
    all: readonly T[],
    longest: number,
    { begin, end }: Readonly<Record<"begin" | "end", (one: T) => void | Promise<void>>>,
  ): ReturnType<Mishap> {
    const idle = all.filter((one) => !this.#busy.has(one));
    if (idle.length === 0) return undefined;
    const one = this.#pick(idle);
    const time = Math.round(this.#between(500, longest));
    this.#busy.add(one);
    const over = (async () => {
      await begin(one);
      await sleep(time);
      await end(one);
      this.#busy.delete(one);
    })();
    return { told: `${what} ${this.#called(one)} ${time} ms`, over };
  }

  #called(one: object): string {
    if (one === this.#server) return "the name server";
    const branch = this.#branches.find((each) => each === one);
    if (branch !== undefined) return branch.site;
    const devices = this.#devices.find((each) => each === one);
    if (devices !== undefined) return `${devices.fleet.name} in ${devices.branch.site}`;
    return (one as Gateway).host.namespace.replace(/^dg\d+-\d+-/, "");
  }

  /** Resolves when the zone is what the devices say, to the milliseconds that took. */
  async settled(): Promise<number> {
    const began = Date.now();
    const expected = linesOf(this.#said());
    let seen = "";
    const isSettled = async () => {
      const lines = await this.#served();
      const there = new Set(lines);
      const missing = expected.filter((line) => !there.has(line));
      const odd = lines.filter((line) => !expected.includes(line));
      seen = `missing ${missing.slice(0, SHOWN).join("; ")}, odd ${odd.slice(0, SHOWN).join("; ")}`;
      return missing.length + odd.length === 0;
    };
    const patience = this.#make === "gateway" ? PATIENCE.leased : PATIENCE.read;
    await waitFor("the zone to be right", isSettled, patience, 250).catch((error) => {
      throw new Error(`${error}: ${seen}`);
    });
    return Date.now() - began;
  }

  /** The zone's lines, but for the apex and what says where to browse. */
  async #served(): Promise<readonly string[]> {
    const [key, { secret }] = Object.entries(this.#wide.keys)[0]!;
    const { status, stdout } = await this.#nameServer.run([
      ...["dig", `@${NAME_SERVER}`, "-y", `hmac-sha256:${key}:${secret}`],
      ...["-t", "AXFR", "-q", ZONE, "+noall", "+answer", "+onesoa", "+time=5"],
    ]);
    const text = `${stdout}`;
    if (status !== 0 || !text.includes("SOA")) return [];
    const sets = parseMasterFile(text, { origin: ORIGIN });
    return linesOf(sets.filter(({ name }) => !name.equals(ORIGIN) && !isEnumeration(name)));
  }

  #said(): RecordSet[] {
    return this.#devices.flatMap(({ branch, fleet: { addresses, type, name, each = 1 } }) => {
      const site = ORIGIN.child(branch.site)!;
      const set = (owner: Name, ...rdatas: RecordSet["rdatas"]): RecordSet => ({
        ...{ name: owner, type: rdatas[0]!.type, ttl: TTL, rdatas },
      });
      return addresses.flatMap((address, device) => {
        const host = site.child(`${name}-${device + 1}`)!;
        const instances = Array.from({ length: each }, (_, i) => device * each + i);
        return [
          set(host, rdata.a(address)),
          ...instances.flatMap((number) => {
            const instance = Name.parse(type, site).child(`${name} ${number + 1}`)!;
            return [
              ...[site, ORIGIN].map((above) => set(Name.parse(type, above), rdata.ptr(instance))),
              set(instance, rdata.srv(0, 0, 1000 + number, host)),
              set(instance, rdata.txt("settled")),
            ];
          }),
        ];
      });
    });
  }

  #pick<T>(all: readonly T[]): T {
    return all[Math.floor(this.#chance() * all.length)]!;
  }

  #between(least: number, most: number): number {
    return least + this.#chance() * (most - least);
  }
}

function isEnumeration(name: Name): boolean {
  return `${name}`.includes("_dns-sd._udp.");
}

const ORIGIN = Name.parse(`${ZONE}.`);
/** Of all that is published. */
const TTL = 10;
/**
 * Milliseconds. A collector that returns waits until it has heard who is still there; without leases,
 * what a killed one had in flight is found when the server is read again, after 150 s.
 */
const PATIENCE = { leased: 45_000, read: 200_000 };
/** How many lines of what is wrong are shown. */
const SHOWN = 3;
