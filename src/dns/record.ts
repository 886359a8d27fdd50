/** Records: one by one as messages carry them, and in sets as zones hold them (RFC 2181 §5). */
import { Class } from "./constants.ts";
import type { Name } from "./name.ts";
import type { Rdata } from "./rdata.ts";

export interface ResourceRecord {
  readonly name: Name;
  readonly type: number;
  /** All 16 bits: in multicast the top one is the cache-flush bit (RFC 6762 §10.2). */
  readonly class: number;
  /** Seconds. */
  readonly ttl: number;
  readonly rdata: Rdata;
}

/** The records of one name and type: one TTL, no two with equal rdata, at least one (RFC 2181 §5). */
export interface RecordSet {
  readonly name: Name;
  readonly type: number;
  /** Seconds. */
  readonly ttl: number;
  readonly rdatas: readonly Rdata[];
}

/** The fewest octets of a record besides its data: pointer, type, class, TTL, length (RFC 1035 §4.1.3). */
export const LEAST_RECORD = 12;

/** The records of a set, class IN. */
export function recordsOf(set: RecordSet): ResourceRecord[] {
  return set.rdatas.map((rdata) => ({
    name: set.name,
    type: set.type,
    class: Class.IN,
    ttl: set.ttl,
    rdata,
  }));
}

/** The set of this name and type as a map key. */
export function setKey({ key }: Pick<Name, "key">, type: number): string {
  return `${type} ${key}`;
}

/** Runs of records of one name and type. */
export function* setsOf(records: readonly ResourceRecord[]): Generator<readonly ResourceRecord[]> {
  for (let from = 0; from < records.length; ) {
    const { name, type } = records[from]!;
    let to = from + 1;
    while (records[to]?.type === type && records[to]!.name.equals(name)) to++;
    yield records.slice(from, to);
    from = to;
  }
}
