/**
 * The reverse names of a registered host (RFC 9665 §3.3.6): an update of one reverse zone, which adds those
 * of a registration and removes what else leads to its host. They end with the host's lease. The zone that a
 * device asks to be changed is another, so its registration stands without them.
 */
import { reverseName } from "../../dns/address.ts";
import { Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import { rdata as make, targetOf } from "../../dns/rdata.ts";
import { MAX_REVERSE_NAMES, type Principal } from "../../zone/update/principal.ts";
import { RecordMap, type ZoneRecord } from "../../zone/update/recordmap.ts";
import { removalOf, type Update } from "../../zone/update/update.ts";
import type { Zone } from "../../zone/zone.ts";
import { additionOf } from "./claim.ts";
import type { Registration } from "./registration.ts";

export interface ReverseOptions {
  readonly zone: Pick<Zone, "origin" | "setAhead" | "heldBy">;
  readonly by: Principal;
  /** Seconds; 0 removes them. */
  readonly lease: number;
}

/** Undefined if the zone has no name of this host and gets none. */
export function reverseClaim(
  { host, addresses }: Registration,
  { zone, by, lease }: ReverseOptions,
): Update | undefined {
  const held = new RecordMap<ZoneRecord>();
  for (const record of zone.heldBy(by.name)) {
    if (targetOf(record.rdata)!.equals(host)) held.set(record);
  }
  const isCrowded = (name: Name) =>
    (zone.setAhead(name, Type.PTR)?.rdatas.length ?? 0) >= MAX_REVERSE_NAMES;
  const wanted = new RecordMap<ZoneRecord>();
  for (const { values } of lease > 0 ? addresses : []) {
    const name = reverseName(values[0] as Uint8Array);
    const record = { name, rdata: make.ptr(host) };
    if (!name.isUnder(zone.origin) || !by.permits(additionOf(record))) continue;
    if (held.get(record) !== undefined || !isCrowded(name)) wanted.set(record);
  }
  const gone = held.all().filter((record) => wanted.get(record) === undefined);
  const updates = [...gone.map(removalOf), ...wanted.all().map(additionOf)];
  return updates.length === 0
    ? undefined
    : { zone: zone.origin, prerequisites: [], updates, lease };
}
