/**
 * The subscriptions of a DNS Push client (RFC 8765 §6.2, §6.3), each with the records that its set now has
 * according to the server.
 */
import { Class, Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import type { Notice } from "../../dns/push.ts";
import { type ResourceRecord, setKey } from "../../dns/record.ts";

export interface Subscription {
  readonly name: Name;
  readonly type: number;
  /** The id of the SUBSCRIBE request. */
  readonly id: number;
  /** When the server agreed; undefined until then. */
  granted: number | undefined;
  /** True when it is no longer wanted, but the server has not answered yet. */
  isOver: boolean;
  /** By the key of their rdata. */
  readonly records: Map<string, ResourceRecord>;
}

export class Subscriptions {
  /** Approximate memory of all records, which the server decides. */
  octets = 0;
  readonly #bySet = new Map<string, Subscription>();
  readonly #byId = new Map<number, Subscription>();

  get size(): number {
    return this.#byId.size;
  }

  [Symbol.iterator](): Iterator<Subscription> {
    return this.#byId.values();
  }

  find(name: Name, type: number): Subscription | undefined {
    return this.#bySet.get(setKey(name, type));
  }

  ofId(id: number): Subscription | undefined {
    return this.#byId.get(id);
  }

  add(name: Name, type: number, id: number): Subscription {
    const added = { name, type, id, granted: undefined, isOver: false, records: new Map() };
    this.#bySet.set(setKey(name, type), added);
    this.#byId.set(id, added);
    return added;
  }

  delete(subscription: Subscription): void {
    this.#clear(subscription);
    this.#byId.delete(subscription.id);
    this.#bySet.delete(setKey(subscription.name, subscription.type));
  }

  /** Ignores a notification that no granted subscription covers (RFC 8765 §6.3.1). */
  apply({ kind, record }: Notice): void {
    const { name, type, class: klass, rdata } = record;
    if (klass !== Class.IN && klass !== Class.ANY) return;
    for (const subscription of this.#granted(name, type)) {
      const { records } = subscription;
      if (kind === "all removed") {
        this.#clear(subscription);
        continue;
      }
      const known = records.get(rdata.key);
      if (known !== undefined) this.octets -= sizeOf(known);
      records.delete(rdata.key);
      if (kind === "removed") continue;
      records.set(rdata.key, record);
      this.octets += sizeOf(record);
    }
  }

  #granted(name: Name, type: number): Subscription[] {
    const found =
      type === Type.ANY
        ? [...this.#byId.values()].filter((each) => each.name.equals(name))
        : [this.find(name, type)];
    return found.filter((each) => each?.granted !== undefined) as Subscription[];
  }

  #clear({ records }: Subscription): void {
    for (const record of records.values()) this.octets -= sizeOf(record);
    records.clear();
  }
}

function sizeOf({ name, rdata }: ResourceRecord): number {
  return OVERHEAD + name.wire.length + rdata.wire.length;
}

/** Octets of memory for a record, beside its name and data. */
const OVERHEAD = 200;
