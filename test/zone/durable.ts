/** Zones on a disk in memory, and all that is known of one, as lines to compare. */
import type { ZoneState } from "../../src/zone/journal/state.ts";
import { openZone, type ZonePlace } from "../../src/zone/openzone.ts";
import type { Snapshot } from "../../src/zone/snapshot.ts";
import type { HeldRecord } from "../../src/zone/update/leases.ts";
import type { Zone } from "../../src/zone/zone.ts";
import { FakeClock } from "../support/clock.ts";
import { silentLog } from "../support/log.ts";
import { lines, origin, setsOf } from "./fixture.ts";
import type { MemoryDisk } from "./memorydisk.ts";

/** Opens a zone. Opening it again with another signal finds what the first left, as after a kill. */
export async function openOn(
  disk: MemoryDisk,
  options: Partial<ZonePlace> & { text?: string } = {},
): Promise<Zone> {
  return openZone({
    origin,
    folder: "",
    fileRecords: setsOf(options.text ?? ""),
    clock: new FakeClock(),
    log: silentLog,
    signal: new AbortController().signal,
    disk,
    ...options,
  });
}

/** Where `openOn` keeps its journal. */
export const JOURNAL = "z.example.journal";
export const COPY = "z.example.saved";

/** All that is known of a zone. `wallOffset` turns the times of holds into wall time. */
export function describe(
  state: Pick<ZoneState, "file" | "snapshot" | "signingTimes">,
  held: readonly HeldRecord[],
  nextId: number,
  wallOffset: number,
): string[] {
  return [
    `serial ${state.snapshot.serial}`,
    ...exact(state.snapshot),
    ...held.map(({ id, name, rdata, holds }) => {
      const told = holds.map(({ by, expires, lease }) => `${by} ${expires + wallOffset} ${lease}`);
      return `${id} ${name} ${rdata.key} ${told.join(", ")}`;
    }),
    `next ${nextId}`,
    ...lines(state.file),
    ...state.signingTimes.entries().map(([by, time]) => `${by} signed at ${time}`),
  ];
}

/** The records in the zone's order. */
function exact(snapshot: Snapshot): string[] {
  return [...snapshot].flatMap(({ name, ttl, rdatas }) =>
    rdatas.map(
      (rdata) => `${name} ${ttl} ${rdata.type} ${Buffer.from(rdata.toWire()).toString("hex")}`,
    ),
  );
}
