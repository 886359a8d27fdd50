/** Zone serial numbers: 32 bits that wrap around (RFC 1982). */

/**
 * Negative if `a` is older than `b`, positive if it is newer, 0 if they are equal. Two that lie exactly
 * 2^31 apart have no order (RFC 1982 §3.2); then each is older than the other, so that neither passes
 * for the newer.
 */
export function compareSerials(a: number, b: number): number {
  return (a - b) | 0;
}

/** The serial after `serial`, never 0 (RFC 2136 §4.2, §7.11). */
export function nextSerial(serial: number): number {
  return (serial + 1) >>> 0 || 1;
}
