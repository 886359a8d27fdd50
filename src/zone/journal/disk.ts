/**
 * What a journal asks of a file system, and the one there is. What has been written is on the disk
 * when `sync` has resolved, and not before; a name is there to stay when `settle` has.
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
  /** Undefined where there is no such file. */
  read(path: string): Promise<Buffer | undefined>;
  /** A file that is there. */
  open(path: string): DiskFile;
  /** An empty file, whatever was there. */
  create(path: string): DiskFile;
  /** Whoever opens `to` gets the one file or the other, whole. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Throws where another process has it. Gives what lets it go. */
  lock(path: string): () => void;
  /** Makes what was created, renamed and removed beside `path` last. */
  settle(path: string): Promise<void>;
}

export interface DiskFile {
  /** All of it, at once: into memory that the system keeps for the disk. */
  write(octets: Uint8Array, position: number): void;
  truncate(length: number): void;
  sync(): Promise<void>;
  /** Would who reads `path` find this file? Where that cannot be told, as if he would. */
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
