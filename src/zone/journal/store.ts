/** The interface between a zone and the store that keeps it on disk. */
import type { Snapshot } from "../snapshot.ts";
import type { Hold } from "../update/hold.ts";
import type { ZoneRecord } from "../update/recordmap.ts";
import type { FrozenState } from "./state.ts";

/** Keeps the changes of a zone. */
export interface Store {
  /** Resolves when all of them are on disk; if it rejects, none is. */
  append(entries: readonly Uint8Array[]): Promise<void>;
  /** Something has been written, and is visible now. */
  kept(zone: StoredZone): void;
  close(zone: StoredZone): Promise<void>;
}

/** A zone as its store sees it. */
export interface StoredZone {
  /** The snapshot that is on disk. */
  current(): Snapshot;
  holdsOf(record: ZoneRecord): readonly Hold[];
  /** How many holds have been renewed or released, since the beginning of the journal that was read. */
  renewals(): number;
  /** Converts a time of the zone's clock to milliseconds since 1970. */
  wallTime(time: number): number;
  /** All that has been worked out, whether written or not. */
  freeze(): FrozenState;
  /** Entries that have been worked out but not yet passed to `append`. */
  waiting(): readonly Uint8Array[];
}
