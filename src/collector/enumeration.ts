/**
 * The records by which a collector lists its own sites, so that clients learn where to browse
 * (RFC 6763 §11): beneath each site the site itself, and at the zone what is to be browsed there. They are
 * published and withdrawn with everything else; where there are several collectors, each adds its own.
 *
 * Invariant: `db` has one record, which `b` has too (RFC 8766 §5.2.1), however many collectors publish into
 * the zone: for its `db` they all want the same record, or none.
 */
import type { Name } from "../dns/name.ts";
import type { RecordSet } from "../dns/record.ts";
import { BROWSING } from "../dns/service.ts";
import { apexEnumeration, type Browsed, enumeration } from "../zone/apex.ts";

export interface Enumerated {
  readonly zone: Name;
  readonly browsed: Browsed;
  /** The domains of the sites where the collector has links, each once. */
  readonly sites: readonly Name[];
}

export function enumerationRecords({ zone, browsed, sites }: Enumerated): RecordSet[] {
  if (sites.length === 0) return [];
  return [
    ...sites.flatMap((site) => enumeration(site, BROWSING, [site])),
    ...apexEnumeration(zone, browsed, sites),
  ];
}
