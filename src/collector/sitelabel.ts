/**
 * Which site a link is at, where the configuration does not say: the one that the network's own
 * names lead to (RFC 6763 §11, asked for at the base address of its subnets), else one called after
 * the network's address in hexadecimal (draft-pusateri-dnssd-update-proxy-01, "Subdomain Naming").
 * So all collectors of a link come to the same label without knowing of one another.
 *
 * Invariant: when nobody can be asked, a link stays where it is.
 */
import type { Clock } from "../clock.ts";
import { hexOf, reverseName } from "../dns/address.ts";
import { Type } from "../dns/constants.ts";
import type { Message } from "../dns/message.ts";
import type { Name } from "../dns/name.ts";
import { targetOf } from "../dns/rdata.ts";
import { type Enumeration, enumerationName } from "../dns/service.ts";
import type { Log } from "../log.ts";
import type { Link } from "../net/link.ts";
import type { Resolve } from "../net/resolver.ts";
import { isReserved } from "./publishable.ts";
import { subnetsOf } from "./subnets.ts";

/**
 * Calls `receive` with the domain of the link's site as soon as it is known, and again when it is
 * another one, until `gone` ends.
 */
export type FollowSite = (link: Link, receive: (site: Name) => void, gone: AbortSignal) => void;

export interface DiscoveredSitesOptions {
  readonly zone: Name;
  readonly resolve: Resolve;
  readonly clock: Clock;
  readonly log: Log;
}

/** As the network says. */
export function discoveredSites(options: DiscoveredSitesOptions): FollowSite {
  const { clock, log } = options;
  return (link, receive, gone) => {
    let site: Name | undefined;
    let cancel = () => {};
    const look = async () => {
      const found = await discover(link, options, gone);
      if (gone.aborted) return;
      const next = found === "unanswered" ? (site ?? networkSite(link, options.zone)) : found;
      const wait = next === undefined || found === "unanswered" ? SOON : PERIOD;
      cancel = clock.at(clock.now() + wait * (1 + (clock.random() - 0.5) * JITTER), look);
      if (next === undefined || site?.equals(next) === true) return;
      log.info(
        { link: link.name, site: next },
        site === undefined ? "link is at" : "link moves to",
      );
      site = next;
      receive(next);
    };
    gone.addEventListener("abort", () => cancel(), { once: true });
    void look();
  };
}

/** The first answer that is a site of the zone; undefined while the link is in no network. */
async function discover(
  link: Link,
  { zone, resolve }: DiscoveredSitesOptions,
  gone: AbortSignal,
): Promise<Name | undefined | "unanswered"> {
  for (const { base } of subnetsOf(link.addresses)) {
    for (const kind of KINDS) {
      const name = enumerationName(kind, reverseName(base))!;
      const answer = await resolve(name, Type.PTR, gone);
      if (answer === undefined) return "unanswered";
      const [site] = sitesIn(answer, zone);
      if (site !== undefined) return site;
    }
  }
  return networkSite(link, zone);
}

/** In an order that is everybody's. */
function sitesIn({ answers }: Message, zone: Name): Name[] {
  return answers
    .flatMap(({ type, rdata }) => (type === Type.PTR ? (targetOf(rdata) ?? []) : []))
    .filter((target) => target.parent?.equals(zone) === true && isPlace(target))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** No wildcard and no service. */
function isPlace(site: Name): boolean {
  return !isReserved(site) && site.labels[0]![0] !== UNDERSCORE;
}

/** "cb007100" for 203.0.113.0/24. */
function networkSite(link: Link, zone: Name): Name | undefined {
  const [subnet] = subnetsOf(link.addresses);
  return subnet && zone.child(hexOf(subnet.base));
}

/** Who updates looks where to register first, then where to browse. */
const KINDS: readonly Enumeration[] = ["dr", "r", "db", "b", "lb"];
/** Milliseconds from one look to the next, about; the links of a host do not all look at once. */
const PERIOD = 5 * 60_000;
/** While there is no network, or nobody to ask. */
const SOON = 10_000;
const JITTER = 0.2;
const UNDERSCORE = 0x5f;
