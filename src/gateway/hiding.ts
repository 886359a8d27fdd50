/**
 * Takes out of the zones, before the first question is answered, what was published before the start and the
 * present policy hides, wherever its link is and whenever its device announces it again.
 */
import type { Clock } from "../clock.ts";
import { obtain } from "../collector/obtain.ts";
import { Judgement } from "../collector/projection/judgement.ts";
import type { Policy } from "../collector/projection/policy.ts";
import { RecordSets, without } from "../collector/recordsets.ts";
import { ConfigError } from "../config/mistakes.ts";
import { Rcode, rcodeName, Type } from "../dns/constants.ts";
import type { Name } from "../dns/name.ts";
import type { Rdata } from "../dns/rdata.ts";
import { recordsOf } from "../dns/record.ts";
import { kindOfHolder } from "../zone/update/hold.ts";
import { holderPrincipal, REQUESTER } from "../zone/update/principal.ts";
import { removal, type Update } from "../zone/update/update.ts";
import type { Zone } from "../zone/zone.ts";
import { COLLECTOR, LEASE, nearZones } from "./publishing.ts";

/**
 * `zones` are those that collectors fill, the shared one first. What collectors elsewhere publish is for
 * their own policies to hide. Throws ConfigError if a zone cannot be changed, as on a full disk.
 */
export async function hide(zones: readonly Zone[], policy: Policy, clock: Clock): Promise<void> {
  const judgement = new Judgement(policy, zones[0]!.origin);
  const published = zones.map(publishedHere);
  judgement.look(published[0]!.all);
  const near = nearZones(zones);
  const hiding = zones.flatMap((zone, i) =>
    [...published[i]!.byHolder].map(async ([by, before]) => {
      const after = judgement.left(before);
      if (after === before) return;
      const gone = [...without(before, after)].flatMap(removal);
      const come = [...without(after, before)].flatMap(recordsOf);
      const lease = by === COLLECTOR ? LEASE : leaseOf(zone, by, clock);
      const holder = holderPrincipal(by);
      const updateOf = (updates: Update["updates"]) => {
        return { zone: zone.origin, prerequisites: [], updates, lease };
      };
      const update = updateOf([...gone, ...come]);
      const exchange = by === COLLECTOR ? near[i]!.publish(update) : zone.apply(update, holder);
      if ((await exchange) === Rcode.NOERROR) return;
      // What is edited may no longer fit. Whoever published it does so again.
      const rcode = await zone.apply(updateOf(gone), holder);
      if (rcode !== Rcode.NOERROR) throw unhidden(zone.origin, rcode);
    }),
  );
  await Promise.all(hiding);
}

function unhidden(origin: Name, rcode: Rcode): ConfigError {
  const what = `what the policy hides cannot be removed from ${origin} (${rcodeName(rcode)})`;
  return new ConfigError([`data: ${what}; expected a folder that can be written to`]);
}

/** What this process and registered devices have published, but for the KEYs that keep devices' names. */
function publishedHere(zone: Zone) {
  const all = new RecordSets();
  const byHolder = new Map<string, RecordSets>();
  const isOurs = (by: string) => by === COLLECTOR || kindOfHolder(by) === REQUESTER;
  for (const set of zone.current.sets()) {
    if (set.type === Type.KEY) continue;
    const held = new Map<string, Rdata[]>();
    const ours = set.rdatas.filter((rdata) => {
      const holders = zone.holders({ name: set.name, rdata }).filter(isOurs);
      for (const by of holders) obtain(held, by, () => []).push(rdata);
      return holders.length > 0;
    });
    all.put({ ...set, rdatas: ours });
    for (const [by, rdatas] of held) {
      obtain(byHolder, by, () => new RecordSets()).put({ ...set, rdatas });
    }
  }
  return { all, byHolder };
}

/** Seconds until the registration of a device expires; all that it registered expires at one time. */
function leaseOf(zone: Zone, by: string, clock: Clock): number {
  const held = zone.heldBy(by).filter(({ rdata }) => rdata.type !== Type.KEY);
  const first = Math.min(...held.map(({ expires }) => expires));
  return Math.max(1, Math.ceil((first - clock.now()) / 1000));
}
