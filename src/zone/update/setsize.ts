/**
 * How large a set may be: who asks for it is to get it in one message, and secondaries are to take it.
 * A larger one nobody can have, and BIND copies nothing more of a zone that has one.
 */
import { Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import { LEAST_RECORD, type RecordSet } from "../../dns/record.ts";
import { dataOctets } from "./weight.ts";

/**
 * Octets. What is left of 65,535 is for a question, an OPT record, a signature and the longest of
 * TSIGs. BIND's own bound is 65,512, of data and two octets a record.
 */
export const SET_OCTETS = 64_000;

/** Of a record alone there is another bound, for those that are updated. */
export function isTooLarge(set: RecordSet, origin: Name): boolean {
  const { length } = set.rdatas;
  if (length === 1) return false;
  // This is more than it can be, and tells most sets at a glance.
  let octets = length * LEAST_RECORD;
  for (const rdata of set.rdatas) octets += dataOctets(rdata);
  return octets > SET_OCTETS && setOctets(set, origin) > SET_OCTETS;
}

/**
 * What these records of a set take of an answer, or of BIND's memory where that is more. PTRs into the
 * zone are counted without its name, which is written once; other names as if they were written whole.
 */
export function setOctets({ name, type, rdatas }: RecordSet, origin: Name): number {
  const zone = name.wire.slice(-origin.wire.length);
  const short =
    type === Type.PTR ? Math.max(KEPT, LEAST_RECORD + POINTER - zone.length) : LEAST_RECORD;
  let octets = 0;
  for (const rdata of rdatas) {
    octets +=
      dataOctets(rdata) + (short < LEAST_RECORD && leadsInto(rdata, zone) ? short : LEAST_RECORD);
  }
  return octets;
}

/** Does the name in it end with this one, as the octets are? Others are no suffix to point to. */
function leadsInto({ wire }: Rdata, zone: string): boolean {
  if (!wire.endsWith(zone)) return false;
  const end = wire.length - zone.length;
  let at = 0;
  while (at < end) at += 1 + wire.charCodeAt(at);
  return at === end;
}

const POINTER = 2;
/** Of each record beside its data, in BIND. */
const KEPT = 2;
