/**
 * Notifies of changes to a zone: the servers that the configuration names, and those that the zone itself
 * names. The addresses of the latter are in the zones served here, or come from the system's resolver.
 */
import { networkInterfaces } from "node:os";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import { ADDRESS_TYPES, DNS_PORT, Rcode } from "../dns/constants.ts";
import { type Endpoint, formatEndpoint } from "../dns/endpoint.ts";
import type { Message } from "../dns/message.ts";
import type { Name, NameKey } from "../dns/name.ts";
import { addressOf } from "../dns/rdata.ts";
import type { TsigKey } from "../dns/tsig.ts";
import {
  NoticeSlots,
  notifySecondaries,
  type Secondary,
  Silence,
} from "../dnsserver/secondaries.ts";
import type { Log } from "../log.ts";
import { ask, ExchangeError } from "../net/client/exchange.ts";
import { endpointsOf } from "../net/client/hosts.ts";
import { addressesOf, MAX_ADDRESSES, type Resolve } from "../net/client/resolver.ts";
import { ifTold } from "../net/links/interfaces.ts";
import type { Zone } from "../zone/zone.ts";
import type { ServedZones } from "./zones.ts";

export interface NotifyingOptions {
  readonly config: Pick<Config, "transfer" | "keys">;
  readonly zones: Pick<ServedZones, "all" | "isSigned">;
  readonly resolve: Resolve;
  readonly clock: Clock;
  readonly log: Log;
}

/** Runs until its signal ends. */
export async function notifyAll(options: NotifyingOptions, signal: AbortSignal): Promise<void> {
  const { config, zones, resolve, clock, log } = options;
  const configured = config.transfer.notify.map(({ server, key }): Secondary => {
    const name = formatEndpoint({ address: server.host, port: server.port });
    const locate = async () => {
      const endpoints = await endpointsOf(server.host, server.port, { resolve, signal });
      return endpoints.length === 0 ? undefined : endpoints;
    };
    return secondary(name, locate, clock, key === undefined ? undefined : config.keys.get(key));
  });
  // One for each server, whatever zones it serves: they share its slots and its addresses.
  const named = new Map<NameKey, Secondary>();
  const secondaryOf = (name: Name): Secondary => {
    const locate = remembered(clock, () => endpointsNamed(name, zones.all, resolve));
    const known = named.get(name.key) ?? secondary(`${name}`, locate, clock);
    named.set(name.key, known);
    return known;
  };
  const shared = { configured, secondaryOf, clock, log };
  const notify = (zone: Zone) => {
    const isCopied = () => !zones.isSigned(zone.origin);
    return notifySecondaries({ zone, isCopied, ...shared }, signal);
  };
  await Promise.all(zones.all.map(notify));
}

/** Milliseconds to wait for a response; the notice is resent once a second meanwhile. */
const PATIENCE = 3000;

function secondary(
  name: string,
  locate: () => Promise<readonly Endpoint[] | undefined>,
  clock: Clock,
  key?: TsigKey,
): Secondary {
  const tellOne = async (to: Endpoint, notice: Message, signal: AbortSignal) => {
    const response = await ask(to, notice, { clock, signal, timeout: PATIENCE, key });
    return response.rcode;
  };
  return {
    name,
    slots: new NoticeSlots(),
    async tell(notice, signal): Promise<Rcode | Silence> {
      const endpoints = await locate();
      if (endpoints === undefined) return new Silence("no address is found for it");
      if (endpoints.length === 0) return Rcode.NOERROR;
      try {
        // A server with several addresses need not answer at each of them.
        return await Promise.any(endpoints.map((to) => tellOne(to, notice, signal)));
      } catch (error) {
        const failures: Error[] = error instanceof AggregateError ? error.errors : [error];
        const other = failures.find((each) => !(each instanceof ExchangeError));
        if (other !== undefined && !signal.aborted) throw other;
        return new Silence([...new Set(failures.map(({ message }) => message))].join("; "));
      }
    },
  };
}

/** Undefined where there are none; without this host's own, for a zone may also name us. */
async function endpointsNamed(
  name: Name,
  zones: readonly Zone[],
  resolve: Resolve,
): Promise<readonly Endpoint[] | undefined> {
  const here = zones.flatMap(({ current }) =>
    ADDRESS_TYPES.flatMap((type) => current.set(name, type)?.rdatas.slice(0, MAX_ADDRESSES) ?? []),
  );
  const served = here.flatMap((rdata) => addressOf(rdata) ?? []);
  const addresses = served.length > 0 ? served : await addressesOf(name, resolve);
  if (addresses.length === 0) return undefined;
  const own = Object.values(ifTold(networkInterfaces) ?? {}).flatMap((each) => each ?? []);
  return addresses
    .filter((address) => !own.some((each) => each.address === address))
    .map((address) => ({ address, port: DNS_PORT }));
}

/** Milliseconds. */
const REMEMBERED = 60_000;

/**
 * However often a zone changes, the addresses of its servers are looked up once a minute at most. Those not
 * found are looked up again for the next notice; notices are far apart by then.
 */
function remembered<T>(clock: Clock, find: () => Promise<T | undefined>) {
  let found: T | undefined;
  let until = 0;
  return async (): Promise<T | undefined> => {
    if (found !== undefined && clock.now() < until) return found;
    found = await find();
    until = clock.now() + REMEMBERED;
    return found;
  };
}
