/**
 * `check`: reads a configuration with the zone files and keys that it names, or one zone file alone, as
 * `run` would, without opening anything.
 */
import { basename } from "node:path";
import { ConfigError, whyUnread } from "../config/mistakes.ts";
import { type Config, defaultConfig, readConfig } from "../config.ts";
import { Type } from "../dns/constants.ts";
import { FormatError } from "../dns/format.ts";
import { Name } from "../dns/name.ts";
import { checkKeyFolder } from "../gateway/keyfolder.ts";
import { readZones } from "../gateway/zones.ts";
import { readMasterFile } from "../zone/masterfile/masterfile.ts";
import { dryRun } from "./dryrun.ts";
import { notesOn } from "./notes.ts";
import { refuse } from "./options.ts";
import type { ServerOptions } from "./server.ts";

export interface CheckOptions extends ServerOptions {
  readonly origin?: string;
  /** Say what the policy would hide of what is published now. */
  readonly dryRun?: boolean;
}

export async function check(file: string, options: CheckOptions): Promise<void> {
  const isZone = file.endsWith(".zone") || options.origin !== undefined;
  if (!isZone) refuse(options, ["config"], "is for zone files; expected FILE alone");
  if (options.dryRun) {
    refuse(options, ["origin"], "is for zone files, which --dry-run does not read");
    if (isZone) throw new ConfigError([`${file}: a zone file, which --dry-run does not read`]);
    return dryRun(file, options);
  }
  refuse(options, ["domain", "server"], "is for --dry-run; expected that with it");
  if (isZone) {
    const sets = await checkZone(file, options);
    const what = sets === 1 ? "record set" : "record sets";
    process.stdout.write(`${file}: ${sets} ${what}, no mistake found\n`);
  } else {
    const config = readConfig(file);
    const notes = config.listen === undefined ? [] : await checkServed(config);
    process.stdout.write(`${file}: zone ${config.zone}, no mistake found\n`);
    for (const note of [...notes, ...notesOn(config)]) process.stdout.write(`${file}: ${note}\n`);
  }
}

/** Reads what only a server of zones reads. Returns notes on fields that have no effect because of it. */
async function checkServed(config: Config): Promise<string[]> {
  const { dynamic, fixed } = await readZones(config, warn);
  const { origin, records } = dynamic[0]!;
  const { nameservers, transfer, dnssec } = config;
  const notes: string[] = [];
  if (
    nameservers.length > 0 &&
    records.some(({ name, type }) => type === Type.NS && name.equals(origin))
  ) {
    notes.push(`nameservers does nothing: the file of ${origin} has NS records of its own`);
  }
  const origins = [...dynamic, ...fixed].map(({ origin }) => origin);
  if (dnssec === undefined) return notes;
  const signed = await checkKeyFolder(dnssec.keys, origins, warn);
  if (transfer.allow.length + transfer.notify.length > 0) {
    notes.push(`transfer does nothing for ${signed.join(", ")}: a signed zone is not transferred`);
  }
  return notes;
}

/** Prints a remark that is no error and names its file. */
function warn(remark: string): void {
  process.stdout.write(`${remark}\n`);
}

async function checkZone(file: string, options: CheckOptions): Promise<number> {
  const { config } = options;
  const { zone, reverse } = config === undefined ? defaultConfig() : readConfig(config);
  const origin = originOf(file, options.origin);
  // The gateway maintains SOA and NS of these, so their files may omit them.
  const isPartial = [zone, ...reverse].some((each) => each.equals(origin));
  try {
    return (await readMasterFile(file, origin, { isPartial, warn })).length;
  } catch (error) {
    if (error instanceof FormatError) {
      const isLacking = config === undefined && error.message.includes(`: no SOA of ${origin}`);
      const hint = `${file}: where a configuration has collectors fill this zone, -c names it, and neither is needed`;
      throw new ConfigError([...error.message.split("\n"), ...(isLacking ? [hint] : [])]);
    }
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new ConfigError([`${file}: ${whyUnread(error)}; expected a zone file`]);
  }
}

function originOf(file: string, given: string | undefined): Name {
  try {
    return Name.parse(given ?? basename(file, ".zone"));
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const where = given === undefined ? file : "--origin";
    throw new ConfigError([
      `${where}: ${error.message}; expected a zone such as bonjour.example.com`,
    ]);
  }
}
