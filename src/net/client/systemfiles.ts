/** The files in which this host keeps hosts and resolvers; one that cannot be read counts as empty. */
import { readFileSync } from "node:fs";

/** hosts(5). */
export function hostsFile(): string {
  return read("/etc/hosts");
}

/** resolv.conf(5). */
export function resolvConf(): string {
  return read("/etc/resolv.conf");
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
