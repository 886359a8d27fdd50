/**
 * A name that a client watches: which types are wanted of it, and which sets the client knows. What is to
 * be told is the difference to what there is now (RFC 8765 §6.3.1), of names as they stand in the zone:
 * no wildcard, no alias that is followed (§6.2.1).
 */
import { Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import { added, allRemoved, removed } from "../../dns/push.ts";
import type { RecordSet, ResourceRecord } from "../../dns/record.ts";
import type { FollowedZone } from "../ready.ts";

interface Wanted {
  readonly type: number;
  /** Who asks anew is told all there is, whatever was told before. */
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

  /** What is to be told for the client to know what there is. */
  update(): readonly ResourceRecord[] {
    const { name } = this;
    const wanted = [...this.#wanted.values()];
    const all = this.zone.current.node(name.key)?.sets ?? [];
    const now = all.filter(isWantedOf(wanted));
    const told = this.#told;
    this.#told = now;
    const isAnew = isWantedOf(wanted.filter((each) => each.isAnew));
    for (const each of wanted) each.isAnew = false;
    // The shortest way to say that nothing is left (RFC 8765 §6.3.1).
    if (all.length === 0 && told.length > 1) return [allRemoved(name, Type.ANY)];
    const before = new Map(told.map((set) => [set.type, set]));
    const notices: ResourceRecord[] = [];
    for (const set of told) {
      if (now.every(({ type }) => type !== set.type)) notices.push(allRemoved(name, set.type));
    }
    for (const set of now) {
      const old = before.get(set.type);
      const more = isAnew(set) ? wholeOf(old, set) : old === set ? [] : differenceOf(old, set);
      for (const notice of more) notices.push(notice);
    }
    return notices;
  }
}

/** As questions have it, an alias is what there is of whatever type (RFC 8765 §2, §6.3.1). */
function isWantedOf(wanted: readonly Wanted[]): (set: RecordSet) => boolean {
  const types = new Set(wanted.map(({ type }) => type));
  return ({ type }) =>
    types.has(type) || types.has(Type.ANY) || (type === Type.CNAME && types.size > 0);
}

/** All of a set, and what has gone of what there was. */
function wholeOf(old: RecordSet | undefined, set: RecordSet): readonly ResourceRecord[] {
  const notices = old === undefined ? [] : removals(old, set);
  for (const rdata of set.rdatas) notices.push(added(set, rdata));
  return notices;
}

/** What makes the one set of the other. A TTL is told with all records that have it. */
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
  /** Not held, as that has one before it too: as long as one of them lives, all would. */
  readonly from: WeakRef<RecordSet>;
  readonly notices: readonly ResourceRecord[];
}

/** Many clients have the same list, and the same change of it. */
const differences = new WeakMap<RecordSet, Difference>();

function removals(old: RecordSet, now: RecordSet): ResourceRecord[] {
  const left = new Set(now.rdatas.map(({ key }) => key));
  return old.rdatas.flatMap((rdata) => (left.has(rdata.key) ? [] : [removed(old, rdata)]));
}
