/** Programs that a test needs and a machine may lack. */
import { existsSync } from "node:fs";
import { join } from "node:path";

export function hasTool(name: string): boolean {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.some((folder) => existsSync(join(folder, name)));
}

/**
 * For a test's `skip`: which of these programs are missing, or false. With CI=true nothing is
 * skipped, so that a missing program fails the test.
 */
export function skipWithout(...names: readonly string[]): string | false {
  const missing = names.filter((name) => !hasTool(name));
  return missing.length > 0 && process.env.CI !== "true" ? `needs ${missing.join(", ")}` : false;
}
