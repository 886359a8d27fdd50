/** The memory that a gateway has in use during a soak: weighed at the start and after each tenth. */

export const TENTHS = 10;

/** How the memory grows, if it does; `live` are MiB in use. */
export function growthOf(live: readonly number[]): string | undefined {
  // The history of the zone is full after a minute or two; code is compiled for some time longer.
  const [start, ...tenths] = live;
  const mean = (some: readonly number[]) => some.reduce((sum, each) => sum + each, 0) / some.length;
  const [middle, end] = [mean(tenths.slice(3, 6)), mean(tenths.slice(-3))];
  if (end > middle * GROWTH) {
    return `${middle.toFixed(1)} MiB in the middle, ${end.toFixed(1)} at last`;
  }
  if (end > start! + MAX_GROWN) return `${start} MiB at first, ${end.toFixed(1)} at last`;
  return undefined;
}

export function mebibytes(octets: number): number {
  return Math.round((octets / 2 ** 20) * 10) / 10;
}

/** Growth allowed from the middle to the end: the memory in use fluctuates. */
const GROWTH = 1.05;
/** MiB of growth allowed in all: history, and caches that were empty. */
const MAX_GROWN = 32;
