/**
 * Which records are accepted from a link: data of `.local` and of the reverse names, which hosts announce
 * along with their addresses (RFC 6762 §4), no longer than a packet may be.
 */
import { isDataType } from "../../dns/constants.ts";
import { Name } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import { LOCAL } from "../../dns/service.ts";
import { LONGEST_HEARD } from "../../zone/update/principal.ts";
import { dataOctets } from "../../zone/update/weight.ts";

export function isHearable(name: Name, rdata: Rdata): boolean {
  const isData = isDataType(rdata.type) && dataOctets(rdata) <= LONGEST_HEARD;
  return isData && domains.some((domain) => name.isUnder(domain));
}

const domains = [LOCAL, Name.parse("in-addr.arpa."), Name.parse("ip6.arpa.")];
