/**
 * What a record takes of a zone's room, in records of a usual size: those of a service have some
 * dozens of octets, a picture a thousand, and what a stranger makes up may have tens of thousands.
 */
import type { Rdata } from "../../dns/rdata.ts";

export function weightOf(rdata: Rdata): number {
  return 1 + Math.floor(dataOctets(rdata) / USUAL);
}

/** Of the wire, uncompressed; and of memory, the least. */
export function dataOctets({ wire }: Rdata): number {
  return wire.length;
}

/** Octets. With all that comes to them, four times as many are what a record of no data takes. */
const USUAL = 256;
