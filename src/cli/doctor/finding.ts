/** What the doctor has found at one place, and how it is told. */
import { forTerminal } from "../terminal.ts";

/** `odd` is what may be meant, and may be why something is missing; with `broken` something is. */
export type Verdict = "ok" | "odd" | "broken";

export interface Finding {
  readonly verdict: Verdict;
  /** "link eth0", "resolver 10.1.0.1:53". */
  readonly place: string;
  readonly fact: string;
  /** Lines that mend it, or say where to look. */
  readonly remedy?: readonly string[];
}

/** Lines for a person. */
export function formatFinding({ verdict, place, fact, remedy = [] }: Finding): string {
  const lines = [`${verdict.padEnd(WIDTH)}${place}: ${fact}`];
  // What is to be pasted stays in one column.
  for (const line of remedy) lines.push(line === "" ? "" : `${" ".repeat(WIDTH)}${line}`);
  return lines.map((line) => `${forTerminal(line)}\n`).join("");
}

const WIDTH = 8;
