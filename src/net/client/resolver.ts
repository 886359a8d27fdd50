/**
 * A stub resolver (RFC 1034 §5.3.1): asks the servers of this host one after the other. Unlike the
 * system's resolver it takes and returns names and not text, so that a label may hold any octets; and
 * it uses no search list and no hosts file, because its questions are about zones.
 */
import { Resolver } from "node:dns";
import type { Clock } from "../../clock.ts";
import { Class, DNS_PORT, Rcode, Type } from "../../dns/constants.ts";
import { type Endpoint, parseEndpoint } from "../../dns/endpoint.ts";
import { type Message, makeMessage } from "../../dns/message.ts";
import type { Name } from "../../dns/name.ts";
import { addressOf } from "../../dns/rdata.ts";
import { ask, ExchangeError } from "./exchange.ts";
import { resolvConf } from "./systemfiles.ts";

/**
 * The first conclusive response: NOERROR, with or without answers, or NXDOMAIN. Undefined if no
 * server gives one, or when the signal ends.
 */
export type Resolve = (
  name: Name,
  type: number,
  signal?: AbortSignal,
) => Promise<Message | undefined>;

export interface ResolverOptions {
  readonly clock: Clock;
  /** By default those of this host, looked up for each query. */
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
 * Addresses of one family at which a host is tried: each costs a socket and time, and an answer may hold
 * thousands.
 */
export const MAX_ADDRESSES = 8;

/** The host's addresses, IPv6 first (RFC 6724 §2.1); empty if none is found. */
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

/**
 * The servers in resolv.conf at this moment, in order of preference. Node's own list, used where there is no
 * such file, lacks the interfaces of link-local addresses, at which routers offer themselves (RFC 8106 §5.1).
 */
export function systemServers(file = resolvConf()): Endpoint[] {
  const listed = Array.from(file.matchAll(/^nameserver[ \t]+(\S+)/gm), ([, text]) => text!);
  const servers = endpointsIn(listed);
  return servers.length > 0 ? servers : endpointsIn(new Resolver().getServers());
}

function endpointsIn(texts: readonly string[]): Endpoint[] {
  return texts.flatMap((text) => parseEndpoint(text, DNS_PORT) ?? []);
}

/** Milliseconds; a host's own servers are near. */
const TIMEOUT = 2000;
