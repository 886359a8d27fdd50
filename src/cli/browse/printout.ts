/**
 * Prints a list, then how it differs each time it is shown again: `+` for what has come, `~` for what has
 * changed, `-` for what has gone. While the reader has not taken the last lines nothing is printed; the next
 * ones are the difference from those. So a slow reader misses nothing and holds up nothing.
 */
import type { Clock } from "../../clock.ts";
import type { NameKey } from "../../dns/name.ts";
import type { Item, Listing } from "./listing.ts";
import type { Print } from "./printing.ts";

export interface PrintoutOptions {
  readonly clock: Clock;
  readonly print: Print;
  /** The reader, who had stalled, has taken the last lines. */
  readonly caughtUp: () => void;
}

export class Printout {
  readonly #options: PrintoutOptions;
  /** Each item as last printed. */
  readonly #shown = new Map<NameKey, Item>();
  #isUnread = false;

  constructor(options: PrintoutOptions) {
    this.#options = options;
  }

  begin({ none }: Pick<Listing, "none">, items: readonly Item[]): void {
    for (const item of items) this.#shown.set(item.key, item);
    this.#print(items.length > 0 ? items.flatMap(({ lines = [] }) => lines) : [none]);
  }

  show(items: readonly Item[]): void {
    if (this.#isUnread) return;
    const lines = this.#difference(items);
    if (lines.length === 0) return;
    const time = new Date(this.#options.clock.wall()).toTimeString().slice(0, "12:03:11".length);
    this.#print(lines.map((line) => (line.startsWith(" ") ? line : `${time}  ${line}`)));
  }

  #difference(items: readonly Item[]): string[] {
    const here = new Set(items.map(({ key }) => key));
    const lines: string[] = [];
    for (const [key, { title }] of this.#shown) {
      if (here.has(key)) continue;
      this.#shown.delete(key);
      lines.push(`- ${title}`);
    }
    for (const item of items) {
      const shown = this.#shown.get(item.key);
      // An item that is not wholly known yet is printed when it is.
      if (item.lines === undefined || isSame(shown?.lines, item.lines)) continue;
      this.#shown.set(item.key, item);
      const [first, ...rest] = item.lines;
      lines.push(`${shown === undefined ? "+" : "~"} ${first}`, ...rest);
    }
    return lines;
  }

  #print(lines: readonly string[]): void {
    const { print, caughtUp } = this.#options;
    const taken = print(lines);
    if (taken === undefined) return;
    this.#isUnread = true;
    void taken.then(() => {
      this.#isUnread = false;
      caughtUp();
    });
  }
}

function isSame(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && a.join("\n") === b.join("\n");
}
