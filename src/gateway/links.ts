/** The links of this host and the site of each, as configured, or as the network itself tells. */
import type { Clock } from "../clock.ts";
import { SiteLabels } from "../collector/sitelabels.ts";
import type { Config } from "../config.ts";
import type { Name } from "../dns/name.ts";
import type { Log } from "../log.ts";
import type { Resolve } from "../net/client/resolver.ts";
import type { Link, LinkWatch } from "../net/links/link.ts";
import { multicastLinks } from "../net/links/multicast.ts";

export interface LinksOptions {
  readonly zone: Name;
  readonly clock: Clock;
  readonly log: Log;
  readonly resolve: Resolve;
  /** The host's, as configured, if not given. */
  readonly links?: LinkWatch | undefined;
  /** Called when the site of a link has changed. */
  readonly moved: () => void;
}

/** Passes on each link once its site is known. */
export function openLinks(
  { links, publish }: Config,
  options: LinksOptions,
): { readonly links: LinkWatch; readonly siteOf: (link: Link) => string } {
  const configured = ({ name }: Link) => links?.find((each) => each.interface === name)?.site;
  const labels = new SiteLabels({
    ...options,
    // Here no two links have the same name; where others publish, their hosts have an eth0 as well.
    given: (link) => configured(link) ?? (publish === undefined ? link.name : undefined),
  });
  const interfaces = links?.map((link) => link.interface);
  const watch = options.links ?? multicastLinks({ ...options, interfaces });
  return { links: labels.follow(watch), siteOf: labels.of };
}
