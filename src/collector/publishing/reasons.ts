/** What may be wrong if a server refuses a record, in the administrator's words. */
import { isAddressType, Rcode, Type } from "../../dns/constants.ts";
import { Name } from "../../dns/name.ts";
import { targetOf } from "../../dns/rdata.ts";
import type { Obstacle } from "./obstacles.ts";

export function reasonOf(refusal: Obstacle, rcode: Rcode, hasKey: boolean): string {
  const { isRemoval, published } = refusal;
  if (rcode === Rcode.REFUSED) {
    const host = isRemoval ? undefined : hostOf(refusal);
    if (host !== undefined && !isHostName(host)) {
      return "the server refuses a host whose name has characters other than letters, digits and hyphens; BIND accepts it with check-names ignore";
    }
    if (!hasKey) return "the server lets nobody write this name without a key";
    if (isRemoval || published > 0) {
      return "the server refuses what it let the key write before; is its zone frozen?";
    }
    const bound = isReverse(refusal.name) ? "another site or other networks" : "another site";
    return `the server does not let the key write this name; is the key bound to ${bound}, or the zone frozen?`;
  }
  if (isRemoval) return "the server refuses to remove a record of this set";
  // BIND answers SERVFAIL if a set has as many records as it may have, 100 by default.
  const remedy = "; BIND takes more with max-records-per-type, up to 65,535 octets";
  return `the server takes no more records in this set${rcode === Rcode.SERVFAIL ? remedy : ""}`;
}

/** The name in a record that is a host's, as BIND sees it. */
function hostOf({ name, type, record }: Obstacle): Name | undefined {
  if (isAddressType(type)) return name;
  const isPointer = type === Type.PTR && isReverse(name);
  return type === Type.SRV || isPointer ? targetOf(record) : undefined;
}

/** A zone in home.arpa is like any other. */
function isReverse(name: Name): boolean {
  return REVERSE.some((each) => name.isUnder(each));
}

const REVERSE = [Name.parse("in-addr.arpa."), Name.parse("ip6.arpa.")];

/** RFC 952, RFC 1123 §2.1. */
function isHostName(name: Name): boolean {
  return /^(?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)+$/i.test(`${name}`);
}
