/** Where events go: text lines for a person at a terminal, JSON lines (pino's) for everything else. */
import { pino } from "pino";
import type { Log } from "../log.ts";
import { forTerminal } from "./terminal.ts";

export function openLog(level: string): Log {
  if (!process.stderr.isTTY) {
    const destination = pino.destination({ fd: 2, sync: true, maxLength: KEPT });
    // That nobody can read it, or its disk is full, is no reason to end.
    destination.on("error", () => {});
    return pino({ level, base: null }, destination);
  }
  return pino(
    { level, base: null },
    { write: (line: string) => process.stderr.write(readable(line)) },
  );
}

/** Octets of lines that could not be written and are tried again with the next. */
const KEPT = 65_536;

/** `10:21:03 info  service came instance="Office Printer" site=paris`. */
export function readable(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clock = new Date(Number(time)).toTimeString().slice(0, 8);
  const label = (pino.levels.labels[Number(level)] ?? "").padEnd(5);
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  const text = `${clock} ${label} ${msg}${rest.join("")}`;
  return `${forTerminal(text.replaceAll("\n", "\\n"))}\n`;
}
