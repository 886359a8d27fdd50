/**
 * The TTL a record is served with: 10 s (RFC 8766 §5.5.1), and never more than what is left of its
 * life (RFC 2181 §8), in a few steps. A record in good health has one TTL for ever: its refresh is
 * answered long before what is left comes down to what is served.
 */
import type { HeardRecord } from "./heard.ts";

/** Seconds. */
export const SERVED_TTL = 10;

type Life = Pick<HeardRecord, "lastHeard" | "lifetime">;

/** The second after a goodbye does not count: it is there for nothing to be seen of it. */
export function servedTtl(life: Life, now: number): number {
  const left = life.lastHeard + life.lifetime - now;
  return step(Math.min(life.lifetime * HEALTHY, left));
}

/** When it would be another, were nothing more heard. */
export function ttlEnds({ lastHeard, lifetime }: Life, ttl: number): number {
  const end = lastHeard + lifetime;
  if (ttl > LEAST) return end - ttl * 1000 + 1;
  // One that is at the last step may be heard again before its end, and then is served as before.
  return step(lifetime * HEALTHY) > LEAST ? end : Number.POSITIVE_INFINITY;
}

function step(milliseconds: number): number {
  return STEPS.find((ttl) => ttl * 1000 <= milliseconds) ?? LEAST;
}

const STEPS = [SERVED_TTL, 5, 2];
const LEAST = 1;
/** The part of its life a record has left, at the least, when its first refresh is answered. */
const HEALTHY = 0.15;
