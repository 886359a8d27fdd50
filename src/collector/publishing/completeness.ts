/**
 * What of a list can be there with all it needs: a service its SRV and TXT records and an address of
 * its host (RFC 6763 §4). What the server takes none of makes what leads to it useless, so that is
 * not listed either. And what the server does not let go from a list keeps what it needs.
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
  readonly obstacles: Obstacles;
}

/** The very same where nothing is in the way. */
export function completable(set: RecordSet, standing: Standing): RecordSet {
  if (set.type !== Type.PTR || standing.obstacles.isEmpty) return set;
  const rdatas = set.rdatas.filter((rdata) => isPossible(targetOf(rdata)!.key, standing));
  return rdatas.length === set.rdatas.length ? set : { ...set, rdatas };
}

function isPossible(instance: NameKey, standing: Standing): boolean {
  const { wanted } = standing;
  const isMissing = (name: NameKey, type: number) => isRefused(name, type, standing);
  if (isMissing(instance, Type.SRV) || isMissing(instance, Type.TXT)) return false;
  const srv = wanted.get(instance, Type.SRV)?.rdatas[0];
  if (srv === undefined) return true;
  const host = srvOf(srv).target.key;
  const addresses = ADDRESS_TYPES.filter((type) => wanted.get(host, type) !== undefined);
  return addresses.length === 0 || !addresses.every((type) => isMissing(host, type));
}

/** Names of services that are listed still because the server does not let go of that, and of their hosts. */
export function heldNames({ published, doubtful, obstacles }: Standing): ReadonlySet<NameKey> {
  const held = new Set<NameKey>();
  if (!obstacles.hasStuck) return held;
  const there = [published, doubtful];
  const isStuck = (name: Name) => (rdata: Rdata) => obstacles.isStuck(name, rdata);
  for (const { name, type, rdatas } of there.flatMap((sets) => [...sets])) {
    if (type !== Type.PTR) continue;
    for (const rdata of rdatas.filter(isStuck(name))) {
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
