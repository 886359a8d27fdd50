/** Are clients told to browse the zone: by their search domain, or by their address (RFC 6763 §11)? */

import type { Subnet } from "../../collector/subnets.ts";
import { formatAddress, reverseName } from "../../dns/address.ts";
import { Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import { targetOf } from "../../dns/rdata.ts";
import { enumerationName } from "../../dns/service.ts";
import type { Resolve } from "../../net/client/resolver.ts";
import type { Finding } from "./finding.ts";
import { searching } from "./remedies.ts";

export interface ClientsOptions {
  readonly zone: Name;
  /** Of this host. */
  readonly searchDomains: readonly Name[];
  /** Those that this host is in. */
  readonly subnets: readonly Subnet[];
  /** The reverse zones of the configuration. */
  readonly reverse: readonly Name[];
  readonly resolve: Resolve;
}

export async function examineClients(options: ClientsOptions): Promise<Finding[]> {
  return [await examineSearch(options), ...(await examineSubnets(options))];
}

async function examineSearch({ zone, searchDomains, resolve }: ClientsOptions): Promise<Finding> {
  const place = "clients";
  const told = await Promise.all(
    searchDomains.map(async (domain) => ({ domain, browsed: await browsedAt(domain, resolve) })),
  );
  const found = told.find(({ browsed }) => browsed.some((each) => each.isUnder(zone)));
  if (found !== undefined) {
    const fact = `a search domain of this host, ${found.domain}, says to browse ${zone}`;
    return { verdict: "ok", place, fact };
  }
  if (searchDomains.some((domain) => domain.equals(zone))) {
    const fact = `${zone} is a search domain of this host, but its resolvers find nothing there that says to browse it`;
    return { verdict: "odd", place, fact };
  }
  const list = searchDomains.join(", ") || "none";
  return {
    verdict: "odd",
    place,
    fact: `no search domain of this host (${list}) says to browse ${zone}; if the same holds for clients, they need`,
    remedy: searching(
      zone,
      searchDomains.filter((domain) => !domain.isUnder(zone)),
    ),
  };
}

/** Examines the subnets whose reverse zone the gateway fills. */
async function examineSubnets(options: ClientsOptions): Promise<Finding[]> {
  const { zone, subnets, reverse, resolve } = options;
  const findings = subnets.map(async ({ base, prefix }): Promise<Finding[]> => {
    const domain = reverseName(base);
    if (!reverse.some((each) => domain.isUnder(each))) return [];
    const place = `subnet ${formatAddress(base)}/${prefix}`;
    const browsed = await browsedAt(domain, resolve);
    if (browsed.some((each) => each.isUnder(zone))) {
      return [
        { verdict: "ok", place, fact: `clients without a search domain find ${zone} through it` },
      ];
    }
    const name = enumerationName("lb", domain);
    const fact = `nothing is found at ${name}, where clients without a search domain look`;
    return [{ verdict: "odd", place, fact }];
  });
  return (await Promise.all(findings)).flat();
}

async function browsedAt(domain: Name, resolve: Resolve): Promise<Name[]> {
  const kinds = ["lb", "b"] as const;
  const answers = await Promise.all(
    kinds.map(async (kind) => {
      const name = enumerationName(kind, domain);
      return name && (await resolve(name, Type.PTR));
    }),
  );
  return answers.flatMap((answer) =>
    (answer?.answers ?? []).flatMap(({ type, rdata }) =>
      type === Type.PTR ? (targetOf(rdata) ?? []) : [],
    ),
  );
}
