/** Makes foreign text safe for a terminal: what would drive it, or turn text round, becomes `\uXXXX`. */
export function forTerminal(text: string): string {
  return text.replace(DRIVING, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** C0 but for line feeds, C1 (ECMA-48 §5), line separators and directions (UAX #9). */
const DRIVING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
