/**
 * The Update Lease option (RFC 9664 §4): the lease requested for the records of an update, and in the
 * response the lease granted. Four octets apply to all records; eight give KEY records a lease of their
 * own, since a name is kept longer than the records at it.
 */
import { OptionCode } from "./constants.ts";
import { type Edns, type EdnsOption, optionOf } from "./edns.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

export interface Lease {
  /** Seconds, for KEY records too if they have no lease of their own. */
  readonly lease: number;
  readonly keyLease?: number;
}

/** Undefined if none is requested; an option of any length but 4 or 8 is malformed. */
export function readLease(edns: Edns | undefined): Lease | "malformed" | undefined {
  const data = optionOf(edns, OptionCode.UPDATE_LEASE);
  if (data === undefined) return undefined;
  const reader = new Reader(data);
  switch (data.length) {
    case 4:
      return { lease: reader.u32() };
    case 8:
      return { lease: reader.u32(), keyLease: reader.u32() };
    default:
      return "malformed";
  }
}

export function leaseOption({ lease, keyLease }: Lease): EdnsOption {
  const writer = new Writer(8);
  writer.u32(lease);
  if (keyLease !== undefined) writer.u32(keyLease);
  return { code: OptionCode.UPDATE_LEASE, data: writer.done() };
}
