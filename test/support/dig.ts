/** BIND's dig and Knot's kdig as clients, with their answers as records, octet for octet. */
import { parseClass, parseType } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { parseRdata } from "../../src/dns/rdata.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import type { Host } from "./lab.ts";

export interface Reply {
  /** "NOERROR", "NXDOMAIN", … */
  readonly status: string;
  /** "qr aa rd". */
  readonly flags: readonly string[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  readonly additionals: readonly ResourceRecord[];
  /** Milliseconds from question to answer, as the client reports. */
  readonly time: number;
  readonly text: string;
}

export interface Question {
  readonly server: string;
  /** Absolute, in master file text. */
  readonly name: string;
  readonly type: string;
  readonly options?: readonly string[];
}

/** Rdata is printed in the form of RFC 3597, so that no presentation format is between it and the test. */
export async function dig(
  host: Host,
  { server, name, type, options = [] }: Question,
): Promise<Reply> {
  const text = await host.succeed([
    ...["dig", "-u", `@${server}`, "-t", type, "-q", name],
    ...["+unknownformat", "+norec", "+tries=1", "+time=5", ...options],
  ]);
  return readReply(text);
}

export async function kdig(
  host: Host,
  { server, name, type, options = [] }: Question,
): Promise<Reply> {
  const text = await host.succeed([
    ...["kdig", `@${server}`, "+generic", "+noidn", "+norec", "+retry=0", "+time=5", ...options],
    ...["-t", type, "-q", name],
  ]);
  return readReply(text);
}

function readReply(text: string): Reply {
  const section = (name: string) => {
    const from = text.indexOf(`;; ${name} SECTION:\n`);
    if (from < 0) return [];
    const lines = text.slice(from).split("\n").slice(1);
    const end = lines.findIndex((line) => line === "" || line.startsWith(";;"));
    return lines.slice(0, end).flatMap((line) => (line.startsWith(";") ? [] : [readRecord(line)]));
  };
  const time = /;; Query time: (\d+) (usec|msec)|in (\d+(?:\.\d+)?) ms/.exec(text);
  return {
    status: /status: (\w+)/.exec(text)?.[1] ?? "",
    flags: /flags: ([\w ]*)/i.exec(text)?.[1]?.trim().split(" ") ?? [],
    answers: section("ANSWER"),
    authorities: section("AUTHORITY"),
    additionals: section("ADDITIONAL"),
    time:
      time === null ? Number.NaN : Number(time[1] ?? time[3]) / (time[2] === "usec" ? 1_000 : 1),
    text,
  };
}

/** `name ttl class type \# length hex…`. */
function readRecord(line: string): ResourceRecord {
  const [name = "", ttl, klass = "", typeText = "", hash, length, ...hex] = line
    .trim()
    .split(/\s+/);
  const type = parseType(typeText);
  const bytes = Buffer.from(hex.join(""), "hex");
  if (hash !== "\\#" || type === undefined || bytes.length !== Number(length)) {
    throw new Error(`not a record in unknown format: ${line}`);
  }
  return {
    ...{ name: Name.parse(name), type, class: parseClass(klass)!, ttl: Number(ttl) },
    rdata: parseRdata(type, bytes),
  };
}
