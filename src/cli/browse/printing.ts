/**
 * Lines for a reader who may stand still, as who looks at a page of them does: what cannot be written waits
 * in this process, so who prints is told when that is so, and when all of it was taken.
 */
import type { Writable } from "node:stream";

/** Undefined where there is room for more; else resolves when there is again. */
export type Print = (lines: readonly string[]) => Promise<void> | undefined;

export function printing(output: Writable): Print {
  return (lines) => {
    const hasRoom = output.write(lines.map((line) => `${line}\n`).join(""));
    if (hasRoom) return undefined;
    return new Promise((resolve) => output.once("drain", resolve));
  };
}
