/** The log for the administrator, passed in to each part; it has pino's shape. */
export interface Log {
  debug(fields: object, fact: string): void;
  info(fields: object, fact: string): void;
  warn(fields: object, fact: string): void;
  error(fields: object, fact: string): void;
}
