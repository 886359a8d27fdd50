/**
 * A file of frames after a head. Each frame holds the entries of one write; after the last frame there is
 * nothing, or zeros.
 *
 *     head   "DNSSDZJ" version(4) salt(4) checksum(4)
 *     frame  length(4) number(4) checksum(4) entries, each: length(4) octets
 *
 * Numbers count up from the salt, which is random for each file; checksums (CRC-32) start from it and
 * cover the number. So nothing in a torn write passes for a frame, even if a stranger chose it.
 *
 * Invariant: a frame is written only when the one before it is on disk. So the first frame that is not
 * whole is the end, unless a whole one follows: then the file is damaged, and none of it is used. A frame
 * that could not be written whole is cut off before anything else is written.
 */
import { crc32 } from "node:zlib";
import { FormatError } from "../../dns/format.ts";
import type { DiskFile } from "./disk.ts";

export class Tape {
  readonly #file: DiskFile;
  readonly #salt: number;
  /** The number of the next frame. */
  #number: number;
  #length: number;
  /** Zeros have been written up to here: overwriting is faster than letting a file grow. */
  #reserved: number;
  /** No more is reserved while the tape is shorter than this. */
  #reservesFrom = 0;
  /** True while part of a write may follow the last frame. */
  #isDoubtful = false;

  private constructor(file: DiskFile, salt: number, number: number, length: number) {
    this.#file = file;
    this.#salt = salt;
    this.#number = number;
    this.#length = length;
    this.#reserved = length;
  }

  /** Begins a tape on an empty file. It is not on disk before something is written. */
  static begin(file: DiskFile, salt: number): Tape {
    const head = Buffer.alloc(HEAD);
    head.write(MAGIC, "latin1");
    head.writeUInt32BE(VERSION, MAGIC.length);
    head.writeUInt32BE(salt, MAGIC.length + 4);
    head.writeUInt32BE(crc32(head.subarray(0, HEAD - 4)), HEAD - 4);
    file.write(head, 0);
    return new Tape(file, salt, salt, HEAD);
  }

  /** Continues the tape on a file that has been read. */
  static goOn(file: DiskFile, { salt, frames, length }: Recording): Tape {
    return new Tape(file, salt, (salt + frames) >>> 0, length);
  }

  get length(): number {
    return this.#length;
  }

  /** Resolves when all of them are on disk; if it rejects, none of them is. */
  async write(entries: readonly Uint8Array[]): Promise<void> {
    if (this.#isDoubtful) await this.cutOff();
    const frame = frameOf(entries, this.#number, this.#salt);
    this.#isDoubtful = true;
    try {
      this.#file.write(frame, this.#length);
      await this.#file.sync();
    } catch (error) {
      // If this fails too, it is done before the next write.
      await this.cutOff().catch(() => {});
      throw error;
    }
    this.#isDoubtful = false;
    this.#length += frame.length;
    this.#number = (this.#number + 1) >>> 0;
    if (frame.length < RESERVE / 2) this.#reserve();
  }

  /** Makes sure that nothing follows the last frame. */
  async cutOff(): Promise<void> {
    this.#file.truncate(this.#length);
    this.#reserved = this.#length;
    await this.#file.sync();
    this.#isDoubtful = false;
  }

  /** True if `path` leads to its file, or if that cannot be told. */
  isAt(path: string): boolean {
    return this.#file.isAt(path);
  }

  close(): void {
    this.#file.close();
  }

  /** The zeros reach the disk with the next write. */
  #reserve(): void {
    if (this.#reserved - this.#length > RESERVE / 2 || this.#length < this.#reservesFrom) return;
    const from = Math.max(this.#reserved, this.#length);
    try {
      this.#file.write(ZEROS, from);
      this.#reserved = from + RESERVE;
    } catch {
      // The disk is full or nearly so: the rest of it is for frames.
      this.#reservesFrom = this.#length + RESERVE;
      this.#isDoubtful = true;
    }
  }
}

function frameOf(entries: readonly Uint8Array[], number: number, salt: number): Buffer {
  const length = entries.reduce((sum, entry) => sum + 4 + entry.length, 0);
  const frame = Buffer.allocUnsafe(FRAME_HEAD + length);
  frame.writeUInt32BE(length, 0);
  frame.writeUInt32BE(number, 4);
  let at = FRAME_HEAD;
  for (const entry of entries) {
    at = frame.writeUInt32BE(entry.length, at);
    frame.set(entry, at);
    at += entry.length;
  }
  frame.writeUInt32BE(checksumOf(frame, salt), 8);
  return frame;
}

/** The checksum of a frame, without the four octets that hold it. */
function checksumOf(frame: Buffer, salt: number): number {
  return crc32(frame.subarray(FRAME_HEAD), crc32(frame.subarray(0, 8), salt));
}

//---- Reading ----

export interface Recording {
  readonly salt: number;
  readonly frames: number;
  /** Octets up to the end of the last frame. */
  readonly length: number;
  /** In the order they were written; made one by one on demand, since there may be millions. */
  readonly entries: Iterable<Uint8Array>;
  /** Octets of a write that was in flight when its writer died, without zeros at the end. */
  readonly torn: number;
}

/** Reads a tape. Throws FormatError if it is damaged. */
export function readTape(octets: Buffer): Recording {
  const salt = readHead(octets);
  let frames = 0;
  let at = HEAD;
  for (;;) {
    const frame = frameAt(octets, at, (salt + frames) >>> 0, salt);
    if (frame === undefined) break;
    at += frame.length;
    frames++;
  }
  let end = octets.length;
  while (end > at && octets[end - 1] === 0) end--;
  if (hasLater(octets, at + 1, (salt + frames) >>> 0, salt)) {
    throw new FormatError(`damaged at octet ${at}, ${end - at} before its end`);
  }
  const entries = { [Symbol.iterator]: () => entriesOf(octets.subarray(HEAD, at)) };
  return { salt, frames, length: at, entries, torn: end - at };
}

function readHead(octets: Buffer): number {
  const isWhole =
    octets.length >= HEAD &&
    octets.toString("latin1", 0, MAGIC.length) === MAGIC &&
    octets.readUInt32BE(HEAD - 4) === crc32(octets.subarray(0, HEAD - 4));
  if (!isWhole) throw new FormatError("damaged at its head, or not a journal");
  const version = octets.readUInt32BE(MAGIC.length);
  if (version !== VERSION) {
    throw new FormatError(`of format ${version}, expected ${VERSION}`);
  }
  return octets.readUInt32BE(MAGIC.length + 4);
}

/** The frame with this number at this place, if it is whole. */
function frameAt(octets: Buffer, at: number, number: number, salt: number): Buffer | undefined {
  if (at + FRAME_HEAD > octets.length || octets.readUInt32BE(at + 4) !== number) return undefined;
  const end = at + FRAME_HEAD + octets.readUInt32BE(at);
  if (end > octets.length) return undefined;
  const frame = octets.subarray(at, end);
  return frame.readUInt32BE(8) === checksumOf(frame, salt) ? frame : undefined;
}

/**
 * True if a whole frame lies at or after `from`, with any number that may follow this one: damage is seldom
 * smaller than a sector, in which many frames have room.
 */
function hasLater(octets: Buffer, from: number, number: number, salt: number): boolean {
  const most = Math.floor((octets.length - from) / FRAME_HEAD);
  for (let at = from; at + FRAME_HEAD <= octets.length; at++) {
    const found = octets.readUInt32BE(at + 4);
    const ahead = (found - number) >>> 0;
    if (ahead === 0 || ahead > most) continue;
    if (frameAt(octets, at, found, salt) !== undefined) return true;
  }
  return false;
}

/** The entries of whole frames that follow each other. */
function* entriesOf(frames: Buffer): Generator<Buffer> {
  for (let at = 0; at < frames.length; ) {
    const next = at + FRAME_HEAD + frames.readUInt32BE(at);
    for (at += FRAME_HEAD; at < next; ) {
      const end = at + 4 + frames.readUInt32BE(at);
      yield frames.subarray(at + 4, end);
      at = end;
    }
  }
}

const MAGIC = "DNSSDZJ";
const VERSION = 1;
const HEAD = MAGIC.length + 12;
const FRAME_HEAD = 12;
/** Octets, room for some five hundred updates. */
const RESERVE = 256 * 1024;
const ZEROS = Buffer.alloc(RESERVE);
