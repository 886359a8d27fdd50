/** A configuration of `examples/`, run as its reader would: unchanged, in a folder of its own. */
import { copyFileSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { MAIN, temporaryFolder } from "./gateway.ts";
import type { Host } from "./lab.ts";
import { type Running, succeed } from "./process.ts";
import { root } from "./root.ts";

export class Example {
  /** Where the machine has it, and the folders it names. */
  readonly folder = temporaryFolder();
  readonly file: string;

  /** The path is beneath `examples`. */
  constructor(path: string) {
    this.file = join(this.folder, basename(path));
    copyFileSync(join(root, "examples", path), this.file);
    mkdirSync(join(this.folder, "keys"));
  }

  /** Makes the key of a site, the way the examples' comments say. */
  async makeKey(site: string): Promise<void> {
    const parameters = ["key", site, "--site", site, "--file", `keys/${site}`];
    await succeed([process.execPath, MAIN, ...parameters], { cwd: this.folder });
  }

  /** Takes the key of a site to another machine. */
  giveKey(site: string, other: { readonly folder: string }): void {
    copyFileSync(join(this.folder, "keys", site), join(other.folder, "keys", site));
  }

  /** Runs until the lab ends, at the latest. */
  start(host: Host): Running {
    const command = [process.execPath, MAIN, "run", "--config", this.file];
    return host.start(command, { cwd: this.folder });
  }
}

/** The line by which a program that runs says what it does. */
export const STARTED = /^(Serving|Publishing) /;
