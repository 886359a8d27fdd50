/**
 * Records that instances of some service types have besides SRV and TXT. They have to be asked for by type,
 * since nothing else reveals that they exist. Of other types than those that `isCarriedType` names, nothing
 * would be published.
 */
import { Type } from "../../dns/constants.ts";
import { Name, type NameKey } from "../../dns/name.ts";

const table: Readonly<Record<string, readonly number[]>> = {
  // The buddy picture of link-local messaging (XEP-0174 and, before it, iChat).
  "_presence._tcp": [Type.NULL],
};

const types: ReadonlyMap<NameKey, readonly number[]> = new Map(
  Object.entries(table).map(([type, records]) => [Name.parse(`${type}.local.`).key, records]),
);

/** The record types to ask for at an instance of this type, which is a name in `.local`. */
export function recordTypesOf(type: Name): readonly number[] {
  return types.get(type.key) ?? [];
}
