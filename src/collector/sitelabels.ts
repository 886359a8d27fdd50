/**
 * Decides which site a link is at if the configuration does not say: the one that the network's own names
 * lead to (RFC 6763 §11, asked for at the base addresses of its subnets), or else one named after the
 * network's address in hexadecimal (draft-pusateri-dnssd-update-proxy-01, "Subdomain Naming"). So all
 * collectors of a link arrive at the same label without knowing of one another.
 *
 * An inconclusive look moves no link: when nobody can be asked, or addresses are still arriving.
 *
 * Invariant: until a look says otherwise, a link stays where it was, and so does one of the same name that
 * returns in one of its networks. One that returns in none of them is not opened before it has a site.
 */
import { AgedMap } from "../agedmap.ts";
import type { Clock } from "../clock.ts";
import { hexOf, reverseName } from "../dns/address.ts";
import { Type } from "../dns/constants.ts";
import type { Message } from "../dns/message.ts";
import type { Name } from "../dns/name.ts";
import { targetOf } from "../dns/rdata.ts";
import { type Enumeration, enumerationName } from "../dns/service.ts";
import type { Log } from "../log.ts";
import type { Resolve } from "../net/client/resolver.ts";
import type { Link, LinkWatch } from "../net/links/link.ts";
import { isOn, type Subnet, subnetsOf } from "./subnets.ts";

export interface SiteLabelsOptions {
  readonly zone: Name;
  readonly resolve: Resolve;
  readonly clock: Clock;
  readonly log: Log;
  /** The configured label, if any. */
  readonly given: (link: Link) => string | undefined;
  /** Called when the label of a link has changed. */
  readonly moved: () => void;
}

/** Where a link is, and its networks when that was found. */
interface Place {
  readonly label: string;
  readonly networks: readonly Subnet[];
}

/** What a look found. */
interface Look {
  readonly networks: readonly Subnet[];
  /** True if the link's addresses have changed since the last look. */
  readonly areNew: boolean;
  /** The sites that the network names, best first; undefined if nobody can be asked. */
  readonly named: readonly string[] | undefined;
}

export class SiteLabels {
  readonly #options: SiteLabelsOptions;
  readonly #places = new Map<Link, Place>();
  /** Where links were when they went, by link name. */
  readonly #left = new AgedMap<string, Place>();

  constructor(options: SiteLabelsOptions) {
    this.#options = options;
  }

  /** The same links, each opened once it is known where it is. */
  follow(links: LinkWatch): LinkWatch {
    return {
      follow: (open, signal) =>
        links.follow((link, gone) => {
          const label = this.#options.given(link);
          if (label === undefined) this.#discover(link, gone, () => open(link, gone));
          else open(link, gone);
        }, signal),
    };
  }

  /** The label of a link that was opened. */
  readonly of = (link: Link): string => {
    return this.#options.given(link) ?? this.#places.get(link)?.label ?? link.name;
  };

  #discover(link: Link, gone: AbortSignal, open: () => void): void {
    const { clock } = this.#options;
    let cancel = () => {};
    let due = 0;
    let seen: Link["addresses"] | undefined;
    const look = async () => {
      const areNew = seen !== link.addresses;
      seen = link.addresses;
      const networks = subnetsOf(seen);
      const named = await this.#ask(networks, gone);
      if (gone.aborted) return;
      const wait = this.#settle(link, { networks, areNew, named }, open) ? PERIOD : SOON;
      due = clock.now() + wait * (1 + (clock.random() - 0.5) * JITTER);
      rest();
    };
    // No link reports that its addresses have changed.
    const rest = () => {
      cancel = clock.at(Math.min(due, clock.now() + BEAT), () => {
        if (clock.now() < due && link.addresses === seen) rest();
        else void look();
      });
    };
    const close = () => {
      cancel();
      this.#leave(link);
    };
    gone.addEventListener("abort", close, { once: true });
    void look();
  }

  /** Puts the link at its site. False if the look was inconclusive. */
  #settle(link: Link, { networks, areNew, named }: Look, open: () => void): boolean {
    const { log, moved } = this.#options;
    const here = this.#places.get(link);
    const known = here ?? this.#left.get(link.name);
    // SLAAC addresses arrive before DHCP ones. Once the addresses stop changing, they are complete.
    const areComing = areNew && known !== undefined && lacksFamily(networks, known);
    const [label] = named ?? [];
    const own = areComing ? undefined : calledAfter(networks);
    const told = label !== undefined ? { label, networks } : named && own;
    const before = here ?? (known && isBack(networks, known) ? known : undefined);
    const place = told ?? before ?? own;
    if (place === undefined) return false;
    this.#places.set(link, place);
    if (place.label !== here?.label) {
      const fact = label !== undefined ? NAMED : place === before ? AS_BEFORE : CALLED;
      log.info({ link: link.name, site: place.label }, fact);
      if (here === undefined) open();
      else moved();
    }
    return told !== undefined;
  }

  #leave(link: Link): void {
    const place = this.#places.get(link);
    if (place === undefined) return;
    this.#places.delete(link);
    this.#left.delete(link.name);
    this.#left.set(link.name, place);
    if (this.#left.size > CAPACITY) this.#left.delete(this.#left.oldest!.key);
  }

  /** The sites that the first name with any leads to; undefined if nobody can be asked. */
  async #ask(
    networks: readonly Subnet[],
    gone: AbortSignal,
  ): Promise<readonly string[] | undefined> {
    const { zone, resolve } = this.#options;
    for (const { base } of networks) {
      for (const kind of KINDS) {
        const name = enumerationName(kind, reverseName(base))!;
        const answer = await resolve(name, Type.PTR, gone);
        if (answer === undefined) return undefined;
        const labels = labelsIn(answer, zone);
        if (labels.length > 0) return labels;
      }
    }
    return [];
  }
}

/** "cb007100" for 203.0.113.0/24; undefined if there is no network yet. */
function calledAfter(networks: readonly Subnet[]): Place | undefined {
  const [first] = networks;
  return first && { label: hexOf(first.base), networks };
}

/** True if it had addresses of a family in which it has none now. */
function lacksFamily(networks: readonly Subnet[], known: Place): boolean {
  const lengths = new Set(networks.map(({ base }) => base.length));
  return known.networks.some(({ base }) => !lengths.has(base.length));
}

function isBack(networks: readonly Subnet[], known: Place): boolean {
  return networks.some(({ base }) => isOn(known.networks, base));
}

/** The labels of the zone's sites that the answer names, in an order that is the same for everybody. */
function labelsIn({ answers }: Message, zone: Name): string[] {
  const sites = answers
    .filter(({ type }) => type === Type.PTR)
    .map(({ rdata }) => targetOf(rdata))
    .filter((target) => target?.parent?.equals(zone) === true);
  return sites
    .map((site) => Buffer.from(site!.labels[0]!).toString())
    .filter(isPlace)
    .sort();
}

/** True for text that is neither a wildcard nor a service label. */
function isPlace(label: string): boolean {
  return !label.startsWith("_") && label !== "*" && !label.includes("\ufffd");
}

/** In this order: whoever sends updates looks first where to register, then where to browse. */
const KINDS: readonly Enumeration[] = ["dr", "r", "db", "b", "lb"];
/** Milliseconds between looks, on average; not all links look at the same time. */
const PERIOD = 5 * 60_000;
/** After an inconclusive look. */
const SOON = 10_000;
const JITTER = 0.2;
/** Milliseconds between checks of the addresses, for which nobody is asked. */
const BEAT = 1000;
/** Places of links that are away: virtual links get a new name each time. */
const CAPACITY = 1000;

const NAMED = "the site of the link is known from DNS";
const AS_BEFORE = "the site of the link is not known from DNS: it keeps its previous site";
const CALLED = "the site of the link is not known from DNS: it is named after its network";
