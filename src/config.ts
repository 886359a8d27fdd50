/**
 * The configuration: one table of fields with their defaults and checks, read once at the start. Parts of the
 * program get plain values, never this file. A mistake is one line that gives file, line and path, what was
 * found and what was expected; it is reported before anything is opened.
 */
import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { identity, query, view } from "./config/asking.ts";
import {
  address,
  domain,
  grant,
  host,
  interfaceName,
  isLabel,
  mailbox,
  nameserver,
  reverseZone,
  serviceType,
  site,
} from "./config/fields.ts";
import { type Key, key, keys, readKeys } from "./config/keys.ts";
import {
  type Listening,
  listen,
  loopback,
  placesOf,
  whyTaken,
  withCredentials,
} from "./config/listening.ts";
import { ConfigError, Mistakes, placeOf, whyUnread } from "./config/mistakes.ts";
import { policy, policyAddresses, policyFields, policyRule, policyText } from "./config/policy.ts";
import { registrar } from "./config/registrar.ts";
import { parseYaml } from "./config/yaml.ts";

const DEFAULT_ZONE = "bonjour.home.arpa";
const DEFAULT_PORT = 5300;

const link = z.strictObject({
  interface: interfaceName,
  site: site.optional(),
  onDemand: z.boolean("expected true or false").optional(),
});

const publish = z.strictObject(
  {
    server: host.optional(),
    transport: z.enum(["tcp", "tls"], "expected tcp or tls").default("tcp"),
    key: z.string("expected the name of one of keys").optional(),
    lease: z
      .int("expected seconds")
      .min(30, "expected 30 s at least (RFC 9664 §8)")
      .max(86_400, "expected a day at most (RFC 9664 §8)")
      .default(300),
    withdraw: z.boolean("expected true or false").default(true),
  },
  "expected fields such as server: and key:",
);

const secondary = z.strictObject({ server: host, key: z.string().optional() });

const transfer = z.strictObject({
  allow: z.array(grant, "expected a list such as [key:xfr, 192.0.2.0/24]").default([]),
  notify: z
    .array(
      z.union([secondary, host.transform((server) => ({ server, key: undefined }))], {
        error: 'expected "192.0.2.2:53" or { server: "192.0.2.2:53", key: NAME }',
      }),
      'expected a list such as ["192.0.2.2:53"]',
    )
    .default([]),
});

const dnssec = z.strictObject(
  { keys: z.string("expected the path of a folder with keys") },
  "expected { keys: FOLDER }, with keys as `dnssd-gateway key --dnssec` makes them",
);

const subtype = z
  .string("expected a subtype such as _universal")
  .refine(isLabel, "expected a subtype of 1 to 63 octets such as _universal");

const table = z.strictObject(
  {
    zone: domain.prefault(DEFAULT_ZONE),
    nameservers: z.array(nameserver, "expected a list of host names").default([]),
    contact: mailbox.optional(),
    links: z.array(link, "expected a list such as [{ interface: eth0, site: paris }]").optional(),
    listen: listen.optional(),
    publish: publish.optional(),
    registrar: registrar.optional(),
    keys,
    transfer: transfer.prefault({}),
    query: query.prefault({}),
    views: z
      .array(view, "expected a list such as [{ networks: [10.1.0.0/16], sites: [paris] }]")
      .default([]),
    identity: identity.prefault({}),
    catalog: domain.optional(),
    dnssec: dnssec.optional(),
    reverse: z.array(reverseZone, "expected a list such as [1.10.in-addr.arpa]").default([]),
    enumerate: z.enum(["merged", "sites"], "expected merged or sites").default("merged"),
    grace: z
      .number("expected seconds")
      .min(0, "expected 0 s at least")
      .max(3600, "expected an hour at most")
      .default(15),
    policy: policy.prefault({}),
    refresh: z.enum(["unicast", "multicast"], "expected unicast or multicast").default("unicast"),
    subtypes: z
      .record(serviceType, z.array(subtype, "expected a list such as [_printer]"), {
        error: "expected service types with their subtypes, such as _ipp._tcp: [_universal]",
      })
      .default({}),
    data: z.string("expected the path of a folder").default("./zones"),
    web: address.optional(),
  },
  "expected fields such as zone: and links:",
);

type Parsed = z.output<typeof table>;

/** Checks of fields against each other. */
const schema = table.superRefine((parsed, context) => {
  const tell: Tell = (message, ...path) => context.addIssue({ code: "custom", path, message });
  checkLinks(parsed, tell);
  checkWeb(parsed, tell);
  checkZones(parsed, tell);
  checkKeys(parsed, tell);
  checkRegistrar(parsed, tell);
});

/** Reports a mistake at a path in the tree. */
type Tell = (message: string, ...path: PropertyKey[]) => void;

function checkLinks({ links = [] }: Parsed, tell: Tell): void {
  const interfaces = new Map<string, number>();
  for (const [i, { interface: name }] of links.entries()) {
    const first = interfaces.get(name);
    if (first !== undefined) {
      const message = `${name} is links[${first}] already; expected each interface once`;
      tell(message, "links", i, "interface");
    }
    interfaces.set(name, i);
  }
}

/** Undefined where no zone is served. */
function listensAt({ listen, publish }: Pick<Parsed, "listen" | "publish">): Parsed["listen"] {
  return listen ?? (publish === undefined ? loopback(DEFAULT_PORT) : undefined);
}

function checkWeb({ web, ...rest }: Parsed, tell: Tell): void {
  const taken = web && whyTaken(web, placesOf(listensAt(rest) ?? {}));
  if (taken !== undefined) tell(taken, "web");
}

function checkZones({ zone, reverse, nameservers, catalog }: Parsed, tell: Tell): void {
  for (const [i, origin] of reverse.entries()) {
    if (![...reverse.slice(0, i), zone].some((each) => each.equals(origin))) continue;
    tell(`${origin} is a zone of its own already; expected each zone once`, "reverse", i);
  }
  for (const [i, server] of nameservers.entries()) {
    // RFC 8766 §6.2: a server's own name cannot be found through the zone it serves.
    const around = [zone, ...reverse].find((origin) => server.isUnder(origin));
    if (around === undefined) continue;
    tell(`${server} lies in the zone; expected a name outside ${around}`, "nameservers", i);
  }
  if (catalog !== undefined && [zone, ...reverse].some((each) => each.equals(catalog))) {
    tell(`${catalog} is a zone of its own already; expected another name`, "catalog");
  }
}

/** Each key that is named exists, and the one that publishes fits the sites of the links. */
function checkKeys({ keys, links = [], publish, query, transfer }: Parsed, tell: Tell): void {
  const expectKey = (name: string | undefined, ...path: PropertyKey[]) => {
    if (name === undefined || Object.hasOwn(keys, name)) return;
    const known = Object.keys(keys).join(", ") || "none is given";
    tell(`no key "${name}"; expected one of keys: ${known}`, ...path);
  };
  const { key: keyName = "" } = publish ?? {};
  expectKey(publish?.key, "publish", "key");
  const own = keys[keyName]?.site?.map((label) => label.toLowerCase());
  for (const [i, { site }] of links.entries()) {
    // A site can contradict the key only where both name one.
    if (site === undefined || own === undefined || own.includes(site.toLowerCase())) continue;
    const expected = own.join(" or ") || "none";
    const message = `${site} is not a site of the key ${keyName}, which publishes; expected ${expected}`;
    tell(message, "links", i, "site");
  }
  for (const [i, who] of transfer.allow.entries()) {
    if ("key" in who) expectKey(who.key, "transfer", "allow", i);
  }
  for (const who of query.allow) if ("key" in who) expectKey(who.key, "query", "allow");
  for (const [i, { key }] of transfer.notify.entries()) {
    expectKey(key, "transfer", "notify", i, "key");
  }
}

/** The names of devices are theirs alone, so nobody else may write at the site where they register. */
function checkRegistrar(
  { registrar, links = [], keys, publish, listen }: Parsed,
  tell: Tell,
): void {
  if (registrar === undefined) return;
  const isSame = (label: string | undefined) =>
    label?.toLowerCase() === registrar.site.toLowerCase();
  const expected = "expected a site of its own";
  const link = links.findIndex(({ site, interface: name }) => isSame(site ?? name));
  if (link >= 0) {
    tell(`${registrar.site} is the site of links[${link}]; ${expected}`, "registrar", "site");
  }
  for (const [name, { site = [] }] of Object.entries(keys)) {
    if (!site.some(isSame)) continue;
    tell(`${registrar.site} is a site of the key ${name}; ${expected}`, "registrar", "site");
  }
  if (publish !== undefined && listen === undefined) {
    const message =
      "no zone is served here (publish without listen); expected registrar at the server";
    tell(message, "registrar");
  }
}

export interface Config extends Readonly<Omit<Parsed, "data" | "keys" | "listen">> {
  /** Undefined for a collector alone: it publishes elsewhere and serves nothing. */
  readonly listen: Listening | undefined;
  readonly keys: ReadonlyMap<string, Key>;
  /** The folder of zone files and journals, resolved against the configuration file's folder. */
  readonly data: string;
}

/** Without a file: every interface, the default zone, loopback only. */
export function defaultConfig(): Config {
  return parseConfig("", "default", workingFolder());
}

function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    const expected = "expected one that exists, or --config with an absolute path";
    throw new ConfigError([`the working directory has been removed; ${expected}`]);
  }
}

/** Reads and checks a configuration file. Throws ConfigError with one line a mistake. */
export function readConfig(path: string): Config {
  let octets: Buffer;
  try {
    octets = readFileSync(path);
  } catch (error) {
    throw new ConfigError([`${path}: ${whyUnread(error)}; expected a configuration file (YAML)`]);
  }
  if (!isUtf8(octets)) {
    const line = octets
      .toString("latin1")
      .split("\n")
      .findIndex((each) => !isUtf8(Buffer.from(each, "latin1")));
    throw new ConfigError([
      `${path}:${line + 1}: not UTF-8; expected a configuration file (YAML) in it`,
    ]);
  }
  return parseConfig(octets.toString(), path, dirname(resolve(path)));
}

/** `file` stands in front of each mistake; paths in the text are relative to `folder`. */
export function parseConfig(text: string, file: string, folder: string): Config {
  const { document, lines } = parseYaml(text, file);
  const mistakes = new Mistakes({ file, document, lines, fieldsAt });
  // The limit is for files of strangers: a hundred references to one list are none.
  const plain = document.toJS({ maxAliasCount: -1 });
  const result = schema.safeParse(plain ?? {}, { error: expectedFields });
  if (!result.success) throw mistakes.error(result.error.issues);
  const { data, keys: keyFields, listen, dnssec: signing, ...rest } = result.data;
  const endpoints = listensAt({ listen, publish: rest.publish });
  const listening = endpoints && withCredentials(endpoints, folder);
  const read = readKeys(keyFields, (path) => readFileSync(resolve(folder, path), "utf8"));
  if (listening !== undefined && "message" in listening) {
    throw mistakes.error([...read.issues, listening]);
  }
  if (read.issues.length > 0) throw mistakes.error(read.issues);
  return {
    ...rest,
    listen: listening,
    keys: read.keys,
    ...(signing && { dnssec: { keys: resolve(folder, signing.keys) } }),
    data: resolve(folder, data),
  };
}

//---- For mistakes ----

/** For places that expect fields and have no message of their own. */
function expectedFields({ code, path = [], ...issue }: z.core.$ZodRawIssue): string | undefined {
  if (code !== "invalid_type" || issue.expected !== "object") return undefined;
  const [first, second] = fieldsAt(placeOf(path));
  return `expected fields such as ${first}: and ${second}:`;
}

/** The fields known at a place in the tree: a list's place is `[]`, a name of the user's `*`. */
function fieldsAt(path: string): readonly string[] {
  return knownFields[path.replace(/^keys\.[^.]+$/, "keys.*")] ?? [];
}

const knownFields: Readonly<Record<string, readonly string[]>> = {
  "": Object.keys(table.shape),
  "links[]": Object.keys(link.shape),
  listen: Object.keys(listen.shape),
  "keys.*": Object.keys(key.shape),
  publish: Object.keys(publish.shape),
  registrar: Object.keys(registrar.shape),
  dnssec: Object.keys(dnssec.shape),
  transfer: Object.keys(transfer.shape),
  query: Object.keys(query.shape),
  "views[]": Object.keys(view.shape),
  identity: Object.keys(identity.shape),
  policy: Object.keys(policyFields.shape),
  "policy.rules[]": Object.keys(policyRule.shape),
  "policy.text[]": Object.keys(policyText.shape),
  "policy.addresses[]": Object.keys(policyAddresses.shape),
};
