/**
 * The TTL that a record is served with: 10 s (RFC 8766 §5.5.1), but never more than what is left of its
 * life (RFC 2181 §8), in a few steps. A record in good health keeps one TTL for ever: its refresh is
 * answered long before what is left falls to the TTL served.
 *
 * Time advances in whole seconds here, as TTLs do, and what holds at the end of one holds throughout it:
 * thousands of expiring records are looked at once a second, not thousands of times, and nothing is served
 * for longer than it lives.
 */
import { SERVED_TTL } from "../../dns/service.ts";
import type { HeardRecord } from "./heard.ts";

type Life = Pick<HeardRecord, "lastHeard" | "lifetime">;

/** The end of the second that `now` is in. */
export function endOfSecond(now: number): number {
  return startOfSecond(now) + SECOND;
}

/** The start of the second that `time` is in, which is the first that ends after it. */
export function startOfSecond(time: number): number {
  return Math.floor(time / SECOND) * SECOND;
}

/** A goodbye makes no difference: the second that it leaves exists so that nothing is seen of it. */
export function servedTtl(life: Life, time: number): number {
  const left = life.lastHeard + life.lifetime - time;
  // A second less, as time advances in whole seconds.
  return step(Math.min(life.lifetime * HEALTHY - SECOND, left));
}

/** Until when the TTL is this if nothing more is heard. */
export function ttlHolds({ lastHeard, lifetime }: Life, ttl: number): number {
  return ttl > LEAST ? lastHeard + lifetime - ttl * SECOND : Number.POSITIVE_INFINITY;
}

/** True if it might by now be served with less than in good health. */
export function isWaning(life: Life, now: number): boolean {
  return servedTtl(life, now + SECOND) < servedTtl(life, life.lastHeard);
}

function step(milliseconds: number): number {
  return STEPS.find((ttl) => ttl * SECOND <= milliseconds) ?? LEAST;
}

const STEPS = [SERVED_TTL, 5, 2];
const LEAST = 1;
/** The fraction of its life that a record has left, at least, when its first refresh is answered. */
const HEALTHY = 0.15;
/** Milliseconds. */
const SECOND = 1000;
