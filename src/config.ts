/**
 * The configuration: one table of fields with their defaults and checks, read once at the start.
 * Parts of the program get plain values, never this file. A mistake is one line that says in which
 * file and line, at which path, what was found and what was expected; nothing has been opened then.
 */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { dirname, resolve } from "node:path";
import { type Document, LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { FormatError } from "./dns/format.ts";
import { Name } from "./dns/name.ts";

/** Where to listen or whom to ask: an address in text form and a port. */
export interface Address {
  readonly address: string;
  readonly port: number;
}

export const DEFAULT_ZONE = "bonjour.home.arpa";
export const DEFAULT_PORT = 5300;

/** Lines for people, one a mistake. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join("\n"));
    this.lines = lines;
  }
}

//---- Fields ----

const domain = z
  .string("expected a domain name such as bonjour.example.com")
  .transform((text, context) => {
    try {
      const name = Name.parse(text);
      if (name.isRoot) throw new FormatError("the root is no zone");
      return name;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      context.addIssue(`${error.message}; expected a domain name such as bonjour.example.com`);
      return z.NEVER;
    }
  });

const address = z
  .string('expected an address and a port such as "0.0.0.0:53" or "[::]:53"')
  .transform((text, context) => {
    const parsed = parseAddress(text);
    if (parsed !== undefined) return parsed;
    context.addIssue(
      `"${text}" is not an address with a port; expected "0.0.0.0:53" or "[::]:53", quoted`,
    );
    return z.NEVER;
  });

const site = z
  .string("expected one label such as paris")
  .refine((text) => text.length > 0 && Buffer.byteLength(text) <= 63, {
    error: "expected one label of 1 to 63 octets such as paris",
  })
  .refine((text) => !text.startsWith("_") && text !== "*", {
    error: "a site is a place, not a service: expected a label without a leading underscore",
  });

const serviceType = z
  .string("expected a service type such as _ipp._tcp")
  .regex(/^_[^.]{1,62}\._(tcp|udp)$/i, { error: "expected a service type such as _ipp._tcp" });

const link = z.strictObject({
  interface: z
    .string("expected the name of an interface such as eth0")
    .min(1, "expected the name of an interface such as eth0"),
  site: site.optional(),
});

const schema = z
  .strictObject(
    {
      zone: domain.prefault(DEFAULT_ZONE),
      nameservers: z.array(domain, "expected a list of host names").default([]),
      contact: domain.optional(),
      links: z
        .array(link, "expected a list such as [{ interface: eth0, site: paris }]")
        .min(1, "expected at least one link; leave the field out for every interface")
        .optional(),
      listen: z
        .strictObject({
          dns: z
            .array(address, 'expected a list such as ["0.0.0.0:53", "[::]:53"]')
            .min(1, "expected at least one address"),
        })
        .prefault({ dns: [`127.0.0.1:${DEFAULT_PORT}`, `[::1]:${DEFAULT_PORT}`] }),
      enumerate: z.enum(["merged", "sites"], "expected merged or sites").default("merged"),
      subtypes: z
        .record(serviceType, z.array(z.string().min(1), "expected a list such as [_printer]"), {
          error: "expected service types with their subtypes, such as _ipp._tcp: [_universal]",
        })
        .default({}),
      data: z.string("expected the path of a folder").default("./zones"),
    },
    "expected fields such as zone: and links:",
  )
  .superRefine((config, context) => {
    const interfaces = new Map<string, number>();
    config.links?.forEach((each, i) => {
      const first = interfaces.get(each.interface);
      if (first !== undefined) {
        context.addIssue({
          code: "custom",
          path: ["links", i, "interface"],
          message: `${each.interface} is links[${first}] already; expected each interface once`,
        });
      }
      interfaces.set(each.interface, i);
    });
    config.nameservers.forEach((server, i) => {
      // RFC 8766 §6.2: a server's own name cannot be found through the zone it serves.
      if (server.isUnder(config.zone)) {
        context.addIssue({
          code: "custom",
          path: ["nameservers", i],
          message: `${server} lies in the zone; expected a name outside ${config.zone}`,
        });
      }
    });
  });

type Parsed = z.output<typeof schema>;

export interface Config extends Readonly<Omit<Parsed, "data">> {
  /** The folder of zone files and journals, resolved against the configuration file's folder. */
  readonly data: string;
}

/** No file at all: every interface, the default zone, loopback only. */
export function defaultConfig(): Config {
  return parseConfig("", "default", process.cwd());
}

/** Reads and checks a configuration file. Throws ConfigError with one line a mistake. */
export function readConfig(path: string): Config {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "no such file" : code === "EACCES" ? "may not be read" : code;
    throw new ConfigError([`${path}: ${why}; expected a configuration file (YAML)`]);
  }
  return parseConfig(text, path, dirname(resolve(path)));
}

/** `file` stands in front of each mistake; paths in the text are relative to `folder`. */
export function parseConfig(text: string, file: string, folder: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map(
        (error) => `${file}:${lines.linePos(error.pos[0]).line}: ${error.message}`,
      ),
    );
  }
  const result = schema.safeParse(document.toJS() ?? {});
  if (!result.success) {
    throw new ConfigError(
      result.error.issues.flatMap((issue) => explain(issue, document, lines, file)),
    );
  }
  return { ...result.data, data: resolve(folder, result.data.data) };
}

/** "192.0.2.1:53", "[2001:db8::1]:53"; undefined when it is neither. */
export function parseAddress(text: string, defaultPort?: number): Address | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text);
  const bare = match?.[1] ?? match?.[2] ?? text;
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (isIP(bare) === 0 || port === undefined || port > 65535) return undefined;
  return { address: bare, port };
}

//---- Mistakes ----

function explain(
  issue: z.core.$ZodIssue,
  document: Document,
  lines: LineCounter,
  file: string,
): string[] {
  const keys = issue.code === "unrecognized_keys" ? issue.keys : [undefined];
  return keys.map((key) => {
    const path = key === undefined ? issue.path : [...issue.path, key];
    const message =
      key === undefined ? issue.message : `unknown field; expected one of ${fieldsAt(issue.path)}`;
    const line = lineOf(document, lines, path);
    const where = formatPath(path);
    return `${file}${line === undefined ? "" : `:${line}`}: ${where === "" ? "" : `${where}: `}${message}`;
  });
}

/** The line of the value at `path`, or of the nearest thing round it that the file has. */
function lineOf(
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: [number] } | undefined;
    if (node?.range !== undefined) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "");
}

function fieldsAt(path: readonly PropertyKey[]): string {
  const where = formatPath(path).replace(/\[\d+\]/g, "[]");
  return (knownFields[where] ?? []).join(", ");
}

const knownFields: Readonly<Record<string, readonly string[]>> = {
  "": Object.keys(schema.shape),
  "links[]": Object.keys(link.shape),
  listen: ["dns"],
};
