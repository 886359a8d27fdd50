/**
 * Who watches which names of the zones that a view shows. A zone is followed by its serial, as everywhere
 * (see `history.ts`), and only while somebody watches a name of it.
 */
import { Type } from "../dns/constants.ts";
import type { Question } from "../dns/message.ts";
import type { NameKey } from "../dns/name.ts";
import { findCut } from "../zone/lookup/cut.ts";
import { Catalog } from "./catalog.ts";
import type { FollowedZone } from "./ready.ts";

export interface Watcher {
  /** The zone may have changed at this name. */
  notice(key: NameKey): void;
  /** Tells what there is to be told. */
  flush(): void;
}

export class Board {
  readonly #catalog: Catalog<FollowedZone>;
  readonly #watchers = new Map<NameKey, Map<Watcher, FollowedZone>>();
  /** Up to which change the watchers of a zone were told that there is something. */
  readonly #serials = new Map<FollowedZone, number>();

  constructor(zones: Iterable<FollowedZone>) {
    this.#catalog = new Catalog(zones);
  }

  /** The zone that has the say at this name; undefined where none has. */
  zoneOf(question: Question): FollowedZone | undefined {
    const zone = this.#catalog.findFor(question);
    const cut = zone && findCut(zone.current, question.name, question.type);
    return cut?.type === Type.NS ? undefined : zone;
  }

  watch(key: NameKey, zone: FollowedZone, watcher: Watcher): void {
    const watchers = this.#watchers.get(key) ?? new Map();
    this.#watchers.set(key, watchers.set(watcher, zone));
    if (!this.#serials.has(zone)) this.#serials.set(zone, zone.current.serial);
  }

  unwatch(key: NameKey, watcher: Watcher): void {
    const watchers = this.#watchers.get(key);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#watchers.delete(key);
    if (this.#watchers.size === 0) this.#serials.clear();
  }

  /** Tells those for whom something may be another since the last look, and gives them. */
  look(): ReadonlySet<Watcher> {
    const told = new Set<Watcher>();
    const tell = (key: NameKey, zone: FollowedZone) => {
      for (const [watcher, watched] of this.#watchers.get(key) ?? []) {
        if (watched !== zone) continue;
        watcher.notice(key);
        told.add(watcher);
      }
    };
    for (const [zone, serial] of this.#serials) {
      const changes = zone.since(serial);
      this.#serials.set(zone, zone.current.serial);
      if (changes === "resync") {
        for (const key of this.#watchers.keys()) tell(key, zone);
        continue;
      }
      const keys = new Set<NameKey>();
      for (const { removed, added } of changes) {
        for (const { name } of [...removed, ...added]) keys.add(name.key);
      }
      for (const key of keys) tell(key, zone);
    }
    return told;
  }
}
