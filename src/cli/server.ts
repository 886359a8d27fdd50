/** The server a command asks, and the zone it asks about: from the arguments or the configuration. */
import { systemClock } from "../clock.ts";
import { hasIPv6 } from "../config/listening.ts";
import { ConfigError } from "../config/mistakes.ts";
import { type Config, defaultConfig, readConfig } from "../config.ts";
import { Class, DNS_PORT } from "../dns/constants.ts";
import { UDP_SIZE } from "../dns/edns.ts";
import { type Endpoint, parseEndpoint } from "../dns/endpoint.ts";
import { FormatError } from "../dns/format.ts";
import { type Message, makeMessage } from "../dns/message.ts";
import { Name } from "../dns/name.ts";
import { ask } from "../net/client/exchange.ts";

export interface ServerOptions {
  readonly domain?: string;
  readonly server?: string;
  readonly config?: string;
}

export interface Server {
  readonly address: Endpoint;
  readonly domain: Name;
  /** Asks one question by UDP, and by TCP if the answer is truncated. */
  ask(name: Name, type: number, signal?: AbortSignal): Promise<Message>;
}

/** What arguments and configuration give; no address where it has to be looked up. */
export function readOptions(options: ServerOptions) {
  const config = options.config === undefined ? defaultConfig() : readConfig(options.config);
  const address =
    options.server === undefined ? ownServer(config) : parseServer(options.server, "server");
  const domain = options.domain === undefined ? config.zone : parseDomain(options.domain);
  return { config, address, domain };
}

export function chooseServer(options: ServerOptions): Server {
  const { domain, ...chosen } = readOptions(options);
  const address =
    chosen.address ?? fail("--server: not given; expected the address of a server to ask");
  return { address, domain, ask: asking(address) };
}

export function asking(address: Endpoint): Server["ask"] {
  return (name, type, signal) =>
    ask(address, question(name, type), { clock: systemClock, ...(signal && { signal }) });
}

/** With recursion desired, as clients ask, so that the server may be a resolver. */
export function question(name: Name, type: number): Message {
  return makeMessage({
    recursionDesired: true,
    questions: [{ name, type, class: Class.IN }],
    edns: { udpSize: UDP_SIZE, version: 0, dnssecOk: false, options: [] },
  });
}

/** Throws ConfigError with the name of the option. */
export function parseServer(text: string, option: string): Endpoint {
  return (
    parseEndpoint(text, DNS_PORT) ??
    fail(
      `--${option}: "${text}" is not an address; expected 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53`,
    )
  );
}

function parseDomain(text: string): Name {
  try {
    return Name.parse(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return fail(`--domain: ${error.message}; expected a domain name such as bonjour.example.com`);
  }
}

/** Where the zone of this configuration is served: here, or where it is published to. */
function ownServer({ listen, publish }: Config): Endpoint | undefined {
  if (listen !== undefined) return reachableOf(listen.dns);
  const far = publish?.server;
  return far && parseEndpoint(far.host, far.port);
}

/** Where a server that listens at these addresses of this host is asked: if it can, at the first. */
export function reachableOf(listen: readonly Endpoint[], isIPv6 = hasIPv6()): Endpoint {
  return reachable(listen.find(({ address }) => address !== "::" || isIPv6) ?? listen[0]!);
}

/** A server that listens on a wildcard address is asked at loopback. */
export function reachable({ address, port }: Endpoint): Endpoint {
  if (address === "0.0.0.0") return { address: "127.0.0.1", port };
  return address === "::" ? { address: "::1", port } : { address, port };
}

function fail(line: string): never {
  throw new ConfigError([line]);
}
