/**
 * Dynamic update (RFC 2136 §3.2 to §3.4): what a requested change does to a zone. Pure: the result is a
 * response code, or all that differs in the next snapshot. Every write goes through here, whether from
 * nsupdate, a collector, an edited file or an expired lease.
 */
import { Class, Rcode, Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import { Rdata, SERIAL, soaOf } from "../../dns/rdata.ts";
import { type RecordSet, type ResourceRecord, recordsOf } from "../../dns/record.ts";
import { compareSerials, nextSerial } from "../../dns/serial.ts";
import { isDefault, SERVED_TTL } from "../../dns/service.ts";
import type { Gone, Snapshot } from "../snapshot.ts";
import type { Change } from "./change.ts";
import { Draft } from "./draft.ts";
import { FILE, type HoldStep } from "./hold.ts";
import type { Leases } from "./leases.ts";
import { checkPrerequisites, overrides, prescan } from "./prerequisites.ts";
import type { Principal } from "./principal.ts";
import { RecordMap, type ZoneRecord } from "./recordmap.ts";

/** A message of RFC 2136 without its envelope. */
export interface Update {
  readonly zone: Name;
  /** By class: ANY in use, NONE not in use, IN equal (RFC 2136 §2.4). */
  readonly prerequisites: readonly ResourceRecord[];
  /** By class: IN adds, ANY removes a set or a name, NONE removes a record (RFC 2136 §2.5). */
  readonly updates: readonly ResourceRecord[];
  /** Seconds that added records live unless refreshed (RFC 9664); for ever if not given. */
  readonly lease?: number;
  /** Seconds for added KEY records (RFC 9664 §4); `lease` if not given. */
  readonly keyLease?: number;
  /** When it was signed, if it was: seconds since 1970, by its sender's clock (RFC 8945 §4.2). */
  readonly signedAt?: number | undefined;
}

/** Sends an update to where it goes: the zone in this process, or a remote server. */
export type Publish = (update: Update) => Promise<Rcode>;

/** The update records that remove the records of this set one by one. */
export function removal(set: RecordSet): ResourceRecord[] {
  return recordsOf(set).map(removalOf);
}

/** The update record that removes this record. */
export function removalOf({ name, rdata }: ZoneRecord): ResourceRecord {
  return { name, type: rdata.type, class: Class.NONE, ttl: 0, rdata };
}

/** The update record that removes a whole set, whoever it is from. */
export function removalOfSet(name: Name, type: number): ResourceRecord {
  return { name, type, class: Class.ANY, ttl: 0, rdata: new Rdata(type, []) };
}

export interface Outcome {
  /** Undefined if nothing visible changed: then the serial stays too (RFC 2136 §3.6). */
  readonly change: Change | undefined;
  /** The sets that changed, as they are now, and those that are gone. */
  readonly sets: readonly RecordSet[];
  readonly gone: readonly Gone[];
  readonly holds: readonly HoldStep[];
  /** Records not added because of what else is at their name; the response does not tell. */
  readonly passedOver: readonly ResourceRecord[];
}

export function resolve(
  snapshot: Snapshot,
  update: Update,
  by: Principal,
  leases: Leases,
): Rcode | Outcome {
  if (!update.zone.equals(snapshot.origin)) return Rcode.NOTAUTH;
  const { prerequisites, updates } = update;
  const refusal = checkPrerequisites(snapshot, prerequisites) || prescan(snapshot, updates);
  if (refusal !== Rcode.NOERROR) return refusal;
  if (!updates.every((record) => by.permits(record))) return Rcode.REFUSED;
  if (by.isOperator && overrides(updates, by.name, snapshot, leases)) return Rcode.REFUSED;
  const work = new Work(snapshot, by, leases);
  for (const record of updates) work.do(record);
  return work.outcome();
}

/** Whether a set may be all one's own, or others have leases in it, or somebody holds it as it is. */
type Share = "alone" | "leased" | "held";

/** The update section, one record after the other (RFC 2136 §3.4.2). */
class Work {
  readonly #base: Snapshot;
  readonly #by: Principal;
  readonly #leases: Leases;
  readonly #draft: Draft;
  readonly #holds: HoldStep[] = [];
  readonly #passedOver: ResourceRecord[] = [];
  /** Records removed no matter who heard them; those added again keep their holders. */
  #swept: RecordMap<ZoneRecord> | undefined;
  readonly #emptied = new Emptied();
  /** Cache of `#findShare`, for sets in `#base`. */
  readonly #shares = new Map<RecordSet, Share>();
  #soa: RecordSet;

  constructor(base: Snapshot, by: Principal, leases: Leases) {
    this.#base = base;
    this.#by = by;
    this.#leases = leases;
    this.#draft = new Draft(base);
    this.#soa = base.soa;
  }

  do(record: ResourceRecord): void {
    if (record.class === Class.ANY) this.#removeSets(record);
    else if (record.class === Class.NONE) this.#removeRecord(record);
    else if (record.type === Type.SOA) this.#replaceSoa(record);
    else this.#add(record);
  }

  outcome(): Outcome {
    const { removed, added, sets, gone } = this.#draft.difference();
    const [holds, passedOver] = [this.#holds, this.#passedOver];
    for (const record of this.#swept?.all() ?? []) holds.push({ does: "releaseAll", record });
    const old = this.#base.soa;
    const isSame = this.#soa === old && removed.length === 0 && added.length === 0;
    if (isSame) return { change: undefined, sets: [], gone: [], holds, passedOver };
    const soa = this.#soa === old ? withSerial(old, nextSerial(this.#base.serial)) : this.#soa;
    const change = {
      from: this.#base.serial,
      to: soaOf(soa.rdatas[0]!).serial,
      removed: [old, ...removed],
      added: [soa, ...added],
      by: this.#by.name,
    };
    return { change, sets: [soa, ...sets], gone, holds, passedOver };
  }

  /** RFC 2136 §3.4.2.2. */
  #add(added: ResourceRecord): void {
    const { name, type, ttl, rdata } = added;
    const isOutOfPlace = this.#conflicts(name, type) || this.#isSecondDefault(name, rdata);
    if (isOutOfPlace || !this.#replaces(name, rdata)) {
      this.#passedOver.push(added);
      return;
    }
    const isNew = !this.#draft.has(name, rdata);
    const record = this.#draft.add(name, this.#ttlOf(name, type, ttl), rdata);
    this.#emptied.add(record);
    const isBack = this.#swept?.delete(record) === true;
    this.#holds.push({ does: isNew && !isBack ? "take" : "join", record });
  }

  /**
   * A set takes the TTL of what is added (RFC 2181 §5.2), unless others are in it. If some of it was heard
   * on a LAN, it takes the lower of the two TTLs, since that is not to be cached for longer (RFC 8766
   * §5.5.1). No site can force a TTL below `SERVED_TTL` on the others, not even by being there first.
   */
  #ttlOf(name: Name, type: number, asked: number): number {
    const { maxTtl } = this.#by;
    const ttl = Math.min(servedTtl(asked), maxTtl ?? MAX_TTL);
    const before = this.#base.set(name, type);
    if (before === undefined || before.ttl === ttl) return ttl;
    const share = this.#shareOf(before);
    if (share === "alone") return ttl;
    if (maxTtl === undefined) return Math.min(Math.max(before.ttl, SERVED_TTL), ttl);
    const least = share === "leased" ? SERVED_TTL : 0;
    return Math.max(least, Math.min(before.ttl, Math.max(ttl, SERVED_TTL)));
  }

  #shareOf(set: RecordSet): Share {
    const share = this.#shares.get(set) ?? this.#findShare(set);
    this.#shares.set(set, share);
    return share;
  }

  /**
   * Searching a set that is large, or others', is not worth its cost unless the TTL is so low that it may be
   * raised. A record that `by` may write, but only another has leased, counts as the other's.
   */
  #findShare(set: RecordSet): Share {
    const [by, leases] = [this.#by, this.#leases];
    const isAnyOf = (is: (record: ResourceRecord) => boolean) => recordsOf(set).some(is);
    if (by.maxTtl === undefined) {
      return isAnyOf((each) => leases.isLeasedByAnother(each, by.name)) ? "held" : "alone";
    }
    const isOf = (each: ResourceRecord) =>
      !by.permits(each) ||
      (leases.isLeasedByAnother(each, by.name) && !leases.isHeldBy(each, by.name));
    const isOthers = set.rdatas.length > LARGE || isAnyOf(isOf);
    if (isOthers && set.ttl >= SERVED_TTL) return "held";
    if (isAnyOf((each) => leases.isHeldForeverByAnother(each, by.name))) return "held";
    return isOthers ? "leased" : "alone";
  }

  /** Removes what may not stand beside this data; false if that may not be removed. */
  #replaces(name: Name, rdata: Rdata): boolean {
    if (!isReplacing(rdata.type)) return true;
    const replaced = this.#draft.rdatas(name, rdata.type).filter((old) => replaces(rdata, old));
    if (replaced.some((old) => this.#isKept(name, old))) return false;
    for (const old of replaced) this.#sweep(name, old);
    return true;
  }

  /** True if only an operator may remove it, because another holds it for ever. */
  #isKept(name: Name, rdata: Rdata): boolean {
    return (
      this.#by.isOperator !== true &&
      this.#draft.had(name, rdata) &&
      this.#leases.isHeldForeverByAnother({ name, rdata }, this.#by.name)
    );
  }

  /** A CNAME has no other data beside it, so the origin has none; the later of the two is passed over. */
  #conflicts(name: Name, type: number): boolean {
    // The DS of the origin is in the zone above (RFC 4035 §2.4).
    if (type === Type.DS && name.equals(this.#base.origin)) return true;
    const isOther = (other: number) => other !== Type.CNAME && !isBesideCname(other);
    if (type === Type.CNAME) return this.#draft.types(name).some(isOther);
    return !isBesideCname(type) && this.#draft.rdatas(name, Type.CNAME).length > 0;
  }

  /**
   * Clients have one default domain (RFC 6763 §11), and the zone's file may name it. One that was added by
   * update, even for ever, does not exclude others: it may come from any site.
   */
  #isSecondDefault(name: Name, rdata: Rdata): boolean {
    if (rdata.type !== Type.PTR || !isDefault(name)) return false;
    if (this.#by.isOperator === true || this.#by.name === FILE) return false;
    const isOther = (old: Rdata) =>
      !old.equals(rdata) && this.#leases.isOfFile({ name, rdata: old });
    return (this.#base.set(name, Type.PTR)?.rdatas ?? []).some(isOther);
  }

  /** Only if newer (RFC 2136 §3.4.2.2), than before the update too: in two steps a serial could go back. */
  #replaceSoa({ name, type, ttl, rdata }: ResourceRecord): void {
    const isNewer = ({ rdatas }: RecordSet) =>
      compareSerials(soaOf(rdata).serial, soaOf(rdatas[0]!).serial) > 0;
    if (!name.equals(this.#base.origin) || ![this.#soa, this.#base.soa].every(isNewer)) return;
    this.#soa = { name: this.#soa.name, type, ttl: servedTtl(ttl), rdatas: [rdata] };
  }

  /** Removes a set, or all sets at a name; at the origin SOA and NS stay (RFC 2136 §3.4.2.3). */
  #removeSets({ name, type }: ResourceRecord): void {
    const isApex = name.equals(this.#base.origin);
    for (const each of type === Type.ANY ? this.#draft.types(name) : [type]) {
      if (isApex && (each === Type.SOA || each === Type.NS)) continue;
      const isSet = type !== Type.ANY && this.#by.isOperator !== true;
      const all = () => this.#draft.rdatas(name, each);
      for (const rdata of this.#emptied.take(name, each, isSet, all)) {
        if (!this.#draft.has(name, rdata)) continue;
        if (isSet) this.#sweep(name, rdata);
        else this.#letGo(name, rdata);
      }
    }
  }

  /**
   * A collector that hears a whole set and removes it speaks for all who hear that network (RFC 6762
   * §10.2): leases do not keep it, not even those of a collector that has died. What is held for ever stays.
   */
  #sweep(name: Name, rdata: Rdata): void {
    const record = { name, rdata };
    if (this.#isKept(name, rdata)) {
      this.#holds.push({ does: "release", record });
    } else {
      this.#draft.remove(name, rdata);
      this.#swept ??= new RecordMap();
      this.#swept.set(record);
    }
  }

  /** Never the SOA or the last NS of the zone (RFC 2136 §3.4.2.4); what was swept keeps its holders. */
  #removeRecord({ name, type, rdata }: ResourceRecord): void {
    if (type === Type.SOA || !this.#draft.has(name, rdata)) return;
    const isApexNs = type === Type.NS && name.equals(this.#base.origin);
    if (isApexNs && this.#draft.rdatas(name, type).length === 1) {
      this.#holds.push({ does: "release", record: { name, rdata } });
      return;
    }
    this.#letGo(name, rdata);
  }

  #letGo(name: Name, rdata: Rdata): void {
    const record = { name, rdata };
    this.#holds.push({ does: this.#by.isOperator ? "releaseAll" : "release", record });
    const staysForOthers =
      this.#by.isOperator !== true &&
      this.#draft.had(name, rdata) &&
      this.#leases.isHeldByAnother(record, this.#by.name);
    if (!staysForOthers) this.#draft.remove(name, rdata);
  }
}

/**
 * Sets that an update has emptied as far as it may: what was left stays, however often the update asks.
 * When such a set is emptied again, only what the update has added since is looked at, so the work of an
 * update is proportional to its length.
 */
class Emptied {
  /** By name, type and way of removal: to remove a set whole removes more. */
  #added: Map<string, Rdata[]> | undefined;

  /** What to remove now. `all` gives the records that are there. */
  take(name: Name, type: number, isSet: boolean, all: () => readonly Rdata[]): readonly Rdata[] {
    const key = keyOf(name, type, isSet);
    this.#added ??= new Map();
    const added = this.#added.get(key);
    this.#added.set(key, []);
    return added ?? all();
  }

  add({ name, rdata }: ZoneRecord): void {
    if (this.#added === undefined) return;
    for (const isSet of [true, false]) {
      this.#added.get(keyOf(name, rdata.type, isSet))?.push(rdata);
    }
  }
}

function keyOf(name: Name, type: number, isSet: boolean): string {
  return `${type} ${isSet} ${name.key}`;
}

/** What may stand beside a CNAME (RFC 4034 §3, §4; RFC 3007 §3.1.1 for KEY). */
export function isBesideCname(type: number): boolean {
  return type === Type.RRSIG || type === Type.NSEC || type === Type.KEY || type === Type.SIG;
}

/**
 * A name has one CNAME and one DNAME (RFC 2136 §1.1.5, RFC 6672 §5.2), and one WKS for an address and a
 * protocol, its first five octets (RFC 1035 §3.4.2).
 */
function isReplacing(type: number): boolean {
  return type === Type.CNAME || type === Type.DNAME || type === Type.WKS;
}

function replaces(rdata: Rdata, old: Rdata): boolean {
  if (rdata.key === old.key) return false;
  return rdata.type !== Type.WKS || rdata.key.slice(0, 5) === old.key.slice(0, 5);
}

/** A SOA set with another serial. */
export function withSerial({ name, type, ttl, rdatas }: RecordSet, serial: number): RecordSet {
  return { name, type, ttl, rdatas: [new Rdata(type, rdatas[0]!.values.with(SERIAL, serial))] };
}

/** A TTL with its top bit set counts as 0 (RFC 2181 §8). */
function servedTtl(ttl: number): number {
  return ttl > MAX_TTL ? 0 : ttl;
}

/** Records. */
const LARGE = 100;
/** Seconds (RFC 2181 §8). */
const MAX_TTL = 2 ** 31 - 1;
