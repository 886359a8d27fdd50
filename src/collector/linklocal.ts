/** Which records a link can say something of. */
import { Type } from "../dns/constants.ts";
import { Name } from "../dns/name.ts";
import { LOCAL } from "../dns/service.ts";

/** Neither OPT nor a question type (RFC 6895 §3.1). */
export function isData(type: number): boolean {
  return type !== 0 && type !== Type.OPT && (type < 128 || type > 255);
}

/** `.local` and the reverse names, which hosts announce beside their addresses (RFC 6762 §4). */
export function isOfLink(name: Name): boolean {
  return name.isUnder(LOCAL) || name.isUnder(REVERSE4) || name.isUnder(REVERSE6);
}

const REVERSE4 = Name.parse("in-addr.arpa.");
const REVERSE6 = Name.parse("ip6.arpa.");
