/** The services of a zone as people know them: what a browser of DNS-SD would list, resolved. */
import { attributesOf } from "../dns/attribute.ts";
import { ADDRESS_TYPES, Type } from "../dns/constants.ts";
import { labelToUnicode, type Name, type NameKey, rankOf, textOfLabel } from "../dns/name.ts";
import { addressOf, srvOf, targetOf } from "../dns/rdata.ts";
import { parseInstance, serviceTypesName } from "../dns/service.ts";
import { batches } from "../zone/batches.ts";
import type { Snapshot } from "../zone/snapshot.ts";

export interface Service {
  /** As people write it: "Office Printer". */
  readonly instance: string;
  /** "_ipp._tcp". */
  readonly type: string;
  /** Its place in the zone: "paris"; empty at the zone itself, a full name where it is elsewhere. */
  readonly site: string;
  /** The full name, as DNS writes it. */
  readonly name: string;
  /** Without the last dot; undefined where it has no SRV record. */
  readonly host: string | undefined;
  readonly port: number | undefined;
  /** The first of each type, if its host has very many. */
  readonly addresses: readonly string[];
  /** The strings of its TXT record that have a key (RFC 6763 §6.4). */
  readonly text: readonly string[];
}

/**
 * Sorted by site, type and instance. Yields pieces, the first of them empty: each takes a few milliseconds,
 * except for the one that sorts all.
 */
export function* servicesIn(zone: Snapshot): Generator<readonly Service[]> {
  const byName = new Map<NameKey, Found>();
  for (const type of targetsAt(zone, serviceTypesName(zone.origin))) {
    for (const some of batches(zone.set(type, Type.PTR)?.rdatas ?? [], RANKED)) {
      for (const name of some.flatMap((rdata) => targetOf(rdata) ?? [])) {
        // Types other than its own may list a service too.
        if (byName.has(name.key)) continue;
        // What is outside the zone comes last.
        const rank = `${name.isUnder(zone.origin) ? 0 : 1}${rankOf(name)}`;
        byName.set(name.key, { rank, name, type });
      }
      yield [];
    }
  }
  const found = [...byName.values()].sort((a, b) => (a.rank < b.rank ? -1 : 1));
  for (const some of batches(found, PIECE)) {
    yield some.map(({ name, type }) => serviceAt(zone, name, type));
  }
}

interface Found {
  readonly rank: string;
  readonly name: Name;
  /** The first type that lists it. */
  readonly type: Name;
}

function serviceAt(zone: Snapshot, name: Name, listed: Name): Service {
  const { instance = name.labels[0]!, type = listed, domain = name } = parseInstance(name) ?? {};
  const [srv] = zone.set(name, Type.SRV)?.rdatas ?? [];
  const { target: host, port } = srv === undefined ? NOWHERE : srvOf(srv);
  const [text] = zone.set(name, Type.TXT)?.rdatas ?? [];
  return {
    instance: textOfLabel(instance),
    type: type.labels.slice(0, 2).map(labelToUnicode).join("."),
    site: domain.isUnder(zone.origin)
      ? domain.labelsUnder(zone.origin).map(labelToUnicode).join(".")
      : domain.toUnicode(),
    name: name.toString(),
    host: host?.toUnicode().replace(/\.$/, ""),
    port,
    addresses: host === undefined ? [] : addressesAt(zone, host),
    text: text === undefined ? [] : attributesOf(text).map(({ string }) => textOfLabel(string)),
  };
}

function addressesAt(zone: Snapshot, host: Name, aliases = MAX_ALIASES): string[] {
  const found = ADDRESS_TYPES.flatMap((type) => {
    const some = zone.set(host, type)?.rdatas.slice(0, MAX_ADDRESSES) ?? [];
    return some.flatMap((rdata) => addressOf(rdata) ?? []);
  });
  const [alias] = zone.set(host, Type.CNAME)?.rdatas ?? [];
  const target = alias && targetOf(alias);
  if (found.length > 0 || target === undefined || aliases === 0) return found;
  return addressesAt(zone, target, aliases - 1);
}

function targetsAt(zone: Snapshot, name: Name | undefined): Name[] {
  const set = name && zone.set(name, Type.PTR);
  return (set?.rdatas ?? []).flatMap((rdata) => targetOf(rdata) ?? []);
}

/** How many names to rank, and services to make, in one piece. */
const RANKED = 512;
const PIECE = 64;
const NOWHERE = { target: undefined, port: undefined };
/** Of a type, more than any device has: a stranger's has thousands, and as many services with all of them. */
const MAX_ADDRESSES = 32;
/** RFC 1034 §3.6.2 wants no chain of aliases; one that exists ends somewhere. */
const MAX_ALIASES = 8;
