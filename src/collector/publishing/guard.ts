/**
 * Protects records that the sites of a zone share: each site with printers lists `_ipp._tcp` among the
 * types (RFC 6763 §9), and each tells clients to browse the zone (§11). If the server does not track who
 * wants a record, as leases do, whoever removes one states first what must be gone (RFC 2136 §2.4.3): the
 * type goes with the last printer, and the pointer to the zone with the last type.
 */
import type { Name } from "../../dns/name.ts";
import { type Rdata, targetOf } from "../../dns/rdata.ts";
import { serviceTypesName } from "../../dns/service.ts";
import { apexEnumeration, type Browsed } from "../../zone/apex.ts";

/** The owner of the PTR set that must be gone before this record may go; undefined for most. */
export type Guard = (name: Name, rdata: Rdata) => Name | undefined;

export function guardOf(zone: Name, browsed: Browsed): Guard {
  const types = serviceTypesName(zone);
  const recommending = apexEnumeration(zone, browsed).map(({ name }) => name);
  return (name, rdata) => {
    const target = targetOf(rdata);
    if (types === undefined || target === undefined) return undefined;
    if (name.equals(types)) return target;
    const isZones = target.equals(zone) && recommending.some((other) => other.equals(name));
    return isZones ? types : undefined;
  };
}
