/**
 * Recognises that the gateway of this configuration refuses this host by the address it asks from, and may
 * answer others: nothing need be wrong with it. What other servers mean by a refusal is not known.
 */
import type { Config } from "../../config.ts";
import type { Endpoint } from "../../dns/endpoint.ts";
import type { Message } from "../../dns/message.ts";
import { Access } from "../../gateway/access.ts";
import type { ExchangeError } from "../../net/client/exchange.ts";
import type { HostNetworks } from "../../net/links/interfaces.ts";
import { Networks } from "../../net/networks.ts";
import { isProhibited } from "./asking.ts";
import type { Finding } from "./finding.ts";

/** What to report of such a refusal; undefined where the answer is none. */
export type Refusal = (
  answer: Message | ExchangeError,
  server: Endpoint,
) => Promise<Omit<Finding, "place"> | undefined>;

export interface RefusalOptions {
  readonly config: Config;
  readonly networks: HostNetworks;
  /** The address from which this host asks a server. */
  readonly sourceAddress: (server: Endpoint) => Promise<string | undefined>;
}

export function refusals({ config, networks, sourceAddress }: RefusalOptions): Refusal {
  const { listen, views } = config;
  const access = new Access(config, networks, () => false);
  const isServedHere = ({ address, port }: Endpoint) =>
    networks.isOwn(address) && listen?.dns.some((each) => each.port === port);
  /** Why the gateway does not answer at this address (see `openViews`). */
  const reasonFor = (source: string): string | undefined => {
    if (access.isReader(source)) return undefined;
    if (!access.mayAsk(source)) return "query.allow does not name it";
    const isShown = views.some((view) => new Networks(view.networks).includes(source));
    return views.length > 0 && !isShown ? "no view includes it (views)" : undefined;
  };
  return async (answer, server) => {
    if (!isProhibited(answer) || !isServedHere(server)) return undefined;
    const source = await sourceAddress(server);
    const reason = source && reasonFor(source);
    if (reason === undefined) return undefined;
    return {
      verdict: "odd",
      fact: `refuses this host by the address it asks from, ${source}: ${reason}; clients elsewhere may be fine`,
      remedy: ["What clients get there can be examined from here once this address may ask, too."],
    };
  };
}
