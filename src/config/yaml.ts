/**
 * Reads the YAML of a configuration. Reports, by line, what YAML refuses, and what it would take for text
 * although nobody means it: `*:53`, “paris”, a space that is not one.
 */
import { type Document, type ErrorCode, LineCounter, parseDocument, visit } from "yaml";
import { ConfigError } from "./mistakes.ts";

export interface Yaml {
  readonly document: Document;
  readonly lines: LineCounter;
}

interface Mistake {
  /** Where in the text. */
  readonly at: number;
  readonly message: string;
}

/** `file` stands in front of each mistake. Throws ConfigError. */
export function parseYaml(text: string, file: string): Yaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf = ({ at }: Mistake) => lines.linePos(at).line;
  const strange = [...strayAliases(document), ...typographicMarks(document)];
  // Such a mark is also why YAML does not understand its line.
  const strangeLines = new Set(strange.map(lineOf));
  const refused = document.errors
    .map(({ pos, code, message }) => ({ at: pos[0], message: plainWords[code] ?? message }))
    .filter((mistake) => !strangeLines.has(lineOf(mistake)));
  const all = [...refused, ...strange];
  if (all.length === 0) return { document, lines };
  throw new ConfigError(all.map((each) => `${file}:${lineOf(each)}: ${each.message}`));
}

/** Where the parser's own messages are for programmers. */
const plainWords: Readonly<Partial<Record<ErrorCode, string>>> = {
  DUPLICATE_KEY: "a duplicate field; expected each once",
  MULTIPLE_DOCS: "a second document; expected one in a file",
};

/** YAML reads text that begins with * as a reference to something above: `*:53`, `*-test`. */
function strayAliases(document: Document): Mistake[] {
  const found: Mistake[] = [];
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      const message = `*${alias.source} refers to nothing above; expected it in quotes, "*${alias.source}"`;
      found.push({ at: alias.range?.[0] ?? 0, message });
    },
  });
  return found;
}

/** What word processors and web pages put in place of quotes and spaces. In quotes of YAML it is meant. */
function typographicMarks(document: Document): Mistake[] {
  const found: Mistake[] = [];
  visit(document, {
    Scalar(_, { type, source = "", range }) {
      if (type !== "PLAIN" || range == null) return;
      const message = whyNotMeant(source);
      if (message !== undefined) found.push({ at: range[0], message });
    },
  });
  return found;
}

function whyNotMeant(text: string): string | undefined {
  if (QUOTED.test(text)) return `${text}: to YAML such quotes are text; expected "…"`;
  if (!UNSEEN_AT_END.test(text)) return undefined;
  const [line = ""] = text.replace(UNSEEN, "·").split("\n");
  return `"${line}": to YAML the space or mark at each · is text; expected plain spaces, or "…" around it`;
}

const QUOTED =
  /^[\u201c-\u201e\u2018-\u201a\u00ab\u00bb].*[\u201c-\u201e\u2018-\u201a\u00ab\u00bb]$/;
/** A no-break space, a space without width, a mark of byte order. Between words of a name they may be meant. */
const UNSEEN = /[\u00a0\u200b\ufeff]/g;
const UNSEEN_AT_END = /^[\u00a0\u200b\ufeff]|[\u00a0\u200b\ufeff]$|:\u00a0|\u00a0#/;
