/** Options of a command that do not go with others. */
import { ConfigError } from "../config/mistakes.ts";

/** Rejects an option that would be ignored: whoever gives it means something else. Throws ConfigError. */
export function refuse<T extends object>(
  options: T,
  names: readonly (keyof T & string)[],
  why: string,
): void {
  const given = names.find((name) => options[name] !== undefined);
  if (given !== undefined) throw new ConfigError([`--${given}: ${why}`]);
}
