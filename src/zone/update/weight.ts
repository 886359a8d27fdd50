/**
 * How much of a zone's room a record takes, in records of usual size: the records of a service have some
 * dozens of octets, a picture has a thousand, and what a stranger makes up may have tens of thousands.
 */
import type { Rdata } from "../../dns/rdata.ts";

export function weightOf(rdata: Rdata): number {
  return 1 + Math.floor(dataOctets(rdata) / USUAL);
}

/** Octets on the wire, uncompressed; in memory they are at least as many. */
export function dataOctets({ wire }: Rdata): number {
  return wire.length;
}

/** Octets of data for each unit of weight; a record of fewer takes some 650 in memory all the same. */
const USUAL = 256;
