/**
 * The difference between what is published and what is wanted, in steps from one to the other. What the
 * server refuses is left out for now, and so is what would be useless without it.
 */
import { Type } from "../../dns/constants.ts";
import type { Name, NameKey } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import { isSame, keysOf, type RecordSets } from "../recordsets.ts";
import { isUnique, leadsElsewhere } from "../unique.ts";
import { completable, heldNames, type Standing } from "./completeness.ts";
import type { Guard } from "./guard.ts";
import { UNKNOWN_TTL } from "./holdings.ts";
import { withInherited, withoutAliases } from "./inheritance.ts";
import { apart, guarded, octetsOfStep, type Step } from "./step.ts";

export interface Between extends Standing {
  /** What was there before, and may yet be wanted. */
  readonly inherited: RecordSets;
  /** Given if the server does not know who wants what. */
  readonly guard: Guard | undefined;
  /** Approximate octets of an update. */
  readonly limit: number;
}

/** The steps, set by set. */
export function* difference(given: Between): Iterable<readonly Step[]> {
  const { wanted, published, doubtful } = given;
  const inherited = withoutAliases(given);
  const kept = new Set<NameKey>();
  const possible = [...wanted].map((set) => completable(set, given, kept));
  const between = { ...given, inherited, held: heldNames(given, kept) };
  for (const set of possible) yield stepsTo(withInherited(set, inherited), between);
  const rest = (name: Name, type: number) =>
    inherited.get(name.key, type) ?? { name, type, ttl: UNKNOWN_TTL, rdatas: [] };
  for (const { name, type } of published) {
    if (!wanted.get(name.key, type)) yield stepsTo(rest(name, type), between);
  }
  for (const { name, type } of doubtful) {
    const isDone = [wanted, published].some((sets) => sets.get(name.key, type));
    if (!isDone) yield stepsTo(rest(name, type), between);
  }
}

/** The steps from what is there to `wanted`. */
function stepsTo(
  wanted: RecordSet,
  between: Between & { readonly held: ReadonlySet<NameKey> },
): readonly Step[] {
  const { obstacles, guard, held } = between;
  const { name, type, ttl } = wanted;
  const published = between.published.get(name.key, type);
  const doubtful = between.doubtful.isEmpty ? undefined : between.doubtful.get(name.key, type);
  if (doubtful === undefined && published !== undefined && isSame(published, wanted)) return [];
  const after = keysOf(wanted.rdatas);
  const before = keysOf(published?.ttl === ttl ? published.rdatas : []);
  const there = [...(published?.rdatas ?? []), ...(doubtful?.rdatas ?? [])];
  const left = there.filter(({ key }) => !after.has(key));
  const come = obstacles.addable(
    name,
    type,
    wanted.rdatas.filter(({ key }) => !before.has(key)),
    published?.rdatas ?? [],
  );
  // A set that something leads to keeps a record that is certainly there.
  const isLast = come.length === 0 && !published?.rdatas.some(({ key }) => after.has(key));
  const isHeld = isLast && held.has(name.key);
  const gone = isHeld && !leadsElsewhere(type) ? [] : obstacles.removable(name, left);
  if (gone.length === 0 && come.length === 0) return [];
  const step = { name, type, ttl, gone, come };
  const isChange = gone.length > 0 && after.size > 0 && gone.length === left.length;
  if (isChange && isUnique(type)) return replacing(step, wanted.rdatas, between);
  if (guard === undefined) return apart(step);
  return guarded(step, guard).filter(({ unless }) => !unless || !isOurs(unless, between));
}

/**
 * True if something of ours stays in the list for now: then a record there does not mean that others have
 * one. When it goes, there will be another difference.
 */
function isOurs(list: Name, { inherited, published, obstacles }: Between): boolean {
  if (inherited.get(list.key, Type.PTR) !== undefined) return true;
  const there = published.get(list.key, Type.PTR)?.rdatas ?? [];
  return there.some((rdata) => obstacles.isStuck(list, rdata));
}

/** A set with one owner becomes what the owner says now, whoever published it (RFC 6762 §10.2). */
function replacing(
  step: Step,
  whole: readonly Rdata[],
  { obstacles, limit }: Between,
): readonly Step[] {
  const { name, type } = step;
  const replacement: Step = { ...step, come: whole, isWhole: true };
  const isRefused = obstacles.isFull(name.key, type) || obstacles.isDivided(name, type);
  return isRefused || octetsOfStep(replacement) > limit ? apart(step) : [replacement];
}
