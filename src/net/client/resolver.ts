/**
 * A stub resolver (RFC 1034 §5.3.1): asks the servers of this host, one after the other. It takes
 * and gives names, not text, as the system's resolver would, so that a label may be of any octets;
 * and it knows no search list and no hosts file, because what it is asked is about zones.
 */
import { Resolver } from "node:dns";
import type { Clock } from "../../clock.ts";
import { Class, DNS_PORT, Rcode, Type } from "../../dns/constants.ts";
import { type Endpoint, parseEndpoint } from "../../dns/endpoint.ts";
import { type Message, makeMessage } from "../../dns/message.ts";
import type { Name } from "../../dns/name.ts";
import { addressOf } from "../../dns/rdata.ts";
import { ask, ExchangeError } from "./exchange.ts";

/**
 * The response of the first server that knows: that there is something (NOERROR), or that there is
 * nothing (NXDOMAIN, or no answers). Undefined where none does, or when the signal ends.
 */
export type Resolve = (
  name: Name,
  type: number,
  signal?: AbortSignal,
) => Promise<Message | undefined>;

export interface ResolverOptions {
  readonly clock: Clock;
  /** Those of this host, as they are at each question, if not given. */
  readonly servers?: readonly Endpoint[];
  /** Milliseconds for each server. */
  readonly timeout?: number;
}

export function resolver({ clock, servers, timeout = TIMEOUT }: ResolverOptions): Resolve {
  return async (name, type, signal) => {
    const query = makeMessage({
      recursionDesired: true,
      questions: [{ name, type, class: Class.IN }],
    });
    for (const server of servers ?? systemServers()) {
      if (signal?.aborted) return undefined;
      try {
        const response = await ask(server, query, { clock, timeout, ...(signal && { signal }) });
        if (isKnowing(response)) return response;
      } catch (error) {
        if (!signal?.aborted && !(error instanceof ExchangeError)) throw error;
      }
    }
    return undefined;
  };
}

/**
 * Addresses of one family that a host is tried at: each costs a socket and its time, and whoever answers
 * may say thousands.
 */
export const MAX_ADDRESSES = 8;

/** IPv6 first (RFC 6724 §2.1); none where it has none, or nobody knows. */
export async function addressesOf(
  host: Name,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const types = [Type.AAAA, Type.A];
  const responses = await Promise.all(types.map((type) => resolve(host, type, signal)));
  return responses.flatMap((response) => {
    const addresses = (response?.answers ?? []).flatMap(({ rdata }) => addressOf(rdata) ?? []);
    return addresses.slice(0, MAX_ADDRESSES);
  });
}

function isKnowing({ rcode }: Message): boolean {
  return rcode === Rcode.NOERROR || rcode === Rcode.NXDOMAIN;
}

/** What resolv.conf says at this moment; its order is that of preference. */
export function systemServers(): Endpoint[] {
  return new Resolver().getServers().flatMap((text) => parseEndpoint(text, DNS_PORT) ?? []);
}

/** Milliseconds: the servers of a host are near. */
const TIMEOUT = 2000;
