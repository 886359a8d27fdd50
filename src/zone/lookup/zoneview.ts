/**
 * A zone as a client's network may see it: another zone, made from this one by leaving records out.
 * Whatever answers from its snapshot cannot reveal what is not in it, in any section or to any question.
 * What is left out seems never to have existed: it gets NXDOMAIN, and so do names above it that only
 * it kept in existence.
 *
 * Left out are sites that are not shown, records that name them, and addresses that are not shown. A
 * site is any label beneath the shared zone that is not a service's (RFC 6763 §7, with its underscore),
 * so a site added later is hidden too. A type of which no instance is left is not listed (RFC 6763 §9).
 * SOA and NS at an origin belong to the zone itself and stay.
 *
 * Invariant: `current` is made from the zone's current snapshot. No notification is needed: each read
 * first catches up with what has changed, and no more.
 */
import { addressOfReverseName, formatAddress } from "../../dns/address.ts";
import { Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import { addressOf, type Rdata, targetOf } from "../../dns/rdata.ts";
import { type RecordSet, setKey } from "../../dns/record.ts";
import { serviceTypesName } from "../../dns/service.ts";
import { addressHints } from "../../dns/svcparams.ts";
import { Snapshot } from "../snapshot.ts";
import type { Change } from "../update/change.ts";
import type { Zone } from "../zone.ts";

/** What is shown; an undefined field shows everything. */
export interface Shown {
  /** The zone that has sites. */
  readonly zone: Name;
  /** Their labels. */
  readonly sites?: readonly string[] | undefined;
  readonly isAddressShown?: ((address: string) => boolean) | undefined;
}

export class ZoneView {
  readonly #zone: Pick<Zone, "origin" | "current" | "since">;
  readonly #filter: Filter;
  /** The name that lists all service types; undefined if the origin leaves no room for it. */
  readonly #types: Name | undefined;
  /** The zone's snapshot that `#snapshot` was made from. */
  #source: Snapshot;
  #snapshot: Snapshot;

  constructor(zone: Pick<Zone, "origin" | "current" | "since">, shown: Shown) {
    this.#zone = zone;
    this.#filter = new Filter(zone.origin, shown);
    this.#types = serviceTypesName(zone.origin);
    this.#source = zone.current;
    this.#snapshot = this.#makeWhole();
  }

  get origin(): Name {
    return this.#zone.origin;
  }

  get current(): Snapshot {
    if (this.#source !== this.#zone.current) this.#catchUp();
    return this.#snapshot;
  }

  /** The zone's changes, hidden records included: they tell what to look up again, not what to answer. */
  since(serial: number): readonly Change[] | "resync" {
    const changes = this.#zone.since(serial);
    if (changes === "resync" || this.#types === undefined) return changes;
    const name = this.#types;
    const none: RecordSet = { name, type: Type.PTR, ttl: 0, rdatas: [] };
    // The list of types may have changed with any of them.
    const types = this.current.set(name, Type.PTR) ?? none;
    return changes.map((change) => ({ ...change, added: [...change.added, types] }));
  }

  #catchUp(): void {
    const changes = this.#zone.since(this.#source.serial);
    this.#source = this.#zone.current;
    this.#snapshot = changes === "resync" ? this.#makeWhole() : this.#follow(changes);
  }

  #makeWhole(): Snapshot {
    const sets: RecordSet[] = [];
    for (const set of this.#source.sets()) {
      const seen = this.#filter.see(set);
      if (seen !== undefined) sets.push(seen);
    }
    return this.#withTypes(Snapshot.of(this.origin, sets));
  }

  #follow(changes: readonly Change[]): Snapshot {
    const touched = new Map<string, RecordSet>();
    for (const { removed, added } of changes) {
      for (const set of [...removed, ...added]) touched.set(setKey(set.name, set.type), set);
    }
    const [gone, sets]: [RecordSet[], RecordSet[]] = [[], []];
    for (const old of touched.values()) {
      const set = this.#source.set(old.name, old.type);
      const seen = set && this.#filter.see(set);
      if (seen === undefined) gone.push(old);
      else sets.push(seen);
    }
    return this.#withTypes(this.#snapshot.with(gone, sets));
  }

  /** The snapshot with only those types listed that have a visible instance. */
  #withTypes(snapshot: Snapshot): Snapshot {
    const all = this.#types && this.#source.set(this.#types, Type.PTR);
    if (all === undefined) return snapshot;
    const rdatas = all.rdatas.filter((rdata) => {
      const type = targetOf(rdata)!;
      const isHere = type.isUnder(this.origin);
      return !isHere || snapshot.set(type, Type.PTR) !== undefined;
    });
    const listed = snapshot.set(all.name, Type.PTR)?.rdatas ?? [];
    if (rdatas.length === listed.length && rdatas.every((rdata, i) => rdata === listed[i])) {
      return snapshot;
    }
    return rdatas.length === 0 ? snapshot.with([all], []) : snapshot.with([], [{ ...all, rdatas }]);
  }
}

/** Filters one set at a time, independently of the others. */
class Filter {
  readonly #origin: Name;
  readonly #zone: Name;
  /** The labels as they appear in keys, after the key of the zone. */
  readonly #sites: ReadonlySet<string> | undefined;
  readonly #isAddressShown: ((address: string) => boolean) | undefined;

  constructor(origin: Name, { zone, sites, isAddressShown }: Shown) {
    this.#origin = origin;
    this.#zone = zone;
    const keys = sites?.map((label) => zone.child(label)?.key.slice(zone.key.length) ?? "");
    this.#sites = keys && new Set(keys);
    this.#isAddressShown = isAddressShown;
  }

  /** What is left of a set; undefined if nothing is. */
  see(set: RecordSet): RecordSet | undefined {
    const isOwn = set.type === Type.SOA || set.type === Type.NS;
    if (isOwn && set.name.equals(this.#origin)) return set;
    if (!this.#isShown(set.name) || !this.#isReverseShown(set.name)) return undefined;
    const rdatas = set.rdatas.filter((rdata) => this.#isDataShown(rdata));
    if (rdatas.length === set.rdatas.length) return set;
    return rdatas.length === 0 ? undefined : { ...set, rdatas };
  }

  /** False at or beneath a hidden site. */
  #isShown({ key }: Name): boolean {
    if (this.#sites === undefined || !key.startsWith(this.#zone.key)) return true;
    const from = this.#zone.key.length;
    if (key.length === from || key.charCodeAt(from + 1) === UNDERSCORE) return true;
    return this.#sites.has(key.slice(from, from + 1 + key.charCodeAt(from)));
  }

  /** False at or beneath the reverse name of a hidden address. */
  #isReverseShown(name: Name): boolean {
    if (this.#isAddressShown === undefined || !name.key.startsWith(ARPA)) return true;
    for (let at: Name | undefined = name; at !== undefined; at = at.parent) {
      const address = addressOfReverseName(at);
      if (address !== undefined) return this.#isAddressShown(formatAddress(address));
    }
    return true;
  }

  #isDataShown(rdata: Rdata): boolean {
    const isNameShown = (name: Name) => this.#isShown(name) && this.#isReverseShown(name);
    if (!rdata.names.every(isNameShown)) return false;
    if (this.#isAddressShown === undefined) return true;
    const address = addressOf(rdata);
    const addresses = address === undefined ? hintsOf(rdata) : [address];
    return addresses.every(this.#isAddressShown);
  }
}

const UNDERSCORE = 0x5f;
const ARPA = "\x04arpa";

/** Addresses that SVCB and HTTPS hint at (RFC 9460 §7.3). */
function hintsOf(data: Rdata): string[] {
  const { type } = data;
  const params = type === Type.SVCB || type === Type.HTTPS ? data.values.at(-1) : undefined;
  return params instanceof Uint8Array ? addressHints(params).map(formatAddress) : [];
}
