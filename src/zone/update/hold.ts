/**
 * A hold: one holder's interest in a record of the zone, until the holder releases it or its lease (RFC 9664)
 * expires. A record has a list of them, one for each holder.
 */
import type { ZoneRecord } from "./recordmap.ts";

/** The holder of the records that a zone starts with. */
export const FILE = "file";

/** The length, and the expiry, of a hold without a lease. */
export const FOREVER = Number.POSITIVE_INFINITY;

export interface Hold {
  readonly by: string;
  /** Milliseconds of the clock, or FOREVER. */
  readonly expires: number;
  /** Milliseconds granted, or FOREVER. */
  readonly lease: number;
}

/**
 * What an update does to the holds on a record: `take` a record new to the zone, `join` its holders,
 * `release` one's own hold, or `releaseAll`, so that the record goes.
 */
export interface HoldStep {
  readonly does: "take" | "join" | "release" | "releaseAll";
  readonly record: ZoneRecord;
}

/**
 * The kind of a holder that is one of many, strangers to each other: "requester:" for "requester:…". The
 * colon sets it apart from the names of keys.
 */
export function kindOfHolder(holder: string): string | undefined {
  const end = holder.indexOf(":") + 1;
  return end === 0 ? undefined : holder.slice(0, end);
}

/**
 * The holds on a record after a step: the same array if it changes nothing, none if nobody or only the
 * file is left. `alone` is an array of just `mine`.
 */
export function holdsAfter(
  does: HoldStep["does"],
  holds: readonly Hold[] | undefined,
  mine: Hold,
  alone: readonly Hold[],
): readonly Hold[] {
  if (does === "releaseAll") return NOBODY;
  if (does === "release") {
    const others = holds?.filter(({ by }) => by !== mine.by) ?? NOBODY;
    if (others.length === holds?.length) return holds;
    return others.every(({ by }) => by === FILE) ? NOBODY : others;
  }
  if (holds === undefined) {
    if (mine.by === FILE) return NOBODY;
    return does === "take" ? alone : [mine, FILE_HOLD];
  }
  const at = holds.findIndex(({ by }) => by === mine.by);
  if (at < 0) return [mine, ...holds];
  if (holds[at]!.expires === FOREVER && mine.expires === FOREVER) return holds;
  return holds.length === 1 ? alone : holds.with(at, mine);
}

/**
 * How many holders are the same at the head and at the tail of two states of a record's holds. A step changes
 * one of them, and thousands of devices may hold the entry of a type.
 */
export function unchanged(before: readonly Hold[], after: readonly Hold[]) {
  const most = Math.min(before.length, after.length);
  let head = 0;
  while (head < most && before[head]!.by === after[head]!.by) head++;
  let tail = 0;
  while (tail < most - head && before.at(-1 - tail)!.by === after.at(-1 - tail)!.by) tail++;
  return { head, tail };
}

export const NOBODY: readonly Hold[] = [];
/** The file's hold on a record. */
export const FILE_HOLD: Hold = { by: FILE, expires: FOREVER, lease: FOREVER };
