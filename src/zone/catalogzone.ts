/**
 * A catalog zone (RFC 9432): a zone whose records list other zones served here, so that secondaries
 * learn what to copy.
 *
 * Invariant: a zone's label is derived from its name alone, so it is the same in every catalog and after
 * every start. If it changed, secondaries would discard the zone and copy it anew (§5.4).
 */
import { createHash } from "node:crypto";
import { Type } from "../dns/constants.ts";
import { Name } from "../dns/name.ts";
import { rdata } from "../dns/rdata.ts";
import type { RecordSet } from "../dns/record.ts";
import { type Apex, apexRecords } from "./apex.ts";

export interface CatalogZone extends Pick<Apex, "origin" | "contact"> {
  readonly members: readonly Name[];
}

export function catalogRecords({ origin, contact, members }: CatalogZone): RecordSet[] {
  return [
    // Nobody resolves names in it (§4.1).
    ...apexRecords({ origin, contact, nameservers: [Name.parse("invalid.")], serial: 0 }),
    // §4.2.1.
    { name: Name.parse("version", origin), type: Type.TXT, ttl: 0, rdatas: [rdata.txt("2")] },
    ...members.map((zone) => memberRecord(origin, zone)),
  ];
}

/** The record by which the catalog lists a zone (§4.1). */
function memberRecord(catalog: Name, zone: Name): RecordSet {
  const name = Name.parse(`${labelOf(zone)}.zones`, catalog);
  return { name, type: Type.PTR, ttl: 0, rdatas: [rdata.ptr(zone)] };
}

/** Ten octets of a digest, enough that no two zones of a site share a label. */
function labelOf(zone: Name): string {
  const digest = createHash("sha256").update(zone.toLowerCase().wire, "latin1").digest("hex");
  return digest.slice(0, 20);
}
