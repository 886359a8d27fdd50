/** Where events go: as text lines to a person at a terminal, as JSON lines (pino's) to everything else. */
import { pino } from "pino";
import type { Log } from "../log.ts";
import { forTerminal } from "./terminal.ts";

export function openLog(level: string): Log {
  // Reading `process.stderr` makes a pipe non-blocking. A terminal still blocks: ^S there stops us.
  if (process.stderr.isTTY) {
    // The terminal may be gone, and SIGHUP tells only its own session.
    process.stderr.on("error", () => {});
    return pino(
      { level, base: null },
      { write: (line: string) => process.stderr.write(readable(line)) },
    );
  }
  let patience = 0;
  const destination = pino.destination({
    ...{ fd: 2, sync: true, maxLength: KEPT, retryEAGAIN: () => patience-- > 0 },
    // Pending lines are retried with each new line, or each second where none comes.
    ...{ minLength: 1, periodicFlush: 1000 },
  });
  // A log that nobody can read, or a full disk, is no reason to end.
  destination.on("error", () => {});
  let dropped = 0;
  // From then on all lines are dropped until none waits, which leaves one gap, reported in its place.
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
    // The one level that every reader of a log sees.
    log.error({ lines }, "lines of the log are missing here: they could not be written");
    // Lines have come since the pipe was empty, and this one does not fit.
    if (dropped > 0) dropped = lines;
  };
  process.once("exit", () => {
    patience = PATIENCE;
    destination.flush();
    tell();
  });
  return log;
}

/** Octets of lines that wait to be written; lines beyond that are dropped. */
const KEPT = 65_536;

/** How often, at exit, to wait 100 ms for a reader that is behind. */
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
