/**
 * Programs run by tests: each is ended by its own pid, at the latest when the test process ends, however
 * that may be.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { DEADLINE, waitFor } from "./wait.ts";

export interface Finished {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface Surroundings {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
  /** Milliseconds after which it is ended. */
  readonly timeout?: number;
}

const running = new Set<Running>();
const atEnd: (() => void)[] = [];

/** Registers what undoes things that outlive the process, run last first; it must not wait for anything. */
export function whenTestEnds(undo: () => void): void {
  atEnd.push(undo);
}

process.once("exit", () => {
  for (const program of running) program.kill();
  for (const undo of atEnd.reverse()) undo();
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => process.exit(1));
}

/** Before a command: whatever it writes to a file fails, as on a full disk. */
export const ON_FULL_DISK = ["sh", "-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"];

/** Runs a program to its end. */
export function run(
  command: readonly string[],
  { env, cwd, input, timeout = 30_000 }: Surroundings = {},
): Promise<Finished> {
  const program = new Running(command, { ...(env && { env }), ...(cwd && { cwd }) });
  program.child.stdin!.end(input ?? "");
  const timer = setTimeout(() => program.kill(), timeout);
  return program.ended.then((status) => {
    clearTimeout(timer);
    return { status, stdout: Buffer.concat(program.stdout), stderr: program.stderr };
  });
}

/** Runs a program that must succeed; returns what it prints. */
export async function succeed(command: readonly string[], where?: Surroundings): Promise<string> {
  const { status, stdout, stderr } = await run(command, where);
  if (status !== 0) throw new Error(`${command.join(" ")}: exit ${status}: ${stderr || stdout}`);
  return stdout.toString();
}

/** Like `succeed`, but synchronous, for setup and cleanup, when nothing else goes on. */
export function succeedNow(...command: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command[0]!, command.slice(1), {
    ...{ encoding: "utf8", timeout: 30_000, killSignal: "SIGKILL" },
  });
  if (status !== 0) throw new Error(`${command.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}

/** A program that runs beside the test. */
export class Running {
  readonly command: string;
  readonly child: ChildProcess;
  readonly stdout: Buffer[] = [];
  stderr = "";
  /** Its exit status, null if a signal ended it; resolves when all that it printed has been read. */
  readonly ended: Promise<number | null>;
  readonly #lines: string[] = [];
  #rest = "";

  constructor(
    command: readonly string[],
    { env, cwd }: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
  ) {
    this.command = command.join(" ");
    this.child = spawn(command[0]!, command.slice(1), {
      env: { ...process.env, ...env },
      ...(cwd && { cwd }),
      stdio: ["pipe", "pipe", "pipe"],
      // In a group of its own, together with what it starts.
      detached: true,
    });
    running.add(this);
    this.child.stdout!.on("data", (data: Buffer) => {
      this.stdout.push(data);
      const lines = (this.#rest + data.toString("utf8")).split("\n");
      this.#rest = lines.pop()!;
      this.#lines.push(...lines);
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    // Writing to a program that has ended is no error: whoever waits for its end sees that.
    this.child.stdin!.on("error", () => {});
    this.ended = new Promise((resolve, reject) => {
      let patience: NodeJS.Timeout | undefined;
      this.child.once("error", (error) => {
        running.delete(this);
        reject(error);
      });
      this.child.once("exit", () => {
        patience = setTimeout(() => this.#letGo(), LEFT_BEHIND);
      });
      this.child.once("close", (status) => {
        clearTimeout(patience);
        running.delete(this);
        resolve(status);
      });
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  get isRunning(): boolean {
    return running.has(this);
  }

  /** Whole lines of standard output. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Complete lines of standard error; an incomplete one may have begun after them. */
  get errorLines(): readonly string[] {
    return this.stderr.split("\n").slice(0, -1);
  }

  /** Lines that are JSON objects with an `event` of this name. */
  events<T = Record<string, unknown>>(name: string): T[] {
    return this.#lines
      .filter((line) => line.startsWith(`{"event":"${name}"`))
      .map((line) => JSON.parse(line) as T);
  }

  /** The first line that matches, once it is there. */
  line(pattern: RegExp, deadline = DEADLINE): Promise<string> {
    return waitFor(
      `${pattern} from ${this.command}`,
      () => {
        const found = this.#lines.find((line) => pattern.test(line));
        if (found === undefined && !this.isRunning) {
          throw new Error(`${this.command} ended: ${this.stderr}${this.#lines.join("\n")}`);
        }
        return found;
      },
      deadline,
    );
  }

  say(line: string): void {
    this.child.stdin!.write(`${line}\n`);
  }

  /** Kills it, with what it has started. */
  kill(): void {
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      // It has just ended.
    }
  }

  /** Sends `signal` and waits for the end; sends SIGKILL if that does not come. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (this.isRunning) {
      if (signal === "SIGKILL") this.kill();
      else this.child.kill(signal);
      const timer = setTimeout(() => this.kill(), 5_000);
      await this.ended;
      clearTimeout(timer);
    }
    return this.ended;
  }

  /** Children that it has left behind hold its output open, and may never end. */
  #letGo(): void {
    this.kill();
    this.child.stdout!.destroy();
    this.child.stderr!.destroy();
  }
}

/** Milliseconds from the end of a program to that of its children. */
const LEFT_BEHIND = 5_000;
