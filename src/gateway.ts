/**
 * The composition root: makes the parts, connects them, hands each its lifetime, and does nothing
 * else. Data flows one way: links → collector → zone → authority → handler → listeners.
 */
import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { Clock } from "./clock.ts";
import { Collector, type CollectorOptions } from "./collector/collector.ts";
import { enumerationRecords } from "./collector/enumeration.ts";
import type { OnDemand } from "./collector/ondemand.ts";
import { reverseRecords } from "./collector/reverse.ts";
import type { Listening } from "./config/listening.ts";
import type { Config } from "./config.ts";
import { Opcode } from "./dns/constants.ts";
import { COOKIE_SECRET_LENGTH } from "./dns/cookie.ts";
import type { Name } from "./dns/name.ts";
import { Complaints } from "./dnsserver/complaints.ts";
import { cookies, rollingSecrets } from "./dnsserver/cookies.ts";
import { keepalive } from "./dnsserver/keepalive.ts";
import { byOpcode, edns, layered } from "./dnsserver/layers.ts";
import { Limits, limited } from "./dnsserver/limits.ts";
import { notifyHandler } from "./dnsserver/notify.ts";
import { Tally } from "./dnsserver/tally.ts";
import { transfers } from "./dnsserver/transfer.ts";
import { tsig } from "./dnsserver/tsig.ts";
import { updateHandler } from "./dnsserver/update.ts";
import { ReadyViews, viewed } from "./dnsserver/views.ts";
import { Access } from "./gateway/access.ts";
import { hide } from "./gateway/hiding.ts";
import { openLinks } from "./gateway/links.ts";
import { notifyAll } from "./gateway/notifying.ts";
import { asksOnDemand, openOnDemand } from "./gateway/ondemand.ts";
import { farZones, nearZones } from "./gateway/publishing.ts";
import { openPush } from "./gateway/pushing.ts";
import { registering } from "./gateway/registering.ts";
import { openSecureListeners } from "./gateway/securelisteners.ts";
import { openViews, type Views } from "./gateway/views.ts";
import { openWeb, type Served } from "./gateway/web.ts";
import { openZones, type ServedZones } from "./gateway/zones.ts";
import type { Log } from "./log.ts";
import { resolver } from "./net/client/resolver.ts";
import { hostNetworks } from "./net/links/interfaces.ts";
import type { LinkWatch } from "./net/links/link.ts";
import type { Handler, Ready } from "./net/server/handler.ts";
import { Places } from "./net/server/places.ts";
import { listenTcp } from "./net/server/stream.ts";
import { listenUdp, type UdpListener } from "./net/server/udp.ts";
import { SigningAuthority } from "./zone/dnssec/signing.ts";
import { ZoneAuthority } from "./zone/lookup/authority.ts";

export interface GatewayOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Ends everything. */
  readonly signal: AbortSignal;
  /** Where to listen for multicast; the host's interfaces if not given. */
  readonly links?: LinkWatch;
  /** Is passed the function to call when files are to be reread, if there are such files. */
  readonly onReload?: (reload: () => void) => void;
}

export interface Gateway {
  /** Resolves when all sockets are closed and all updates are on disk; rejects then if a part failed. */
  readonly closed: Promise<void>;
}

/** Opens what the configuration names. Throws ConfigError or ListenError, having closed everything again. */
export async function openGateway(config: Config, options: GatewayOptions): Promise<Gateway> {
  const { clock, log } = options;
  // Ends the open parts when another cannot be opened, or fails.
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  // Every listener and every link adds a listener to it; so many are no leak.
  setMaxListeners(0, signal);
  // The zones end after everything that writes into them.
  const written = new AbortController();
  const { listen } = config;
  const zones = listen && (await openZones(config, { ...options, signal: written.signal }));
  let collector: Collector | undefined;
  const siteAt = (domain: Name) => collector?.siteAt(domain);
  const onDemand = zones && openOnDemand({ config, zone: zones.dynamic[0]!, siteAt, clock, log });
  const closed: Promise<unknown>[] = [];
  let served: Served | undefined;
  const close = async () => {
    await Promise.allSettled(closed);
    written.abort();
    await zones?.closed;
  };
  const fail = async (error: unknown): Promise<never> => {
    failed.abort();
    await close();
    throw error;
  };
  try {
    if (listen !== undefined && zones !== undefined) {
      await hide(zones.dynamic, config.policy, clock);
      const reconfirm: Collector["reconfirm"] = (record) => collector?.reconfirm(record);
      const opening = { ...options, signal, listen, onDemand, reconfirm };
      served = await openListeners(config, zones, { ...opening, closed });
      const resolve = resolver({ clock });
      closed.push(notifyAll({ config, zones, resolve, clock, log }, signal));
    }
    const opened = openCollector(config, zones, { ...options, changed: () => onDemand?.look() });
    collector = opened.collector;
    if (config.web !== undefined) {
      const access = new Access(config, hostNetworks(clock), () => false);
      const web = { config, served, access, collector, clock, log, signal };
      closed.push((await openWeb(config.web, web)).closed);
    }
    closed.push(opened.run(signal));
  } catch (error) {
    return fail(error);
  }
  if (onDemand !== undefined) closed.push(onDemand.run(signal));
  return { closed: Promise.all(closed).then(close, fail) };
}

interface ServingOptions extends GatewayOptions {
  readonly listen: Listening;
  readonly onDemand: OnDemand | undefined;
  readonly reconfirm: Collector["reconfirm"];
  /** Collects the end of each open part. */
  readonly closed: Promise<unknown>[];
}

/** Opens the servers of these zones. */
async function openListeners(
  config: Config,
  zones: ServedZones,
  options: ServingOptions,
): Promise<Served> {
  const { clock, log, signal, onReload, listen, closed } = options;
  const { handler, ready, views, tally } = makeHandler(config, zones, options);
  const pushing = listen.push && openPush({ ...options, views });
  if (pushing !== undefined) closed.push(pushing.push.run(zones.all, signal));
  const places = new Places();
  const udp: UdpListener[] = [];
  for (const endpoint of listen.dns) {
    const shared = { endpoint, handler, clock, log, signal };
    const listener = await listenUdp({ ...shared, ready });
    udp.push(listener);
    closed.push(listener.closed, (await listenTcp({ ...shared, places })).closed);
  }
  const { openSession, push } = pushing ?? {};
  const secure = { handler, openSession, clock, log, signal, places, onReload };
  for await (const listener of openSecureListeners(listen, secure)) closed.push(listener.closed);
  return { zones, views, tally, udp, push };
}

/** The handler of requests with all its layers, and the ready answers that are tried before these. */
export function makeHandler(
  config: Config,
  zones: ServedZones,
  { clock, log, onDemand }: Pick<ServingOptions, "clock" | "log" | "onDemand">,
): { handler: Handler; ready: Ready; views: Views; tally: Tally } {
  const find = (origin: Name) => zones.all.find((each) => each.origin.equals(origin));
  // For strangers the catalog does not exist (RFC 9432 §7), whatever they ask.
  const findOpen = (origin: Name) => {
    const zone = find(origin);
    return zone === zones.catalog ? undefined : zone;
  };
  const { keysOf, isSigned } = zones;
  const origins = zones.all.map(({ origin }) => origin);
  const access = new Access(config, hostNetworks(clock), isSigned);
  const views = openViews({
    ...{ config, zones, access, clock, log },
    onDemand: onDemand && asksOnDemand(onDemand, config.zone, origins),
    authorityOf: (zone) => {
      const inner = new ZoneAuthority(zone);
      const own = keysOf(zone.origin);
      return own === undefined ? inner : new SigningAuthority({ inner, keys: own, clock });
    },
  });
  const { limit: responses, slip, cookieSecret } = config.query;
  const limits = responses > 0 ? new Limits({ responses, slip, clock }) : undefined;
  const secrets =
    cookieSecret === undefined
      ? rollingSecrets(() => randomBytes(COOKIE_SECRET_LENGTH), clock)
      : () => cookieSecret;
  const complaints = new Complaints(clock, log);
  const tally = new Tally();
  const updates = updateHandler({ find: findOpen, principalOf: access.principalOf, complaints });
  const [zone, ...reverse] = zones.dynamic;
  const registrations = registering({ config, zone: zone!, reverse, complaints, clock });
  const handler = layered(
    [
      ...(config.web ? [tally.layer] : []),
      tsig({ keys: config.keys, clock, complaints, signedBefore: zones.signedBefore }),
      edns,
      keepalive,
      cookies({
        ...{ secrets, clock },
        limit:
          limits && limited({ limits, networkOf: (address) => views.clientOf(address).network }),
      }),
      transfers({ find, isAllowed: access.mayTransfer, clock, log }),
    ],
    byOpcode({
      [Opcode.QUERY]: viewed(views.handlerOf),
      [Opcode.UPDATE]: registrations?.(updates) ?? updates,
      [Opcode.NOTIFY]: notifyHandler({
        isServed: (name) => findOpen(name) !== undefined,
        clock,
        log,
      }),
    }),
  );
  const ready = new ReadyViews({ clientOf: views.clientOf, limits });
  return { handler, ready, views, tally };
}

/** Runs until its signal ends. */
function openCollector(
  config: Config,
  zones: ServedZones | undefined,
  options: GatewayOptions & Required<Pick<CollectorOptions, "changed">>,
) {
  const { clock, log, changed } = options;
  const { zone, publish, enumerate: browsed, reverse } = config;
  const resolve = resolver({ clock });
  const far = publish && farZones({ config, publish, resolve, clock });
  const { links, siteOf } = openLinks(config, {
    ...{ resolve, clock, log, zone, links: options.links },
    moved: () => collector.relabel(),
  });
  const collector = new Collector({
    ...{ clock, log, zone, browsed, changed, links, siteOf },
    sites: config.links?.flatMap(({ site }) => site ?? []) ?? [],
    policy: config.policy,
    subtypes: config.subtypes,
    grace: config.grace * 1000,
    refresh: config.refresh,
    zones: far?.zones ?? nearZones(zones!.dynamic),
    extra: (places, sets) => {
      const sites = new Map(places.map(({ site }) => [site.key, site]));
      return [
        ...enumerationRecords({ zone, browsed, sites: [...sites.values()] }),
        ...reverseRecords({ zone, browsed, reverse, places, sets }),
      ];
    },
  });
  const run = (signal: AbortSignal) => collector.run(signal).finally(() => far?.close());
  return { collector, run };
}
