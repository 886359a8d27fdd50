/**
 * Copies a whole zone by AXFR (RFC 5936) from the server that is given, the gateway on this host, or the
 * server that the configuration publishes to, found and asked as the collector does it.
 */
import { systemClock } from "../clock.ts";
import { FarZone } from "../collector/publishing/farzone.ts";
import { ConfigError } from "../config/mistakes.ts";
import { rcodeName } from "../dns/constants.ts";
import { formatEndpoint } from "../dns/endpoint.ts";
import type { Name } from "../dns/name.ts";
import type { RecordSet } from "../dns/record.ts";
import { locating } from "../gateway/publishing.ts";
import { ExchangeError } from "../net/client/exchange.ts";
import { PersistentConnection } from "../net/client/persistent.ts";
import { resolver } from "../net/client/resolver.ts";
import { readOptions, type ServerOptions } from "./server.ts";

/** Throws ConfigError with the server's reason. */
export async function transfer(
  options: ServerOptions,
): Promise<{ domain: Name; sets: readonly RecordSet[] }> {
  const clock = systemClock;
  const { config, address, domain: origin } = readOptions(options);
  const { publish, listen, keys } = config;
  const isGiven = options.server !== undefined;
  const locate =
    isGiven || listen !== undefined || publish === undefined
      ? () => Promise.resolve([address!])
      : locating(origin, { publish, resolve: resolver({ clock }), clock });
  // The gateway here lets its own host copy what it serves without a key.
  const key = isGiven || listen === undefined ? keys.get(publish?.key ?? "") : undefined;
  const connection = new PersistentConnection({ locate, clock });
  try {
    const sets = await new FarZone({ origin, connection, clock, key }).readBack();
    if (typeof sets === "number") {
      throw new Error(`refuses to transfer ${origin}: ${rcodeName(sets)}`);
    }
    return { domain: origin, sets: [...sets] };
  } catch (error) {
    const server = error instanceof ExchangeError ? error.server : address;
    const where = server === undefined ? `the server of ${origin}` : formatEndpoint(server);
    throw new ConfigError([`${where}: ${(error as Error).message}`]);
  } finally {
    connection.close();
  }
}
