/**
 * Prints lines for a reader that may stall, such as a pager. What cannot be written waits in this process, so
 * the caller is told when the reader falls behind, and when it has caught up.
 */
import type { Writable } from "node:stream";

/** Returns undefined while there is room for more, otherwise a promise that resolves when there is again. */
export type Print = (lines: readonly string[]) => Promise<void> | undefined;

export function printing(output: Writable): Print {
  return (lines) => {
    const hasRoom = output.write(lines.map((line) => `${line}\n`).join(""));
    if (hasRoom) return undefined;
    return new Promise((resolve) => output.once("drain", resolve));
  };
}
