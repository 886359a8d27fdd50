/**
 * Groups records into sets, and checks a zone before it is served (RFC 1035 §5.2): what cannot be served
 * is a mistake, what is odd a warning.
 */
import { isIPv4 } from "node:net";
import { addressOfReverseName } from "../../dns/address.ts";
import { Type, typeName } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import { type Rdata, targetOf } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import { enumerationName, parseEnumeration } from "../../dns/service.ts";
import { isTooLarge, SET_OCTETS, setOctets } from "../update/setsize.ts";
import { isBesideCname } from "../update/update.ts";

/** A record and where it was written. */
export interface PlacedRecord {
  readonly place: string;
  readonly name: Name;
  readonly type: number;
  readonly ttl: number;
  readonly rdata: Rdata;
}

/** Without a place, it is about the whole zone. */
export interface Remark {
  readonly place?: string;
  readonly what: string;
}

export interface CheckedZone {
  readonly sets: RecordSet[];
  readonly mistakes: readonly Remark[];
  readonly warnings: readonly Remark[];
}

/** `isPartial`: the records will be added to others, and SOA and NS may be missing. */
export function checkZone(
  records: Iterable<PlacedRecord>,
  origin: Name,
  isPartial: boolean,
): CheckedZone {
  const checks = new Checks(origin);
  for (const record of records) checks.add(record);
  if (isPartial) checks.keepApex();
  else checks.expectApex();
  checks.measureSets();
  checks.followTargets();
  checks.compareDefaults(isPartial);
  checks.lookBeneathDnames();
  return checks;
}

interface PlacedSet extends RecordSet {
  /** The place of its first record. */
  readonly place: string;
  ttl: number;
  readonly rdatas: Rdata[];
  readonly keys: Set<string>;
}

class Checks implements CheckedZone {
  readonly mistakes: Remark[] = [];
  readonly warnings: Remark[] = [];
  readonly #origin: Name;
  readonly #names = new Map<string, Map<number, PlacedSet>>();

  constructor(origin: Name) {
    this.#origin = origin;
  }

  get sets(): RecordSet[] {
    return [...this.#names.values()].flatMap((sets) =>
      Array.from(sets.values(), ({ name, type, ttl, rdatas }) => ({ name, type, ttl, rdatas })),
    );
  }

  add(record: PlacedRecord): void {
    const { place, name, type, ttl, rdata } = record;
    const sets = this.#names.get(name.key) ?? new Map<number, PlacedSet>();
    this.#names.set(name.key, sets);
    const set = sets.get(type);
    if (set === undefined) {
      this.#checkAlias(record, [...sets.keys()]);
      if (type === Type.SOA && !name.equals(this.#origin)) {
        this.mistakes.push({ place, what: `SOA of ${name}, expected it at ${this.#origin} only` });
      }
      if (type === Type.DS && name.equals(this.#origin)) {
        // RFC 4035 §2.4; BIND loads no zone that has one.
        this.mistakes.push({ place, what: `DS of ${name}, expected it in the zone above only` });
      }
      sets.set(type, { place, name, type, ttl, rdatas: [rdata], keys: new Set([rdata.key]) });
      return;
    }
    if (ttl !== set.ttl) {
      // RFC 2181 §5.2: one TTL for a set, and the lowest does no harm.
      const what = `${typeName(type)} of ${name} with TTL ${ttl} and ${set.ttl}, the lower is taken`;
      this.warnings.push({ place, what });
      set.ttl = Math.min(ttl, set.ttl);
    }
    if (set.keys.has(rdata.key)) return;
    if (type === Type.SOA || type === Type.CNAME || type === Type.DNAME) {
      const what = `a second ${typeName(type)} of ${name}, expected one (${set.place})`;
      this.mistakes.push({ place, what });
      return;
    }
    set.keys.add(rdata.key);
    set.rdatas.push(rdata);
  }

  /** An alias stands alone (RFC 1034 §3.6.2). */
  #checkAlias({ place, name, type }: PlacedRecord, others: readonly number[]): void {
    const other =
      type === Type.CNAME
        ? others.find((other) => !isBesideCname(other))
        : isBesideCname(type)
          ? undefined
          : others.find((other) => other === Type.CNAME);
    if (other === undefined) return;
    const what = `${typeName(type)} beside ${typeName(other)} of ${name}, expected CNAME alone`;
    this.mistakes.push({ place, what });
  }

  expectApex(): void {
    const apex = this.#names.get(this.#origin.key);
    for (const type of [Type.SOA, Type.NS]) {
      if (apex?.has(type)) continue;
      this.mistakes.push({ what: `no ${typeName(type)} of ${this.#origin}, expected one` });
    }
  }

  /** The origin will have SOA and NS, even if this file has neither. */
  keepApex(): void {
    const alias = this.#names.get(this.#origin.key)?.get(Type.CNAME);
    if (alias === undefined) return;
    const what = `CNAME of ${alias.name}, expected none where a zone has its SOA and NS`;
    this.mistakes.push({ place: alias.place, what });
  }

  /** Nobody could get a set that fits into no message; BIND does not load a zone that has one. */
  measureSets(): void {
    for (const sets of this.#names.values()) {
      for (const set of sets.values()) {
        if (!isTooLarge(set, this.#origin)) continue;
        const { place, name, type, rdatas } = set;
        const size = `${rdatas.length} records and ${setOctets(set, this.#origin)} octets`;
        const what = `${typeName(type)} of ${name} with ${size}, expected at most ${SET_OCTETS}`;
        this.mistakes.push({ place, what });
      }
    }
  }

  /** NS, MX and SRV lead to names with addresses, not to aliases (RFC 2181 §10.3, RFC 2782). */
  followTargets(): void {
    for (const sets of this.#names.values()) {
      for (const type of [Type.NS, Type.MX, Type.SRV]) {
        const set = sets.get(type);
        if (set === undefined) continue;
        const { place, name } = set;
        const word = typeName(type);
        const warn = (what: string) => this.warnings.push({ place, what: `${word} ${what}` });
        if (type === Type.NS && name.isWildcard) {
          warn(`of ${name}, which BIND does not load (RFC 4592 §4.2)`);
        }
        for (const rdata of set.rdatas) {
          const target = targetOf(rdata)!;
          const there = this.#names.get(target.key);
          if (there?.has(Type.CNAME)) warn(`leads to the alias ${target}`);
          else if (type === Type.NS && looksLikeAddress(target, this.#origin)) {
            warn(`leads to the name ${target}, expected that of a server, not its address`);
          }
        }
      }
    }
  }

  /**
   * The default domain is one of those to browse (RFC 8766 §5.2.1). If `isPartial`, collectors add to these:
   * the zone and its sites, and at the names of subnets whatever zone they fill. What an alias leads to may
   * be anywhere.
   */
  compareDefaults(isPartial: boolean): void {
    for (const sets of this.#names.values()) {
      const set = sets.get(Type.PTR);
      const parts = set && parseEnumeration(set.name);
      if (parts?.enumeration !== "db") continue;
      const browsed = enumerationName("b", parts.domain)!;
      const isSubnets = addressOfReverseName(parts.domain) !== undefined;
      const there = this.#names.get(browsed.key);
      if (there?.has(Type.CNAME)) continue;
      const listed = there?.get(Type.PTR)?.keys;
      for (const rdata of set!.rdatas) {
        const target = targetOf(rdata)!;
        const isAdded = isPartial && (isSubnets || target.isUnder(this.#origin));
        if (isAdded || listed?.has(rdata.key)) continue;
        const what = `PTR of ${set!.name} to ${target}, expected one of those of ${browsed}`;
        this.warnings.push({ place: set!.place, what });
      }
    }
  }

  /** What a DNAME hides may exist, but secondaries may refuse the zone because of it (RFC 6672 §2.4). */
  lookBeneathDnames(): void {
    const all = [...this.#names.values()];
    if (!all.some((sets) => sets.has(Type.DNAME))) return;
    for (const sets of all) {
      const { place, name } = sets.values().next().value!;
      const above = this.#dnameAbove(name);
      if (above !== undefined) {
        const what = `${name}, which the DNAME of ${above} hides; Knot and NSD load no such zone`;
        this.warnings.push({ place, what });
      }
      if (sets.has(Type.NS) && sets.has(Type.DNAME) && !name.equals(this.#origin)) {
        const what = `NS beside the DNAME of ${name}; Knot loads no such zone`;
        this.warnings.push({ place: sets.get(Type.NS)!.place, what });
      }
    }
  }

  #dnameAbove(name: Name): Name | undefined {
    for (let at = name.parent; at?.isUnder(this.#origin); at = at.parent) {
      if (this.#names.get(at.key)?.has(Type.DNAME)) return at;
    }
    return undefined;
  }
}

/** "1.2.3.4" without a final dot is a name in the zone. */
function looksLikeAddress(target: Name, origin: Name): boolean {
  if (!target.isUnder(origin)) return false;
  const labels = target.labelsUnder(origin).map((label) => Buffer.from(label).toString("latin1"));
  return isIPv4(labels.join("."));
}
