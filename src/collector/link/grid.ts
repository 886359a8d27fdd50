/**
 * Times rounded up to a grid: what is due at about the same time becomes due at the same time, so
 * that its questions share a packet (RFC 6762 §5.3). Later is always allowed, earlier never.
 */
export function onGrid(time: number, spacing: number): number {
  const step = 2 ** Math.floor(Math.log2(Math.max(spacing, 1)));
  return Math.ceil(time / step) * step;
}
