/** Questions that a site's link is to be asked, in front of the zone's own answers. */
import { OnDemand, type OnDemandOptions } from "../collector/ondemand.ts";
import type { Config } from "../config.ts";
import { Class } from "../dns/constants.ts";
import type { Message, Question } from "../dns/message.ts";
import type { Name } from "../dns/name.ts";
import { Catalog } from "../dnsserver/catalog.ts";
import { networkOf } from "../dnsserver/limits.ts";
import { queryHandler } from "../dnsserver/query.ts";
import type { Log } from "../log.ts";
import type { Layer, Request } from "../net/server/handler.ts";

export interface AskedOptions extends Omit<OnDemandOptions, "sites"> {
  readonly config: Config;
  readonly log: Log;
}

/**
 * Where links are to be asked: not those whose zone is copied or signed, for a copy would not have
 * what is learnt, and not those of a collector that publishes elsewhere.
 */
export function openOnDemand({ config, log, ...options }: AskedOptions): OnDemand | undefined {
  const { links = [], zone } = config;
  const asked = links.filter((link) => link.onDemand);
  const sites = asked.flatMap((link) => zone.child(link.site ?? link.interface) ?? []);
  if (sites.length === 0) return undefined;
  const reason = whyNotAsked(config);
  if (reason === undefined) return new OnDemand({ ...options, sites });
  log.warn({ sites: sites.map(String) }, reason);
  return undefined;
}

/** Why links that want to be asked are not; undefined where they are, or none wants to be. */
export function whyNotAsked(config: Config): string | undefined {
  const { links = [], publish, transfer, catalog, dnssec } = config;
  if (!links.some((link) => link.onDemand)) return undefined;
  const reasons: readonly (readonly [field: string, isSet: boolean, what: string])[] = [
    ["transfer.allow", transfer.allow.length > 0, "the zone is copied"],
    ["transfer.notify", transfer.notify.length > 0, "the zone is copied"],
    ["catalog", catalog !== undefined, "the zone is copied"],
    ["dnssec", dnssec !== undefined, "the zone is signed"],
    ["publish", publish !== undefined, "what is heard is published elsewhere"],
  ];
  const reason = reasons.find(([, isSet]) => isSet);
  return reason && `no link is asked on demand: ${reason[2]} (${reason[0]})`;
}

/**
 * Invariant: what the zone has no answer to and a link may have is never answered without waiting,
 * even where nothing is waited for, so that it is never ready (see `ready.ts`).
 */
export function asksOnDemand(
  demand: OnDemand,
  origin: Name,
  /** Of all zones served: what lies in one beneath, its file answers. */
  origins: readonly Name[] = [],
): Layer {
  const beneath = origins.filter((each) => each.isUnder(origin) && !each.equals(origin));
  const isElsewhere = ({ name }: Question) => beneath.some((each) => name.isUnder(each));
  async function later(question: Question, request: Request): Promise<readonly Message[]> {
    const client = `network ${networkOf(request.source.address)}`;
    const answer = await demand.answer(question, client, request.signal);
    return queryHandler(new Catalog([{ origin, answer: () => answer }]))(request);
  }
  return (next) => (request) => {
    const [question, ...more] = request.message.questions;
    const isOne = question?.class === Class.IN && more.length === 0;
    const isAsked = isOne && !isElsewhere(question) && demand.covers(question);
    return isAsked ? later(question, request) : next(request);
  };
}
