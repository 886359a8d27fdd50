/**
 * Durable updates a second, beside BIND, Knot, and what a program without DNS can do: three records each,
 * signed, over TCP, by 1, 16 and 256 clients that wait for each answer, and by one that keeps 64 in flight.
 * Each server in turn, with the same load, its files on the same file system. On request the zone is large
 * from the start, or each sync takes longer, as on other disks.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Type } from "../src/dns/constants.ts";
import { Name } from "../src/dns/name.ts";
import { rdata } from "../src/dns/rdata.ts";
import type { RecordSet } from "../src/dns/record.ts";
import type { TsigKey } from "../src/dns/tsig.ts";
import { formatMasterFile } from "../src/zone/masterfile/masterformat.ts";
import { freePort } from "../test/support/freeport.ts";
import { hasTool } from "../test/support/tool.ts";
import { answering, median, processorTime } from "./contest.ts";
import { slowDisk } from "./slowdisk.ts";

export const ORIGIN = Name.parse("bonjour.example.com.");

export const key: TsigKey = {
  name: Name.parse("bench."),
  algorithm: "hmac-sha256",
  secret: Buffer.alloc(32, "no secret at all"),
};

export interface UpdatesOptions {
  readonly rounds: number;
  /** Seconds of each measurement. */
  readonly seconds: number;
  /** Milliseconds that each sync takes longer. */
  readonly sync: number;
  /** Records in the zone at the start. */
  readonly records: number;
}

/** The parameters and the result of `programs/updater.ts`. */
export interface UpdaterOptions {
  readonly port: number;
  readonly clients: number;
  /** Updates that each client keeps in flight. */
  readonly underWay: number;
  readonly seconds: number;
  /** Of the names that it adds. */
  readonly prefix: string;
  /** The most updates to send; once they are answered it is done. */
  readonly most: number;
}
export interface UpdaterResult {
  /** Successful updates a second. */
  readonly rate: number;
  readonly refused: number;
  /** Milliseconds from an update to its answer. */
  readonly median: number;
  readonly late: number;
}

type Load = Pick<UpdaterOptions, "clients" | "underWay">;

const loads: readonly Load[] = [
  { clients: 1, underWay: 1 },
  { clients: 1, underWay: 64 },
  { clients: 16, underWay: 1 },
  { clients: 256, underWay: 1 },
];
const warmUp: Load = { clients: 64, underWay: 1 };
/** The prefix of the names there at the start; clients use others. */
const PRESENT = "p";

interface Contestant {
  readonly title: string;
  readonly tools: readonly string[];
  /** Writes its configuration to `folder`, which has the zone file and holds the zone. */
  command(port: number, folder: string): readonly string[];
}

const secret = Buffer.from(key.secret).toString("base64");
const program = (name: string) => join(import.meta.dirname, "programs", `${name}.js`);

const contestants: readonly Contestant[] = [
  {
    title: "dnssd-gateway",
    tools: [],
    command: (port, folder) => [process.execPath, program("primary"), `${port}`, folder],
  },
  {
    title: "BIND",
    tools: ["named"],
    command(port, folder) {
      const path = join(folder, "named.conf");
      const options = [
        `directory "${folder}"`,
        "pid-file none",
        `session-keyfile "${join(folder, "session.key")}"`,
        `listen-on port ${port} { 127.0.0.1; }`,
        "listen-on-v6 { none; }",
        "recursion no",
        "notify no",
        "tcp-clients 1000",
        "update-quota 1000",
        "max-records-per-type 0",
        // Otherwise the journal is cut to twice the size of the zone, again and again.
        "max-journal-size unlimited",
      ];
      const zone = [
        `type primary`,
        `file "${join(folder, "zone")}"`,
        "allow-update { key bench; }",
      ];
      const text = [
        "controls { };",
        `key bench { algorithm ${key.algorithm}; secret "${secret}"; };`,
        `options { ${options.join("; ")}; };`,
        `zone "${ORIGIN}" { ${zone.join("; ")}; };`,
      ];
      writeFileSync(path, text.join("\n"));
      return ["named", "-g", "-c", path];
    },
  },
  {
    title: "Knot",
    tools: ["knotd"],
    command(port, folder) {
      const path = join(folder, "knot.conf");
      const config = {
        server: { listen: `127.0.0.1@${port}`, rundir: folder, "tcp-max-clients": 1000 },
        log: [{ target: "stderr", any: "error" }],
        database: { storage: folder },
        key: [{ id: "bench", algorithm: key.algorithm, secret }],
        acl: [{ id: "bench", key: "bench", action: "update" }],
        // Otherwise each update rewrites the zone file.
        template: [{ id: "default", storage: folder, "zonefile-sync": -1 }],
        zone: [{ domain: `${ORIGIN}`, file: "zone", acl: "bench" }],
      };
      // JSON is YAML, or nearly so.
      writeFileSync(path, knotConfiguration(config));
      return ["knotd", "-c", path];
    },
  },
  {
    title: "node:net, synced",
    tools: [],
    command: (port, folder) => [process.execPath, program("synced"), `${port}`, folder],
  },
];

/** Prints a table. */
export async function updates(options: UpdatesOptions, print: (line: string) => void) {
  const present = contestants.filter(({ title, tools }) => {
    const missing = tools.filter((tool) => !hasTool(tool));
    if (missing.length > 0) print(`${title} skipped: needs ${missing.join(", ")}.`);
    return missing.length === 0;
  });
  print(`${"updates/s".padEnd(12)}${present.map(({ title }) => title.padStart(WIDTH)).join("")}`);
  for (const load of loads) print(line(load, await contestOf(present, load, options)));
  print("×: how many times as many we do; ms: 99 of 100 answers came sooner");
}

/** In turns, so that other load on the machine affects all of them alike. */
async function contestOf(
  present: readonly Contestant[],
  load: Load,
  options: UpdatesOptions,
): Promise<readonly Entry[]> {
  const entries = present.map((contestant): Entry => ({ contestant, results: [] }));
  for (let round = 0; round < options.rounds; round++) {
    for (const { contestant, results } of entries)
      results.push(await runOf(contestant, load, options));
  }
  return entries;
}

/**
 * Measures a server just started, with a new zone, so that what it has to keep, and has left to do, is of
 * this run alone. Many clients come first, so that compilers are done, as in a server that has been up for a
 * while.
 */
async function runOf(
  contestant: Contestant,
  load: Load,
  { seconds, sync, records }: UpdatesOptions,
): Promise<UpdaterResult> {
  const folder = mkdtempSync(join(tmpdir(), "dnssd-gateway-bench-"));
  let child: ChildProcess | undefined;
  try {
    writeFileSync(join(folder, "zone"), formatMasterFile(zoneRecords(records), ORIGIN));
    const port = await freePort();
    const [name = "", ...rest] = contestant.command(port, folder);
    const env = { ...process.env, ...slowDisk(sync, folder) };
    child = spawn(name, rest, { stdio: "ignore", env });
    await answering(port, child);
    const { title } = contestant;
    const { rate } = await measure(title, { port, ...warmUp, seconds, prefix: "w", most: FIRST });
    await quiet(child);
    const most = Math.ceil(3 * Math.max(rate, 1000) * seconds);
    return await measure(title, { port, ...load, seconds, prefix: "u", most });
  } finally {
    child?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Waits until the work left by the last measurement is done: it would count against the next. */
async function quiet({ pid }: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    const before = processorTime(pid!);
    await new Promise((resolve) => setTimeout(resolve, 500));
    if (processorTime(pid!) - before < 0.02) return;
  }
}

interface Entry {
  readonly contestant: Contestant;
  readonly results: UpdaterResult[];
}

/** `options.most` updates are signed beforehand. */
async function measure(title: string, options: UpdaterOptions): Promise<UpdaterResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    program("updater"),
    JSON.stringify(options),
  ]);
  const result = JSON.parse(stdout) as UpdaterResult;
  if (result.refused > 0) throw new Error(`${title} refused ${result.refused} updates`);
  return result;
}

/** The most updates to warm up with. */
const FIRST = 30_000;

function line({ clients, underWay }: Load, entries: readonly Entry[]): string {
  const rates = entries.map(({ results }) => median(results.map(({ rate }) => rate)));
  const cells = entries.map(({ results }, i) => {
    const times = i === 0 ? "" : ` (${(rates[0]! / rates[i]!).toFixed(1)}×)`;
    const late = median(results.map(({ late }) => late));
    const rate = Math.round(rates[i]!).toLocaleString("en");
    return `${rate}${times} ${late.toFixed(0)} ms`.padStart(WIDTH);
  });
  return `${clients} × ${underWay}`.padEnd(12) + cells.join("");
}

const WIDTH = 24;

/** SOA and NS with the address of the server, and so many records of services. */
export function zoneRecords(present: number): RecordSet[] {
  const ns = Name.parse("ns", ORIGIN);
  const soa = rdata.soa({
    mname: ns,
    rname: Name.parse("hostmaster", ORIGIN),
    serial: 1,
    refresh: 7200,
    retry: 3600,
    expire: 86_400,
    minimum: 10,
  });
  const sets: RecordSet[] = [
    { name: ORIGIN, type: Type.SOA, ttl: 10, rdatas: [soa] },
    { name: ORIGIN, type: Type.NS, ttl: 10, rdatas: [rdata.ns(ns)] },
    { name: ns, type: Type.A, ttl: 10, rdatas: [rdata.a("127.0.0.1")] },
  ];
  for (let i = 0; i < present / RECORDS; i++) sets.push(...serviceSets(PRESENT, i));
  return sets;
}

/** A service as a collector registers it: three records. */
export function serviceSets(prefix: string, number: number): RecordSet[] {
  const host = Name.parse(`${prefix}-${number}`, ORIGIN);
  const instance = Name.parse(`User-${prefix}-${number}._presence._tcp`, ORIGIN);
  const address = rdata.a(`10.1.${(number >> 8) & 255}.${number & 255}`);
  return [
    { name: instance, type: Type.SRV, ttl: 10, rdatas: [rdata.srv(0, 0, 5298, host)] },
    { name: instance, type: Type.TXT, ttl: 10, rdatas: [rdata.txt("txtvers=1", "status=avail")] },
    { name: host, type: Type.A, ttl: 10, rdatas: [address] },
  ];
}

/** In a service. */
const RECORDS = 3;

/** Sections of one item or of a list, in the YAML that Knot reads. */
function knotConfiguration(config: Readonly<Record<string, object | readonly object[]>>): string {
  const lines: string[] = [];
  for (const [section, items] of Object.entries(config)) {
    lines.push(`${section}:`);
    for (const item of Array.isArray(items) ? items : [items]) {
      const fields = Object.entries(item as object).map(([field, value]) => `${field}: ${value}`);
      const [first = "", ...rest] = fields;
      lines.push(Array.isArray(items) ? `  - ${first}` : `    ${first}`);
      for (const field of rest) lines.push(`    ${field}`);
    }
  }
  return `${lines.join("\n")}\n`;
}
