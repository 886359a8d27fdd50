/**
 * A name that a client watches: the types that it wants, and the sets that it knows. Their difference from
 * the current sets is sent (RFC 8765 §6.3.1). Names are taken as they stand in the zone: no wildcard is
 * expanded, no alias followed (§6.2.1).
 */
import { Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import { added, removed } from "../../dns/push.ts";
import type { RecordSet, ResourceRecord } from "../../dns/record.ts";
import type { FollowedZone } from "../ready.ts";

interface Wanted {
  readonly type: number;
  /** True for a new subscription, which is sent all there is, whatever was sent before. */
  isAnew: boolean;
}

export class Watched {
  readonly name: Name;
  readonly zone: FollowedZone;
  /** By type and class. */
  readonly #wanted = new Map<string, Wanted>();
  #told: readonly RecordSet[] = [];

  constructor(name: Name, zone: FollowedZone) {
    this.name = name;
    this.zone = zone;
  }

  get isWanted(): boolean {
    return this.#wanted.size > 0;
  }

  has(type: number, klass: number): boolean {
    return this.#wanted.has(`${type} ${klass}`);
  }

  add(type: number, klass: number): void {
    this.#wanted.set(`${type} ${klass}`, { type, isAnew: true });
  }

  delete(type: number, klass: number): void {
    this.#wanted.delete(`${type} ${klass}`);
    this.#told = this.#told.filter(isWantedOf([...this.#wanted.values()]));
  }

  /** The notices that bring the client up to date. */
  update(): readonly ResourceRecord[] {
    const wanted = [...this.#wanted.values()];
    const sets = this.zone.current.node(this.name.key)?.sets ?? [];
    const now = sets.filter(isWantedOf(wanted));
    const told = this.#told;
    this.#told = now;
    const isAnew = isWantedOf(wanted.filter((each) => each.isAnew));
    for (const each of wanted) each.isAnew = false;
    const before = new Map(told.map((set) => [set.type, set]));
    const notices: ResourceRecord[] = [];
    for (const set of told) {
      if (now.some(({ type }) => type === set.type)) continue;
      // One by one: Apple's clients take the shorter form, of all at once (§6.3.1), for an addition, as they
      // lower its TTL to an hour, and keep what is gone until they unsubscribe.
      for (const rdata of set.rdatas) notices.push(removed(set, rdata));
    }
    for (const set of now) {
      const old = before.get(set.type);
      const more = isAnew(set) ? wholeOf(old, set) : old === set ? [] : differenceOf(old, set);
      for (const notice of more) notices.push(notice);
    }
    return notices;
  }
}

/** As for queries, a CNAME matches whatever type is wanted (RFC 8765 §2, §6.3.1). */
function isWantedOf(wanted: readonly Wanted[]): (set: RecordSet) => boolean {
  const types = new Set(wanted.map(({ type }) => type));
  return ({ type }) =>
    types.has(type) || types.has(Type.ANY) || (type === Type.CNAME && types.size > 0);
}

/** Adds all of a set, and removes what has gone from the old one. */
function wholeOf(old: RecordSet | undefined, set: RecordSet): readonly ResourceRecord[] {
  const notices = old === undefined ? [] : removals(old, set);
  for (const rdata of set.rdatas) notices.push(added(set, rdata));
  return notices;
}

/** The notices that turn the old set into the new. After a change of TTL, all records are sent. */
function differenceOf(old: RecordSet | undefined, set: RecordSet): readonly ResourceRecord[] {
  if (old === undefined) return wholeOf(old, set);
  const known = differences.get(set);
  if (known?.from.deref() === old) return known.notices;
  const had = new Set(old.ttl === set.ttl ? old.rdatas.map(({ wire }) => wire) : []);
  const notices = removals(old, set);
  for (const rdata of set.rdatas) if (!had.has(rdata.wire)) notices.push(added(set, rdata));
  differences.set(set, { from: new WeakRef(old), notices });
  return notices;
}

interface Difference {
  /** Weak, because the old set may have a difference too: otherwise a set would keep all before it alive. */
  readonly from: WeakRef<RecordSet>;
  readonly notices: readonly ResourceRecord[];
}

/** A cache, because many clients have the same list and get the same change of it. */
const differences = new WeakMap<RecordSet, Difference>();

function removals(old: RecordSet, now: RecordSet): ResourceRecord[] {
  const left = new Set(now.rdatas.map(({ key }) => key));
  return old.rdatas.flatMap((rdata) => (left.has(rdata.key) ? [] : [removed(old, rdata)]));
}
