/**
 * A master file cut into entries and words (RFC 1035 §5.1): an entry is a line, or several where
 * parentheses hold them together; comments go, escapes stay for those who know what they are in.
 */
import type { Token } from "../../dns/words.ts";

export interface Entry {
  /** Where it starts, counted from 1. */
  readonly line: number;
  /** It starts with a blank, so its owner is that of the entry before. */
  readonly isIndented: boolean;
  readonly words: readonly Token[];
  /** What is wrong with it as a whole. */
  readonly mistake?: string;
}

/** Entries without words are left out. */
export function* readEntries(text: string): Generator<Entry> {
  const reader = new EntryReader(text);
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    if (entry.words.length > 0 || entry.mistake !== undefined) yield entry;
  }
}

class EntryReader {
  readonly #text: string;
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  next(): Entry | undefined {
    if (this.#at >= this.#text.length) return undefined;
    const line = this.#line;
    const isIndented = /[ \t]/.test(this.#text[this.#at]!);
    const words: Token[] = [];
    let mistake: string | undefined;
    for (let depth = 0; ; ) {
      const character = this.#text[this.#at];
      if (character === undefined) {
        if (depth > 0) mistake ??= 'the file ends inside parentheses, expected ")"';
        break;
      }
      if (character === "\n") {
        this.#at++;
        this.#line++;
        if (depth === 0) break;
      } else if (character === ";") {
        this.#skipTo(/\n/g);
      } else if (character === "(" || character === ")") {
        this.#at++;
        depth += character === "(" ? 1 : -1;
        if (depth < 0) mistake ??= '")" stands without "("';
        depth = Math.max(depth, 0);
      } else if (/[ \t\r]/.test(character)) {
        this.#at++;
      } else {
        const word = this.#word();
        if (word === undefined)
          mistake ??= "a quoted string does not end on its line, expected '\"'";
        else words.push(word);
      }
    }
    return mistake === undefined
      ? { line, isIndented, words }
      : { line, isIndented, words, mistake };
  }

  /** Quotes begin a word and end it, as in BIND; undefined when they do not end on the line. */
  #word(): Token | undefined {
    const isQuoted = this.#text[this.#at] === '"';
    if (isQuoted) this.#at++;
    const start = this.#at;
    let end = this.#skipTo(isQuoted ? QUOTED_END : WORD_END);
    while (end === "\\") {
      // What is escaped is part of the word, but for the end of the line.
      this.#at += this.#text[this.#at + 1] === "\n" ? 1 : 2;
      end = this.#skipTo(isQuoted ? QUOTED_END : WORD_END);
    }
    const text = this.#text.slice(start, this.#at);
    if (!isQuoted) return { text, isQuoted };
    if (end !== '"') return undefined;
    this.#at++;
    return { text, isQuoted };
  }

  /** Moves to the next of these characters and gives it; undefined at the end. */
  #skipTo(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    this.#at = match?.index ?? this.#text.length;
    return match?.[0];
  }
}

/** Or a backslash, behind which nothing ends. */
const WORD_END = /[ \t\r\n;()"\\]/g;
const QUOTED_END = /["\n\\]/g;
