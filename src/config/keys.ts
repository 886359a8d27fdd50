/**
 * The field `keys`: TSIG keys (RFC 8945), whose secrets may be in files of their own. A file as tools write
 * it names its key, so a mismatch is reported here, rather than as a bad signature by the other side.
 */
import { z } from "zod";
import type { Prefix } from "../dns/address.ts";
import { FormatError } from "../dns/format.ts";
import { Name } from "../dns/name.ts";
import { type TsigAlgorithm, type TsigKey, tsigAlgorithms } from "../dns/tsig.ts";
import { KEY_NAME, KEY_NAME_EXPECTED, networks, secret, sites } from "./fields.ts";
import { type Issue, whyUnread } from "./mistakes.ts";

/** A TSIG key and the sites of the collector that holds it; without sites it is an operator's. */
export interface Key extends TsigKey {
  readonly sites: readonly string[] | undefined;
  /** The addresses whose names a collector may write in reverse zones; undefined for all. */
  readonly networks: readonly Prefix[] | undefined;
}

const algorithm = z.enum(
  tsigAlgorithms as [TsigAlgorithm],
  `expected one of ${tsigAlgorithms.join(", ")}`,
);

export const key = z
  .strictObject({
    algorithm: algorithm.optional(),
    secret: secret.optional(),
    secretFile: z.string("expected the path of a file with the secret").optional(),
    site: sites.optional(),
    networks: networks.optional(),
  })
  .refine(({ site, networks }) => networks === undefined || site !== undefined, {
    error: "expected a site as well: networks narrow what its collector may write",
    path: ["networks"],
  })
  .refine((fields) => (fields.secret === undefined) !== (fields.secretFile === undefined), {
    error: "expected either secret or secretFile",
  });

export const keys = z
  .record(
    z.string().regex(KEY_NAME),
    key,
    `expected keys by name (${KEY_NAME_EXPECTED}), such as paris: { secretFile: … }`,
  )
  .default({});

type Fields = z.output<typeof key>;
type Read = (path: string) => string;

/** The keys with their secrets; `read` returns a file's text, or throws as the file system does. */
export function readKeys(fields: z.output<typeof keys>, read: Read) {
  const keys = new Map<string, Key>();
  const issues: Issue[] = [];
  for (const [word, each] of Object.entries(fields)) {
    const key = readKey(word, each, read);
    if ("message" in key) {
      issues.push(key);
      continue;
    }
    const twin = [...keys].find(([, { name }]) => name.equals(key.name))?.[0];
    if (twin === undefined) keys.set(word, key);
    else issues.push(mistake(word, `the same name as ${twin} in DNS; expected another`));
  }
  return { keys, issues };
}

function readKey(word: string, fields: Fields, read: Read): Key | Issue {
  const { secretFile, site: sites, networks } = fields;
  let name: Name;
  try {
    name = Name.parse(word);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return mistake(word, `${error.message}; expected the name of a key`);
  }
  if (secretFile === undefined) {
    const { algorithm = DEFAULT, secret } = fields;
    return { name, algorithm, secret: secret!, sites, networks };
  }
  const wrong = (why: string) => mistake(word, `${secretFile}: ${why}`, "secretFile");
  let text: string;
  try {
    text = read(secretFile);
  } catch (error) {
    const made = `expected the file that \`dnssd-gateway key ${word} --file\` made`;
    return wrong(`${whyUnread(error)}; ${made}`);
  }
  const file = keyFile.safeParse(statementOf(text));
  if (!file.success) return wrong(file.error.issues[0]!.message);
  const { key = word, algorithm = fields.algorithm ?? DEFAULT, secret } = file.data;
  if (key.toLowerCase() !== word.toLowerCase()) {
    return wrong(`the file of the key ${key}; expected that of ${word}`);
  }
  if (algorithm !== (fields.algorithm ?? algorithm)) {
    return wrong(
      `a key for ${algorithm}; expected one for ${fields.algorithm}, the algorithm given`,
    );
  }
  return { name, algorithm, secret, sites, networks };
}

const DEFAULT = "hmac-sha256";

/** What a key file says of its key. */
const keyFile = z.object({
  key: z.string().optional(),
  algorithm: algorithm.optional(),
  secret,
});

/** A secret in base64 alone, or the statement that tsig-keygen, Knot's keymgr and our `key` print. */
function statementOf(text: string) {
  const secret = /\bsecret:?\s+"?([A-Za-z0-9+/=]+)"?/.exec(text)?.[1];
  if (secret === undefined) return { secret: text.trim() };
  const [, bind, knot] = /\bkey\s+"?([\w.-]+)"?\s*\{|\bid:\s+"?([\w.-]+)"?/.exec(text) ?? [];
  const algorithm = /\balgorithm:?\s+"?([\w-]+)"?/.exec(text)?.[1]?.toLowerCase();
  return { key: (bind ?? knot)?.replace(/\.$/, ""), algorithm, secret };
}

function mistake(word: string, message: string, ...field: readonly string[]): Issue {
  return { path: ["keys", word, ...field], message };
}
