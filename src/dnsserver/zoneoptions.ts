/**
 * EDNS options about the zone of an answer, for clients that request them: ZONEVERSION, its serial
 * (RFC 9660), which reveals a stale copy among several servers; and with its SOA EXPIRE, how long a copy
 * may be served (RFC 7314 §3.1), which is the value in the SOA, because no zone here is a copy.
 */
import { OptionCode, Type } from "../dns/constants.ts";
import type { Edns, EdnsOption } from "../dns/edns.ts";
import type { Question } from "../dns/message.ts";
import { soaOf } from "../dns/rdata.ts";
import type { Authority } from "../zone/lookup/authority.ts";

export function zoneOptions(
  asked: Edns | undefined,
  { name, type }: Question,
  { origin, soa }: Pick<Authority, "origin" | "soa">,
): readonly EdnsOption[] {
  if (asked === undefined || asked.options.length === 0 || soa === undefined) return none;
  const codes = new Set(asked.options.map(({ code }) => code));
  const { serial, expire } = soaOf(soa.rdatas[0]!);
  const options: EdnsOption[] = [];
  if (codes.has(OptionCode.EXPIRE) && type === Type.SOA && name.equals(origin)) {
    options.push({ code: OptionCode.EXPIRE, data: octetsOf(expire) });
  }
  if (codes.has(OptionCode.ZONEVERSION)) {
    // The number of the zone's labels, without the root, and the type SOA-SERIAL (§2).
    const version = [origin.labels.length, SOA_SERIAL, ...octetsOf(serial)];
    options.push({ code: OptionCode.ZONEVERSION, data: Uint8Array.from(version) });
  }
  return options;
}

const none: readonly EdnsOption[] = [];
const SOA_SERIAL = 0;

function octetsOf(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}
