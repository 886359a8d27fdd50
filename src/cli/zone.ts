/** `zone`: the zone as it is served now, by AXFR (RFC 5936), printed as a master file in order. */

import { systemClock } from "../clock.ts";
import { ConfigError } from "../config/mistakes.ts";
import { Class, Rcode, rcodeName, Type } from "../dns/constants.ts";
import { makeMessage } from "../dns/message.ts";
import type { NameKey } from "../dns/name.ts";
import type { Rdata } from "../dns/rdata.ts";
import type { RecordSet, ResourceRecord } from "../dns/record.ts";
import { askAll } from "../net/exchange.ts";
import { formatEndpoint } from "../net/listener.ts";
import { formatMasterFile } from "../zone/masterfile.ts";
import { Snapshot } from "../zone/snapshot.ts";
import { chooseServer, type ServerOptions } from "./server.ts";

/** Milliseconds for the whole transfer. */
const TIMEOUT = 30_000;

export async function zone(options: ServerOptions): Promise<void> {
  const { address, domain } = chooseServer(options);
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
  process.stdout.write(formatMasterFile(Snapshot.of(domain, setsOf(records)), domain));
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
