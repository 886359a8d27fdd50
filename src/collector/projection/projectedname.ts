/** A name of a site during a projection: what is known of it, and what has been made of it so far. */
import { Type } from "../../dns/constants.ts";
import { isCarriedType } from "../../zone/update/principal.ts";
import { hasUnderscore } from "./publishable.ts";
import type { Reason, TranslatedSet } from "./site.ts";

export class ProjectedName {
  /** The name's sets on each leg. */
  readonly sets: readonly TranslatedSet[];
  isPublished = false;
  /** As a service; undefined until it has been considered. */
  isListed: boolean | undefined;
  /** As a type: true once its instances have been listed. */
  isExpanded = false;
  /** As a host: why it is not published. */
  objection: Reason | undefined | "not known yet" = "not known yet";

  constructor(sets: readonly TranslatedSet[]) {
    this.sets = sets;
  }
}

/** The CNAME of a name that is only an alias (RFC 1034 §3.6.2). */
export function aliasOf(host: ProjectedName): TranslatedSet | undefined {
  const alias = host.sets.find(({ type }) => type === Type.CNAME);
  // An alias of a service would reveal the service even if it is withheld.
  if (alias?.set === undefined || hasUnderscore(alias.targets[0]!)) return undefined;
  const isAlone = host.sets.every(({ type }) => type === Type.CNAME || !isCarriedType(type));
  return isAlone ? alias : undefined;
}
