/**
 * Finds the servers to send a zone's updates to when none is configured: those in its SRV records, TLS
 * before TCP, else the primary that its SOA names (draft-pusateri-dnssd-update-proxy-01, "Selection
 * of Authoritative Unicast DNS Server"; RFC 2136 §4.1). They are looked up for each new connection, so
 * that a server which moves is followed.
 */
import { DNS_PORT, Type } from "../../dns/constants.ts";
import { Name } from "../../dns/name.ts";
import type { Server } from "./channel.ts";
import { apexOf, byPriority, MAX_SERVERS, servicesIn } from "./discovery.ts";
import { addressesOf, type Resolve } from "./resolver.ts";

export interface UpdateServerOptions {
  readonly zone: Name;
  readonly resolve: Resolve;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly signal?: AbortSignal;
}

/**
 * The servers in the order in which to try them; empty if the zone has none, or nobody answers. A failed
 * SRV lookup does not fall back to the next choice, because a connection is kept for long.
 */
export async function findUpdateServers(options: UpdateServerOptions): Promise<readonly Server[]> {
  const { zone, resolve, random, signal } = options;
  const at = async (host: Name, port: number, isTls: boolean): Promise<readonly Server[]> => {
    const addresses = await addressesOf(host, resolve, signal);
    // The name that the certificate must be for.
    const tls = isTls ? { serverName: `${host}`.replace(/\.$/, "") } : undefined;
    return addresses.map((address) => ({ address, port, tls }));
  };
  const servers: Server[] = [];
  for (const { service, isTls } of services) {
    const name = Name.join(service.labels, zone);
    const answer = name && (await resolve(name, Type.SRV, signal));
    if (name !== undefined && answer === undefined) return [];
    const offered = byPriority(servicesIn(answer), random);
    for (const { target, port } of offered.slice(0, MAX_SERVERS)) {
      servers.push(...(await at(target, port, isTls)));
    }
  }
  if (servers.length > 0) return servers;
  const apex = await apexOf(zone, resolve, signal);
  return apex === undefined ? [] : at(apex.primary, DNS_PORT, false);
}

const services = [
  { service: Name.parse("_dns-update-tls._tcp"), isTls: true },
  { service: Name.parse("_dns-update._tcp"), isTls: false },
];
