/**
 * Which records a link can say something of: data of `.local` and of the reverse names, which hosts
 * announce beside their addresses (RFC 6762 §4).
 */
import { isDataType } from "../../dns/constants.ts";
import { Name } from "../../dns/name.ts";
import { LOCAL } from "../../dns/service.ts";

export function isHearable(name: Name, type: number): boolean {
  return isDataType(type) && domains.some((domain) => name.isUnder(domain));
}

const domains = [LOCAL, Name.parse("in-addr.arpa."), Name.parse("ip6.arpa.")];
