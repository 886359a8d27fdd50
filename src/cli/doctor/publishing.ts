/** Does the server that the collector publishes to take updates? It is sent one that changes nothing. */
import type { Clock } from "../../clock.ts";
import { FarZone } from "../../collector/publishing/farzone.ts";
import type { Host } from "../../config/fields.ts";
import type { Config } from "../../config.ts";
import { DNS_PORT, Rcode, rcodeName } from "../../dns/constants.ts";
import { type Endpoint, formatEndpoint } from "../../dns/endpoint.ts";
import type { Name } from "../../dns/name.ts";
import { locating, updateHost } from "../../gateway/publishing.ts";
import { PersistentConnection } from "../../net/client/persistent.ts";
import type { Resolve } from "../../net/client/resolver.ts";
import type { Finding } from "./finding.ts";

export interface PublishingOptions {
  readonly publish: NonNullable<Config["publish"]>;
  readonly keys: Config["keys"];
  readonly resolve: Resolve;
  readonly clock: Clock;
}

/** Examines one zone; also returns where its server is to be asked, if that was found. */
export async function examinePublishing(
  zone: Name,
  { publish, keys, resolve, clock }: PublishingOptions,
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
    const rcode = await far.publish({ zone, prerequisites: [], updates: [] });
    if (rcode === Rcode.NOERROR) return told("ok", `takes updates of ${zone}, ${who}`);
    const fact = `answers ${rcodeName(rcode)} to an update of ${zone}, ${who}`;
    return told("broken", fact, hints[rcode]);
  } catch (error) {
    return told("broken", `${zone}: ${(error as Error).message}`);
  } finally {
    connection.close();
  }
}

function formatHost({ host, port }: Host): string {
  return formatEndpoint({ address: host, port });
}

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
