/**
 * What a journal needs of a file system, and how the system's own provides it. What has been written is
 * on disk once `sync` has resolved, and not before; a name is permanent once `settle` has.
 */
import {
  closeSync,
  fdatasync,
  fstatSync,
  ftruncateSync,
  openSync,
  statSync,
  writeSync,
} from "node:fs";
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { lock } from "./lock.ts";

export interface Disk {
  /** Undefined if there is no such file. */
  read(path: string): Promise<Buffer | undefined>;
  /** Opens a file that exists. */
  open(path: string): DiskFile;
  /** Creates an empty file, or empties the one there. */
  create(path: string): DiskFile;
  /** Atomic: whoever opens `to` gets the old file or the new one, whole. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Throws if another process holds the lock. Returns the function that releases it. */
  lock(path: string): () => void;
  /** Makes permanent what was created, renamed or removed in the folder of `path`. */
  settle(path: string): Promise<void>;
}

export interface DiskFile {
  /** Writes all of it before returning, into the system's cache. */
  write(octets: Uint8Array, position: number): void;
  truncate(length: number): void;
  sync(): Promise<void>;
  /** True if `path` leads to this file, or if that cannot be told. */
  isAt(path: string): boolean;
  close(): void;
}

export const systemDisk: Disk = {
  async read(path) {
    try {
      return await readFile(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  },
  open: (path) => new SystemFile(openSync(path, "r+")),
  create: (path) => new SystemFile(openSync(path, "w")),
  rename,
  remove: (path) => rm(path, { force: true }),
  lock,
  async settle(path) {
    const folder = await open(dirname(path));
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
};

class SystemFile implements DiskFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(octets: Uint8Array, position: number): void {
    for (let done = 0; done < octets.length; ) {
      done += writeSync(this.#descriptor, octets, done, octets.length - done, position + done);
    }
  }

  truncate(length: number): void {
    ftruncateSync(this.#descriptor, length);
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#descriptor, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  isAt(path: string): boolean {
    try {
      const found = statSync(path, { throwIfNoEntry: false });
      const { dev, ino } = fstatSync(this.#descriptor);
      return found?.ino === ino && found.dev === dev;
    } catch {
      return true;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
