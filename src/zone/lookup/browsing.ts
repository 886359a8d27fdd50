/**
 * Names that clients browse: `_tcp`, `_ipp._tcp`, `lb._dns-sd._udp` and their like in a domain of
 * services. That they are not there is true for this moment only, and a cached NXDOMAIN would hide
 * with them all that comes to be beneath them (RFC 8020 §2, RFC 8766 §5.6). So they get NODATA.
 *
 * A domain is one of services when it has names beneath `_dns-sd._udp` (RFC 6763 §9, §11). All else
 * is answered by RFC 1034 alone.
 */
import type { NameKey } from "../../dns/name.ts";
import { enumerations } from "../../dns/service.ts";
import type { Snapshot } from "../snapshot.ts";
import { keysDownTo } from "./cut.ts";

/** Is `name`, which the zone does not have, one to be browsed? */
export function isBrowseName(snapshot: Snapshot, name: NameKey): boolean {
  for (const domain of keysDownTo(name, snapshot.origin.key)) {
    const labels = splitKey(name.slice(domain.length));
    if (labels[0] !== "_tcp" && labels[0] !== "_udp") continue;
    const isServiceDomain = snapshot.node(`${domain}${DNS_SD}` as NameKey) !== undefined;
    return isServiceDomain && isBrowsed(labels);
  }
  return false;
}

/** Labels below a domain, root first: a protocol, a type or subtypes of it, an enumeration. */
function isBrowsed([, service, third, ...more]: readonly string[]): boolean {
  if (service === undefined) return true;
  if (third === undefined) return service.startsWith("_");
  if (service === "_dns-sd") return more.length === 0 && ENUMERATIONS.has(third);
  return service.startsWith("_") && third === "_sub" && more.length <= 1;
}

function splitKey(key: string): string[] {
  const labels: string[] = [];
  for (let at = 0; at < key.length; ) {
    const end = at + 1 + key.charCodeAt(at);
    labels.push(key.slice(at + 1, end));
    at = end;
  }
  return labels;
}

const DNS_SD = "\x04_udp\x07_dns-sd";
const ENUMERATIONS: ReadonlySet<string> = new Set([...Object.keys(enumerations), "_services"]);
