/**
 * `check --dry-run`: what the policy of a configuration would hide of what a running gateway publishes.
 * Changes nothing, and prints names so that they cannot drive a terminal.
 */
import { preview } from "../collector/projection/preview.ts";
import { type Config, readConfig } from "../config.ts";
import { Type } from "../dns/constants.ts";
import type { Name } from "../dns/name.ts";
import type { RecordSet } from "../dns/record.ts";
import { notesOn } from "./notes.ts";
import type { ServerOptions } from "./server.ts";
import { judgedSites } from "./sites.ts";
import { transfer } from "./transfer.ts";

export async function dryRun(file: string, options: ServerOptions): Promise<void> {
  const config = readConfig(file);
  const { domain, sets } = await transfer({ ...options, config: file });
  const sites = sitesOf(config, domain);
  // A service is an SRV record; those of other sites are for other collectors to judge.
  const isOurs = ({ name, type }: RecordSet) =>
    type !== Type.SRV || sites === undefined || sites.some((site) => name.isUnder(site));
  const published = sets.filter(isOurs);
  const { services, hidden, edited } = preview(config.policy, domain, published);
  const hiddenInAll = [...hidden.values()].reduce((sum, names) => sum + names.length, 0);
  const where = sites?.map((site) => site.toUnicode()).join(", ") ?? domain;
  const lines = [
    ...notesOn(config).map((note) => `${file}: ${note}`),
    `${file}: of ${services} services in ${where}, ${hiddenInAll} would be hidden`,
  ];
  for (const [reason, names] of hidden) {
    lines.push(`${String(names.length).padStart(6)}  ${reason}`, ...listed(names));
  }
  lines.push(`${String(edited.length).padStart(6)}  TXT records would change`, ...listed(edited));
  lines.push(
    "This covers neither services that are not published now nor the networks of the links.",
  );
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

/** Undefined where the configuration does not tell every site, or there is none. */
function sitesOf(config: Config, domain: Name): Name[] | undefined {
  const sites = judgedSites(config)?.map((label) => domain.child(label)) ?? [];
  if (sites.length === 0 || sites.includes(undefined)) return undefined;
  return [...new Map(sites.map((site) => [site!.key, site!])).values()];
}

function listed(names: readonly Name[]): string[] {
  return names.map((name) => `        ${name.toUnicode()}`).sort();
}
