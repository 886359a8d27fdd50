/** What a part may say to the administrator: pino's shape, handed in, silent in tests. */
export interface Log {
  debug(fields: object, fact: string): void;
  info(fields: object, fact: string): void;
  warn(fields: object, fact: string): void;
  error(fields: object, fact: string): void;
}

const silence = () => {};
export const silentLog: Log = { debug: silence, info: silence, warn: silence, error: silence };
