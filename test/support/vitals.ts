/**
 * How a gateway that runs is doing, seen from outside: its memory, what of it is in use, its open
 * files and sockets, its processor time.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Gateway } from "./gateway.ts";
import { waitFor } from "./wait.ts";

export class Vitals {
  readonly #gateway: Gateway;

  /** Of one that was started by `weighable`. */
  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  /** Octets in use, when all garbage has been collected. */
  async weigh(): Promise<number> {
    const events = () => this.#gateway.events(/^weighed$/);
    const { length } = events();
    process.kill(this.#gateway.program.pid, "SIGUSR2");
    const { live } = await waitFor("the gateway to be weighed", () => events()[length]);
    return Number(live);
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
    return `/proc/${this.#gateway.program.pid}/${file}`;
  }

  #read(file: string): string {
    return readFileSync(this.#path(file), "utf8");
  }
}

/** Starts a gateway that can be weighed; `heap`: MiB of V8's old space. */
export async function weighable(start: () => Promise<Gateway>, heap: number): Promise<Gateway> {
  const gauge = pathToFileURL(join(import.meta.dirname, "gauge.js"));
  process.env.NODE_OPTIONS = `--max-old-space-size=${heap} --expose-gc --import=${gauge}`;
  const started = start();
  delete process.env.NODE_OPTIONS;
  return started;
}

/** Of the kernel's clock, a second: USER_HZ, proc(5). */
const TICKS = 100;
