/**
 * Records who watches which names in the zones of a view, and notifies them of changes. A zone is followed
 * by its serial, as everywhere (see `history.ts`), from the first watch of a name in it until nobody
 * watches any name of the view.
 */
import { Type } from "../../dns/constants.ts";
import type { Question } from "../../dns/message.ts";
import type { NameKey } from "../../dns/name.ts";
import { findCut } from "../../zone/lookup/cut.ts";
import { Catalog } from "../catalog.ts";
import type { FollowedZone } from "../ready.ts";
import type { Watched } from "./watched.ts";

export interface Watcher {
  /** The zone may have changed at this name. */
  notice(watched: Watched): void;
  /** Sends what is to be sent, and returns the approximate number of octets. */
  flush(): number;
}

export class Board {
  readonly #catalog: Catalog<FollowedZone>;
  readonly #watchers = new Map<NameKey, Map<Watched, Watcher>>();
  /** The serial of each zone up to which its watchers have been notified. */
  readonly #serials = new Map<FollowedZone, number>();

  constructor(zones: Iterable<FollowedZone>) {
    this.#catalog = new Catalog(zones);
  }

  /** The zone with authority over this question; undefined if there is none. */
  zoneOf(question: Question): FollowedZone | undefined {
    const zone = this.#catalog.findFor(question);
    const cut = zone && findCut(zone.current, question.name, question.type);
    return cut?.type === Type.NS ? undefined : zone;
  }

  watch(watched: Watched, watcher: Watcher): void {
    const { name, zone } = watched;
    const watchers = this.#watchers.get(name.key) ?? new Map();
    this.#watchers.set(name.key, watchers.set(watched, watcher));
    if (!this.#serials.has(zone)) this.#serials.set(zone, zone.current.serial);
  }

  unwatch(watched: Watched): void {
    const { key } = watched.name;
    const watchers = this.#watchers.get(key);
    watchers?.delete(watched);
    if (watchers?.size === 0) this.#watchers.delete(key);
    if (this.#watchers.size === 0) this.#serials.clear();
  }

  /** Notifies those for whom something may have changed since the last look, and returns them. */
  look(): ReadonlySet<Watcher> {
    const told = new Set<Watcher>();
    const tell = (key: NameKey, zone: FollowedZone) => {
      for (const [watched, watcher] of this.#watchers.get(key) ?? []) {
        if (watched.zone !== zone) continue;
        watcher.notice(watched);
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
