/** What the doctor has found at one place, and how it is printed. */
import { forTerminal } from "../terminal.ts";

/** `odd` may be intended, or may be why something is missing; with `broken` something is missing. */
export type Verdict = "ok" | "odd" | "broken";

export interface Finding {
  readonly verdict: Verdict;
  /** "link eth0", "resolver 10.1.0.1:53". */
  readonly place: string;
  readonly fact: string;
  /** Lines that fix it, or say where to look. */
  readonly remedy?: readonly string[];
}

/** The finding as lines for a person. */
export function formatFinding({ verdict, place, fact, remedy = [] }: Finding): string {
  const lines = [`${verdict.padEnd(WIDTH)}${place}: ${fact}`];
  // Text to paste stays in one column.
  for (const line of remedy) lines.push(line === "" ? "" : `${" ".repeat(WIDTH)}${line}`);
  return lines.map((line) => `${forTerminal(line)}\n`).join("");
}

const WIDTH = 8;
