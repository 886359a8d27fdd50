/** A disk whose syncs take longer than those of this machine, for any server. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { root } from "../test/support/root.ts";
import { hasTool } from "../test/support/tool.ts";

/** The environment of a server whose syncs take that much longer; `folder` is for the library. */
export function slowDisk(milliseconds: number, folder: string): NodeJS.ProcessEnv {
  if (milliseconds === 0) return {};
  if (!hasTool("cc")) throw new Error("--sync needs a C compiler, cc");
  const library = join(folder, "slowdisk.so");
  const source = join(root, "bench/programs/slowdisk.c");
  execFileSync("cc", ["-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"]);
  return { LD_PRELOAD: library, SYNC_US: `${Math.round(milliseconds * 1000)}` };
}
