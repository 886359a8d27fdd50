/**
 * `doctor`: what is broken between devices, the zone and clients, in the order that a record travels: links,
 * server, zone, other servers, resolvers, clients. It asks and changes nothing; each fault comes with its
 * remedy, ready to paste where that is a line.
 */
import { isIPv4 } from "node:net";
import { systemClock } from "../clock.ts";
import { subnetsOf } from "../collector/subnets.ts";
import type { Config } from "../config.ts";
import type { Endpoint } from "../dns/endpoint.ts";
import { FormatError } from "../dns/format.ts";
import { Name } from "../dns/name.ts";
import type { Log } from "../log.ts";
import { resolver, systemServers } from "../net/client/resolver.ts";
import { sourceAddress } from "../net/client/route.ts";
import { resolvConf } from "../net/client/systemfiles.ts";
import { hostNetworks, lastingAddresses, readInterfaces } from "../net/links/interfaces.ts";
import type { LinkWatch } from "../net/links/link.ts";
import { multicastLinks } from "../net/links/multicast.ts";
import { asking } from "./doctor/asking.ts";
import { examineClients } from "./doctor/clients.ts";
import { type Finding, formatFinding } from "./doctor/finding.ts";
import { examineLinks } from "./doctor/links.ts";
import { examineNames } from "./doctor/names.ts";
import { examineNameservers } from "./doctor/nameservers.ts";
import { examinePublishing } from "./doctor/publishing.ts";
import { refusals } from "./doctor/refusal.ts";
import { examineResolver } from "./doctor/resolvers.ts";
import { examineListening, isLoopback } from "./doctor/server.ts";
import { examineZone } from "./doctor/zone.ts";
import { parseServer, reachableOf, readOptions, type ServerOptions } from "./server.ts";

export interface DoctorOptions extends ServerOptions {
  /** Addresses of resolvers, in place of this host's. */
  readonly resolver?: readonly string[];
}

export async function doctor(options: DoctorOptions): Promise<void> {
  const counts = { ok: 0, odd: 0, broken: 0 };
  const told = new Map<string, string>();
  for await (const finding of examine(options)) {
    counts[finding.verdict]++;
    process.stdout.write(formatFinding(withoutRepetition(finding, told)));
  }
  process.stdout.write(`${counts.ok} ok, ${counts.odd} odd, ${counts.broken} broken\n`);
  if (counts.broken > 0) process.exitCode = 1;
}

/** A remedy that several findings share is printed once. */
function withoutRepetition(finding: Finding, told: Map<string, string>): Finding {
  const { place, remedy = [] } = finding;
  const text = remedy.join("\n");
  const before = told.get(text);
  if (before !== undefined && before !== place)
    return { ...finding, remedy: [`As for ${before}.`] };
  if (remedy.length > 1) told.set(text, place);
  return finding;
}

async function* examine({ resolver: given, ...options }: DoctorOptions): AsyncGenerator<Finding> {
  const resolvers = given?.map((text) => parseServer(text, "resolver")) ?? systemServers();
  const { config, address, domain: zone } = readOptions(options);
  const resolve = resolver({ clock, servers: resolvers });
  const { publish, listen, reverse, enumerate: browsed } = config;
  const networks = hostNetworks(clock);
  const refusal = refusals({ config, networks, sourceAddress });
  let server = address;
  // With a server or a zone given, as on a client's host, no gateway is examined, only what clients get.
  const isHere = options.server === undefined && options.domain === undefined;
  if (isHere) {
    yield* await examineLinks({ links: config.links, watch: linksOf(config), clock });
    if (listen !== undefined) {
      yield* await examineListening({ ask, listen, zone, refusal, clock });
      const isOwn = (each: string) => networks.isOwn(each);
      yield* await examineNames({ config, isOwn, resolve });
    }
    const zones = publish === undefined ? [] : [zone, ...reverse];
    for (const each of zones) {
      const publishing = {
        publish: publish!,
        keys: config.keys,
        sites: each === zone ? sitesOf(config, zone) : [],
        resolve: resolver({ clock }),
        clock,
      };
      const { finding, server: found } = await examinePublishing(each, publishing);
      yield finding;
      if (listen === undefined && each === zone) server = found ?? server;
    }
  }
  if (server === undefined) return;
  const { findings, sample } = await examineZone({ ask, server, zone, browsed, refusal });
  const isGuessed = options.config === undefined && !(options.server && options.domain);
  const hint = isGuessed && sample === undefined ? GUESSED : [];
  yield* findings.map((each) => ({ ...each, remedy: [...(each.remedy ?? []), ...hint] }));
  if (sample === undefined) return;
  const notify = isHere ? config.transfer.notify : [];
  yield* await examineNameservers({ ask, server, zone, notify, refusal, resolve, clock });
  const examined = await Promise.all(
    resolvers.map(async (each) => {
      const reached = await reachedFrom(each, isHere && listen ? listen.dns : [server!]);
      const hasViews = config.views.length > 0;
      return examineResolver(each, { ask, server: server!, reached, sample, reverse, hasViews });
    }),
  );
  yield* examined.flat();
  const subnets = subnetsOf(readInterfaces().filter(isNetwork).flatMap(lastingAddresses));
  yield* await examineClients({ zone, searchDomains: searchDomains(), subnets, reverse, resolve });
}

const GUESSED = [
  "What is not given is as for a gateway without a configuration. Where it has one: doctor --config FILE;",
  "at a client's desk: doctor --server ADDRESS --domain ZONE, with the address of the zone's server.",
];
const clock = systemClock;
const ask = asking(clock);

/** The sites that the configuration names. */
function sitesOf({ links = [] }: Config, zone: Name): Name[] {
  const labels = new Set(links.flatMap(({ site }) => site ?? []));
  return [...labels].flatMap((label) => zone.child(label) ?? []);
}

/** The links of a configuration; `warn` is told what is odd about them. */
function linksOf({ links }: Config): (warn: Log["warn"]) => LinkWatch {
  return (warn) => {
    const nothing = () => {};
    const log = { debug: nothing, info: nothing, warn, error: warn };
    const interfaces = links?.map((link) => link.interface);
    return multicastLinks({ clock, log, interfaces, isGuest: true });
  };
}

/** Where a resolver can reach a server that listens there; undefined where it cannot. */
async function reachedFrom(
  asker: Endpoint,
  listen: readonly Endpoint[],
): Promise<Endpoint | undefined> {
  if (isLoopback(asker)) return reachableOf(listen);
  const source = await sourceAddress(asker);
  const all = readInterfaces().filter(isNetwork).flatMap(lastingAddresses);
  const addresses = [...(source === undefined ? [] : [source]), ...all.map((each) => each.address)];
  for (const { address, port } of listen.filter((each) => !isLoopback(each))) {
    const isWildcard = address === "0.0.0.0" || address === "::";
    if (!isWildcard) return { address, port };
    const own = addresses.find((each) => isIPv4(each) === isIPv4(address));
    if (own !== undefined) return { address: own, port };
  }
  return undefined;
}

function isNetwork({ isLoopback }: { readonly isLoopback: boolean }): boolean {
  return !isLoopback;
}

/** resolv.conf(5): the last line of either kind counts. */
function searchDomains(): Name[] {
  const [, words = ""] = [...resolvConf().matchAll(/^(?:search|domain)[ \t]+(.*)$/gm)].at(-1) ?? [];
  return words.split(/\s+/).flatMap((word) => {
    try {
      return word === "" || word === "." ? [] : Name.parse(word);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return [];
    }
  });
}
