/**
 * The reverse names of a registered host (RFC 9665 §3.3.6): updates of the reverse zones, which add those
 * of a registration, each to the closest zone, and remove what else leads to its host. They end with the
 * host's lease. The zone that a device asks to be changed is another, so its registration stands without them.
 */
import { reverseName } from "../../dns/address.ts";
import { Type } from "../../dns/constants.ts";
import { closestTo } from "../../dns/name.ts";
import { rdata as make, targetOf } from "../../dns/rdata.ts";
import { MAX_REVERSE_NAMES } from "../../zone/update/principal.ts";
import { RecordMap, type ZoneRecord } from "../../zone/update/recordmap.ts";
import { removalOf, type Update } from "../../zone/update/update.ts";
import type { Zone } from "../../zone/zone.ts";
import { additionOf } from "./claim.ts";
import type { Registration } from "./registration.ts";

export type ReverseZone = Pick<Zone, "origin" | "setAhead" | "apply" | "heldBy">;

export interface ReverseOptions {
  readonly zones: readonly ReverseZone[];
  /** The holder of the host's KEY. */
  readonly by: string;
  /** True if the reverse name of this address may lead to the host. */
  readonly isReversed: (address: Uint8Array) => boolean;
  /** Seconds; 0 removes them. */
  readonly lease: number;
}

export interface ReverseClaim {
  readonly zone: ReverseZone;
  readonly update: Update;
}

/** None for a zone that has no name of this host and gets none. */
export function reverseClaims(
  { host, addresses }: Registration,
  { zones, by, isReversed, lease }: ReverseOptions,
): ReverseClaim[] {
  const wanted = new Map(zones.map(({ origin }) => [origin, new RecordMap<ZoneRecord>()]));
  const pointer = make.ptr(host);
  for (const { values } of lease > 0 ? addresses : []) {
    const address = values[0] as Uint8Array;
    const name = reverseName(address);
    const origin = closestTo(name, wanted.keys());
    if (origin !== undefined && isReversed(address)) {
      wanted.get(origin)!.set({ name, rdata: pointer });
    }
  }
  return zones.flatMap((zone) => {
    const held = new RecordMap<ZoneRecord>();
    for (const record of zone.heldBy(by)) {
      if (targetOf(record.rdata)!.equals(host)) held.set(record);
    }
    const names = wanted.get(zone.origin)!;
    const gone = held.all().filter((record) => names.get(record) === undefined);
    const here = names.all().filter((each) => held.get(each) !== undefined || hasRoom(zone, each));
    const updates = [...gone.map(removalOf), ...here.map(additionOf)];
    const update = { zone: zone.origin, prerequisites: [], updates, lease };
    return updates.length === 0 ? [] : [{ zone, update }];
  });
}

function hasRoom(zone: ReverseZone, { name }: ZoneRecord): boolean {
  return (zone.setAhead(name, Type.PTR)?.rdatas.length ?? 0) < MAX_REVERSE_NAMES;
}
