/**
 * Allows one process at a time to use a zone's journal: two would overwrite each other's entries. A lock is
 * a dangling symbolic link whose target names its process. Making one either creates it whole or fails, and
 * needs no room on a full disk. It outlives a process that is killed, so a lock whose process no longer
 * exists is taken over; the time a process was started at tells whether its number has been reused.
 * Locks do not keep apart processes that cannot see each other, in containers that share a folder.
 */
import { readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";

/** Throws if another process holds the lock. Returns the function that releases it. */
export function lock(path: string): () => void {
  const own = `${process.pid} ${startOf(process.pid)}`;
  if (!isMade(path, own)) takeOver(path, own);
  return () => {
    if (ownerOf(path) === own) rmSync(path, { force: true });
  };
}

/**
 * Replaces a lock whose process no longer exists by `own`; throws if the process exists. If several try
 * at once, a lock on the takeover itself lets only one of them succeed.
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

/** The owner of a lock, as part of a file name. */
function nameOf(left = "nobody"): string {
  return left.slice(0, LONGEST).replace(/\W+/g, "-");
}

/** Characters: a process number, a boot identifier and a time. */
const LONGEST = 64;

function isHeld(text: string | undefined): boolean {
  const [, pid, start] = /^(\d+) (.*)$/.exec(text ?? "") ?? [];
  return pid !== undefined && startOf(Number(pid)) === start;
}

/**
 * Tells a process from all others that had or will have its number; undefined if there is none. Without
 * /proc only the number counts.
 */
function startOf(pid: number): string | undefined {
  const boot = read("/proc/sys/kernel/random/boot_id")?.trim();
  if (boot === undefined) return isAlive(pid) ? "?" : undefined;
  // The name in parentheses may contain anything; the start time is the 20th word after it.
  const words = read(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, "")
    .split(" ");
  // A dead process may remain until its parent waits for it, which some never do.
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

/** Undefined if there is none, or it is not a lock. */
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
  return new Error(`${path}: in use by ${who}; expected a folder that no other process uses`);
}
