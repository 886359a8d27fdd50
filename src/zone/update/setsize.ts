/**
 * How large a set may be: it must fit into one message for whoever asks, and secondaries must accept it.
 * Nobody can get a larger one, and BIND stops transferring a zone that has one.
 */
import { Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import { LEAST_RECORD, type RecordSet } from "../../dns/record.ts";
import { dataOctets } from "./weight.ts";

/**
 * Octets. The rest of 65,535 is for a question, an OPT record, a signature and the longest TSIG. BIND's
 * own limit is 65,512, counting data and two octets a record.
 */
export const SET_OCTETS = 64_000;

/**
 * Octets of data. With its name, a question, an OPT record and the longest TSIG, a record of this length
 * still fits into one message of a transfer (RFC 5936 §2.2), to anyone and with any key.
 */
export const RECORD_OCTETS = 64_000;

/** A single record is never too large here: `RECORD_OCTETS` is its limit. */
export function isTooLarge(set: RecordSet, origin: Name): boolean {
  const { length } = set.rdatas;
  if (length === 1) return false;
  // This is an upper bound, and clears most sets at once.
  let octets = length * LEAST_RECORD;
  for (const rdata of set.rdatas) octets += dataOctets(rdata);
  return octets > SET_OCTETS && setOctets(set, origin) > SET_OCTETS;
}

/**
 * The octets that these records take in an answer, or in BIND's memory if that is more. PTRs into the zone
 * are counted without its name, which is written once; other names are counted whole.
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

/** True if the name in it ends with this one, octet for octet; no other suffix can be pointed to. */
function leadsInto({ wire }: Rdata, zone: string): boolean {
  if (!wire.endsWith(zone)) return false;
  const end = wire.length - zone.length;
  let at = 0;
  while (at < end) at += 1 + wire.charCodeAt(at);
  return at === end;
}

const POINTER = 2;
/** Octets that BIND keeps for each record besides its data. */
const KEPT = 2;
