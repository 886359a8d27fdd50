/** Options of a command that stand beside others, or do nothing there. */
import { ConfigError } from "../config/mistakes.ts";

/** Who gives an option that would be passed over means something else. Throws ConfigError. */
export function refuse<T extends object>(
  options: T,
  names: readonly (keyof T & string)[],
  why: string,
): void {
  const given = names.find((name) => options[name] !== undefined);
  if (given !== undefined) throw new ConfigError([`--${given}: ${why}`]);
}
