/** A log that nobody reads. */
import type { Log } from "../../src/log.ts";

const silence = () => {};
export const silentLog: Log = { debug: silence, info: silence, warn: silence, error: silence };
