/**
 * A slow model of who holds a record: each record of the zone with all its holders, to which an update
 * is applied step by step (RFC 2136 §3.4.2, RFC 9664), without any of the zone's cleverness.
 */
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { type Rdata, soaOf } from "../../src/dns/rdata.ts";
import { type RecordSet, type ResourceRecord, recordsOf } from "../../src/dns/record.ts";
import { isDefault } from "../../src/dns/service.ts";
import { FILE, FOREVER, type Hold } from "../../src/zone/update/hold.ts";
import { holderPrincipal, type Principal } from "../../src/zone/update/principal.ts";
import { type Update, withSerial } from "../../src/zone/update/update.ts";
import { weightOf } from "../../src/zone/update/weight.ts";
import { origin } from "./fixture.ts";

/** A record, and its holders by name. */
export interface Held extends ResourceRecord {
  readonly holds: Map<string, Hold>;
}

type Like = Pick<ResourceRecord, "name" | "rdata">;

const isSame = (a: Like, b: Like) => a.name.equals(b.name) && a.rdata.equals(b.rdata);
const isOfSet = (a: Pick<ResourceRecord, "name" | "type">) => (b: ResourceRecord) =>
  a.type === b.type && a.name.equals(b.name);
const isApexNs = ({ name, type }: ResourceRecord) => type === Type.NS && name.equals(origin);
const isSoa = ({ type }: ResourceRecord) => type === Type.SOA;
const fileHold = (): Map<string, Hold> =>
  new Map([[FILE, { by: FILE, expires: FOREVER, lease: FOREVER }]]);

const others = ({ holds }: Held, by: string) =>
  [...holds.values()].filter((hold) => hold.by !== by);
const isKeptByAnother = (held: Held, by: string) =>
  others(held, by).some(({ expires }) => expires === FOREVER);
const isLeasedByAnother = (held: Held, by: string) =>
  others(held, by).some(({ expires }) => expires !== FOREVER);

export class HoldersModel {
  records: Held[];
  soa: ResourceRecord;
  readonly #capacity: number;
  /** The records that were last taken from the file. */
  #said: ResourceRecord[];

  constructor(file: readonly RecordSet[], capacity: number) {
    this.#said = file.flatMap(recordsOf);
    this.soa = this.#said.find(isSoa)!;
    const records = this.#said.filter((each) => !isSoa(each));
    this.records = records.map((each) => ({ ...each, holds: fileHold() }));
    this.#capacity = capacity;
  }

  apply(update: Update, by: Principal, now: number): Rcode {
    return this.#apply(update, by, now) ?? Rcode.NOERROR;
  }

  merge(file: readonly RecordSet[], now: number): Rcode {
    const [said, says] = [this.#said, file.flatMap(recordsOf)];
    const removed = said.filter((old) => !isSoa(old) && !says.some((each) => isSame(each, old)));
    const added = says.filter((each) => {
      const old = said.find((other) => isSame(other, each));
      if (old === undefined) return true;
      const isThere = isSoa(each) || this.records.some((other) => isSame(other, each));
      return old.ttl !== each.ttl && isThere;
    });
    const updates = [
      ...added.filter(isApexNs),
      ...removed.map((each) => ({ ...each, class: Class.NONE, ttl: 0 })),
      ...added.filter((each) => !isApexNs(each)).map((each) => this.#newer(each)),
    ];
    if (updates.length === 0) return Rcode.NOERROR;
    const passedOver: ResourceRecord[] = [];
    const update = { zone: origin, prerequisites: [], updates };
    const refusal = this.#apply(update, holderPrincipal(FILE), now, passedOver);
    if (refusal !== undefined) return refusal;
    this.#said = says.filter((each) => !passedOver.some((other) => isSame(other, each)));
    return Rcode.NOERROR;
  }

  /** Releases every lease that has ended, and returns whether that changes the zone. */
  pass(now: number): boolean {
    const before = this.records;
    const ends = this.records.flatMap(({ holds }) => [...holds.values()]);
    const times = new Set(ends.map(({ expires }) => expires).filter((time) => time <= now));
    for (const time of [...times].sort((a, b) => a - b)) {
      for (const held of [...this.records]) {
        for (const { by, expires } of [...held.holds.values()])
          if (expires === time) new Work(this, holderPrincipal(by)).letGo(held);
      }
    }
    return !isAlike(before, this.records);
  }

  raiseSerial(by: number): void {
    const serial = soaOf(this.soa.rdata).serial + by;
    const set = { ...this.soa, rdatas: [this.soa.rdata] };
    this.soa = { ...this.soa, rdata: withSerial(set, serial).rdatas[0]! };
  }

  /** Everything to compare. */
  told(): string[] {
    return [
      told(this.soa, []),
      ...this.records.map((each) => told(each, each.holds.values())),
    ].sort();
  }

  /** Returns undefined if the update was applied. */
  #apply(
    { updates, lease, keyLease = lease }: Update,
    by: Principal,
    now: number,
    passedOver: ResourceRecord[] = [],
  ): Rcode | undefined {
    if (!updates.every((each) => by.permits(each))) return Rcode.REFUSED;
    if (by.isOperator && updates.some((each) => this.#isOverriding(each, by))) return Rcode.REFUSED;
    const before = { records: this.records, soa: this.soa };
    this.records = before.records.map((each) => ({ ...each, holds: new Map(each.holds) }));
    const work = new Work(this, by, before.records);
    for (const each of updates) {
      const seconds = each.type === Type.KEY ? keyLease : lease;
      const length = seconds === undefined ? FOREVER : seconds * 1000;
      const hold = { by: by.name, expires: now + length, lease: length };
      if (!work.do(each, hold)) passedOver.push(each);
    }
    if (!this.#hasRoom(before.records, by)) {
      Object.assign(this, before);
      return Rcode.SERVFAIL;
    }
    if (this.soa === before.soa && !isAlike(before.records, this.records)) this.raiseSerial(1);
    return undefined;
  }

  /** True if an operator would remove or change what another leases; a PTR beside others does not. */
  #isOverriding({ name, type, class: klass, ttl, rdata }: ResourceRecord, by: Principal): boolean {
    const leased = this.records.filter(
      (each) => each.name.equals(name) && isLeasedByAnother(each, by.name),
    );
    if (klass === Class.NONE) return leased.some((each) => each.rdata.equals(rdata));
    if (klass === Class.ANY) return leased.some((each) => type === Type.ANY || each.type === type);
    if (type === Type.PTR || !leased.some((each) => each.type === type)) return false;
    const there = this.records.find((each) => isSame(each, { name, rdata }));
    return there?.ttl !== ttl;
  }

  #hasRoom(before: readonly Held[], by: Principal): boolean {
    const sum = (records: readonly Held[]) => records.reduce((n, each) => n + weight(each), 0);
    const held = (records: readonly Held[]) =>
      sum(records.filter(({ holds }) => holds.has(by.name)));
    const [was, is] = [sum(before), sum(this.records)];
    if (is > was && is + 1 > this.#capacity) return false;
    if (by.share === undefined) return true;
    const most = Math.max(Math.floor(this.#capacity * by.share), held(before));
    return held(this.records) <= most;
  }

  #newer(record: ResourceRecord): ResourceRecord {
    if (!isSoa(record)) return record;
    const [{ serial }, ours] = [soaOf(record.rdata), soaOf(this.soa.rdata).serial];
    if (serial > ours) return record;
    return {
      ...record,
      rdata: withSerial({ ...record, rdatas: [record.rdata] }, ours + 1).rdatas[0]!,
    };
  }
}

/** A line of a record and its holders, with the record's owner in lower case. */
export function told({ name, ttl, type, rdata }: ResourceRecord, holds: Iterable<Hold>): string {
  const by = Array.from(holds, ({ by, expires, lease }) => `${by} until ${expires} for ${lease}`);
  const octets = Buffer.from(rdata.toWire()).toString("hex");
  return `${name.toLowerCase()} ${ttl} ${type} ${octets} ${by.sort().join(", ")}`;
}

/** True if the records are equal, whoever holds them. */
function isAlike(some: readonly Held[], others: readonly Held[]): boolean {
  const [a, b] = [some, others].map((each) =>
    each
      .map((held) => told(held, []))
      .sort()
      .join("\n"),
  );
  return a === b;
}

function weight({ rdata }: Held): number {
  return weightOf(rdata);
}

/** One update. */
class Work {
  readonly #zone: HoldersModel;
  readonly #by: Principal;
  /** The zone before the update. */
  readonly #base: readonly Held[];
  /** Removed for all holders. Adding one of these again in this update restores its holds. */
  readonly #swept: Held[] = [];

  constructor(zone: HoldersModel, by: Principal, base: readonly Held[] = []) {
    this.#zone = zone;
    this.#by = by;
    this.#base = base;
  }

  /** Returns false if the record is passed over. */
  do(record: ResourceRecord, hold: Hold): boolean {
    if (record.class === Class.IN)
      return isSoa(record) ? this.#replaceSoa(record) : this.#add(record, hold);
    const { name, type, rdata } = record;
    const here = this.#zone.records.filter((each) => each.name.equals(name));
    for (const held of here) {
      if (record.class === Class.NONE) {
        if (held.rdata.equals(rdata)) this.letGo(held);
      } else if (isApexNs(held)) {
        // The apex NS stay, whoever asks.
      } else if (type === Type.ANY) {
        this.letGo(held);
      } else if (type === held.type) {
        if (this.#by.isOperator) this.letGo(held);
        else this.#sweep(held);
      }
    }
    return true;
  }

  letGo(held: Held): void {
    const isLastNs = isApexNs(held) && this.#zone.records.filter(isApexNs).length === 1;
    if (this.#by.isOperator && !isLastNs) held.holds.clear();
    else held.holds.delete(this.#by.name);
    if (held.holds.size > 0) return;
    if (isLastNs) held.holds.set(...[...fileHold()][0]!);
    else this.#drop(held);
  }

  #sweep(held: Held): void {
    if (this.#isKept(held)) {
      held.holds.delete(this.#by.name);
    } else {
      this.#drop(held);
      this.#swept.push(held);
    }
  }

  #isKept(held: Held): boolean {
    return !this.#by.isOperator && isKeptByAnother(held, this.#by.name);
  }

  #drop(held: Held): void {
    this.#zone.records = this.#zone.records.filter((each) => each !== held);
  }

  #replaceSoa(record: ResourceRecord): boolean {
    const [asked, ours] = [soaOf(record.rdata).serial, soaOf(this.#zone.soa.rdata).serial];
    if (asked > ours && record.name.equals(origin)) this.#zone.soa = record;
    return true;
  }

  #add(record: ResourceRecord, hold: Hold): boolean {
    const { name, type, rdata } = record;
    const here = this.#zone.records.filter((each) => each.name.equals(name));
    const isBeside = (each: ResourceRecord) => each.type === Type.CNAME || each.type === Type.KEY;
    if (type === Type.CNAME && !here.every(isBeside)) return false;
    if (!isBeside(record) && here.some((each) => each.type === Type.CNAME)) return false;
    const isByAnybody = !this.#by.isOperator && this.#by.name !== FILE;
    const isFiles = (each: Held) => each.holds.has(FILE) && !each.rdata.equals(rdata);
    if (isByAnybody && isDefault(name) && here.some(isFiles)) return false;
    const replaced = here.filter((each) => isReplacedBy(each.rdata, rdata));
    if (replaced.some((each) => this.#isKept(each))) return false;
    for (const each of replaced) this.#sweep(each);
    const ttl = this.#ttlOf(record);
    if (!here.some((each) => isSame(each, record))) {
      const at = this.#swept.findIndex((each) => isSame(each, record));
      const [back] = at < 0 ? [] : this.#swept.splice(at, 1);
      this.#zone.records.push({ ...record, holds: back?.holds ?? new Map() });
    }
    this.#zone.records = this.#zone.records.map((each) =>
      isOfSet(record)(each) ? { ...each, ttl } : each,
    );
    this.#zone.records.find((each) => isSame(each, record))!.holds.set(hold.by, hold);
    return true;
  }

  /** The TTL for a set, which depends on who held it before the update. */
  #ttlOf(record: ResourceRecord): number {
    const { name: by, maxTtl } = this.#by;
    const ttl = Math.min(record.ttl, maxTtl ?? record.ttl);
    const set = this.#base.filter(isOfSet(record));
    if (set.length === 0) return ttl;
    const before = set[0]!.ttl;
    if (maxTtl === undefined) {
      const isHeard = set.some((each) => isLeasedByAnother(each, by));
      return isHeard ? Math.min(Math.max(before, HEARD), ttl) : ttl;
    }
    const isMeant = set.some((each) => isKeptByAnother(each, by));
    const isOthers = set.some(
      (each) => !this.#by.permits(each) || (isLeasedByAnother(each, by) && !each.holds.has(by)),
    );
    if ((!isMeant && !isOthers) || before === ttl) return ttl;
    return Math.max(isMeant ? 0 : HEARD, Math.min(before, Math.max(ttl, HEARD)));
  }
}

/** True for aliases at one name, and for WKS records of one address and protocol. */
function isReplacedBy(old: Rdata, rdata: Rdata): boolean {
  if (old.type !== rdata.type || old.equals(rdata)) return false;
  if (old.type === Type.WKS) return old.wire.slice(0, 5) === rdata.wire.slice(0, 5);
  return old.type === Type.CNAME || old.type === Type.DNAME;
}

/** Seconds. */
const HEARD = 10;
