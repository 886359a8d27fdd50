/** What each client sees of the zones served here: the views of the configuration. */
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { Question } from "../dns/message.ts";
import { Catalog } from "../dnsserver/catalog.ts";
import { identified } from "../dnsserver/identity.ts";
import { layered } from "../dnsserver/layers.ts";
import { networkOf } from "../dnsserver/limits.ts";
import { queryHandler } from "../dnsserver/query.ts";
import { type FollowedZone, MAX_ENTRIES, MAX_OCTETS, ReadyAnswers } from "../dnsserver/ready.ts";
import { Sources } from "../dnsserver/sources.ts";
import type { Client, View } from "../dnsserver/views.ts";
import type { Log } from "../log.ts";
import { LOOPBACK, Networks } from "../net/networks.ts";
import type { Handler, Layer, Request } from "../net/server/handler.ts";
import type { Authority } from "../zone/lookup/authority.ts";
import { ZoneView } from "../zone/lookup/zoneview.ts";
import type { Access } from "./access.ts";
import type { ServedZones } from "./zones.ts";

export interface ViewsOptions {
  readonly config: Config;
  readonly zones: ServedZones;
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Log;
  /** In front of the answers to those who see everything. */
  readonly onDemand?: Layer | undefined;
  /** Makes what answers from a zone, or from a view of it. */
  readonly authorityOf: (zone: FollowedZone) => Authority;
}

export interface Views {
  readonly clientOf: (address: string) => Client;
  /** For those who see everything. */
  readonly whole: View;
  /** The handler of a QUERY; undefined where nobody answers it. */
  readonly handlerOf: (request: Request) => Handler | undefined;
}

export function openViews(options: ViewsOptions): Views {
  const { config, zones, access, clock, log, authorityOf, onDemand } = options;
  const { views, zone, query, identity } = config;
  if (views.length === 0 && query.allow.some((who) => "length" in who && who.length === 0)) {
    log.warn(
      { allow: "any" },
      "everybody may ask, even for private addresses; views can hide them",
    );
  }
  const share = 1 + views.length;
  const handlerOf = (catalog: Catalog, layers: readonly Layer[] = []) =>
    layered([identified(identity), ...layers], queryHandler(catalog));
  const { catalog } = zones;
  // Only for those who may copy it (RFC 9432 §7); for others it does not exist.
  const listing = catalog && authorityOf(catalog);
  const make = (all: readonly FollowedZone[], layers?: readonly Layer[]): View => {
    const authorities = all.map(authorityOf);
    return {
      zones: all,
      handler: handlerOf(new Catalog(authorities), layers),
      ready: new ReadyAnswers({
        // Within the listing the answer depends on who asks, so none is ready.
        catalog: new Catalog(listing ? [...authorities, listing] : authorities),
        zones: all,
        maxEntries: Math.ceil(MAX_ENTRIES / share),
        maxOctets: Math.ceil(MAX_OCTETS / share),
      }),
    };
  };
  const open = zones.all.filter((each) => each !== catalog);
  const whole = make(open, onDemand && [onDemand]);
  const listingHandler = listing && handlerOf(new Catalog([listing]));
  const asksListing = (request: Request): boolean => {
    const isWithin = ({ name }: Question) => listing !== undefined && name.isUnder(listing.origin);
    return request.message.questions.some(isWithin) && access.mayTransfer(request, listing!.origin);
  };
  const parts = views.map(({ networks, sites, addresses }) => {
    const shown = addresses && new Networks(addresses);
    const isAddressShown = shown && ((address: string) => shown.includes(address));
    const seen = open.map((each) => new ZoneView(each, { zone, sites, isAddressShown }));
    return { networks: new Networks(networks), view: make(seen) };
  });
  const seenFrom = (address: string): View | undefined => {
    if (access.isReader(address)) return whole;
    if (!access.mayAsk(address)) return undefined;
    if (parts.length === 0) return whole;
    return parts.find(({ networks }) => networks.includes(address))?.view;
  };
  const unlimited = new Networks([...LOOPBACK, ...query.unlimited]);
  const judge = (address: string): Client => ({
    view: seenFrom(address),
    network: unlimited.includes(address) ? undefined : networkOf(address),
  });
  const sources = new Sources({ judge, clock });
  const clientOf = (address: string) => sources.of(address);
  return {
    clientOf,
    whole,
    handlerOf: (request) => {
      if (asksListing(request)) return listingHandler;
      const view = access.seesAll(request) ? whole : clientOf(request.source.address).view;
      return view?.handler;
    },
  };
}
