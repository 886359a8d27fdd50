/**
 * Which entries of a list can be published with all they need: a service needs its SRV and TXT records
 * and an address of its host (RFC 6763 §4). If the server takes nothing of one of these, what leads to
 * it would be useless, so it is not listed either. And an entry that the server refuses to remove
 * keeps what it needs.
 *
 * A service that is listed stays listed, as it was, for as long as the server may be refusing everything:
 * otherwise the end of a freeze would take it from the lists before it brings what has changed.
 */
import { ADDRESS_TYPES, Type } from "../../dns/constants.ts";
import type { NameKey } from "../../dns/name.ts";
import { srvOf, targetOf } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import { keysOf, type RecordSets } from "../recordsets.ts";
import type { Holdings } from "./holdings.ts";
import type { Obstacles } from "./obstacles.ts";

export interface Standing extends Pick<Holdings, "published" | "doubtful" | "unrenewed"> {
  readonly wanted: RecordSets;
  readonly obstacles: Obstacles;
}

/** The entries that can be complete; `set` itself if all can. Adds to `kept` those that stay as they were. */
export function completable(set: RecordSet, standing: Standing, kept: Set<NameKey>): RecordSet {
  if (set.type !== Type.PTR || standing.obstacles.isEmpty) return set;
  const listed = keysOf(
    [standing.published, standing.unrenewed].flatMap(
      (sets) => sets.get(set.name.key, set.type)?.rdatas ?? [],
    ),
  );
  const rdatas = set.rdatas.filter((rdata) => {
    const instance = targetOf(rdata)!.key;
    if (isPossible(instance, standing)) return true;
    const stays = listed.has(rdata.key) && isPossible(instance, standing, isRefusedForGood);
    if (stays) kept.add(instance);
    return stays;
  });
  return rdatas.length === set.rdatas.length ? set : { ...set, rdatas };
}

function isPossible(instance: NameKey, standing: Standing, refuses = isRefused): boolean {
  const { wanted } = standing;
  const isMissing = (name: NameKey, type: number) => refuses(name, type, standing);
  if (isMissing(instance, Type.SRV) || isMissing(instance, Type.TXT)) return false;
  const srv = wanted.get(instance, Type.SRV)?.rdatas[0];
  if (srv === undefined) return true;
  const host = srvOf(srv).target.key;
  const addresses = ADDRESS_TYPES.filter((type) => wanted.get(host, type) !== undefined);
  return addresses.length === 0 || !addresses.every((type) => isMissing(host, type));
}

/**
 * Names of services that are still listed, as they were or because the server refuses to remove the entry,
 * and of their hosts.
 */
export function heldNames(standing: Standing, kept: ReadonlySet<NameKey>): ReadonlySet<NameKey> {
  const { published, doubtful, obstacles } = standing;
  const services = new Set(kept);
  const there = [published, doubtful];
  const all = obstacles.hasStuck ? there.flatMap((sets) => [...sets]) : [];
  for (const { name, type, rdatas } of all) {
    if (type !== Type.PTR) continue;
    for (const rdata of rdatas) {
      if (obstacles.isStuck(name, rdata)) services.add(targetOf(rdata)!.key);
    }
  }
  const held = new Set(services);
  for (const service of services) {
    const srvs = there.flatMap((sets) => sets.get(service, Type.SRV)?.rdatas ?? []);
    for (const srv of srvs) held.add(srvOf(srv).target.key);
  }
  return held;
}

/** True if the server takes nothing of what is wanted there. */
function isRefused(name: NameKey, type: number, standing: Standing): boolean {
  const { wanted, published, obstacles } = standing;
  if (!obstacles.isFull(name, type)) return false;
  const there = keysOf(published.get(name, type)?.rdatas ?? []);
  return wanted.get(name, type)?.rdatas.some(({ key }) => there.has(key)) === false;
}

/** True if it was refused again after the server took something else, or nothing from before is there. */
function isRefusedForGood(name: NameKey, type: number, standing: Standing): boolean {
  const { published, unrenewed, obstacles } = standing;
  const isThere = [published, unrenewed].some((sets) => sets.get(name, type) !== undefined);
  const isLasting = obstacles.isToBlame(name, type) || !isThere;
  return isLasting && isRefused(name, type, standing);
}
