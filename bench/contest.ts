/**
 * Servers side by side: each alone on one core, dnsperf on the other, in turns, so that other load on the
 * machine affects all of them alike.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { encode } from "../src/dns/encode.ts";
import { makeMessage } from "../src/dns/message.ts";
import { formatMasterFile } from "../src/zone/masterfile/masterformat.ts";
import { freePort } from "../test/support/freeport.ts";
import { hasTool } from "../test/support/tool.ts";
import { ORIGIN, officeQuestions, officeRecords } from "./office.ts";

export interface ContestOptions {
  readonly rounds: number;
  /** Seconds for which a server is queried in each round. */
  readonly seconds: number;
}

interface Contestant {
  readonly title: string;
  readonly tools: readonly string[];
  command(port: number, folder: string): readonly string[];
}

interface Result {
  readonly rate: number;
  /** Microseconds of processor time for each query. */
  readonly cost: number;
  readonly lost: number;
}

const program = (name: string) => join(import.meta.dirname, "programs", `${name}.js`);
const node = (name: string, ...parameters: string[]) => ({
  tools: [],
  command: (port: number) => [process.execPath, program(name), `${port}`, ...parameters],
});

const contestants: readonly Contestant[] = [
  { title: "node:dgram echo", ...node("echo") },
  { title: "dnssd-gateway", ...node("ours") },
  { title: "without counting", ...node("ours", "uncounted") },
  { title: "without ready answers", ...node("ours", "unready") },
  { title: "dns2", ...node("dns2") },
  {
    title: "BIND, one worker",
    tools: ["named"],
    command(port, folder) {
      const zone = `zone "${ORIGIN}" { type primary; file "${join(folder, "zone")}"; }`;
      const options = [
        `directory "${folder}"`,
        `pid-file none`,
        `session-keyfile "${join(folder, "session.key")}"`,
        `listen-on port ${port} { 127.0.0.1; }`,
        "listen-on-v6 { none; }",
        "recursion no",
        "max-records-per-type 0",
      ];
      const path = join(folder, "named.conf");
      const controls = "controls { };";
      writeFileSync(path, `${controls}\noptions { ${options.join("; ")}; };\n${zone};\n`);
      return ["named", "-g", "-n", "1", "-c", path];
    },
  },
];

/** Prints a table. */
export async function contest(options: ContestOptions, print: (line: string) => void) {
  const missing = ["dnsperf", "taskset"].filter((tool) => !hasTool(tool));
  if (missing.length > 0) return print(`Contest of servers skipped: needs ${missing.join(", ")}.`);
  const folder = mkdtempSync(join(tmpdir(), "dnssd-gateway-bench-"));
  const running: ChildProcess[] = [];
  try {
    writeFileSync(join(folder, "zone"), formatMasterFile(officeRecords(), ORIGIN));
    writeFileSync(join(folder, "questions"), `${officeQuestions().join("\n")}\n`);
    const entries: { title: string; port: number; pid: number; results: Result[] }[] = [];
    for (const { title, tools, command } of contestants) {
      if (!tools.every(hasTool)) {
        print(`${title} skipped: needs ${tools.join(", ")}.`);
        continue;
      }
      const port = await freePort();
      const [name = "", ...rest] = ["taskset", "-c", "0", ...command(port, folder)];
      const child = spawn(name, rest, { stdio: "ignore" });
      running.push(child);
      await answering(port, child);
      entries.push({ title, port, pid: child.pid!, results: [] });
    }
    // The first round fills caches and lets compilers finish; it does not count.
    for (let round = 0; round <= options.rounds; round++) {
      for (const { port, pid, results } of entries) {
        const result = await measure(port, pid, folder, options.seconds);
        if (round > 0) results.push(result);
      }
    }
    printTable(entries, print);
  } finally {
    for (const child of running) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(port: number, pid: number, folder: string, seconds: number) {
  const before = processorTime(pid);
  const { stdout } = await promisify(execFile)("taskset", [
    ...["-c", "1", "dnsperf", "-s", "127.0.0.1", "-p", `${port}`, "-l", `${seconds}`],
    ...["-d", join(folder, "questions"), "-c", "4", "-q", "100", "-e"],
  ]);
  const spent = processorTime(pid) - before;
  const number = (label: string) => Number(new RegExp(`${label}: +([\\d.]+)`).exec(stdout)?.[1]);
  const completed = number("Queries completed");
  return {
    rate: number("Queries per second"),
    cost: (spent / completed) * 1e6,
    lost: number("Queries lost"),
  };
}

/** Seconds of processor time of a process, which the kernel counts in hundredths (proc(5)). */
export function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function printTable(
  entries: readonly { title: string; results: readonly Result[] }[],
  print: (line: string) => void,
): void {
  const echo = entries.find(({ title }) => title.includes("echo"))?.results ?? [];
  print(`${"server".padEnd(24)}${"queries/s".padStart(11)}${"of echo".padStart(9)}   µs/query`);
  for (const { title, results } of entries) {
    const rate = median(results.map((each) => each.rate));
    const ratio = median(results.map((each, round) => each.rate / echo[round]!.rate));
    const cost = median(results.map((each) => each.cost));
    const lost = results.reduce((sum, each) => sum + each.lost, 0);
    print(
      title.padEnd(24) +
        Math.round(rate).toLocaleString("en").padStart(11) +
        ratio.toFixed(2).padStart(9) +
        cost.toFixed(1).padStart(11) +
        (lost > 0 ? `   ${lost} lost` : ""),
    );
  }
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Resolves as soon as something answers at the port. */
export async function answering(port: number, child: ChildProcess): Promise<void> {
  const socket = createSocket("udp4");
  const octets = encode(makeMessage({ questions: [{ name: ORIGIN, type: 6, class: 1 }] }));
  let isUp = false;
  socket.on("message", () => {
    isUp = true;
  });
  for (let tries = 0; !isUp; tries++) {
    if (child.exitCode !== null || tries > 200)
      throw new Error(`${child.spawnargs} does not answer`);
    socket.send(octets, port, "127.0.0.1");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  socket.close();
}
