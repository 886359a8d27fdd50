/** A whole zone from the server that has it, by AXFR (RFC 5936). */
import { systemClock } from "../clock.ts";
import { ConfigError } from "../config/mistakes.ts";
import { Class, Rcode, rcodeName, Type } from "../dns/constants.ts";
import { makeMessage } from "../dns/message.ts";
import type { NameKey } from "../dns/name.ts";
import type { Rdata } from "../dns/rdata.ts";
import type { RecordSet, ResourceRecord } from "../dns/record.ts";
import { askAll } from "../net/exchange.ts";
import { formatEndpoint } from "../net/listener.ts";
import type { Server } from "./server.ts";

/** Milliseconds for the whole transfer. */
const TIMEOUT = 30_000;

/** Throws ConfigError with the server's reason. */
export async function transfer({ address, domain }: Server): Promise<RecordSet[]> {
  const query = makeMessage({ questions: [{ name: domain, type: Type.AXFR, class: Class.IN }] });
  const records: ResourceRecord[] = [];
  let ends = 0;
  try {
    for await (const message of askAll(address, query, { clock: systemClock, timeout: TIMEOUT })) {
      if (message.rcode !== Rcode.NOERROR) {
        throw new Error(`refuses to transfer ${domain}: ${rcodeName(message.rcode)}`);
      }
      for (const record of message.answers) {
        // The SOA opens and closes a transfer (RFC 5936 §2.2).
        if (record.type === Type.SOA && ++ends === 2) break;
        records.push(record);
      }
      if (ends === 2) break;
    }
    if (ends < 2) throw new Error("ended the transfer before its closing SOA");
  } catch (error) {
    throw new ConfigError([`${formatEndpoint(address)}: ${(error as Error).message}`]);
  }
  return setsOf(records);
}

function setsOf(records: readonly ResourceRecord[]): RecordSet[] {
  const sets = new Map<string, Omit<RecordSet, "rdatas"> & { rdatas: Rdata[] }>();
  for (const { name, type, ttl, rdata } of records) {
    const key: `${number} ${NameKey}` = `${type} ${name.key}`;
    const set = sets.get(key);
    if (set === undefined) sets.set(key, { name, type, ttl, rdatas: [rdata] });
    else set.rdatas.push(rdata);
  }
  return [...sets.values()];
}
