/**
 * Has what is at a name one owner, who says all of it at once (RFC 6762 §10.2)? Of a list, and of the
 * addresses of a host with several links, each collector may hear a part.
 */
import { isAddressType, Type } from "../dns/constants.ts";
import type { Name } from "../dns/name.ts";
import { LOCAL } from "../dns/service.ts";

export function isUnique(type: number): boolean {
  return !leads(type) && !isAddressType(type);
}

/**
 * Does it lead elsewhere, as an entry of a list and an alias do? (Nothing may stand beside a CNAME, RFC
 * 1034 §3.6.2, so the old one has to go before what is new comes.)
 */
export function leads(type: number): boolean {
  return type === Type.PTR || type === Type.CNAME;
}

/** Is it one record as a rule: the SRV or the TXT record of a service (RFC 6763 §5, §6)? */
export function isWhole(type: number): boolean {
  return type === Type.SRV || type === Type.TXT;
}

/**
 * Is it a list of the link, which has many owners, on one machine too? Nobody's word is all there is of
 * it, though some say so (RFC 6762 §10.2).
 */
export function isShared({ name, type }: { readonly name: Name; readonly type: number }): boolean {
  return type === Type.PTR && name.isUnder(LOCAL);
}
