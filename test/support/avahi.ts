/**
 * avahi-daemon on a host of a lab, with its own configuration, run folder and, on request, D-Bus: several run
 * side by side on one machine.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Host } from "./lab.ts";
import { type Running, whenTestEnds } from "./process.ts";
import { waitFor } from "./wait.ts";

export interface AvahiService {
  /** The instance name, as people write it. */
  readonly name: string;
  readonly type: string;
  readonly port: number;
  readonly txt?: readonly string[];
  readonly subtypes?: readonly string[];
}

export interface AvahiOptions {
  readonly hostName: string;
  readonly services?: readonly AvahiService[];
  /** Needed by avahi-browse and avahi-publish. */
  readonly hasBus?: boolean;
  /** Asks unicast DNS for domains other than `.local`. */
  readonly isWideArea?: boolean;
  readonly interfaces?: string;
}

/** One line of `avahi-browse --parsable`. */
export interface Browsed {
  /** "+" seen, "=" resolved, "-" gone. */
  readonly event: string;
  readonly instance: string;
  readonly type: string;
  readonly domain: string;
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly txt: string;
}

export class Avahi {
  readonly host: Host;
  readonly #folder: string;
  #bus: Running | undefined;
  #daemon: Running | undefined;

  private constructor(host: Host) {
    this.host = host;
    this.#folder = mkdtempSync(join(tmpdir(), "avahi-"));
    // The daemon gives up root and must still be able to reach the bus.
    chmodSync(this.#folder, 0o755);
    whenTestEnds(() => rmSync(this.#folder, { recursive: true, force: true }));
  }

  static async start(host: Host, options: AvahiOptions): Promise<Avahi> {
    const avahi = new Avahi(host);
    host.etc("avahi/hosts", "");
    host.etc("avahi/avahi-daemon.conf", configuration(options));
    host.etc("avahi/services/.keep", "");
    for (const [at, service] of (options.services ?? []).entries()) avahi.add(`s${at}`, service);
    if (options.hasBus) await avahi.#startBus();
    await avahi.start();
    return avahi;
  }

  /** Starts the daemon; also after `stop` or `crash`. */
  async start(): Promise<void> {
    mkdirSync("/run/avahi-daemon", { recursive: true });
    // Its pid file and socket have fixed paths; `ip netns exec` has made the mounts private.
    const script =
      "mount -t tmpfs -o mode=755 tmpfs /run/avahi-daemon && chown avahi:avahi /run/avahi-daemon" +
      " && exec avahi-daemon --no-rlimits --no-chroot --no-proc-title";
    const daemon = this.host.start(["sh", "-c", script], { env: this.#environment });
    this.#daemon = daemon;
    await waitFor("avahi-daemon", () => {
      if (!daemon.isRunning) throw new Error(daemon.stderr);
      return daemon.stderr.includes("Server startup complete");
    });
  }

  /** Adds a static service; the running daemon notices it. */
  add(file: string, service: AvahiService): void {
    this.host.etc(`avahi/services/${file}.service`, serviceFile(service));
  }

  /** Removes a static service, so that the daemon sends a goodbye. */
  remove(file: string): void {
    rmSync(join("/etc/netns", this.host.namespace, `avahi/services/${file}.service`));
  }

  /** Ends with goodbyes for everything. */
  async stop(): Promise<void> {
    await this.#daemon?.stop("SIGTERM");
  }

  /** Ends without goodbyes. */
  async crash(): Promise<void> {
    await this.#daemon?.stop("SIGKILL");
  }

  /** Publishes a service while the returned program runs; stopped, it sends a goodbye. */
  async publish({ name, type, port, txt = [], subtypes = [] }: AvahiService): Promise<Running> {
    const program = this.client([
      ...["avahi-publish", "-s", ...subtypes.map((subtype) => `--subtype=${subtype}`)],
      ...[name, type, String(port), ...txt],
    ]);
    await waitFor(`"${name}" to be published`, () => {
      if (!program.isRunning) throw new Error(program.stderr);
      return program.stderr.includes("Established");
    });
    return program;
  }

  /** Starts a program that talks to this daemon. */
  client(command: readonly string[]): Running {
    return this.host.start(command, { env: this.#environment });
  }

  /** What one run of avahi-browse lists and resolves. */
  async browse(type: string, domain: string, timeout = 15_000): Promise<Browsed[]> {
    const { stdout, stderr } = await this.host.run(["avahi-browse", "-rtpk", "-d", domain, type], {
      env: this.#environment,
      timeout,
    });
    if (stderr !== "") console.log(stderr);
    return stdout
      .toString()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [event = "", , , instance = "", type = "", domain = "", ...rest] = line.split(";");
        const [host = "", address = "", port = "0", ...txt] = rest;
        return {
          ...{ event, instance: unescaped(instance), type, domain },
          ...{ host, address, port: Number(port) },
          txt: unescaped(txt.join(";")),
        };
      });
  }

  get #environment(): NodeJS.ProcessEnv {
    return { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${this.#folder}/bus` };
  }

  async #startBus(): Promise<void> {
    const file = "avahi/bus.conf";
    this.host.etc(file, busConfiguration(join(this.#folder, "bus")));
    const bus = this.host.start([
      ...["dbus-daemon", `--config-file=/etc/${file}`],
      ...["--nofork", "--nopidfile", "--nosyslog"],
    ]);
    this.#bus = bus;
    await waitFor("a D-Bus", () => {
      if (!this.#bus?.isRunning) throw new Error(bus.stderr);
      return existsSync(join(this.#folder, "bus"));
    });
  }
}

function configuration({
  hostName,
  hasBus,
  isWideArea,
  interfaces = "eth0",
}: AvahiOptions): string {
  return `[server]
host-name=${hostName}
use-ipv4=yes
use-ipv6=yes
enable-dbus=${hasBus ? "yes" : "no"}
allow-interfaces=${interfaces}
ratelimit-interval-usec=1000000
ratelimit-burst=1000
[wide-area]
enable-wide-area=${isWideArea ? "yes" : "no"}
[publish]
publish-hinfo=no
publish-workstation=no
`;
}

function serviceFile({ name, type, port, txt = [], subtypes = [] }: AvahiService): string {
  const element = (tag: string, text: string) => `<${tag}>${escapeXml(text)}</${tag}>`;
  return `<?xml version="1.0" standalone='no'?><!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group>${element("name", name)}<service>${element("type", type)}${subtypes
    .map((subtype) => element("subtype", subtype))
    .join("")}${element("port", String(port))}${txt
    .map((string) => element("txt-record", string))
    .join("")}</service></service-group>
`;
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}

/** Decodes Avahi's `\DDD` and `\.`, in labels and in strings. */
function unescaped(text: string): string {
  const octets = text.replace(/\\(\d{3}|.)|[^\\]/gu, (whole, escaped: string | undefined) => {
    if (escaped === undefined) return Buffer.from(whole).toString("latin1");
    return escaped.length === 3 ? String.fromCharCode(Number(escaped)) : escaped;
  });
  return Buffer.from(octets, "latin1").toString("utf8");
}

function busConfiguration(socket: string): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=${socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="*"/>
<allow receive_type="*"/><allow send_destination="*"/></policy></busconfig>
`;
}
