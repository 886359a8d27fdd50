/**
 * The structure of the source, kept by a test: who may import whom, where sockets, files, timers and
 * chance may be used, how long a file may be.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, it } from "node:test";
import { root } from "./support/root.ts";

const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => ({ file, text: readFileSync(join(root, "src", file), "utf8") }));

/** Folder (or file of `src`) → what it may import; `types` marks what it may import for types only. */
const mayImport: Readonly<Record<string, { values: string[]; types?: string[] }>> = {
  dns: { values: [] },
  agedmap: { values: [] },
  heap: { values: [] },
  quarter: { values: [] },
  guests: { values: [] },
  clock: { values: [] },
  paced: { values: ["clock"] },
  log: { values: [] },
  config: { values: ["dns"] },
  net: { values: ["dns", "clock"], types: ["log"] },
  zone: { values: ["agedmap", "heap", "paced", "dns", "clock"], types: ["log"] },
  collector: {
    values: ["agedmap", "heap", "quarter", "guests", "dns", "clock", "zone"],
    types: ["net", "log"],
  },
  web: { values: ["paced", "dns", "clock", "zone"], types: ["net"] },
  dnsserver: {
    values: ["agedmap", "quarter", "guests", "dns", "clock", "zone"],
    types: ["net", "log"],
  },
};
const ROOTS = ["gateway", "cli", "main"];

/** Folder within a room → those beside it that it may import from; what all share lies above them. */
const mayLookInto: Readonly<Record<string, readonly string[]>> = {
  "net/links": [],
  "net/client": [],
  "net/server": ["net/links"],
  "cli/explain": [],
  "zone/update": [],
  "zone/lookup": ["zone/update"],
  "zone/masterfile": ["zone/update"],
  "zone/journal": ["zone/update", "zone/masterfile"],
  "zone/dnssec": ["zone/lookup"],
  "cli/browse": [],
  "cli/doctor": [],
  "dnsserver/push": [],
  "dnsserver/registrar": [],
  "collector/link": [],
  "collector/projection": ["collector/link"],
  "collector/publishing": ["collector/link"],
  "collector/report": ["collector/link", "collector/projection"],
};

interface Import {
  readonly target: string;
  readonly isTypeOnly: boolean;
}

function importsOf(file: string, text: string): Import[] {
  const imports = text.matchAll(/^(?:import|export)\s+(type\s+)?[^;"]*?from\s+"(\.[^"]+)"/gm);
  return [...imports].map((match) => ({
    target: relative(join(root, "src"), resolve(root, "src", dirname(file), match[2]!)),
    isTypeOnly: match[1] !== undefined,
  }));
}

/** The folder under `src`, or the file's own name. */
function roomOf(file: string): string {
  return file.split("/")[0]!.replace(/\.ts$/, "");
}

describe("the structure of src", () => {
  it("imports only in the directions that are listed", () => {
    const wrong: string[] = [];
    for (const { file, text } of files) {
      const room = roomOf(file);
      if (ROOTS.includes(room)) continue;
      const rule = mayImport[room];
      assert.ok(rule, `${file} lies in a room this test does not know`);
      for (const { target, isTypeOnly } of importsOf(file, text)) {
        const other = roomOf(target);
        const isAllowed =
          other === room ||
          rule.values.includes(other) ||
          (isTypeOnly && rule.types?.includes(other));
        if (!isAllowed) wrong.push(`${file} → ${target}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  it("has folders within rooms that import from each other one way only", () => {
    const wrong: string[] = [];
    for (const { file, text } of files) {
      const folder = dirname(file);
      if (!folder.includes("/")) continue;
      const allowed = mayLookInto[folder];
      assert.ok(allowed, `${file} lies in a folder this test does not know`);
      for (const { target } of importsOf(file, text)) {
        const other = dirname(target);
        const isBeside = other.includes("/") && other !== folder && roomOf(other) === roomOf(file);
        if (isBeside && !allowed.includes(other)) wrong.push(`${file} → ${target}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  it("has no import cycle between files, not even of types", () => {
    const edges = new Map(
      files.map(({ file, text }) => [file, importsOf(file, text).map(({ target }) => target)]),
    );
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      assert.ok(!path.includes(file), `a circle: ${[...path, file].join(" → ")}`);
      if (done.has(file)) return;
      for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of edges.keys()) visit(file, []);
  });

  it("uses sockets only in net/, and files only in the modules listed", () => {
    expectOnly(/from "node:(dgram|net|tls|http2?|https)"/, (file, text) => {
      if (file.startsWith("net/")) return true;
      // isIP and its kin check text, and a context checks a certificate: neither opens a socket.
      const isText = /^import \{ (isIP(v4|v6)?|BlockList|[ ,])+ \} from "node:net"/m.test(text);
      return isText || /^import \{ createSecureContext \} from "node:tls"/m.test(text);
    });
    expectOnly(
      /from "node:fs(\/promises)?"/,
      (file) =>
        [
          "zone/masterfile/masterfile.ts",
          "zone/journal/disk.ts",
          "zone/journal/lock.ts",
          "zone/masterfile/folder.ts",
          "gateway/zones.ts",
          "gateway/keyfolder.ts",
          "config.ts",
          "config/credentials.ts",
          "net/client/systemfiles.ts",
          "net/links/interfaces.ts",
        ].includes(file) || file.startsWith("cli/"),
    );
  });

  it("takes time and chance from clock.ts only", () => {
    expectOnly(
      /\b(setTimeout|setInterval|setImmediate|Date\.now|new Date\(\)|performance\.now|Math\.random)\b/,
      (file) => file === "clock.ts",
    );
  });

  it("SEC-21: starts no other program", () => {
    expectOnly(/["'](node:)?(child_process|cluster)["']/, () => false);
  });

  it("has no index files and no file over 350 lines", () => {
    const wrong = files
      .filter(({ file, text }) => /(^|\/)index\.ts$/.test(file) || text.split("\n").length > 351)
      .map(({ file, text }) => `${file}: ${text.split("\n").length - 1} lines`);
    assert.deepEqual(wrong, []);
  });

  it("opens every file with a comment that says what it is", () => {
    const wrong = files
      .filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text))
      .map(({ file }) => file);
    assert.deepEqual(wrong, []);
  });

  it("has every file and folder that the documents name", () => {
    const documents = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".md"))
      .map((file) => join("docs", file));
    const wrong = [...documents, "README.md", "CONTRIBUTING.md"].flatMap((document) => {
      const text = readFileSync(join(root, document), "utf8");
      const named = [...text.matchAll(/`(src\/[\w./]+)`/g)].map(([, path]) => path!);
      return named.filter((path) => !existsSync(join(root, path))).map((path) => [document, path]);
    });
    assert.deepEqual(wrong, []);
  });
});

function expectOnly(pattern: RegExp, isAllowed: (file: string, text: string) => boolean): void {
  const wrong = files
    .filter(({ file, text }) => pattern.test(withoutComments(text)) && !isAllowed(file, text))
    .map(({ file }) => file);
  assert.deepEqual(wrong, []);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}
