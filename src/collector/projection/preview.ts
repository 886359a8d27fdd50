/** What a policy would do to services that are already published, in figures and names. Pure. */
import { Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import { parseInstance } from "../../dns/service.ts";
import { RecordSets } from "../recordsets.ts";
import { Judgement, STEERING } from "./judgement.ts";
import type { Denial, Policy } from "./policy.ts";

export interface Preview {
  /** The number of services. */
  readonly services: number;
  /** Services that would be hidden, by what hides them: rules in their order, then what is off by default. */
  readonly hidden: ReadonlyMap<Denial | typeof STEERING, readonly Name[]>;
  /** Services whose TXT records would change. */
  readonly edited: readonly Name[];
}

export function preview(policy: Policy, zone: Name, published: Iterable<RecordSet>): Preview {
  const sets = RecordSets.of(published);
  const judgement = new Judgement(policy, zone);
  judgement.look(sets);
  const hidden = new Map<Denial | typeof STEERING, Name[]>();
  for (const { isAllowed, reason } of policy.rules) if (!isAllowed) hidden.set(reason, []);
  hidden.set(STEERING, []);
  const edited: Name[] = [];
  let services = 0;
  for (const { name, type, rdatas } of sets) {
    const parts = type === Type.SRV ? parseInstance(name) : undefined;
    if (parts?.domain.parent?.equals(zone) !== true) continue;
    services++;
    const objections = rdatas.map((srv) => judgement.objection(name, srv));
    const reason = objections.findLast((objection) => objection !== undefined);
    if (reason !== undefined && !objections.includes(undefined)) {
      hidden.get(reason)!.push(name);
      continue;
    }
    const isEdited = (data: Rdata) => judgement.text(name, data) !== data;
    if (sets.get(name.key, Type.TXT)?.rdatas.some(isEdited)) edited.push(name);
  }
  return { services, hidden, edited };
}
