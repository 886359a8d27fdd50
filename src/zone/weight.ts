/**
 * What a record takes of a zone's room, in records of a usual size: those of a service have some
 * dozens of octets, a picture a thousand, and what a stranger makes up may have tens of thousands.
 */
import type { Value } from "../dns/fields.ts";
import type { Rdata } from "../dns/rdata.ts";

export function weightOf(rdata: Rdata): number {
  return 1 + Math.floor(dataOctets(rdata) / USUAL);
}

/** Of the wire, uncompressed, nearly; and of memory, the least. */
export function dataOctets({ values }: Rdata): number {
  let octets = 0;
  for (const value of values) octets += octetsOf(value);
  return octets;
}

function octetsOf(value: Value): number {
  if (typeof value === "number") return 4;
  return value instanceof Uint8Array ? value.length : value.wireLength;
}

/** Octets. With all that comes to them, four times as many are what a record of no data takes. */
const USUAL = 256;
