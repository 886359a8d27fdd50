/**
 * What of a zone a collector may have put there before it was started: all that lies beneath its
 * sites, and elsewhere the pointers that lead beneath them (RFC 6763 §4.2). An entry in the list of
 * types (RFC 6763 §9) belongs to everybody who has services of that type, so it is its own only
 * where nobody else lists one.
 */
import { Type } from "../dns/constants.ts";
import type { Name } from "../dns/name.ts";
import { type Rdata, targetOf } from "../dns/rdata.ts";
import type { RecordSet } from "../dns/record.ts";
import { serviceTypesName } from "../dns/service.ts";
import { isPublishableType } from "./publishable.ts";
import { RecordSets } from "./recordsets.ts";

export function inheritance(
  sets: Iterable<RecordSet>,
  zone: Name,
  sites: readonly Name[],
): RecordSet[] {
  const whole = RecordSets.of(sets);
  const types = serviceTypesName(zone);
  const isOurs = (name: Name | undefined) =>
    name !== undefined && sites.some((site) => name.isUnder(site));
  const leadsToUs = (rdata: Rdata) => isOurs(targetOf(rdata));
  const listsOurs = (rdata: Rdata) => {
    const type = targetOf(rdata);
    const listed = type && whole.get(type.key, Type.PTR);
    return listed === undefined || listed.rdatas.every(leadsToUs);
  };
  const inherited: RecordSet[] = [];
  for (const set of whole) {
    if (!isPublishableType(set.type)) continue;
    if (isOurs(set.name)) {
      inherited.push(set);
    } else if (set.type === Type.PTR) {
      const isList = types !== undefined && set.name.equals(types);
      const rdatas = set.rdatas.filter(isList ? listsOurs : leadsToUs);
      if (rdatas.length > 0) inherited.push({ ...set, rdatas });
    }
  }
  return inherited;
}
