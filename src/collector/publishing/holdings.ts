/**
 * What a server holds of ours, as far as is known from what became of each step. A step that may or may not
 * have arrived leaves all its records in doubt, those it removed as well as those it added.
 */
import type { Rdata } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import { common, type HeldSets, keysOf, RecordSets, without } from "../recordsets.ts";
import type { Step } from "./step.ts";

/** The TTL of records whose TTL at the server is not known. */
export const UNKNOWN_TTL = -1;

export class Holdings {
  #published = new RecordSets();
  #doubtful = new RecordSets();
  #unrenewed = new RecordSets();

  /** What is certainly there. */
  get published(): RecordSets {
    return this.#published;
  }

  /** What may be there besides, after updates whose fate is unknown. */
  get doubtful(): RecordSets {
    return this.#doubtful;
  }

  /** The part of that which was published, and whose renewal was refused. */
  get unrenewed(): RecordSets {
    return this.#unrenewed;
  }

  /** What is or may be there. */
  all(): RecordSets {
    const all = RecordSets.of(this.#published);
    for (const set of this.#doubtful) all.add(set);
    return all;
  }

  /** Takes what was read: of what is `there`, `ours` and what we have put there is ours. */
  found(there: HeldSets, ours: Iterable<RecordSet>): void {
    const own = [this.#published, this.#doubtful].flatMap((sets) => [...common(there, sets)]);
    this.#published = RecordSets.of(ours);
    for (const set of own) this.#published.add(set);
    this.#doubtful = new RecordSets();
    this.#unrenewed = new RecordSets();
  }

  /** Others may have removed these. */
  doubt(sets: RecordSets): void {
    if (sets.isEmpty) return;
    this.#published = without(this.#published, sets);
    for (const set of sets) this.#doubtful.add({ ...set, ttl: UNKNOWN_TTL });
  }

  /** A step was taken, or nobody knows. Returns how many records of its set are certainly there now. */
  record({ name, type, ttl, gone, come }: Step, isDone: boolean): number {
    const touched = keysOf([...gone, ...come]);
    const published = this.#published.get(name.key, type);
    const rest = (sets: RecordSets, but = touched) =>
      sets.get(name.key, type)?.rdatas.filter(({ key }) => !but.has(key)) ?? [];
    const sure = rest(this.#published);
    const unsure = rest(this.#doubtful);
    const unrenewed = rest(this.#unrenewed, isDone ? touched : keysOf(gone));
    if (isDone) sure.push(...come);
    else unsure.push(...gone, ...come);
    // The set takes the TTL of what is added (RFC 2181 §5.2), and keeps it through removals.
    const newTtl = come.length > 0 ? ttl : (published?.ttl ?? ttl);
    this.#published.put({ name, type, ttl: isDone ? newTtl : UNKNOWN_TTL, rdatas: sure });
    this.#doubtful.put({ name, type, ttl: UNKNOWN_TTL, rdatas: unsure });
    this.#unrenewed.put({ name, type, ttl: UNKNOWN_TTL, rdatas: unrenewed });
    return sure.length;
  }

  /**
   * The server refused the one record of this step. If it was published, it may not be there now; nor, with
   * `isAll`, may the rest of its set. Returns how many records of the set are certainly there.
   */
  refused({ name, type, come }: Step, isRenewal: boolean, isAll: boolean): number {
    const before = this.#published.get(name.key, type);
    const isLost = ({ key }: Rdata) => isAll || key === come[0]?.key;
    const lost = before?.rdatas.filter(isLost) ?? [];
    if (lost.length === 0) return before?.rdatas.length ?? 0;
    const rdatas = before!.rdatas.filter((rdata) => !isLost(rdata));
    this.#published.put({ ...before!, rdatas });
    for (const sets of isRenewal ? [this.#doubtful, this.#unrenewed] : [this.#doubtful]) {
      sets.add({ name, type, ttl: UNKNOWN_TTL, rdatas: lost });
    }
    return rdatas.length;
  }
}
