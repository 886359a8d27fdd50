/**
 * What happened to a zone, and by whom: one value for all who follow the zone. The journal writes it,
 * IXFR sends it as it stands (RFC 1995 §4: the old SOA and what is deleted, the new SOA and what is
 * added), and NOTIFY, views and ready-made answers follow it.
 */
import { Type } from "../../dns/constants.ts";
import type { RecordSet } from "../../dns/record.ts";
import type { Snapshot } from "../snapshot.ts";
import { Draft } from "./draft.ts";

export interface Change {
  /** The serial before. */
  readonly from: number;
  /** The serial after. */
  readonly to: number;
  /** The old SOA, then what was removed. A set whose TTL changed is removed and added as a whole. */
  readonly removed: readonly RecordSet[];
  /** The new SOA, then what was added. */
  readonly added: readonly RecordSet[];
  /** The principal's name. */
  readonly by: string;
}

/** The snapshot that `change` made of `snapshot`. */
export function replay(snapshot: Snapshot, change: Change): Snapshot {
  const draft = new Draft(snapshot);
  for (const { name, type, rdatas } of change.removed) {
    if (type !== Type.SOA) for (const rdata of rdatas) draft.remove(name, rdata);
  }
  for (const { name, type, ttl, rdatas } of change.added) {
    if (type !== Type.SOA) for (const rdata of rdatas) draft.add(name, ttl, rdata);
  }
  const { gone, sets } = draft.difference();
  return snapshot.with(gone, [change.added[0]!, ...sets]);
}

/** True if a set came or went that hides what lies beneath its name: a delegation's NS or a DNAME. */
export function movesCut({ removed, added }: Change): boolean {
  return [...removed, ...added].some(({ type }) => type === Type.NS || type === Type.DNAME);
}
