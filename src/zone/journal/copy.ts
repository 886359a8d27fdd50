/**
 * The readable copy of a zone: a master file for people and for other servers, with a remark on who
 * holds a record and until when. Only its serial is read back, in case the journal was lost or is old.
 */
import type { Name } from "../../dns/name.ts";
import type { RecordSet } from "../../dns/record.ts";
import { type Pace, paced } from "../../paced.ts";
import { MasterFileFormat, usualTtl } from "../masterfile/masterformat.ts";
import type { Snapshot } from "../snapshot.ts";
import { FILE, FOREVER, type Hold } from "../update/hold.ts";
import type { ZoneRecord } from "../update/recordmap.ts";
import type { Disk, DiskFile } from "./disk.ts";

export interface CopyOptions {
  readonly disk: Disk;
  readonly path: string;
  readonly holdsOf: (record: ZoneRecord) => readonly Hold[];
  /** Converts a time of the zone's clock to milliseconds since 1970. */
  readonly wallTime: (time: number) => number;
  readonly pace: Pace;
}

export async function writeCopy(snapshot: Snapshot, options: CopyOptions): Promise<void> {
  const { disk, path } = options;
  const draft = `${path}.new`;
  try {
    await write(disk.create(draft), paced(textOf(snapshot, options), options.pace));
    await disk.rename(draft, path);
    await disk.settle(path);
  } catch (error) {
    // The disk may be full: free what the draft takes.
    await disk.remove(draft).catch(() => {});
    throw error;
  }
}

async function write(file: DiskFile, texts: AsyncIterable<string>): Promise<void> {
  let length = 0;
  let synced = 0;
  try {
    for await (const text of texts) {
      const octets = Buffer.from(text);
      file.write(octets, length);
      length += octets.length;
      if (length - synced < SYNCED) continue;
      await file.sync();
      synced = length;
    }
    await file.sync();
  } finally {
    file.close();
  }
}

function* textOf(snapshot: Snapshot, { holdsOf, wallTime }: CopyOptions): Generator<string> {
  const format = new MasterFileFormat(snapshot.origin, usualTtl(firstSets(snapshot)));
  const remark = (name: Name, rdata: RecordSet["rdatas"][number]) =>
    holdsOf({ name, rdata })
      .filter(({ by }) => by !== FILE)
      .map(({ by, expires }) => (expires === FOREVER ? by : `${by} until ${time(expires)}`))
      .join(", ");
  const time = (expires: number) => new Date(wallTime(expires)).toISOString().slice(0, 19);
  yield HEAD + format.head;
  for (const sets of snapshot.pieces()) {
    let text = "";
    let records = 0;
    for (const set of sets) {
      for (let at = 0; at < set.rdatas.length; at += PIECE) {
        const rdatas = set.rdatas.slice(at, at + PIECE);
        text += format.set({ ...set, rdatas }, (rdata) => remark(set.name, rdata));
        records += rdatas.length;
        if (records < PIECE) continue;
        yield text;
        text = "";
        records = 0;
      }
    }
    yield text;
  }
}

/** Enough sets to tell which TTL is usual. */
function* firstSets(snapshot: Snapshot): Generator<RecordSet> {
  let nodes = 0;
  for (const { sets } of snapshot.nodes()) {
    if (++nodes > MANY) return;
    yield* sets;
  }
}

const MANY = 1000;

/** Octets from one sync to the next, so that an update does not wait for the whole copy. */
const SYNCED = 256 * 1024;
/** Records written at a time, in a millisecond or two. */
const PIECE = 128;

const HEAD = `\
; A copy of the zone, for reading. What is changed here is not seen: static records belong in the
; file of the same name that ends in .zone. Times are UTC.
`;
