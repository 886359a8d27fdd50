/**
 * Names that clients browse: `_tcp`, `_ipp._tcp`, `lb._dns-sd._udp` and their like in a domain of
 * services. If such a name does not exist, that may change at any moment, and a cached NXDOMAIN would
 * also hide all that appears beneath it (RFC 8020 §2, RFC 8766 §5.6). So the answer is NODATA.
 *
 * A domain is one of services if it has names beneath `_dns-sd._udp` (RFC 6763 §9, §11). All other names
 * are answered by RFC 1034 alone.
 */
import type { NameKey } from "../../dns/name.ts";
import { enumerations } from "../../dns/service.ts";
import type { Snapshot } from "../snapshot.ts";
import { keysDownTo } from "./cut.ts";

/** True if `name`, which is not in the zone, is one that clients browse. */
export function isBrowseName(snapshot: Snapshot, name: NameKey): boolean {
  for (const domain of keysDownTo(name, snapshot.origin.key)) {
    const isProtocol = (label: string) => name.startsWith(label, domain.length);
    // Strangers choose the name, and it may have a hundred labels: it is split once.
    if (!PROTOCOLS.some(isProtocol)) continue;
    const isServiceDomain = snapshot.node(`${domain}${DNS_SD}` as NameKey) !== undefined;
    return isServiceDomain && isBrowsed(splitKey(name.slice(domain.length)));
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

const PROTOCOLS = ["\x04_tcp", "\x04_udp"];
const DNS_SD = "\x04_udp\x07_dns-sd";
const ENUMERATIONS: ReadonlySet<string> = new Set([...Object.keys(enumerations), "_services"]);
