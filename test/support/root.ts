/** The folder of package.json, wherever the tests are built to. */
import { readdirSync } from "node:fs";
import { dirname } from "node:path";

export const root = findRoot(import.meta.dirname);

function findRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (readdirSync(folder).includes("package.json")) return folder;
  }
}
