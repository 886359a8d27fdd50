/**
 * `key --dnssec ZONE`: makes a key that signs a zone, writes its two files as BIND's dnssec-keygen would, and
 * prints the DNSKEY and the DS for the parent. With `--retire`, sets the end of a key whose successor signs
 * already and has its DS at the parent (RFC 6781 §4.1.2).
 */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../config/mistakes.ts";
import { digestOf } from "../dns/dnssec.ts";
import { FormatError } from "../dns/format.ts";
import { Name } from "../dns/name.ts";
import {
  type KeyRole,
  keyRoles,
  type SigningAlgorithm,
  SigningKey,
  signingAlgorithms,
} from "../dns/signingkey.ts";
import { formatRdata } from "../dns/text.ts";
import { readKeyFolder } from "../gateway/keyfolder.ts";

export interface DnssecKeyOptions {
  readonly algorithm?: string;
  readonly role?: string;
  readonly folder?: string;
  /** The tag of a key that has a successor. */
  readonly retire?: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

const DAY = 86_400;
/** Seconds from the request to remove the DS to the key's end: the parent acts, and the DS expires. */
const RETIREMENT = 2 * DAY;

export async function dnssecKey(zone: string, options: DnssecKeyOptions): Promise<void> {
  const { algorithm = "ecdsap256sha256", role = "csk", folder = "keys", retire } = options;
  const origin = parseZone(zone);
  const now = Math.floor(options.now / 1000);
  if (retire !== undefined) return retireKey(origin, retire, folder, now);
  if (!isOneOf(signingAlgorithms, algorithm))
    throw mistake("algorithm", algorithm, signingAlgorithms);
  if (!isOneOf(keyRoles, role)) throw mistake("role", role, keyRoles);
  const key = await makeKey(origin, algorithm, role, { folder, now });
  const print = (text: string) => process.stdout.write(text);
  print(`; ${join(folder, key.fileName)}.private holds the secret\n`);
  print(`${origin}\tIN\tDNSKEY\t${formatRdata(key.dnskey)}\n`);
  if (!key.isEntryPoint) return;
  print(`; for the parent zone, when the gateway serves the key: dig +short ${origin} DNSKEY\n`);
  print(`${origin}\tIN\tDS\t${formatRdata(digestOf(origin, key.dnskey))}\n`);
}

async function makeKey(
  origin: Name,
  algorithm: SigningAlgorithm,
  role: KeyRole,
  { folder, now }: { folder: string; now: number },
): Promise<SigningKey> {
  writing(folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }));
  const others = await readKeyFolder(folder);
  const sync = role === "zsk" ? {} : { SyncPublish: now };
  const times = { Created: now, Publish: now, Activate: now, ...sync };
  for (;;) {
    const key = SigningKey.generate(origin, algorithm, role, times);
    // RFC 4034 appendix B: tags may coincide, but people and parents identify keys by them.
    if (others.some(({ tag, owner }) => tag === key.tag && owner.equals(origin))) continue;
    writeKey(folder, key);
    return key;
  }
}

async function retireKey(origin: Name, tag: string, folder: string, now: number): Promise<void> {
  const keys = (await readKeyFolder(folder)).filter(({ owner }) => owner.equals(origin));
  const key = keys.find((each) => `${each.tag}` === tag);
  if (key === undefined) {
    const known = keys.map((each) => each.tag).join(", ") || "none";
    throw new ConfigError([`--retire: "${tag}": no key of ${origin}; expected one of ${known}`]);
  }
  const isSuccessor = (other: SigningKey) =>
    other !== key && other.isEntryPoint === key.isEntryPoint && other.times.Inactive === undefined;
  if (!keys.some(isSuccessor)) {
    const why = `--retire: ${tag} is the only key of its kind; make its successor first`;
    throw new ConfigError([`${why}: dnssd-gateway key --dnssec ${origin}`]);
  }
  const end = now + RETIREMENT;
  const sync = key.isEntryPoint ? { SyncDelete: now } : {};
  const retired = key.at({ ...key.times, ...sync, Inactive: end, Delete: end });
  writeKey(folder, retired);
  const until = new Date(end * 1000).toISOString();
  const ds = key.isEntryPoint ? "; until then the parent must have lost its DS" : "";
  process.stdout.write(`; key ${tag} of ${origin} is used until ${until}${ds}\n`);
}

/** Writes the secret last, so that it is never without the public key. */
function writeKey(folder: string, key: SigningKey): void {
  const path = join(folder, key.fileName);
  writing(path, () => {
    replace(`${path}.key`, key.formatKey(), 0o644);
    replace(`${path}.private`, key.formatPrivateKey(), 0o600);
  });
}

/** Replaces a file whole or not at all; whoever could read it still can: root may not be the gateway's user. */
function replace(path: string, text: string, mode: number): void {
  const fresh = `${path}.new`;
  const known = statSync(path, { throwIfNoEntry: false });
  // Left by a run that was killed.
  rmSync(fresh, { force: true });
  try {
    writeFileSync(fresh, text, { mode: known === undefined ? mode : 0o600, flag: "wx" });
    if (known !== undefined) {
      const { uid, gid } = statSync(fresh);
      if (uid !== known.uid || gid !== known.gid) chownSync(fresh, known.uid, known.gid);
      chmodSync(fresh, known.mode & 0o777);
    }
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

function writing(path: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    const { message } = error as Error;
    throw new ConfigError([`${path}: ${message}; expected a folder that can be written`]);
  }
}

function parseZone(text: string): Name {
  try {
    return Name.parse(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new ConfigError([`${error.message}; expected a zone such as bonjour.example.com`]);
  }
}

function isOneOf<T extends string>(all: readonly T[], text: string): text is T {
  return (all as readonly string[]).includes(text);
}

function mistake(option: string, text: string, expected: readonly string[]): ConfigError {
  return new ConfigError([`--${option}: "${text}": expected one of ${expected.join(", ")}`]);
}
