/**
 * `check --dry-run`: what the policy of a configuration would hide of what a running gateway
 * publishes. Nothing is changed, and names are printed so that they drive no terminal.
 */
import { preview } from "../collector/preview.ts";
import { readConfig } from "../config.ts";
import type { Name } from "../dns/name.ts";
import { chooseServer, type ServerOptions } from "./server.ts";
import { transfer } from "./transfer.ts";

export async function dryRun(file: string, options: ServerOptions): Promise<void> {
  const { policy } = readConfig(file);
  const server = chooseServer({ ...options, config: file });
  const { domain } = server;
  const { services, hidden, edited } = preview(policy, domain, await transfer(server));
  const hiddenInAll = [...hidden.values()].reduce((sum, names) => sum + names.length, 0);
  const lines = [`${file}: of ${services} services in ${domain}, ${hiddenInAll} would be hidden`];
  for (const [reason, names] of hidden) {
    lines.push(`${String(names.length).padStart(6)}  ${reason}`, ...listed(names));
  }
  lines.push(
    `${String(edited.length).padStart(6)}  TXT records would be others`,
    ...listed(edited),
  );
  lines.push("Of what is not published now, and of links' networks, this says nothing.");
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

function listed(names: readonly Name[]): string[] {
  return names.map((name) => `        ${name.toUnicode()}`).sort();
}
