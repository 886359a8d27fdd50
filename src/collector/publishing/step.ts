/** Steps from what is published to what is wanted: their order, and how many of them one update takes. */
import { Class, isAddressType, Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import { Rdata } from "../../dns/rdata.ts";
import { type ResourceRecord, recordsOf } from "../../dns/record.ts";
import { removal, removalOfSet, type Update } from "../../zone/update/update.ts";
import { leadsElsewhere } from "../unique.ts";
import type { Guard } from "./guard.ts";

/** What one update does to one set, or to as much of it as it has room for. */
export interface Step {
  readonly name: Name;
  readonly type: number;
  readonly ttl: number;
  readonly gone: readonly Rdata[];
  readonly come: readonly Rdata[];
  /** `come` is the whole set, and anything else there goes, whoever put it there. */
  readonly isWhole?: true;
  /** `gone` goes, in an update of its own, only if nobody has a PTR at this name (see `guard.ts`). */
  readonly unless?: Name;
}

/** The approximate size of an update. */
export interface UpdateSize {
  readonly octets: number;
  readonly records: number;
}

/**
 * What lists or leads elsewhere is removed first and added last; addresses are added early and removed
 * late. What goes only if others have gone is last of all, and after those others if they are guarded too.
 */
export function inOrder(steps: Iterable<Step>): Step[] {
  const ranks: Step[][] = [[], [], [], [], [], []];
  for (const step of steps) {
    const isRemoval = step.come.length === 0;
    if (step.unless !== undefined) ranks[5]!.push(step);
    else if (leadsElsewhere(step.type)) ranks[isRemoval ? 0 : 4]!.push(step);
    else if (isAddressType(step.type)) ranks[isRemoval ? 3 : 1]!.push(step);
    else ranks[2]!.push(step);
  }
  const waiting = ranks.pop()!;
  const names = new Set(waiting.map(({ name }) => name.key));
  const isLast = ({ unless }: Step) => names.has(unless!.key);
  return [...ranks.flat(), ...waiting.filter((step) => !isLast(step)), ...waiting.filter(isLast)];
}

/** Splits a step that adds and removes in two, the additions first: what is listed stays complete. */
export function apart(step: Step): readonly Step[] {
  if (step.gone.length === 0 || step.come.length === 0) return [step];
  return [
    { ...step, gone: [] },
    { ...step, come: [] },
  ];
}

/** With a step of its own for each record that has a guard. */
export function guarded(step: Step, guard: Guard): readonly Step[] {
  const alone: Step[] = [];
  const gone = step.gone.filter((rdata) => {
    const unless = guard(step.name, rdata);
    if (unless !== undefined) alone.push({ ...step, gone: [rdata], come: [], unless });
    return unless === undefined;
  });
  const rest = gone.length + step.come.length > 0 ? apart({ ...step, gone }) : [];
  return [...rest, ...alone];
}

/** Takes from the front what there is room for; if not even one step fits, a part of it. */
export function takeSome(steps: Step[], room: UpdateSize): Step[] {
  let octets = 0;
  let records = 0;
  let count = 0;
  if (steps[0]?.unless !== undefined) return steps.splice(0, 1);
  for (const step of steps) {
    if (step.unless !== undefined) break;
    octets += octetsOfStep(step);
    records += countOf(step);
    if (octets > room.octets || records > room.records) break;
    count++;
  }
  if (count > 0 || steps.length === 0) return steps.splice(0, count);
  const step = steps[0]!;
  if (step.isWhole) return steps.splice(0, 1);
  const share = Math.floor((countOf(step) * room.octets) / octetsOfStep(step));
  const part = Math.max(1, Math.min(share, room.records));
  const gone = step.gone.slice(0, part);
  const come = step.come.slice(0, part - gone.length);
  const left = { gone: step.gone.slice(gone.length), come: step.come.slice(come.length) };
  if (left.gone.length + left.come.length > 0) steps[0] = { ...step, ...left };
  else steps.shift();
  return [{ ...step, gone, come }];
}

export function countRecords(steps: readonly Step[]): number {
  return steps.reduce((sum, step) => sum + countOf(step), 0);
}

/** `lease` in seconds; for ever if not given. */
export function updateOf(steps: readonly Step[], zone: Name, lease: number | undefined): Update {
  return {
    zone,
    prerequisites: steps.flatMap(prerequisitesOf),
    updates: steps.flatMap(recordsOfStep),
    ...(lease !== undefined && { lease }),
  };
}

/** What must be so for a step to be taken (RFC 2136 §2.4.3). */
function prerequisitesOf({ unless }: Step): ResourceRecord[] {
  if (unless === undefined) return [];
  return [{ name: unless, type: Type.PTR, class: Class.NONE, ttl: 0, rdata: NO_DATA }];
}

/** The step's records in an update (RFC 2136 §2.5). */
function recordsOfStep({ name, type, ttl, gone, come, isWhole }: Step): ResourceRecord[] {
  const added = recordsOf({ name, type, ttl, rdatas: come });
  if (isWhole) return [removalOfSet(name, type), ...added];
  return [...removal({ name, type, ttl, rdatas: gone }), ...added];
}

function countOf({ gone, come }: Step): number {
  return gone.length + come.length;
}

export function octetsOfStep({ name, gone, come }: Step): number {
  let octets = 0;
  for (const { key } of gone) octets += name.wireLength + FIXED + key.length;
  for (const { key } of come) octets += name.wireLength + FIXED + key.length;
  return octets;
}

const NO_DATA = new Rdata(Type.PTR, []);
/** Type, class, TTL and length of a record. */
const FIXED = 10;
