import type { Token } from "../../src/dns/words.ts";

/** The words of one line of a master file, without comments and parentheses. */
export function wordsOf(line: string): Token[] {
  const word = /"((?:[^"\\]|\\.)*)"|((?:[^\s"\\]|\\.|"(?:[^"\\]|\\.)*")+)/gs;
  return [...line.matchAll(word)].map(([, quoted, plain]) =>
    quoted === undefined ? { text: plain!, isQuoted: false } : { text: quoted, isQuoted: true },
  );
}
