/**
 * What a policy would do to services that are published already. Pure. It sees them as they stand in
 * the zone, not as they were heard: what is withheld today is not there to be judged, addresses are
 * those that a map gave them, and which networks the links are in is not known.
 */
import { ADDRESS_TYPES, Type } from "../../dns/constants.ts";
import type { Name, NameKey } from "../../dns/name.ts";
import { type Rdata, srvOf, targetOf } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import { LOCAL, parseInstance } from "../../dns/service.ts";
import { MAX_ALIASES } from "../link/browser.ts";
import { obtain } from "../obtain.ts";
import { RecordSets } from "../recordsets.ts";
import { type Denial, type Policy, SitePolicy } from "./policy.ts";
import { isSteeringHost } from "./publishable.ts";
import type { Reason } from "./site.ts";

export interface Preview {
  /** How many services there are. */
  readonly services: number;
  /** Those that would be hidden, by what hides them: rules in their order, then what is off. */
  readonly hidden: ReadonlyMap<Denial | typeof STEERING, readonly Name[]>;
  /** Those whose TXT records would be others. */
  readonly edited: readonly Name[];
}

export function preview(policy: Policy, zone: Name, published: Iterable<RecordSet>): Preview {
  const sets = RecordSets.of(published);
  const sites = new Map<NameKey, SitePolicy>();
  const hidden = new Map<Denial | typeof STEERING, Name[]>();
  for (const { isAllowed, reason } of policy.rules) if (!isAllowed) hidden.set(reason, []);
  hidden.set(STEERING, []);
  const edited: Name[] = [];
  let services = 0;
  for (const { name, type, rdatas } of sets) {
    const parts = type === Type.SRV ? parseInstance(name) : undefined;
    if (parts?.domain.parent?.equals(zone) !== true) continue;
    services++;
    const site = parts.domain;
    const rules = obtain(sites, site.key, () => new SitePolicy(policy, site));
    const heard = (each: Name) => each.replaceSuffix(site, LOCAL) ?? each;
    const denials = rdatas.map((rdata) => {
      const { target } = srvOf(rdata);
      const hosts = namesOf(sets, target);
      const isSteering = (host: Name) => {
        // A service that is its own host has no host's name.
        if (!host.isUnder(site) || host.equals(name)) return false;
        return isSteeringHost(host) && !rules.isExempt(heard(host));
      };
      if (hosts.some(isSteering)) return STEERING;
      const addresses = () => hosts.flatMap((host) => addressesOf(sets, host));
      return rules.objection(heard(parts.type).key, name, () => hosts.map(heard), addresses);
    });
    const reason = denials.findLast((denial) => denial !== undefined);
    if (reason !== undefined && !denials.includes(undefined)) {
      hidden.get(reason)!.push(name);
      continue;
    }
    const isEdited = (rdata: Rdata) => rules.text(heard(name), rdata) !== rdata;
    if (sets.get(name.key, Type.TXT)?.rdatas.some(isEdited)) edited.push(name);
  }
  return { services, hidden, edited };
}

/** No rule changes that, only `hosts` does. */
const STEERING = "its host's name steers clients" satisfies Reason;

/** It, and what it is an alias of. */
function namesOf(sets: RecordSets, host: Name, aliases = MAX_ALIASES): Name[] {
  const [alias] = sets.get(host.key, Type.CNAME)?.rdatas ?? [];
  if (alias === undefined || aliases === 0) return [host];
  return [host, ...namesOf(sets, targetOf(alias)!, aliases - 1)];
}

function addressesOf(sets: RecordSets, host: Name): Uint8Array[] {
  return ADDRESS_TYPES.flatMap((type) =>
    (sets.get(host.key, type)?.rdatas ?? []).map(({ values }) => values[0] as Uint8Array),
  );
}
