/** A configuration of `examples/`, run as its reader would run it, in a folder of its own. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { MAIN, STARTED, temporaryFolder } from "./gateway.ts";
import type { Host } from "./lab.ts";
import { type Running, succeed } from "./process.ts";
import { root } from "./root.ts";

export class Example {
  /** The folder that the machine has it in, with the folders it names. */
  readonly folder = temporaryFolder();
  readonly file: string;

  /** The path is beneath `examples`. */
  constructor(path: string) {
    this.file = join(this.folder, basename(path));
    copyFileSync(join(root, "examples", path), this.file);
    mkdirSync(join(this.folder, "keys"));
  }

  /** Makes the key of a site, as the examples' comments say. */
  async makeKey(site: string, name = site): Promise<void> {
    const parameters = ["key", name, "--site", site, "--file", `keys/${name}`];
    await succeed([process.execPath, MAIN, ...parameters], { cwd: this.folder });
  }

  /** Takes a key to another machine. */
  giveKey(name: string, other: { readonly folder: string }): void {
    copyFileSync(join(this.folder, "keys", name), join(other.folder, "keys", name));
  }

  edit(change: (text: string) => string): void {
    writeFileSync(this.file, change(readFileSync(this.file, "utf8")));
  }

  /** Runs until the lab ends, at the latest. */
  start(host: Host): Running {
    const command = [process.execPath, MAIN, "run", "--config", this.file];
    return host.start(command, { cwd: this.folder });
  }
}

/** An example and the host it runs on. */
export class Machine {
  readonly example: Example;
  readonly host: Host;
  #program: Running | undefined;

  constructor(example: Example, host: Host) {
    this.example = example;
    this.host = host;
  }

  /** Returns the line by which it says that it runs. */
  start(): Promise<string> {
    this.#program = this.example.start(this.host);
    return this.#program.line(STARTED);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#program?.stop(signal);
  }

  /** Returns what a command line prints that is typed here as a page gives it. */
  type(line: string): Promise<string> {
    const command = line.replace(/^dnssd-gateway\b/, `${process.execPath} ${MAIN}`);
    return this.host.succeed(["sh", "-c", command], { cwd: this.example.folder });
  }

  /** Suspends the program until `thaw`. */
  freeze(): void {
    this.#program?.child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#program?.child.kill("SIGCONT");
  }
}
