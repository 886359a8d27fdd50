/**
 * Where collected records go: into the zones served here, or into those of another server. The collector
 * cannot tell the difference.
 */
import type { Clock } from "../clock.ts";
import { FarZone } from "../collector/publishing/farzone.ts";
import type { PublishedZone } from "../collector/publishing/publication.ts";
import type { Host } from "../config/fields.ts";
import type { Config } from "../config.ts";
import { DNS_PORT } from "../dns/constants.ts";
import type { Name } from "../dns/name.ts";
import type { Server } from "../net/client/channel.ts";
import { endpointsOf, type Finding } from "../net/client/hosts.ts";
import { PersistentConnection, type PersistentOptions } from "../net/client/persistent.ts";
import type { Resolve } from "../net/client/resolver.ts";
import { findUpdateServers } from "../net/client/updateserver.ts";
import { collectorPrincipal, reversePrincipal } from "../zone/update/principal.ts";
import type { Zone } from "../zone/zone.ts";

/** Who publishes from within this process: a name that no key can have. */
export const COLLECTOR = "(collector)";
/** Seconds, for zones here: a gateway that restarts finds its records, if it was not away for long. */
export const LEASE = 300;
/** Records of a zone elsewhere: twice what a zone here has room for. */
const CAPACITY = 1_000_000;

/** `zones` are those that collectors fill, the shared one first. */
export function nearZones(zones: readonly Zone[]): PublishedZone[] {
  const shared = zones[0]!.origin;
  return zones.map((zone) => {
    const principal = zone.origin.equals(shared) ? collectorPrincipal : reversePrincipal;
    const by = principal(COLLECTOR, shared, () => true);
    return {
      origin: zone.origin,
      publish: (update) => zone.apply(update, by),
      readBack: async () => zone.current,
      lease: LEASE,
    };
  });
}

export interface FarZonesOptions {
  readonly config: Config;
  readonly publish: NonNullable<Config["publish"]>;
  readonly resolve: Resolve;
  readonly clock: Clock;
}

/** The zones of the configuration on another server, and the connections to it. */
export function farZones({ config, publish, resolve, clock }: FarZonesOptions): {
  zones: PublishedZone[];
  close: () => void;
} {
  const { lease, withdraw, key: keyName } = publish;
  const key = keyName === undefined ? undefined : config.keys.get(keyName);
  const connect = (zone: Name) =>
    new PersistentConnection({ locate: locating(zone, { publish, resolve, clock }), clock });
  // A server that is named has all the zones; otherwise each may have another.
  const shared = publish.server && connect(config.zone);
  const connections = new Set<PersistentConnection>();
  const zones = [config.zone, ...config.reverse].map((origin) => {
    const connection = shared ?? connect(origin);
    connections.add(connection);
    const far = new FarZone({ origin, connection, clock, key, capacity: CAPACITY });
    const { publish, readBack, isOlder } = far;
    const granted = () => far.lease;
    return { origin, publish, key: keyName, readBack, isOlder, lease, withdraw, granted };
  });
  const close = () => {
    for (const connection of connections) connection.close();
  };
  return { zones, close };
}

/** Finds the server of a zone: the one that is named, or else the one found through DNS. */
export function locating(
  zone: Name,
  { publish, resolve, clock }: Omit<FarZonesOptions, "config">,
): PersistentOptions["locate"] {
  const server = updateHost(publish);
  if (server !== undefined) {
    return (signal) => locate(server, publish.transport, { resolve, signal });
  }
  const random = () => clock.random();
  return async (signal) => {
    const found = await findUpdateServers({ zone, resolve, random, signal });
    if (found.length === 0) throw new Error(NOT_FOUND);
    return found;
  };
}

/** Where a named server takes updates. */
export function updateHost({ server, transport }: FarZonesOptions["publish"]): Host | undefined {
  // Port 53 is never TLS, whoever asks (RFC 7858 §3.1).
  const isMoved = transport === "tls" && server?.port === DNS_PORT;
  return server && { host: server.host, port: isMoved ? DOT_PORT : server.port };
}

/** The addresses of a named server; by TLS it has to prove that it has this name. */
async function locate(
  { host, port }: Host,
  transport: "tcp" | "tls",
  how: Finding,
): Promise<readonly Server[]> {
  const endpoints = await endpointsOf(host, port, how);
  if (endpoints.length === 0) throw new Error(`${host}: no address is found for this name`);
  if (transport === "tcp") return endpoints;
  return endpoints.map((endpoint) => ({ ...endpoint, tls: { serverName: host } }));
}

/** A line of the log. */
const NOT_FOUND =
  "DNS names no update server for the zone: no SRV of _dns-update-tls._tcp or _dns-update._tcp, no SOA whose " +
  "primary has an address; publish.server can name one";

const DOT_PORT = 853;
