/**
 * How many of the records that a site's links announce now may never be published, and why: none of them is
 * in the zone, so only this shows them. A level, not an event: counted on request.
 */
import type { Clock } from "../../clock.ts";
import { Type } from "../../dns/constants.ts";
import type { Log } from "../../log.ts";
import { isCarriedType, isReserved, isSteeringType } from "../../zone/update/principal.ts";
import type { HeardSet } from "../link/heard.ts";
import type { Reason, Site } from "../projection/site.ts";

export type Refusal =
  | Reason
  | "its type steers servers"
  | "its type is not read alike by all servers"
  | "it says where to browse or register";

/** The number of records by the reason against them. */
export function refusalsOf(sites: Iterable<Site>): ReadonlyMap<Refusal, number> {
  const counts = new Map<Refusal, number>();
  for (const { refusal, records } of refused(sites)) {
    counts.set(refusal, (counts.get(refusal) ?? 0) + records.size);
  }
  return counts;
}

/** Logs when there are more of them, and who sent the latest. */
export class RefusalReport {
  readonly #clock: Clock;
  readonly #log: Log;
  #told: ReadonlyMap<Refusal, number> = new Map();
  #next = 0;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  update(sites: Iterable<Site>): void {
    const now = this.#clock.now();
    if (now < this.#next) return;
    this.#next = now + PERIOD;
    const all = [...sites];
    const counts = refusalsOf(all);
    const told = this.#told;
    this.#told = counts;
    if (![...counts].some(([refusal, count]) => count > (told.get(refusal) ?? 0))) return;
    const { refusal, source } = latestOf(all);
    const fields = { records: Object.fromEntries(counts), latest: refusal, source };
    this.#log.info(fields, "records were heard that may never be published");
  }
}

function latestOf(sites: Iterable<Site>) {
  let latest: { refusal?: Refusal; source?: string; firstHeard: number } = { firstHeard: -1 };
  for (const { refusal, records } of refused(sites)) {
    for (const { source, firstHeard } of records.values()) {
      if (firstHeard > latest.firstHeard) latest = { refusal, source, firstHeard };
    }
  }
  return latest;
}

function* refused(
  sites: Iterable<Site>,
): Iterable<{ readonly refusal: Refusal; readonly records: HeardSet["records"] }> {
  for (const site of sites) {
    for (const cache of site.caches) {
      for (const type of cache.types) {
        // Every host sends these, and they do no harm (RFC 6762 §6.1).
        if (type === Type.NSEC) continue;
        for (const heard of cache.ofType(type)) {
          const refusal = refusalOf(site, heard);
          if (refusal !== undefined) yield { refusal, records: heard.records };
        }
      }
    }
  }
}

/** Why a set that was heard may never be published; undefined if it may. */
export function refusalOf(site: Site, heard: HeardSet): Refusal | undefined {
  if (isSteeringType(heard.type)) return "its type steers servers";
  if (!isCarriedType(heard.type)) return "its type is not read alike by all servers";
  const isList = heard.type === Type.PTR;
  if (isList && isReserved(heard.name.labels)) return "it says where to browse or register";
  return site.refusal(heard);
}

/** Milliseconds between counts: each goes through all that was heard. */
const PERIOD = 180_000;
