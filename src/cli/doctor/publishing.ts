/** Does the server that the collector publishes to take updates? It is sent some that change nothing. */
import type { Clock } from "../../clock.ts";
import { FarZone } from "../../collector/publishing/farzone.ts";
import type { Host } from "../../config/fields.ts";
import type { Config } from "../../config.ts";
import { DNS_PORT, Rcode, rcodeName } from "../../dns/constants.ts";
import { type Endpoint, formatEndpoint } from "../../dns/endpoint.ts";
import type { Name } from "../../dns/name.ts";
import { rdata } from "../../dns/rdata.ts";
import { serviceTypesName } from "../../dns/service.ts";
import { locating, updateHost } from "../../gateway/publishing.ts";
import { PersistentConnection } from "../../net/client/persistent.ts";
import type { Resolve } from "../../net/client/resolver.ts";
import { removalOf, type Update } from "../../zone/update/update.ts";
import type { Finding } from "./finding.ts";

export interface PublishingOptions {
  readonly publish: NonNullable<Config["publish"]>;
  readonly keys: Config["keys"];
  /** The domains in the zone that the links publish beneath. */
  readonly sites: readonly Name[];
  readonly resolve: Resolve;
  readonly clock: Clock;
}

/** Examines one zone; also returns where its server is to be asked, if that was found. */
export async function examinePublishing(
  zone: Name,
  { publish, keys, sites, resolve, clock }: PublishingOptions,
): Promise<{ finding: Finding; server: Endpoint | undefined }> {
  const key = keys.get(publish.key ?? "");
  const connection = new PersistentConnection({
    locate: locating(zone, { publish, resolve, clock }),
    clock,
  });
  const far = new FarZone({ origin: zone, connection, clock, key });
  const who = key === undefined ? "unsigned" : `signed by the key ${publish.key}`;
  const told = (verdict: Finding["verdict"], fact: string, remedy?: readonly string[]) => {
    const { server } = connection;
    // Questions go to the port of DNS, even where updates go by TLS.
    const asked = server?.tls ? { ...server, port: DNS_PORT } : server;
    const named = updateHost(publish);
    const reached = server === undefined ? named && formatHost(named) : formatEndpoint(server);
    const place = `publish ${reached ?? "to the server found through DNS"}`;
    return { finding: { verdict, place, fact, ...(remedy && { remedy }) }, server: asked };
  };
  try {
    const send = (updates: Update["updates"]) => far.publish({ zone, prerequisites: [], updates });
    const answered = (rcode: Rcode, domain: Name, remedy = hints[rcode]) =>
      told("broken", `answers ${rcodeName(rcode)} to an update of ${domain}, ${who}`, remedy);
    const rcode = await send([]);
    if (rcode !== Rcode.NOERROR) return answered(rcode, zone);
    for (const site of sites) {
      const rcode = await send(nothingOf(site));
      if (rcode === Rcode.REFUSED) return answered(rcode, site, FORBIDDEN);
    }
    return told("ok", `takes updates of ${zone}, ${who}`);
  } catch (error) {
    return told("broken", `${zone}: ${(error as Error).message}`);
  } finally {
    connection.close();
  }
}

/**
 * The removal of a service type that cannot be there, from a list that every collector writes: an update
 * without any record is taken from every key.
 */
function nothingOf(site: Name): Update["updates"] {
  const name = serviceTypesName(site);
  return name === undefined ? [] : [removalOf({ name, rdata: rdata.ptr(name) })];
}

function formatHost({ host, port }: Host): string {
  return formatEndpoint({ address: host, port });
}

const FORBIDDEN = [
  "The key may not write beneath this site: is it bound to another one (this program: site, in the",
  "server's keys; BIND: update-policy)?",
];
const hints: Readonly<Partial<Record<Rcode, readonly string[]>>> = {
  [Rcode.NOTAUTH]: ["The server has no such zone, or is not the zone's primary."],
  [Rcode.REFUSED]: [
    "The key may not update this zone (BIND: update-policy or allow-update; Knot: an acl), or the",
    "zone is frozen (rndc thaw).",
  ],
  [Rcode.SERVFAIL]: [
    "See the server's log: the zone could not be loaded or is full, or the disk is full.",
  ],
};
