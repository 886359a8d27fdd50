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
import type { Link, LinkWatch } from "../net/link.ts";
import type { Resolve } from "../net/resolver.ts";
import { subnetsOf } from "./subnets.ts";

export interface SiteLabelsOptions {
  readonly zone: Name;
  readonly resolve: Resolve;
  readonly clock: Clock;
  readonly log: Log;
  /** The configured label, where there is one. */
  readonly given: (link: Link) => string | undefined;
  /** Called when the label of a link is another one. */
  readonly moved: () => void;
}

export class SiteLabels {
  readonly #options: SiteLabelsOptions;
  readonly #labels = new Map<Link, string>();

  constructor(options: SiteLabelsOptions) {
    this.#options = options;
  }

  /** The same links, each from the moment that it is known where it is. */
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

  /** Of a link that was opened. */
  readonly of = (link: Link): string => {
    return this.#options.given(link) ?? this.#labels.get(link) ?? link.name;
  };

  #discover(link: Link, gone: AbortSignal, open: () => void): void {
    const { clock, log, moved } = this.#options;
    let cancel = () => {};
    const look = async () => {
      const found = await this.#find(link, gone);
      if (gone.aborted) return;
      const before = this.#labels.get(link);
      const label = found ?? before ?? networkLabel(link);
      const wait = found === undefined ? SOON : PERIOD;
      cancel = clock.at(clock.now() + wait * (1 + (clock.random() - 0.5) * JITTER), look);
      if (label === undefined || label === before) return;
      this.#labels.set(link, label);
      log.info({ link: link.name, site: label }, "the network says at which site the link is");
      if (before === undefined) open();
      else moved();
    };
    const close = () => {
      cancel();
      this.#labels.delete(link);
    };
    gone.addEventListener("abort", close, { once: true });
    void look();
  }

  /** Undefined where nobody can be asked, or the link is in no network yet. */
  async #find(link: Link, gone: AbortSignal): Promise<string | undefined> {
    const { zone, resolve } = this.#options;
    for (const { base } of subnetsOf(link.addresses)) {
      for (const kind of KINDS) {
        const name = enumerationName(kind, reverseName(base))!;
        const answer = await resolve(name, Type.PTR, gone);
        if (answer === undefined) return undefined;
        const [label] = labelsIn(answer, zone);
        if (label !== undefined) return label;
      }
    }
    return networkLabel(link);
  }
}

/** Those of the sites of the zone that are named, in an order that is everybody's. */
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

/** Text, no wildcard and no service. */
function isPlace(label: string): boolean {
  return !label.startsWith("_") && label !== "*" && !label.includes("\ufffd");
}

/** "cb007100" for 203.0.113.0/24. */
function networkLabel(link: Link): string | undefined {
  const [subnet] = subnetsOf(link.addresses);
  return subnet && hexOf(subnet.base);
}

/** Who updates looks where to register first, then where to browse. */
const KINDS: readonly Enumeration[] = ["dr", "r", "db", "b", "lb"];
/** Milliseconds from one look to the next, about; not all links look at the same time. */
const PERIOD = 5 * 60_000;
/** While there is no network, or nobody to ask. */
const SOON = 10_000;
const JITTER = 0.2;
