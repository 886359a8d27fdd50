import { className, typeName } from "../../src/dns/constants.ts";
import { type RecordSet, type ResourceRecord, recordsOf } from "../../src/dns/record.ts";
import { formatRdata } from "../../src/dns/text.ts";

/** A line for each record, as dig prints them. */
export function formatRecord(record: ResourceRecord | RecordSet): string {
  if ("rdatas" in record) return recordsOf(record).map(formatRecord).join("\n");
  const { name, ttl, type, rdata } = record;
  return `${name}\t${ttl}\t${className(record.class)}\t${typeName(type)}\t${formatRdata(rdata)}`;
}
