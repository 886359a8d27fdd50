/**
 * A disk in memory that can fail and crash. What was written but not synced survives the death of a
 * process, and a power cut only by chance, sector by sector; so do names that were not settled.
 */
import type { Disk, DiskFile } from "../../src/zone/journal/disk.ts";

/** As small as a test's frames, so that these may be torn. */
const SECTOR = 32;

interface Content {
  /** What a reader finds. */
  octets: Buffer;
  /** What each write since the last sync replaced. */
  unsynced: { readonly position: number; readonly before: Buffer; readonly length: number }[];
}

export class MemoryDisk implements Disk {
  /** How many operations have changed something so far. */
  operations = 0;
  /** How many files are open. */
  descriptors = 0;
  /** Called before each operation, with its name; may throw. */
  before: (what: string) => void = () => {};
  #files = new Map<string, Content>();
  #settled = new Map<string, Content>();
  readonly #locks = new Set<string>();

  static of(files: Iterable<readonly [string, Uint8Array]>): MemoryDisk {
    const disk = new MemoryDisk();
    for (const [path, octets] of files) {
      disk.#files.set(path, { octets: Buffer.from(octets), unsynced: [] });
    }
    disk.#settled = new Map(disk.#files);
    return disk;
  }

  get paths(): string[] {
    return [...this.#files.keys()].sort();
  }

  octets(path: string): Buffer {
    return Buffer.from(this.#files.get(path)!.octets);
  }

  /**
   * The disk as another process finds it after this one was killed: complete, and what was not synced
   * or settled still is not.
   */
  afterKill(): MemoryDisk {
    const disk = new MemoryDisk();
    const copies = new Map<Content, Content>();
    const copied = (files: ReadonlyMap<string, Content>) =>
      new Map([...files].map(([path, content]) => [path, copyOf(content, copies)]));
    disk.#files = copied(this.#files);
    disk.#settled = copied(this.#settled);
    return disk;
  }

  /** The disk after a power cut; `chance` decides for each thing not synced whether it lasts. */
  afterPowerCut(chance: () => boolean): MemoryDisk {
    const names = new Map(this.#settled);
    for (const path of new Set([...this.#files.keys(), ...names.keys()])) {
      if (this.#files.get(path) === names.get(path) || !chance()) continue;
      const content = this.#files.get(path);
      if (content === undefined) names.delete(path);
      else names.set(path, content);
    }
    return MemoryDisk.of([...names].map(([path, content]) => [path, torn(content, chance)]));
  }

  async read(path: string): Promise<Buffer | undefined> {
    const content = this.#files.get(path);
    return content && Buffer.from(content.octets);
  }

  open(path: string): DiskFile {
    return this.#fileOf(this.#files.get(path)!);
  }

  create(path: string): DiskFile {
    this.#operate("create");
    const content = { octets: Buffer.alloc(0), unsynced: [] };
    this.#files.set(path, content);
    return this.#fileOf(content);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#operate("rename");
    this.#files.set(to, this.#files.get(from)!);
    this.#files.delete(from);
  }

  async remove(path: string): Promise<void> {
    this.#operate("remove");
    this.#files.delete(path);
  }

  async settle(): Promise<void> {
    this.#operate("settle");
    this.#settled = new Map(this.#files);
  }

  lock(path: string): () => void {
    if (this.#locks.has(path)) throw new Error(`${path}: in use`);
    this.#locks.add(path);
    return () => this.#locks.delete(path);
  }

  #operate(what: string): void {
    this.operations++;
    this.before(what);
  }

  /** Writes octets at a position, and makes the file this long. */
  #change(content: Content, position: number, octets: Uint8Array, length: number): void {
    const old = content.octets;
    const end = length < old.length ? old.length : position + octets.length;
    const before = Buffer.from(old.subarray(position, end));
    content.unsynced.push({ position, before, length: old.length });
    content.octets = resized(old, length);
    content.octets.set(octets, position);
  }

  #fileOf(content: Content): DiskFile {
    let isClosed = false;
    this.descriptors++;
    return {
      write: (octets, position) => {
        if (isClosed) throw new Error("EBADF");
        this.#operate("write");
        this.#change(
          content,
          position,
          octets,
          Math.max(content.octets.length, position + octets.length),
        );
      },
      truncate: (length) => {
        this.#operate("truncate");
        this.#change(content, length, Buffer.alloc(0), length);
      },
      sync: async () => {
        this.#operate("sync");
        const { length } = content.unsynced;
        await undefined;
        content.unsynced.splice(0, length);
      },
      isAt: (path) => this.#files.get(path) === content,
      // The file is closed even if this fails (close(2)).
      close: () => {
        if (!isClosed) this.descriptors--;
        isClosed = true;
        this.#operate("close");
      },
    };
  }
}

function copyOf(content: Content, copies: Map<Content, Content>): Content {
  let copy = copies.get(content);
  if (copy === undefined) {
    copy = { octets: Buffer.from(content.octets), unsynced: [...content.unsynced] };
    copies.set(content, copy);
  }
  return copy;
}

/** The file as at the last sync, and by chance with what was written since. */
function torn({ octets, unsynced }: Content, chance: () => boolean): Buffer {
  let synced: Buffer = Buffer.from(octets);
  for (const { position, before, length } of unsynced.toReversed()) {
    synced = resized(synced, length);
    before.copy(synced, position);
  }
  const result = resized(synced, chance() ? octets.length : synced.length);
  for (let at = 0; at < result.length; at += SECTOR) {
    const end = Math.min(at + SECTOR, result.length);
    if (Buffer.compare(octets.subarray(at, end), result.subarray(at, end)) === 0) continue;
    if (chance()) octets.copy(result, at, at, end);
  }
  return result;
}

function resized(octets: Buffer, length: number): Buffer {
  if (octets.length === length) return octets;
  const result = Buffer.alloc(length);
  octets.copy(result);
  return result;
}
