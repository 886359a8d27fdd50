/**
 * The folder of zone files, each named after its zone (`1.10.in-addr.arpa.zone`): static records for the
 * shared zone and the reverse zones that are published into, and further zones, served as they stand.
 */
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { FormatError } from "../../dns/format.ts";
import { Name } from "../../dns/name.ts";
import type { RecordSet } from "../../dns/record.ts";
import { type MasterFileOptions, readMasterFile } from "./masterfile.ts";

export interface ZoneFile {
  readonly path: string;
  readonly origin: Name;
  readonly records: readonly RecordSet[];
}

export interface FolderOptions extends Pick<MasterFileOptions, "warn"> {
  /** Zones whose files may leave SOA and NS to the gateway. */
  readonly dynamic?: readonly Name[];
}

/** Reads every zone file of a folder; none if the folder does not exist. Throws FormatError. */
export async function readZoneFolder(
  path: string,
  { dynamic = [], warn }: FolderOptions = {},
): Promise<ZoneFile[]> {
  const files: ZoneFile[] = [];
  for (const file of await zoneFilesOf(path)) {
    const origin = originOf(file);
    const other = files.find((each) => each.origin.equals(origin));
    if (other !== undefined) {
      throw new FormatError(
        `${file}: the same zone as ${other.path}; expected one file for each zone`,
      );
    }
    const isPartial = dynamic.some((each) => each.equals(origin));
    const options = { isPartial, ...(warn && { warn }) };
    const records = await readMasterFile(file, origin, options).catch((error: unknown) => {
      // The system's error for a folder does not name it.
      throw error instanceof FormatError ? error : Object.assign(error as Error, { path: file });
    });
    files.push({ path: file, origin, records });
  }
  return files;
}

async function zoneFilesOf(path: string): Promise<string[]> {
  try {
    const names = await readdir(path);
    // No zone has a name that begins with a dot: these are other programs' notes about such a file.
    return names
      .filter((name) => name.endsWith(".zone") && !name.startsWith("."))
      .sort()
      .map((name) => join(path, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function originOf(file: string): Name {
  try {
    return Name.parse(basename(file, ".zone"));
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(`${file}: ${error.message}; expected the zone's name before .zone`);
  }
}
