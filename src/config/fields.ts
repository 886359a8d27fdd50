/**
 * What the text of a field means: names, addresses, servers, secrets, those who are granted something. Each
 * mistake says what was expected.
 */
import { z } from "zod";
import { type Prefix, parsePrefix } from "../dns/address.ts";
import { DNS_PORT } from "../dns/constants.ts";
import { parseEndpoint } from "../dns/endpoint.ts";
import { FormatError } from "../dns/format.ts";
import { Name } from "../dns/name.ts";

/** A server by name or address. */
export interface Host {
  readonly host: string;
  readonly port: number;
}

/** Who is granted something: the holder of a key, or a network. */
export type Grant = { readonly key: string } | Prefix;

export const domain = z
  .string("expected a domain name such as bonjour.example.com")
  .transform((text, context) => {
    try {
      const name = Name.parse(text);
      if (name.isRoot) throw new FormatError("the root is not allowed");
      return name;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      context.addIssue(`${error.message}; expected a domain name such as bonjour.example.com`);
      return z.NEVER;
    }
  });

/** A zone's NS record names a host, whose address is published elsewhere. */
export const nameserver = z
  .string("expected a host name such as ns1.example.com")
  .refine((text) => parseEndpoint(text, DNS_PORT) === undefined, {
    error: "an address is not a name; expected that of the server, such as ns1.example.com",
    abort: true,
  })
  .pipe(domain);

/** As in mail, or as in DNS, where the part before the @ is the first label (RFC 1035 §8). */
export const mailbox = z
  .string("expected a mailbox such as hostmaster@example.com")
  .transform((text) => {
    const [, local, host] = /^([^@]+)@([^@]+)$/.exec(text) ?? [];
    return local === undefined ? text : `${local.replace(/[.\\]/g, "\\$&")}.${host}`;
  })
  .pipe(domain);

export const address = z
  .string('expected an address and a port such as "0.0.0.0:53" or "[::]:53"')
  .transform((text, context) => {
    const parsed = parseEndpoint(text);
    if (parsed !== undefined) return parsed;
    context.addIssue(
      `"${text}" is not an address with a port; expected "0.0.0.0:53" or "[::]:53", quoted`,
    );
    return z.NEVER;
  });

/** RFC 1035 §2.3.4. */
export function isLabel(text: string): boolean {
  return text.length > 0 && Buffer.byteLength(text) <= 63;
}

export const site = z
  .string("expected one label such as paris")
  .refine(isLabel, {
    error: "expected one label of 1 to 63 octets such as paris",
  })
  .refine((text) => !text.startsWith("_") && text !== "*", {
    error: "a site is a place, not a service: expected a label without a leading underscore",
  });

/** Linux has no interface with one of the refused characters in its name; `eth0:1` is an address's label. */
export const interfaceName = z
  .string("expected the name of an interface such as eth0")
  .refine(isLabel, "expected the name of an interface such as eth0")
  .refine((text) => !/[\s/:]/.test(text), {
    error: ({ input }) => `"${input}" is not an interface; expected the name of one, such as eth0`,
  });

/** Of the octets that are allowed in a service type (see `dns/service.ts`). */
export const serviceType = z
  .string("expected a service type such as _ipp._tcp")
  .regex(/^_[\w-]{1,62}\._(tcp|udp)$/i, { error: "expected a service type such as _ipp._tcp" });

/** An empty list lets the key's holder write nothing. */
export const sites = z.union([site.transform((label) => [label]), z.array(site)], {
  error: "expected one label such as paris, or a list of them",
});

/** Characters that every tool accepts in a name; "file" means another holder of records. */
export const KEY_NAME = /^(?!file$)[\w-]+(\.[\w-]+)*$/;
export const KEY_NAME_EXPECTED = 'letters, digits, -, _ and dots, and not "file"';

export const secret = z.string("expected a secret in base64").transform((text, context) => {
  const octets = /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, "base64") : Buffer.of();
  if (octets.length >= SHORTEST_SECRET) return octets;
  const what = octets.length > 0 ? "too short to be a secret" : "not base64";
  context.addIssue(`${what}; expected a secret such as \`dnssd-gateway key NAME\` prints`);
  return z.NEVER;
});

/** The least length of a MAC (RFC 8945 §5.2.2.1); a good secret is as long as the digest (RFC 2104 §3). */
const SHORTEST_SECRET = 10;

export const host = z
  .string('expected a server such as "192.0.2.1:53" or ns1.example.com')
  .transform((text, context): Host => {
    const named = /^([\w.-]+?)(?::(\d{1,5}))?$/.exec(text);
    const parsed = parseEndpoint(text, DNS_PORT);
    const isName = named !== null && !/^[\d.]+$/.test(named[1]!);
    const port = parsed?.port ?? Number(named?.[2] ?? DNS_PORT);
    if (port > 0 && port <= 65535) {
      if (parsed !== undefined) return { host: parsed.address, port };
      if (isName) return { host: named[1]!, port };
    }
    context.addIssue(
      `"${text}" is not a server; expected "192.0.2.1:53", "[2001:db8::1]:53" or ns1.example.com`,
    );
    return z.NEVER;
  });

export const grant = z
  .string("expected key:NAME, an address, or a network such as 192.0.2.0/24")
  .transform((text, context): Grant => {
    if (text.startsWith("key:")) return { key: text.slice(4) };
    const prefix = parsePrefix(text);
    if (prefix !== undefined) return prefix;
    context.addIssue(
      `"${text}" is neither a key nor a network; expected key:NAME, an address, or a network such as 192.0.2.0/24`,
    );
    return z.NEVER;
  });

const named: Readonly<Record<string, readonly Prefix[]>> = {
  // RFC 1918, link-local (RFC 3927, RFC 4291 §2.5.6), ULA (RFC 4193). Not 100.64/10, which strangers
  // share behind a carrier's translator (RFC 6598).
  private: [
    { address: "10.0.0.0", length: 8 },
    { address: "172.16.0.0", length: 12 },
    { address: "192.168.0.0", length: 16 },
    { address: "169.254.0.0", length: 16 },
    { address: "fc00::", length: 7 },
    { address: "fe80::", length: 10 },
  ],
  any: [
    { address: "0.0.0.0", length: 0 },
    { address: "::", length: 0 },
  ],
};
/** Networks that have a name. */
export const namedNetworks: ReadonlyMap<string, readonly Prefix[]> = new Map(Object.entries(named));

export const network = z
  .string("expected a network such as 10.1.0.0/16, private or any")
  .transform((text, context): readonly Prefix[] => {
    const prefix = parsePrefix(text);
    const prefixes = prefix === undefined ? namedNetworks.get(text) : [prefix];
    if (prefixes !== undefined) return prefixes;
    context.addIssue(
      `"${text}" is not a network; expected one such as 10.1.0.0/16, an address, private or any`,
    );
    return z.NEVER;
  });

export const networks = z
  .array(network, "expected a list such as [10.1.0.0/16]")
  .transform((lists) => lists.flat());

/** Of whole octets or nibbles: no address has its own name beneath any other. */
const REVERSE =
  /^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){0,4}in-addr\.arpa\.$|^([0-9a-f]\.){0,32}ip6\.arpa\.$/i;

export const reverseZone = domain.refine((name) => REVERSE.test(name.toString()), {
  error: "expected a reverse zone such as 1.10.in-addr.arpa or 8.b.d.0.1.0.0.2.ip6.arpa",
});
