/**
 * Subtypes that clients are known to browse instead of the type: printing from a telephone asks for nothing
 * else. No query lists them (RFC 6763 §7.1), and a device announces them unasked only when it appears, so
 * they are asked for wherever their type is heard of.
 */
import { Name, type NameKey } from "../../dns/name.ts";
import { LOCAL } from "../../dns/service.ts";

const table: Readonly<Record<string, readonly string[]>> = {
  // AirPrint, IPP Everywhere (PWG 5100.14) and CUPS.
  "_ipp._tcp": ["_universal", "_print", "_cups"],
  "_ipps._tcp": ["_universal", "_print", "_cups"],
};

const subtypes: ReadonlyMap<NameKey, readonly Name[]> = new Map(
  Object.entries(table).map(([type, labels]) => [
    Name.parse(`${type}.local.`).key,
    labels.map((label) => Name.parse(`${label}._sub.${type}.local.`)),
  ]),
);

/** The subtypes to ask for where this type, a name in `.local`, is heard of. */
export function subtypesOf(type: Name): readonly Name[] {
  return subtypes.get(type.key) ?? [];
}

/** The names of these subtypes in `.local`, without those that are too long. */
export function subtypeNames(type: string, labels: readonly string[]): Name[] {
  const sub = Name.parse(`_sub.${type}`, LOCAL);
  return labels.map((label) => sub.child(label)).filter((name) => name !== undefined);
}
