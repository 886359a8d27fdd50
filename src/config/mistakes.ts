/**
 * Mistakes in a configuration, as lines for people: the file and the line, the path in the tree, what
 * was found and what was expected.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter } from "yaml";

/** Lines for people, one for each mistake. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join("\n"));
    this.lines = lines;
  }
}

/** What is wrong, and at which path in the tree: the part of zod's issues that is used here. */
export interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Unknown names at the path. */
  readonly keys?: readonly string[];
}

export interface MistakesOptions {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
  /** The fields known at a path such as `links[]`. */
  readonly fieldsAt: (path: string) => readonly string[];
}

export class Mistakes {
  readonly #options: MistakesOptions;

  constructor(options: MistakesOptions) {
    this.#options = options;
  }

  error(issues: readonly Issue[]): ConfigError {
    return new ConfigError(issues.flatMap((issue) => this.#explain(issue)));
  }

  #explain({ path, message, keys }: Issue): string[] {
    if (keys === undefined) return [this.#line(path, this.#found(path, message))];
    const known = this.#options.fieldsAt(placeOf(path));
    const unknown = `unknown field; expected one of ${known.join(", ")}`;
    return keys.map((key) => this.#line([...path, key], unknown));
  }

  /** Adds that a value is missing, where the message says only what was expected. */
  #found(path: readonly PropertyKey[], message: string): string {
    const isThere = this.#at(path) !== undefined;
    return isThere || !message.startsWith("expected") ? message : `missing; ${message}`;
  }

  #line(path: readonly PropertyKey[], message: string): string {
    const { file } = this.#options;
    const line = this.#lineOf(path);
    const where = formatPath(path);
    return `${file}${line === undefined ? "" : `:${line}`}: ${where === "" ? "" : `${where}: `}${message}`;
  }

  /** The line of the value at `path`, or of its nearest ancestor in the file. */
  #lineOf(path: readonly PropertyKey[]): number | undefined {
    for (let length = path.length; length > 0; length--) {
      const node = this.#at(path.slice(0, length)) as { range?: [number] } | null | undefined;
      if (node?.range !== undefined) return this.#options.lines.linePos(node.range[0]).line;
    }
    return undefined;
  }

  /** What is at `path`, whatever YAML makes of a name (`2024`, `true`); undefined for nothing. */
  #at(path: readonly PropertyKey[]): unknown {
    const { document } = this.#options;
    let found: unknown = document.contents;
    for (const part of path) {
      const node = isAlias(found) ? found.resolve(document) : found;
      if (isSeq(node)) found = node.items[Number(part)];
      else if (isMap(node)) found = node.items.find(({ key }) => isNamed(key, part))?.value;
      else return undefined;
    }
    return found;
  }
}

function isNamed(key: unknown, part: PropertyKey): boolean {
  return String(isScalar(key) ? key.value : key) === String(part);
}

/** Why a file could not be read, in words that follow its name. */
export function whyUnread(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code && reasons[code]) ?? code ?? message;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EACCES: "may not be read",
  EISDIR: "is a folder",
};

/** A place in any configuration: `links[]` of `links[0]`. */
export function placeOf(path: readonly PropertyKey[]): string {
  return formatPath(path).replace(/\[\d+\]/g, "[]");
}

function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "");
}
