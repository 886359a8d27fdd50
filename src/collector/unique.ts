/**
 * Has what is at a name one owner, who says all of it at once (RFC 6762 §10.2)? Of a list, and of the
 * addresses of a host with several links, each collector may hear a part.
 */
import { Type } from "../dns/constants.ts";

export function isUnique(type: number): boolean {
  return !leads(type) && !isAddress(type);
}

/** A CNAME suffers nothing beside it, so the two cannot change places in another order. */
export function leads(type: number): boolean {
  return type === Type.PTR || type === Type.CNAME;
}

export function isAddress(type: number): boolean {
  return type === Type.A || type === Type.AAAA;
}
