/**
 * A file of frames, each with what one write put there, behind a head; behind the last frame there
 * is nothing, or zeros.
 *
 *     head   "DNSSDZJ" version(4) salt(4) checksum(4)
 *     frame  length(4) number(4) checksum(4) entries, each: length(4) octets
 *
 * Numbers count up from the salt, which is drawn for each file; checksums (CRC-32) start from it and
 * cover the number. So what is in a torn write, even if a stranger chose it, is no frame.
 *
 * Invariant: a frame is written when the one before it is on the disk. So the first frame that is
 * not whole is the end, unless a whole one follows: then the file is damaged, and nothing of it is
 * believed. What could not be written whole is cut off before anything else is written.
 */
import { crc32 } from "node:zlib";
import { FormatError } from "../../dns/format.ts";
import type { DiskFile } from "./disk.ts";

export class Tape {
  readonly #file: DiskFile;
  readonly #salt: number;
  /** Of the next frame. */
  #number: number;
  #length: number;
  /** Up to here there are zeros already: to overwrite is faster than to let a file grow. */
  #reserved: number;
  /** Below this length no more is reserved. */
  #reservesFrom = 0;
  /** There may be something behind the last frame. */
  #isDoubtful = false;

  private constructor(file: DiskFile, salt: number, number: number, length: number) {
    this.#file = file;
    this.#salt = salt;
    this.#number = number;
    this.#length = length;
    this.#reserved = length;
  }

  /** On an empty file. Not on the disk before something is written. */
  static begin(file: DiskFile, salt: number): Tape {
    const head = Buffer.alloc(HEAD);
    head.write(MAGIC, "latin1");
    head.writeUInt32BE(VERSION, MAGIC.length);
    head.writeUInt32BE(salt, MAGIC.length + 4);
    head.writeUInt32BE(crc32(head.subarray(0, HEAD - 4)), HEAD - 4);
    file.write(head, 0);
    return new Tape(file, salt, salt, HEAD);
  }

  /** On a file that has been read. */
  static goOn(file: DiskFile, { salt, frames, length }: Recording): Tape {
    return new Tape(file, salt, (salt + frames) >>> 0, length);
  }

  get length(): number {
    return this.#length;
  }

  /** Resolves when all of them are on the disk; if it rejects, none of them is. */
  async write(entries: readonly Uint8Array[]): Promise<void> {
    if (this.#isDoubtful) await this.cutOff();
    const frame = frameOf(entries, this.#number, this.#salt);
    this.#isDoubtful = true;
    try {
      this.#file.write(frame, this.#length);
      await this.#file.sync();
    } catch (error) {
      // Where this fails too, it is done before the next write.
      await this.cutOff().catch(() => {});
      throw error;
    }
    this.#isDoubtful = false;
    this.#length += frame.length;
    this.#number = (this.#number + 1) >>> 0;
    if (frame.length < RESERVE / 2) this.#reserve();
  }

  /** Makes sure that nothing is behind the last frame. */
  async cutOff(): Promise<void> {
    this.#file.truncate(this.#length);
    this.#reserved = this.#length;
    await this.#file.sync();
    this.#isDoubtful = false;
  }

  /** Is its file the one of this name? */
  isAt(path: string): boolean {
    return this.#file.isAt(path);
  }

  close(): void {
    this.#file.close();
  }

  /** The next write brings the zeros to the disk with it. */
  #reserve(): void {
    if (this.#reserved - this.#length > RESERVE / 2 || this.#length < this.#reservesFrom) return;
    const from = Math.max(this.#reserved, this.#length);
    try {
      this.#file.write(ZEROS, from);
      this.#reserved = from + RESERVE;
    } catch {
      // The disk is full or nearly so: what is left of it is for frames.
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

/** Of a frame, without the four octets where it stands. */
function checksumOf(frame: Buffer, salt: number): number {
  return crc32(frame.subarray(FRAME_HEAD), crc32(frame.subarray(0, 8), salt));
}

//---- Reading ----

export interface Recording {
  readonly salt: number;
  readonly frames: number;
  /** Up to the end of the last frame. */
  readonly length: number;
  /** In the order they were written; made as they are read, for there may be millions. */
  readonly entries: Iterable<Uint8Array>;
  /** Octets, not zeros, of a write that was under way when its writer died. */
  readonly torn: number;
}

/** What is on a tape. Throws FormatError where it is damaged. */
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
  if (!isWhole) throw new FormatError("damaged at its head, or no journal");
  const version = octets.readUInt32BE(MAGIC.length);
  if (version !== VERSION) {
    throw new FormatError(`of format ${version}, expected ${VERSION}`);
  }
  return octets.readUInt32BE(MAGIC.length + 4);
}

/** The frame of this number at this place, if it is whole. */
function frameAt(octets: Buffer, at: number, number: number, salt: number): Buffer | undefined {
  if (at + FRAME_HEAD > octets.length || octets.readUInt32BE(at + 4) !== number) return undefined;
  const end = at + FRAME_HEAD + octets.readUInt32BE(at);
  if (end > octets.length) return undefined;
  const frame = octets.subarray(at, end);
  return frame.readUInt32BE(8) === checksumOf(frame, salt) ? frame : undefined;
}

/**
 * Is there a whole frame at `from` or behind, of any number that may come after this one? What damages
 * a file is seldom smaller than a sector, and many frames have room in one.
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

/** Of frames that are whole, one behind the other. */
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
/** Some five hundred updates. */
const RESERVE = 256 * 1024;
const ZEROS = Buffer.alloc(RESERVE);
