/**
 * The gateway of this configuration answers others, and not this host by the address it asks from:
 * nothing need be wrong with it. Of other servers it is not known what they mean by a refusal.
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

/** What to say of an answer of this server; undefined where it is no such refusal. */
export type Refusal = (
  answer: Message | ExchangeError,
  server: Endpoint,
) => Promise<Omit<Finding, "place"> | undefined>;

export interface RefusalOptions {
  readonly config: Config;
  readonly networks: HostNetworks;
  /** By which address of its own this host asks a server. */
  readonly sourceAddress: (server: Endpoint) => Promise<string | undefined>;
}

export function refusals({ config, networks, sourceAddress }: RefusalOptions): Refusal {
  const { listen, views } = config;
  const access = new Access(config, networks, () => false);
  const isServedHere = ({ address, port }: Endpoint) =>
    networks.isOwn(address) && listen?.dns.some((each) => each.port === port);
  /** Why it has no answer for who asks from there (`openViews`). */
  const reasonFor = (source: string): string | undefined => {
    if (access.isReader(source)) return undefined;
    if (!access.mayAsk(source)) return "query.allow does not name it";
    const isShown = views.some((view) => new Networks(view.networks).includes(source));
    return views.length > 0 && !isShown ? "no view is for it (views)" : undefined;
  };
  return async (answer, server) => {
    if (!isProhibited(answer) || !isServedHere(server)) return undefined;
    const source = await sourceAddress(server);
    const reason = source && reasonFor(source);
    if (reason === undefined) return undefined;
    return {
      verdict: "odd",
      fact: `refuses this host by the address it asks from, ${source}: ${reason}; clients elsewhere may be fine`,
      remedy: ["What clients get there can be looked at from here once this address may ask, too."],
    };
  };
}
