/**
 * `key`: makes a TSIG key (RFC 8945) and prints it in the form of either side's configuration, or writes it
 * to a file that only its owner can read. The secret is as long as the digest: shorter is weaker, longer is
 * no stronger (RFC 2104 §3).
 */
import { randomBytes } from "node:crypto";
import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { stringify } from "yaml";
import { systemClock } from "../clock.ts";
import { KEY_NAME, KEY_NAME_EXPECTED, site as siteLabel } from "../config/fields.ts";
import { ConfigError } from "../config/mistakes.ts";
import { digestLength, type TsigAlgorithm, tsigAlgorithms } from "../dns/tsig.ts";
import { dnssecKey } from "./dnsseckey.ts";
import { refuse } from "./options.ts";

export interface KeyOptions {
  readonly algorithm?: string;
  readonly site?: string;
  readonly file?: string;
  /** A key that signs a zone. */
  readonly dnssec?: boolean;
  readonly folder?: string;
  readonly role?: string;
  readonly retire?: string;
}

export function key(name: string, options: KeyOptions): void | Promise<void> {
  if (options.dnssec) {
    refuse(options, ["site", "file"], "is for keys of updates and transfers; expected no --dnssec");
    return dnssecKey(name, { ...options, now: systemClock.wall() });
  }
  refuse(options, ["folder", "role", "retire"], "is for keys of zones; expected --dnssec with it");
  const { algorithm = "hmac-sha256", site, file } = options;
  // No character that has a meaning of its own in either form.
  if (!KEY_NAME.test(name)) {
    throw new ConfigError([`"${name}": expected a name of ${KEY_NAME_EXPECTED}`]);
  }
  if (!isAlgorithm(algorithm)) {
    throw new ConfigError([
      `--algorithm: "${algorithm}": expected one of ${tsigAlgorithms.join(", ")}`,
    ]);
  }
  const label = siteLabel.optional().safeParse(site);
  if (!label.success) {
    throw new ConfigError([`--site: "${site}": ${label.error.issues[0]!.message}`]);
  }
  const secret = randomBytes(digestLength(algorithm)).toString("base64");
  const statement = `key "${name}" {\n\talgorithm ${algorithm};\n\tsecret "${secret}";\n};\n`;
  const siteField = site === undefined ? "" : `, site: ${JSON.stringify(site)}`;
  if (file !== undefined) writeSecret(file, statement);
  const place =
    file === undefined
      ? `secret: ${JSON.stringify(secret)}`
      : `secretFile: ${JSON.stringify(file)}`;
  const print = (text: string) => process.stdout.write(text);
  // Quoted where YAML would read something else: 010, 1e3, null.
  const word = stringify(name, { blockQuote: false }).trimEnd();
  print(`# for the gateway, and for the collector with publish: { key: ${word} }\n`);
  if (site === undefined) {
    print(
      "# bound to no site: whoever has it may write everything; --site LABEL binds it to one, and with\n" +
        "# site: [] it may write nothing, as is right for a secondary\n",
    );
  }
  print(`keys:\n  ${word}: { algorithm: ${algorithm}, ${place}${siteField} }\n`);
  if (file === undefined) {
    print(`\n# named.conf of BIND, or a file for nsupdate -k and dig -k\n${statement}`);
  }
}

function isAlgorithm(text: string): text is TsigAlgorithm {
  return (tsigAlgorithms as readonly string[]).includes(text);
}

/** Never overwrites a file: whatever has the key in it would be locked out. Leaves no half of one. */
function writeSecret(file: string, text: string): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "wx", 0o600);
    writeFileSync(descriptor, text);
  } catch (error) {
    if (descriptor !== undefined) rmSync(file, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    const reasons: Readonly<Record<string, string>> = {
      EEXIST: "already exists",
      ENOENT: `no such folder: ${dirname(file)}`,
    };
    const why = reasons[code ?? ""] ?? `cannot be written (${code})`;
    throw new ConfigError([`${file}: ${why}; expected the path of a new file`]);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
