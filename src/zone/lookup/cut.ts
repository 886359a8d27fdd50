/**
 * Cuts, which hide names of a zone: at and beneath a delegation (RFC 1034 §4.2) another zone is
 * authoritative, and beneath a DNAME (RFC 6672 §2.4) there is nothing. The records there stay in the
 * zone, as glue or occluded (RFC 5936 §3.5), and become visible when the cut goes.
 */
import { Type } from "../../dns/constants.ts";
import type { Name, NameKey } from "../../dns/name.ts";
import type { RecordSet } from "../../dns/record.ts";
import { type Snapshot, setOf } from "../snapshot.ts";

/**
 * The NS or DNAME set that keeps this zone's data from answering for `name` and `type`; the highest, if
 * there are several. For the DS of a delegation the parent answers (RFC 4035 §3.1.4.1).
 */
export function findCut(snapshot: Snapshot, name: Name, type: number): RecordSet | undefined {
  if (snapshot.cuts === 0) return undefined;
  const { origin } = snapshot;
  for (const key of keysDownTo(name.key, origin.key)) {
    const node = snapshot.node(key);
    if (node === undefined) return undefined;
    const isAbove = key.length < name.key.length;
    const ns = key === origin.key ? undefined : setOf(node, Type.NS);
    if (ns !== undefined && (isAbove || type !== Type.DS)) return ns;
    const dname = isAbove ? setOf(node, Type.DNAME) : undefined;
    if (dname !== undefined) return dname;
  }
  return undefined;
}

/** The keys of `ancestor`, of `key`, and of all names between, from the top. */
export function* keysDownTo(key: NameKey, ancestor: NameKey): Generator<NameKey> {
  for (let end = ancestor.length; end < key.length; end += 1 + key.charCodeAt(end)) {
    yield key.slice(0, end) as NameKey;
  }
  yield key;
}
