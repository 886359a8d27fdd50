/**
 * How a running gateway is doing, seen from outside: its memory, how much of that is in use, its open files
 * and sockets, and its processor time.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Gateway } from "./gateway.ts";
import type { Running } from "./process.ts";
import { waitFor } from "./wait.ts";

export class Vitals {
  readonly #program: Running;

  /** `program` must have been started by `weighable`. */
  constructor(program: Running) {
    this.#program = program;
  }

  /** Octets in use after all garbage is collected. */
  async weigh(): Promise<number> {
    const { length } = this.#program.stderr;
    process.kill(this.#program.pid, "SIGUSR2");
    const weighed = await waitFor("the gateway to be weighed", () =>
      /"weighed","live":(\d+)\}/.exec(this.#program.stderr.slice(length)),
    );
    return Number(weighed[1]);
  }

  /** Octets of resident memory. */
  get memory(): number {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(this.#read("status"))?.[1]) * 1024;
  }

  /** Open files and sockets. */
  get handles(): number {
    return readdirSync(this.#path("fd")).length;
  }

  /** Processor time so far, in seconds. */
  get time(): number {
    const stat = this.#read("stat");
    const [user, system] = stat.slice(stat.lastIndexOf(")")).split(" ").slice(12, 14).map(Number);
    return (user! + system!) / TICKS;
  }

  #path(file: string): string {
    return `/proc/${this.#program.pid}/${file}`;
  }

  #read(file: string): string {
    return readFileSync(this.#path(file), "utf8");
  }
}

/** Starts a gateway that can be weighed. */
export async function weighable(start: () => Promise<Gateway>, heap: number): Promise<Gateway> {
  Object.assign(process.env, weighableEnvironment(heap));
  const started = start();
  delete process.env.NODE_OPTIONS;
  return started;
}

/** `heap`: the size of V8's old space in MiB. */
export function weighableEnvironment(heap: number): { readonly NODE_OPTIONS: string } {
  const gauge = pathToFileURL(join(import.meta.dirname, "gauge.js"));
  return { NODE_OPTIONS: `--max-old-space-size=${heap} --expose-gc --import=${gauge}` };
}

/** Ticks of the kernel's clock in a second: USER_HZ, proc(5). */
const TICKS = 100;
