/** The program under test, run as its users run it: from the command line, on a host of a lab. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Host } from "./lab.ts";
import { type Finished, type Running, whenTestEnds } from "./process.ts";
import { DEADLINE, waitFor } from "./wait.ts";

export const MAIN = join(import.meta.dirname, "../../src/main.js");

export interface GatewaySettings {
  readonly zone: string;
  /** A folder of its own if not given. */
  readonly data?: string;
  readonly links?: readonly {
    readonly interface: string;
    readonly site?: string;
    readonly onDemand?: boolean;
  }[];
  readonly listen?: { readonly dns: readonly string[]; readonly [field: string]: unknown };
  /** With `publish` and without `listen` it is only a collector. */
  readonly publish?: Readonly<Record<string, unknown>>;
  readonly keys?: Readonly<
    Record<string, { readonly secret: string; readonly site?: string | readonly string[] }>
  >;
  readonly policy?: Readonly<Record<string, unknown>>;
  readonly reverse?: readonly string[];
  readonly grace?: number;
  readonly refresh?: "unicast" | "multicast";
  readonly dnssec?: { readonly keys: string };
  readonly transfer?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly views?: readonly Readonly<Record<string, unknown>>[];
  readonly identity?: Readonly<Record<string, string>>;
}

/** Zone files by their names. */
type Files = Readonly<Record<string, string>>;

export class Gateway {
  readonly host: Host;
  readonly zone: string;
  /** Milliseconds since 1970. */
  readonly startedAt = Date.now();
  /** A folder of its own, with the configuration. */
  readonly folder: string;
  program: Running;

  private constructor(host: Host, settings: GatewaySettings, files: Files) {
    this.host = host;
    this.zone = settings.zone;
    this.folder = temporaryFolder();
    mkdirSync(join(this.folder, "zones"));
    for (const [file, text] of Object.entries(files)) {
      writeFileSync(join(this.folder, "zones", file), text);
    }
    // JSON is YAML.
    writeFileSync(this.#config, JSON.stringify({ data: "./zones", ...settings }));
    this.program = this.#run();
  }

  /** Starts it and waits until it serves. */
  static async start(host: Host, settings: GatewaySettings, files: Files = {}): Promise<Gateway> {
    const listen = { dns: ["0.0.0.0:53", "[::]:53"] };
    const all = { ...(settings.publish === undefined && { listen }), ...settings };
    const gateway = new Gateway(host, all, files);
    await gateway.program.line(STARTED);
    return gateway;
  }

  /** Starts it again with the same folder. */
  async restart(): Promise<void> {
    this.program = this.#run();
    await this.program.line(STARTED);
  }

  #run(): Running {
    return this.host.start([process.execPath, MAIN, "run", "--config", this.#config]);
  }

  /** Runs another of its commands with the same configuration. */
  command(...parameters: readonly string[]): Promise<Finished> {
    const [name = "", ...rest] = parameters;
    return this.host.run([process.execPath, MAIN, name, "--config", this.#config, ...rest]);
  }

  /** Events of its log whose text matches. */
  events(pattern: RegExp): Record<string, unknown>[] {
    return this.program.errorLines
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((event) => pattern.test(String(event.msg)));
  }

  get #config(): string {
    return join(this.folder, "gateway.yaml");
  }
}

/** The line by which a running program says what it does. */
export const STARTED = /^(Serving|Will publish) /;

/** Removed at the latest when the test process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "dnssd-gateway-"));
  whenTestEnds(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Change {
  /** The index of the question. */
  readonly question: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly rcode: number;
  /** Records of the asked type. */
  readonly count: number;
  /** Their data, in hex. */
  readonly records: readonly string[];
}

/** Asks one question over and over, and reports when the answer changes. */
export class Watch {
  readonly #program: Running;

  constructor(host: Host, server: string, name: string, type: string) {
    this.#program = host.script("watcher", server, `${EACH}`, name, type);
  }

  get changes(): Change[] {
    return this.#program.events<Change>("change");
  }

  /** The first matching change after `since`, once it has happened. */
  until(
    what: string,
    isIt: (change: Change) => boolean,
    { since = 0, deadline = DEADLINE } = {},
  ): Promise<Change> {
    return waitFor(
      what,
      () => this.changes.find((change) => change.at >= since && isIt(change)),
      deadline,
    );
  }

  async stop(): Promise<void> {
    await this.#program.stop("SIGKILL");
  }
}

/** Milliseconds from one question to the next. */
const EACH = 5;
