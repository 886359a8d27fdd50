/**
 * How much of what a site's links say now may never be published, and why: nothing of it is in the
 * zone, so this is where it is seen. Pure, and made when somebody asks: a level, no event.
 */
import { Type } from "../dns/constants.ts";
import { LOCAL, serviceTypesName } from "../dns/service.ts";
import { steeringTypes } from "../zone/principal.ts";
import type { HeardSet } from "./link/heard.ts";
import { isReserved } from "./publishable.ts";
import type { Reason, Site } from "./site.ts";

export type Refusal = Reason | "its type steers servers" | "it says where to browse or register";

/** Records, by what speaks against them. */
export function refusalsOf(sites: Iterable<Site>): ReadonlyMap<Refusal, number> {
  const counts = new Map<Refusal, number>();
  for (const site of sites) {
    for (const cache of site.caches) {
      for (const type of WATCHED) {
        for (const heard of cache.ofType(type)) {
          const refusal = refusalOf(site, heard);
          if (refusal === undefined) continue;
          counts.set(refusal, (counts.get(refusal) ?? 0) + heard.records.size);
        }
      }
    }
  }
  return counts;
}

function refusalOf(site: Site, heard: HeardSet): Refusal | undefined {
  if (steeringTypes.has(heard.type)) return "its type steers servers";
  if (heard.type !== Type.PTR) return site.refusal(heard);
  const isSteering = isReserved(heard.name) && !heard.name.equals(TYPES);
  return isSteering ? "it says where to browse or register" : undefined;
}

const TYPES = serviceTypesName(LOCAL)!;
/** Every host sends NSEC (RFC 6762 §6.1), and means no harm by it. */
const WATCHED: readonly number[] = [
  ...[Type.PTR, Type.SRV, Type.A, Type.AAAA, Type.CNAME],
  ...[...steeringTypes].filter((type) => type !== Type.NSEC),
];
