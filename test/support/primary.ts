/**
 * What servers of other makes have in common as primaries that tests publish into: one zone, keys that may
 * update and transfer it, a port of 127.0.0.1 (or 53 of a lab's host), and a folder that goes with the test.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import { freePort } from "./freeport.ts";
import { temporaryFolder } from "./gateway.ts";
import type { Host } from "./lab.ts";
import { Running } from "./process.ts";
import { waitFor } from "./wait.ts";

export interface PrimarySettings {
  /** "bonjour.example." */
  readonly zone: string;
  /** Names of keys, with their secrets in base64; the algorithm is hmac-sha256. */
  readonly keys: Readonly<Record<string, string>>;
  /** Keeps the keys from transferring the zone. */
  readonly isTransferRefused?: boolean;
  /** Additional lines for the zone's part of the configuration. */
  readonly lines?: string;
  /** For BIND: additional statements, and additional lines of its options. */
  readonly statements?: string;
  readonly options?: string;
  /** A host of a lab, where it listens on port 53 of this address. */
  readonly on?: { readonly host: Host; readonly address: string };
}

/** How a make is started: its files, the command, and the line that says that it serves. */
export interface Make {
  configure(settings: PrimarySettings, folder: string, endpoint: Endpoint): string;
  command(folder: string): readonly string[];
  readonly isServing: RegExp;
}

export class Primary {
  readonly endpoint: Endpoint;
  readonly folder: string;
  readonly #make: Make;
  readonly #settings: PrimarySettings;
  #program: Running | undefined;
  /** The logs of programs that have ended. */
  #log = "";

  private constructor(make: Make, settings: PrimarySettings, endpoint: Endpoint) {
    this.#make = make;
    this.#settings = settings;
    this.endpoint = endpoint;
    this.folder = temporaryFolder();
    mkdirSync(join(this.folder, "database"));
    writeFileSync(
      join(this.folder, "server.conf"),
      make.configure(settings, this.folder, endpoint),
    );
    writeFileSync(
      join(this.folder, "zone"),
      "$TTL 10\n@ SOA ns.example. hostmaster.example. 1 3600 600 86400 5\n@ NS ns.example.\n",
    );
  }

  static async start(make: Make, settings: PrimarySettings): Promise<Primary> {
    const address = settings.on?.address ?? "127.0.0.1";
    const port = settings.on === undefined ? await freePort() : 53;
    const primary = new Primary(make, settings, { address, port });
    await primary.start();
    return primary;
  }

  /** Starts it again, with the zone as it was. */
  async start(): Promise<void> {
    const command = this.#make.command(this.folder);
    const { on } = this.#settings;
    const program = on === undefined ? new Running(command) : on.host.start(command);
    this.#program = program;
    await waitFor(`${command[0]} to serve: ${program.stderr}`, () => {
      if (!program.isRunning) throw new Error(`${command[0]} ended: ${program.stderr}`);
      return this.#make.isServing.test(program.stderr + program.stdout.join(""));
    });
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const program = this.#program;
    this.#program = undefined;
    if (program === undefined) return;
    await program.stop(signal);
    this.#log += program.stderr;
  }

  /** What it has written to its log. */
  get log(): string {
    return this.#log + (this.#program?.stderr ?? "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
