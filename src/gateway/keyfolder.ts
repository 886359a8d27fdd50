/**
 * The folder with the keys that sign zones (`K<zone>+<algorithm>+<tag>.key` and `.private`), read at the
 * start, once a minute and on SIGHUP: a key that is added, or given other times, by hand or by BIND's
 * dnssec-settime, is used without a restart.
 *
 * Invariant: a zone that was signed stays signed. Keys that become unreadable, or disappear before their
 * time, are used as they were, for the parent may have a DS of them.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Cancel, Clock } from "../clock.ts";
import { ConfigError } from "../config/mistakes.ts";
import { FormatError } from "../dns/format.ts";
import type { Name, NameKey } from "../dns/name.ts";
import { SigningKey } from "../dns/signingkey.ts";
import type { Log } from "../log.ts";
import { ZoneKeys } from "../zone/dnssec/zonekeys.ts";

/** Milliseconds. */
const INTERVAL = 60_000;

export interface KeyFolderOptions {
  readonly folder: string;
  /** The zones that are served. */
  readonly origins: readonly Name[];
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Called when the keys have changed. */
  readonly changed: () => void;
  /** Is passed the function to call when the files are to be reread. */
  readonly onReload?: ((reload: () => void) => void) | undefined;
}

/** The keys of each zone, by its origin. Throws ConfigError. */
export async function openKeyFolder(
  options: KeyFolderOptions,
): Promise<ReadonlyMap<NameKey, ZoneKeys>> {
  const { folder, origins, clock, log, signal, changed, onReload } = options;
  const zones = new Map(origins.map((origin) => [origin.key, new ZoneKeys(origin, [])]));
  let before = "";
  let bared: ReadonlySet<string> = new Set();
  const bringIn = async () => {
    const found = new Set<string>();
    const keys = await readKeyFolder(folder, (path) => found.add(path));
    for (const path of found) {
      if (!bared.has(path)) log.warn({ path }, "key file is readable by others; chmod 600");
    }
    bared = found;
    const now = JSON.stringify(keys.map(({ fileName, times }) => [fileName, times]));
    if (now === before) return;
    before = now;
    for (const zone of zones.values()) {
      const own = keys.filter(({ owner }) => owner.equals(zone.origin));
      replaceKeys(zone, own, clock, log);
    }
    const strange = keys.filter(({ owner }) => !zones.has(owner.key));
    changed();
    if (strange.length > 0) {
      log.warn(
        { keys: strange.map(({ fileName }) => fileName) },
        "keys belong to zones that are not served here",
      );
    }
  };
  const told = new Map<ZoneKeys, string>();
  /** Logs which keys sign now, where others did before: that also changes with time. */
  const tell = () => {
    for (const zone of zones.values()) {
      if (zone.all.length === 0) continue;
      const { keySigners, zoneSigners } = zone.at(clock.wall() / 1000);
      const signers = new Set([...keySigners, ...zoneSigners]);
      const isSigned = signers.size > 0;
      const fields = fieldsOf(zone, isSigned ? [...signers] : zone.all);
      const line = JSON.stringify([isSigned, fields]);
      if (line === told.get(zone)) continue;
      told.set(zone, line);
      if (isSigned) log.info(fields, "the zone is signed");
      else log.warn(fields, "no key signs the zone");
    }
  };
  await bringIn();
  if ([...zones.values()].every(({ all }) => all.length === 0)) {
    throw noKey(folder, origins);
  }
  tell();
  let failure: string | undefined;
  const look = async (isAsked: boolean) => {
    const before = failure;
    failure = await bringIn().then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (failure !== undefined && (isAsked || failure !== before)) {
      log.error({ folder, error: failure }, "keys cannot be read; the previous ones stay in use");
    }
    tell();
  };
  let cancel: Cancel = () => {};
  const watch = () => {
    cancel = clock.at(clock.now() + INTERVAL, async () => {
      await look(false);
      if (!signal.aborted) watch();
    });
  };
  watch();
  onReload?.(() => void look(true));
  signal.addEventListener("abort", () => cancel(), { once: true });
  return zones;
}

/**
 * Reads the folder as the start does and returns the zones that are signed; `warn` is told of keys of other
 * zones. Throws ConfigError.
 */
export async function checkKeyFolder(
  folder: string,
  origins: readonly Name[],
  warn: (remark: string) => void,
): Promise<Name[]> {
  const keys = await readKeyFolder(folder);
  const signed = origins.filter((origin) => keys.some(({ owner }) => owner.equals(origin)));
  if (signed.length === 0) throw noKey(folder, origins);
  for (const { fileName, owner } of keys) {
    if (signed.some((origin) => origin.equals(owner))) continue;
    warn(`${join(folder, fileName)}.key: belongs to ${owner}, which is not served here`);
  }
  return signed;
}

function noKey(folder: string, origins: readonly Name[]): ConfigError {
  const hint = `expected one such as \`dnssd-gateway key --dnssec ${origins[0]}\` makes`;
  return new ConfigError([`${folder}: no key for any zone served here; ${hint}`]);
}

function replaceKeys(zone: ZoneKeys, keys: readonly SigningKey[], clock: Clock, log: Log): void {
  const time = clock.wall() / 1000;
  const missing = zone.all.filter(
    (old) =>
      (old.times.Delete ?? Number.POSITIVE_INFINITY) > time &&
      !keys.some(({ dnskey }) => dnskey.equals(old.dnskey)),
  );
  if (missing.length > 0) {
    log.error(fieldsOf(zone, missing), "keys vanished before their time; they stay in use");
  }
  const all = [...keys, ...missing];
  if (all.length > 0) zone.replace(all);
}

/** For the log. */
function fieldsOf({ origin }: ZoneKeys, keys: readonly SigningKey[]): object {
  return { zone: `${origin}`, keys: keys.map(({ tag }) => tag) };
}

/** All keys there, with secrets; `tell` gets the paths of those that others can read. Throws ConfigError. */
export async function readKeyFolder(
  folder: string,
  tell: (path: string) => void = () => {},
): Promise<SigningKey[]> {
  const keys: SigningKey[] = [];
  for (const file of await secretsIn(folder)) {
    const path = join(folder, file);
    try {
      const secret = await readFile(path, "utf8");
      const key = await readFile(path.replace(/private$/, "key"), "utf8");
      keys.push(SigningKey.parse(key, secret));
      const { mode } = await stat(path);
      if ((mode & 0o077) !== 0) tell(path);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === undefined && !(error instanceof FormatError)) throw error;
      throw new ConfigError([`${path}: ${message}; expected a key in BIND's format, in two files`]);
    }
  }
  return keys;
}

async function secretsIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((file) => /^K.+\.private$/.test(file)).sort();
  } catch (error) {
    const { message } = error as Error;
    throw new ConfigError([`${folder}: ${message}; expected a folder with keys`]);
  }
}
