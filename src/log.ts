/** What a part may say to the administrator: pino's shape, handed in. */
export interface Log {
  debug(fields: object, fact: string): void;
  info(fields: object, fact: string): void;
  warn(fields: object, fact: string): void;
  error(fields: object, fact: string): void;
}
