/**
 * One process for a zone's journal: two would write over each other. A lock is a symbolic link that leads
 * nowhere and names its process: to make it is to make what was not there, whole, or to fail, and needs
 * no room on a disk that is full. It outlives a process that was killed, so one whose process is no more
 * is taken over; that a number has gone to another process since is told by the time it was started at.
 * Processes that do not see each other, in containers that share a folder, it does not keep apart.
 */
import { readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";

/** Throws where another process has it. Gives what lets it go. */
export function lock(path: string): () => void {
  const own = `${process.pid} ${startOf(process.pid)}`;
  if (!isMade(path, own)) takeOver(path, own);
  return () => {
    if (ownerOf(path) === own) rmSync(path, { force: true });
  };
}

/**
 * Puts one's own in the place of a lock whose process is no more; throws if it lives. Of several who see
 * that at once one does, who has a lock of its own for it.
 */
function takeOver(path: string, own: string): void {
  const left = ownerOf(path);
  if (left !== undefined && isHeld(left)) throw inUse(path);
  const release = lock(`${path}.${nameOf(left)}`);
  const draft = `${path}.${process.pid}`;
  try {
    if (ownerOf(path) !== left) throw inUse(path);
    rmSync(draft, { force: true });
    symlinkSync(own, draft);
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
    release();
  }
}

/** As a part of a file's name. */
function nameOf(left = "nobody"): string {
  return left.slice(0, LONGEST).replace(/\W+/g, "-");
}

/** Characters of a number, a boot and a time. */
const LONGEST = 64;

function isHeld(text: string | undefined): boolean {
  const [, pid, start] = /^(\d+) (.*)$/.exec(text ?? "") ?? [];
  return pid !== undefined && startOf(Number(pid)) === start;
}

/**
 * Tells a process from all that had or will have its number; undefined when there is none. Where
 * there is no /proc it is the number alone.
 */
function startOf(pid: number): string | undefined {
  const boot = read("/proc/sys/kernel/random/boot_id")?.trim();
  if (boot === undefined) return isAlive(pid) ? "?" : undefined;
  // The name in parentheses may have anything in it; the start is the 20th word behind it.
  const words = read(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, "")
    .split(" ");
  // One that has died may be there until its parent asks after it, which some never do.
  const isDead = words === undefined || words[0] === "Z" || words[0] === "X";
  return isDead ? undefined : `${boot} ${words[19]}`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function isMade(path: string, own: string): boolean {
  try {
    symlinkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Undefined where it is not there, or no lock. */
function ownerOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** Undefined for a process that has just gone. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function inUse(path: string): Error {
  const [pid] = (ownerOf(path) ?? "").split(" ");
  const who = pid ? `process ${pid}` : "another process";
  return new Error(`${path}: in use by ${who}; expected a folder of one process's own`);
}
