/**
 * What of a list can be there with all it needs: a service its SRV and TXT records and an address of
 * its host (RFC 6763 §4). What the server takes none of makes what leads to it useless, so that is
 * not listed either. And what the server does not let go from a list keeps what it needs.
 *
 * A service that is listed stays so, as it was, for as long as the server may be refusing everything:
 * else the end of a freeze would take it from the lists before it brings what has changed.
 */
import { ADDRESS_TYPES, Type } from "../../dns/constants.ts";
import type { Name, NameKey } from "../../dns/name.ts";
import { type Rdata, srvOf, targetOf } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import { keysOf, type RecordSets } from "../recordsets.ts";
import type { Obstacles } from "./obstacles.ts";

export interface Standing {
  readonly wanted: RecordSets;
  readonly published: RecordSets;
  /** What may be there besides what is published. */
  readonly doubtful: RecordSets;
  /** What of that was published, and may not be said again. */
  readonly unrenewed: RecordSets;
  readonly obstacles: Obstacles;
}

/** The very same where nothing is in the way. */
export function completable(set: RecordSet, standing: Standing): RecordSet {
  if (set.type !== Type.PTR || standing.obstacles.isEmpty) return set;
  const listed = keysOf(
    [standing.published, standing.unrenewed].flatMap(
      (sets) => sets.get(set.name.key, set.type)?.rdatas ?? [],
    ),
  );
  const rdatas = set.rdatas.filter((rdata) => {
    const instance = targetOf(rdata)!.key;
    return isPossible(instance, standing) || (listed.has(rdata.key) && stays(instance, standing));
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

/** May it be listed as it was? */
function stays(instance: NameKey, standing: Standing): boolean {
  return isPossible(instance, standing, isRefusedForGood);
}

/** Names of services that are listed still though not as they are now, or not any more, and of their hosts. */
export function heldNames(standing: Standing): ReadonlySet<NameKey> {
  const { published, doubtful, obstacles } = standing;
  const held = new Set<NameKey>();
  if (obstacles.isEmpty) return held;
  const there = [published, doubtful];
  const isHeld = (name: Name) => (rdata: Rdata) => {
    const instance = targetOf(rdata)!.key;
    if (obstacles.isStuck(name, rdata)) return true;
    return !isPossible(instance, standing) && stays(instance, standing);
  };
  for (const { name, type, rdatas } of there.flatMap((sets) => [...sets])) {
    if (type !== Type.PTR) continue;
    for (const rdata of rdatas.filter(isHeld(name))) {
      const instance = targetOf(rdata)!.key;
      held.add(instance);
      const srvs = there.flatMap((sets) => sets.get(instance, Type.SRV)?.rdatas ?? []);
      for (const srv of srvs) held.add(srvOf(srv).target.key);
    }
  }
  return held;
}

/** Does the server take nothing of what is wanted there? */
function isRefused(name: NameKey, type: number, standing: Standing): boolean {
  const { wanted, published, obstacles } = standing;
  if (!obstacles.isFull(name, type)) return false;
  const there = keysOf(published.get(name, type)?.rdatas ?? []);
  return wanted.get(name, type)?.rdatas.some(({ key }) => there.has(key)) === false;
}

/** Was it refused again after the server had taken something else, or is nothing there that was before? */
function isRefusedForGood(name: NameKey, type: number, standing: Standing): boolean {
  const { published, unrenewed, obstacles } = standing;
  const isThere = [published, unrenewed].some((sets) => sets.get(name, type) !== undefined);
  const isLasting = obstacles.isToBlame(name, type) || !isThere;
  return isLasting && isRefused(name, type, standing);
}
