/**
 * Where the updates of a zone go when no server is configured: what the zone says by SRV, over TLS
 * before TCP, else its primary as its SOA names it (draft-pusateri-dnssd-update-proxy-01, "Selection
 * of Authoritative Unicast DNS Server"; RFC 2136 §4.1). It is found again for each new connection, so
 * that a server which moves is followed.
 */
import { DNS_PORT, Type } from "../../dns/constants.ts";
import type { Message } from "../../dns/message.ts";
import { Name } from "../../dns/name.ts";
import { type Srv, soaOf, srvOf } from "../../dns/rdata.ts";
import type { Server } from "./channel.ts";
import { addressesOf, type Resolve } from "./resolver.ts";

export interface UpdateServerOptions {
  readonly zone: Name;
  readonly resolve: Resolve;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly signal?: AbortSignal;
}

/**
 * In the order in which to try them; none where the zone has none, or its servers cannot be asked. Who
 * is not told whether there is a better one is not sent to the next: a connection is kept for long.
 */
export async function findUpdateServers(options: UpdateServerOptions): Promise<readonly Server[]> {
  const { zone, resolve, random, signal } = options;
  const at = async (host: Name, port: number, isTls: boolean): Promise<readonly Server[]> => {
    const addresses = await addressesOf(host, resolve, signal);
    // TLS knows it by its name.
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
  const primary = await primaryOf(options);
  return primary === undefined ? [] : at(primary, DNS_PORT, false);
}

/** Of one kind, whoever names thousands: one that nobody knows takes seconds to look for. */
const MAX_SERVERS = 8;

const services = [
  { service: Name.parse("_dns-update-tls._tcp"), isTls: true },
  { service: Name.parse("_dns-update._tcp"), isTls: false },
];

/** A target of "." says that there is no such service here (RFC 2782). */
function servicesIn(answer: Message | undefined): Srv[] {
  return (answer?.answers ?? [])
    .filter(({ type, rdata }) => type === Type.SRV && !rdata.isEmpty)
    .map(({ rdata }) => srvOf(rdata))
    .filter(({ target }) => !target.isRoot);
}

/** The lowest priority first; among equals by chance, the likelier the more weight (RFC 2782). */
export function byPriority(services: readonly Srv[], random: () => number): Srv[] {
  const ordered: Srv[] = [];
  // Those without weight stand first, so that they have a small chance of being chosen.
  const left = services.toSorted((a, b) => a.priority - b.priority || a.weight - b.weight);
  while (left.length > 0) {
    const equals = left.filter(({ priority }) => priority === left[0]!.priority);
    ordered.push(...left.splice(draw(equals, random()), 1));
  }
  return ordered;
}

/** The first whose running sum of weights reaches a number drawn from nought to all of it. */
function draw(equals: readonly Srv[], chance: number): number {
  const total = equals.reduce((sum, { weight }) => sum + weight, 0);
  let mark = Math.floor(chance * (total + 1));
  for (const [i, { weight }] of equals.entries()) {
    mark -= weight;
    if (mark <= 0) return i;
  }
  return 0;
}

/** MNAME of the zone that this name lies in: whoever answers says which zone that is (RFC 2308 §3). */
async function primaryOf({
  zone,
  resolve,
  signal,
}: UpdateServerOptions): Promise<Name | undefined> {
  for (let name: Name | undefined = zone; name !== undefined; name = name.parent) {
    const answer = await resolve(name, Type.SOA, signal);
    const found = [...(answer?.answers ?? []), ...(answer?.authorities ?? [])].find(
      ({ type, name, rdata }) => type === Type.SOA && zone.isUnder(name) && !rdata.isEmpty,
    );
    if (found !== undefined) return soaOf(found.rdata).mname;
    if (answer === undefined) return undefined;
  }
  return undefined;
}
