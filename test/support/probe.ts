/**
 * A program that prints what the links of this host hear, one JSON object a line, and sends what it reads
 * from standard input: `LINK HEX` to the group, `LINK HEX FAMILY ADDRESS` to one host. Its parameters are the
 * interfaces to use; without any, it uses all. With `--guest` before them it is a guest.
 */
import { createInterface } from "node:readline";
import { systemClock } from "../../src/clock.ts";
import type { Link } from "../../src/net/links/link.ts";
import { multicastLinks } from "../../src/net/links/multicast.ts";

const print = (event: string, fields: object) =>
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
const write = (level: string) => (fields: object, fact: string) =>
  print("log", { level, fact, ...fields });
const log = {
  debug: write("debug"),
  info: write("info"),
  warn: write("warn"),
  error: write("error"),
};

const life = new AbortController();
const links = new Map<string, Link>();
const isGuest = process.argv[2] === "--guest";
const names = process.argv.slice(isGuest ? 3 : 2);
const interfaces = names.length > 0 ? names : undefined;

multicastLinks({ clock: systemClock, log, interfaces, isGuest }).follow((link, gone) => {
  links.set(link.name, link);
  const facts = () => ({ link: link.name, addresses: link.addresses, isShared: link.isShared });
  print("came", { ...facts(), payload: link.payload });
  link.listen(({ bytes, ...from }) => {
    print("packet", { ...facts(), ...from, hex: Buffer.from(bytes).toString("hex") });
  }, gone);
  gone.addEventListener("abort", () => print("went", { link: link.name }));
}, life.signal);

createInterface(process.stdin).on("line", (line) => {
  const [name = "", hex = "", family, address] = line.split(" ");
  const to = family && { family: +family as 4 | 6, ...(address && { address }) };
  links.get(name)?.send(Buffer.from(hex, "hex"), to || undefined);
});
process.once("SIGTERM", () => {
  life.abort();
  process.stdin.destroy();
});
