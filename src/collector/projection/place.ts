/** A name of a site, while it is projected: what is known of it, and what has been made of it so far. */
import { Type } from "../../dns/constants.ts";
import { isCarriedType } from "../../zone/update/principal.ts";
import { hasUnderscore } from "./publishable.ts";
import type { Reason, TranslatedSet } from "./site.ts";

export class Place {
  /** What each leg has of it. */
  readonly sets: readonly TranslatedSet[];
  isPublished = false;
  /** As a service; undefined where it has not been considered. */
  isListed: boolean | undefined;
  /** As a type: have its instances been listed? */
  isTold = false;
  /** As a host. */
  objection: Reason | undefined | "not known yet" = "not known yet";

  constructor(sets: readonly TranslatedSet[]) {
    this.sets = sets;
  }
}

/** Of a name that is nothing but another name for something (RFC 1034 §3.6.2). */
export function aliasOf(host: Place): TranslatedSet | undefined {
  const alias = host.sets.find(({ type }) => type === Type.CNAME);
  // One of a service would tell of it, though the service is withheld.
  if (alias?.set === undefined || hasUnderscore(alias.targets[0]!)) return undefined;
  const isAlone = host.sets.every(({ type }) => type === Type.CNAME || !isCarriedType(type));
  return isAlone ? alias : undefined;
}
