/**
 * Additional records: those a DNS-SD client asks for next (RFC 6763 §12), and the addresses without
 * which a delegation leads nowhere (RFC 1034 §4.3.2, RFC 9471). Nothing else, and only from this zone.
 */
import { ADDRESS_TYPES, Type } from "../../dns/constants.ts";
import type { Name, NameKey } from "../../dns/name.ts";
import { targetOf } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import { type Snapshot, setOf } from "../snapshot.ts";
import { findCut } from "./cut.ts";

export interface Additionals {
  /** Each set once. */
  readonly sets: RecordSet[];
  /** The names at which they were looked up, except those at or beneath the answer's own. */
  readonly names: NameKey[];
}

/** For a PTR, SRV and TXT of each instance and then the addresses; for an SRV, the addresses. */
export function additionalsOf(snapshot: Snapshot, answer: RecordSet): Additionals {
  const found = new Finds(snapshot, answer.name);
  if (answer.type === Type.SRV) found.addAddresses(answer);
  if (answer.type === Type.PTR) {
    for (const rdata of answer.rdatas.slice(0, MAX_INSTANCES)) found.addInstance(targetOf(rdata)!);
  }
  return found;
}

/** The addresses of a delegation's servers that lie in this zone, beneath the cut or elsewhere. */
export function glueOf(snapshot: Snapshot, delegation: RecordSet): Additionals {
  const found = new Finds(snapshot, delegation.name);
  for (const rdata of delegation.rdatas) found.addGlue(targetOf(rdata)!);
  return found;
}

/** With their SRV, TXT and addresses these fill the 64 kB of the largest message. */
const MAX_INSTANCES = 1000;

class Finds implements Additionals {
  readonly sets: RecordSet[] = [];
  readonly names: NameKey[] = [];
  readonly #snapshot: Snapshot;
  readonly #owner: Name;
  readonly #instances = new Set<NameKey>();
  /** Separate from `#instances`, since a service may be its own host. */
  readonly #hosts = new Set<NameKey>();

  constructor(snapshot: Snapshot, owner: Name) {
    this.#snapshot = snapshot;
    this.#owner = owner;
  }

  addInstance(name: Name): void {
    if (!this.#visit(name, this.#instances)) return;
    if (findCut(this.#snapshot, name, Type.SRV) !== undefined) return;
    const srv = this.#snapshot.set(name, Type.SRV);
    // Without an SRV it is not an instance but, for example, a domain to browse.
    if (srv === undefined) return;
    this.sets.push(srv);
    this.#addSets(name, [Type.TXT]);
    this.addAddresses(srv);
  }

  addAddresses(srv: RecordSet): void {
    for (const rdata of srv.rdatas) {
      const host = targetOf(rdata)!;
      if (!this.#visit(host, this.#hosts)) continue;
      if (findCut(this.#snapshot, host, Type.A) !== undefined) continue;
      this.#addSets(host, ADDRESS_TYPES);
    }
  }

  addGlue(server: Name): void {
    if (this.#visit(server, this.#hosts)) this.#addSets(server, ADDRESS_TYPES);
  }

  /** True if the name is in the zone and has not been visited yet. */
  #visit(name: Name, visited: Set<NameKey>): boolean {
    if (!name.isUnder(this.#snapshot.origin) || visited.has(name.key)) return false;
    visited.add(name.key);
    if (!name.isUnder(this.#owner)) this.names.push(name.key);
    return true;
  }

  #addSets(name: Name, types: readonly number[]): void {
    const node = this.#snapshot.node(name.key);
    if (node === undefined) return;
    for (const type of types) {
      const set = setOf(node, type);
      if (set !== undefined) this.sets.push(set);
    }
  }
}
