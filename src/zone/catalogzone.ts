/**
 * A catalog zone (RFC 9432): the zones served here as the records of one zone more, from which
 * secondaries learn what to copy.
 *
 * Invariant: a zone's label is made of its name, so it is the same in every catalog that lists it,
 * after every start; another label would have secondaries throw the zone away and copy it anew (§5.4).
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
  const set = (owner: string, type: number, data: RecordSet["rdatas"][number]): RecordSet => ({
    name: Name.parse(owner, origin),
    type,
    ttl: 0,
    rdatas: [data],
  });
  return [
    // Nobody resolves names in it (§4.1).
    ...apexRecords({ origin, contact, nameservers: [Name.parse("invalid.")], serial: 0 }),
    // §4.2.1.
    set("version", Type.TXT, rdata.txt("2")),
    ...members.map((zone) => set(`${labelOf(zone)}.zones`, Type.PTR, rdata.ptr(zone))),
  ];
}

/** Ten octets of a digest: no two of a site's zones have the same. */
function labelOf(zone: Name): string {
  const digest = createHash("sha256").update(zone.toLowerCase().wire, "latin1").digest("hex");
  return digest.slice(0, 20);
}
