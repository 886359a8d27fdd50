/**
 * Networks for tests: hosts are network namespaces, a LAN is a bridge in a namespace of its own, cables are
 * veth pairs. Names carry the process id. `Symbol.asyncDispose` removes everything, at the latest when the
 * test process ends, and after a SIGKILL the next lab does.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  type Finished,
  Running,
  run,
  type Surroundings,
  succeed,
  succeedNow,
  whenTestEnds,
} from "./process.ts";
import { root } from "./root.ts";
import { skipWithout } from "./tool.ts";
import { waitFor } from "./wait.ts";

/** Debian's, which finds Debian's modules. */
const PYTHON = "/usr/bin/python3";
const MODULES = "/usr/lib/python3/dist-packages";

/** Why a test in a lab cannot run here; false where it can. For its `skip`. */
export function needs(...tools: readonly string[]): string | false {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "needs root on Linux";
  const isThere = (tool: string) =>
    tool.startsWith("python3-") && existsSync(join(MODULES, tool.slice("python3-".length)));
  return skipWithout("ip", ...tools.filter((tool) => !isThere(tool)));
}

/** Removes labs of test processes that were killed, with whatever still runs in them. */
function removeLeftovers(): void {
  for (const line of succeedNow("ip", "netns", "list").split("\n")) {
    const [namespace = ""] = line.split(" ");
    const pid = /^dg(\d+)-/.exec(namespace)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeNamespace(namespace);
  }
}

function removeNamespace(namespace: string): void {
  for (const pid of succeedNow("ip", "netns", "pids", namespace).split("\n")) {
    try {
      if (pid !== "") process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has just ended.
    }
  }
  succeedNow("ip", "netns", "del", namespace);
  rmSync(join("/etc/netns", namespace), { recursive: true, force: true });
}

let labs = 0;

export class Lab {
  readonly #name = `dg${process.pid}-${labs++}`;
  readonly #namespaces: string[] = [];
  readonly #programs: Running[] = [];
  #isUp = true;

  constructor() {
    if (labs === 1) removeLeftovers();
    whenTestEnds(() => this.#remove());
  }

  /** A switch with nothing plugged in. */
  lan(name: string): Switch {
    const namespace = this.#namespace(name);
    ip(namespace, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0");
    ip(namespace, "link", "set", "br0", "up");
    return new Switch(namespace);
  }

  /** A host with only a loopback interface. */
  host(name: string): Host {
    return new Host(this.#namespace(name), (program) => {
      this.#programs.push(program);
      // A failed test may go on for a while: what it starts now comes too late.
      if (!this.#isUp) program.kill();
      return program;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.stop("SIGKILL").catch(() => null)));
    this.#remove();
  }

  #namespace(name: string): string {
    const namespace = `${this.#name}-${name}`;
    succeedNow("ip", "netns", "add", namespace);
    this.#namespaces.push(namespace);
    ip(namespace, "link", "set", "lo", "up");
    return namespace;
  }

  #remove(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#namespaces.forEach(removeNamespace);
  }
}

export class Switch {
  readonly namespace: string;
  ports = 0;

  constructor(namespace: string) {
    this.namespace = namespace;
  }
}

/** A host's interface, and the cable from it to a switch. */
export interface Plug {
  readonly name: string;
  /** Addresses with their lengths. */
  readonly addresses: readonly string[];
}

export class Host {
  readonly namespace: string;
  readonly #keep: (program: Running) => Running;
  readonly #cables = new Map<string, { readonly namespace: string; readonly port: string }>();

  constructor(namespace: string, keep: (program: Running) => Running) {
    this.namespace = namespace;
    this.#keep = keep;
  }

  /** Plugs it into the LAN; its link-local IPv6 address is usable at once. */
  plug(lan: Switch, { name, addresses }: Plug): this {
    const port = `p${++lan.ports}`;
    this.#cables.set(name, { namespace: lan.namespace, port });
    const { namespace } = this;
    succeedNow(
      ...["ip", "link", "add", name, "netns", namespace, "type", "veth"],
      ...["peer", "name", port, "netns", lan.namespace],
    );
    ip(lan.namespace, "link", "set", port, "master", "br0", "up");
    this.set(`net/ipv6/conf/${name}/accept_dad`, "0");
    for (const address of addresses) this.addAddress(name, address);
    ip(namespace, "link", "set", name, "up");
    return this;
  }

  /**
   * Gives it the interface of a VLAN, "eth0.20", on another's cable. Where the kernel cannot make one, a
   * program of ours does, with the same frames on the cable.
   */
  async vlan(cable: string, id: number, address: string): Promise<void> {
    const name = `${cable}.${id}`;
    const ours = [PYTHON, join(root, "test/support/vlan.py"), cable, name, `${id}`];
    const link = ["ip", "link", "add", "link", cable, "name", name, "type", "vlan", "id", `${id}`];
    if ((await this.run(link)).status !== 0) {
      await this.start(ours).line(/"there"/);
    }
    this.addAddress(name, address);
    ip(this.namespace, "link", "set", name, "up");
  }

  /** Removes the interface from the machine. */
  unplug(name: string): void {
    ip(this.namespace, "link", "del", name);
    this.#cables.delete(name);
  }

  /** Pulls the cable at the switch, or puts it back: the interface loses its carrier, or regains it. */
  cable(name: string, state: "up" | "down"): void {
    const { namespace, port } = this.#cables.get(name)!;
    ip(namespace, "link", "set", port, state);
  }

  /** Keeps its carrier and its addresses, as Linux does since 6.2. */
  rename(name: string, other: string): void {
    ip(this.namespace, "link", "set", name, "name", other);
    this.#cables.set(other, this.#cables.get(name)!);
    this.#cables.delete(name);
  }

  addAddress(name: string, address: string): void {
    const flags = address.includes(":") ? ["nodad"] : [];
    ip(this.namespace, "addr", "add", address, "dev", name, ...flags);
  }

  removeAddress(name: string, address: string): void {
    ip(this.namespace, "addr", "del", address, "dev", name);
  }

  /** Without a gateway it is a black hole. */
  route(destination: string, gateway?: string): this {
    const way = gateway === undefined ? ["blackhole", destination] : [destination, "via", gateway];
    ip(this.namespace, "route", "add", ...way);
    return this;
  }

  unroute(destination: string): void {
    ip(this.namespace, "route", "del", destination);
  }

  /** A kernel parameter, "net/ipv4/ip_forward". */
  set(key: string, value: string): void {
    const file = `/proc/sys/${key}`;
    succeedNow("ip", "netns", "exec", this.namespace, "sh", "-c", `echo ${value} > ${file}`);
  }

  /** The interface's link-local IPv6 address. */
  linkLocal(name: string): Promise<string> {
    return waitFor(
      `a link-local address on ${name}`,
      () => /inet6 (fe80:[^/]+)/.exec(ip(this.namespace, "addr", "show", "dev", name))?.[1],
    );
  }

  /** Puts a file over `/etc/PATH` for what starts on this host from now on. */
  etc(path: string, text: string): void {
    const file = join("/etc/netns", this.namespace, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  command(...command: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.namespace, ...command];
  }

  /** Runs a program here until it ends. */
  run(command: readonly string[], where?: Surroundings): Promise<Finished> {
    return run(this.command(...command), where);
  }

  /** Runs a program here that must succeed. */
  succeed(command: readonly string[], where?: Surroundings): Promise<string> {
    return succeed(this.command(...command), where);
  }

  /** Starts a program that ends, at the latest, with the lab. */
  start(command: readonly string[], where?: Pick<Surroundings, "env" | "cwd">): Running {
    return this.#keep(new Running(this.command(...command), where));
  }

  /** Starts one of this folder's programs. */
  script(name: string, ...parameters: readonly string[]): Running {
    return this.start([process.execPath, join(import.meta.dirname, `${name}.js`), ...parameters]);
  }
}

function ip(namespace: string, ...command: readonly string[]): string {
  return succeedNow("ip", "-n", namespace, ...command);
}
