/**
 * What is attacked: a gateway run as its users run it, on a LAN in network namespaces, with an honest
 * device beside the hostile host. Reports how the gateway fares: whether it runs, how much memory it takes
 * and has in use, and how many datagrams the kernel dropped before it read them.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Certificate, makeCertificate } from "../support/certificate.ts";
import { Gateway } from "../support/gateway.ts";
import type { Host, Lab } from "../support/lab.ts";
import { GATEWAY, office } from "../support/office.ts";
import type { Running } from "../support/process.ts";
import { Vitals, weighable } from "../support/vitals.ts";
import { waitFor } from "../support/wait.ts";
import { SITE, ZONE } from "./corpus.ts";
import type { Intrusion } from "./intruder.ts";
import { SITE as DEVICES } from "./registering.ts";
import type { Attack } from "./sender.ts";
import { key } from "./signing.ts";

const DEVICE = "10.77.1.20";
const HOSTILE = "10.77.1.66";
const NETWORK = "10.77.1.0/24";
const TYPE = "_honest._tcp";
const HONEST = `Honest.${TYPE}`;

/** MiB of V8's old space: room enough, and not so much that collecting could wait for long. */
export const HEAP = 256;

export class Target {
  readonly vitals: Vitals;
  readonly #gateway: Gateway;
  readonly #device: Host;
  readonly #attacker: Host;
  readonly #certificate: Certificate;

  private constructor(gateway: Gateway, device: Host, attacker: Host, certificate: Certificate) {
    this.vitals = new Vitals(gateway.program);
    this.#gateway = gateway;
    this.#device = device;
    this.#attacker = attacker;
    this.#certificate = certificate;
  }

  static async start(lab: Lab): Promise<Target> {
    const net = office(lab);
    const certificate = makeCertificate(undefined, undefined, GATEWAY);
    const settings = {
      zone: ZONE,
      links: [{ interface: "eth0", site: "lan" }],
      listen: {
        dns: ["0.0.0.0:53", "[::]:53"],
        tls: ["0.0.0.0:853"],
        https: ["0.0.0.0:443"],
        push: "ns1.example.com",
        ...certificate.paths,
      },
      registrar: { site: DEVICES, networks: [NETWORK, "fd00::/8"] },
      reverse: ["1.77.10.in-addr.arpa", "d.f.ip6.arpa"],
      keys: { [SITE]: { secret: Buffer.from(key.secret).toString("base64"), site: SITE } },
    };
    const gateway = await weighable(() => Gateway.start(net.gateway, settings), HEAP);
    const [device, hostile] = [net.device("device", 20), net.device("hostile", 66)];
    return new Target(gateway, device, hostile, certificate);
  }

  /** Starts the intruder beside the attack; it goes on until it is stopped. */
  intrude(seed: number): Running {
    const ca = this.#certificate.certificate;
    const whole: Intrusion = { seed, server: GATEWAY, ca, address: HOSTILE };
    return this.#attacker.start(program("intruder", JSON.stringify(whole)));
  }

  attack(attack: Pick<Attack, "seed" | "count" | "time">): Running {
    const whole: Attack = {
      ...{ server: GATEWAY, address: HOSTILE, interface: "eth0" },
      ...attack,
    };
    return this.#attacker.start(program("sender", JSON.stringify(whole)));
  }

  get isRunning(): boolean {
    return this.#gateway.program.isRunning;
  }

  /** The end of the gateway's standard error. */
  get lastWords(): string {
    return this.#gateway.program.stderr.slice(-4000);
  }

  /** The number of datagrams to its two ports that came when a socket's buffer was full. */
  get dropped(): number {
    const table = (file: string) =>
      readFileSync(`/proc/${this.#gateway.program.pid}/net/${file}`, "utf8").split("\n").slice(1);
    return [...table("udp"), ...table("udp6")]
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local = ""]) => /:(0035|14E9)$/.test(local))
      .reduce((sum, columns) => sum + Number(columns.at(-1)), 0);
  }

  /**
   * Checks that the collector works too: an honest service comes and goes with its device. Returns the
   * milliseconds until both were seen.
   */
  async harvests(deadline: number): Promise<number> {
    const started = performance.now();
    for (const ttl of [120, 0]) {
      await this.#device.succeed(program("device", DEVICE, String(ttl)));
      const isListed = ttl > 0;
      await waitFor(
        `${HONEST} to be ${isListed ? "listed" : "gone"}`,
        async () => (await this.#isListed()) === isListed,
        deadline,
      );
    }
    return performance.now() - started;
  }

  /** True if the honest service is listed. Others may be, too: nobody owns a list. */
  async #isListed(): Promise<boolean> {
    const asked = ["dig", "+short", "+tries=1", `@${GATEWAY}`, `${TYPE}.lan.${ZONE}`, "PTR"];
    const answer = await this.#attacker.succeed(asked);
    return answer.split("\n").includes(`${HONEST}.lan.${ZONE}`);
  }
}

/** The command line of one of this folder's programs. */
function program(name: string, ...parameters: readonly string[]): string[] {
  return [process.execPath, join(import.meta.dirname, `${name}.js`), ...parameters];
}
