/** Headless Chromium, controlled by its DevTools protocol over two pipes. */
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { temporaryFolder } from "./gateway.ts";
import { whenTestEnds } from "./process.ts";

/** The program's name, and that of its Debian package. */
export const CHROMIUM = "chromium-headless-shell";

interface Reply {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

export class Browser {
  readonly #program: ChildProcess;
  readonly #folder = temporaryFolder();
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #session: unknown;
  #asked = 0;

  private constructor() {
    const flags = ["--no-sandbox", "--disable-gpu", `--user-data-dir=${this.#folder}`];
    this.#program = spawn(CHROMIUM, [...flags, "--remote-debugging-pipe"], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
      // It has child processes: all are in one group.
      detached: true,
    });
    whenTestEnds(() => this.#kill());
    let text = "";
    (this.#program.stdio[4] as Readable).setEncoding("utf8").on("data", (piece: string) => {
      const messages = (text + piece).split("\0");
      text = messages.pop()!;
      for (const message of messages) this.#hear(JSON.parse(message) as Reply);
    });
  }

  /** Opens a page at this address. */
  static async open(url: string): Promise<Browser> {
    const browser = new Browser();
    const { targetId } = await browser.#ask("Target.createTarget", { url });
    const attached = await browser.#ask("Target.attachToTarget", { targetId, flatten: true });
    browser.#session = attached.sessionId;
    return browser;
  }

  /** Evaluates a JavaScript expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result } = await this.#ask("Runtime.evaluate", { expression, returnByValue: true });
    return (result as { value: T }).value;
  }

  #ask(method: string, params: object): Promise<Record<string, unknown>> {
    const id = ++this.#asked;
    const message = { id, method, params, ...(this.#session ? { sessionId: this.#session } : {}) };
    (this.#program.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${error.message}`));
      });
    });
  }

  #hear(reply: Reply): void {
    if (reply.id === undefined) return;
    this.#waiting.get(reply.id)?.(reply);
    this.#waiting.delete(reply.id);
  }

  #kill(): void {
    for (const pipe of this.#program.stdio) pipe?.destroy();
    try {
      process.kill(-this.#program.pid!, "SIGKILL");
    } catch {
      // It has just ended.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#program.once("exit", resolve));
    // It then ends its child processes first.
    this.#session = undefined;
    await Promise.race([this.#ask("Browser.close", {}), ended]);
    await ended;
    this.#kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
