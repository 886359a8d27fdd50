/** Where events go: text lines for a person at a terminal, JSON lines (pino's) for everything else. */
import { pino } from "pino";
import type { Log } from "../log.ts";
import { forTerminal } from "./terminal.ts";

export function openLog(level: string): Log {
  // Asking makes a pipe one that never waits. A terminal does: who stops his (^S) stops us.
  if (process.stderr.isTTY) {
    // It may have gone, which SIGHUP tells to its own session alone.
    process.stderr.on("error", () => {});
    return pino(
      { level, base: null },
      { write: (line: string) => process.stderr.write(readable(line)) },
    );
  }
  let patience = 0;
  const destination = pino.destination({
    ...{ fd: 2, sync: true, maxLength: KEPT, retryEAGAIN: () => patience-- > 0 },
    // What waits is tried again with each line, and where none comes each second.
    ...{ minLength: 1, periodicFlush: 1000 },
  });
  // That nobody can read it, or its disk is full, is no reason to end.
  destination.on("error", () => {});
  let dropped = 0;
  // From then on all are, until none waits: so there is one gap, and it is told of where it is.
  destination.on("drop", () => {
    dropped = 1;
    destination.once("drain", tell);
  });
  const write = (line: string) => {
    if (dropped === 0) return destination.write(line);
    dropped++;
    return destination.flush();
  };
  const log = pino({ level, base: null }, { write });
  const tell = () => {
    if (dropped === 0) return;
    const lines = dropped;
    dropped = 0;
    // The one level that all who read a log see.
    log.error({ lines }, "lines of the log are missing here: they could not be written");
    // Lines came since the pipe was empty, and there is no room for this one.
    if (dropped > 0) dropped = lines;
  };
  process.once("exit", () => {
    patience = PATIENCE;
    destination.flush();
    tell();
  });
  return log;
}

/** Octets of lines that wait until they can be written; what comes then is dropped. */
const KEPT = 65_536;

/** How often, at the end, a reader who is behind is waited for: 100 ms each. */
const PATIENCE = 10;

/** `10:21:03 info  service came instance="Office Printer" site=paris`. */
export function readable(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clock = new Date(Number(time)).toTimeString().slice(0, 8);
  const label = (pino.levels.labels[Number(level)] ?? "").padEnd(5);
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  const text = `${clock} ${label} ${msg}${rest.join("")}`;
  return `${forTerminal(text.replaceAll("\n", "\\n"))}\n`;
}
