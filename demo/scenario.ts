/**
 * The founding case, played in a lab: two offices with a route and no multicast between them, a collector in
 * each, and one name server, all run from `examples/two-offices*` as they stand. What is seen, and how soon,
 * is returned as plain values: the demo prints them, a test asserts them.
 */
import { Type } from "../src/dns/constants.ts";
import { Name } from "../src/dns/name.ts";
import { stringsOf, targetOf } from "../src/dns/rdata.ts";
import type { Avahi } from "../test/support/avahi.ts";
import { Capture } from "../test/support/capture.ts";
import { dig } from "../test/support/dig.ts";
import { Example, Machine } from "../test/support/example.ts";
import { Watch } from "../test/support/gateway.ts";
import { Lab, needs } from "../test/support/lab.ts";
import {
  NAME_SERVER,
  OFFICE_TOOLS,
  type Office,
  type Offices,
  openOffices,
  type Presence,
} from "../test/support/offices.ts";
import { waitFor } from "../test/support/wait.ts";

export const ZONE = "bonjour.example.com";
/** The types of people, printers and shares. */
export const TYPES = ["_presence._tcp", "_ipp._tcp", "_smb._tcp"] as const;

export interface Machines {
  readonly nameServer: Machine;
  readonly paris: Machine;
  readonly lyon: Machine;
}

type Captures = Readonly<Record<"paris" | "lyon" | "wan", Capture>>;

/** Something that a desk lists and has resolved. */
export interface Peer {
  readonly type: string;
  readonly instance: string;
  readonly site: string;
  readonly address: string;
  readonly port: number;
  readonly txt: string;
}

/** Milliseconds until a desk in the other office sees a change. */
export interface Delay {
  readonly sinceSaid: number;
  /** Since the device's packet was on its LAN: the time that our programs take. */
  readonly sinceOnLan: number;
  /** True if the desk got no other answer meanwhile. */
  readonly isAlone: boolean;
}

/** Why it cannot be played here; false where it can be. */
export function scenarioNeeds(): string | false {
  return needs(...OFFICE_TOOLS, "dig", "tcpdump", "bash");
}

export class TwoOffices {
  readonly lab: Lab;
  readonly offices: Offices;
  readonly machines: Machines;
  /** Milliseconds from the programs' start until a desk in Lyon sees everything. */
  readonly fullViewAfter: number;
  readonly #captures: Captures;

  private constructor(
    lab: Lab,
    offices: Offices,
    started: { machines: Machines; fullViewAfter: number; captures: Captures },
  ) {
    this.lab = lab;
    this.offices = offices;
    this.machines = started.machines;
    this.fullViewAfter = started.fullViewAfter;
    this.#captures = started.captures;
  }

  /** Builds the offices, starts everything, and waits until both are in the zone. */
  static async open(tell: (what: string) => void = () => {}): Promise<TwoOffices> {
    const lab = new Lab();
    try {
      const offices = await openOffices(lab, ZONE);
      const { paris, lyon } = offices;
      const [inParis, inLyon, onWan] = await Promise.all([
        Capture.on(paris.router, "lan", MULTICAST),
        Capture.on(lyon.router, "lan", MULTICAST),
        Capture.on(lyon.router, "wan", MULTICAST),
      ]);
      tell("Both offices are up; the routers pass no multicast. Starting our three programs:");
      const start = Date.now();
      const machines = await startMachines(offices, tell);
      const seen = TYPES.map((type) =>
        new Watch(lyon.desk.host, NAME_SERVER, `${type}.${ZONE}.`, "PTR").until(
          `${type} of both offices in the zone`,
          ({ count }) => count === 2,
          { deadline: 30_000 },
        ),
      );
      const last = Math.max(...(await Promise.all(seen)).map(({ at }) => at));
      const captures = { paris: inParis, lyon: inLyon, wan: onWan };
      return new TwoOffices(lab, offices, { machines, fullViewAfter: last - start, captures });
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Follows the answers that a desk gets; resolves after the first. */
  async watch({ desk }: Office, name: string, type: string): Promise<Watch> {
    const watch = new Watch(desk.host, NAME_SERVER, name, type);
    await watch.until("an answer", () => true);
    return watch;
  }

  /** What a desk lists and resolves with avahi-browse, by unicast. */
  async peers({ desk }: Office): Promise<Peer[]> {
    const lines = await Promise.all(TYPES.map((type) => desk.browse(type, ZONE)));
    return lines
      .flat()
      .filter(({ event }) => event === "=")
      .map(({ type, instance, domain, address, port, txt }) => ({
        ...{ type, instance, address, port, txt },
        site: domain.replace(`.${ZONE}`, ""),
      }));
  }

  /** The delay until a desk in one office sees a new presence in the other. */
  async presenceDelay(from: Office, to: Office, presence: Presence): Promise<Delay> {
    const watch = await this.watch(to, instanceName(from), "TXT");
    const said = await from.user.say(presence);
    const status = `status=${presence.status}`;
    const { at, count } = await watch.until("the new presence", ({ records }) =>
      records.some((record) => record.includes(Buffer.from(status).toString("hex"))),
    );
    await watch.stop();
    const onLan = await waitFor("the packet with it to be captured", () =>
      this.#captures[from.site].datagrams.find(
        (datagram) => datagram.at >= said && datagram.payload.includes(status),
      ),
    );
    return { sinceSaid: at - said, sinceOnLan: at - onLan.at, isAlone: count === 1 };
  }

  /** Connects from a desk to an address it has resolved, and returns the first line it receives. */
  hello({ desk }: Office, { address, port }: Peer): Promise<string> {
    const script = `exec 3<>/dev/tcp/${address}/${port}; echo '<stream:stream>' >&3; head -n1 <&3`;
    return desk.host.succeed(["bash", "-c", script], { timeout: 10_000 });
  }

  /** A user's picture as a desk receives it. */
  async picture({ desk }: Office, of: Office): Promise<Buffer> {
    const { answers } = await this.ask(desk, instanceName(of), "NULL");
    return Buffer.from(answers[0]?.rdata.toWire() ?? []);
  }

  /** Logs the user out; returns the milliseconds until a desk in the other office sees it. */
  async leavingDelay(from: Office, to: Office): Promise<number> {
    const watch = await this.watch(to, `${TYPES[0]}.${from.site}.${ZONE}.`, "PTR");
    const left = Date.now();
    await from.user.leave();
    const { at } = await watch.until("the user to be gone", ({ count }) => count === 0);
    await watch.stop();
    return at - left;
  }

  /** PTR targets at a name, as a desk receives them. */
  async targets({ desk }: Office, name: string): Promise<string[]> {
    const { answers } = await this.ask(desk, name, "PTR");
    return answers.map(({ rdata }) => targetOf(rdata)!.toString()).sort();
  }

  async strings({ desk }: Office, of: Office): Promise<string[]> {
    const { answers } = await this.ask(desk, instanceName(of), "TXT");
    return answers
      .filter(({ type }) => type === Type.TXT)
      .flatMap(({ rdata }) => stringsOf(rdata).map((string) => Buffer.from(string).toString()));
  }

  /** UDP datagrams to multicast groups so far, on the LANs and on the wide area network. */
  get multicast(): { readonly onLans: number; readonly onWan: number } {
    const { paris, lyon, wan } = this.#captures;
    return {
      onLans: paris.datagrams.length + lyon.datagrams.length,
      onWan: wan.datagrams.length,
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.lab[Symbol.asyncDispose]();
  }

  private ask(desk: Avahi, name: string, type: string) {
    return dig(desk.host, { server: NAME_SERVER, name, type });
  }
}

const MULTICAST = "udp port 5353 or ip multicast or ip6 multicast";

function instanceName({ site, user }: Office): string {
  return Name.parse(`${TYPES[0]}.${site}.${ZONE}.`).child(user.name)!.toString();
}

/** Each in a folder of its own, with the keys made and carried as docs/two-offices.md says. */
async function startMachines(
  { nameServer, paris, lyon }: Offices,
  tell: (what: string) => void,
): Promise<Machines> {
  const server = new Example("two-offices.yaml");
  const collector = async ({ site, collector: host }: Office) => {
    const example = new Example(`two-offices/${site}.yaml`);
    await server.makeKey(site);
    server.giveKey(site, example);
    return new Machine(example, host);
  };
  const [inParis, inLyon] = await Promise.all([collector(paris), collector(lyon)]);
  const machines = { nameServer: new Machine(server, nameServer), paris: inParis, lyon: inLyon };
  const titled = [
    ["name server", machines.nameServer],
    ["collector of paris", machines.paris],
    ["collector of lyon", machines.lyon],
  ] as const;
  const lines = await Promise.all(titled.map(([, machine]) => machine.start()));
  for (const [i, [title]] of titled.entries()) {
    tell(`  ${title}: ${lines[i]!.replace(/\. Try:$|\.$/, "")}`);
  }
  return machines;
}
