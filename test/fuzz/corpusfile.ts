/**
 * The corpus in files, for people to read and to add to: whatever has once done harm becomes a file in a
 * folder of `test/fuzz/corpus`, is replayed first, and is what mutations start from. The folder says
 * where its files go: `multicast` and `dns` are datagrams, `stream` is octets of a connection, `tls` what a
 * TLS listener gets in place of TLS, `http` and `http2` what it gets within TLS.
 *
 * In a `.hex` file "#" begins a comment, and blanks do not count. A `.txt` file is text that follows
 * comments; its lines end as in HTTP. The first line of each file says what it is.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../support/root.ts";

export const folders = ["multicast", "dns", "stream", "tls", "http", "http2"] as const;
export type Folder = (typeof folders)[number];

export interface CorpusFile {
  readonly file: string;
  /** Its first line. */
  readonly about: string;
  readonly octets: Buffer;
}

export function readCorpus(folder: Folder): CorpusFile[] {
  const path = join(root, "test/fuzz/corpus", folder);
  return readdirSync(path)
    .sort()
    .map((file) => {
      const text = readFileSync(join(path, file), "utf8");
      const about = /^# (.+)\n/.exec(text)?.[1];
      if (about === undefined) throw new Error(`${file} does not say in its first line what it is`);
      return { file: `${folder}/${file}`, about, octets: octetsOf(file, text) };
    });
}

export function octetsIn(folder: Folder): Buffer[] {
  return readCorpus(folder).map(({ octets }) => octets);
}

function octetsOf(file: string, text: string): Buffer {
  if (file.endsWith(".txt"))
    return Buffer.from(text.replace(/^(#.*\n)+/, "").replace(/\n/g, "\r\n"));
  const digits = text.replace(/#.*$/gm, "").replace(/\s+/g, "");
  if (!/^([0-9a-f]{2})+$/i.test(digits)) throw new Error(`${file} is not whole octets in hex`);
  return Buffer.from(digits, "hex");
}
