/**
 * Durable updates a second, beside BIND and Knot: three records each, signed, over TCP, by 1, 16 and
 * 256 clients. Each server in turn, with the same load, its files on the same file system.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Type } from "../src/dns/constants.ts";
import { Name } from "../src/dns/name.ts";
import { rdata } from "../src/dns/rdata.ts";
import type { RecordSet } from "../src/dns/record.ts";
import type { TsigKey } from "../src/dns/tsig.ts";
import { formatMasterFile } from "../src/zone/masterfile.ts";
import { hasTool } from "../test/support/tool.ts";
import { answering, freePort, median, processorTime } from "./contest.ts";

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
}

/** What `programs/updater.ts` is told, and tells. */
export interface UpdaterOptions {
  readonly port: number;
  readonly clients: number;
  readonly seconds: number;
  /** Of the names it adds. */
  readonly prefix: string;
  /** It sends no more updates than this. */
  readonly most: number;
}
export interface UpdaterResult {
  /** Updates a second, of those done. */
  readonly rate: number;
  readonly refused: number;
  /** It had no more updates to send before its time was over. */
  readonly isExhausted: boolean;
  /** Milliseconds from an update to its answer. */
  readonly median: number;
  readonly late: number;
}

const CLIENTS = [1, 16, 256];

interface Contestant {
  readonly title: string;
  readonly tools: readonly string[];
  /** Its configuration is written to `folder`, which has the zone file, and its zone lives there. */
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
        // Otherwise each update writes the zone file anew.
        template: [{ id: "default", storage: folder, "zonefile-sync": -1 }],
        zone: [{ domain: `${ORIGIN}`, file: "zone", acl: "bench" }],
      };
      // JSON is YAML, or nearly so.
      writeFileSync(path, knotConfiguration(config));
      return ["knotd", "-c", path];
    },
  },
];

/** Prints a table. */
export async function updates(options: UpdatesOptions, print: (line: string) => void) {
  const folder = mkdtempSync(join(tmpdir(), "dnssd-gateway-bench-"));
  const entries: Entry[] = [];
  try {
    for (const contestant of contestants) {
      const missing = contestant.tools.filter((tool) => !hasTool(tool));
      if (missing.length > 0) print(`${contestant.title} skipped: needs ${missing.join(", ")}.`);
      else entries.push(await start(contestant, join(folder, contestant.title)));
    }
    // Few clients first, while the zones are small. The first round of each number lets compilers
    // finish and does not count.
    for (const clients of CLIENTS) {
      for (let round = 0; round <= options.rounds; round++) {
        for (const entry of entries) {
          await quiet(entries);
          await measure(entry, clients, round, options.seconds);
        }
      }
    }
    printTable(entries, print);
  } finally {
    for (const { child } of entries) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Until what the last measurement has left to do is done: it would count against the next. */
async function quiet(entries: readonly Entry[]): Promise<void> {
  const spent = () => entries.reduce((sum, { child }) => sum + processorTime(child.pid!), 0);
  for (let tries = 0; tries < 20; tries++) {
    const before = spent();
    await new Promise((resolve) => setTimeout(resolve, 500));
    if (spent() - before < 0.02) return;
  }
}

interface Entry {
  readonly title: string;
  readonly port: number;
  readonly child: ChildProcess;
  /** By the number of clients. */
  readonly results: Map<number, UpdaterResult[]>;
}

async function start({ title, command }: Contestant, folder: string): Promise<Entry> {
  mkdirSync(folder);
  writeFileSync(join(folder, "zone"), formatMasterFile(zoneRecords(), ORIGIN));
  const port = await freePort();
  const [name = "", ...rest] = command(port, folder);
  const child = spawn(name, rest, { stdio: "ignore" });
  await answering(port, child);
  return { title, port, child, results: new Map(CLIENTS.map((clients) => [clients, []])) };
}

async function measure(
  { title, port, results }: Entry,
  clients: number,
  round: number,
  seconds: number,
): Promise<void> {
  const options: UpdaterOptions = {
    ...{ port, clients, seconds },
    prefix: `r${round}-${clients}`,
    most: MOST_PER_SECOND * seconds,
  };
  const { stdout } = await promisify(execFile)(process.execPath, [
    program("updater"),
    JSON.stringify(options),
  ]);
  const result = JSON.parse(stdout) as UpdaterResult;
  if (result.refused > 0) throw new Error(`${title} refused ${result.refused} updates`);
  if (result.isExhausted) throw new Error(`${title} took all updates before its time was over`);
  if (round > 0) results.get(clients)!.push(result);
}

/** More than any of them does. */
const MOST_PER_SECOND = 15_000;

function printTable(entries: readonly Entry[], print: (line: string) => void): void {
  const best = (clients: number, pick: (result: UpdaterResult) => number, { results }: Entry) =>
    median(results.get(clients)!.map(pick));
  print(`${"updates/s".padEnd(16)}${entries.map(({ title }) => title.padStart(28)).join("")}`);
  for (const clients of CLIENTS) {
    const [ours] = entries;
    const cells = entries.map((entry) => {
      const rate = best(clients, (result) => result.rate, entry);
      const own = best(clients, (result) => result.rate, ours!);
      const times = entry === ours ? "" : ` (ours ${(own / rate).toFixed(1)}×)`;
      const late = best(clients, (result) => result.late, entry);
      return `${Math.round(rate).toLocaleString("en")}${times} ${late.toFixed(0)} ms`.padStart(28);
    });
    print(`${`${clients} clients`.padEnd(16)}${cells.join("")}`);
  }
  print("ms: 99 of 100 answers came sooner");
}

/** SOA and NS with the address of the server. */
export function zoneRecords(): RecordSet[] {
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
  return [
    { name: ORIGIN, type: Type.SOA, ttl: 10, rdatas: [soa] },
    { name: ORIGIN, type: Type.NS, ttl: 10, rdatas: [rdata.ns(ns)] },
    { name: ns, type: Type.A, ttl: 10, rdatas: [rdata.a("127.0.0.1")] },
  ];
}

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
