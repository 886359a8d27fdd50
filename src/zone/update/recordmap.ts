/**
 * A map keyed by the records of a zone. Most names have few records, which are searched in turn; a list of
 * instances may have thousands, and gets a map of its own. So no key is made for most records.
 */
import type { Name, NameKey } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";

/** A record in a zone: its TTL is not its own but its set's. */
export interface ZoneRecord {
  readonly name: Name;
  readonly rdata: Rdata;
}

export class RecordMap<V extends ZoneRecord> {
  /** No name has an empty list. */
  readonly #byName = new Map<NameKey, V[] | Map<string, V>>();

  get({ name, rdata }: ZoneRecord): V | undefined {
    const here = this.#byName.get(name.key);
    if (here === undefined) return undefined;
    return here instanceof Map ? here.get(keyOf(rdata)) : here[placeOf(here, rdata)];
  }

  /** Stores `value` under its own name and data, replacing any value there. */
  set(value: V): void {
    const here = this.#byName.get(value.name.key);
    if (here === undefined) {
      this.#byName.set(value.name.key, [value]);
    } else if (here instanceof Map) {
      here.set(keyOf(value.rdata), value);
    } else {
      const place = placeOf(here, value.rdata);
      if (place >= 0) here[place] = value;
      else this.#byName.set(value.name.key, withOneMore(here, value));
    }
  }

  delete({ name, rdata }: ZoneRecord): boolean {
    const here = this.#byName.get(name.key);
    if (here === undefined) return false;
    if (here instanceof Map) {
      const isThere = here.delete(keyOf(rdata));
      if (here.size === 0) this.#byName.delete(name.key);
      return isThere;
    }
    const place = placeOf(here, rdata);
    if (place < 0) return false;
    here.splice(place, 1);
    if (here.length === 0) this.#byName.delete(name.key);
    return true;
  }

  /** All values at this moment, grouped by name. */
  all(): V[] {
    const all: V[] = [];
    for (const here of this.#byName.values()) for (const value of here.values()) all.push(value);
    return all;
  }
}

/** `concat` gives an array of the exact length, unlike `push`: there are many of these. */
function withOneMore<V extends ZoneRecord>(few: V[], value: V): V[] | Map<string, V> {
  const more = few.concat([value]);
  return more.length > FEW ? new Map(more.map((each) => [keyOf(each.rdata), each])) : more;
}

function placeOf(few: readonly ZoneRecord[], rdata: Rdata): number {
  for (let place = 0; place < few.length; place++)
    if (few[place]!.rdata.equals(rdata)) return place;
  return -1;
}

function keyOf({ type, key }: Rdata): string {
  return `${type} ${key}`;
}

/** Up to this many, a linear search is as fast. */
const FEW = 12;
