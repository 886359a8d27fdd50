/**
 * The Update Lease option (RFC 9664 §4): for how long an update's records are asked for, and in the
 * response for how long they are granted. Four octets say it for all records, eight say it for KEY
 * records apart, for a name is kept longer than what stands at it.
 */
import { OptionCode } from "./constants.ts";
import { type Edns, type EdnsOption, optionOf } from "./edns.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

export interface Lease {
  /** Seconds, of KEY records too where those have none of their own. */
  readonly lease: number;
  readonly keyLease?: number;
}

/** Undefined where none is asked for; an option of any other length is malformed. */
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
