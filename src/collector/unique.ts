/**
 * Which types are unique: a set of them has one owner, who announces all of it at once (RFC 6762 §10.2). Of
 * a list, or of the addresses of a host with several links, each collector may hear only a part.
 */
import { isAddressType, Type } from "../dns/constants.ts";
import type { Name } from "../dns/name.ts";
import { LOCAL } from "../dns/service.ts";

export function isUnique(type: number): boolean {
  return !leadsElsewhere(type) && !isAddressType(type);
}

/**
 * True for types that lead elsewhere: list entries and aliases. (Nothing may exist beside a CNAME,
 * RFC 1034 §3.6.2, so the old one has to go before anything new comes.)
 */
export function leadsElsewhere(type: number): boolean {
  return type === Type.PTR || type === Type.CNAME;
}

/** True for types of which a service usually has one record: SRV and TXT (RFC 6763 §5, §6). */
export function isSingle(type: number): boolean {
  return type === Type.SRV || type === Type.TXT;
}

/**
 * True for a list of the link, which has many owners, even on one machine. Nobody's announcement is all of
 * it, though some claim to be (RFC 6762 §10.2).
 */
export function isShared({ name, type }: { readonly name: Name; readonly type: number }): boolean {
  return type === Type.PTR && name.isUnder(LOCAL);
}
