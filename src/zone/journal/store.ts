/** Where a zone lasts, and the zone as what makes it last sees it. */
import type { Snapshot } from "../snapshot.ts";
import type { Hold } from "../update/leases.ts";
import type { ZoneRecord } from "../update/recordmap.ts";
import type { StateAtOnce } from "./state.ts";

/** Where the changes of a zone last. */
export interface Store {
  /** Resolves when all of them are on the disk; if it rejects, none is. */
  append(entries: readonly Uint8Array[]): Promise<void>;
  /** Something has been written, and is seen. */
  kept(zone: Working): void;
  close(zone: Working): Promise<void>;
}

/** A zone as its store sees it. */
export interface Working {
  /** On the disk. */
  current(): Snapshot;
  holdsOf(record: ZoneRecord): readonly Hold[];
  /** Of a time of the zone's clock, milliseconds since 1970. */
  wallTime(time: number): number;
  /** All that has been worked out, be it written or not. */
  atOnce(): StateAtOnce;
  /** Entries that have been worked out and not been given to `append`. */
  waiting(): readonly Uint8Array[];
}
