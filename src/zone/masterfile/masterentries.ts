/**
 * Splits a master file into entries and words (RFC 1035 §5.1). An entry is a line, or several held
 * together by parentheses. Comments are dropped; escapes stay, for the parser of the field they are in.
 */
import type { Token } from "../../dns/words.ts";

export interface Entry {
  /** The line it starts on, counted from 1. */
  readonly line: number;
  /** True if it starts with a blank, so that its owner is that of the previous entry. */
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

  /** Quotes begin and end a word, as in BIND; undefined if they do not end on the same line. */
  #word(): Token | undefined {
    const isQuoted = this.#text[this.#at] === '"';
    if (isQuoted) this.#at++;
    const start = this.#at;
    let end = this.#skipTo(isQuoted ? QUOTED_END : WORD_END);
    while (end === "\\") {
      // An escaped character is part of the word, unless it is the end of the line.
      this.#at += this.#text[this.#at + 1] === "\n" ? 1 : 2;
      end = this.#skipTo(isQuoted ? QUOTED_END : WORD_END);
    }
    const text = this.#text.slice(start, this.#at);
    if (!isQuoted) return { text, isQuoted };
    if (end !== '"') return undefined;
    this.#at++;
    return { text, isQuoted };
  }

  /** Moves to the next of these characters and returns it; undefined at the end. */
  #skipTo(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    this.#at = match?.index ?? this.#text.length;
    return match?.[0];
  }
}

/** What ends a word, or a backslash, after which nothing does. */
const WORD_END = /[ \t\r\n;()"\\]/g;
const QUOTED_END = /["\n\\]/g;
