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
    return isRemoval || published > 0
      ? "the server refuses what it let the key write before; is its zone frozen?"
      : "the server does not let the key write this name; is the key bound to another site, or the zone frozen?";
  }
  if (isRemoval) return "the server refuses to remove a record of this set";
  // BIND answers SERVFAIL if a set has as many records as it may have, 100 by default.
  const remedy = "; BIND takes more with max-records-per-type, up to 65,535 octets";
  return `the server takes no more records in this set${rcode === Rcode.SERVFAIL ? remedy : ""}`;
}

/** The name in a record that is a host's, as BIND sees it. */
function hostOf({ name, type, record }: Obstacle): Name | undefined {
  if (isAddressType(type)) return name;
  const isReverse = type === Type.PTR && name.isUnder(ARPA);
  return type === Type.SRV || isReverse ? targetOf(record) : undefined;
}

const ARPA = Name.parse("arpa.");

/** RFC 952, RFC 1123 §2.1. */
function isHostName(name: Name): boolean {
  return /^(?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)+$/i.test(`${name}`);
}
