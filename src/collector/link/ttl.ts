/**
 * The TTL a record is served with: 10 s (RFC 8766 §5.5.1), and never more than what is left of its
 * life (RFC 2181 §8), in a few steps. A record in good health has one TTL for ever: its refresh is
 * answered long before what is left comes down to what is served.
 *
 * Time itself goes in whole seconds here, as TTLs do, and what holds at the end of one holds in all
 * of it: thousands of lives that run out are looked at once a second, not thousands of times, and
 * nothing is served for longer than it lives.
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

/** The second after a goodbye does not count: it is there for nothing to be seen of it. */
export function servedTtl(life: Life, time: number): number {
  const left = life.lastHeard + life.lifetime - time;
  // A second less, for time goes in whole ones.
  return step(Math.min(life.lifetime * HEALTHY - SECOND, left));
}

/** Until when it is this, were nothing more heard. */
export function ttlHolds({ lastHeard, lifetime }: Life, ttl: number): number {
  return ttl > LEAST ? lastHeard + lifetime - ttl * SECOND : Number.POSITIVE_INFINITY;
}

/** Might it be served with less than in good health by now? */
export function isWaning(life: Life, now: number): boolean {
  return servedTtl(life, now + SECOND) < servedTtl(life, life.lastHeard);
}

function step(milliseconds: number): number {
  return STEPS.find((ttl) => ttl * SECOND <= milliseconds) ?? LEAST;
}

const STEPS = [SERVED_TTL, 5, 2];
const LEAST = 1;
/** The part of its life a record has left, at the least, when its first refresh is answered. */
const HEALTHY = 0.15;
/** Milliseconds. */
const SECOND = 1000;
