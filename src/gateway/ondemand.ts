/** Questions that are passed on to a site's link, before the zone itself answers. */
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
 * No link is asked whose zone is copied or signed, for a copy would lack what is learnt, nor any link of a
 * collector that publishes elsewhere.
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

/** Why links are not asked that are configured to be; undefined where they are, or none is configured so. */
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
 * Invariant: a question that the zone cannot answer and a link may is never answered synchronously, even
 * where nothing is waited for, so that its answer never becomes a ready one (see `ready.ts`).
 */
export function asksOnDemand(
  demand: OnDemand,
  origin: Name,
  /** Of all zones served: names in a zone beneath are answered from its file. */
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
